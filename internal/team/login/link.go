// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import (
	"errors"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/team/secret"
)

// LinkKind is what a one-time link opens.
type LinkKind string

// The kinds of link.
const (
	Invitation LinkKind = "invitation"
	SignIn     LinkKind = "signin"
	Reset      LinkKind = "reset"
	SecondStep LinkKind = "second" // between password and code; never sent
)

// life is how long a link lives.
var life = map[LinkKind]time.Duration{Invitation: 7 * 24 * time.Hour, SignIn: 24 * time.Hour, Reset: 30 * time.Minute, SecondStep: 10 * time.Minute}

const secondTries = 5

// Link is a one-time link that still opens something.
type Link struct {
	Kind      LinkKind
	MemberID  int64
	Tries     int64
	MadeAt    legalclock.Moment
	ExpiresAt legalclock.Moment
	UsedAt    legalclock.Moment
}

// NewLink makes a link of a member. Of invitations and sign-in links the older ones end; reset links
// live until one is used or the password changes, so that a stranger who asks for more doesn't spoil the first.
func NewLink(tx *store.Tx, kind LinkKind, member int64) (secret.Token, legalclock.Moment) {
	if kind == Invitation || kind == SignIn {
		tx.Do(dropLinks, member, kind)
	}
	t, until := secret.New(secret.Link, tx.Account()), tx.Now.Add(life[kind])
	tx.Do(addLink, t.Hash(), kind, member, until)
	return t, until
}

// ReadLink finds a link that still opens something; else the fault says why it doesn't.
func ReadLink(r store.Reader, t secret.Token, now legalclock.Moment, kinds ...LinkKind) (Link, error) {
	l, err := store.One[Link](r, getLink, t.Hash())
	if errors.Is(err, store.ErrNone) {
		return l, fault.New(fault.NotFound, "login.link.unknown")
	}
	if err != nil {
		return l, err
	}
	known := false
	for _, k := range kinds {
		known = known || k == l.Kind
	}
	switch {
	case !known:
		return l, fault.New(fault.NotFound, "login.link.unknown")
	case !l.UsedAt.IsZero():
		return l, fault.New(fault.Gone, "login.link.used")
	case now >= l.ExpiresAt || l.Kind == SecondStep && l.Tries >= secondTries:
		return l, fault.New(fault.Gone, "login.link.expired")
	}
	return l, nil
}

// UseLink uses a link up; a second use finds it gone.
func UseLink(tx *store.Tx, t secret.Token, kind LinkKind) error {
	n, err := tx.Exec(useLink, t.Hash(), kind)
	if err == nil && n == 0 {
		return fault.New(fault.Gone, "login.link.used")
	}
	return err
}

// UseAll uses up what is left of a kind.
func UseAll(tx *store.Tx, member int64, kind LinkKind) { tx.Do(useLinks, member, kind) }

// TryLink counts a try at the second step; false when there were too many.
func TryLink(tx *store.Tx, t secret.Token) (bool, error) {
	n, err := tx.Exec(tryLink, t.Hash(), secondTries)
	return n == 1, err
}

// EndLinks ends all links of a member.
func EndLinks(tx *store.Tx, member int64) { tx.Do(endLinks, member) }

const setupLife = 7 * 24 * time.Hour

// NewSetup makes the link to the page that sets up the house; an older one ends.
func NewSetup(tx *store.Tx) secret.Token {
	t := secret.New(secret.Link, 0)
	tx.Do(dropSetup)
	tx.Do(addSetup, t.Hash(), tx.Now.Add(setupLife))
	return t
}

// ReadSetup tells whether a set-up link still works.
func ReadSetup(r store.Reader, t secret.Token, now legalclock.Moment) error {
	l, err := store.One[struct{ ExpiresAt, UsedAt legalclock.Moment }](r, getSetup, t.Hash())
	switch {
	case errors.Is(err, store.ErrNone):
		return fault.New(fault.NotFound, "login.link.unknown")
	case err != nil:
		return err
	case !l.UsedAt.IsZero():
		return fault.New(fault.Gone, "login.setup.done")
	case now >= l.ExpiresAt:
		return fault.New(fault.Gone, "login.setup.expired")
	}
	return nil
}

// UseSetup uses the set-up link up.
func UseSetup(tx *store.Tx, t secret.Token) error {
	n, err := tx.Exec(useSetup, t.Hash())
	if err == nil && n == 0 {
		return fault.New(fault.Gone, "login.setup.done")
	}
	return err
}

// Sweep ends what has run out in the bound account.
func Sweep(tx *store.Tx) {
	tx.Do(dropSessions, tx.Now.Add(-SessionIdle))
	tx.Do(oldLinks, tx.Now.Add(-24*time.Hour))
}

// SweepTries ends counts of tries that are older than a day. It takes a transaction of the installation.
func SweepTries(tx *store.Tx) {
	tx.Do(dropTries, int64(tx.Now.Add(-24*time.Hour))/int64(time.Minute/time.Microsecond))
}
