-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- An express yes to what is sensitive (GDPR 9(2)(a)) stands in the ledger as a list of its own, which carries no mail.
ALTER TABLE list ADD COLUMN attribute_id BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX list_attribute ON list (account_id, attribute_id) WHERE attribute_id <> 0;
