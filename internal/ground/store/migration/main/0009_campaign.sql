-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Who writes (senders, domains with their DKIM keys), campaigns, and the send ledger.
-- Moments are microseconds since 1970 UTC; 0 means "not".

CREATE TABLE sender_domain (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  name       {text} NOT NULL,               -- A-labels, lower case
  selector   {text} NOT NULL,
  key_ct     {bytes} NOT NULL,              -- RSA-2048, PKCS #8, under the account's key
  record     {text} NOT NULL,               -- the TXT record to publish
  made_at    BIGINT NOT NULL,
  checked_at BIGINT NOT NULL DEFAULT 0,     -- when its DNS was last looked at
  found_at   BIGINT NOT NULL DEFAULT 0,     -- when the record was last seen there; 0 when the last look did not find it
  retired_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX sender_domain_name ON sender_domain (account_id, name) WHERE retired_at = 0;

CREATE TABLE sender (
  account_id BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  name       {text} NOT NULL,               -- as it stands in From
  email      {text} NOT NULL,
  email_norm {text} NOT NULL,
  reply_to   {text} NOT NULL DEFAULT '',
  version    BIGINT NOT NULL DEFAULT 1,
  made_at    BIGINT NOT NULL,
  retired_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX sender_email ON sender (account_id, email_norm) WHERE retired_at = 0;
