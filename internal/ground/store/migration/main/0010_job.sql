-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Facts whose handler failed: out of the way of the others, until they are due again.
CREATE TABLE fact_late (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  kind       {text} NOT NULL,
  ref        BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  tries      BIGINT NOT NULL,
  due_at     BIGINT NOT NULL,
  note       {text} NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX fact_late_due ON fact_late (due_at);

-- Long work, as people see it. fence counts who took it; beat_at is its holder's last sign of life.
CREATE TABLE task (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  kind       {text} NOT NULL,
  ref        BIGINT NOT NULL,
  state      {text} NOT NULL,
  done       BIGINT NOT NULL,
  total      BIGINT NOT NULL,
  note       {text} NOT NULL,
  by_kind    {text} NOT NULL,
  by_id      BIGINT NOT NULL,
  made_at    BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL,
  tries      BIGINT NOT NULL,
  fence      BIGINT NOT NULL,
  beat_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX task_open ON task (beat_at) WHERE ended_at = 0;
CREATE INDEX task_of ON task (account_id, kind, ref, id);
