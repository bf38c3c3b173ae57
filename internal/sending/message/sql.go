// SPDX-License-Identifier: AGPL-3.0-or-later

package message

import "consend/internal/ground/store"

const columns = `m.id, m.kind, m.ref, m.class, m.contact_id, m.signup_id, m.member_id, m.state, m.reason, m.tries, m.doubts, m.next_at, m.claim,
 m.relay_id, m.permit_id, m.stage, m.reply, m.made_at, m.ended_at`

var (
	post = store.Account("message.post", `INSERT INTO message (account_id, id, kind, ref, state, next_at, made_at) VALUES (:account, ?, ?, ?, 'pending', :now, :now)`)
	// From account to account along the index, so that a long queue of one costs the others nothing.
	due = store.Installation("message.due", "the sender looks for accounts that have something to send",
		`WITH RECURSIVE a (account_id) AS (
 SELECT min(m.account_id) FROM message m WHERE m.state IN ('pending', 'deferred', 'claimed')
 UNION ALL
 SELECT (SELECT min(m.account_id) FROM message m WHERE m.state IN ('pending', 'deferred', 'claimed') AND m.account_id > a.account_id)
 FROM a WHERE a.account_id IS NOT NULL)
 SELECT q.account_id FROM (SELECT a.account_id, (SELECT min(m.next_at) FROM message m
 WHERE m.account_id = a.account_id AND m.state IN ('pending', 'deferred', 'claimed')) AS next_at FROM a WHERE a.account_id IS NOT NULL) q
 WHERE q.next_at <= :now ORDER BY q.next_at LIMIT ?`)
	toClaim = store.Account("message.to_claim", `SELECT `+columns+` FROM message m
 WHERE m.account_id = :account AND m.state IN ('pending', 'deferred', 'claimed') AND m.next_at <= :now ORDER BY m.next_at, m.id LIMIT ? :skip`)
	setClaim = store.Account("message.set_claim", `UPDATE message SET state = 'claimed', claim = ?, next_at = ? WHERE account_id = :account AND id IN ?*`)
	doubt    = store.Account("message.doubt", `UPDATE message SET doubts = doubts + 1 WHERE account_id = :account AND id IN ?*`)
	renew    = store.Account("message.renew", `UPDATE message SET next_at = ?
 WHERE account_id = :account AND state IN ('pending', 'deferred', 'claimed') AND state = 'claimed' AND claim = ?`)
	written = store.Account("message.written", `UPDATE message SET class = ?, contact_id = ?, signup_id = ?, member_id = ? WHERE account_id = :account AND id = ?`)
	book    = store.Account("message.book", `UPDATE message SET state = ?, reason = ?, tries = ?, doubts = ?, next_at = ?, relay_id = ?, permit_id = ?, stage = ?, reply = ?, ended_at = ?, claim = 0
 WHERE account_id = :account AND id = ? AND claim = ?`)
	abandon = store.Installation("message.abandon", "the only process on a database frees what the one before it had claimed",
		`UPDATE message SET next_at = :now WHERE state IN ('pending', 'deferred', 'claimed') AND state = 'claimed'`)
	get  = store.Account("message.get", `SELECT `+columns+` FROM message m WHERE m.account_id = :account AND m.id = ?`)
	page = store.Account("message.page", `SELECT `+columns+` FROM message m
 WHERE m.account_id = :account AND m.id < ? AND (CAST(? AS {text}) = '' OR m.state = ?) ORDER BY m.id DESC LIMIT ?`)
	ofContact = store.Account("message.of_contact", `SELECT `+columns+` FROM message m WHERE m.account_id = :account AND m.contact_id = ? AND m.contact_id <> 0
 AND (m.made_at, m.id) < (?, ?) ORDER BY m.made_at DESC, m.id DESC LIMIT ?`)
	ofSignups = store.Account("message.of_signups", `SELECT `+columns+` FROM message m WHERE m.account_id = :account AND m.signup_id IN ?* AND m.signup_id <> 0
 AND m.contact_id = 0 AND (m.made_at, m.id) < (?, ?) ORDER BY m.made_at DESC, m.id DESC LIMIT ?`)
	counts = store.Account("message.counts", `SELECT m.state, count(*) AS n FROM message m WHERE m.account_id = :account AND m.made_at >= ?
		AND (m.ended_at = 0 OR m.ended_at >= ?) GROUP BY m.state`)
	waiting = store.Account("message.waiting", `SELECT m.reason, count(*) AS n FROM message m
 WHERE m.account_id = :account AND m.state IN ('pending', 'deferred', 'claimed') AND m.reason <> '' GROUP BY m.reason ORDER BY n DESC`)
	again = store.Account("message.again", `UPDATE message SET state = 'pending', reason = '', tries = 0, doubts = 0, next_at = :now, ended_at = 0, claim = 0
 WHERE account_id = :account AND id = ? AND state IN ('failed', 'uncertain')`)
	release = store.Account("message.release", `UPDATE message SET next_at = :now
 WHERE account_id = :account AND state IN ('pending', 'deferred', 'claimed') AND state = 'deferred' AND next_at > :now`)
	sweep = store.Account("message.sweep", `DELETE FROM message AS d WHERE d.account_id = :account AND d.id IN (
 SELECT m.id FROM message m WHERE m.account_id = :account AND m.ended_at > 0 AND m.ended_at < ? ORDER BY m.ended_at LIMIT ?)`)
	accountsEnded = store.Installation("message.accounts_ended", "a sweep goes over all accounts", `WITH RECURSIVE a(account_id) AS (
		SELECT min(m.account_id) FROM message m
		UNION ALL SELECT (SELECT min(m.account_id) FROM message m WHERE m.account_id > a.account_id) FROM a WHERE a.account_id IS NOT NULL)
		SELECT a.account_id FROM a WHERE a.account_id IS NOT NULL`)
	dropPeople  = store.Account("message.drop_people", `DELETE FROM message WHERE account_id = :account AND contact_id <> 0 AND contact_id IN ?*`)
	dropSignups = store.Account("message.drop_signups", `DELETE FROM message WHERE account_id = :account AND signup_id <> 0 AND signup_id IN ?*`)
)
