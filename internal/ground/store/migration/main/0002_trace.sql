-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The log: entries, those not yet sealed, their leaves, the tree in tiles of 256, its head and checkpoints.

CREATE TABLE trace_entry (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  action     {text} NOT NULL,
  actor      {text} NOT NULL,
  actor_id   BIGINT NOT NULL,
  object     {text} NOT NULL,
  object_id  BIGINT NOT NULL,
  contact_id BIGINT NOT NULL,
  clear      {text} NOT NULL,
  private    {text} NOT NULL,
  sealed     {bytes} NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX trace_entry_contact ON trace_entry (account_id, contact_id, id);
CREATE INDEX trace_entry_at ON trace_entry (account_id, at, id);

CREATE TABLE trace_pending (
  account_id BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  leaf       {bytes} NOT NULL,
  PRIMARY KEY (account_id, entry_id)
);

CREATE TABLE trace_leaf (
  account_id BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  leaf_index BIGINT NOT NULL,
  PRIMARY KEY (account_id, entry_id)
);
CREATE UNIQUE INDEX trace_leaf_index ON trace_leaf (leaf_index);

CREATE TABLE trace_members (
  account_id BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  n          INTEGER NOT NULL,
  leaves     {bytes} NOT NULL,
  PRIMARY KEY (account_id, entry_id)
);

CREATE TABLE trace_tile (
  level  INTEGER NOT NULL,
  n      BIGINT NOT NULL,
  hashes {bytes} NOT NULL,
  PRIMARY KEY (level, n)
);

CREATE TABLE trace_head (
  id   INTEGER NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  root {bytes} NOT NULL,
  at   BIGINT NOT NULL
);

CREATE TABLE trace_checkpoint (
  hour BIGINT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  note {text} NOT NULL
);
