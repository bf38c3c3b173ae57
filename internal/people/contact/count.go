// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import "consend/internal/ground/store"

// CountMost is where Count ends: a page that only says "many" need not read a million rows.
const CountMost = 100_000

// Count is how many people the account knows, those who are erased or merged into another left out; at most CountMost.
func Count(r store.Reader) (int64, error) { return store.One[int64](r, count, CountMost) }

var count = store.Account("contact.count",
	`SELECT count(*) FROM (SELECT 1 AS one FROM contact c WHERE c.account_id = :account AND c.state <> 'erased' AND c.merged_into = 0 LIMIT ?) AS x`)
