-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Reminders of confirmation mails, and mailboxes to which nobody of this installation sends one.

ALTER TABLE signup ADD COLUMN remind_at BIGINT NOT NULL DEFAULT 0; -- when the one reminder is due; 0: none, or sent
CREATE INDEX signup_remind ON signup (remind_at) WHERE remind_at > 0;

-- A victim of subscription bombing is known by a hash keyed by the installation, over all accounts.
CREATE TABLE mailbox_shut (
  fp      {bytes} NOT NULL PRIMARY KEY,
  said    BIGINT NOT NULL,               -- how often "not me" was said
  said_at BIGINT NOT NULL,               -- the last time
  shut_at BIGINT NOT NULL DEFAULT 0      -- since when it gets no confirmation mail; 0: it does
);
CREATE INDEX mailbox_shut_said ON mailbox_shut (said_at);
