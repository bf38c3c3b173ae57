-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What is noted about people, declared in full, and groups of people described by conditions.
-- "Several of the choices" is a choice of which several may stand: no rows are rewritten for it.

ALTER TABLE attribute ADD COLUMN several INTEGER NOT NULL DEFAULT 0;      -- 1: several of the choices
ALTER TABLE attribute ADD COLUMN label {text} NOT NULL DEFAULT '';        -- how people see it
ALTER TABLE attribute ADD COLUMN keep_days INTEGER NOT NULL DEFAULT 0;    -- 0: as long as the contact
ALTER TABLE attribute ADD COLUMN special {text} NOT NULL DEFAULT '';      -- GDPR 9(2): consent, member, public; '' none
ALTER TABLE attribute ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

CREATE TABLE segment (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        {text} NOT NULL,
  folded      {text} NOT NULL,
  definition  {json} NOT NULL,              -- conditions: attributes, lists and words by number; values the account typed
  version     BIGINT NOT NULL DEFAULT 1,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  retired_at  BIGINT NOT NULL DEFAULT 0,
  entry_id    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX segment_folded ON segment (account_id, folded) WHERE retired_at = 0;
