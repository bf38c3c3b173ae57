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
  clear      {text} NOT NULL,   -- canonical text, as committed
  private    {text} NOT NULL,   -- names and commitments of the private values
  c2         {bytes} NOT NULL,  -- what the leaf holds of them: the clear part stays provable when the person's salt is gone
  sealed     {bytes} NOT NULL,  -- the private values, under the person's key (the account's when it is about nobody)
  PRIMARY KEY (account_id, id)
);
CREATE INDEX trace_entry_at ON trace_entry (account_id, at, id);
CREATE INDEX trace_entry_contact ON trace_entry (account_id, contact_id, at, id) WHERE contact_id <> 0;
CREATE INDEX trace_entry_action ON trace_entry (account_id, action, at, id);

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
  at         BIGINT NOT NULL,   -- when it was sealed
  PRIMARY KEY (account_id, entry_id)
);
CREATE UNIQUE INDEX trace_leaf_index ON trace_leaf (leaf_index);

CREATE TABLE trace_members (
  account_id BIGINT NOT NULL,
  entry_id   BIGINT NOT NULL,
  n          INTEGER NOT NULL,
  leaves     {bytes} NOT NULL,  -- n x 32 bytes, in order
  names      {text} NOT NULL,   -- of the members' private fields, sorted, with spaces between
  kept       {bytes} NOT NULL,  -- per member: 4 bytes, a bit for each name it has, then 32 bytes of commitment for each
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
