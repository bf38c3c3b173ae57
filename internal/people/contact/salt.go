// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/store"

// Salts gives the salts of people's rows, for the check of the whole log (trace.Salts). Who
// has no row any more is left out.
func Salts(r store.Reader, account int64, ids []int64) (map[int64][]byte, error) {
	type row struct {
		ID   int64
		Salt []byte
	}
	out := make(map[int64][]byte, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), 1000)
		rows, err := store.All[row](r, saltsOf, account, ids[:n])
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			out[x.ID] = x.Salt
		}
		ids = ids[n:]
	}
	return out, nil
}

var saltsOf = store.Installation("contact.salts", "the check of the log goes over all accounts",
	`SELECT c.id, c.salt FROM contact c WHERE c.account_id = ? AND c.id IN ?*`)
