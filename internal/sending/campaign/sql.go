// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"consend/internal/gate"
	"consend/internal/ground/store"
)

const columns = `c.id, c.name, c.state, c.version, c.sender_id, c.subject, c.preheader, c.kind, c.body, c.logo, c.colour, c.language, c.made_by, c.made_at, c.changed_at,
	c.from_name, c.from_email, c.reply_to, c.approved_by, c.approved_at, c.approval_entry, c.start_at, c.started_at, c.ended_at,
	c.segment_id, c.segment_definition, c.segment_at, c.freeze_cursor, c.frozen_at, c.frozen, c.frozen_out, c.holder, c.holder_until, c.hold, c.hold_at`

// each is a person on a list of the campaign, with the first reason against writing to them by it. In the order of
// arguments: the lists left out, those of the segment, consent.Ground.Args, the lists. Around it stands a LIMIT nobody reaches: it keeps the planner from writing
// the reason's long text into every place that names it, and so from finding it several times a row.
const each = `SELECT s.contact_id, s.list_id, s.basis, s.grade, s.event_id, CASE WHEN c.notice_due_at > 0 THEN 1 ELSE 0 END AS owed, CASE
		WHEN EXISTS (SELECT 1 FROM subscription m WHERE m.account_id = :account AND m.list_id IN ?* AND m.contact_id = s.contact_id AND m.state = 'given') THEN 'excluded'
		WHEN NOT COALESCE(:where, false) THEN 'not_in_segment'
		ELSE ` + gate.ReasonSQL + ` END AS reason
	FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id
	JOIN list l ON l.account_id = :account AND l.id = s.list_id
	WHERE s.account_id = :account AND s.list_id IN ?* AND s.state <> 'none'`

var (
	add = store.Account("campaign.add", `INSERT INTO campaign (account_id, id, name, state, sender_id, subject, preheader, kind, body, logo, colour, language, made_by, made_at, changed_at)
		VALUES (:account, ?, ?, 'draft', ?, ?, ?, ?, ?, ?, ?, ?, ?, :now, :now)`)
	get  = store.Account("campaign.get", `SELECT `+columns+` FROM campaign c WHERE c.account_id = :account AND c.id = ?`)
	lock = store.Account("campaign.lock", `SELECT `+columns+` FROM campaign c WHERE c.account_id = :account AND c.id = ? :lock`)
	page = store.Account("campaign.page", `SELECT `+columns+` FROM campaign c WHERE c.account_id = :account AND c.id < ?
		AND (CAST(? AS {text}) = '' OR c.state = ?) AND (CAST(? AS {text}) = '' OR c.name >= ? AND c.name < ?) ORDER BY c.id DESC LIMIT ?`)
	titles   = store.Account("campaign.titles", `SELECT c.id, c.name, c.subject, c.state FROM campaign c WHERE c.account_id = :account ORDER BY c.id DESC LIMIT ?`)
	setWords = store.Account("campaign.set_words", `UPDATE campaign SET name = ?, subject = ?, preheader = ?, kind = ?, body = ?, logo = ?, colour = ?, language = ?,
		version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	setSender  = store.Account("campaign.set_sender", `UPDATE campaign SET sender_id = ?, version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	setSegment = store.Account("campaign.set_segment", `UPDATE campaign SET segment_id = ?, version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	touch      = store.Account("campaign.touch", `UPDATE campaign SET version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	drop       = store.Account("campaign.drop", `DELETE FROM campaign WHERE account_id = :account AND id = ? AND state = 'draft'`)

	lists      = store.Account("campaign.lists", `SELECT l.list_id, l.minus FROM campaign_list l WHERE l.account_id = :account AND l.campaign_id = ? ORDER BY l.minus, l.list_id`)
	addList    = store.Account("campaign.add_list", `INSERT INTO campaign_list (account_id, campaign_id, list_id, minus) VALUES (:account, ?, ?, ?)`)
	clearLists = store.Account("campaign.clear_lists", `DELETE FROM campaign_list WHERE account_id = :account AND campaign_id = ?`)
	copyLists  = store.Account("campaign.copy_lists", `INSERT INTO campaign_list (account_id, campaign_id, list_id, minus)
		SELECT :account, CAST(? AS BIGINT), l.list_id, l.minus FROM campaign_list l JOIN list x ON x.account_id = :account AND x.id = l.list_id
		WHERE l.account_id = :account AND l.campaign_id = ? AND x.retired_at = 0`)

	approve = store.Account("campaign.approve", `UPDATE campaign SET state = 'queued', from_name = ?, from_email = ?, reply_to = ?, approved_by = ?, approved_at = :now,
		approval_entry = ?, start_at = ?, segment_definition = ?, segment_at = ?, version = version + 1, hold = '', hold_at = 0 WHERE account_id = :account AND id = ?`)
	undo = store.Account("campaign.undo", `UPDATE campaign SET state = 'draft', approved_by = 0, approved_at = 0, approval_entry = 0, start_at = 0,
		segment_definition = '', segment_at = 0, holder = 0, holder_until = 0, version = version + 1 WHERE account_id = :account AND id = ?`)
	setState = store.Account("campaign.set_state", `UPDATE campaign SET state = ?, version = version + 1, hold = '', hold_at = 0 WHERE account_id = :account AND id = ?`)
	begin    = store.Account("campaign.begin", `UPDATE campaign SET state = 'sending', started_at = :now WHERE account_id = :account AND id = ? AND state = 'queued'`)
	end      = store.Account("campaign.end", `UPDATE campaign SET state = ?, ended_at = :now, hold = '', hold_at = 0, holder = 0, holder_until = 0 WHERE account_id = :account AND id = ?`)
	setHold  = store.Account("campaign.set_hold", `UPDATE campaign SET hold = ?, hold_at = :now WHERE account_id = :account AND id = ? AND hold <> ?`)

	// The sender looks for work over all accounts, by a small index.
	due = store.Installation("campaign.due", "the sender looks for campaigns that want sending, in any account",
		`SELECT c.account_id, c.id FROM campaign c WHERE c.state IN ('queued', 'sending', 'stopping') AND (c.holder_until < ? OR c.holder = ?) AND c.start_at <= ?
		ORDER BY c.id LIMIT 1000`)
	// A process holds a campaign, so that one process alone sends it; who holds it no longer, its batches' leases end.
	hold = store.Account("campaign.hold", `UPDATE campaign SET holder = ?, holder_until = ? WHERE account_id = :account AND id = ?
		AND (holder = ? OR holder_until < ?) AND state IN ('queued', 'sending', 'stopping')`)
	release = store.Account("campaign.release", `UPDATE campaign SET holder = 0, holder_until = 0 WHERE account_id = :account AND id = ? AND holder = ?`)
	// A claim keeps the campaign as it is until its commit: no other process takes it over in between.
	ours     = store.Account("campaign.ours", `SELECT c.state, c.holder, c.approval_entry, c.hold FROM campaign c WHERE c.account_id = :account AND c.id = ? :share`)
	stateNow = store.Account("campaign.state_now", `SELECT c.state FROM campaign c WHERE c.account_id = :account AND c.id = ?`)

	countAudience = store.Account("campaign.audience", `SELECT o.reason, COALESCE(b.basis, '') AS basis, COALESCE(b.grade, '') AS grade, COUNT(*) AS people, SUM(o.owed) AS owed
		FROM (SELECT e.contact_id, MAX(e.owed) AS owed, COALESCE(MIN(CASE WHEN e.reason = '' THEN e.list_id END), MIN(e.list_id)) AS list_id, MIN(e.reason) AS reason
			FROM (`+each+` LIMIT 1000000000) e GROUP BY e.contact_id) o
		LEFT JOIN subscription b ON b.account_id = :account AND b.list_id = o.list_id AND b.contact_id = o.contact_id
		GROUP BY o.reason, b.basis, b.grade`)
	chunkEnd = store.Account("campaign.chunk_end", `SELECT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id > ?
		ORDER BY s.contact_id LIMIT 1 OFFSET ?`)
	freezePeople = store.Account("campaign.freeze_people", `INSERT INTO recipient (account_id, campaign_id, contact_id, list_id, state, reason, basis, grade, event_id, ended_at)
		SELECT :account, CAST(? AS BIGINT), o.contact_id, o.list_id, CASE WHEN o.reason = '' THEN 'pending' ELSE 'left_out' END, o.reason, b.basis, b.grade, b.event_id,
			CASE WHEN o.reason = '' THEN 0 ELSE :now END
		FROM (SELECT e.contact_id, COALESCE(MIN(CASE WHEN e.reason = '' THEN e.list_id END), MIN(e.list_id)) AS list_id, MIN(e.reason) AS reason
			FROM (`+each+` AND s.contact_id > ? AND s.contact_id <= ? AND c.id > ? AND c.id <= ? LIMIT 1000000000) e GROUP BY e.contact_id) o
		JOIN subscription b ON b.account_id = :account AND b.list_id = o.list_id AND b.contact_id = o.contact_id
		WHERE true ON CONFLICT (account_id, campaign_id, contact_id) DO NOTHING`)
	// Most campaigns go to one list: nobody stands there twice, and the row found is the row written.
	freezeOne = store.Account("campaign.freeze_one", `INSERT INTO recipient (account_id, campaign_id, contact_id, list_id, state, reason, basis, grade, event_id, ended_at)
		SELECT :account, CAST(? AS BIGINT), e.contact_id, e.list_id, CASE WHEN e.reason = '' THEN 'pending' ELSE 'left_out' END, e.reason, e.basis, e.grade, e.event_id,
			CASE WHEN e.reason = '' THEN 0 ELSE :now END
		FROM (`+each+` AND s.contact_id > ? AND s.contact_id <= ? AND c.id > ? AND c.id <= ? LIMIT 1000000000) e
		WHERE true ON CONFLICT (account_id, campaign_id, contact_id) DO NOTHING`)
	countOut = store.Account("campaign.count_out", `SELECT COUNT(*) FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id > ? AND r.contact_id <= ?
		AND r.state = 'left_out'`)
	freezeStep = store.Account("campaign.freeze_step", `UPDATE campaign SET freeze_cursor = ?, frozen = frozen + ?, frozen_out = frozen_out + ?
		WHERE account_id = :account AND id = ? AND freeze_cursor = ? AND frozen_at = 0 AND state IN ('queued', 'sending', 'stopping')`)
	freezeDone = store.Account("campaign.freeze_done", `UPDATE campaign SET frozen = frozen + ?, frozen_out = frozen_out + ?, frozen_at = :now
		WHERE account_id = :account AND id = ? AND freeze_cursor = ? AND frozen_at = 0 AND state IN ('queued', 'sending', 'stopping')`)
)

var (
	started = store.Account("campaign.started", `UPDATE campaign SET started_at = :now WHERE account_id = :account AND id = ? AND started_at = 0`)
	reopen  = store.Account("campaign.reopen", `UPDATE campaign SET state = 'sending', ended_at = 0, version = version + 1 WHERE account_id = :account AND id = ?`)

	someGiven = store.Account("campaign.some_given", `SELECT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.list_id IN ?* AND s.state = 'given' LIMIT ?`)
	within    = store.Account("campaign.within", `SELECT c.id FROM contact c WHERE c.account_id = :account AND c.id IN ?* AND :where`)
	standsOn  = store.Account("campaign.stands_on", `SELECT CASE WHEN NOT COALESCE(:where, false) THEN 'not_in_segment' ELSE `+gate.ReasonSQL+` END AS reason, COALESCE(s.basis, '') AS basis, COALESCE(s.grade, '') AS grade
		FROM contact c JOIN list l ON l.account_id = :account AND l.id = ?
		LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
		WHERE c.account_id = :account AND c.id = ?`)

	dueAgain = store.Account("campaign.due_again", `SELECT r.contact_id, r.list_id, r.basis, r.grade, r.event_id, r.tries FROM recipient r
		WHERE r.account_id = :account AND r.campaign_id = ? AND r.next_at > 0 AND r.next_at <= :now ORDER BY r.next_at, r.contact_id LIMIT ?`)
	nextPending = store.Account("campaign.next_pending", `SELECT r.contact_id, r.list_id, r.basis, r.grade, r.event_id, r.tries FROM recipient r
		WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id > ? AND r.state = 'pending' AND r.next_at = 0 AND r.batch_id = 0 ORDER BY r.contact_id LIMIT ?`)
	rebase = store.Account("campaign.rebase", `UPDATE recipient SET basis = ?, grade = ?, event_id = ? WHERE account_id = :account AND campaign_id = ? AND contact_id = ?`)
	// Who is left out stays so: the reason is the one at the moment of the decision.
	leaveOut = store.Account("campaign.leave_out", `UPDATE recipient SET state = 'left_out', reason = ?, permit_id = ?, next_at = 0, ended_at = :now
		WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?* AND state IN ('pending', 'deferred')`)
	hold200 = store.Account("campaign.hold_people", `UPDATE recipient SET batch_id = ?, next_at = 0 WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?*`)

	addBatch = store.Account("campaign.add_batch", `INSERT INTO campaign_batch (account_id, id, campaign_id, node, again, first_contact, last_contact, people, permit_id, at, until_at, note_version_id)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?, ?)`)
	lockBatch = store.Account("campaign.lock_batch", `SELECT b.id, b.campaign_id, b.node, b.again, b.first_contact, b.last_contact, b.permit_id, b.ended_at, b.note_version_id
		FROM campaign_batch b WHERE b.account_id = :account AND b.id = ? :lock`)
	endBatch = store.Account("campaign.end_batch", `UPDATE campaign_batch SET ended_at = :now, accepted = ?, deferred = ?, failed = ?, left_out = ?, in_doubt = ?
		WHERE account_id = :account AND id = ?`)
	renew      = store.Account("campaign.renew", `UPDATE campaign_batch SET until_at = ? WHERE account_id = :account AND campaign_id = ? AND node = ? AND ended_at = 0`)
	openRanges = store.Account("campaign.open_ranges", `SELECT b.first_contact, b.last_contact FROM campaign_batch b
		WHERE b.account_id = :account AND b.campaign_id = ? AND b.ended_at = 0 AND b.again = 0`)
	openOurs = store.Account("campaign.open_ours", `SELECT b.id FROM campaign_batch b WHERE b.account_id = :account AND b.campaign_id = ? AND b.node = ? AND b.ended_at = 0 ORDER BY b.id`)
	openOf   = store.Account("campaign.open_of", `SELECT COUNT(*) FROM campaign_batch b WHERE b.account_id = :account AND b.campaign_id = ? AND b.ended_at = 0`)
	holding  = store.Account("campaign.holding", `SELECT COUNT(*) FROM recipient r JOIN campaign_batch b ON b.account_id = :account AND b.campaign_id = r.campaign_id AND b.ended_at = 0
		AND b.first_contact <= r.contact_id AND b.last_contact >= r.contact_id WHERE r.account_id = :account AND r.contact_id = ? AND r.state IN ('pending', 'deferred')`)
	giveBack = store.Account("campaign.give_back", `UPDATE recipient SET next_at = ?, batch_id = 0 WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?*
		AND state IN ('pending', 'deferred')`)
	defer_ = store.Account("campaign.defer", `UPDATE recipient SET state = 'deferred', reason = ?, code = ?, enhanced = ?, next_at = ?, batch_id = ?, tries = tries + 1
		WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?* AND state IN ('pending', 'deferred')`)
	settle = store.Account("campaign.settle", `UPDATE recipient SET state = ?, reason = ?, permit_id = ?, batch_id = ?, code = ?, enhanced = ?, tries = tries + 1, next_at = 0, ended_at = :now
		WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?* AND state IN ('pending', 'deferred')`)
	between = store.Account("campaign.between", `SELECT r.contact_id, r.list_id, r.basis, r.grade, r.event_id, r.tries FROM recipient r
		WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id >= ? AND r.contact_id <= ? AND r.state = 'pending' AND r.next_at = 0 AND r.batch_id = 0 LIMIT 1000`)
	heldBy = store.Account("campaign.held_by", `SELECT r.contact_id, r.list_id, r.basis, r.grade, r.event_id, r.tries FROM recipient r
		WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id >= ? AND r.contact_id <= ? AND r.batch_id = ? AND r.next_at = 0 AND r.state IN ('pending', 'deferred') LIMIT 1000`)

	// Over all accounts: what processes that are gone left behind.
	ofNode = store.Installation("campaign.of_node", "what a dead process of this machine left in flight, in any account",
		`SELECT b.account_id, b.id FROM campaign_batch b WHERE b.node = ? AND b.ended_at = 0 ORDER BY b.id LIMIT 1000`)
	stale = store.Installation("campaign.stale", "batches whose lease has ended, in any account",
		`SELECT b.account_id, b.id FROM campaign_batch b WHERE b.ended_at = 0 AND b.until_at < ? AND b.node <> ? ORDER BY b.id LIMIT 1000`)

	nextAt   = store.Account("campaign.next_at", `SELECT COALESCE(MIN(r.next_at), 0) FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.next_at > 0`)
	stopSome = store.Account("campaign.stop_some", `SELECT r.contact_id FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id > ?
		AND r.state IN ('pending', 'deferred') ORDER BY r.contact_id LIMIT 1000`)
	doubtful = store.Account("campaign.doubtful", `UPDATE recipient SET state = 'pending', reason = '', next_at = :now, batch_id = 0, ended_at = 0
		WHERE account_id = :account AND campaign_id = ? AND contact_id IN ?* AND state = 'in_doubt'`)
	doubtfulAll = store.Account("campaign.doubtful_all", `UPDATE recipient SET state = 'pending', reason = '', next_at = :now, batch_id = 0, ended_at = 0
		WHERE account_id = :account AND campaign_id = ? AND state = 'in_doubt'`)
)

// happened is when a person's row of a campaign came to what it is.
const happened = `CASE WHEN r.ended_at > 0 THEN r.ended_at WHEN c.started_at > 0 THEN c.started_at ELSE c.approved_at END`

const recipientColumns = `r.contact_id, r.list_id, r.state, r.reason, r.basis, r.grade, r.event_id, r.permit_id, r.batch_id, r.tries, r.code, r.enhanced, r.next_at, r.ended_at`

var (
	freeNode = store.Installation("campaign.free_node", "a process of this machine is dead: what it held may be taken, in any account",
		`UPDATE campaign SET holder = 0, holder_until = 0 WHERE holder = ?`)
	tally = store.Account("campaign.tally", `SELECT r.state, r.reason, r.grade, COUNT(*) AS people FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ?
		GROUP BY r.state, r.reason, r.grade ORDER BY r.state, r.reason, r.grade`)
	flyingNow  = store.Account("campaign.flying", `SELECT COALESCE(SUM(b.people), 0) FROM campaign_batch b WHERE b.account_id = :account AND b.campaign_id = ? AND b.ended_at = 0`)
	recipients = store.Account("campaign.recipients", `SELECT `+recipientColumns+` FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id > ?
		AND (CAST(? AS {text}) = '' OR r.state = ?) AND (CAST(? AS {text}) = '' OR r.reason = ?) ORDER BY r.contact_id LIMIT ?`)
	recipientOf = store.Account("campaign.recipient_of", `SELECT `+recipientColumns+` FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id = ?`)
	messagesOf  = store.Account("campaign.messages_of", `SELECT r.campaign_id, c.name, `+recipientColumns+`, `+happened+` AS at
		FROM recipient r JOIN campaign c ON c.account_id = :account AND c.id = r.campaign_id
		WHERE r.account_id = :account AND r.contact_id = ? AND (`+happened+`, r.campaign_id) < (?, ?) ORDER BY `+happened+` DESC, r.campaign_id DESC LIMIT ?`)
	overTime = store.Account("campaign.over_time", `SELECT b.ended_at / CAST(? AS BIGINT) * CAST(? AS BIGINT) AS at, SUM(b.accepted) AS people FROM campaign_batch b
		WHERE b.account_id = :account AND b.campaign_id = ? AND b.ended_at > 0 GROUP BY 1 ORDER BY 1 LIMIT 10000`)
)

var dropPeople = store.Account("campaign.drop_people", `DELETE FROM recipient WHERE account_id = :account AND contact_id IN ?*`)

var heldPeople = store.Account("campaign.held_people", `SELECT DISTINCT rc.contact_id FROM recipient rc WHERE rc.account_id = :account AND rc.contact_id IN ?*
	AND rc.state <> 'left_out'`)

var leftSince = store.Account("campaign.left_since", `SELECT COUNT(*) FROM recipient r JOIN campaign c ON c.account_id = :account AND c.id = r.campaign_id
	JOIN subscription s ON s.account_id = :account AND s.list_id = r.list_id AND s.contact_id = r.contact_id
	WHERE r.account_id = :account AND r.campaign_id = ? AND r.state = 'accepted' AND s.state IN ('withdrawn', 'refused') AND s.since >= c.started_at`)
