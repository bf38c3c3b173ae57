-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What an import would do, counted before it begins.
ALTER TABLE import ADD COLUMN forecast {json} NOT NULL DEFAULT '{}';
