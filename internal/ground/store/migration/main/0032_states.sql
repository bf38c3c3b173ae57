-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Who stands in a rare state is found without a look at everybody. Most people of most lists are given: they are
-- found at once by the list itself, and an import of them writes nothing into either index.
CREATE INDEX subscription_state ON subscription (account_id, list_id, state, contact_id) WHERE state <> 'given';
CREATE INDEX contact_apart ON contact (account_id, state, id) WHERE state <> 'active';
