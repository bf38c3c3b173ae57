// SPDX-License-Identifier: AGPL-3.0-or-later

package store

var (
	leaseIDs = Installation("store.lease_ids", "one counter for the installation",
		`UPDATE counter SET next = next + ? WHERE name = 'id' RETURNING next - 65536`)
	nextID = Installation("store.next_id", "one counter for the installation",
		`SELECT next FROM counter WHERE name = 'id'`)
	skipIDs = Installation("store.skip_ids", "one counter for the installation",
		`UPDATE counter SET next = CAST(? AS BIGINT) WHERE name = 'id' AND next < ?`)
	identity = Installation("store.identity", "the store's row about itself",
		`SELECT kind, id, installation FROM store`)
	identify = Installation("store.identify", "the store's row about itself, written once",
		`INSERT INTO store (kind, id, installation) VALUES (?, ?, ?) ON CONFLICT (kind) DO NOTHING`)
)
