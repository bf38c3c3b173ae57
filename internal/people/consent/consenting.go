// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"consend/internal/ground/store"
	"consend/internal/people/contact"
)

// Consenting is how many people stand at a basis on at least one list; at most contact.CountMost.
func Consenting(r store.Reader) (int64, error) {
	return store.One[int64](r, consenting, contact.CountMost)
}

var consenting = store.Account("consent.consenting",
	`SELECT count(*) FROM (SELECT DISTINCT s.contact_id FROM subscription s WHERE s.account_id = :account AND s.state = 'given' LIMIT ?) AS x`)
