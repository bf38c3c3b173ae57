// SPDX-License-Identifier: AGPL-3.0-or-later

package member

import "consend/internal/ground/store"

const columns = `id, login_id, state, role, email, name, language, theme, salt, invited_by, made_at, joined_at, seen_at, left_at`

var (
	add = store.Account("member.add", `INSERT INTO member
  (account_id, id, login_id, state, role, email, email_norm, name, language, salt, invited_by, made_at, joined_at)
  VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?)`)
	get  = store.Account("member.get", `SELECT `+columns+` FROM member m WHERE m.account_id = :account AND m.id = ?`)
	lock = store.Account("member.lock", `SELECT `+columns+` FROM member m WHERE m.account_id = :account AND m.id = ? :lock`)
	find = store.Account("member.find", `SELECT `+columns+` FROM member m WHERE m.account_id = :account AND m.email_norm = ? AND m.state <> 'left'`)
	all  = store.Account("member.all", `SELECT `+columns+` FROM member m WHERE m.account_id = :account AND m.state <> 'left'
  ORDER BY m.made_at, m.id LIMIT 1000`)
	owners = store.Account("member.owners", `SELECT m.id FROM member m
  WHERE m.account_id = :account AND m.role = 'owner' AND m.state = 'active' ORDER BY m.id LIMIT 1000 :lock`)

	setRole    = store.Account("member.set_role", `UPDATE member SET role = ? WHERE account_id = :account AND id = ?`)
	setJoined  = store.Account("member.set_joined", `UPDATE member SET state = 'active', login_id = ?, name = ?, language = ?, joined_at = :now, seen_at = :now WHERE account_id = :account AND id = ?`)
	setLeft    = store.Account("member.set_left", `UPDATE member SET state = 'left', login_id = 0, left_at = :now WHERE account_id = :account AND id = ?`)
	setProfile = store.Account("member.set_profile", `UPDATE member SET name = ?, language = ?, theme = ? WHERE account_id = :account AND id = ?`)
	setSeen    = store.Account("member.set_seen", `UPDATE member SET seen_at = :now WHERE account_id = :account AND id = ?`)

	byLogin = store.Installation("member.by_login", "a person who signs in may work in several accounts",
		`SELECT account_id, id, state, role, seen_at FROM member WHERE login_id = ? AND state = 'active' ORDER BY seen_at DESC, account_id LIMIT 100`)
)
