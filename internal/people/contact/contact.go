// SPDX-License-Identifier: AGPL-3.0-or-later

// Package contact promises that an account knows one person per address, under one
// number that never changes and is never given again, and that what is noted about
// them is typed, traced and can be corrected (GDPR 5(1)(d), 15, 16, 18).
//
//	id     the person's number and pseudonym
//	email  as typed, and folded by norm_v1: unique in the account
//	fp     a keyed hash of the folded address: joins the do-not-mail list without it
//	salt   opens the person's commitments in the trace; dies with the row
//	key    named once something of the person is sealed; most contacts have none
//
// It leaves to consent what they said and whether they may be written to, to duty how
// a person ends.
package contact

import (
	"errors"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/trace"
)

// State is where a person stands in an account, beside what they said about each list.
type State string

// The states of a contact. Only StateActive can be mailed.
const (
	StateActive     State = "active"
	StateRestricted State = "restricted" // GDPR 18: kept, not used
	StateObjected   State = "objected"   // GDPR 21(2): said no to marketing
	StateErasing    State = "erasing"    // GDPR 17 has begun: nothing more is sent or read
	StateErased     State = "erased"     // only the number is left
	StateBounced    State = "bounced"    // the mailbox does not exist
)

// States lists them in the order pages show them.
func States() []State {
	return []State{StateActive, StateRestricted, StateObjected, StateBounced, StateErasing, StateErased}
}

// Merged tells whether the contact went into another one, and is no more than its own past.
func (c Contact) Merged() bool { return c.MergedInto != 0 }

// Ending tells whether the person is being erased, or was.
func (s State) Ending() bool { return s == StateErasing || s == StateErased }

// What we know about a person's age: never the age itself.
const (
	AgeNotAsked = 0
	AgeSaidOver = 1 // said to be of age for their country (GDPR 8)
	AgeUnder    = 2
)

// Contact is one person as an account knows them.
type Contact struct {
	ID          int64
	Email       address.Address
	Name        pii.Text
	Attributes  Attributes
	Language    string
	Country     string // as stated, never guessed
	State       State
	Age         int
	Source      string            // where the address came from: form, import, api, member
	NoticeDueAt legalclock.Moment // GDPR 14(3): to be told until then; 0: nothing due
	EntryID     int64
	EntryIndex  int
	Version     int64 // counts changes, for Correct
	CreatedAt   legalclock.Moment
	UpdatedAt   legalclock.Moment
	ActiveAt    legalclock.Moment // last sign of life by the person; an open is none
	PausedUntil legalclock.Moment // the person asked for quiet until then; it ends by itself
	Pace        Pace              // how often the person wants campaigns
	MergedInto  int64             // the contact this one went into, 0: it is one of its own (see Absorb)
}

// Get finds a person by number. Faults: contact.none.
func Get(r store.Reader, id int64) (Contact, error) {
	c, err := store.One[Contact](r, get, id)
	if errors.Is(err, store.ErrNone) {
		return Contact{}, none()
	}
	return c, err
}

// Find finds a person by address.
func Find(r store.Reader, a address.Address) (Contact, bool, error) {
	c, err := store.One[Contact](r, find, a.Norm())
	if errors.Is(err, store.ErrNone) {
		return Contact{}, false, nil
	}
	return c, err == nil, err
}

// Some finds people by their numbers, at most 1,000, in no order; those who aren't here are left out.
func Some(r store.Reader, ids []int64) ([]Contact, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.All[Contact](r, some, ids)
}

func merged() error { return fault.New(fault.Refused, "contact.merged") }

func none() error { return fault.New(fault.NotFound, "contact.none") }

// who is what the trace and the seals need of a row.
type who struct {
	ID       int64
	Salt     []byte
	KeySheet int64
	KeySlot  int
}

func (w who) person() trace.Person {
	return trace.Person{ID: w.ID, Salt: w.Salt, Key: keys.Ref{Sheet: w.KeySheet, Slot: w.KeySlot}}
}

// Person is the person as the trace commits to them. Faults: contact.none.
func Person(r store.Reader, id int64) (trace.Person, error) {
	w, err := store.One[who](r, person, id)
	if errors.Is(err, store.ErrNone) {
		return trace.Person{}, none()
	}
	return w.person(), err
}

// Key gives the person's key, and takes one for a person who has none yet. The row is
// locked, so that two acts never take two. Faults: contact.none.
func Key(tx *store.Tx, id int64) (keys.Subject, error) {
	_, s, err := Keyed(tx, id)
	return s, err
}

// Keyed gives the person as Person does, with a key as Key does.
func Keyed(tx *store.Tx, id int64) (trace.Person, keys.Subject, error) {
	w, err := store.One[who](tx, lockPerson, id)
	if errors.Is(err, store.ErrNone) {
		return trace.Person{}, keys.Subject{}, none()
	}
	if err != nil {
		return trace.Person{}, keys.Subject{}, err
	}
	p := w.person()
	if p.Open, err = open(tx, &p); err != nil {
		return trace.Person{}, keys.Subject{}, err
	}
	return p, p.Open, nil
}

// open opens the key of a person whose row is locked; it takes one when there is none.
func open(tx *store.Tx, p *trace.Person) (keys.Subject, error) {
	ring := keys.Of(tx)
	if !p.Key.IsZero() {
		return ring.Subject(tx.Account(), p.Key)
	}
	ref, s, err := ring.Take(tx.Account())
	if err != nil {
		return keys.Subject{}, err
	}
	p.Key = ref
	tx.Do(setKey, ref.Sheet, ref.Slot, p.ID)
	return s, nil
}

// Named lists the slots of a sheet of keys that people of the account lean on: what
// keys.Sweep must not destroy.
func Named(r store.Reader, sheet int64) ([]int, error) { return store.All[int](r, named, sheet) }

// FP is an address's fingerprint in the reader's account.
func FP(r store.Reader, a address.Address) ([16]byte, error) {
	f, err := fingerprints(r)
	if err != nil {
		return [16]byte{}, err
	}
	return f.Of(a), nil
}

func fingerprints(r store.Reader) (*address.Fingerprints, error) {
	key, err := keys.Of(r).MAC(accountOf(r), "fp")
	if err != nil {
		return nil, err
	}
	return address.NewFingerprints(key[:]), nil
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}
