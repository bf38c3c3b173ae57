// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"errors"
	"math"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
)

// Question asks for events of the whole account; zeros ask for all.
type Question struct {
	List, Purpose int64
	From, To      legalclock.Moment // recorded from, and before
	Kind          Kind
	State         Status // where the event left the person
	Basis         Basis
	Grade         Grade
	Source        string
	Import        int64
}

func (q Question) fits() []any {
	if q.To == 0 {
		q.To = math.MaxInt64
	}
	return []any{q.List, q.List, q.Purpose, q.Purpose, q.From, q.To}
}

func (q Question) more() []any {
	return append(q.fits(), q.Kind, q.Kind, q.State, q.State, q.Basis, q.Basis, q.Grade, q.Grade, q.Source, q.Source, q.Import, q.Import)
}

// People are those with an event that fits list, purpose and period, in order of id after one.
func People(r store.Reader, q Question, after int64, limit int) ([]int64, error) {
	return store.All[int64](r, askedPeople, append(append([]any{after}, q.fits()...), limit)...)
}

// CountPeople counts them: it reads the whole ledger.
func CountPeople(r store.Reader, q Question) (int64, error) {
	return store.One[int64](r, askedCount, q.fits()...)
}

// Sources are where events come from, in the order pages show them.
func Sources() []string {
	return []string{"form", "preferences", "mail", "import", "member", "api", Merge, ByRule}
}

// Line is an event in the register, with whom and what it is about.
type Line struct {
	ContactID     int64
	Email         address.Address
	ListID        int64
	ListName      string
	PurposeName   string
	Seq           int64
	Kind          Kind
	Verdict       Verdict
	State         Status
	Basis         Basis
	Grade         Grade
	Source        string
	Method        string
	FormVersionID int64
	ImportID      int64
	OccurredAt    legalclock.Moment
	RecordedAt    legalclock.Moment
	EntryID       int64
}

// Place is where a page of the register goes on: after this event. The zero begins.
type Place struct{ Contact, List, Seq int64 }

func below(contact int64) Place { return Place{contact, 0, math.MaxInt64} }

// A page of the register reads the ledger in strides of so many events, and stops after so many
// strides: a question that hardly anything fits costs the store no more than another.
var (
	stride  = 2000
	strides = 20
)

// Register lists events, the newest people first and of each list the newest event first. It
// looks at 40,000 events at most; next is where to look on, the zero when everything was seen.
// So a page may hold less than asked for, or nothing, and yet not be the last.
func Register(r store.Reader, q Question, after Place, limit int) (lines []Line, next Place, err error) {
	if after.Contact == 0 {
		after = below(math.MaxInt64)
	}
	for range strides {
		floor, err := q.floor(r, after.Contact)
		if err != nil {
			return nil, Place{}, err
		}
		args := []any{floor, after.Contact, after.Contact, after.List, after.List, after.Seq}
		s := register
		if q.List != 0 {
			s, args = registerOf, append([]any{q.List}, args...)
		}
		some, err := store.All[Line](r, s, append(append(args, q.more()...), limit-len(lines)+1)...)
		if err != nil {
			return nil, Place{}, err
		}
		if lines = append(lines, some...); len(lines) > limit {
			l := lines[limit-1]
			return lines[:limit], Place{l.ContactID, l.ListID, l.Seq}, nil
		}
		if floor == 0 {
			return lines, Place{}, nil
		}
		after = below(floor - 1)
	}
	return lines, after, nil
}

// floor is the last person of a stride, 0 when the ledger ends in it. A question about a list
// strides along that list's people.
func (q Question) floor(r store.Reader, from int64) (id int64, err error) {
	if q.List != 0 {
		id, err = store.One[int64](r, strideOf, q.List, from, stride-1)
	} else {
		id, err = store.One[int64](r, strideAll, from, stride-1)
	}
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return id, err
}
