-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Importer: files of people on their way in, what the report says of them, and files of evidence.
-- Moments are microseconds since 1970 UTC; 0 means "not".

CREATE TABLE import (
  account_id   BIGINT NOT NULL,
  id           BIGINT NOT NULL,
  state        {text} NOT NULL CHECK (state IN ('draft', 'checked', 'mapped', 'origin', 'ready', 'running', 'stopped', 'done', 'failed')),
  name         {text} NOT NULL,               -- of the file, as it was sent
  blob_id      BIGINT NOT NULL DEFAULT 0,     -- the file, sealed; 0 once it has ended
  size         BIGINT NOT NULL,
  sha256       {bytes} NOT NULL,              -- of the file: stays, so that a proof can name it
  format       {json} NOT NULL,               -- encoding, separator, header
  survey       {json} NOT NULL,               -- names of columns, how many rows; no cell of anybody
  shape        {text} NOT NULL DEFAULT '',    -- the tool it was exported from
  mapping      {json} NOT NULL,
  origin       {json} NOT NULL,
  options      {json} NOT NULL,
  list_id      BIGINT NOT NULL DEFAULT 0,
  evidence_id  BIGINT NOT NULL DEFAULT 0,
  declared_by  BIGINT NOT NULL DEFAULT 0,     -- the member whose word stands for the rows without proof
  declared_at  BIGINT NOT NULL DEFAULT 0,
  cursor       {json} NOT NULL,               -- where the next row begins; written with the rows before it
  counts       {json} NOT NULL,
  fault        {text} NOT NULL DEFAULT '',    -- the key of what made it fail
  waits_until  BIGINT NOT NULL DEFAULT 0,     -- rows waiting for proof are deleted then
  reminded     BIGINT NOT NULL DEFAULT 0,     -- the day of the last reminder, counted from the end of the import
  task_id      BIGINT NOT NULL DEFAULT 0,
  made_by      BIGINT NOT NULL DEFAULT 0,
  made_at      BIGINT NOT NULL,
  started_at   BIGINT NOT NULL DEFAULT 0,
  ended_at     BIGINT NOT NULL DEFAULT 0,
  file_ends_at BIGINT NOT NULL,               -- the file is destroyed then
  fence        BIGINT NOT NULL DEFAULT 0,     -- counts who writes: a step with an old number changes nothing
  version      BIGINT NOT NULL DEFAULT 1,     -- counts changes of the draft
  entry_id     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX import_state ON import (account_id, state);

-- What the report says of single lines: refused, doubled, or read without one value. Never a cell.
CREATE TABLE import_note (
  account_id BIGINT NOT NULL,
  import_id  BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  line       BIGINT NOT NULL,
  kind       {text} NOT NULL CHECK (kind IN ('refused', 'duplicate', 'remark', 'withheld')),
  reason     {text} NOT NULL,                 -- key of the words
  place      {text} NOT NULL DEFAULT '',      -- the column's name
  args       {json} NOT NULL,                 -- values of the words: limits and counts
  PRIMARY KEY (account_id, import_id, seq),
  FOREIGN KEY (account_id, import_id) REFERENCES import (account_id, id)
);

-- Who waits for proof, by import: until the proof comes or the month of GDPR 14 nears its end.
CREATE TABLE import_waiting (
  account_id BIGINT NOT NULL,
  import_id  BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  line       BIGINT NOT NULL,
  lacks      {text} NOT NULL,
  made       INTEGER NOT NULL,                -- 1: the contact came with this import
  PRIMARY KEY (account_id, import_id, contact_id),
  FOREIGN KEY (account_id, import_id) REFERENCES import (account_id, id)
);
CREATE INDEX import_waiting_contact ON import_waiting (account_id, contact_id);

-- Files of evidence: a photo of the sheet, a contract, an old form. They hold many people (compliance L14).
CREATE TABLE evidence_file (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  import_id  BIGINT NOT NULL,
  blob_id    BIGINT NOT NULL DEFAULT 0,
  name       {text} NOT NULL,
  type       {text} NOT NULL,
  size       BIGINT NOT NULL,
  sha256     {bytes} NOT NULL,
  made_by    BIGINT NOT NULL DEFAULT 0,
  made_at    BIGINT NOT NULL,
  ends_at    BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX evidence_file_import ON evidence_file (account_id, import_id);
