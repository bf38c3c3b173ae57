// SPDX-License-Identifier: AGPL-3.0-or-later

// Package account promises that an account is whole from its first moment: its keys are made
// before main refers to it, it has a language and a zone, and every change
// of it stands in the trace with what was before.
//
// An account is a controller (GDPR 4(7)). One account may be the house's own: in own-house
// mode there is no other, and the operator has no contract with itself.
//
// It leaves to member who works in it, and to gate what its suspension stops.
package account

import (
	"context"
	"errors"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
)

// Kind is whose account it is.
type Kind string

// The kinds of account. At most one account of an installation is no customer's.
const (
	Own      Kind = "own"      // only us: the operator is the account
	Operator Kind = "operator" // the operator's own newsletter beside its customers'
	Customer Kind = "customer"
)

// Sending is how the account meant to send when it was set up; relays say what holds now.
type Sending string

// The ways of sending.
const (
	Mailbox  Sending = "mailbox"  // the built-in mailbox: nothing leaves the machine
	SMTP     Sending = "smtp"     // a mail server of our own
	Provider Sending = "provider" // somebody else's: a processor
)

// Details are what people set about an account.
type Details struct {
	Name      string
	Postal    string // lines, without name and country
	Country   string // ISO 3166-1 alpha-2
	Rules     string // whose law applies; "" is the country
	Language  string // "en" or "fr"; "" is the country's
	Zone      string // IANA name; "" is the country's
	Colour    string // "#rrggbb" or ""
	DataName  pii.Text
	DataEmail address.Address
	Sending   Sending // "" is the mailbox
}

// Account is one account.
type Account struct {
	ID           int64 `db:"account_id"`
	Kind         Kind
	Details      // Zone here is the name; Location the zone itself
	MadeAt       legalclock.Moment
	SuspendedAt  legalclock.Moment
	SuspendedWhy string // the key of a reason
}

// Suspended tells whether somebody stopped the account.
func (a Account) Suspended() bool { return !a.SuspendedAt.IsZero() }

// Location is the account's zone.
func (a Account) Location() *time.Location {
	z, err := legalclock.Zone(a.Zone)
	if err != nil {
		return time.UTC // a zone that tzdata dropped; Check refuses unknown ones
	}
	return z
}

// Lines is the sender's identity as it stands under a mail: name, postal lines, country.
func (a Account) Lines(language string) []string {
	out := []string{a.Name}
	out = append(out, lines(a.Postal)...)
	if a.Country != "" {
		out = append(out, CountryName(a.Country, language))
	}
	return out
}

// New is an account to be.
type New struct {
	Kind Kind // "" is a customer's
	Details
}

// ID takes an account's number and makes its keys, before main refers to it. A crash after it
// leaves keys that nobody names.
func ID(ctx context.Context, db *store.DB, ring *keys.Ring, who actor.Actor) (id int64, err error) {
	err = db.Write(ctx, who.In(0), func(tx *store.Tx) error { id = tx.ID(); return nil })
	if err == nil {
		err = ring.MakeAccount(ctx, id)
	}
	return id, err
}

// Create makes an account with its keys.
func Create(ctx context.Context, db *store.DB, ring *keys.Ring, who actor.Actor, n New) (int64, error) {
	if err := n.check(); err != nil {
		return 0, err
	}
	id, err := ID(ctx, db, ring, who)
	if err != nil {
		return 0, err
	}
	return id, db.Write(ctx, who.In(id), func(tx *store.Tx) error { return Add(tx, n) })
}

// Get is the bound account.
func Get(r store.Reader) (Account, error) {
	a, err := store.One[Account](r, get)
	return a, missing(err)
}

// House is the house's own account; 0 when there is none yet.
func House(r store.Reader) (int64, error) {
	id, err := store.One[int64](r, house)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return id, err
}

// Name is an account by its name.
type Name struct {
	ID   int64 `db:"account_id"`
	Name string
}

// Page lists accounts by number, at most 1,000 after the given one: for work over all accounts.
func Page(r store.Reader, after int64) ([]Name, error) { return store.All[Name](r, page, after) }

// Named gives the names of accounts, for a person who works in several.
func Named(r store.Reader, ids []int64) ([]Name, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.All[Name](r, named, ids)
}
