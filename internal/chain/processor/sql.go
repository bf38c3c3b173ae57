// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import "consend/internal/ground/store"

// Records of the house serve every account, so the table is the installation's; every statement
// binds the owner to the transaction's account, which callers can't give.
const shared = "an account reads its own carriers and the house's"

const columns = `p.id, p.owner_id, p.kind, p.name, p.country, p.role, p.place, p.dpa, p.dpa_version, p.dpa_url, p.dpa_from, p.dpa_until, p.paper_until,
 p.mechanism, p.mechanism_from, p.mechanism_until, p.mechanism_checked, p.review_due, p.state, p.state_at, p.state_by, p.state_why, p.catalogue, p.version, p.made_at`

var (
	find = store.Installation("processor.find", shared, `SELECT `+columns+` FROM processor p WHERE p.id = ? AND p.owner_id IN (0, :account)`)
	all  = store.Installation("processor.all", shared, `SELECT `+columns+` FROM processor p WHERE p.owner_id IN (0, :account) ORDER BY p.id LIMIT 1000`)
	lock = store.Installation("processor.lock", shared, `SELECT `+columns+` FROM processor p WHERE p.id = ? AND p.owner_id IN (0, :account) :lock`)
	add  = store.Installation("processor.add", "a carrier of the account or of the house", `INSERT INTO processor
 (id, owner_id, kind, name, country, role, place, dpa, dpa_version, dpa_url, dpa_from, dpa_until, paper_until,
  mechanism, mechanism_from, mechanism_until, mechanism_checked, review_due, state, state_at, state_by, state_why, catalogue, version, made_at)
 VALUES (?, :account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, 'active', :now, ?, '', ?, 1, :now)`)
	setState = store.Installation("processor.set_state", shared, `UPDATE processor SET state = ?, state_at = :now, state_by = ?, state_why = ?, version = version + 1
 WHERE id = ? AND owner_id IN (0, :account)`)
	setDPA = store.Installation("processor.set_dpa", shared, `UPDATE processor SET dpa = ?, dpa_version = ?, dpa_url = ?, dpa_from = ?, dpa_until = ?, paper_until = ?, version = version + 1
 WHERE id = ? AND owner_id IN (0, :account)`)
	setTransfer = store.Installation("processor.set_transfer", shared, `UPDATE processor SET mechanism = ?, mechanism_from = ?, mechanism_until = ?, mechanism_checked = ?, version = version + 1
 WHERE id = ? AND owner_id IN (0, :account)`)
	setReview = store.Installation("processor.set_review", shared, `UPDATE processor SET review_due = ?, version = version + 1 WHERE id = ? AND owner_id IN (0, :account)`)
)
