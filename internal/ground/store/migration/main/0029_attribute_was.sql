-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What attributes of people were before a correction, and after it. The trace commits to both and keeps neither, since
-- a value of an attribute may end earlier than the person (GDPR 5(1)(e)). Moments are microseconds since 1970 UTC.
CREATE TABLE attribute_was (
  account_id BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,        -- the correction in the trace
  name       {text} NOT NULL,        -- of the attribute
  sealed     {bytes} NOT NULL,       -- both values, under the person's key
  noted_at   BIGINT NOT NULL,        -- when the older of the two was noted
  PRIMARY KEY (account_id, contact_id, entry_id, name)
);
CREATE INDEX attribute_was_due ON attribute_was (account_id, name, noted_at, entry_id);
