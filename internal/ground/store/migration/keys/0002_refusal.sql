-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The ledger of refusals: what a restored main must not forget. Only ever added to.
CREATE TABLE refusal (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  fp         {bytes} NOT NULL,
  kind       {text} NOT NULL,
  scope      {text} NOT NULL,
  scope_id   BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX refusal_at ON refusal (at, account_id, id);

-- Lines that the file outside lacks yet.
CREATE TABLE refusal_due (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);

-- Lines that a restore let hold again: lines of their own say so, by entries that main has.
CREATE TABLE refusal_replayed (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);

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
