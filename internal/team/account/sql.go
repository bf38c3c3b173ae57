// SPDX-License-Identifier: AGPL-3.0-or-later

package account

import "consend/internal/ground/store"

const columns = `account_id, kind, name, postal, country, rules, language, zone, colour, data_name, data_email, sending, made_at, suspended_at, suspended_why`

var (
	add = store.Account("account.add", `INSERT INTO account
  (account_id, kind, name, postal, country, rules, language, zone, colour, data_name, data_email, sending, made_at)
  VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now)`)
	get  = store.Account("account.get", `SELECT `+columns+` FROM account a WHERE a.account_id = :account`)
	lock = store.Account("account.lock", `SELECT `+columns+` FROM account a WHERE a.account_id = :account :lock`)
	set  = store.Account("account.set", `UPDATE account
  SET name = ?, postal = ?, country = ?, rules = ?, language = ?, zone = ?, colour = ?, data_name = ?, data_email = ?, sending = ?
  WHERE account_id = :account`)
	suspend = store.Account("account.suspend", `UPDATE account SET suspended_at = ?, suspended_why = ? WHERE account_id = :account`)

	house = store.Installation("account.house", "the house's own account is found before anybody is bound to it",
		`SELECT account_id FROM account WHERE kind <> 'customer'`)
	page = store.Installation("account.page", "the operator's work goes over all accounts, a page at a time",
		`SELECT account_id, name FROM account WHERE account_id > ? ORDER BY account_id LIMIT 1000`)
	named = store.Installation("account.named", "a person who works in several accounts sees their names",
		`SELECT account_id, name FROM account WHERE account_id IN ?* ORDER BY name LIMIT 100`)
)
