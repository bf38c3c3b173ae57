-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What a file says about somebody who came with it and waits for proof, beside the address: under the person's key until proof comes.
ALTER TABLE import_waiting ADD COLUMN sealed {bytes};
