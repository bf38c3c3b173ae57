-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Imports that are taken back.
ALTER TABLE import ADD COLUMN undo_task_id BIGINT NOT NULL DEFAULT 0; -- the long work; 0: nobody asked
ALTER TABLE import ADD COLUMN undo_after BIGINT NOT NULL DEFAULT 0;   -- the last person looked at
ALTER TABLE import ADD COLUMN undone_at BIGINT NOT NULL DEFAULT 0;
