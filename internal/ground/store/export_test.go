// SPDX-License-Identifier: AGPL-3.0-or-later

package store

// Waiting is how many acts of people wait for their turn on SQLite.
func Waiting(db *DB) int {
	w := db.engine.(*embedded).writer
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.people)
}

// Break ends the transaction under an act, and with it the group's, as a full disk may.
func Break(tx *Tx) error { return tx.run.(*liteRun).plain("ROLLBACK") }

// OutOfIDs is what an act ends with that finds the block of ids used up.
var OutOfIDs = errDry
