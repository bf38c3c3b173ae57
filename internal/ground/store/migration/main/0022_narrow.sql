-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- A campaign's lists can be narrowed by a segment.
ALTER TABLE campaign ADD COLUMN segment_id BIGINT NOT NULL DEFAULT 0;           -- 0: everybody on the lists
ALTER TABLE campaign ADD COLUMN segment_definition {text} NOT NULL DEFAULT '';  -- as it was when the campaign was approved; '' until then
ALTER TABLE campaign ADD COLUMN segment_at BIGINT NOT NULL DEFAULT 0;           -- the moment from which it counts its days
