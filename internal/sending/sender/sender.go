// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sender promises that every campaign is written by somebody the account chose: a From address with a name, and,
// where its domain has a key here, an RSA-2048 DKIM signature over it (RFC 6376, 8301) that covers the way out
// (RFC 8058 4). The private key is made here, lies under the account's key and never leaves.
//
// It leaves to the account to publish the record, to campaign what is written, to mail/compose the signature's bytes.
package sender

import (
	"errors"
	"strings"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Sender is one From address of an account.
type Sender struct {
	ID        int64
	Name      string // of the house or a person in it, as recipients read it
	Email     address.Address
	ReplyTo   address.Address // zero: replies go to Email
	Version   int64
	MadeAt    legalclock.Moment
	RetiredAt legalclock.Moment
}

// From is the sender as it stands in a header.
func (s Sender) From() compose.Mailbox {
	return compose.Mailbox{Name: s.Name, Addr: s.Email.RawWire()}
}

// Reply is where replies go, as it stands in a header; zero when they go to From.
func (s Sender) Reply() compose.Mailbox {
	if s.ReplyTo.IsZero() {
		return compose.Mailbox{}
	}
	return compose.Mailbox{Addr: s.ReplyTo.RawWire()}
}

// New is a sender to make or what a sender becomes.
type New struct {
	Name    string
	Email   address.Address
	ReplyTo address.Address
}

const maxName = 100

func (n *New) check() error {
	n.Name = strings.Join(strings.Fields(n.Name), " ")
	var m fault.Many
	switch {
	case n.Name == "":
		m = append(m, fault.New(fault.Invalid, "sender.name.missing").At("name"))
	case utf8.RuneCountInString(n.Name) > maxName || !utf8.ValidString(n.Name) || strings.ContainsFunc(n.Name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		m = append(m, fault.New(fault.Invalid, "sender.name.bad", "limit", maxName).At("name"))
	}
	if n.Email.IsZero() {
		m = append(m, fault.New(fault.Invalid, "sender.email.missing").At("email"))
	} else if n.Email.NeedsSMTPUTF8() || n.ReplyTo.NeedsSMTPUTF8() {
		// Every mailbox must be able to answer.
		m = append(m, fault.New(fault.Invalid, "sender.email.ascii").At("email"))
	}
	return m.Err()
}

// Make makes a sender. Faults: sender.name.missing, sender.name.bad, sender.email.missing, sender.email.ascii, sender.taken.
func Make(tx *store.Tx, n New) (int64, error) {
	if err := n.check(); err != nil {
		return 0, err
	}
	id := tx.ID()
	if _, err := tx.Exec(add, id, n.Name, n.Email.Raw(), n.Email.Norm(), n.ReplyTo.Raw()); err != nil {
		return 0, taken(err)
	}
	return id, told(tx, "sender.make", "sender", id, n.private(), nil)
}

func (n New) private() proof.Fields {
	f := proof.Fields{"name": n.Name, "email": n.Email.Raw()}
	if !n.ReplyTo.IsZero() {
		f["reply_to"] = n.ReplyTo.Raw()
	}
	return f
}

// Change changes a sender of a version; 0 is whatever stands. Campaigns on their way keep what they were approved with.
// Faults: those of Make, sender.none, sender.changed.
func Change(tx *store.Tx, id, version int64, n New) error {
	if err := n.check(); err != nil {
		return err
	}
	if _, err := Get(tx, id); err != nil {
		return err
	}
	switch k, err := tx.Exec(change, n.Name, n.Email.Raw(), n.Email.Norm(), n.ReplyTo.Raw(), id, version, version); {
	case err != nil:
		return taken(err)
	case k == 0:
		return fault.New(fault.Conflict, "sender.changed")
	}
	return told(tx, "sender.change", "sender", id, n.private(), nil)
}

// Retire takes a sender out of use. Again is harmless. Faults: sender.none.
func Retire(tx *store.Tx, id int64) error {
	s, err := Get(tx, id)
	if err != nil || s.RetiredAt != 0 {
		return err
	}
	tx.Do(retire, id)
	return told(tx, "sender.retire", "sender", id, nil, nil)
}

// Get finds a sender, retired or not. Faults: sender.none.
func Get(r store.Reader, id int64) (Sender, error) {
	s, err := store.One[Sender](r, get, id)
	return s, missing(err, "sender.none")
}

// All lists the senders in use, by name.
func All(r store.Reader) ([]Sender, error) { return store.All[Sender](r, all) }

// Find finds a sender in use by its address.
func Find(r store.Reader, a address.Address) (Sender, bool, error) {
	s, err := store.One[Sender](r, find, a.Norm())
	if errors.Is(err, store.ErrNone) {
		return Sender{}, false, nil
	}
	return s, err == nil, err
}

// Ensure finds the sender of an address, or makes it with a name.
func Ensure(tx *store.Tx, n New) (int64, error) {
	s, ok, err := Find(tx, n.Email)
	if err != nil || ok {
		return s.ID, err
	}
	return Make(tx, n)
}

func taken(err error) error {
	if errors.Is(err, store.ErrUnique) {
		return fault.New(fault.Conflict, "sender.taken").At("email")
	}
	return err
}

func missing(err error, key string) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, key)
	}
	return err
}

// told writes the entry of an act. A sender's words may name a member: they are committed only.
func told(tx *store.Tx, action, object string, id int64, private, clear proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: object, ObjectID: id, Clear: clear, Private: private})
	return err
}
