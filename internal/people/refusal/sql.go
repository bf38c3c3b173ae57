// SPDX-License-Identifier: AGPL-3.0-or-later

package refusal

import "consend/internal/ground/store"

const unreplayed = `NOT EXISTS (SELECT 1 FROM refusal_replayed p WHERE p.account_id = r.account_id AND p.id = r.id)`

const lines = `id, at, entry_id, fp, kind, scope, scope_id, contact_id`

var columns = []store.Column{{Name: "id"}, {Name: "at"}, {Name: "entry_id"}, {Name: "fp", Type: store.Bytes}, {Name: "kind", Type: store.Text},
	{Name: "scope", Type: store.Text}, {Name: "scope_id"}, {Name: "contact_id"}}

// In main.
var (
	note    = store.Load("refusal.note", "refusal_out", columns, "")
	waiting = store.Account("refusal.waiting", `SELECT o.account_id, `+lines+` FROM refusal_out o WHERE o.account_id = :account ORDER BY o.id LIMIT ? :lock`)
	carried = store.Account("refusal.carried", `DELETE FROM refusal_out WHERE account_id = :account AND id IN ?*`)
)

// In the keys store.
var (
	addLines    = store.Load("refusal.add", "refusal", columns, "ON CONFLICT (account_id, id) DO NOTHING")
	addDue      = store.Load("refusal.add_due", "refusal_due", []store.Column{{Name: "id"}}, "ON CONFLICT (account_id, id) DO NOTHING")
	addReplayed = store.Load("refusal.add_replayed", "refusal_replayed", []store.Column{{Name: "id"}}, "ON CONFLICT (account_id, id) DO NOTHING")
	knownLines  = store.Account("refusal.known", `SELECT r.id FROM refusal r WHERE r.account_id = :account AND r.id IN ?* ORDER BY r.id`)

	due = store.Installation("refusal.due", "the file outside holds the lines of every account", `SELECT r.account_id, r.id, r.at, r.entry_id, r.fp, r.kind, r.scope, r.scope_id, r.contact_id
		FROM refusal_due d JOIN refusal r ON r.account_id = d.account_id AND r.id = d.id ORDER BY d.account_id, d.id LIMIT ? :skip(d)`)
	outside = store.Installation("refusal.outside", "the file outside holds the lines of every account", `DELETE FROM refusal_due WHERE account_id = ? AND id = ?`)

	since = store.Installation("refusal.since", "a restore replays the lines of every account", `SELECT r.account_id, `+lines+` FROM refusal r
		WHERE r.at >= ? AND `+unreplayed+` AND (r.at, r.account_id, r.id) > (?, ?, ?) ORDER BY r.at, r.account_id, r.id LIMIT ?`)
	newest = store.Installation("refusal.newest", "a start looks whether main knows the newest lines", `SELECT r.account_id, `+lines+` FROM refusal r
		WHERE r.at >= ? AND `+unreplayed+` ORDER BY r.at DESC, r.account_id, r.id LIMIT ?`)
)
