// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import "consend/internal/ground/store"

const columns = `i.id, i.state, i.name, i.blob_id, i.size, i.sha256, i.format, i.survey, i.shape, i.mapping, i.origin, i.options, i.list_id,
	i.evidence_id, i.declared_by, i.declared_at, i.cursor, i.counts, i.fault, i.waits_until, i.task_id, i.made_by, i.made_at, i.started_at,
	i.ended_at, i.file_ends_at, i.fence, i.version, i.entry_id, i.undo_task_id, i.undo_after, i.undone_at, i.releases`

var (
	get        = store.Account("importer.get", `SELECT `+columns+` FROM import i WHERE i.account_id = :account AND i.id = ?`)
	getLocked  = store.Account("importer.get_locked", `SELECT `+columns+` FROM import i WHERE i.account_id = :account AND i.id = ? :lock`)
	newest     = store.Account("importer.newest", `SELECT `+columns+` FROM import i WHERE i.account_id = :account ORDER BY i.id DESC LIMIT ?`)
	titles     = store.Account("importer.titles", `SELECT i.id, i.name, i.state, i.made_at FROM import i WHERE i.account_id = :account ORDER BY i.id DESC LIMIT ?`)
	lastMapped = store.Account("importer.last_mapped", `SELECT i.id, i.name, i.survey, i.mapping, i.options FROM import i
		WHERE i.account_id = :account AND i.state NOT IN ('draft', 'checked') ORDER BY i.id DESC LIMIT ?`)
	unended = store.Account("importer.unended", `SELECT `+columns+` FROM import i WHERE i.account_id = :account AND i.sha256 = ? AND i.list_id = ?
		AND (i.state IN ('running', 'stopped', 'failed') OR i.state = 'ready' AND i.blob_id = 0) AND i.undo_task_id = 0 ORDER BY i.id DESC LIMIT 1`)

	add = store.Account("importer.add", `INSERT INTO import (account_id, id, state, name, blob_id, size, sha256, format, survey, shape, mapping, origin,
		options, cursor, counts, made_by, made_at, file_ends_at, entry_id) VALUES (:account, ?, 'draft', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?, ?)`)
	setFormat = store.Account("importer.set_format", `UPDATE import SET format = ?, survey = ?, shape = ?, mapping = ?, state = 'checked', version = version + 1
		WHERE account_id = :account AND id = ?`)
	setMapping   = store.Account("importer.set_mapping", `UPDATE import SET mapping = ?, state = ?, version = version + 1 WHERE account_id = :account AND id = ?`)
	setOrigin    = store.Account("importer.set_origin", `UPDATE import SET origin = ?, state = ?, version = version + 1 WHERE account_id = :account AND id = ?`)
	takeWordBack = store.Account("importer.take_word_back", `UPDATE import SET declared_by = 0, declared_at = 0 WHERE account_id = :account AND id = ?`)
	setProof     = store.Account("importer.set_proof", `UPDATE import SET evidence_id = ?, version = version + 1 WHERE account_id = :account AND id = ?`)
	setChoice    = store.Account("importer.set_choice", `UPDATE import SET list_id = ?, options = ?, declared_by = ?, declared_at = ?, state = 'ready',
		version = version + 1 WHERE account_id = :account AND id = ?`)
	getForecast = store.Account("importer.get_forecast", `SELECT i.forecast FROM import i WHERE i.account_id = :account AND i.id = ?`)
	setForecast = store.Account("importer.set_forecast", `UPDATE import SET forecast = ? WHERE account_id = :account AND id = ? AND version = ? AND state = 'ready'`)
	setBegun    = store.Account("importer.set_begun", `UPDATE import SET state = 'running', task_id = ?, waits_until = ?, fault = '', forecast = '{}',
		started_at = CASE WHEN started_at = 0 THEN :now ELSE started_at END, ended_at = 0, version = version + 1 WHERE account_id = :account AND id = ?`)
	setStopped = store.Account("importer.set_stopped", `UPDATE import SET state = 'stopped', ended_at = :now, fence = fence + 1, version = version + 1
		WHERE account_id = :account AND id = ? AND state = 'running'`)
	setFailed = store.Account("importer.set_failed", `UPDATE import SET state = 'failed', fault = ?, ended_at = :now, fence = fence + 1, version = version + 1
		WHERE account_id = :account AND id = ? AND fence = ? AND state = 'running'`)
	take = store.Account("importer.take", `UPDATE import SET fence = fence + 1 WHERE account_id = :account AND id = ? AND state = 'running'`)
	// A step writes its cursor with its rows; a step of a run that was stopped or replaced writes nothing.
	// While rows wait, the file that tells of them ends no later than they do.
	advance = store.Account("importer.advance", `UPDATE import SET cursor = ?, counts = ?,
		file_ends_at = CASE WHEN CAST(? AS BIGINT) > 0 AND waits_until <> 0 AND waits_until < file_ends_at THEN waits_until ELSE file_ends_at END
		WHERE account_id = :account AND id = ? AND fence = ? AND state = 'running'`)
	setReleasing = store.Account("importer.set_releasing", `UPDATE import SET releases = ?, task_id = ?, version = version + 1
		WHERE account_id = :account AND id = ?`)
	setDone      = store.Account("importer.set_done", `UPDATE import SET state = 'done', ended_at = :now, version = version + 1 WHERE account_id = :account AND id = ?`)
	setUndoing   = store.Account("importer.set_undoing", `UPDATE import SET undo_task_id = ?, undo_after = 0, version = version + 1 WHERE account_id = :account AND id = ?`)
	takenBack    = store.Account("importer.taken_back", `SELECT i.id FROM import i WHERE i.account_id = :account AND i.undo_task_id <> 0 ORDER BY i.id`)
	setUndoAfter = store.Account("importer.set_undo_after", `UPDATE import SET undo_after = ?, counts = ? WHERE account_id = :account AND id = ?`)
	setUndone    = store.Account("importer.set_undone", `UPDATE import SET undone_at = :now, version = version + 1 WHERE account_id = :account AND id = ?`)
	recount      = store.Account("importer.recount", `UPDATE import SET counts = ?, releases = ? WHERE account_id = :account AND id = ?`)
	forget       = store.Account("importer.forget_file", `UPDATE import SET blob_id = 0 WHERE account_id = :account AND id = ?`)
	remove       = store.Account("importer.remove", `DELETE FROM import WHERE account_id = :account AND id = ?`)
	forgetValues = store.Account("importer.forget_values", `UPDATE import_note SET reason = ?, args = '[]' WHERE account_id = :account AND import_id = ? AND reason = ?`)
	ended        = store.Account("importer.ended_files", `SELECT i.id, i.blob_id FROM import i WHERE i.account_id = :account AND i.blob_id <> 0
		AND i.file_ends_at <= :now AND i.state <> 'running' ORDER BY i.id LIMIT 100`)

	addNotes = store.Load("importer.add_notes", "import_note", []store.Column{{Name: "import_id"}, {Name: "seq"}, {Name: "line"},
		{Name: "kind", Type: store.Text}, {Name: "reason", Type: store.Text}, {Name: "place", Type: store.Text}, {Name: "args", Type: store.JSON}}, "")
	notesAfter = store.Account("importer.notes_after", `SELECT n.seq, n.line, n.kind, n.reason, n.place, n.args FROM import_note n
		WHERE n.account_id = :account AND n.import_id = ? AND n.seq > ? ORDER BY n.seq LIMIT ?`)
	notesByReason = store.Account("importer.notes_by_reason", `SELECT n.kind, n.reason, COUNT(*) AS times, MIN(n.line) AS line FROM import_note n
		WHERE n.account_id = :account AND n.import_id = ? GROUP BY n.kind, n.reason ORDER BY times DESC, n.reason`)

	addWaiting = store.Load("importer.add_waiting", "import_waiting", []store.Column{{Name: "import_id"}, {Name: "contact_id"}, {Name: "line"},
		{Name: "lacks", Type: store.Text}, {Name: "made"}, {Name: "sealed", Type: store.Bytes}}, "ON CONFLICT (account_id, import_id, contact_id) DO NOTHING")
	waitingAfter = store.Account("importer.waiting_after", `SELECT w.contact_id, w.line, w.lacks, w.made, w.sealed FROM import_waiting w
		WHERE w.account_id = :account AND w.import_id = ? AND w.contact_id > ? ORDER BY w.contact_id LIMIT ?`)
	waitingShows = store.Account("importer.waiting_shows", `SELECT COALESCE(MAX(w.made), 0) FROM import_waiting w WHERE w.account_id = :account AND w.import_id = ?`)
	lockedOf     = store.Account("importer.locked_of", `SELECT EXISTS (SELECT 1 FROM import_waiting w WHERE w.account_id = :account AND w.contact_id = ? AND w.sealed IS NOT NULL)`)
	waitingLacks = store.Account("importer.waiting_lacks", `SELECT w.lacks, COUNT(*) AS times FROM import_waiting w
		WHERE w.account_id = :account AND w.import_id = ? GROUP BY w.lacks ORDER BY times DESC, w.lacks`)
	endWaitingAnywhere = store.Account("importer.end_waiting_anywhere", `DELETE FROM import_waiting WHERE account_id = :account AND contact_id IN ?*`)
	endWaiting         = store.Account("importer.end_waiting", `DELETE FROM import_waiting WHERE account_id = :account AND import_id = ? AND contact_id IN ?*`)
	lacksNow           = store.Account("importer.lacks_now", `UPDATE import_waiting SET lacks = ? WHERE account_id = :account AND import_id = ? AND contact_id IN ?*`)

	addEvidence = store.Account("importer.add_evidence", `INSERT INTO evidence_file (account_id, id, import_id, blob_id, name, type, size, sha256, made_by, made_at,
		ends_at, entry_id) VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?, ?)`)
	getEvidence = store.Account("importer.get_evidence", `SELECT e.id, e.import_id, e.blob_id, e.name, e.type, e.size, e.sha256, e.made_by, e.made_at, e.ends_at
		FROM evidence_file e WHERE e.account_id = :account AND e.id = ?`)
	removeEvidence = store.Account("importer.remove_evidence", `DELETE FROM evidence_file WHERE account_id = :account AND import_id = ?`)
	evidenceOf     = store.Account("importer.evidence_of", `SELECT e.id, e.import_id, e.blob_id, e.name, e.type, e.size, e.sha256, e.made_by, e.made_at, e.ends_at
		FROM evidence_file e WHERE e.account_id = :account AND e.import_id = ? ORDER BY e.id`)

	// Over all accounts, for the daily look: which have files or waiting rows whose time has come.
	accountsDue = store.Installation("importer.accounts_due", "the daily look at every account's imports", `SELECT DISTINCT i.account_id FROM import i
		WHERE (i.blob_id <> 0 AND i.file_ends_at <= :now) OR i.waits_until <> 0 ORDER BY i.account_id`)
	waitingImports = store.Account("importer.waiting_imports", `SELECT i.id, i.waits_until, i.reminded, i.ended_at, i.started_at FROM import i WHERE i.account_id = :account
		AND i.waits_until <> 0 AND i.state IN ('done', 'stopped', 'failed')
		AND EXISTS (SELECT 1 FROM import_waiting w WHERE w.account_id = :account AND w.import_id = i.id) ORDER BY i.id`)
	setReminded = store.Account("importer.set_reminded", `UPDATE import SET reminded = ? WHERE account_id = :account AND id = ? AND reminded < ?`)
	setSettled  = store.Account("importer.set_settled", `UPDATE import SET waits_until = 0 WHERE import.account_id = :account AND import.id = ?
		AND NOT EXISTS (SELECT 1 FROM import_waiting w WHERE w.account_id = :account AND w.import_id = import.id)`)
)
