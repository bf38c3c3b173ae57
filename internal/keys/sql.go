// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import "consend/internal/ground/store"

const ringReason = "the ring fetches an account's keys before anybody is bound to it"

var (
	findAccount  = store.Installation("keys.find_account", ringReason, `SELECT account_id, keyset, secret FROM key_account WHERE account_id = ?`)
	makeAccounts = store.Installation("keys.make_account", ringReason,
		`INSERT INTO key_account (account_id, keyset, secret, made_at) VALUES (?, ?, ?, :now) ON CONFLICT (account_id) DO NOTHING`)
	pageAccounts = store.Installation("keys.page_accounts", "a new root key seals all accounts anew",
		`SELECT account_id, keyset, secret FROM key_account WHERE account_id > ? ORDER BY account_id LIMIT 100`)
	resealAccount = store.Installation("keys.reseal_account", "a new root key seals all accounts anew",
		`UPDATE key_account SET keyset = ?, secret = ? WHERE account_id = ?`)
	endAccount = store.Installation("keys.end_account", "an account that ends takes its keys along",
		`DELETE FROM key_account WHERE account_id = ?`)

	findSecret = store.Installation("keys.find_secret", "a secret of the installation", `SELECT sealed FROM key_secret WHERE name = ?`)
	makeSecret = store.Installation("keys.make_secret", "a secret of the installation",
		`INSERT INTO key_secret (name, sealed, made_at) VALUES (?, ?, :now) ON CONFLICT (name) DO NOTHING`)
	allSecrets   = store.Installation("keys.all_secrets", "a new root key seals all secrets anew", `SELECT name, sealed FROM key_secret ORDER BY name LIMIT 1000`)
	resealSecret = store.Installation("keys.reseal_secret", "a new root key seals all secrets anew", `UPDATE key_secret SET sealed = ? WHERE name = ?`)
	anyKey       = store.Installation("keys.any", "a start looks whether there are keys",
		`SELECT (SELECT count(*) FROM key_secret) + (SELECT count(*) FROM key_account)`)

	addSheet = store.Account("keys.add_sheet",
		`INSERT INTO key_sheet (account_id, sheet, slots, made_at, swept_at) VALUES (:account, ?, ?, :now, 0)`)
	findSheet = store.Account("keys.find_sheet", `SELECT s.slots FROM key_sheet s WHERE s.account_id = :account AND s.sheet = ?`)
	lockSheet = store.Account("keys.lock_sheet", `SELECT s.slots FROM key_sheet s WHERE s.account_id = :account AND s.sheet = ? :lock`)
	setSheet  = store.Account("keys.set_sheet", `UPDATE key_sheet SET slots = ? WHERE account_id = :account AND sheet = ?`)
	unswept   = store.Account("keys.unswept",
		`SELECT s.sheet FROM key_sheet s WHERE s.account_id = :account AND s.swept_at = 0 AND s.made_at < ? ORDER BY s.sheet LIMIT 100`)
	setSwept  = store.Account("keys.set_swept", `UPDATE key_sheet SET swept_at = :now WHERE account_id = :account AND sheet = ?`)
	endSheets = store.Account("keys.end_sheets", `DELETE FROM key_sheet WHERE account_id = :account`)
)
