// SPDX-License-Identifier: AGPL-3.0-or-later

// Package merge promises that two contacts that are one person become one without anybody having
// said yes to more than they did: every no of either holds for both from then on, and no yes goes
// from one address to the other (compliance T-24; GDPR 5(1)(b), 5(1)(d), 7(1), 21).
//
//	kept   stays as it is; it gets the other's noes, the stricter of both wishes, and what it lacks
//	other  keeps its address, its past and its proofs; it gets no mail and stands in no table
//
// What the other said yes to ends, by an event that says nothing about the person; it stays proved.
// A no that still reaches the other (its unsubscribe links, a file of refusals, a complaint) reaches
// the kept one too: consent and contact see to that, under the lock of the other's row. A bounce is
// no word of a person and doesn't travel. A yes to mail from the other's own mailbox makes it a
// contact of its own again. No button undoes a merge, and the page says so before.
//
// It leaves to contact and consent what is written.
package merge

import (
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/mark"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/move"
)

// Plan is what a merge would do, for a page that says so before.
type Plan struct {
	Kept, Other contact.Contact
	Carry       consent.Carrying
	Absorb      contact.Absorbing
}

// Seen names what a plan showed, so that a merge made from it can tell whether it still stands.
func (p Plan) Seen() string {
	dec := func(n int64) string { return strconv.FormatInt(n, 10) }
	all := []string{dec(p.Kept.ID), dec(p.Kept.Version), dec(p.Other.ID), dec(p.Other.Version)}
	for _, list := range [][]consent.Carried{p.Carry.Noes, p.Carry.Ends} {
		all = append(all, dec(int64(len(list))))
		for _, c := range list {
			all = append(all, dec(c.List), dec(c.Event))
		}
	}
	for _, b := range p.Carry.Bars {
		all = append(all, string(b.Scope), dec(b.ScopeID), string(b.Reason), dec(int64(b.Since)))
	}
	all = append(all, p.Absorb.Stays...)
	return mark.Of(append(all, p.Absorb.Fields...)...)
}

// Look tells what a merge of one contact into another would do.
// Faults: those of Merge but merge.changed.
func Look(r store.Reader, other, kept int64) (Plan, error) {
	var p Plan
	var err error
	if other == kept {
		return p, fault.New(fault.Invalid, "merge.same").At("address")
	}
	if p.Kept, err = contact.Get(r, kept); err != nil {
		return p, err
	}
	if p.Other, err = contact.Get(r, other); err != nil {
		return p, err
	}
	for _, c := range []contact.Contact{p.Kept, p.Other} {
		switch {
		case c.State.Ending():
			return p, fault.New(fault.Gone, "contact.ending").At("address")
		case c.Merged():
			return p, fault.New(fault.Refused, "merge.merged").At("address")
		}
		change, err := move.Open(r, c.ID)
		if err != nil {
			return p, err
		}
		if change.ID != 0 {
			return p, fault.New(fault.Refused, "merge.moving").At("address")
		}
	}
	all, err := contact.AllAttributes(r)
	if err != nil {
		return p, err
	}
	p.Absorb = contact.Absorbs(p.Other, p.Kept, all)
	p.Carry, err = consent.Carry(r, p.Other, p.Kept)
	return p, err
}

// Merge lets one contact go into another. seen is Plan.Seen of what was shown, "" for whatever stands.
// Faults: contact.none, contact.ending, merge.same, merge.merged (one of them went into another
// before), merge.moving (a change of address is open), merge.changed, contact.merge.many.
func Merge(tx *store.Tx, other, kept int64, seen string) error {
	if _, err := contact.Lock(tx, []int64{other, kept}); err != nil {
		return err
	}
	p, err := Look(tx, other, kept)
	if err != nil {
		return err
	}
	if mark.Stale(seen, p.Seen()) {
		return fault.New(fault.Conflict, "merge.changed")
	}
	if err := p.Carry.Do(tx, other, kept); err != nil {
		return err
	}
	return contact.Absorb(tx, other, kept, p.Absorb)
}
