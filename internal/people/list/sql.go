// SPDX-License-Identifier: AGPL-3.0-or-later

package list

import "consend/internal/ground/store"

const columns = `SELECT l.id, l.purpose_id, l.kind, l.name, l.public, l.position, l.created_at, l.retired_at, l.entry_id, l.folder, l.offered <> 0 AS offered, l.measures, l.attribute_id,
	p.name AS purpose_name, p.family AS purpose_family, p.service <> 0 AS service
	FROM list l JOIN purpose p ON p.account_id = :account AND p.id = l.purpose_id WHERE l.account_id = :account `

const purposeColumns = `SELECT p.id, p.name, p.public, p.family, p.service <> 0 AS service, p.created_at, p.retired_at, p.entry_id FROM purpose p WHERE p.account_id = :account `

var (
	get   = store.Account("list.get", columns+`AND l.id = ?`)
	some  = store.Account("list.some", columns+`AND l.id IN ?*`)
	named = store.Account("list.named", columns+`AND l.folded = ? AND l.retired_at = 0`)
	all   = store.Account("list.all", columns+`ORDER BY CASE WHEN l.retired_at = 0 THEN 0 ELSE 1 END, p.folded, l.position, l.folded, l.id`)
	inUse = store.Account("list.in_use", columns+`AND l.retired_at = 0 ORDER BY p.folded, l.position, l.folded, l.id`)

	getPurpose   = store.Account("list.get_purpose", purposeColumns+`AND p.id = ?`)
	purposeNamed = store.Account("list.purpose_named", purposeColumns+`AND p.folded = ? AND p.retired_at = 0`)
	purposes     = store.Account("list.purposes", purposeColumns+`ORDER BY CASE WHEN p.retired_at = 0 THEN 0 ELSE 1 END, p.folded, p.id`)
	measuring    = store.Account("list.measuring", columns+`AND l.measures <> '' AND l.retired_at = 0 ORDER BY l.id`)
	special      = store.Account("list.special", columns+`AND l.attribute_id = ?`)
	specials     = store.Account("list.specials", columns+`AND l.attribute_id <> 0 ORDER BY l.id`)
	grantsOf     = store.Account("list.grants_of", `SELECT COUNT(*) FROM list l WHERE l.account_id = :account AND l.purpose_id = ? AND l.kind = 'grant' AND l.retired_at = 0`)
	listsOf      = store.Account("list.lists_of", `SELECT COUNT(*) FROM list l WHERE l.account_id = :account AND l.purpose_id = ? AND l.retired_at = 0`)

	addPurpose = store.Account("list.add_purpose", `INSERT INTO purpose (account_id, id, name, folded, public, family, service, created_at, entry_id)
		VALUES (:account, ?, ?, ?, ?, ?, ?, :now, ?)`)
	add = store.Account("list.add", `INSERT INTO list (account_id, id, purpose_id, kind, name, folded, public, folder, offered, measures, attribute_id, created_at, entry_id)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, :now, ?)`)
	lock          = store.Account("list.lock", `SELECT l.id FROM list l WHERE l.account_id = :account AND l.id = ? :lock`)
	lockPurpose   = store.Account("list.lock_purpose", `SELECT p.id FROM purpose p WHERE p.account_id = :account AND p.id = ? :lock`)
	place         = store.Account("list.place", `UPDATE list SET position = ? WHERE account_id = :account AND id = ?`)
	edit          = store.Account("list.edit", `UPDATE list SET name = ?, folded = ?, public = ?, folder = ?, offered = ? WHERE account_id = :account AND id = ?`)
	renamePurpose = store.Account("list.rename_purpose", `UPDATE purpose SET name = ?, folded = ?, public = ?, service = ? WHERE account_id = :account AND id = ?`)
	retire        = store.Account("list.retire", `UPDATE list SET retired_at = ? WHERE account_id = :account AND id = ?`)
	retirePurpose = store.Account("list.retire_purpose", `UPDATE purpose SET retired_at = ? WHERE account_id = :account AND id = ?`)
)
