// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import "consend/internal/ground/store"

const columns = `t.id, t.kind, t.ref, t.state, t.done, t.total, t.note, t.by_kind, t.by_id, t.made_at, t.started_at, t.ended_at, t.tries`

var (
	post = store.Account("job.post", `INSERT INTO fact (account_id, id, kind, ref, at) VALUES (:account, ?, ?, ?, :now)`)

	waiting = store.Installation("job.waiting", "one drain serves the facts of all accounts",
		`SELECT account_id, id, kind, ref FROM fact ORDER BY id LIMIT ?`)
	claim = store.Account("job.claim",
		`SELECT f.account_id, f.id, f.kind, f.ref FROM fact f WHERE f.account_id = :account AND f.id IN ?* ORDER BY f.id :skip`)
	claimOne = store.Account("job.claim_one",
		`SELECT f.account_id, f.id, f.kind, f.ref FROM fact f WHERE f.account_id = :account AND f.id = ? :skip`)
	remove     = store.Account("job.remove", `DELETE FROM fact WHERE account_id = :account AND id = ?`)
	removeSome = store.Account("job.remove_some", `DELETE FROM fact WHERE account_id = :account AND id IN ?*`)

	due = store.Installation("job.due", "one drain serves the facts of all accounts",
		`SELECT account_id, id, kind, ref, tries FROM fact_late WHERE due_at <= :now ORDER BY due_at LIMIT ?`)
	claimLate = store.Account("job.claim_late",
		`SELECT f.account_id, f.id, f.kind, f.ref, f.tries FROM fact_late f WHERE f.account_id = :account AND f.id = ? :skip`)
	removeLate = store.Account("job.remove_late", `DELETE FROM fact_late WHERE account_id = :account AND id = ?`)
	putOff     = store.Account("job.put_off",
		`INSERT INTO fact_late (account_id, id, kind, ref, at, tries, due_at, note) VALUES (:account, ?, ?, ?, :now, ?, ?, ?)
		 ON CONFLICT (account_id, id) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at, note = excluded.note`)

	makeTask = store.Account("job.make_task",
		`INSERT INTO task (account_id, id, kind, ref, state, done, total, note, by_kind, by_id, made_at, started_at, ended_at, tries, fence, beat_at)
		 VALUES (:account, ?, ?, ?, 'queued', 0, 0, '', ?, ?, :now, 0, 0, 0, 0, 0)`)
	getTask  = store.Account("job.get_task", `SELECT `+columns+` FROM task t WHERE t.account_id = :account AND t.id = ?`)
	taskOf   = store.Account("job.task_of", `SELECT `+columns+` FROM task t WHERE t.account_id = :account AND t.kind = ? AND t.ref = ? ORDER BY t.id DESC LIMIT 1`)
	allTasks = store.Account("job.all_tasks",
		`SELECT `+columns+` FROM task t WHERE t.account_id = :account ORDER BY CASE WHEN t.ended_at = 0 THEN 0 ELSE 1 END, t.id DESC LIMIT ?`)
	fenceOf = store.Account("job.fence_of", `SELECT t.fence FROM task t WHERE t.account_id = :account AND t.id = ? AND t.ended_at = 0`)

	// A task is taken by raising its fence; two that try at once leave one holder.
	take = store.Account("job.take",
		`UPDATE task SET state = 'running', fence = fence + 1, beat_at = ?, started_at = CASE WHEN started_at = 0 THEN :now ELSE started_at END
		 WHERE account_id = :account AND id = ? AND fence = ? AND ended_at = 0 RETURNING kind, ref, fence, tries`)
	mark     = store.Account("job.mark", `UPDATE task SET beat_at = ? WHERE account_id = :account AND id = ? AND fence = ? AND ended_at = 0`)
	progress = store.Account("job.progress", `UPDATE task SET done = ?, total = ? WHERE account_id = :account AND id = ? AND fence = ? AND ended_at = 0`)
	end      = store.Account("job.end",
		`UPDATE task SET state = ?, note = ?, ended_at = :now WHERE account_id = :account AND id = ? AND fence = ? AND ended_at = 0`)
	requeue = store.Account("job.requeue",
		`UPDATE task SET state = 'queued', note = ?, tries = ?, fence = fence + 1, beat_at = ? WHERE account_id = :account AND id = ? AND fence = ? AND ended_at = 0`)
	orphans = store.Installation("job.orphans", "tasks of all accounts whose holder is gone",
		`SELECT t.account_id, t.id, t.fence, t.tries FROM task t
		 WHERE t.ended_at = 0 AND (t.state = 'running' AND t.beat_at < ? OR t.state = 'queued' AND t.beat_at <> 0 AND t.beat_at < ?) ORDER BY t.beat_at LIMIT 500`)
	backlog = store.Installation("job.backlog", "counts for metrics, over all accounts",
		`SELECT (SELECT count(*) FROM fact) AS facts, (SELECT count(*) FROM fact_late) AS late, (SELECT count(*) FROM task WHERE ended_at = 0) AS tasks`)
)
