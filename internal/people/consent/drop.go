// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"

	"consend/internal/ground/store"
)

// Unheld gives those of some people, at most 1,000, for whom nothing speaks: no list has, had
// or awaits a yes of theirs, and none heard a no that must be shown to have been heard (GDPR
// 5(2), 7(3), 21). "This was not me" is no such no: nothing was sent that it ends, and the
// do-not-mail list remembers it.
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

// DropPeople deletes the ledger of people who are deleted for good, at most 1,000. The
// do-not-mail list is no ledger: it stays (INV-12).
func DropPeople(tx *store.Tx, ids []int64) {
	tx.Do(dropOrigins, ids)
	tx.Do(dropEvents, ids)
	tx.Do(dropStates, ids)
}
