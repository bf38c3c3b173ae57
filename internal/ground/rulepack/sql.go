// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack

import "consend/internal/ground/store"

const house = "the installation's decisions hold for every account"

const decision = `seq, at, valid_from, rule, value, reason, by_kind, by_id, by_name`

var (
	heads = store.Account("rulepack.heads", `SELECT (SELECT COALESCE(MAX(d.seq), 0) FROM rulepack_decision d) AS house,
		(SELECT COALESCE(MAX(c.seq), 0) FROM rulepack_choice c WHERE c.account_id = :account) AS own`)
	headsHouse = store.Installation("rulepack.heads_house", house, `SELECT COALESCE(MAX(d.seq), 0) AS house FROM rulepack_decision d`)

	decisions = store.Installation("rulepack.decisions", house, `SELECT `+decision+` FROM rulepack_decision ORDER BY seq`)
	choices   = store.Account("rulepack.choices", `SELECT `+decision+` FROM rulepack_choice c WHERE c.account_id = :account ORDER BY seq`)

	addDecision = store.Installation("rulepack.add_decision", house, `INSERT INTO rulepack_decision (`+decision+`) VALUES (?, :now, ?, ?, ?, ?, ?, ?, ?)`)
	addChoice   = store.Account("rulepack.add_choice", `INSERT INTO rulepack_choice (account_id, `+decision+`) VALUES (:account, ?, :now, ?, ?, ?, ?, ?, ?, ?)`)

	chose = store.Installation("rulepack.chose", "a sweep over all accounts looks for those with a term of their own",
		`SELECT DISTINCT c.account_id FROM rulepack_choice c WHERE c.rule = ? ORDER BY c.account_id`)
)
