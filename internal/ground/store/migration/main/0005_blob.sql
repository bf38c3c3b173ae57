-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Blobs: files of an account in sealed chunks of 256 KiB. Budgets: what may be tried how often.

CREATE TABLE blob (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  owner      {text} NOT NULL,   -- the kind of thing it belongs to …
  owner_id   BIGINT NOT NULL,   -- … and which
  type       {text} NOT NULL,   -- content type
  size       BIGINT NOT NULL,   -- -1 until it is whole
  sha256     {bytes} NOT NULL,
  made_at    BIGINT NOT NULL,
  ends_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX blob_owner ON blob (account_id, owner, owner_id);
CREATE INDEX blob_ends ON blob (ends_at);

CREATE TABLE blob_chunk (
  account_id BIGINT NOT NULL,
  blob_id    BIGINT NOT NULL,
  n          BIGINT NOT NULL,
  data       {bytes} NOT NULL,
  PRIMARY KEY (account_id, blob_id, n),
  FOREIGN KEY (account_id, blob_id) REFERENCES blob (account_id, id)
);

CREATE TABLE budget (
  hash   {bytes} NOT NULL,      -- keyed: whose budget
  minute BIGINT NOT NULL,       -- minutes since 1970
  part   INTEGER NOT NULL,      -- a budget many spend from is counted in parts, so that they don't wait for each other
  spent  BIGINT NOT NULL,
  PRIMARY KEY (hash, minute, part)
);
CREATE INDEX budget_minute ON budget (minute);
