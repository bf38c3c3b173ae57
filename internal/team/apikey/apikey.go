// SPDX-License-Identifier: AGPL-3.0-or-later

// Package apikey promises that a program comes in only with a key an owner or admin made: shown
// once, kept as SHA-256, revoked at once, and its last use seen.
//
// A key may say where the people it adds come from and why the account may write to them; that
// is the account's word (evidence grade D) unless a call says more. What a key may do is api's.
package apikey

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/team/secret"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Key is a program's key, without the part that opens.
type Key struct {
	ID        int64
	Tail      string // the last four characters, to recognise it
	Name      string // what the program is called
	Origin    string // declared default: where people come from
	Basis     string // declared default: why the account may write
	MadeBy    int64  // a member; 0 is the command line
	MadeAt    legalclock.Moment
	UsedAt    legalclock.Moment
	RevokedAt legalclock.Moment
}

// Revoked tells whether the key opens nothing any more.
func (k Key) Revoked() bool { return !k.RevokedAt.IsZero() }

// New is a key to be.
type New struct{ Name, Origin, Basis string }

const (
	maxName   = 100
	seenEvery = 5 * time.Minute
)

// Create makes a key. The token is shown once, and never again.
func Create(tx *store.Tx, n New) (Key, secret.Token, error) {
	n.Name = strings.Join(strings.Fields(n.Name), " ")
	switch {
	case n.Name == "":
		return Key{}, secret.Token{}, fault.New(fault.Invalid, "apikey.name.missing").At("name")
	case utf8.RuneCountInString(n.Name) > maxName || strings.ContainsFunc(n.Name, unicode.IsControl):
		return Key{}, secret.Token{}, fault.New(fault.Invalid, "apikey.name.bad", "max", maxName).At("name")
	}
	t := secret.New(secret.Key, tx.Account())
	k := Key{ID: tx.ID(), Tail: t.Tail(), Name: n.Name, Origin: n.Origin, Basis: n.Basis, MadeAt: tx.Now}
	if tx.Who.Kind == actor.Member {
		k.MadeBy = tx.Who.ID
	}
	tx.Do(add, k.ID, t.Hash(), k.Tail, k.Name, k.Origin, k.Basis, k.MadeBy)
	return k, t, wrote(tx, "apikey.create", k)
}

// All lists the account's keys, those that open first.
func All(r store.Reader) ([]Key, error) { return store.All[Key](r, all) }

// Revoke ends a key at once.
func Revoke(tx *store.Tx, id int64) error {
	k, err := store.One[Key](tx, lock, id)
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "apikey.none")
	}
	if err != nil || k.Revoked() {
		return err
	}
	tx.Do(revoke, id)
	return wrote(tx, "apikey.revoke", k)
}

func wrote(tx *store.Tx, action string, k Key) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "apikey", ObjectID: k.ID,
		Clear: proof.Fields{"tail": k.Tail, "origin": k.Origin, "basis": k.Basis}, Private: proof.Fields{"name": k.Name}})
	return err
}

// Find gives the account and key of a token somebody sent; every reason against it is the same
// fault. It notes the use, at most once in five minutes.
func Find(ctx context.Context, db *store.DB, token string) (account int64, k Key, err error) {
	refused := fault.New(fault.Refused, "apikey.refused")
	t, account, ok := secret.Read(secret.Key, token)
	if !ok || account == 0 {
		return 0, k, refused
	}
	who := actor.System("apikey").In(account)
	var now legalclock.Moment
	err = db.View(ctx, who, func(v *store.View) (err error) {
		now = v.Now
		k, err = store.One[Key](v, find, t.Hash())
		return err
	})
	if errors.Is(err, store.ErrNone) || err == nil && k.Revoked() {
		return 0, Key{}, refused
	}
	if err != nil {
		return 0, Key{}, err
	}
	if now >= k.UsedAt.Add(seenEvery) {
		if err := db.Write(ctx, who, func(tx *store.Tx) error { tx.Do(seen, k.ID); return nil }); err != nil {
			slog.Warn("use of a key not noted", "apikey", k.ID, "err", err.Error())
		}
	}
	return account, k, nil
}
