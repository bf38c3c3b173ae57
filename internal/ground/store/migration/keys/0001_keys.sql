-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Keys, all sealed: by the root (accounts, secrets) or by the account (sheets).

CREATE TABLE key_account (
  account_id BIGINT NOT NULL PRIMARY KEY,
  keyset     {bytes} NOT NULL,
  secret     {bytes} NOT NULL,
  made_at    BIGINT NOT NULL
);

CREATE TABLE key_secret (
  name    {text} NOT NULL PRIMARY KEY,
  sealed  {bytes} NOT NULL,
  made_at BIGINT NOT NULL
);

CREATE TABLE key_sheet (
  account_id BIGINT NOT NULL,
  sheet      BIGINT NOT NULL,
  slots      {bytes} NOT NULL,
  made_at    BIGINT NOT NULL,
  swept_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, sheet)
);

-- Copies of the log's checkpoints, the last of each day: what main can't take back.
CREATE TABLE checkpoint_copy (
  day  BIGINT NOT NULL PRIMARY KEY,
  size BIGINT NOT NULL,
  note {text} NOT NULL
);
