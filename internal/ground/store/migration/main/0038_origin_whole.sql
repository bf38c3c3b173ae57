-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Origins that are still whole, the oldest first: the daily sweep finds those whose term is over without reading the others.
CREATE INDEX consent_origin_whole ON consent_origin (account_id, recorded_at, contact_id, event_id) WHERE shortened_at = 0;
