// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import "consend/internal/ground/store"

// both is a statement for acts of an account and for those of the installation itself.
type both struct{ account, house *store.Query }

func twice(name, text string) both {
	return both{store.Account(name, text), store.Installation(name+"_house", "an act of the installation itself", text)}
}

func (b both) of(r store.Reader) *store.Query {
	if accountOf(r) == 0 {
		return b.house
	}
	return b.account
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}

var (
	addEntry = twice("trace.add_entry", `INSERT INTO trace_entry
		(account_id, id, at, action, actor, actor_id, object, object_id, contact_id, clear, private, c2, sealed)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	addPending = twice("trace.add_pending", `INSERT INTO trace_pending (account_id, entry_id, at, leaf) VALUES (:account, ?, ?, ?)`)
	addMembers = twice("trace.add_members", `INSERT INTO trace_members (account_id, entry_id, n, leaves, names, kept) VALUES (:account, ?, ?, ?, ?, ?)`)
)
