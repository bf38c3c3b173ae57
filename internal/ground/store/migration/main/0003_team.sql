-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Team: the accounts, who works in them, how they sign in, and what programs they let in.
-- Moments are microseconds since 1970 UTC; 0 means "not". Secrets are kept as SHA-256 of what we handed out once.

CREATE TABLE account (
  account_id    BIGINT NOT NULL PRIMARY KEY,
  kind          {text} NOT NULL CHECK (kind IN ('own', 'operator', 'customer')),
  name          {text} NOT NULL,
  postal        {text} NOT NULL,             -- lines, without name and country
  country       {text} NOT NULL,             -- ISO 3166-1 alpha-2
  rules         {text} NOT NULL,             -- whose law the rulepack applies: a country, the account's unless said otherwise
  language      {text} NOT NULL,
  zone          {text} NOT NULL,             -- IANA name
  colour        {text} NOT NULL DEFAULT '',
  data_name     {text} NOT NULL DEFAULT '',  -- who answers data questions
  data_email    {text} NOT NULL DEFAULT '',
  sending       {text} NOT NULL DEFAULT 'mailbox' CHECK (sending IN ('mailbox', 'smtp', 'provider')),
  made_at       BIGINT NOT NULL,
  suspended_at  BIGINT NOT NULL DEFAULT 0,
  suspended_why {text} NOT NULL DEFAULT ''
);
-- One account is the house's own: only us, or the operator's.
CREATE UNIQUE INDEX account_house ON account ((CASE WHEN kind = 'customer' THEN NULL ELSE 1 END));

CREATE TABLE member (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  login_id    BIGINT NOT NULL DEFAULT 0,     -- 0 until the invitation is accepted
  state       {text} NOT NULL CHECK (state IN ('invited', 'active', 'left')),
  role        {text} NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  email       {text} NOT NULL,
  email_norm  {text} NOT NULL,
  name        {text} NOT NULL DEFAULT '',
  language    {text} NOT NULL DEFAULT '',    -- '' is the browser's
  theme       {text} NOT NULL DEFAULT '',    -- '' is the system's
  salt        {bytes} NOT NULL,              -- 32 bytes: the private part of trace entries about this person
  invited_by  BIGINT NOT NULL DEFAULT 0,     -- a member; 0 is the command line or set-up
  made_at     BIGINT NOT NULL,
  joined_at   BIGINT NOT NULL DEFAULT 0,
  seen_at     BIGINT NOT NULL DEFAULT 0,
  left_at     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id) REFERENCES account (account_id)
);
-- A person stands once in an account; who left may come back.
CREATE UNIQUE INDEX member_email ON member (account_id, email_norm) WHERE state <> 'left';
CREATE INDEX member_login ON member (login_id) WHERE login_id <> 0;

CREATE TABLE login (
  id          BIGINT NOT NULL PRIMARY KEY,
  email_norm  {text} NOT NULL,
  password    {text} NOT NULL,               -- argon2id, encoded with its parameters
  password_at BIGINT NOT NULL,
  totp        {bytes},                       -- sealed secret
  totp_at     BIGINT NOT NULL DEFAULT 0,     -- in force since; 0 while it is being set up or off
  totp_step   BIGINT NOT NULL DEFAULT 0,     -- the last step used: a code works once (RFC 6238 5.2)
  made_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX login_email ON login (email_norm);

CREATE TABLE recovery_code (
  login_id BIGINT NOT NULL REFERENCES login (id),
  hash     {bytes} NOT NULL,
  used_at  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (login_id, hash)
);

CREATE TABLE session (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  hash       {bytes} NOT NULL,
  member_id  BIGINT NOT NULL,
  login_id   BIGINT NOT NULL,
  grant_id   BIGINT NOT NULL DEFAULT 0,      -- operator staff looking in by a grant
  agent      {text} NOT NULL DEFAULT '',     -- "Firefox on Windows": families, never the full text
  made_at    BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  fresh_at   BIGINT NOT NULL,                -- the password or code was last asked
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, member_id) REFERENCES member (account_id, id)
);
CREATE UNIQUE INDEX session_hash ON session (account_id, hash);
CREATE INDEX session_member ON session (account_id, member_id);
CREATE INDEX session_login ON session (login_id);

CREATE TABLE link (
  account_id BIGINT NOT NULL,
  hash       {bytes} NOT NULL,
  kind       {text} NOT NULL CHECK (kind IN ('invitation', 'signin', 'reset', 'second')),
  member_id  BIGINT NOT NULL,
  tries      BIGINT NOT NULL DEFAULT 0,
  made_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, hash),
  FOREIGN KEY (account_id, member_id) REFERENCES member (account_id, id)
);
CREATE INDEX link_member ON link (account_id, member_id);
CREATE INDEX link_expires ON link (expires_at);

CREATE TABLE setup_link (
  hash       {bytes} NOT NULL PRIMARY KEY,
  made_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0
);

-- Tries to sign in, counted per minute under a keyed hash of who tries what from where.
CREATE TABLE attempt (
  hash    {bytes} NOT NULL,
  minute  BIGINT NOT NULL,
  count   BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (hash, minute)
);
CREATE INDEX attempt_minute ON attempt (minute);

CREATE TABLE apikey (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  hash       {bytes} NOT NULL,
  tail       {text} NOT NULL,                -- the last four characters, to recognise it
  name       {text} NOT NULL,
  origin     {text} NOT NULL DEFAULT '',     -- declared default for people added by this key: where from …
  basis      {text} NOT NULL DEFAULT '',     -- … and why we may write; evidence grade D
  made_by    BIGINT NOT NULL DEFAULT 0,
  made_at    BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0,
  revoked_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id) REFERENCES account (account_id)
);
CREATE UNIQUE INDEX apikey_hash ON apikey (account_id, hash);
