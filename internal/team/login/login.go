// SPDX-License-Identifier: AGPL-3.0-or-later

// Package login promises that a person is who they say: by a password, and by a code when
// they turned that on. Answers and work are the same for a known and an unknown address,
// guessing gets slower and nobody is locked out, a code works once, and a session ends at
// once when the password changes or somebody ends it.
//
// A login is a person's, over all accounts; a session is of one account. What we hand out
// (sessions, links) we keep as SHA-256 only.
//
// It leaves to member in which accounts a person works, and to access the ways in.
package login

import (
	"errors"

	"github.com/alexedwards/argon2id"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
)

// Login is a person's way to sign in.
type Login struct {
	ID         int64
	EmailNorm  string
	Password   string // argon2id with its parameters
	PasswordAt legalclock.Moment
	Totp       []byte // sealed
	TotpAt     legalclock.Moment
	TotpStep   int64
	MadeAt     legalclock.Moment
}

// Second tells whether a code is asked after the password.
func (l Login) Second() bool { return !l.TotpAt.IsZero() }

// Keeper checks passwords and codes. Make it with New; one for the house.
type Keeper struct {
	db    *store.DB
	ring  *keys.Ring
	seats chan struct{}
	key   [32]byte
	match func(password, hash string) (bool, error)

	params   *argon2id.Params
	stranger string
}

// New makes the keeper. At most two passwords are checked at a time: each takes memory.
func New(db *store.DB, ring *keys.Ring) (*Keeper, error) {
	key, err := ring.MAC(keys.Installation, "attempt")
	return &Keeper{db: db, ring: ring, seats: make(chan struct{}, 2), key: key, match: argon2id.ComparePasswordAndHash, params: params, stranger: stranger}, err
}

// TellForTests has f called before every check of a password against a kept one. Tests alone call it.
func (k *Keeper) TellForTests(f func(hash string)) {
	match := k.match
	k.match = func(password, hash string) (bool, error) { f(hash); return match(password, hash) }
}

// CheapForTests makes passwords cost almost nothing, to keep and to guess. Tests alone call it.
func (k *Keeper) CheapForTests() {
	k.params = &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	k.stranger, _ = argon2id.CreateHash("nobody", k.params)
}

// Make makes a login for an address that has none.
func Make(tx *store.Tx, a address.Address, p Hashed) (int64, error) {
	id := tx.ID()
	_, err := tx.Exec(addLogin, id, a.Norm(), p.encoded)
	if errors.Is(err, store.ErrUnique) {
		return 0, fault.New(fault.Conflict, "login.exists")
	}
	return id, err
}

// Find is the login of an address.
func Find(r store.Reader, norm string) (Login, bool, error) {
	l, err := store.One[Login](r, findLogin, norm)
	if errors.Is(err, store.ErrNone) {
		return Login{}, false, nil
	}
	return l, err == nil, err
}

// Get is a login by number.
func Get(r store.Reader, id int64) (Login, error) {
	l, err := store.One[Login](r, getLogin, id)
	if errors.Is(err, store.ErrNone) {
		return l, fault.New(fault.NotFound, "login.none")
	}
	return l, err
}

// Still gives a login as it is now, when its password is the one that was checked: a password
// takes a while to check, and may be changed meanwhile. From then on nobody else changes it in
// this act.
func Still(tx *store.Tx, checked Login) (Login, error) {
	l, err := store.One[Login](tx, lockLogin, checked.ID)
	if err == nil && l.PasswordAt != checked.PasswordAt {
		err = fault.New(fault.Refused, "login.wrong").At("password")
	}
	return l, err
}

// SetPassword changes the password. Every session made before, in any account, ends with it.
func SetPassword(tx *store.Tx, login int64, p Hashed) { tx.Do(setPassword, p.encoded, login) }
