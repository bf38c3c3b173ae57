// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"consend/internal/gate"
	"consend/internal/ground/store"
)

const columns = `c.id, c.name, c.state, c.version, c.sender_id, c.subject, c.preheader, c.kind, c.body, c.logo, c.colour, c.language, c.made_by, c.made_at, c.changed_at,
	c.from_name, c.from_email, c.reply_to, c.approved_by, c.approved_at, c.approval_entry, c.start_at, c.started_at, c.ended_at,
	c.freeze_cursor, c.frozen_at, c.frozen, c.frozen_out, c.claim_cursor, c.holder, c.holder_until, c.hold, c.hold_at`

// each is a person on a list of the campaign, with the first reason against writing to them by it. In the order of
// arguments: the lists left out, the lists.
const each = `SELECT s.contact_id, s.list_id, s.basis, s.grade, s.event_id, CASE
		WHEN EXISTS (SELECT 1 FROM subscription m WHERE m.account_id = :account AND m.list_id IN ?* AND m.contact_id = s.contact_id AND m.state = 'given') THEN 'excluded'
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
	setWords = store.Account("campaign.set_words", `UPDATE campaign SET name = ?, subject = ?, preheader = ?, kind = ?, body = ?, logo = ?, colour = ?, language = ?,
		version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	setSender = store.Account("campaign.set_sender", `UPDATE campaign SET sender_id = ?, version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	touch     = store.Account("campaign.touch", `UPDATE campaign SET version = version + 1, changed_at = :now WHERE account_id = :account AND id = ?`)
	drop      = store.Account("campaign.drop", `DELETE FROM campaign WHERE account_id = :account AND id = ? AND state = 'draft'`)

	lists      = store.Account("campaign.lists", `SELECT l.list_id, l.minus FROM campaign_list l WHERE l.account_id = :account AND l.campaign_id = ? ORDER BY l.minus, l.list_id`)
	addList    = store.Account("campaign.add_list", `INSERT INTO campaign_list (account_id, campaign_id, list_id, minus) VALUES (:account, ?, ?, ?)`)
	clearLists = store.Account("campaign.clear_lists", `DELETE FROM campaign_list WHERE account_id = :account AND campaign_id = ?`)
	copyLists  = store.Account("campaign.copy_lists", `INSERT INTO campaign_list (account_id, campaign_id, list_id, minus)
		SELECT :account, CAST(? AS BIGINT), l.list_id, l.minus FROM campaign_list l JOIN list x ON x.account_id = :account AND x.id = l.list_id
		WHERE l.account_id = :account AND l.campaign_id = ? AND x.retired_at = 0`)

	approve = store.Account("campaign.approve", `UPDATE campaign SET state = 'queued', from_name = ?, from_email = ?, reply_to = ?, approved_by = ?, approved_at = :now,
		approval_entry = ?, start_at = ?, version = version + 1, hold = '', hold_at = 0 WHERE account_id = :account AND id = ?`)
	undo = store.Account("campaign.undo", `UPDATE campaign SET state = 'draft', approved_by = 0, approved_at = 0, approval_entry = 0, start_at = 0,
		holder = 0, holder_until = 0, version = version + 1 WHERE account_id = :account AND id = ?`)
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
	release  = store.Account("campaign.release", `UPDATE campaign SET holder = 0, holder_until = 0 WHERE account_id = :account AND id = ? AND holder = ?`)
	stateNow = store.Account("campaign.state_now", `SELECT c.state FROM campaign c WHERE c.account_id = :account AND c.id = ?`)

	countAudience = store.Account("campaign.audience", `SELECT o.reason, COALESCE(b.basis, '') AS basis, COALESCE(b.grade, '') AS grade, COUNT(*) AS people
		FROM (SELECT e.contact_id, COALESCE(MIN(CASE WHEN e.reason = '' THEN e.list_id END), MIN(e.list_id)) AS list_id, MIN(e.reason) AS reason
			FROM (`+each+`) e GROUP BY e.contact_id) o
		LEFT JOIN subscription b ON b.account_id = :account AND b.list_id = o.list_id AND b.contact_id = o.contact_id
		GROUP BY o.reason, b.basis, b.grade`)
	chunkEnd = store.Account("campaign.chunk_end", `SELECT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id > ?
		ORDER BY s.contact_id LIMIT 1 OFFSET ?`)
	freezePeople = store.Account("campaign.freeze_people", `INSERT INTO recipient (account_id, campaign_id, contact_id, list_id, state, reason, basis, grade, event_id)
		SELECT :account, CAST(? AS BIGINT), o.contact_id, o.list_id, CASE WHEN o.reason = '' THEN 'pending' ELSE 'left_out' END, o.reason, b.basis, b.grade, b.event_id
		FROM (SELECT e.contact_id, COALESCE(MIN(CASE WHEN e.reason = '' THEN e.list_id END), MIN(e.list_id)) AS list_id, MIN(e.reason) AS reason
			FROM (`+each+` AND s.contact_id > ? AND s.contact_id <= ?) e GROUP BY e.contact_id) o
		JOIN subscription b ON b.account_id = :account AND b.list_id = o.list_id AND b.contact_id = o.contact_id
		WHERE true ON CONFLICT (account_id, campaign_id, contact_id) DO NOTHING`)
	countOut = store.Account("campaign.count_out", `SELECT COUNT(*) FROM recipient r WHERE r.account_id = :account AND r.campaign_id = ? AND r.contact_id > ? AND r.contact_id <= ?
		AND r.state = 'left_out'`)
	freezeStep = store.Account("campaign.freeze_step", `UPDATE campaign SET freeze_cursor = ?, frozen = frozen + ?, frozen_out = frozen_out + ? WHERE account_id = :account AND id = ?`)
	freezeDone = store.Account("campaign.freeze_done", `UPDATE campaign SET frozen = frozen + ?, frozen_out = frozen_out + ?, frozen_at = :now WHERE account_id = :account AND id = ?`)
)
