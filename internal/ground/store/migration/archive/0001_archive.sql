-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Copies of the log's checkpoints, the last of each day: what main can't take back.
CREATE TABLE checkpoint_copy (
  day  BIGINT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  note {text} NOT NULL
);
