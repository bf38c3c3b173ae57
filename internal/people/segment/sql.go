// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"consend/internal/ground/store"
	"consend/internal/people/consent"
)

const columns = `SELECT s.id, s.name, s.definition, s.version, s.created_at, s.updated_at, s.retired_at, s.entry_id FROM segment s WHERE s.account_id = :account `

var (
	get   = store.Account("segment.get", columns+`AND s.id = ?`)
	lock  = store.Account("segment.lock", columns+`AND s.id = ? :lock`)
	named = store.Account("segment.named", columns+`AND s.folded = ? AND s.retired_at = 0`)
	all   = store.Account("segment.all", columns+`ORDER BY CASE WHEN s.retired_at = 0 THEN 0 ELSE 1 END, s.folded, s.id`)
	inUse = store.Account("segment.in_use", `SELECT COUNT(*) FROM segment s WHERE s.account_id = :account AND s.retired_at = 0`)

	add = store.Account("segment.add", `INSERT INTO segment (account_id, id, name, folded, definition, created_at, updated_at, entry_id)
		VALUES (:account, ?, ?, ?, ?, :now, :now, ?)`)
	change = store.Account("segment.change", `UPDATE segment SET name = ?, folded = ?, definition = ?, version = version + 1, updated_at = :now
		WHERE account_id = :account AND id = ?`)
	turn = store.Account("segment.turn", `UPDATE segment SET retired_at = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
)

// Over people: :where is a description.
const here = ` FROM contact c WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 AND :where `

var (
	count    = store.Account("segment.count", `SELECT COUNT(*)`+here)
	members  = store.Account("segment.members", `SELECT c.id`+here+`AND c.id > ? ORDER BY c.id LIMIT ?`)
	page     = store.Account("segment.page", `SELECT c.id`+here+`AND c.id < ? ORDER BY c.id DESC LIMIT ?`)
	exported = store.Account("segment.exported", `SELECT c.id, COALESCE((SELECT 1 FROM suppression s WHERE s.account_id = :account AND s.fp = c.fp AND s.scope = 'all' AND s.reason <> 'hard_bounce' LIMIT 1), 0) AS barred`+
		here+`AND c.state <> 'restricted' AND c.id > ? ORDER BY c.id LIMIT ?`)
	stands = store.Account("segment.stands", `SELECT s.contact_id, l.id AS list_id, l.name, s.state, s.said, `+consent.ReasonSQL+` AS reason FROM contact c
		JOIN subscription s ON s.account_id = :account AND s.contact_id = c.id JOIN list l ON l.account_id = :account AND l.id = s.list_id
		WHERE c.account_id = :account AND c.id IN ?* AND l.kind = 'mail' ORDER BY s.contact_id, l.name, l.id`)
	leftOut = store.Account("segment.left_out", `SELECT r.reason, COUNT(*) AS people FROM (SELECT `+consent.ReasonSQL+` AS reason FROM contact c
		JOIN list l ON l.account_id = :account AND l.id = ?
		LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
		WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 AND :where) r GROUP BY r.reason ORDER BY r.reason`)
)
