// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"errors"
	"math"
	"slices"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// Question asks for entries of the account; the zero Question asks for the newest.
type Question struct {
	Contact  int64
	Action   string
	Actor    string // the kind of actor
	ActorID  int64
	From, To legalclock.Moment // To is not part of it; 0 is open
	After    Cursor            // the last entry of the page before
	Limit    int               // 0 means 50
}

// Cursor is a place among the entries, newest first.
type Cursor struct {
	At legalclock.Moment
	ID int64
}

// Entry is an entry as pages show it.
type Entry struct {
	ID        int64
	At        legalclock.Moment
	Action    string
	Actor     string
	ActorID   int64
	Object    string
	ObjectID  int64
	ContactID int64
	Clear     string            // the canonical text
	Sealed    []byte            // private values, sealed
	Place     int64             // in the log, from 0; -1 until it is sealed
	SealedAt  legalclock.Moment // 0 until it is sealed
}

// Cursor is the entry's place, to ask for what follows.
func (e Entry) Cursor() Cursor { return Cursor{e.At, e.ID} }

// Fields reads the clear part.
func (e Entry) Fields() proof.Fields {
	f, err := proof.Parse(e.Clear)
	if err != nil {
		return proof.Fields{}
	}
	return f
}

// Search finds entries, newest first.
func Search(r store.Reader, q Question) ([]Entry, error) {
	limit := q.Limit
	if limit <= 0 || limit > 1000 {
		limit = 50
	}
	end := q.After
	if end.ID == 0 {
		end = Cursor{At: math.MaxInt64}
	}
	if q.To != 0 && q.To < end.At {
		end = Cursor{At: q.To}
	}
	rest := []any{q.From, end.At, end.ID, q.Actor, q.Actor, q.ActorID, q.ActorID, limit}
	switch {
	case q.Contact != 0:
		return store.All[Entry](r, searchContact, append([]any{q.Contact, q.Action, q.Action}, rest...)...)
	case q.Action != "":
		return store.All[Entry](r, searchAction, append([]any{q.Action}, rest...)...)
	}
	return store.All[Entry](r, search, rest...)
}

// Acts lists what was done to a person alone, newest first: neither the looks at them nor their
// ledger, which consent tells, nor the acts of some other names.
func Acts(r store.Reader, contact int64, after Cursor, limit int, but ...string) ([]Entry, error) {
	if after.ID == 0 {
		after.At = math.MaxInt64
	}
	return store.All[Entry](r, actsOn, contact, after.At, after.ID, append(but, LookAction), limit)
}

// Among lists those of some entries that lie behind a place, newest first.
func Among(r store.Reader, entries []int64, after Cursor, limit int) ([]Entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if after.ID == 0 {
		after.At = math.MaxInt64
	}
	return store.All[Entry](r, among, entries, after.At, after.ID, limit)
}

// Find gives one entry of the account.
func Find(r store.Reader, id int64) (Entry, error) {
	e, err := store.One[Entry](r, findOne, id)
	if errors.Is(err, store.ErrNone) {
		return e, fault.New(fault.NotFound, "trace.entry.none")
	}
	return e, err
}

// Actions lists the actions that stand in the account's entries.
func Actions(r store.Reader) ([]string, error) { return store.All[string](r, actions) }

// opens is how many looks at several people one question opens.
const opens = 2000

// LookedAmong finds the looks since a moment at pages that showed a contact among others, newest
// first, behind a place. Whom such a page showed is sealed, so each has to be opened: it stops
// after two thousand, or when limit were found, and tells the place it came to; none is the end.
func LookedAmong(r store.Reader, contact int64, since legalclock.Moment, after Cursor, limit int) ([]Entry, Cursor, error) {
	ring, number := keys.Of(r), dec(contact)
	var out []Entry
	q := Question{Action: LookAction, From: since, After: after, Limit: 500}
	for opened := 0; ; {
		page, err := Search(r, q)
		if err != nil {
			return nil, Cursor{}, err
		}
		for _, e := range page {
			q.After = e.Cursor()
			if e.ContactID != 0 || len(e.Sealed) == 0 {
				continue
			}
			f, err := Values(ring, accountOf(r), e.ID, Person{}, e.Sealed)
			if err != nil {
				return nil, Cursor{}, err
			}
			if slices.Contains(strings.Fields(f["contacts"]), number) {
				out = append(out, e)
			}
			if opened++; opened == opens || len(out) == limit {
				return out, q.After, nil
			}
		}
		if len(page) < q.Limit {
			return out, Cursor{}, nil
		}
	}
}
