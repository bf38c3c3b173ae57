// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/store"

var did = store.Account("contact.did", `SELECT a.contact_id FROM contact_activity a WHERE a.account_id = :account AND a.contact_id IN ?* AND a.kind = ?`)

// Did tells of whom, among at most 1,000 people, a kind of activity is known.
func Did(r store.Reader, kind Doing, ids []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := store.All[int64](r, did, ids, kind)
	for _, id := range found {
		out[id] = true
	}
	return out, err
}
