// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import "consend/internal/ground/store"

// Came is one event that an import wrote about a person on its list.
type Came struct {
	ContactID int64
	EntryID   int64
	ImportID  int64
	RestsOn   int64 // the import that wrote the event on which the subscription rests; 0: none did
	State     Status
}

// Listed pages through the people of a list, wherever they stand there, by number.
func Listed(r store.Reader, list, after int64, limit int) ([]int64, error) {
	return store.All[int64](r, listed, list, after, limit)
}

// CameBy gives what some imports wrote about some people of a list, at most 1,000, in their order.
func CameBy(r store.Reader, list int64, imports, ids []int64) ([]Came, error) {
	return store.All[Came](r, cameBy, list, ids, imports)
}

// StoodBefore tells of whom, among at most 1,000 people, something else than some imports put them
// on a list, or claimed to.
func StoodBefore(r store.Reader, list int64, imports, ids []int64) (map[int64]bool, error) {
	return set(store.All[int64](r, stoodBefore, list, ids, imports))
}

// KnownOtherwise tells of whom, among at most 1,000 people, the ledger holds anything that some
// imports did not write.
func KnownOtherwise(r store.Reader, imports, ids []int64) (map[int64]bool, error) {
	return set(store.All[int64](r, knownOtherwise, ids, imports))
}

// Claims gives the claims of an import that wait for proof, of some people, at most 1,000, by person: as the ledger has them.
func Claims(r store.Reader, list, imp int64, ids []int64) (map[int64]Record, error) {
	rows, err := store.All[Record](r, claimsWaiting, list, ids, imp)
	out := make(map[int64]Record, len(rows))
	for _, e := range rows {
		out[e.ContactID] = e
	}
	return out, err
}

func set(ids []int64, err error) (map[int64]bool, error) {
	out := make(map[int64]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

var (
	listed = store.Account("consent.listed", `SELECT s.contact_id FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id > ? ORDER BY s.contact_id LIMIT ?`)
	cameBy = store.Account("consent.came_by", `SELECT e.contact_id, e.entry_id, e.import_id, COALESCE(b.import_id, 0) AS rests_on, s.state
		FROM consent_event e JOIN subscription s ON s.account_id = :account AND s.list_id = e.list_id AND s.contact_id = e.contact_id
		LEFT JOIN consent_event b ON b.account_id = :account AND b.contact_id = e.contact_id AND b.list_id = e.list_id AND b.id = s.event_id
		WHERE e.account_id = :account AND e.list_id = ? AND e.contact_id IN ?* AND e.import_id IN ?* ORDER BY e.contact_id, e.seq`)
	claimsWaiting = store.Account("consent.claims_waiting", `SELECT e.contact_id, e.id, e.occurred_at, e.page, e.text_sha256, e.note_version_id, o.ip_ct,
		COALESCE(o.ip_source, '') AS ip_source FROM subscription s
		JOIN consent_event e ON e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id
		LEFT JOIN consent_origin o ON o.account_id = :account AND o.contact_id = e.contact_id AND o.event_id = e.id
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?* AND e.import_id = ? AND e.kind = 'give' AND e.verdict = 'applied'
		AND e.state = 'waiting' ORDER BY e.contact_id, e.seq`)
	stoodBefore = store.Account("consent.stood_before", `SELECT DISTINCT s.contact_id FROM subscription s
		JOIN consent_event e ON e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?* AND e.import_id NOT IN ?* AND e.state IN ('given', 'waiting', 'requested')`)
	knownOtherwise = store.Account("consent.known_otherwise", `SELECT DISTINCT e.contact_id FROM consent_event e
		WHERE e.account_id = :account AND e.contact_id IN ?* AND e.import_id NOT IN ?*`)
)
