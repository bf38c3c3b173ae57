-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Who writes (senders, domains with their DKIM keys), campaigns, and the send ledger.
-- Moments are microseconds since 1970 UTC; 0 means "not".

CREATE TABLE sender_domain (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  name       {text} NOT NULL,               -- A-labels, lower case
  selector   {text} NOT NULL,
  key_ct     {bytes} NOT NULL,              -- RSA-2048, PKCS #8, under the account's key
  record     {text} NOT NULL,               -- the TXT record to publish
  made_at    BIGINT NOT NULL,
  checked_at BIGINT NOT NULL DEFAULT 0,     -- when its DNS was last looked at
  found_at   BIGINT NOT NULL DEFAULT 0,     -- when the record was last seen there; 0 when the last look did not find it
  retired_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX sender_domain_name ON sender_domain (account_id, name) WHERE retired_at = 0;

CREATE TABLE sender (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  name       {text} NOT NULL,               -- as it stands in From
  email      {text} NOT NULL,
  email_norm {text} NOT NULL,
  reply_to   {text} NOT NULL DEFAULT '',
  version    BIGINT NOT NULL DEFAULT 1,
  made_at    BIGINT NOT NULL,
  retired_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX sender_email ON sender (account_id, email_norm) WHERE retired_at = 0;

CREATE TABLE campaign (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL,
  name           {text} NOT NULL,
  state          {text} NOT NULL CHECK (state IN ('draft', 'queued', 'sending', 'paused', 'stopping', 'stopped', 'sent')),
  version        BIGINT NOT NULL DEFAULT 1,   -- of the draft, against edits at the same time
  sender_id      BIGINT NOT NULL DEFAULT 0,
  subject        {text} NOT NULL DEFAULT '',
  preheader      {text} NOT NULL DEFAULT '',
  kind           {text} NOT NULL DEFAULT 'markdown' CHECK (kind IN ('html', 'markdown')),
  body           {text} NOT NULL DEFAULT '',
  logo           {text} NOT NULL DEFAULT '',
  colour         {text} NOT NULL DEFAULT '',
  language       {text} NOT NULL DEFAULT '',  -- of the footer's words; '' is the account's
  made_by        BIGINT NOT NULL DEFAULT 0,
  made_at        BIGINT NOT NULL,
  changed_at     BIGINT NOT NULL,
  -- as approved: what goes out doesn't change with the sender's row
  from_name      {text} NOT NULL DEFAULT '',
  from_email     {text} NOT NULL DEFAULT '',
  reply_to       {text} NOT NULL DEFAULT '',
  approved_by    BIGINT NOT NULL DEFAULT 0,
  approved_at    BIGINT NOT NULL DEFAULT 0,
  approval_entry BIGINT NOT NULL DEFAULT 0,   -- the entry of the act: the gate asks for it
  start_at       BIGINT NOT NULL DEFAULT 0,   -- the end of the undo window
  started_at     BIGINT NOT NULL DEFAULT 0,
  ended_at       BIGINT NOT NULL DEFAULT 0,
  -- freezing
  freeze_cursor  BIGINT NOT NULL DEFAULT 0,   -- the last contact frozen
  frozen_at      BIGINT NOT NULL DEFAULT 0,   -- 0 while people are still being added
  frozen         BIGINT NOT NULL DEFAULT 0,   -- how many people it is about …
  frozen_out     BIGINT NOT NULL DEFAULT 0,   -- … and how many of them were left out at once
  -- sending
  holder         BIGINT NOT NULL DEFAULT 0,   -- the process that sends it …
  holder_until   BIGINT NOT NULL DEFAULT 0,   -- … and how long that is believed
  hold           {text} NOT NULL DEFAULT '',  -- why nothing goes just now
  hold_at        BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX campaign_open ON campaign (state) WHERE state IN ('queued', 'sending', 'stopping');

CREATE TABLE campaign_list (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  list_id     BIGINT NOT NULL,
  minus       INTEGER NOT NULL DEFAULT 0,     -- 1: whoever is on it gets nothing
  PRIMARY KEY (account_id, campaign_id, list_id),
  FOREIGN KEY (account_id, campaign_id) REFERENCES campaign (account_id, id),
  FOREIGN KEY (account_id, list_id) REFERENCES list (account_id, id)
);
CREATE INDEX campaign_list_list ON campaign_list (account_id, list_id);

-- The send ledger: one row for each person a campaign is about. Hot: two indexes, no foreign keys.
CREATE TABLE recipient (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL,
  list_id     BIGINT NOT NULL,                -- the list they are written to by
  state       {text} NOT NULL CHECK (state IN ('pending', 'deferred', 'accepted', 'failed', 'left_out', 'in_doubt')),
  reason      {text} NOT NULL,                -- why left out, failed or deferred
  basis       {text} NOT NULL,
  grade       {text} NOT NULL,
  event_id    BIGINT NOT NULL,                -- the consent event it rests on
  permit_id   BIGINT NOT NULL DEFAULT 0,
  batch_id    BIGINT NOT NULL DEFAULT 0,      -- who holds it for another try, or who sent it
  tries       INTEGER NOT NULL DEFAULT 0,
  code        INTEGER NOT NULL DEFAULT 0,     -- the service's answer …
  enhanced    {text} NOT NULL DEFAULT '',     -- … and RFC 3463's code
  next_at     BIGINT NOT NULL DEFAULT 0,      -- when to try again; 0: not asked to
  ended_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, campaign_id, contact_id)
) {roomy};
CREATE INDEX recipient_contact ON recipient (account_id, contact_id);
CREATE INDEX recipient_again ON recipient (account_id, campaign_id, next_at) WHERE next_at > 0;

-- A batch in flight or ended. While ended_at is 0 its people are claimed: those between the bounds that are pending and
-- not asked for again (a first try), or those that carry its number (another try).
CREATE TABLE campaign_batch (
  account_id    BIGINT NOT NULL,
  id            BIGINT NOT NULL,              -- also the fencing number: an ended batch books nothing
  campaign_id   BIGINT NOT NULL,
  node          BIGINT NOT NULL,              -- the process that claimed it
  again         INTEGER NOT NULL,             -- 1: another try
  first_contact BIGINT NOT NULL,
  last_contact  BIGINT NOT NULL,
  people        INTEGER NOT NULL,
  permit_id     BIGINT NOT NULL,
  at            BIGINT NOT NULL,
  until_at      BIGINT NOT NULL,              -- the lease
  ended_at      BIGINT NOT NULL DEFAULT 0,
  accepted      INTEGER NOT NULL DEFAULT 0,
  deferred      INTEGER NOT NULL DEFAULT 0,
  failed        INTEGER NOT NULL DEFAULT 0,
  left_out      INTEGER NOT NULL DEFAULT 0,
  in_doubt      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX campaign_batch_of ON campaign_batch (account_id, campaign_id, id);
CREATE INDEX campaign_batch_open ON campaign_batch (account_id, campaign_id, until_at) WHERE ended_at = 0;
