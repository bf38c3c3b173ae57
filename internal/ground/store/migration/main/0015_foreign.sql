-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Refusals that another tool told as bare hashes of addresses. They can't be joined to our own keyed
-- hashes: they are asked about when they come, and whenever a person is made.
CREATE TABLE foreign_refusal (
  account_id BIGINT NOT NULL,
  kind       {text} NOT NULL CHECK (kind IN ('sha256', 'sha1', 'md5')),
  hash       {bytes} NOT NULL,           -- of the trimmed address in lower case
  scope      {text} NOT NULL CHECK (scope IN ('list', 'purpose', 'all')),
  scope_id   BIGINT NOT NULL,
  reason     {text} NOT NULL CHECK (reason IN ('unsubscribe', 'objection', 'complaint', 'hard_bounce', 'import')),
  since      BIGINT NOT NULL,            -- when it was said there, or when the file came
  import_id  BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  PRIMARY KEY (account_id, kind, hash, scope, scope_id)
);
