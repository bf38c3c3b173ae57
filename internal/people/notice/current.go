// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import (
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// Current is the newest version of the account's oldest note in use: the one that mail to people
// who never saw a form of ours names (GDPR 14(1), (2)). ok is false where none was ever published.
func Current(r store.Reader) (v Version, ok bool, err error) {
	v, err = get(r, findCurrent)
	if fault.Is(err, fault.NotFound) {
		return Version{}, false, nil
	}
	return v, err == nil, err
}

var findCurrent = store.Account("notice.current", `SELECT v.id, v.notice_id, v.number, v.content, v.published_at, v.entry_id
	FROM notice n JOIN notice_version v ON v.account_id = :account AND v.id = n.current_id
	WHERE n.account_id = :account AND n.retired_at = 0 AND n.current_id <> 0 ORDER BY n.id LIMIT 1`)
