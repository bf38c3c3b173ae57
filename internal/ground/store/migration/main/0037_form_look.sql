-- +goose Up
-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What a form looked like, beside its words: the style sheet it was drawn with, from when on.
CREATE TABLE form_style (
  account_id BIGINT NOT NULL,
  sha256     {bytes} NOT NULL,               -- of the style sheet
  css        {bytes} NOT NULL,               -- gzip (RFC 1952)
  PRIMARY KEY (account_id, sha256)
);

CREATE TABLE form_look (
  account_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  since      BIGINT NOT NULL,
  sha256     {bytes} NOT NULL,
  PRIMARY KEY (account_id, version_id, since),
  FOREIGN KEY (account_id, version_id) REFERENCES form_version (account_id, id),
  FOREIGN KEY (account_id, sha256) REFERENCES form_style (account_id, sha256)
);
CREATE INDEX form_look_style ON form_look (account_id, sha256);
