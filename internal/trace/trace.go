// SPDX-License-Identifier: AGPL-3.0-or-later

// Package trace promises that every act leaves an entry in a log that nobody can edit,
// shorten, reorder or back-date unseen (GDPR 5(2), 24, 32(1)(b)): Append writes it in the
// act's own transaction, the sealer puts it into a Merkle tree within two seconds, and the
// signed checkpoint leaves for places that the main database can't reach.
//
// What is told about a person is committed, never written: the clear part holds codes,
// numbers and moments, the private part only commitments under the person's salt. The
// formats are drawn in docs/formats; package proof checks them offline.
//
// Limits: a row not yet sealed can be changed unseen; what the program itself was made to
// write is no tampering; an entry does not prove who clicked.
package trace

import (
	"fmt"
	"strconv"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// Person is whom an act is about. The zero Person: nobody.
type Person struct {
	ID     int64        // the contact's number, or the member's
	Member bool         // a member of the account, not a contact
	Salt   []byte       // 32 bytes of the person's row; they die with it
	Key    keys.Ref     // what private values are kept under; the zero Ref keeps none
	Open   keys.Subject // the same key when it is at hand: it saves a look into the keys store
}

// IsZero tells whether the act is about nobody.
func (p Person) IsZero() bool { return p.ID == 0 }

// Act is one act: what was done, to what, about whom. The actor, the moment, the account
// and the request come from the transaction.
type Act struct {
	ID       int64  // 0: taken by Append; give tx.ID() when rows must name it before
	Action   string // "room.verb"
	Object   string // kind of thing: "contact", "campaign" …
	ObjectID int64
	Person   Person
	Clear    proof.Fields // codes, numbers, moments: readable for ever
	Private  proof.Fields // values: committed here; kept sealed under the person's key when it has one
}

// Member is one member of a set act: what differs from the act's own fields.
type Member struct {
	Person  Person
	Facts   Facts // of an event: instead of Clear and Private, and without their maps
	Clear   proof.Fields
	Private proof.Fields // committed only: the room's own rows keep the values
}

// Facts are what a member says, told field by field. proof.Facts are.
type Facts interface {
	// AppendClear writes the canonical text of the clear fields, with one more of that name in its place.
	AppendClear(b []byte, name, value string) []byte
	// EachPrivate gives the private fields that are there, sorted by name. It may be asked twice, by two goroutines.
	EachPrivate(yield func(name, value string))
}

// reserved are the names of the clear part that the trace writes itself.
var reserved = map[string]bool{"entry": true, "account": true, "at": true, "action": true, "actor": true, "actor_id": true,
	"actor_name": true, "role": true, "request": true, "object": true, "contact": true, "member": true, "members": true, "root": true}

// clear gives the clear fields of an act, its own and the transaction's.
func (a Act) clear(tx *store.Tx, id int64) (proof.Fields, error) {
	if room, verb, ok := strings.Cut(a.Action, "."); !ok || room == "" || verb == "" || !proof.GoodName(a.Action) {
		return nil, fmt.Errorf("trace: an action is named room.verb, not %q", a.Action)
	}
	f := make(proof.Fields, len(a.Clear)+10)
	for n, v := range a.Clear {
		if reserved[n] {
			return nil, fmt.Errorf("trace: %s: the field %s is the trace's own", a.Action, n)
		}
		f[n] = v
	}
	who := tx.Who
	f["entry"], f["account"], f["at"] = dec(id), dec(tx.Account()), tx.Now.String()
	f["action"], f["actor"] = a.Action, string(who.Kind)
	if who.ID != 0 {
		f["actor_id"] = dec(who.ID)
	}
	for n, v := range map[string]string{"actor_name": named(who), "role": who.Role, "request": who.Request, "object": object(a.Object, a.ObjectID)} {
		if v != "" {
			f[n] = v
		}
	}
	a.Person.name(f)
	return f, nil
}

// named is the name of a part of the house; a person's is never written (actor.Actor.Name).
func named(who actor.Actor) string {
	switch who.Kind {
	case actor.Sys, actor.Job, actor.Command:
		return who.Name
	}
	return ""
}

func object(kind string, id int64) string {
	if id == 0 {
		return kind
	}
	return kind + " " + dec(id)
}

func (p Person) name(f proof.Fields) {
	switch {
	case p.ID == 0:
	case p.Member:
		f["member"] = dec(p.ID)
	default:
		f["contact"] = dec(p.ID)
	}
}

// contact is the number in the column that "what was done about this person" searches.
func (p Person) contact() int64 {
	if p.Member {
		return 0
	}
	return p.ID
}

// log gives the account's two keys: of s1, and of s2 where an act is about nobody.
func log(ring *keys.Ring, account int64) (clear, none proof.Hash, err error) {
	if clear, err = ring.MAC(account, "log"); err == nil {
		none, err = ring.MAC(account, "log.none")
	}
	return clear, none, err
}

// salt gives what s2 of the person's entries comes from. Where nothing private is told, a
// person may be named without salt.
func (p Person) salt(none proof.Hash, private int) (proof.Hash, error) {
	if p.IsZero() || len(p.Salt) == 0 && private == 0 {
		return none, nil
	}
	if len(p.Salt) != 32 {
		return none, fmt.Errorf("trace: person %d comes without the 32 bytes of salt of its row", p.ID)
	}
	return proof.Hash(p.Salt), nil
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
