// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"slices"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
)

// Foresee tells whom an Ensure of addresses would find, and whom it would make (Created, without a
// number); it makes nobody. An address that comes twice is found or made once.
func Foresee(r store.Reader, emails []address.Address) ([]Row, error) {
	fps, err := fingerprints(r)
	if err != nil {
		return nil, err
	}
	out := make([]Row, len(emails))
	at := make(map[string]int, len(emails))
	norms := make([]string, 0, len(emails))
	for i, a := range emails {
		n := a.Norm()
		if k, again := at[n]; again {
			out[i] = Row{ID: int64(-k - 1)} // of its first, once that is known
			continue
		}
		at[n] = i
		norms = append(norms, n)
		out[i] = Row{Created: true, State: StateActive, Version: 1, Email: a, FP: fps.Of(a)}
	}
	slices.Sort(norms)
	for part := range slices.Chunk(norms, 1000) {
		rows, err := store.All[knownRow](r, known, part)
		if err != nil {
			return nil, err
		}
		for _, k := range rows {
			out[at[k.EmailNorm]] = k.row()
		}
	}
	for i := range out {
		if out[i].ID < 0 {
			out[i] = out[-out[i].ID-1]
			out[i].Created = false
		}
	}
	return out, nil
}
