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
	exported = store.Account("segment.exported", `SELECT c.id, COALESCE((SELECT 1 FROM suppression s WHERE s.account_id = :account AND s.fp = c.fp AND s.scope = 'all' LIMIT 1), 0) AS barred,
		COALESCE((SELECT MAX(CASE WHEN sy.state = 'given' THEN 2 WHEN sy.said = 2 OR sy.state IN ('withdrawn', 'refused') THEN 1 ELSE 0 END) FROM subscription sy
			JOIN list ly ON ly.account_id = :account AND ly.id = sy.list_id WHERE sy.account_id = :account AND sy.contact_id = c.id AND ly.kind = 'mail'), 0) AS stands`+
		here+`AND c.state <> 'restricted' AND c.id > ? ORDER BY c.id LIMIT ?`)
	leftOut = store.Account("segment.left_out", `SELECT r.reason, COUNT(*) AS people FROM (SELECT `+consent.ReasonSQL+` AS reason FROM contact c
		JOIN list l ON l.account_id = :account AND l.id = ?
		LEFT JOIN subscription s ON s.account_id = :account AND s.list_id = l.id AND s.contact_id = c.id
		WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0 AND :where) r GROUP BY r.reason ORDER BY r.reason`)
)
