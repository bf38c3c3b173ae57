// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
)

// Stretch is how many people one step of ByName looks through.
const Stretch = 5000

// ByName looks through a stretch of people, the newest first, for those of whom every word
// asked (locale.Words) begins a word of the name. Before is the number where the step before
// ended, 0 at first; next is 0 at the end. Names have no index: one would cost every import a
// fifth of its work. So whoever asks says how far they looked.
func ByName(r store.Reader, asked []string, before int64) (ids []int64, next int64, err error) {
	if before == 0 {
		before = 1 << 62
	}
	rows, err := store.All[namedRow](r, names, before, Stretch)
	for _, c := range rows {
		if !c.Name.IsZero() && !c.State.Ending() && locale.Begins(c.Name.Raw(), asked) {
			ids = append(ids, c.ID)
		}
	}
	if len(rows) == Stretch {
		next = rows[len(rows)-1].ID
	}
	return ids, next, err
}

type namedRow struct {
	ID    int64
	Name  pii.Text
	State State
}
