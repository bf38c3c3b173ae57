// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"fmt"
	"slices"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
)

// A contact that was merged into another one (people/merge) keeps its address and its past. A no
// that reaches it still reaches the person: all of this room's ways to say no pass here, under the
// lock of the row that names the other contact. A bounce is no word of anybody: it was that
// mailbox's, and doesn't travel (as in Follow).

// travels tells whether a no at one contact holds for another as well.
func travels(row contact.Row, cause Cause) bool { return row.Into != 0 && cause != HardBounce }

// mirror says again, of whom people were merged into, what was refused by those.
func (b *batch) mirror() error {
	var again []Event
	var into []int64
	for i := range b.events {
		e := &b.events[i]
		if !e.Kind.No() {
			continue
		}
		p := b.people[e.Contact]
		if p.Into == 0 || !b.results[i].Verdict.OK() {
			continue
		}
		kind := e.Kind
		if kind == NotMe { // nobody but the mailbox itself says that
			kind = Refuse
		}
		again = append(again, Event{Contact: p.Into, List: e.List, Kind: kind, OccurredAt: e.OccurredAt, Source: Merge, Method: e.Method,
			BasisRef: from(e.Contact, b.results[i].Event)})
		into = append(into, p.Into)
	}
	if len(again) == 0 {
		return nil
	}
	slices.Sort(into)
	kept, err := locked(b.tx, slices.Compact(into))
	if err != nil {
		return err
	}
	again = slices.DeleteFunc(again, func(e Event) bool { _, here := kept[e.Contact]; return !here }) // a no never fails
	_, err = Apply(b.tx, again)
	return err
}

// Merge is the source of what one contact says because another one did, that was merged into it.
const Merge = "merge"

// from names the event that another one repeats.
func from(contact, event int64) string { return fmt.Sprintf("contact %d, event %d", contact, event) }

// locked locks people, and gives them by number.
func locked(tx *store.Tx, ids []int64) (map[int64]contact.Row, error) {
	out := map[int64]contact.Row{}
	for part := range slices.Chunk(ids, 1000) {
		rows, err := contact.Lock(tx, part)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.ID] = r
		}
	}
	return out, nil
}

// withKept locks people who are to be put on the do-not-mail list, and adds whom they were merged into.
func withKept(tx *store.Tx, people []contact.Row, cause Cause) ([]contact.Row, error) {
	var known, into []int64
	for _, p := range people {
		if !p.Created {
			known = append(known, p.ID)
		}
	}
	slices.Sort(known)
	rows, err := locked(tx, slices.Compact(known))
	if err != nil {
		return nil, err
	}
	people = slices.Clone(people)
	for i := range people {
		if r, here := rows[people[i].ID]; here {
			if people[i] = r; travels(r, cause) {
				into = append(into, r.Into)
			}
		}
	}
	slices.Sort(into)
	kept, err := locked(tx, slices.Compact(into))
	for _, id := range slices.Compact(into) {
		if k, here := kept[id]; here {
			people = append(people, k)
		}
	}
	return people, err
}

// mirrored adds to refusals those of whom people were merged into. The people are locked.
func mirrored(tx *store.Tx, nos []no) ([]no, error) {
	var into []int64
	for _, n := range nos {
		if n.row != nil && travels(*n.row, n.cause) {
			into = append(into, n.row.Into)
		}
	}
	if len(into) == 0 {
		return nos, nil
	}
	slices.Sort(into)
	kept, err := locked(tx, slices.Compact(into))
	if err != nil {
		return nil, err
	}
	for _, n := range nos {
		if n.row == nil || !travels(*n.row, n.cause) {
			continue
		}
		if k, here := kept[n.row.Into]; here {
			n.fp, n.norm, n.row, n.mirror = k.FP, "", &k, true
			nos = append(nos, n)
		}
	}
	return nos, nil
}

// Carrying is what becomes of two contacts' words when one goes into the other: the noes travel,
// no yes does.
type Carrying struct {
	Noes []Carried     // said again for the contact that stays
	Bars []Suppression // lines of the do-not-mail list that it gets too
	Ends []Carried     // what the other was given or was claimed to have given: it ends, and stays proved
}

// Carried is one subscription that a merge touches.
type Carried struct {
	List  int64
	State Status // at the contact that goes
	Event int64
	At    legalclock.Moment
}

// Carry tells what a merge of one contact into another carries over. The stricter of both stands
// for each list (compliance T-24). A line of the do-not-mail list that the person themselves went
// past again by a later yes to just that list stays behind; a wider one always travels.
func Carry(r store.Reader, other, kept contact.Contact) (Carrying, error) {
	var out Carrying
	rows, err := store.All[stateRow](r, statesOfTwo, []int64{other.ID, kept.ID})
	if err != nil {
		return out, err
	}
	stands, yes := map[int64]stateRow{}, legalclock.Moment(0)
	for _, s := range rows {
		if s.ContactID == kept.ID {
			stands[s.ListID] = s
			if s.Said == SaidYes {
				yes = max(yes, s.SaidAt)
			}
		}
	}
	past := map[int64]legalclock.Moment{}
	for _, s := range rows {
		if s.ContactID != other.ID {
			continue
		}
		c := Carried{s.ListID, s.State, s.EventID, s.SaidAt}
		k := stands[s.ListID]
		switch {
		case s.Said == SaidNo && !(k.Said == SaidNo && (k.State == Withdrawn || k.State == Refused)):
			out.Noes = append(out.Noes, c)
		case s.Said == SaidYes:
			past[s.ListID] = s.SaidAt
		}
		if s.State == Given || s.State == Waiting {
			c.At = s.Since
			out.Ends = append(out.Ends, c)
		}
	}
	theirs, err := SuppressionsOf(r, other.Email)
	if err != nil {
		return out, err
	}
	ours, err := SuppressionsOf(r, kept.Email)
	if err != nil {
		return out, err
	}
	for _, b := range theirs {
		overtaken := b.Reason != AuthorityOrder && b.Scope == OneList && past[b.ScopeID] != 0 && past[b.ScopeID] >= b.Since
		if b.Reason == HardBounce || overtaken || slices.ContainsFunc(ours, func(o Suppression) bool {
			return o.Scope == b.Scope && o.ScopeID == b.ScopeID && (o.Reason == AuthorityOrder || o.Since > yes && weight(o.Reason) >= weight(b.Reason))
		}) {
			continue
		}
		out.Bars = append(out.Bars, b)
	}
	return out, nil
}

// weight orders the causes by how much they bind.
func weight(c Cause) int {
	switch c {
	case AuthorityOrder:
		return 4
	case Objected:
		return 3
	case Complained, Erased:
		return 2
	case HardBounce:
		return 0
	}
	return 1
}

// Do writes what Carry told, both people locked since.
func (c Carrying) Do(tx *store.Tx, other, kept int64) error {
	var noes, ends []Event
	for _, n := range c.Noes {
		kind := Withdraw
		if n.State == Refused {
			kind = Refuse
		}
		noes = append(noes, Event{Contact: kept, List: n.List, Kind: kind, OccurredAt: n.At, Source: Merge, BasisRef: from(other, n.Event)})
	}
	for _, n := range c.Ends {
		ends = append(ends, Event{Contact: other, List: n.List, Kind: Remove, Source: Merge})
	}
	for _, events := range [][]Event{noes, ends} {
		if _, err := Apply(tx, events); err != nil {
			return err
		}
	}
	for _, b := range c.Bars {
		if err := Suppress(tx, kept, b.Reason, Scope{b.Scope, b.ScopeID}); err != nil {
			return err
		}
	}
	return nil
}

var statesOfTwo = store.Account("consent.states_of_two", `SELECT s.contact_id, s.list_id, s.state, s.basis, s.grade, s.said, s.said_at, s.seq, s.event_id, s.since
	FROM subscription s WHERE s.account_id = :account AND s.contact_id IN ?* ORDER BY s.contact_id, s.list_id`)
