// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
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
	Basis         Basis
	Grade         Grade
	Import        int64
}

func (q Question) fits() []any {
	if q.To == 0 {
		q.To = math.MaxInt64
	}
	return []any{q.List, q.List, q.Purpose, q.Purpose, q.From, q.To}
}

// People are those with an event that fits list, purpose and period, in order of id after one.
func People(r store.Reader, q Question, after int64, limit int) ([]int64, error) {
	return store.All[int64](r, askedPeople, append(append([]any{after}, q.fits()...), limit)...)
}

// CountPeople counts them: it reads the whole ledger.
func CountPeople(r store.Reader, q Question) (int64, error) {
	return store.One[int64](r, askedCount, q.fits()...)
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

// Place is where a page of the register goes on: after this event.
type Place struct{ Contact, List, Seq int64 }

// Register lists events, the newest people first and of each list the newest event first.
func Register(r store.Reader, q Question, after Place, limit int) ([]Line, error) {
	if after.Contact == 0 {
		after = Place{math.MaxInt64, 0, math.MaxInt64}
	}
	args := append([]any{after.Contact, after.Contact, after.List, after.List, after.Seq}, q.fits()...)
	args = append(args, q.Kind, q.Kind, q.Basis, q.Basis, q.Grade, q.Grade, q.Import, q.Import, limit)
	return store.All[Line](r, register, args...)
}
