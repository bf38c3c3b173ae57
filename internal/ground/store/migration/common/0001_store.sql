-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What every store carries: its name, and the counter of its ids.

CREATE TABLE store (
  kind         {text} NOT NULL PRIMARY KEY,
  id           {text} NOT NULL,
  installation {text} NOT NULL
);

CREATE TABLE counter (
  name {text} NOT NULL PRIMARY KEY,
  next BIGINT NOT NULL
);
INSERT INTO counter (name, next) VALUES ('id', 1000);
