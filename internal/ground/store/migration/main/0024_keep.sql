-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- How long a value is kept that the account limited: when it was noted last, of such values alone, so that everybody
-- else's cost nothing.
ALTER TABLE attribute ADD COLUMN keep_since BIGINT NOT NULL DEFAULT 0; -- when the limit was set or shortened; 0: nothing is dated

CREATE TABLE attribute_noted (
  account_id BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  name       {text} NOT NULL,            -- of the attribute, as in the contact's values
  noted_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, contact_id, name)
);
CREATE INDEX attribute_noted_due ON attribute_noted (account_id, name, noted_at, contact_id);
