-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Mail that a person gets once ever, at most: where their address comes from (GDPR 14), and one question whether
-- the account may go on. Moments are microseconds since 1970 UTC; 0 means "not".
CREATE TABLE once (
  account_id      BIGINT NOT NULL,
  contact_id      BIGINT NOT NULL,
  list_id         BIGINT NOT NULL,             -- the list they are asked about; 0: they are told where their address comes from
  id              BIGINT NOT NULL,             -- what its mail names
  state           {text} NOT NULL CHECK (state IN ('wanted', 'queued', 'done', 'left_out', 'failed', 'doubt')),
  reason          {text} NOT NULL DEFAULT '',  -- why it was left out
  run_id          BIGINT NOT NULL DEFAULT 0,   -- which act wanted it; 0: the house did, or a campaign told it
  import_id       BIGINT NOT NULL DEFAULT 0,   -- what they came by
  campaign_id     BIGINT NOT NULL DEFAULT 0,   -- whose message told it at its top
  message_id      BIGINT NOT NULL DEFAULT 0,   -- the mail of its own
  note_version_id BIGINT NOT NULL DEFAULT 0,   -- the privacy note it names
  language        {text} NOT NULL DEFAULT '',
  answer          {text} NOT NULL DEFAULT '',  -- to the question: yes, no
  made_at         BIGINT NOT NULL,
  at              BIGINT NOT NULL DEFAULT 0,   -- the sending service took it
  answered_at     BIGINT NOT NULL DEFAULT 0,
  entry_id        BIGINT NOT NULL DEFAULT 0,
  entry_index     INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (account_id, contact_id, list_id)
);
CREATE UNIQUE INDEX once_id ON once (account_id, id);
CREATE INDEX once_waits ON once (account_id, id) WHERE state IN ('wanted', 'queued');
CREATE INDEX once_import ON once (account_id, import_id, list_id, state) WHERE import_id <> 0;

-- An act of a member: tell the people of an import, or ask the people of a list.
CREATE TABLE once_run (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  kind       {text} NOT NULL CHECK (kind IN ('tell', 'ask')),
  list_id    BIGINT NOT NULL,
  import_id  BIGINT NOT NULL,                  -- 0: everybody on the list
  after_id   BIGINT NOT NULL DEFAULT 0,        -- how far it came; 0 once it has ended
  people     BIGINT NOT NULL DEFAULT 0,        -- who will get it
  made_by    BIGINT NOT NULL,
  made_at    BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL DEFAULT 0,
  entry_id   BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX once_run_list ON once_run (account_id, list_id, kind, id);

-- An account that does not want people told by itself before the month ends says so here.
CREATE TABLE once_switch (
  account_id BIGINT NOT NULL PRIMARY KEY,
  by_itself  {bool} NOT NULL,
  at         BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL
);

-- What the messages of a batch told: GDPR 14 at the top names this version.
ALTER TABLE campaign_batch ADD COLUMN note_version_id BIGINT NOT NULL DEFAULT 0;
CREATE INDEX contact_notice ON contact (account_id, notice_due_at, id) WHERE notice_due_at > 0;
