-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- People: who they are, what they said, and what follows from it.
-- Moments are microseconds since 1970 UTC; 0 means "not". Hot on import: contact, consent_event, subscription:
-- three tables, few indexes, no index on the fingerprint (details.md M4, M5).

CREATE TABLE purpose (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        {text} NOT NULL,
  folded      {text} NOT NULL,              -- the name folded for find-or-make
  public      {json} NOT NULL,              -- language -> "what you will get"
  family      {text} NOT NULL DEFAULT '',   -- product family: soft opt-in reaches similar products only
  created_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  entry_id    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
-- Unique names ignore retired rows.
CREATE UNIQUE INDEX purpose_folded ON purpose (account_id, folded) WHERE retired_at = 0;

CREATE TABLE list (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  purpose_id  BIGINT NOT NULL,              -- for ever: no statement changes it
  kind        {text} NOT NULL CHECK (kind IN ('mail', 'grant')),
  name        {text} NOT NULL,
  folded      {text} NOT NULL,
  public      {json} NOT NULL,
  position    INTEGER NOT NULL DEFAULT 0,
  created_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  entry_id    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, purpose_id) REFERENCES purpose (account_id, id)
);
CREATE UNIQUE INDEX list_folded ON list (account_id, folded) WHERE retired_at = 0;
CREATE INDEX list_purpose ON list (account_id, purpose_id);

CREATE TABLE attribute (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        {text} NOT NULL,              -- the key in contact.attributes, folded upper-case as Brevo's users know it
  type        {text} NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean', 'choice')),
  choices     {json} NOT NULL,
  purpose     {text} NOT NULL DEFAULT '',   -- why it is kept, in the account's words
  sensitive   INTEGER NOT NULL DEFAULT 0,   -- GDPR 9: 0 no, 1 looks so, 2 declared
  created_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  entry_id    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX attribute_name ON attribute (account_id, name) WHERE retired_at = 0;

CREATE TABLE contact (
  account_id    BIGINT NOT NULL,
  id            BIGINT NOT NULL,            -- also the pseudonym; never reused
  email         {text} NOT NULL,            -- as typed
  email_norm    {text} NOT NULL,            -- norm_v1
  fp            {bytes} NOT NULL,           -- 16 bytes of HMAC over norm_v1; joins suppression; NOT indexed
  name          {text} NOT NULL DEFAULT '',
  attributes    {json} NOT NULL,
  language      {text} NOT NULL DEFAULT '',
  country       {text} NOT NULL DEFAULT '', -- as stated by the person, never guessed
  state         {text} NOT NULL CHECK (state IN ('active', 'restricted', 'objected', 'erasing', 'erased', 'bounced')),
  age           INTEGER NOT NULL DEFAULT 0, -- 0 not asked, 1 said to be of age, 2 under the age of their country
  salt          {bytes} NOT NULL,           -- 32 bytes: the trace's commitments; dies with the row
  key_sheet     BIGINT NOT NULL DEFAULT 0,  -- 0: nothing of this person is under a key yet
  key_slot      INTEGER NOT NULL DEFAULT 0,
  source        {text} NOT NULL DEFAULT '', -- where the address came from: form, import, api, member
  notice_due_at BIGINT NOT NULL DEFAULT 0,  -- GDPR 14(3): tell until then; 0: nothing due
  entry_id      BIGINT NOT NULL DEFAULT 0,
  entry_index   INTEGER NOT NULL DEFAULT -1,
  version       BIGINT NOT NULL DEFAULT 1,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL,
  active_at     BIGINT NOT NULL,            -- last sign of life BY the person; an open is none
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, email_norm)
);

-- What upper rooms learn about a person: written by contact.Active, read by gate and segment.
CREATE TABLE contact_activity (
  account_id  BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL,
  kind        {text} NOT NULL,
  first_at    BIGINT NOT NULL,
  last_at     BIGINT NOT NULL,
  times       BIGINT NOT NULL,
  PRIMARY KEY (account_id, contact_id, kind)
);

-- Append-only: what was said, shown or claimed about one subscription (contact x list), in the order of seq.
CREATE TABLE consent_event (
  account_id      BIGINT NOT NULL,
  contact_id      BIGINT NOT NULL,
  list_id         BIGINT NOT NULL,
  seq             BIGINT NOT NULL,          -- taken under the lock of the contact's row; time never orders
  id              BIGINT NOT NULL,
  kind            {text} NOT NULL,
  verdict         {text} NOT NULL,          -- applied, recorded (no change), or why it was refused
  state           {text} NOT NULL,          -- the subscription's state after it
  basis           {text} NOT NULL DEFAULT '',
  basis_ref       {text} NOT NULL DEFAULT '', -- sale, contract, membership or assessment it leans on
  basis_family    {text} NOT NULL DEFAULT '',
  optout_offered  {bool} NOT NULL DEFAULT FALSE, -- ePrivacy 13(2): a free way to refuse was offered at collection
  grade           {text} NOT NULL DEFAULT '',
  lacks           {text} NOT NULL DEFAULT '', -- why the claim waits for proof
  source          {text} NOT NULL DEFAULT '',
  method          {text} NOT NULL DEFAULT '',
  occurred_at     BIGINT NOT NULL,
  recorded_at     BIGINT NOT NULL,
  confirmed_at    BIGINT NOT NULL DEFAULT 0,
  request_event   BIGINT NOT NULL DEFAULT 0, -- the request this one confirms: both moments, both origins
  form_version_id BIGINT NOT NULL DEFAULT 0,
  note_version_id BIGINT NOT NULL DEFAULT 0,
  text_sha256     {bytes},
  note_sha256     {bytes},
  evidence_sha256 {bytes},
  language        {text} NOT NULL DEFAULT '',
  page            {text} NOT NULL DEFAULT '', -- without query
  import_id       BIGINT NOT NULL DEFAULT 0,
  import_row      BIGINT NOT NULL DEFAULT 0,
  declared_by     BIGINT NOT NULL DEFAULT 0,
  evidence_id     BIGINT NOT NULL DEFAULT 0,
  actor_kind      {text} NOT NULL,
  actor_id        BIGINT NOT NULL DEFAULT 0,
  entry_id        BIGINT NOT NULL DEFAULT 0,
  entry_index     INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (account_id, contact_id, list_id, seq)
);

-- Where an act of a person came from: beside the ledger, because it ends earlier (12 months, then network only).
CREATE TABLE consent_origin (
  account_id  BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL,
  event_id    BIGINT NOT NULL,
  ip_ct       {bytes},                      -- under the contact's key
  ip_network  {text} NOT NULL DEFAULT '',   -- /24 or /48, after the term
  ip_source   {text} NOT NULL DEFAULT '',   -- direct, trusted_hop:n, proxy_untrusted
  ua_ct       {bytes},
  recorded_at BIGINT NOT NULL,
  shortened_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, contact_id, event_id)
);

-- The words people were shown, once each: a proof embeds them.
CREATE TABLE consent_text (
  account_id  BIGINT NOT NULL,
  sha256      {bytes} NOT NULL,
  body        {text} NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (account_id, sha256)
);

-- The projection of the ledger, and the membership: no second table.
CREATE TABLE subscription (
  account_id  BIGINT NOT NULL,
  list_id     BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL,
  state       {text} NOT NULL CHECK (state IN ('none', 'requested', 'waiting', 'given', 'withdrawn', 'refused', 'expired')),
  basis       {text} NOT NULL DEFAULT '',
  grade       {text} NOT NULL DEFAULT '',
  said        INTEGER NOT NULL DEFAULT 0,   -- the person's own last word: 0 nothing, 1 yes, 2 no
  said_at     BIGINT NOT NULL DEFAULT 0,    -- when we wrote it down: suppressions older than a yes don't bind it
  seq         BIGINT NOT NULL,
  event_id    BIGINT NOT NULL,              -- the event the state rests on
  since       BIGINT NOT NULL,
  PRIMARY KEY (account_id, list_id, contact_id)
);
CREATE INDEX subscription_contact ON subscription (account_id, contact_id);

-- The do-not-mail list. Never deleted with a list, a campaign or a contact (INV-12).
CREATE TABLE suppression (
  account_id  BIGINT NOT NULL,
  fp          {bytes} NOT NULL,
  scope       {text} NOT NULL CHECK (scope IN ('list', 'purpose', 'all')),
  scope_id    BIGINT NOT NULL,
  reason      {text} NOT NULL CHECK (reason IN ('unsubscribe', 'objection', 'erasure', 'complaint', 'hard_bounce', 'authority_order', 'member', 'import')),
  since       BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL DEFAULT 0,
  entry_id    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, fp, scope, scope_id)
);
CREATE INDEX suppression_since ON suppression (account_id, since);
