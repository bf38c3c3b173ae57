-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What people choose beside yes and no: a pause, and how often. On the contact's own row, so that the gate, which reads
-- that row anyway, asks no second table about everybody.
ALTER TABLE contact ADD COLUMN paused_until BIGINT NOT NULL DEFAULT 0; -- nothing of marketing until then; it ends by itself
ALTER TABLE contact ADD COLUMN pace INTEGER NOT NULL DEFAULT 0;        -- 0 all, 7 at most one a week, 30 at most one a month

-- How members sort lists, which of them people see on their page of choices, and what a grant list measures.
ALTER TABLE list ADD COLUMN folder {text} NOT NULL DEFAULT '';
ALTER TABLE list ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;        -- 1: shown on the page of choices to people who aren't on it
ALTER TABLE list ADD COLUMN measures {text} NOT NULL DEFAULT '';       -- opens or clicks, for a list of kind grant
CREATE UNIQUE INDEX list_measures ON list (account_id, measures) WHERE measures <> '' AND retired_at = 0;
