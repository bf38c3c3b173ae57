-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Privacy notes and sign-up forms: drafts that members edit, versions that nobody edits, and who signed up on them.
-- Documents are opaque JSON kept as text: their bytes are hashed.

CREATE TABLE notice (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        {text} NOT NULL,
  draft       {text} NOT NULL,
  version     BIGINT NOT NULL,               -- of the draft, against edits at the same time
  current_id  BIGINT NOT NULL DEFAULT 0,     -- the newest version; 0 was never published
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);

CREATE TABLE notice_version (
  account_id   BIGINT NOT NULL,
  id           BIGINT NOT NULL,
  notice_id    BIGINT NOT NULL,
  number       BIGINT NOT NULL,              -- 1, 2, 3 … of the note
  content      {text} NOT NULL,              -- the answers
  published_at BIGINT NOT NULL,
  entry_id     BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, notice_id, number),
  FOREIGN KEY (account_id, notice_id) REFERENCES notice (account_id, id)
);

-- What people read: one text a language, whose hash stands in each consent.
CREATE TABLE notice_text (
  account_id  BIGINT NOT NULL,
  version_id  BIGINT NOT NULL,
  language    {text} NOT NULL,
  short       {text} NOT NULL,
  body        {text} NOT NULL,
  sha256      {bytes} NOT NULL,
  PRIMARY KEY (account_id, version_id, language),
  FOREIGN KEY (account_id, version_id) REFERENCES notice_version (account_id, id)
);

CREATE TABLE form (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        {text} NOT NULL,
  slug        {text} NOT NULL,
  draft       {text} NOT NULL,
  version     BIGINT NOT NULL,               -- of the draft, against edits at the same time
  current_id  BIGINT NOT NULL DEFAULT 0,     -- the version served; 0 was never published
  closed_at   BIGINT NOT NULL DEFAULT 0,     -- takes nobody for now
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);

-- An address of the installation leads to one form for ever, so that a printed code never leads to a stranger's.
CREATE TABLE form_slug (
  slug       {text} NOT NULL PRIMARY KEY,
  account_id BIGINT NOT NULL,
  form_id    BIGINT NOT NULL
);
CREATE INDEX form_slug_form ON form_slug (account_id, form_id);

CREATE TABLE form_version (
  account_id        BIGINT NOT NULL,
  id                BIGINT NOT NULL,
  form_id           BIGINT NOT NULL,
  number            BIGINT NOT NULL,
  definition        {text} NOT NULL,
  sha256            {bytes} NOT NULL,        -- of the definition
  notice_version_id BIGINT NOT NULL,
  rules             {text} NOT NULL,         -- what the linter said
  published_at      BIGINT NOT NULL,
  entry_id          BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, form_id, number),
  FOREIGN KEY (account_id, form_id) REFERENCES form (account_id, id),
  FOREIGN KEY (account_id, notice_version_id) REFERENCES notice_version (account_id, id)
);
CREATE INDEX form_version_notice ON form_version (account_id, notice_version_id);

-- The form as people see it: these bytes are served, and kept as long as a consent rests on them.
CREATE TABLE form_page (
  account_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  language   {text} NOT NULL,
  html       {text} NOT NULL,
  sha256     {bytes} NOT NULL,
  PRIMARY KEY (account_id, version_id, language),
  FOREIGN KEY (account_id, version_id) REFERENCES form_version (account_id, id)
);

-- Who asked on a form. Hot: no foreign keys, three indexes (details.md M4, M5).
CREATE TABLE signup (
  account_id   BIGINT NOT NULL,
  id           BIGINT NOT NULL,
  form_id      BIGINT NOT NULL,
  version_id   BIGINT NOT NULL,
  contact_id   BIGINT NOT NULL,
  state        {text} NOT NULL CHECK (state IN ('pending', 'confirmed', 'not_me', 'expired')),
  language     {text} NOT NULL,
  choices      {text} NOT NULL,              -- lists and the events that asked for them
  answers      {bytes},                      -- what was typed beside the address, under the contact's key, until confirmed
  requested_at BIGINT NOT NULL,
  asked_at     BIGINT NOT NULL DEFAULT 0,    -- the confirmation mail was written
  asked        BIGINT NOT NULL DEFAULT 0,    -- how many of them
  ended_at     BIGINT NOT NULL DEFAULT 0,    -- confirmed, refused or expired
  hasty        BIGINT NOT NULL DEFAULT 0,    -- 1: confirmed within two seconds of the mail, as machines do
  PRIMARY KEY (account_id, id)
);
CREATE INDEX signup_contact ON signup (account_id, contact_id);
CREATE INDEX signup_form ON signup (account_id, form_id, id);
CREATE INDEX signup_pending ON signup (requested_at) WHERE state = 'pending';

-- Mailboxes that said "not me": no further confirmation mail goes there.
CREATE TABLE confirm_block (
  account_id BIGINT NOT NULL,
  fp         {bytes} NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (account_id, fp)
);

-- What never became a sign-up, counted by day: robots caught, budgets used up, proxies nobody told us to trust.
CREATE TABLE form_count (
  account_id BIGINT NOT NULL,
  form_id    BIGINT NOT NULL,
  day        BIGINT NOT NULL,
  kind       {text} NOT NULL,
  detail     {text} NOT NULL,                -- of proxies: the address of the machine in front
  n          BIGINT NOT NULL,
  PRIMARY KEY (account_id, form_id, day, kind, detail)
);
