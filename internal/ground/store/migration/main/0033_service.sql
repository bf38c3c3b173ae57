-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What a contract needs (GDPR 6(1)(b)) is written under purposes of a service alone. Purposes of before are for
-- marketing until somebody says otherwise.
ALTER TABLE purpose ADD COLUMN service INTEGER NOT NULL DEFAULT 0 CHECK (service IN (0, 1));
