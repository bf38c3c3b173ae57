// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import "consend/internal/ground/store"

const nobody = "a person signs in before any account is known"

const loginColumns = `id, email_norm, password, password_at, totp, totp_at, totp_step, made_at`

var (
	addLogin = store.Installation("login.add", nobody,
		`INSERT INTO login (id, email_norm, password, password_at, made_at) VALUES (?, ?, ?, :now, :now)`)
	findLogin = store.Installation("login.find", nobody, `SELECT `+loginColumns+` FROM login WHERE email_norm = ?`)
	getLogin  = store.Installation("login.get", nobody, `SELECT `+loginColumns+` FROM login WHERE id = ?`)
	lockLogin = store.Installation("login.lock", nobody, `SELECT `+loginColumns+` FROM login WHERE id = ? :lock`)

	setPassword = store.Installation("login.set_password", nobody, `UPDATE login SET password = ?, password_at = :now WHERE id = ?`)
	setTOTP     = store.Installation("login.set_totp", nobody, `UPDATE login SET totp = ?, totp_at = ?, totp_step = ? WHERE id = ?`)
	setStep     = store.Installation("login.set_step", nobody, `UPDATE login SET totp_step = ? WHERE id = ?`)

	addCode   = store.Installation("login.add_code", nobody, `INSERT INTO recovery_code (login_id, hash) VALUES (?, ?)`)
	useCode   = store.Installation("login.use_code", nobody, `UPDATE recovery_code SET used_at = :now WHERE login_id = ? AND hash = ? AND used_at = 0`)
	dropCodes = store.Installation("login.drop_codes", nobody, `DELETE FROM recovery_code WHERE login_id = ?`)
	leftCodes = store.Installation("login.left_codes", nobody, `SELECT count(*) FROM recovery_code WHERE login_id = ? AND used_at = 0`)

	addSetup  = store.Installation("login.add_setup", "the house has no account yet", `INSERT INTO setup_link (hash, made_at, expires_at) VALUES (?, :now, ?)`)
	dropSetup = store.Installation("login.drop_setup", "one set-up link at a time", `DELETE FROM setup_link WHERE used_at = 0`)
	getSetup  = store.Installation("login.get_setup", "the house has no account yet", `SELECT expires_at, used_at FROM setup_link WHERE hash = ?`)
	useSetup  = store.Installation("login.use_setup", "the house has no account yet",
		`UPDATE setup_link SET used_at = :now WHERE hash = ? AND used_at = 0 AND expires_at > :now`)

	tries = store.Installation("login.tries", nobody, `SELECT hash, CAST(sum(count) AS BIGINT) AS n, max(last_at) AS last_at
  FROM attempt WHERE hash IN ?# AND minute > ? GROUP BY hash`)
	countTry = store.Installation("login.count_try", nobody, `INSERT INTO attempt (hash, minute, count, last_at) VALUES (?, ?, 1, :now)
  ON CONFLICT (hash, minute) DO UPDATE SET count = attempt.count + 1, last_at = excluded.last_at`)
	forgive   = store.Installation("login.forgive", nobody, `DELETE FROM attempt WHERE hash = ?`)
	dropTries = store.Installation("login.drop_tries", "old counts end", `DELETE FROM attempt WHERE minute < ?`)

	addSession = store.Account("login.add_session", `INSERT INTO session
  (account_id, id, hash, member_id, login_id, grant_id, agent, made_at, seen_at, fresh_at, expires_at)
  VALUES (:account, ?, ?, ?, ?, 0, ?, :now, :now, ?, ?)`)
	findSession = store.Account("login.find_session", `SELECT s.id, s.member_id, s.login_id, s.grant_id, s.agent, s.made_at, s.seen_at, s.fresh_at, s.expires_at, l.password_at
  FROM session s JOIN login l ON l.id = s.login_id WHERE s.account_id = :account AND s.hash = ?`)
	ofMember = store.Account("login.sessions", `SELECT s.id, s.member_id, s.login_id, s.grant_id, s.agent, s.made_at, s.seen_at, s.fresh_at, s.expires_at, l.password_at
  FROM session s JOIN login l ON l.id = s.login_id
  WHERE s.account_id = :account AND s.member_id = ? AND s.expires_at > :now ORDER BY s.seen_at DESC, s.id LIMIT 200`)
	seenSession  = store.Account("login.seen", `UPDATE session SET seen_at = :now WHERE account_id = :account AND id = ?`)
	freshSession = store.Account("login.fresh", `UPDATE session SET fresh_at = :now WHERE account_id = :account AND id = ?`)
	endSession   = store.Account("login.end", `DELETE FROM session WHERE account_id = :account AND member_id = ? AND id = ?`)
	endOthers    = store.Account("login.end_others", `DELETE FROM session WHERE account_id = :account AND member_id = ? AND id <> ?`)
	dropSessions = store.Account("login.drop_sessions", `DELETE FROM session WHERE account_id = :account AND (expires_at <= :now OR seen_at < ?)`)

	addLink = store.Account("login.add_link", `INSERT INTO link (account_id, hash, kind, member_id, made_at, expires_at) VALUES (:account, ?, ?, ?, :now, ?)`)
	getLink = store.Account("login.get_link", `SELECT k.kind, k.member_id, k.tries, k.made_at, k.expires_at, k.used_at FROM link k WHERE k.account_id = :account AND k.hash = ?`)
	useLink = store.Account("login.use_link", `UPDATE link SET used_at = :now
  WHERE account_id = :account AND hash = ? AND kind = ? AND used_at = 0 AND expires_at > :now`)
	useLinks  = store.Account("login.use_links", `UPDATE link SET used_at = :now WHERE account_id = :account AND member_id = ? AND kind = ? AND used_at = 0`)
	tryLink   = store.Account("login.try_link", `UPDATE link SET tries = tries + 1 WHERE account_id = :account AND hash = ? AND used_at = 0 AND tries < ?`)
	dropLinks = store.Account("login.drop_links", `DELETE FROM link WHERE account_id = :account AND member_id = ? AND kind = ?`)
	endLinks  = store.Account("login.end_links", `DELETE FROM link WHERE account_id = :account AND member_id = ?`)
	oldLinks  = store.Account("login.old_links", `DELETE FROM link WHERE account_id = :account AND expires_at < ?`)
)
