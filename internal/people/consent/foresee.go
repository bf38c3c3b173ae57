// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"cmp"
	"slices"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// Foresee tells what Apply would make of events on one list now, one for each person, and writes
// nothing. Who isn't here yet has an Event.Row without a number. A no among the events is taken as
// on the do-not-mail list before all of them. What may happen until the real Apply is not in it.
func Foresee(v *store.View, l list.List, events []Event) ([]Result, error) {
	var known []int64
	came := make([]*contact.Row, 0, len(events))
	fps := make([][]byte, len(events))
	for i := range events {
		p := &events[i].Row
		fps[i] = p.FP[:]
		if p.ID != 0 {
			known = append(known, p.ID)
		} else {
			came = append(came, p)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	b := &batch{bars: map[[16]byte][]barRow{}}
	stood := make(map[int64]State, len(known))
	for part := range slices.Chunk(known, 1000) {
		rows, err := store.All[stateRow](v, states, part, []int64{l.ID})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			stood[r.ContactID] = State{Status: r.State, Basis: r.Basis, Grade: r.Grade, Said: r.Said, SaidAt: r.SaidAt, Event: r.EventID, Since: r.Since, Seq: r.Seq}
		}
	}
	for part := range slices.Chunk(fps, 1000) {
		rows, err := store.All[barRow](v, bars, part)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			b.bars[[16]byte(r.FP)] = append(b.bars[[16]byte(r.FP)], r)
		}
	}
	for i := range events {
		if p := &events[i].Row; events[i].Kind.No() {
			b.bars[p.FP] = append(b.bars[p.FP], barRow{Scope: OneList, ScopeID: l.ID, Reason: Unsubscribed, Since: cmp.Or(events[i].OccurredAt, v.Now)})
		}
	}
	if err := b.meets(v, came); err != nil {
		return nil, err
	}
	claims, err := claimsOf(v, events, func(e *Event) string { return e.Row.Country })
	if err != nil {
		return nil, err
	}
	out := make([]Result, len(events))
	for i := range events {
		e := events[i]
		s, here := stood[e.Row.ID]
		if !here {
			s = State{Status: None}
		}
		b.stand(&s, l, &e.Row)
		e.RecordedAt = v.Now
		if e.OccurredAt == 0 {
			e.OccurredAt = v.Now
		}
		if e.Kind == Give || e.Kind == Release {
			e.Lacks = claims.lacking(&e, l, e.Row.Country, v.Now)
			out[i].Lacks = e.Lacks
		}
		out[i].Before = s
		out[i].After, out[i].Verdict = Next(s, e)
	}
	return out, nil
}

// Lacking names what each of some claims on one list would miss as Apply holds them, of people who are about
// to come: "" is nothing. Event.Row tells their country; each claim has a grade, else it waits anyhow.
func Lacking(r store.Reader, l list.List, events []Event) ([]string, error) {
	claims, err := claimsOf(r, events, func(e *Event) string { return e.Row.Country })
	if err != nil {
		return nil, err
	}
	out := make([]string, len(events))
	for i := range events {
		out[i] = claims.lacking(&events[i], l, events[i].Row.Country, store.NowOf(r))
	}
	return out, nil
}

// meets adds the bars that people would get as they come, because a hash names them.
func (b *batch) meets(v *store.View, came []*contact.Row) error {
	has, err := store.One[present](v, foreignPresent)
	if err != nil {
		return err
	}
	nos, err := named(v, has.kinds(), came)
	for _, n := range nos {
		b.bars[n.fp] = append(b.bars[n.fp], barRow{FP: n.fp[:], Scope: n.scope.Reach, ScopeID: n.scope.ID, Reason: n.cause, Since: max(n.since, 1)})
	}
	return err
}
