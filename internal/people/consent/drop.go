// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"

	"consend/internal/ground/store"
)

// Unheld gives those of some people, at most 1,000, for whom nothing speaks: no list has or
// awaits a yes of theirs, and they have said no to none.
func Unheld(r store.Reader, ids []int64) ([]int64, error) {
	held, err := store.All[int64](r, held, ids)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, id := range ids {
		if !slices.Contains(held, id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// Drop deletes the ledger of people who are deleted by a retention rule, at most 1,000 (in
// db.Purge). The do-not-mail list is no ledger: it stays (INV-12).
func Drop(tx *store.Tx, ids []int64) {
	tx.Do(dropOrigins, ids)
	tx.Do(dropEvents, ids)
	tx.Do(dropStates, ids)
}
