-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Existing customers, whose term a sweep looks at: nobody else fills a line of it.
CREATE INDEX subscription_soft ON subscription (account_id, list_id, contact_id) WHERE basis = 'soft_opt_in';
