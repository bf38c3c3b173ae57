// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// MaxStubs is how many contacts can have gone into one.
const MaxStubs = 100

// Absorbing is what a contact takes over from another one that goes into it: where it knows
// nothing itself, what the other knows, and where both know something of how the person wants to
// be treated, the stricter.
type Absorbing struct {
	Change   Change   // blanks that are filled
	Fields   []string // their names
	Stays    []string // what the other knows and is not taken over: what is, or looks like, data of GDPR 9, or is of no attribute in use
	Paused   bool     // the other's pause is longer
	Slower   bool     // the other wants less mail
	UnderAge bool     // the other said to be under age
	Notice   bool     // the other was to be told something sooner (GDPR 14)
	Freezes  bool     // the other is frozen (GDPR 18)

	was, now Contact           // how the contact is, and how it is afterwards
	since    legalclock.Moment // when what the other knows was noted, where nothing else tells
}

// Absorbs tells what one contact takes over from another. all are the account's attributes.
func Absorbs(other, kept Contact, all []Attribute) Absorbing {
	a := Absorbing{was: kept, since: other.UpdatedAt}
	fill := Filling{Name: other.Name, Language: other.Language, Country: other.Country, Attributes: Attributes{}}
	plain := map[string]bool{}
	for _, d := range all {
		plain[d.Name] = !d.Marked()
	}
	for n, v := range other.Attributes {
		switch {
		case v.IsZero() || !kept.Attributes[n].IsZero():
		case plain[n]:
			fill.Attributes[n] = v
		default:
			a.Stays = append(a.Stays, n)
		}
	}
	slices.Sort(a.Stays)
	a.Change = fill.change(kept, false)
	now, private := a.Change.onto(kept)
	for n := range private {
		if f, ok := strings.CutPrefix(n, "after."); ok {
			a.Fields = append(a.Fields, f)
		}
	}
	slices.Sort(a.Fields)
	if a.Paused = other.PausedUntil > kept.PausedUntil; a.Paused {
		now.PausedUntil = other.PausedUntil
	}
	if a.Slower = other.Pace > kept.Pace; a.Slower {
		now.Pace = other.Pace
	}
	if a.UnderAge = other.Age == AgeUnder && kept.Age != AgeUnder; a.UnderAge {
		now.Age = AgeUnder
	}
	if a.Notice = other.NoticeDueAt != 0 && (kept.NoticeDueAt == 0 || other.NoticeDueAt < kept.NoticeDueAt); a.Notice {
		now.NoticeDueAt = other.NoticeDueAt
	}
	a.Freezes = other.State == StateRestricted && kept.State != StateRestricted
	a.now = now
	return a
}

// Absorb writes what Absorbs told, and that the other contact went into this one: it is no more
// than its own past from then on, gets no mail and stands in no table. Who had gone into it goes
// on to this one. Both are locked, and only people/merge calls it, once consent.Carry is done.
// Faults: contact.merge.many.
func Absorb(tx *store.Tx, other, kept int64, a Absorbing) error {
	before, err := store.All[knownRow](tx, stubs, []int64{other, kept}, MaxStubs+1)
	if err != nil {
		return err
	}
	if len(before) >= MaxStubs {
		return fault.New(fault.Refused, "contact.merge.many", "limit", MaxStubs)
	}
	p, _, err := Keyed(tx, kept)
	if err != nil {
		return err
	}
	q, err := Person(tx, other)
	if err != nil {
		return err
	}
	taken, err := withheld(tx, []int64{kept}) // of either: their noes were carried
	if err != nil {
		return err
	}
	a.now.Attributes, a.Change.Attributes = a.now.Attributes.but(taken[kept]), a.Change.Attributes.but(taken[kept])
	if a.Freezes {
		if err := Restrict(tx, kept, "merge"); err != nil {
			return err
		}
	}
	_, private := a.Change.onto(a.was)
	clear := proof.Fields{"other": strconv.FormatInt(other, 10)}
	for name, is := range map[string]bool{"paused": a.Paused, "slower": a.Slower, "under_age": a.UnderAge, "notice": a.Notice, "frozen": a.Freezes} {
		if is {
			clear[name] = "stricter"
		}
	}
	if len(a.Fields) > 0 {
		clear["fields"] = strings.Join(a.Fields, " ")
	}
	n := a.now
	tx.Do(absorb, n.Name, n.Attributes.text(), n.Language, n.Country, n.Age, n.NoticeDueAt, n.PausedUntil, int(n.Pace), kept)
	if names := a.Change.Attributes.filled(); len(names) > 0 { // a value is no younger for having moved
		tx.Do(carryDates, kept, other, names)
	}
	entry := tx.ID()
	if err := remember(tx, kept, p.Open, entry, private, attributesOf(private), a.since, a.since); err != nil {
		return err
	}
	moving := []int64{other}
	for _, s := range before {
		if s.MergedInto == other {
			moving = append(moving, s.ID)
		}
	}
	slices.Sort(moving)
	tx.Do(mergeInto, kept, moving)
	if _, err := trace.Append(tx, trace.Act{ID: entry, Action: "contact.merge", Object: "contact", ObjectID: kept, Person: p, Clear: clear, Private: private}); err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "contact.merged", Object: "contact", ObjectID: other, Person: q,
		Clear: proof.Fields{"into": strconv.FormatInt(kept, 10), "others": strconv.Itoa(len(moving) - 1)}})
	return err
}

// Part makes a contact its own again that had gone into another one: its mailbox said yes to mail,
// and whoever holds it proved nothing for the other. Its row is locked.
func Part(tx *store.Tx, row Row) error {
	tx.Do(mergeInto, 0, []int64{row.ID})
	_, err := trace.Append(tx, trace.Act{Action: "contact.unmerge", Object: "contact", ObjectID: row.ID, Person: row.Person(),
		Clear: proof.Fields{"from": strconv.FormatInt(row.Into, 10)}})
	return err
}

// MergedInto lists who went into a person, the newest first.
func MergedInto(r store.Reader, id int64) ([]Contact, error) {
	return store.All[Contact](r, mergedHere, id, MaxStubs)
}

// withStubs does something with each contact that went into a person, locked.
func withStubs(tx *store.Tx, id int64, do func(Row) error) error {
	rows, err := store.All[knownRow](tx, stubs, []int64{id}, MaxStubs)
	if err != nil {
		return err
	}
	for _, k := range rows {
		if err := do(k.row()); err != nil {
			return err
		}
	}
	return nil
}

// parted gives who had gone into people who leave, and makes them their own again: they go next,
// unless they are frozen or being erased, and nothing names who is gone.
func parted(tx *store.Tx, leaving []int64) ([]int64, error) {
	found, err := store.All[knownRow](tx, stubs, leaving, len(leaving)*MaxStubs)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(found))
	for i, k := range found {
		ids[i] = k.ID
	}
	for part := range slices.Chunk(ids, 1000) {
		tx.Do(mergeInto, 0, part)
	}
	return ids, nil
}
