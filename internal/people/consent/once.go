// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// TellSQL gives the first reason (” when there is none) against a mail of its own that tells a
// contact c where their address comes from (GDPR 14). It is owed, and no advertising, so it rests
// on no list; yet it goes to nobody who ever said no here or whose address stands on the
// do-not-mail list, and not to whom nothing but a claim waiting for proof holds here: those are
// deleted before the month ends (compliance L3).
// lower() keeps the index by state out of it: PostgreSQL, before it has counted the rows, would read all who wait.
const TellSQL = `CASE
` + personSQL + `	ELSE COALESCE((` + barSQL + `` + firstBarSQL + `),
	CASE WHEN EXISTS (SELECT 1 FROM subscription n WHERE n.account_id = :account AND n.contact_id = c.id AND n.said = 2) THEN 'withdrawn'
		WHEN c.age = 2 THEN 'under_age'
		WHEN c.notice_due_at = 0 THEN 'told'
		WHEN EXISTS (SELECT 1 FROM subscription g JOIN list k ON k.account_id = :account AND k.id = g.list_id AND k.kind = 'mail' AND k.retired_at = 0
			WHERE g.account_id = :account AND g.contact_id = c.id AND g.state = 'given') THEN ''
		WHEN EXISTS (SELECT 1 FROM subscription w WHERE w.account_id = :account AND w.contact_id = c.id AND lower(w.state) = 'waiting') THEN 'waiting'
		ELSE 'not_on_list' END) END`

// AskSQL gives the first reason against asking a contact c, on list l with their subscription s, once for a yes of
// their own. The question is direct marketing itself (ICO v Honda, Flybe; compliance L1): whatever
// speaks against a campaign speaks against it; who said yes themselves needs no asking; who is
// still owed word of where their address comes from hears that first. Its arguments are Ground.Args.
const AskSQL = `COALESCE(NULLIF(` + ReasonSQL + `, ''), CASE WHEN s.said = 1 OR s.grade = 'A' THEN 'own_yes'
	WHEN c.notice_due_at > 0 THEN 'untold' ELSE '' END)`

// Arrival is how a person came: the first thing an import or a member wrote about them.
type Arrival struct {
	ContactID  int64
	ImportID   int64
	Method     string // of what a member typed in: the kind of origin
	Page       string
	BasisRef   string
	RecordedAt legalclock.Moment
}

// Arrivals tells how some people came, at most 1,000; of whom nobody wrote anything it tells nothing.
func Arrivals(r store.Reader, people []int64) (map[int64]Arrival, error) {
	if len(people) == 0 {
		return nil, nil
	}
	out := make(map[int64]Arrival, len(people))
	return out, store.Each(r, arrivals, func(a Arrival) error {
		if _, met := out[a.ContactID]; !met {
			out[a.ContactID] = a
		}
		return nil
	}, people)
}

var arrivals = store.Account("consent.arrivals", `SELECT e.contact_id, e.import_id, e.method, e.page, e.basis_ref, e.recorded_at FROM consent_event e
	WHERE e.account_id = :account AND e.contact_id IN ?* AND (e.import_id > 0 OR e.source = 'member') ORDER BY e.contact_id, e.recorded_at, e.id`)
