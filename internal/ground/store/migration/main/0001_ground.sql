-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Facts: short work, posted in the transaction of the act it follows from. Drained in the order of id.
CREATE TABLE fact (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  kind       {text} NOT NULL,
  ref        BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX fact_order ON fact (id);
