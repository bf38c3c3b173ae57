// SPDX-License-Identifier: AGPL-3.0-or-later

// Package move promises that a person is written to at another address only after both
// mailboxes have said yes: the one we write to, that the person asked; the other, that it is
// theirs. So no yes ever follows to a mailbox nobody proved (GDPR 5(1)(d), 7(1), 16;
// compliance R06, T-24).
//
//	asked ─ yes of both ─▶ done      within seven days
//	  ├── a no of either ─▶ refused  and, from the new mailbox, no further confirmation mail
//	  └── neither, or asked anew ─▶ expired
//
// A mailbox that is gone can't say yes: then nothing moves, and the new address signs up anew.
// The new address stands in the row while the change is open, and nowhere in it afterwards.
// It leaves to contact what a person is, to consent that the refusals of both addresses hold.
package move

import (
	"errors"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
)

// Term is how long both mailboxes have to answer.
const Term = 7 * 24 * time.Hour

// The facts that bring the two mails; ref is the change.
const (
	AskedOld job.Kind = "move.asked_old"
	AskedNew job.Kind = "move.asked_new"
)

// State is where a change stands.
type State string

// The states.
const (
	Asked   State = "asked"
	Done    State = "done"
	Refused State = "refused"
	Expired State = "expired"
)

// Side is one of the two mailboxes.
type Side string

// The sides.
const (
	Old Side = "old"
	New Side = "new"
)

// How a change ended, beside a no of Old or New.
const (
	taken    = "taken"    // the other address is another contact's: both said yes, and nothing moved
	replaced = "replaced" // the person asked anew
	late     = "late"
)

// Change is one change of address.
type Change struct {
	ID        int64
	ContactID int64
	Address   address.Address // zero once it has ended
	State     State
	Why       string // how it ended: "old" or "new" said no, "taken", "replaced", "late"
	OldSaidAt legalclock.Moment
	NewSaidAt legalclock.Moment
	AskedAt   legalclock.Moment
	EndsAt    legalclock.Moment
	EndedAt   legalclock.Moment
	AskerKind string
	AskerID   int64
	EntryID   int64
}

// Stage is what a link of one side leads to.
type Stage string

// The stages.
const (
	Ready    Stage = "ready"    // two buttons
	Waiting  Stage = "waiting"  // this side said yes, the other has not answered
	Moved    Stage = "moved"    // both did
	SaidNo   Stage = "said_no"  // either said no
	Taken    Stage = "taken"    // both said yes, and the account knows the other address already
	TooLate  Stage = "too_late" // or asked anew
	Vanished Stage = "vanished" // the person is gone, or going
)

// Stage tells what a link of a side leads to now.
func (c Change) Stage(side Side, now legalclock.Moment) Stage {
	switch {
	case c.ID == 0:
		return Vanished
	case c.State == Done:
		return Moved
	case c.State == Refused && c.Why == taken:
		return Taken
	case c.State == Refused:
		return SaidNo
	case c.State == Expired || now >= c.EndsAt:
		return TooLate
	case side == Old && c.OldSaidAt != 0, side == New && c.NewSaidAt != 0:
		return Waiting
	}
	return Ready
}

// Find finds a change; one that went with its person gives the zero Change.
func Find(r store.Reader, id int64) (Change, error) { return zeroed(store.One[Change](r, find, id)) }

// Open finds a person's open change; the zero Change when there is none.
func Open(r store.Reader, contact int64) (Change, error) {
	c, err := zeroed(store.One[Change](r, open, contact))
	if err == nil && c.EndsAt <= store.NowOf(r) {
		return Change{}, nil
	}
	return c, err
}

// Of lists a person's changes, the newest first, at most 200.
func Of(r store.Reader, contact int64) ([]Change, error) { return store.All[Change](r, of, contact) }

// Last tells when people, at most 1,000, were last given another address; who never was isn't in it. What somebody said
// until that moment was said under an address they have no more.
func Last(r store.Reader, people []int64) (map[int64]legalclock.Moment, error) {
	if len(people) == 0 {
		return nil, nil
	}
	type moved struct {
		ContactID int64
		EndedAt   legalclock.Moment
	}
	all, err := store.All[moved](r, last, people)
	out := make(map[int64]legalclock.Moment, len(all))
	for _, m := range all {
		out[m.ContactID] = m.EndedAt
	}
	return out, err
}

func zeroed(c Change, err error) (Change, error) {
	if errors.Is(err, store.ErrNone) {
		return Change{}, nil
	}
	return c, err
}

func nothing() error { return fault.New(fault.Gone, "move.nothing") }
