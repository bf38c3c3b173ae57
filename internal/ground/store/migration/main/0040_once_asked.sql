-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What a question's mail called the list and who asked: its page shows it and the proof holds it, whatever they are called since.
ALTER TABLE once ADD COLUMN asked_what {text} NOT NULL DEFAULT '';
ALTER TABLE once ADD COLUMN asked_by {text} NOT NULL DEFAULT '';
