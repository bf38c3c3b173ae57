// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"context"
	"strconv"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// LookAction is the action of every look at people.
const LookAction = "contact.look"

// Looked is what somebody is about to be shown.
type Looked struct {
	Object   string // the page: "contact", "contacts", "campaign" …
	ObjectID int64
	Contacts []int64
	Filter   string // the question the page answers, as in its address; it may name people
	Via      string // the page that led here, as Object; "" where none did: it tells why somebody was looked at
	Closed   string // how a file of it is encrypted as it leaves (envelope.How); "" where nothing was asked
}

// Look writes down that who is shown people, and is durable when it returns: call it before
// the page is written, and show nothing if it fails. One person shown is one entry about
// that person; a page of many is one entry, whose private part names them.
func Look(ctx context.Context, db *store.DB, who actor.Actor, l Looked) error {
	if len(l.Contacts) == 0 {
		return nil
	}
	a := Act{Action: LookAction, Object: l.Object, ObjectID: l.ObjectID, Clear: proof.Fields{"shown": dec(int64(len(l.Contacts)))}}
	if l.Via != "" {
		a.Clear["via"] = l.Via
	}
	if l.Closed != "" {
		a.Clear["encrypted"] = l.Closed
	}
	if len(l.Contacts) == 1 {
		a.Person = Person{ID: l.Contacts[0]}
	} else {
		ids := make([]byte, 0, 17*len(l.Contacts))
		for _, id := range l.Contacts {
			ids = append(strconv.AppendInt(ids, id, 10), ' ')
		}
		a.Private = proof.Fields{"contacts": strings.TrimSuffix(string(ids), " ")}
		if l.Filter != "" {
			a.Private["filter"] = l.Filter
		}
	}
	return db.Write(ctx, who, func(tx *store.Tx) error {
		_, err := Append(tx, a)
		return err
	})
}
