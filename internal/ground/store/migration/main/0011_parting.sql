-- SPDX-License-Identifier: AGPL-3.0-or-later
-- People who are deleted for good: which of their keys are still to be destroyed. The keys lie in another store, so this
-- row, written in the act that deletes the person, is what a process that comes after a kill finds.
CREATE TABLE key_end (
  account_id BIGINT NOT NULL,
  sheet      BIGINT NOT NULL,
  slot       INTEGER NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (account_id, sheet, slot)
);

-- A sign-up that nobody confirmed goes whatever became of it: asked in vain, or refused.
DROP INDEX signup_pending;
CREATE INDEX signup_unconfirmed ON signup (requested_at, id) WHERE state <> 'confirmed';
CREATE INDEX mailbox_message_signup ON mailbox_message (account_id, signup_id) WHERE signup_id <> 0;
