// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import "consend/internal/ground/store"

const columnsOf = `x.id, x.question, x.parts, x.last, x.people, x.blob_id, x.size, x.sha256, x.task_id, x.made_by, x.made_at, x.ended_at, x.ends_at`

const attachedColumns = `x.id, x.contact_id, x.event_id, x.list_id, x.blob_id, x.name, x.type, x.size, x.sha256, x.made_by, x.made_at, x.ends_at, x.entry_id`

var (
	addAttached = store.Account("evidence.add_attached", `INSERT INTO event_evidence (account_id, id, contact_id, event_id, list_id, blob_id, name, type, size, sha256, made_by, made_at, ends_at, entry_id)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?, ?)`)
	attachedTo     = store.Account("evidence.attached_to", `SELECT `+attachedColumns+` FROM event_evidence x WHERE x.account_id = :account AND x.contact_id = ? ORDER BY x.id`)
	attachedOfMany = store.Account("evidence.attached_of_many", `SELECT `+attachedColumns+` FROM event_evidence x WHERE x.account_id = :account AND x.contact_id IN ?*`)
	getAttached    = store.Account("evidence.get_attached", `SELECT `+attachedColumns+` FROM event_evidence x WHERE x.account_id = :account AND x.id = ? AND x.contact_id = ?`)
	dropAttached   = store.Account("evidence.drop_attached", `DELETE FROM event_evidence WHERE account_id = :account AND id = ?`)
	dueAttached    = store.Installation("evidence.due_attached", "a sweep goes over all accounts", `SELECT x.account_id, x.id, x.contact_id FROM event_evidence x WHERE x.ends_at <= ? ORDER BY x.ends_at LIMIT 100`)

	add = store.Account("evidence.add", `INSERT INTO proof_export (account_id, id, question, parts, sha256, task_id, made_by, made_at, ends_at)
		VALUES (:account, ?, ?, '[]', '', ?, ?, :now, ?)`)
	get  = store.Account("evidence.get", `SELECT `+columnsOf+` FROM proof_export x WHERE x.account_id = :account AND x.id = ?`)
	page = store.Account("evidence.page", `SELECT `+columnsOf+` FROM proof_export x WHERE x.account_id = :account ORDER BY x.id DESC LIMIT ?`)
	// A piece counts once, whoever wrote it: two runs can't both go on from the same person.
	addPart = store.Account("evidence.add_part", `UPDATE proof_export SET parts = ?, last = ?, people = people + ? WHERE account_id = :account AND id = ? AND last = ? AND blob_id = 0`)
	done    = store.Account("evidence.done", `UPDATE proof_export SET parts = '[]', blob_id = ?, size = ?, sha256 = ?, ended_at = :now, ends_at = ? WHERE account_id = :account AND id = ? AND blob_id = 0`)
	drop    = store.Account("evidence.drop", `DELETE FROM proof_export WHERE account_id = :account AND id = ?`)
	due     = store.Installation("evidence.due", "a sweep goes over all accounts", `SELECT x.account_id, x.id FROM proof_export x WHERE x.ends_at <= ? ORDER BY x.ends_at LIMIT 100`)
)
