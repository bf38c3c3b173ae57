-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Files that a member attached to one event of one person as further evidence: another tool's receipt, a
-- letter, a photo of the sheet. The file is a blob under the account's key, and ends with the row's end or the person.
CREATE TABLE event_evidence (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  event_id   BIGINT NOT NULL,
  list_id    BIGINT NOT NULL,
  blob_id    BIGINT NOT NULL,
  name       {text} NOT NULL,
  type       {text} NOT NULL,
  size       BIGINT NOT NULL,
  sha256     {bytes} NOT NULL,
  made_by    BIGINT NOT NULL,
  made_at    BIGINT NOT NULL,
  ends_at    BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX event_evidence_contact ON event_evidence (account_id, contact_id, id);
CREATE INDEX event_evidence_due ON event_evidence (ends_at);
