// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/list"
)

// Extended tells what became of an Extend.
type Extended struct {
	Added   int // now on the list
	Already int // were on it
	NoBasis int // nothing that stands reaches this list's purpose, or it doesn't hold in the countries of today
	SaidNo  int // said no to this list, or are on the do-not-mail list
}

// Extend puts people, at most 1,000, on another list of a purpose for which there is a
// reason to write to them already. What they said yes to is the purpose (GDPR 6(1)(a),
// 5(1)(b)), so a list of the same purpose rests on the same event, and says so; people with
// no yes for that purpose stay where they are. Of evidence we saw ourselves the new list has
// a record per person, no more: the box they ticked named another list.
// Faults: list.none, consent.grant (the list measures: only the person gives it).
func Extend(tx *store.Tx, to int64, people []int64) (Extended, error) {
	l, err := list.Get(tx, to)
	if err != nil {
		return Extended{}, err
	}
	if l.RetiredAt != 0 {
		return Extended{}, fault.New(fault.NotFound, "list.none")
	}
	if l.Kind == list.Grant {
		return Extended{}, fault.New(fault.Invalid, "consent.grant")
	}
	type reach struct {
		ContactID   int64
		ListID      int64
		EventID     int64
		State       Status
		Basis       Basis
		Grade       Grade
		BasisRef    string
		BasisFamily string
		Offered     bool
		OccurredAt  legalclock.Moment
		Country     string
	}
	people = slices.Compact(slices.Sorted(slices.Values(people)))
	rows, err := store.All[reach](tx, reaching, l.PurposeID, people)
	if err != nil {
		return Extended{}, err
	}
	best, on := map[int64]reach{}, map[int64]bool{}
	for _, r := range rows {
		if r.ListID == to {
			on[r.ContactID] = on[r.ContactID] || r.State == Given
			continue
		}
		if b, ok := best[r.ContactID]; r.State == Given && (!ok || r.Grade.Better(b.Grade)) {
			best[r.ContactID] = r
		}
	}
	var out Extended
	var events []Event
	for _, id := range people {
		b, ok := best[id]
		switch {
		case on[id]:
			out.Already++
			continue
		case !ok:
			continue
		}
		if b.Grade == GradeA {
			b.Grade = GradeB
		}
		e := Event{Contact: id, List: to, Kind: Give, Basis: b.Basis, Grade: b.Grade, BasisRef: b.BasisRef, BasisFamily: b.BasisFamily, OptOutOffered: b.Offered,
			Source: "member", Method: "same_purpose"}
		if b.Basis == SoftOptIn { // the sale is as old as it was
			e.OccurredAt = b.OccurredAt
		}
		if e.BasisRef == "" {
			e.BasisRef = "event " + strconv.FormatInt(b.EventID, 10)
		}
		events = append(events, e)
	}
	held, err := claimsOf(tx, events, func(e *Event) string { return best[e.Contact].Country })
	if err != nil {
		return out, err
	}
	events = slices.DeleteFunc(events, func(e Event) bool {
		return held.lacking(&e, l, best[e.Contact].Country, tx.Now) != ""
	})
	out.NoBasis = len(people) - out.Already - len(events)
	if len(events) == 0 {
		return out, nil
	}
	res, err := Apply(tx, events)
	for _, r := range res {
		if r.Verdict.OK() && r.After.Status == Given {
			out.Added++
		} else {
			out.SaidNo++
		}
	}
	return out, err
}

// TakeOff takes people, at most 1,000, off a list: the account's own act, which says nothing
// about them. Who said no is remembered.
func TakeOff(tx *store.Tx, from int64, people []int64) (int, error) {
	people = slices.Compact(slices.Sorted(slices.Values(people)))
	held, err := store.All[int64](tx, onTheList, from, people)
	if err != nil || len(held) == 0 {
		return 0, err
	}
	events := make([]Event, len(held))
	for i, id := range held {
		events[i] = Event{Contact: id, List: from, Kind: Remove, Source: "member"}
	}
	res, err := Apply(tx, events)
	n := 0
	for _, r := range res {
		if r.Verdict == Applied {
			n++
		}
	}
	return n, err
}

// On tells where some people, at most 1,000, stand on a list; who never stood there is left out.
func On(r store.Reader, list int64, people []int64) (map[int64]Status, error) {
	return on[Status](r, statesOn, list, people)
}

// BasesOn tells on what some people, at most 1,000, stand on a list, or wait to.
func BasesOn(r store.Reader, list int64, people []int64) (map[int64]Basis, error) {
	return on[Basis](r, basesOn, list, people)
}

func on[T any](r store.Reader, q *store.Query, list int64, people []int64) (map[int64]T, error) {
	type row struct {
		ContactID int64
		What      T
	}
	rows, err := store.All[row](r, q, list, people)
	out := make(map[int64]T, len(rows))
	for _, x := range rows {
		out[x.ContactID] = x.What
	}
	return out, err
}

var (
	basesOn = store.Account("consent.bases_on", `SELECT s.contact_id, s.basis AS what FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?*`)
	statesOn = store.Account("consent.states_on", `SELECT s.contact_id, s.state AS what FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?*`)
	reaching = store.Account("consent.reaching", `SELECT s.contact_id, s.list_id, s.event_id, s.state, s.basis, s.grade,
		COALESCE(e.basis_ref, '') AS basis_ref, COALESCE(e.basis_family, '') AS basis_family, COALESCE(e.optout_offered, FALSE) AS offered,
		CASE WHEN s.basis = 'soft_opt_in' THEN `+soldAt+` ELSE 0 END AS occurred_at, c.country
		FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id
		JOIN list l ON l.account_id = :account AND l.id = s.list_id AND l.purpose_id = ? AND l.kind = 'mail'
		LEFT JOIN consent_event e ON e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id AND e.id = s.event_id
		WHERE s.account_id = :account AND s.contact_id IN ?*`)
	onTheList = store.Account("consent.on_the_list", `SELECT s.contact_id FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?* AND s.state <> 'none' ORDER BY s.contact_id`)
)
