-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Exports of many proofs: the question, how far it is, and where the bundle lies until its end.
CREATE TABLE proof_export (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  question   {text} NOT NULL,            -- JSON: list, purpose, period, language
  parts      {text} NOT NULL,            -- JSON: the pieces that are written, with the checkpoint each stands under
  last       BIGINT NOT NULL DEFAULT 0,  -- the last person who is in a piece
  people     BIGINT NOT NULL DEFAULT 0,
  blob_id    BIGINT NOT NULL DEFAULT 0,  -- the bundle, once it is whole
  size       BIGINT NOT NULL DEFAULT 0,
  sha256     {bytes} NOT NULL,
  task_id    BIGINT NOT NULL,
  made_by    BIGINT NOT NULL,
  made_at    BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL DEFAULT 0,
  ends_at    BIGINT NOT NULL,            -- rule retention.export
  PRIMARY KEY (account_id, id)
);
CREATE INDEX proof_export_end ON proof_export (ends_at);
