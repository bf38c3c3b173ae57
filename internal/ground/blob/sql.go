// SPDX-License-Identifier: AGPL-3.0-or-later

package blob

import "consend/internal/ground/store"

var (
	add = store.Account("blob.add", `INSERT INTO blob (account_id, id, owner, owner_id, type, size, sha256, made_at, ends_at)
		VALUES (:account, ?, ?, ?, ?, ?, ?, :now, ?)`)
	addOpen = store.Account("blob.add_open", `INSERT INTO blob (account_id, id, owner, owner_id, type, size, sha256, made_at, ends_at)
		VALUES (:account, ?, ?, ?, ?, -1, '', :now, ?) ON CONFLICT (account_id, id) DO NOTHING`)
	addChunk = store.Account("blob.add_chunk", `INSERT INTO blob_chunk (account_id, blob_id, n, data) VALUES (:account, ?, ?, ?)`)
	finish   = store.Account("blob.finish", `UPDATE blob SET size = ?, sha256 = ? WHERE account_id = :account AND id = ?`)
	stat     = store.Account("blob.stat", `SELECT b.id, b.owner, b.owner_id, b.type, b.size, b.sha256, b.made_at, b.ends_at
		FROM blob b WHERE b.account_id = :account AND b.id = ? AND b.size >= 0`)
	ofOwner = store.Account("blob.of_owner", `SELECT b.id, b.owner, b.owner_id, b.type, b.size, b.sha256, b.made_at, b.ends_at
		FROM blob b WHERE b.account_id = :account AND b.owner = ? AND b.owner_id = ? AND b.size >= 0 ORDER BY b.id LIMIT 1000`)
	findChunk  = store.Account("blob.find_chunk", `SELECT c.data FROM blob_chunk c WHERE c.account_id = :account AND c.blob_id = ? AND c.n = ?`)
	keep       = store.Account("blob.keep", `UPDATE blob SET ends_at = ? WHERE account_id = :account AND id = ? AND size >= 0`)
	dropChunks = store.Account("blob.drop_chunks", `DELETE FROM blob_chunk WHERE account_id = :account AND blob_id = ?`)
	drop       = store.Account("blob.drop", `DELETE FROM blob WHERE account_id = :account AND id = ?`)

	ended = store.Installation("blob.ended", "a sweep goes over all accounts", `SELECT b.account_id, b.id FROM blob b WHERE b.ends_at > 0 AND b.ends_at <= ?
		UNION SELECT b.account_id, b.id FROM blob b WHERE b.size < 0 AND b.made_at <= ? ORDER BY 1, 2 LIMIT 100`)
)
