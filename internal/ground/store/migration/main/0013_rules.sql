-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Decisions about the rules, only ever added: the installation's (rule 'pack' adopts a version of
-- the rules), and the choices of accounts, which only tighten. seq counts from 1 in each.

CREATE TABLE rulepack_decision (
  seq        BIGINT NOT NULL PRIMARY KEY,
  at         BIGINT NOT NULL,
  valid_from BIGINT NOT NULL,
  rule       {text} NOT NULL,
  value      {text} NOT NULL,   -- '' = back to what holds without it
  reason     {text} NOT NULL,
  by_kind    {text} NOT NULL,
  by_id      BIGINT NOT NULL,
  by_name    {text} NOT NULL    -- of a part of the house, never of a person
);

CREATE TABLE rulepack_choice (
  account_id BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  valid_from BIGINT NOT NULL,
  rule       {text} NOT NULL,
  value      {text} NOT NULL,
  reason     {text} NOT NULL,
  by_kind    {text} NOT NULL,
  by_id      BIGINT NOT NULL,
  by_name    {text} NOT NULL,
  PRIMARY KEY (account_id, seq)
);
CREATE INDEX rulepack_choice_rule ON rulepack_choice (rule, account_id);
