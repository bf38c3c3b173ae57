// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"consend/internal/ground/store"
	"consend/internal/people/consent"
)

const columns = `o.contact_id, o.list_id, o.id, o.state, o.reason, o.run_id, o.import_id, o.campaign_id, o.message_id, o.note_version_id, o.language, o.asked_what, o.asked_by, o.answer,
	o.made_at, o.at, o.answered_at, o.entry_id, o.entry_index`

// came is whether an import wrote about a contact c on its list.
const came = `EXISTS (SELECT 1 FROM consent_event e WHERE e.account_id = :account AND e.contact_id = c.id AND e.list_id = k.list_id AND e.import_id = ?)`

// said is whether it was said before, or is about to be; who was left out may be looked at again.
const said = `EXISTS (SELECT 1 FROM once o WHERE o.account_id = :account AND o.contact_id = c.id AND o.list_id = `

var (
	ofContact = store.Account("once.of_contact", `SELECT `+columns+` FROM once o WHERE o.account_id = :account AND o.contact_id = ? ORDER BY o.made_at, o.list_id LIMIT 1000`)
	find      = store.Account("once.find", `SELECT `+columns+` FROM once o WHERE o.account_id = :account AND o.contact_id = ? AND o.list_id = ?`)
	lock      = store.Account("once.lock", `SELECT `+columns+` FROM once o WHERE o.account_id = :account AND o.contact_id = ? AND o.list_id = ? :lock`)
	lockID    = store.Account("once.lock_id", `SELECT `+columns+` FROM once o WHERE o.account_id = :account AND o.id = ? :lock`)

	// Around them stands a LIMIT nobody reaches: it keeps the planner from finding the reason once for each place that names it.
	countTell = store.Account("once.count_tell", `SELECT t.reason, COUNT(*) AS people FROM (SELECT CASE WHEN `+said+`0 AND o.state <> 'left_out') THEN 'said_once' ELSE `+consent.TellSQL+` END AS reason
		FROM subscription k JOIN contact c ON c.account_id = :account AND c.id = k.contact_id
		WHERE k.account_id = :account AND k.list_id = ? AND c.notice_due_at > 0 AND `+came+` LIMIT 1000000000) t GROUP BY t.reason ORDER BY t.reason`)
	countAsk = store.Account("once.count_ask", `SELECT t.reason, COUNT(*) AS people FROM (SELECT CASE WHEN `+said+`s.list_id AND o.state <> 'left_out') THEN 'said_once' ELSE `+consent.AskSQL+` END AS reason
		FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id JOIN list l ON l.account_id = :account AND l.id = s.list_id
		WHERE s.account_id = :account AND s.list_id = ? AND s.state <> 'none' AND (CAST(? AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM consent_event e
			WHERE e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id AND e.import_id = ?)) LIMIT 1000000000) t
		GROUP BY t.reason ORDER BY t.reason`)
	whoTell = store.Account("once.who_tell", `SELECT c.id FROM subscription k JOIN contact c ON c.account_id = :account AND c.id = k.contact_id
		WHERE k.account_id = :account AND k.list_id = ? AND k.contact_id IN ?* AND c.notice_due_at > 0
		AND NOT `+said+`0 AND o.state <> 'left_out') AND `+consent.TellSQL+` = '' ORDER BY c.id`)
	whoAsk = store.Account("once.who_ask", `SELECT c.id FROM subscription s
		JOIN contact c ON c.account_id = :account AND c.id = s.contact_id JOIN list l ON l.account_id = :account AND l.id = s.list_id
		WHERE s.account_id = :account AND `+consent.AskSQL+` = '' AND s.list_id = ? AND s.contact_id IN ?*
		AND NOT `+said+`s.list_id AND o.state <> 'left_out') ORDER BY c.id`)
	// Whose month ends soon, or has ended: by the small index of those who are owed word.
	whoDue = store.Account("once.who_due", `SELECT c.id, c.notice_due_at FROM contact c WHERE c.account_id = :account AND c.notice_due_at > 0 AND c.notice_due_at <= ?
		AND (c.notice_due_at > ? OR c.notice_due_at = ? AND c.id > ?)
		AND NOT `+said+`0 AND o.state <> 'left_out') AND `+consent.TellSQL+` = '' ORDER BY c.notice_due_at, c.id LIMIT ?`)

	want = store.Load("once.want", "once", []store.Column{{Name: "contact_id"}, {Name: "list_id"}, {Name: "id"}, {Name: "state", Type: store.Text},
		{Name: "run_id"}, {Name: "import_id"}, {Name: "made_at"}},
		`ON CONFLICT (account_id, contact_id, list_id) DO UPDATE SET id = excluded.id, state = excluded.state, reason = '', run_id = excluded.run_id,
		import_id = excluded.import_id, made_at = excluded.made_at WHERE once.state = 'left_out'`)
	// The first word that told somebody counts.
	tellAll = store.Load("once.tell_all", "once", []store.Column{{Name: "contact_id"}, {Name: "list_id"}, {Name: "id"}, {Name: "state", Type: store.Text}, {Name: "import_id"},
		{Name: "campaign_id"}, {Name: "note_version_id"}, {Name: "language", Type: store.Text}, {Name: "made_at"}, {Name: "at"}, {Name: "entry_id"}, {Name: "entry_index"}},
		`ON CONFLICT (account_id, contact_id, list_id) DO UPDATE SET state = excluded.state, reason = '', campaign_id = excluded.campaign_id,
		note_version_id = excluded.note_version_id, language = excluded.language, at = excluded.at, entry_id = excluded.entry_id, entry_index = excluded.entry_index
		WHERE once.state <> 'done'`)

	inFlight = store.Account("once.in_flight", `SELECT COUNT(*) FROM once o WHERE o.account_id = :account AND o.state IN ('wanted', 'queued') AND o.state = 'queued'`)
	// A person gets one of these at a time.
	nextWanted = store.Account("once.next_wanted", `SELECT `+columns+` FROM once o WHERE o.account_id = :account AND o.state IN ('wanted', 'queued') AND o.state = 'wanted'
		AND NOT EXISTS (SELECT 1 FROM once q WHERE q.account_id = :account AND q.contact_id = o.contact_id AND q.list_id <> o.list_id
			AND (q.state = 'queued' OR q.state = 'wanted' AND q.id < o.id)) ORDER BY o.id LIMIT ? :skip`)
	queue    = store.Account("once.queue", `UPDATE once SET state = 'queued' WHERE account_id = :account AND id IN ?* AND state = 'wanted'`)
	written  = store.Account("once.written", `UPDATE once SET note_version_id = ?, language = ?, asked_what = ?, asked_by = ? WHERE account_id = :account AND id = ?`)
	setEnded = store.Account("once.set_ended", `UPDATE once SET state = ?, reason = ?, message_id = ?, at = ?, entry_id = ?, entry_index = -1 WHERE account_id = :account AND id = ?`)
	answered = store.Account("once.answered", `UPDATE once SET answer = ?, answered_at = :now WHERE account_id = :account AND id = ?`)

	addRun = store.Account("once.add_run", `INSERT INTO once_run (account_id, id, kind, list_id, import_id, made_by, made_at, entry_id) VALUES (:account, ?, ?, ?, ?, ?, :now, ?)`)
	getRun = store.Account("once.get_run", `SELECT r.id, r.kind, r.list_id, r.import_id, r.after_id, r.people, r.made_by, r.made_at, r.ended_at, r.entry_id
		FROM once_run r WHERE r.account_id = :account AND r.id = ?`)
	lockRun = store.Account("once.lock_run", `SELECT r.id, r.kind, r.list_id, r.import_id, r.after_id, r.people, r.made_by, r.made_at, r.ended_at, r.entry_id
		FROM once_run r WHERE r.account_id = :account AND r.id = ? :lock`)
	runsOf = store.Account("once.runs_of", `SELECT r.id, r.kind, r.list_id, r.import_id, r.after_id, r.people, r.made_by, r.made_at, r.ended_at, r.entry_id
		FROM once_run r WHERE r.account_id = :account AND r.kind = ? AND r.list_id = ? ORDER BY r.id DESC LIMIT ?`)
	stepRun = store.Account("once.step_run", `UPDATE once_run SET after_id = ?, people = people + ? WHERE account_id = :account AND id = ?`)
	endRun  = store.Account("once.end_run", `UPDATE once_run SET ended_at = :now, after_id = 0 WHERE account_id = :account AND id = ?`)

	countTold = store.Account("once.count_told", `SELECT o.state, o.answer, COUNT(*) AS people FROM once o
		WHERE o.account_id = :account AND o.import_id = ? AND o.import_id <> 0 AND o.list_id = 0 GROUP BY o.state, o.answer ORDER BY o.state`)
	countAsked = store.Account("once.count_asked", `SELECT o.state, o.answer, COUNT(*) AS people FROM subscription s
		JOIN once o ON o.account_id = :account AND o.contact_id = s.contact_id AND o.list_id = s.list_id
		WHERE s.account_id = :account AND s.list_id = ? GROUP BY o.state, o.answer ORDER BY o.state, o.answer`)
	held = store.Account("once.held", `SELECT DISTINCT o.contact_id FROM once o WHERE o.account_id = :account AND o.contact_id IN ?* AND o.state NOT IN ('wanted', 'left_out')`)

	again = store.Account("once.again", `UPDATE once SET state = 'wanted', reason = '' WHERE account_id = :account AND import_id = ? AND import_id <> 0 AND list_id = 0 AND state = 'doubt'`)

	dropPeople = store.Account("once.drop_people", `DELETE FROM once WHERE account_id = :account AND contact_id IN ?*`)

	getSwitch = store.Account("once.get_switch", `SELECT w.by_itself FROM once_switch w WHERE w.account_id = :account`)
	setSwitch = store.Account("once.set_switch", `INSERT INTO once_switch (account_id, by_itself, at, entry_id) VALUES (:account, ?, :now, ?)
		ON CONFLICT (account_id) DO UPDATE SET by_itself = excluded.by_itself, at = excluded.at, entry_id = excluded.entry_id`)

	// Over all accounts, by small indexes.
	accountsWanting = store.Installation("once.accounts_wanting", "mail that goes once leaves some at a time, in every account",
		`SELECT DISTINCT o.account_id FROM once o WHERE o.state IN ('wanted', 'queued') AND o.state = 'wanted' ORDER BY o.account_id`)
	accountsDue = store.Installation("once.accounts_due", "in every account the month of GDPR 14(3) ends for somebody",
		`SELECT DISTINCT c.account_id FROM contact c WHERE c.notice_due_at > 0 AND c.notice_due_at <= ? ORDER BY c.account_id`)
)
