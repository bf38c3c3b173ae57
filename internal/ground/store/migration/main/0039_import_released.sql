-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What was said for rows that waited, each time proof came: of these people alone.
ALTER TABLE import ADD COLUMN releases {json} NOT NULL DEFAULT '[]';
