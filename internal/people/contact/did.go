// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

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

// LastUse adds to into when some people, at most 1,000, last bought, signed in or got marketing mail of the account:
// what a sale is renewed by (rule soft_opt_in.term). Who did none of it is left out, or has 0.
func LastUse(r store.Reader, ids []int64, into map[int64]legalclock.Moment) error {
	if len(ids) == 0 {
		return nil
	}
	return store.Each(r, lastUse, func(x struct {
		ContactID int64
		At        legalclock.Moment
	}) error {
		into[x.ContactID] = x.At
		return nil
	}, ids)
}

// Used is what LastUse asks for, as a condition on an activity a.
const Used = `a.kind IN ('purchase', 'login', 'sent')`

var lastUse = store.Account("contact.last_use", `SELECT a.contact_id, MAX(CASE WHEN `+Used+` THEN a.last_at ELSE 0 END) AS at
	FROM contact_activity a WHERE a.account_id = :account AND a.contact_id IN ?* GROUP BY a.contact_id`)
