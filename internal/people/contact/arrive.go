// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/store"

// Arriving is asked whenever people are about to be made or an address is about to be changed; its
// question leaves together with what makes them. What it answers is told who came, in the same act
// and before anything is decided about them, and may mark them Barred: the refusals that another
// tool told as bare hashes meet their people here. The house attaches it to the main store.
type Arriving func(tx *store.Tx) func(came []*Row) error

func arriving(tx *store.Tx) func(came []*Row) error {
	if ask, ok := store.Attached[Arriving](tx); ok {
		return ask(tx)
	}
	return func([]*Row) error { return nil }
}

// Addresses gives people in the order of their numbers, behind one of them, at most 1,000. They
// aren't locked.
func Addresses(r store.Reader, after int64, size int) ([]Row, error) {
	rows, err := store.All[knownRow](r, addresses, after, min(max(size, 1), 1000))
	out := make([]Row, len(rows))
	for i, k := range rows {
		out[i] = k.row()
	}
	return out, err
}

// Known gives the numbers of those whose folded address is among some, at most 1,000.
func Known(r store.Reader, norms []string) (map[string]int64, error) {
	rows, err := store.All[knownRow](r, known, norms)
	out := make(map[string]int64, len(rows))
	for _, k := range rows {
		out[k.EmailNorm] = k.ID
	}
	return out, err
}

// MarkSet is Mark for people who are locked or were made by this act, at most 1,000.
func MarkSet(tx *store.Tx, ids []int64, to State) {
	if len(ids) > 0 {
		tx.Do(markSet, to, ids, to)
	}
}
