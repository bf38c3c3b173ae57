// SPDX-License-Identifier: AGPL-3.0-or-later

// Package evidence promises that an account can hand anybody the proof of what one person
// said, and that whoever trusts neither us nor the account can check it offline (GDPR 5(2),
// 7(1); ISO/IEC TS 27560): facts as they were sealed, the texts as they were shown, both
// moments of a double opt-in, where it came from, and in words what each yes rests on.
//
//	Build    a signed proof.File of one contact
//	In       the same inside an act that is open already
//	CSV      its events as a table
//	Pack     one bundle with the proofs of many, for whoever checks all at once
//	Ask      the same as long work: kept sealed until its end, then deleted
//	Draft…   the mails that carry proof and checkpoint out of the house
//
// It leaves to trace that the log can't be edited, to consent what was said, to the page
// who may look, and traces no look: its caller does, before it shows anything.
package evidence

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"consend/internal/ground/actor"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Proof is a person's proof: the file as it is handed out, and what stands in it.
type Proof struct {
	Bytes []byte
	File  proof.File
}

// Build seals what waits and makes the proof of a contact of the actor's account, with words
// in a language ("" is the account's). Faults: contact.none, contact.ending (being erased),
// evidence.none (nothing was said yet), trace.prove.differs (the database was changed).
func Build(ctx context.Context, db *store.DB, who actor.Actor, contact int64, lang string) (Proof, error) {
	house, err := operator(ctx, db, who.Account)
	if err != nil {
		return Proof{}, err
	}
	var out Proof
	err = trace.Prove(ctx, db, who, func(p *trace.Prover) error {
		out, err = build(p, contact, manner{lang: lang, house: house})
		return err
	})
	return out, err
}

// In makes the proof inside an act or a view. What was written a moment ago may still wait to
// be sealed: then it is a fault of kind Busy, trace.unsealed.
func In(r store.Reader, contact int64, lang string) (Proof, error) {
	p, err := trace.ProverIn(r)
	if err != nil {
		return Proof{}, err
	}
	return build(p, contact, manner{lang: lang})
}

// manner is how a proof is made.
type manner struct {
	lang  string       // "" is the account's
	house *proof.Party // who runs the installation
	of    proof.Asked  // a list or purpose that it is about alone
	log   *proof.Log   // where the entries stand, when it is known already
}

func build(p *trace.Prover, contact int64, how manner) (Proof, error) {
	a, err := account.Get(p)
	if err != nil {
		return Proof{}, err
	}
	if !locale.Known(how.lang) {
		how.lang = a.Language
	}
	g := &gathering{Prover: p, account: a, of: how.of, say: locale.For(how.lang, a.Location())}
	if err := g.person(contact); err != nil {
		return Proof{}, err
	}
	var id [16]byte
	rand.Read(id[:]) // never fails (crypto/rand)
	g.file = proof.File{ID: hex.EncodeToString(id[:]), Made: p.Now.String(), Language: g.say.Lang, Account: p.Account(),
		Controller: g.controller(), Processor: how.house, Person: proof.Person{ID: contact, Address: g.contact.Email.Raw()}}
	for _, step := range []func() error{g.ledger, g.lists, g.acts} {
		if err := step(); err != nil {
			return Proof{}, err
		}
	}
	if how.log != nil {
		g.file.Log = *how.log
	} else if g.file.Log, err = p.Log(); err != nil {
		return Proof{}, err
	}
	if g.all {
		g.file.Complete = &proof.Complete{Lists: len(g.file.Lists), Of: how.of.Of(), Size: p.Size()}
	}
	b, err := p.Sign(g.file)
	if err != nil {
		return Proof{}, err
	}
	f, err := proof.Decode(b)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Bytes: b, File: *f}, nil
}

// controller is the account as it answers for the data (27560: pii_controller).
func (g *gathering) controller() proof.Party { return party(g.account) }

func party(a account.Account) proof.Party {
	out := proof.Party{Name: a.Name, Address: a.Postal, Country: a.Country, Contact: a.DataName.Raw()}
	if !a.DataEmail.IsZero() {
		out.Email = a.DataEmail.Raw()
	}
	return out
}

// operator is who runs the installation for the account, nobody where that is the account.
func operator(ctx context.Context, db *store.DB, of int64) (*proof.Party, error) {
	sys := actor.System("evidence")
	var id int64
	err := db.View(ctx, sys, func(v *store.View) (err error) {
		id, err = account.House(v)
		return err
	})
	if err != nil || id == 0 || id == of {
		return nil, err
	}
	var a account.Account
	err = db.View(ctx, sys.In(id), func(v *store.View) (err error) {
		a, err = account.Get(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &proof.Party{Name: a.Name, Address: a.Postal, Country: a.Country}
	if !a.DataEmail.IsZero() {
		out.Email = a.DataEmail.Raw()
	}
	return out, nil
}
