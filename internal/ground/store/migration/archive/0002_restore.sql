-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Restores that were accepted, each with the log's signature, and the checkpoints they left behind.
CREATE TABLE trace_restore (
  at   BIGINT NOT NULL PRIMARY KEY,
  note {text} NOT NULL
);
CREATE TABLE checkpoint_lost (
  at   BIGINT NOT NULL,
  day  BIGINT NOT NULL,
  size BIGINT NOT NULL,
  note {text} NOT NULL,
  PRIMARY KEY (at, day)
);

-- How far the counter of ids had come: a restored main jumps past it.
ALTER TABLE checkpoint_copy ADD COLUMN next_id BIGINT NOT NULL DEFAULT 0;
