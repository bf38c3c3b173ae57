-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Refusals that have yet to reach the ledger in the keys store: seconds.
CREATE TABLE refusal_out (
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
