// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
)

// params cost about 100 ms and 64 MiB a try on the machines we know (OWASP asks for 19 MiB at least).
var params = &argon2id.Params{Memory: 64 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// stranger is a hash of random bytes that nobody knows, made with params: an unknown address
// costs the same work as a known one.
const stranger = "$argon2id$v=19$m=65536,t=2,p=1$4+6mJFMVL94qnBnzqkY5Ig$a3OdfYaK7L28i/NVL7ug/39evdUG8zePS6b52MlIYUs"

// The length of a password, in characters (OWASP ASVS 6.2.1: at least 8; we ask for 12).
const (
	MinPassword = 12
	MaxPassword = 200
)

// Hashed is a password fit to be kept. It takes a while to make: make it before the
// transaction that keeps it, never inside.
type Hashed struct{ encoded string }

// Strong refuses a password that is easily guessed. about is what others know of the person:
// address, name, the account's name. It asks for length, not for kinds of characters (NIST SP 800-63B).
func Strong(password string, about ...string) error {
	no := func(key string, args ...any) error { return fault.New(fault.Invalid, key, args...).At("password") }
	n := utf8.RuneCountInString(password)
	low := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0) || n > MaxPassword:
		return no("login.password.long", "max", MaxPassword)
	case n < MinPassword:
		return no("login.password.short", "min", MinPassword)
	case distinct(low) < 5 || sequence(low):
		return no("login.password.simple")
	}
	rest := low
	for _, w := range append(about, common...) {
		for _, w := range strings.FieldsFunc(strings.ToLower(w), func(c rune) bool { return strings.ContainsRune("@.-_ +", c) }) {
			if utf8.RuneCountInString(w) >= 4 {
				rest = strings.ReplaceAll(rest, w, "")
			}
		}
	}
	if distinct(rest) < 5 { // little is left beside what everybody guesses
		return no("login.password.common")
	}
	return nil
}

// common are the words most found in leaked passwords of this length.
var common = []string{"password", "passwort", "motdepasse", "qwertyuiop", "qwerty", "azertyuiop", "azerty", "iloveyou", "welcome", "bienvenue",
	"administrator", "admin", "letmein", "consend", "123456789", "12345678", "123456", "12345", "1234", "soleil", "bonjour", "football", "princess", "dragon",
	"monkey", "sunshine", "changeme", "secret", "2024", "2025", "2026"}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, c := range s {
		seen[c] = true
	}
	return len(seen)
}

// sequence finds "abcdefghijkl" and "987654321098".
func sequence(s string) bool {
	r := []rune(s)
	up, down := 0, 0
	for i := 1; i < len(r); i++ {
		switch r[i] - r[i-1] {
		case 1:
			up++
		case -1:
			down++
		}
	}
	return max(up, down) >= len(r)*3/4
}

// Hash makes a password fit to be kept. Check it with Strong before.
func (k *Keeper) Hash(ctx context.Context, password string) (Hashed, error) {
	if err := k.sit(ctx); err != nil {
		return Hashed{}, err
	}
	defer k.rise()
	h, err := argon2id.CreateHash(password, k.params)
	return Hashed{h}, err
}

// Check finds the login of an address and password. Wrong and unknown get the same fault
// after the same work; too many tries in a row have to wait.
func (k *Keeper) Check(ctx context.Context, who actor.Actor, email, password string) (Login, error) {
	norm := strings.ToLower(strings.TrimSpace(email))
	if a, err := address.Parse(email); err == nil {
		norm = a.Norm()
	}
	t := k.try(who, "password", norm)
	if err := k.admit(ctx, who, t); err != nil {
		return Login{}, err
	}
	var l Login
	var found bool
	err := k.db.View(ctx, atDoor(who), func(v *store.View) (err error) { l, found, err = Find(v, norm); return err })
	if err != nil {
		return Login{}, err
	}
	ok, err := k.compare(ctx, l, found, password)
	if err != nil {
		return Login{}, err
	}
	if !ok {
		return Login{}, fault.New(fault.Refused, "login.wrong").At("password")
	}
	return l, k.pass(ctx, who, t)
}

func (k *Keeper) compare(ctx context.Context, l Login, found bool, password string) (bool, error) {
	hash := l.Password
	if !found {
		hash = k.stranger
	}
	if utf8.RuneCountInString(password) > MaxPassword {
		password = "" // no password of ours is longer
	}
	if err := k.sit(ctx); err != nil {
		return false, err
	}
	defer k.rise()
	ok, err := k.match(password, hash)
	if err != nil {
		return false, errors.New("login: a kept password can't be read")
	}
	return ok && found, nil
}

func (k *Keeper) sit(ctx context.Context) error {
	select {
	case k.seats <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keeper) rise() { <-k.seats }

// atDoor is who acts before anybody is known: the house itself, with the visitor's request.
func atDoor(who actor.Actor) actor.Actor {
	who.Kind, who.ID, who.Name, who.Account, who.Role = actor.Sys, 0, "sign-in", 0, ""
	return who
}
