// SPDX-License-Identifier: AGPL-3.0-or-later

package apikey

import "consend/internal/ground/store"

const columns = `id, tail, name, origin, basis, made_by, made_at, used_at, revoked_at`

var (
	add = store.Account("apikey.add", `INSERT INTO apikey (account_id, id, hash, tail, name, origin, basis, made_by, made_at)
  VALUES (:account, ?, ?, ?, ?, ?, ?, ?, :now)`)
	find   = store.Account("apikey.find", `SELECT `+columns+` FROM apikey k WHERE k.account_id = :account AND k.hash = ?`)
	lock   = store.Account("apikey.lock", `SELECT `+columns+` FROM apikey k WHERE k.account_id = :account AND k.id = ? :lock`)
	all    = store.Account("apikey.all", `SELECT `+columns+` FROM apikey k WHERE k.account_id = :account ORDER BY k.revoked_at, k.made_at DESC, k.id LIMIT 500`)
	seen   = store.Account("apikey.seen", `UPDATE apikey SET used_at = :now WHERE account_id = :account AND id = ?`)
	revoke = store.Account("apikey.revoke", `UPDATE apikey SET revoked_at = :now WHERE account_id = :account AND id = ?`)
)
