// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"cmp"
	"slices"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Doing is what upper rooms learned about a person.
type Doing string

// What can be learned. The first ones are signs of life by the person.
const (
	Clicked   Doing = "click"
	Replied   Doing = "reply"
	Bought    Doing = "purchase"
	SignedIn  Doing = "login"
	Submitted Doing = "form"
	Chose     Doing = "preferences"
	Left      Doing = "leave" // by what a mail led to
	KeptOn    Doing = "keep"  // the "keep me" button

	Sent        Doing = "sent"
	Opened      Doing = "open" // an estimate, and no sign of life: machines open too
	SoftBounced Doing = "soft_bounce"
	HardBounced Doing = "hard_bounce"
	Grumbled    Doing = "complaint"
)

// Alive tells whether it is a sign of life by the person, from which retention counts.
func (d Doing) Alive() bool {
	switch d {
	case Clicked, Replied, Bought, SignedIn, Submitted, Chose, Left, KeptOn:
		return true
	}
	return false
}

// Activity is one thing learned; Times 0 means once, At 0 means now.
type Activity struct {
	Contact int64
	Kind    Doing
	At      legalclock.Moment
	Times   int64
}

// Active writes down what upper rooms learned, in bulk: gate and segment read it here.
// It leaves no entry in the trace: these are observations, and the rooms that made them
// keep theirs.
func Active(tx *store.Tx, list []Activity) error {
	type key struct {
		contact int64
		kind    Doing
	}
	sums := map[key]*Done{}
	alive := map[legalclock.Moment][]int64{}
	for _, a := range list {
		at, times := a.At, max(a.Times, 1)
		if at == 0 || at > tx.Now {
			at = tx.Now
		}
		if a.Kind.Alive() {
			alive[at] = append(alive[at], a.Contact)
		}
		k := key{a.Contact, a.Kind}
		s := sums[k]
		if s == nil {
			s = &Done{ContactID: a.Contact, Kind: a.Kind, FirstAt: at, LastAt: at}
			sums[k] = s
		}
		s.FirstAt, s.LastAt, s.Times = min(s.FirstAt, at), max(s.LastAt, at), s.Times+times
	}
	sorted := make([]*Done, 0, len(sums))
	for _, s := range sums {
		sorted = append(sorted, s)
	}
	slices.SortFunc(sorted, func(a, b *Done) int {
		return cmp.Or(cmp.Compare(a.ContactID, b.ContactID), cmp.Compare(a.Kind, b.Kind))
	})
	rows := make([][]any, len(sorted))
	for i, s := range sorted {
		rows[i] = []any{s.ContactID, string(s.Kind), s.FirstAt, s.LastAt, s.Times}
	}
	if err := tx.Put(addActivity, rows); err != nil {
		return err
	}
	moments := make([]legalclock.Moment, 0, len(alive))
	for at := range alive {
		moments = append(moments, at)
	}
	slices.Sort(moments)
	for _, at := range moments {
		if err := Lived(tx, alive[at], at); err != nil {
			return err
		}
	}
	return nil
}

// Lived notes a sign of life of people. Rows are locked in the order of their numbers.
func Lived(tx *store.Tx, ids []int64, at legalclock.Moment) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for part := range slices.Chunk(ids, 1000) {
		if len(part) > 1 { // one row needs no order
			if _, err := Lock(tx, part); err != nil {
				return err
			}
		}
		tx.Do(lived, at, part, at)
	}
	return nil
}

// Done is what is known of one kind of activity of a person.
type Done struct {
	ContactID int64
	Kind      Doing
	FirstAt   legalclock.Moment
	LastAt    legalclock.Moment
	Times     int64
}

// Activities lists what was learned about a person, latest first.
func Activities(r store.Reader, id int64) ([]Done, error) { return store.All[Done](r, activities, id) }
