-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Whom we send through, what let each batch go, and the ledger of service mail.
-- Moments are microseconds since 1970 UTC; 0 means "not".

-- A processor or a relay belongs to the house (owner 0: every account may use it) or to one account. So these are no
-- account tables; every statement binds owner_id IN (0, :account), which the store fills.
CREATE TABLE processor (
  id            BIGINT NOT NULL PRIMARY KEY,
  owner_id      BIGINT NOT NULL,
  kind          {text} NOT NULL CHECK (kind IN ('mailbox', 'own', 'provider')),
  name          {text} NOT NULL,
  country       {text} NOT NULL,             -- ISO 3166-1 alpha-2; '' for the built-in mailbox
  role          {text} NOT NULL CHECK (role IN ('none', 'processor', 'sub_processor')),
  place         {text} NOT NULL CHECK (place IN ('here', 'premises', 'hoster', 'provider')),
  dpa           {text} NOT NULL CHECK (dpa IN ('not_needed', 'none', 'published_not_binding', 'incorporated_by_terms',
                                               'needs_countersignature', 'executed', 'expired', 'terminated')),
  dpa_version   {text} NOT NULL DEFAULT '',
  dpa_url       {text} NOT NULL DEFAULT '',
  dpa_from      BIGINT NOT NULL DEFAULT 0,
  dpa_until     BIGINT NOT NULL DEFAULT 0,   -- 0: it has no end
  paper_until   BIGINT NOT NULL DEFAULT 0,   -- "renewed, paper follows": holds until then
  mechanism     {text} NOT NULL DEFAULT '',  -- GDPR chapter V, words of the rulepack; '' where none is needed
  mechanism_from    BIGINT NOT NULL DEFAULT 0,
  mechanism_until   BIGINT NOT NULL DEFAULT 0,
  mechanism_checked BIGINT NOT NULL DEFAULT 0,
  review_due    BIGINT NOT NULL DEFAULT 0,   -- questions to the provider are to be asked again; paperwork, stops nothing
  state         {text} NOT NULL CHECK (state IN ('active', 'suspended', 'terminated')),
  state_at      BIGINT NOT NULL DEFAULT 0,
  state_by      BIGINT NOT NULL DEFAULT 0,   -- a member; 0 is the command line
  state_why     {text} NOT NULL DEFAULT '',
  catalogue     {text} NOT NULL DEFAULT '',  -- entry and date of our catalogue it was taken from
  version       BIGINT NOT NULL DEFAULT 1,   -- counts changes: a permit names the one it rests on
  made_at       BIGINT NOT NULL
);
CREATE INDEX processor_owner ON processor (owner_id, id);

CREATE TABLE relay (
  id            BIGINT NOT NULL PRIMARY KEY,
  owner_id      BIGINT NOT NULL,
  kind          {text} NOT NULL CHECK (kind IN ('mailbox', 'smtp')),
  name          {text} NOT NULL,
  addr          {text} NOT NULL DEFAULT '',  -- host:port
  tls           {text} NOT NULL DEFAULT 'none' CHECK (tls IN ('none', 'starttls', 'implicit')),
  login         {text} NOT NULL DEFAULT '',
  password_ct   {bytes},                     -- under the owner's key
  processor_id  BIGINT NOT NULL REFERENCES processor (id),
  rate          BIGINT NOT NULL DEFAULT 0,   -- messages a second over all nodes; 0: no limit
  lanes         BIGINT NOT NULL DEFAULT 4,   -- connections at a time
  standard_at   BIGINT NOT NULL DEFAULT 0,   -- of the house's: the one chosen last is what accounts use by default
  retired_at    BIGINT NOT NULL DEFAULT 0,
  version       BIGINT NOT NULL DEFAULT 1,
  made_at       BIGINT NOT NULL
);
CREATE INDEX relay_owner ON relay (owner_id, id);
CREATE INDEX relay_processor ON relay (processor_id);

-- The built-in mailbox: everything stays on this machine.
INSERT INTO processor (id, owner_id, kind, name, country, role, place, dpa, state, made_at) VALUES (1, 0, 'mailbox', '', '', 'none', 'here', 'not_needed', 'active', 0);
INSERT INTO relay (id, owner_id, kind, name, processor_id, lanes, made_at) VALUES (2, 0, 'mailbox', '', 1, 2, 0);

-- What an account chose to send through; without a row it takes the house's.
CREATE TABLE relay_choice (
  account_id BIGINT NOT NULL PRIMARY KEY,
  relay_id   BIGINT NOT NULL REFERENCES relay (id),
  at         BIGINT NOT NULL
);
CREATE INDEX relay_choice_relay ON relay_choice (relay_id);

-- One budget per relay over all nodes: what was handed out in a second.
CREATE TABLE relay_rate (
  relay_id BIGINT NOT NULL PRIMARY KEY REFERENCES relay (id),
  second   BIGINT NOT NULL,
  used     BIGINT NOT NULL
);

-- Append-only: what a batch rested on when it was let go.
CREATE TABLE permit (
  account_id        BIGINT NOT NULL,
  id                BIGINT NOT NULL,
  at                BIGINT NOT NULL,
  until_at          BIGINT NOT NULL,
  class             {text} NOT NULL,
  campaign_id       BIGINT NOT NULL,
  relay_id          BIGINT NOT NULL,
  processor_id      BIGINT NOT NULL,
  processor_version BIGINT NOT NULL,
  dpa               {text} NOT NULL,          -- kind, version and dates of the agreement, in words of ours
  transfer          {text} NOT NULL,          -- mechanism and its dates, or none
  documents         {text} NOT NULL,          -- what binds account and operator
  rulepack          {text} NOT NULL,
  people            BIGINT NOT NULL,          -- how many may go
  left_out          BIGINT NOT NULL,
  entry_id          BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX permit_campaign ON permit (account_id, campaign_id, id);

-- The ledger of service mail. It holds no words: a message is written when it leaves, from what it is about (kind, ref).
CREATE TABLE message (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  kind        {text} NOT NULL,                -- the fact it follows from …
  ref         BIGINT NOT NULL,                -- … and what that is about
  class       {text} NOT NULL DEFAULT '',     -- known once it was written for the first time
  contact_id  BIGINT NOT NULL DEFAULT 0,
  signup_id   BIGINT NOT NULL DEFAULT 0,
  member_id   BIGINT NOT NULL DEFAULT 0,
  state       {text} NOT NULL CHECK (state IN ('pending', 'claimed', 'accepted', 'deferred', 'failed', 'left_out', 'uncertain')),
  reason      {text} NOT NULL DEFAULT '',     -- why it was left out or is held
  tries       BIGINT NOT NULL DEFAULT 0,
  doubts      BIGINT NOT NULL DEFAULT 0,      -- times it may have arrived without an answer
  next_at     BIGINT NOT NULL,                -- pending, deferred: when to try; claimed: end of the lease
  claim       BIGINT NOT NULL DEFAULT 0,      -- fencing number of who holds it
  relay_id    BIGINT NOT NULL DEFAULT 0,
  permit_id   BIGINT NOT NULL DEFAULT 0,
  stage       {text} NOT NULL DEFAULT '',     -- where the session ended
  reply       {text} NOT NULL DEFAULT '',     -- code and enhanced code; never the text, which may name people
  made_at     BIGINT NOT NULL,
  ended_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX message_due ON message (account_id, next_at, id) WHERE state IN ('pending', 'deferred', 'claimed');
CREATE INDEX message_contact ON message (account_id, contact_id, id) WHERE contact_id <> 0;
CREATE INDEX message_signup ON message (account_id, signup_id) WHERE signup_id <> 0;
CREATE INDEX message_ended ON message (account_id, ended_at);

-- The built-in mailbox: mail that was caught and went nowhere.
CREATE TABLE mailbox_message (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  class      {text} NOT NULL,
  contact_id BIGINT NOT NULL,
  signup_id  BIGINT NOT NULL,
  member_id  BIGINT NOT NULL,
  permit_id  BIGINT NOT NULL,
  size       BIGINT NOT NULL,
  head_ct    {bytes} NOT NULL,                -- from, to and subject, under the account's key
  raw_ct     {bytes} NOT NULL,                -- the whole message, under the account's key
  PRIMARY KEY (account_id, id)
);
CREATE INDEX mailbox_message_contact ON mailbox_message (account_id, contact_id);
CREATE INDEX mailbox_message_at ON mailbox_message (account_id, at);

-- What binds an account and the operator: the operator's terms with their data processing agreement (GDPR 28(3)).
CREATE TABLE terms (
  id           BIGINT NOT NULL PRIMARY KEY,
  version      {text} NOT NULL,
  url          {text} NOT NULL,              -- where people read them
  required_at  BIGINT NOT NULL DEFAULT 0,    -- the law asks for this version from then on; 0: the one accepted before still binds
  published_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX terms_version ON terms (version);

-- Append-only: who accepted which for an account.
CREATE TABLE terms_acceptance (
  account_id BIGINT NOT NULL,
  terms_id   BIGINT NOT NULL REFERENCES terms (id),
  at         BIGINT NOT NULL,
  member_id  BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  PRIMARY KEY (account_id, terms_id)
);
CREATE INDEX terms_acceptance_terms ON terms_acceptance (terms_id);
