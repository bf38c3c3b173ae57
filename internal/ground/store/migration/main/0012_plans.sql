-- SPDX-License-Identifier: AGPL-3.0-or-later
-- What sweeps look for, without reading everything: files that were never finished, and who is named by a sheet of keys.
-- People have a key once something of theirs is sealed: a plain import fills no line of the second.
CREATE INDEX blob_unfinished ON blob (made_at) WHERE size < 0;
CREATE INDEX contact_sheet ON contact (account_id, key_sheet) WHERE key_sheet <> 0;
