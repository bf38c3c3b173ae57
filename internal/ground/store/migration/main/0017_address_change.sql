-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Changes of address: asked, and done only when both mailboxes have said yes.
CREATE TABLE address_change (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  contact_id  BIGINT NOT NULL,
  address     {text} NOT NULL,             -- the new one, as typed; '' once the change has ended
  address_norm {text} NOT NULL,            -- folded
  fp          {bytes} NOT NULL,            -- its keyed hash; empty once the change has ended
  state       {text} NOT NULL CHECK (state IN ('asked', 'done', 'refused', 'expired')),
  why         {text} NOT NULL DEFAULT '',  -- how it ended: old, new, taken, replaced, late
  old_said_at BIGINT NOT NULL DEFAULT 0,   -- the mailbox we write to said yes
  new_said_at BIGINT NOT NULL DEFAULT 0,   -- the other one did
  asked_at    BIGINT NOT NULL,
  ends_at     BIGINT NOT NULL,
  ended_at    BIGINT NOT NULL DEFAULT 0,
  asker_kind  {text} NOT NULL,
  asker_id    BIGINT NOT NULL,
  entry_id    BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX address_change_contact ON address_change (account_id, contact_id, id);
CREATE UNIQUE INDEX address_change_open ON address_change (account_id, contact_id) WHERE state = 'asked';
CREATE INDEX address_change_due ON address_change (ends_at) WHERE state = 'asked';
