// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import "consend/internal/ground/store"

const columns = `SELECT m.id, m.contact_id, m.address, m.state, m.why, m.old_said_at, m.new_said_at, m.asked_at, m.ends_at, m.ended_at,
	m.asker_kind, m.asker_id, m.entry_id FROM address_change m WHERE m.account_id = :account `

var (
	find = store.Account("move.find", columns+`AND m.id = ?`)
	lock = store.Account("move.lock", columns+`AND m.id = ? :lock`)
	open = store.Account("move.open", columns+`AND m.contact_id = ? AND m.state = 'asked'`)
	of   = store.Account("move.of", columns+`AND m.contact_id = ? ORDER BY m.id DESC LIMIT 200`)
	last = store.Account("move.last", `SELECT m.contact_id, MAX(m.ended_at) AS ended_at FROM address_change m WHERE m.account_id = :account AND m.contact_id IN ?* AND m.state = 'done' GROUP BY m.contact_id`)
	add  = store.Account("move.add", `INSERT INTO address_change (account_id, id, contact_id, address, address_norm, fp, state, asked_at, ends_at, asker_kind, asker_id, entry_id)
		VALUES (:account, ?, ?, ?, ?, ?, 'asked', :now, ?, ?, ?, ?)`)
	said = store.Account("move.said", `UPDATE address_change SET old_said_at = ?, new_said_at = ? WHERE account_id = :account AND id = ?`)
	end  = store.Account("move.end", `UPDATE address_change SET state = ?, why = ?, address = '', address_norm = '', fp = ?, ended_at = :now
		WHERE account_id = :account AND id = ?`)
	endOpen = store.Account("move.end_open", `UPDATE address_change SET state = ?, why = ?, address = '', address_norm = '', fp = ?, ended_at = :now
		WHERE account_id = :account AND contact_id = ? AND state = 'asked'`)
	due = store.Installation("move.due", "changes of address nobody answered end in every account", `SELECT m.account_id, m.id FROM address_change m
		WHERE m.state = 'asked' AND m.ends_at <= :now ORDER BY m.ends_at, m.account_id, m.id LIMIT ?`)
	drop = store.Account("move.drop", `DELETE FROM address_change WHERE account_id = :account AND contact_id IN ?*`)
)
