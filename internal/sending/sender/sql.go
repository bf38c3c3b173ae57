// SPDX-License-Identifier: AGPL-3.0-or-later

package sender

import "consend/internal/ground/store"

const (
	columns       = `s.id, s.name, s.email, s.reply_to, s.version, s.made_at, s.retired_at`
	domainColumns = `d.id, d.name, d.selector, d.record, d.made_at, d.checked_at, d.found_at, d.retired_at`
)

var (
	add = store.Account("sender.add", `INSERT INTO sender (account_id, id, name, email, email_norm, reply_to, made_at)
		VALUES (:account, ?, ?, ?, ?, ?, :now)`)
	change = store.Account("sender.change", `UPDATE sender SET name = ?, email = ?, email_norm = ?, reply_to = ?, version = version + 1
		WHERE account_id = :account AND id = ? AND (version = ? OR ? = 0)`)
	retire = store.Account("sender.retire", `UPDATE sender SET retired_at = :now WHERE account_id = :account AND id = ?`)
	get    = store.Account("sender.get", `SELECT `+columns+` FROM sender s WHERE s.account_id = :account AND s.id = ?`)
	all    = store.Account("sender.all", `SELECT `+columns+` FROM sender s WHERE s.account_id = :account AND s.retired_at = 0 ORDER BY s.name, s.email_norm LIMIT 1000`)
	find   = store.Account("sender.find", `SELECT `+columns+` FROM sender s WHERE s.account_id = :account AND s.email_norm = ? AND s.retired_at = 0`)

	addDomain = store.Account("sender.add_domain", `INSERT INTO sender_domain (account_id, id, name, selector, key_ct, record, made_at)
		VALUES (:account, ?, ?, ?, ?, ?, :now)`)
	retireDomain = store.Account("sender.retire_domain", `UPDATE sender_domain SET retired_at = :now WHERE account_id = :account AND id = ?`)
	looked       = store.Account("sender.looked", `UPDATE sender_domain SET checked_at = :now, found_at = ? WHERE account_id = :account AND id = ?`)
	getDomain    = store.Account("sender.get_domain", `SELECT `+domainColumns+` FROM sender_domain d WHERE d.account_id = :account AND d.id = ?`)
	domains      = store.Account("sender.domains", `SELECT `+domainColumns+` FROM sender_domain d WHERE d.account_id = :account AND d.retired_at = 0 ORDER BY d.name LIMIT 1000`)
	named        = store.Account("sender.named", `SELECT `+domainColumns+` FROM sender_domain d WHERE d.account_id = :account AND d.name IN ?* AND d.retired_at = 0`)
	keyOf        = store.Account("sender.key", `SELECT d.key_ct FROM sender_domain d WHERE d.account_id = :account AND d.id = ?`)
)
