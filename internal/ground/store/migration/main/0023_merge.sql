-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Two contacts that are one person: the one that went into the other. No foreign key, as on every hot table
-- (docs/adr/0008): contact.Drop and contact.Absorb hold it.
ALTER TABLE contact ADD COLUMN merged_into BIGINT NOT NULL DEFAULT 0; -- 0: a contact of its own
CREATE INDEX contact_merged ON contact (account_id, merged_into) WHERE merged_into <> 0;
