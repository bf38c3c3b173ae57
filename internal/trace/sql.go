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

// accountOf is the account a reader is bound to; every Reader of the store tells it.
func accountOf(r store.Reader) int64 { return r.(interface{ Account() int64 }).Account() }

var (
	addEntry = twice("trace.add_entry", `INSERT INTO trace_entry
		(account_id, id, at, action, actor, actor_id, object, object_id, contact_id, clear, private, c2, sealed)
		VALUES (:account, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	addPending = twice("trace.add_pending", `INSERT INTO trace_pending (account_id, entry_id, at, leaf) VALUES (:account, ?, ?, ?)`)
	addMembers = twice("trace.add_members", `INSERT INTO trace_members (account_id, entry_id, n, leaves, names, kept) VALUES (:account, ?, ?, ?, ?, ?)`)

	findLeaf    = twice("trace.find_leaf", `SELECT l.leaf_index, l.at FROM trace_leaf l WHERE l.account_id = :account AND l.entry_id = ?`)
	findEntry   = twice("trace.find_entry", `SELECT e.clear, e.private, e.c2, e.sealed FROM trace_entry e WHERE e.account_id = :account AND e.id = ?`)
	findMembers = twice("trace.find_members", `SELECT m.n, m.leaves, m.names, m.kept FROM trace_members m WHERE m.account_id = :account AND m.entry_id = ?`)
)

const restoring = "a restore that was accepted sets the checkpoints aside that main doesn't go on from"

const whole = "the log is one for the installation: its order goes over all accounts"

var (
	makeHead = store.Installation("trace.make_head", whole,
		`INSERT INTO trace_head (id, size, root, at) VALUES (1, 0, ?, :now) ON CONFLICT (id) DO NOTHING`)
	findHead = store.Installation("trace.find_head", whole, `SELECT size, root, at FROM trace_head WHERE id = 1`)
	lockHead = store.Installation("trace.lock_head", whole, `SELECT size, root, at FROM trace_head WHERE id = 1 :lock`)
	moveHead = store.Installation("trace.move_head", whole, `UPDATE trace_head SET size = ?, root = ?, at = :now WHERE id = 1 AND size = ?`)

	placeLeaves = store.Installation("trace.place_leaves", whole, `INSERT INTO trace_leaf (account_id, entry_id, leaf_index, at)
		SELECT p.account_id, p.entry_id, CAST(? AS BIGINT) + row_number() OVER (ORDER BY p.account_id, p.entry_id) - 1, :now
		FROM (SELECT account_id, entry_id FROM trace_pending ORDER BY account_id, entry_id LIMIT ?) p`)
	// Row by row along the key, and no further than the last one: a planner that knows nothing of a log that has just
	// grown would read all that waits for each step.
	placedLeaves = store.Installation("trace.placed_leaves", whole, `SELECT l.account_id, l.entry_id,
		(SELECT p.leaf FROM trace_pending p WHERE p.account_id = l.account_id AND p.entry_id = l.entry_id) AS leaf
		FROM trace_leaf l WHERE l.leaf_index >= ? ORDER BY l.leaf_index`)
	sealed = store.Installation("trace.sealed", whole, `DELETE FROM trace_pending WHERE (account_id, entry_id) <= (?, ?)
		AND EXISTS (SELECT 1 FROM trace_leaf l WHERE l.account_id = trace_pending.account_id AND l.entry_id = trace_pending.entry_id AND l.leaf_index >= ?)`)

	findTile = store.Installation("trace.find_tile", whole, `SELECT hashes FROM trace_tile WHERE level = ? AND n = ?`)
	putTile  = store.Installation("trace.put_tile", whole, `INSERT INTO trace_tile (level, n, hashes) VALUES (?, ?, ?)
		ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes`)

	putCheckpoint = store.Installation("trace.put_checkpoint", whole, `INSERT INTO trace_checkpoint (hour, size, note) VALUES (?, ?, ?)
		ON CONFLICT (hour) DO UPDATE SET size = excluded.size, note = excluded.note WHERE trace_checkpoint.size < excluded.size`)
	putCopy = store.Installation("trace.put_copy", "a copy of the log's word outside main", `INSERT INTO checkpoint_copy (day, size, note, next_id) VALUES (?, ?, ?, ?)
		ON CONFLICT (day) DO UPDATE SET size = excluded.size, note = excluded.note, next_id = excluded.next_id WHERE checkpoint_copy.size < excluded.size`)
	findCopies = store.Installation("trace.find_copies", "a start holds main against the copies",
		`SELECT note FROM checkpoint_copy ORDER BY day DESC LIMIT ?`)
	ownCheckpoints = store.Installation("trace.own_checkpoints", whole, `SELECT note FROM trace_checkpoint ORDER BY hour DESC LIMIT ?`)
	copiesBeyond   = store.Installation("trace.copies_beyond", restoring, `SELECT day, size, note FROM checkpoint_copy WHERE size > ? ORDER BY day`)
	dropBeyond     = store.Installation("trace.drop_beyond", restoring, `DELETE FROM checkpoint_copy WHERE size > ?`)
	putLost        = store.Installation("trace.put_lost", restoring, `INSERT INTO checkpoint_lost (at, day, size, note) VALUES (?, ?, ?, ?) ON CONFLICT (at, day) DO NOTHING`)
	putRestore     = store.Installation("trace.put_restore", restoring, `INSERT INTO trace_restore (at, note) VALUES (?, ?) ON CONFLICT (at) DO NOTHING`)
	findRestores   = store.Installation("trace.find_restores", restoring, `SELECT note FROM trace_restore ORDER BY at DESC LIMIT 1000`)
	furthestID     = store.Installation("trace.furthest_id", restoring, `SELECT COALESCE(max(next_id), 0) FROM checkpoint_copy`)
	knownEntries   = store.Account("trace.known_entries", `SELECT e.id FROM trace_entry e WHERE e.account_id = :account AND e.id IN ?*`)
	dailySizes     = store.Installation("trace.daily_sizes", whole,
		`SELECT max(size) AS size FROM trace_checkpoint GROUP BY hour / 24 ORDER BY hour / 24 DESC LIMIT ?`)

	sealedPage = store.Installation("trace.sealed_page", whole, `SELECT l.account_id, l.entry_id, l.leaf_index, e.id, e.at, e.action, e.actor, e.actor_id,
		e.object, e.object_id, e.contact_id, e.clear, e.private, e.c2, m.n
		FROM trace_leaf l LEFT JOIN trace_entry e ON e.account_id = l.account_id AND e.id = l.entry_id
		LEFT JOIN trace_members m ON m.account_id = l.account_id AND m.entry_id = l.entry_id
		WHERE l.leaf_index >= ? AND l.leaf_index < ? ORDER BY l.leaf_index`)
	unplaced = store.Installation("trace.unplaced", whole, `SELECT e.account_id, e.id, p.leaf, e.clear, e.c2
		FROM trace_entry e LEFT JOIN trace_pending p ON p.account_id = e.account_id AND p.entry_id = e.id
		WHERE (e.account_id, e.id) > (?, ?)
		AND NOT EXISTS (SELECT 1 FROM trace_leaf l WHERE l.account_id = e.account_id AND l.entry_id = e.id)
		ORDER BY e.account_id, e.id LIMIT ?`)
	beyondHead = store.Installation("trace.beyond_head", whole,
		`SELECT l.account_id, l.entry_id, l.leaf_index FROM trace_leaf l WHERE l.leaf_index >= ? ORDER BY l.leaf_index LIMIT 100`)
	membersOf = store.Installation("trace.members_of", whole, `SELECT m.n, m.leaves, m.names, m.kept FROM trace_members m WHERE m.account_id = ? AND m.entry_id = ?`)
)

var (
	search = store.Account("trace.search", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account AND e.at >= ? AND (e.at, e.id) < (?, ?)
		AND (CAST(? AS {text}) = '' OR e.actor = ?) AND (CAST(? AS BIGINT) = 0 OR e.actor_id = ?) ORDER BY e.at DESC, e.id DESC LIMIT ?`)
	searchContact = store.Account("trace.search_contact", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account
		AND e.contact_id = ? AND e.contact_id <> 0 AND (CAST(? AS {text}) = '' OR e.action = ?) AND e.at >= ? AND (e.at, e.id) < (?, ?)
		AND (CAST(? AS {text}) = '' OR e.actor = ?) AND (CAST(? AS BIGINT) = 0 OR e.actor_id = ?) ORDER BY e.at DESC, e.id DESC LIMIT ?`)
	actsOn = store.Account("trace.acts_on", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account
		AND e.contact_id = ? AND e.contact_id <> 0 AND (e.at, e.id) < (?, ?) AND e.action NOT IN ?* AND (e.action < 'consent.' OR e.action >= 'consent/')
		ORDER BY e.at DESC, e.id DESC LIMIT ?`)
	searchAction = store.Account("trace.search_action", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account
		AND e.action = ? AND e.at >= ? AND (e.at, e.id) < (?, ?)
		AND (CAST(? AS {text}) = '' OR e.actor = ?) AND (CAST(? AS BIGINT) = 0 OR e.actor_id = ?) ORDER BY e.at DESC, e.id DESC LIMIT ?`)
	among = store.Account("trace.among", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account
		AND e.id IN ?* AND (e.at, e.id) < (?, ?) ORDER BY e.at DESC, e.id DESC LIMIT ?`)
	findOne = store.Account("trace.find_one", `SELECT e.id, e.at, e.action, e.actor, e.actor_id, e.object, e.object_id, e.contact_id, e.clear, e.sealed,
		COALESCE(l.leaf_index, -1) AS place, COALESCE(l.at, 0) AS sealed_at FROM trace_entry e
		LEFT JOIN trace_leaf l ON l.account_id = :account AND l.entry_id = e.id WHERE e.account_id = :account AND e.id = ?`)
	actions = store.Account("trace.actions", `WITH RECURSIVE a(action) AS (
		SELECT min(e.action) FROM trace_entry e WHERE e.account_id = :account
		UNION ALL SELECT (SELECT min(e.action) FROM trace_entry e WHERE e.account_id = :account AND e.action > a.action) FROM a WHERE a.action IS NOT NULL)
		SELECT a.action FROM a WHERE a.action IS NOT NULL ORDER BY a.action LIMIT 1000`)
)
