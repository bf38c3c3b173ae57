// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/mail"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// The built-in mailbox is for trying things: it keeps the newest mail of an account, for a while.
const (
	MailboxSize = 2000
	MailboxAge  = 30 * 24 * time.Hour
)

// Caught is a message in the built-in mailbox, without its body.
type Caught struct {
	ID        int64
	At        legalclock.Moment
	Class     gate.Class
	ContactID int64
	SignupID  int64
	MemberID  int64
	PermitID  int64
	Size      int64
	From      pii.Text `db:"-"`
	To        pii.Text `db:"-"`
	Subject   pii.Text `db:"-"`
}

// LetsIn tells whether a link in it lets its reader in as the member it is for: nobody with fewer rights may read it.
func (c Caught) LetsIn() bool { return c.Class == gate.Invitation || c.Class == gate.SignIn }

// head is what a list of the mailbox shows, sealed.
type head struct{ From, To, Subject string }

type caughtRow struct {
	Caught
	HeadCt []byte
	RawCt  []byte
}

func caughtAt(column string, id int64) keys.AAD {
	return keys.AAD{Table: "mailbox_message", Column: column, Row: id}
}

// keep is the sending of the built-in mailbox: the message is in the table when it is accepted.
func (l *Lane) keep(p gate.Permit, m Mail) Result {
	at, why := l.may(p, m)
	if why == gate.OK && m.Started != nil && !m.Started(at) {
		why = gate.PermitOver
	}
	if why != gate.OK {
		return Result{Outcome: LeftOut, Reason: why, Stage: "local"}
	}
	err := l.relays.db.Write(l.ctx, actor.Worker("mailbox", p.Account()), func(tx *store.Tx) error {
		return caught(tx, p, m)
	})
	if err != nil {
		slog.Error("the built-in mailbox", "account", p.Account(), "permit", p.ID(), "err", err)
		return Result{Outcome: Deferred, Stage: "local", Session: true}
	}
	return Result{Outcome: Accepted, Code: 250, Enhanced: "2.0.0", Stage: "content"}
}

func caught(tx *store.Tx, p gate.Permit, m Mail) error {
	id, ring := tx.ID(), keys.Of(tx)
	h, err := json.Marshal(headOf(m))
	if err != nil {
		return err
	}
	headCt, err := ring.Seal(p.Account(), caughtAt("head_ct", id), h)
	if err != nil {
		return err
	}
	rawCt, err := ring.Seal(p.Account(), caughtAt("raw_ct", id), m.Raw)
	if err != nil {
		return err
	}
	tx.Do(catch, id, p.Class(), m.Contact, m.Signup, m.Member, p.ID(), len(m.Raw), headCt, rawCt)
	if id%64 == 0 { // now and then is enough
		tx.Do(capMailbox, MailboxSize)
	}
	return nil
}

func headOf(m Mail) head {
	h := head{From: m.From, To: m.To}
	end := bytes.Index(m.Raw, []byte("\r\n\r\n"))
	if end < 0 {
		return h
	}
	msg, err := mail.ReadMessage(bytes.NewReader(m.Raw[:end+4]))
	if err != nil {
		return h
	}
	words := new(mime.WordDecoder)
	read := func(name, otherwise string) string {
		if s, err := words.DecodeHeader(msg.Header.Get(name)); err == nil && s != "" {
			return s
		}
		return otherwise
	}
	return head{From: read("From", h.From), To: read("To", h.To), Subject: read("Subject", "")}
}

// Page reads the built-in mailbox, the newest first; before is the last id of the page before, 0 for the first.
func Page(r store.Reader, before int64, n int) ([]Caught, error) {
	if before == 0 {
		before = 1 << 53
	}
	rows, err := store.All[caughtRow](r, pageMailbox, before, n)
	out := make([]Caught, len(rows))
	for i := range rows {
		if err == nil {
			err = rows[i].open(r)
		}
		out[i] = rows[i].Caught
	}
	return out, err
}

// Count is how many messages the built-in mailbox holds.
func Count(r store.Reader) (int64, error) { return store.One[int64](r, countMailbox) }

// Read gives one message of the built-in mailbox with its bytes.
func Read(r store.Reader, id int64) (Caught, []byte, error) {
	row, err := store.One[caughtRow](r, readMailbox, id)
	if errors.Is(err, store.ErrNone) {
		return Caught{}, nil, fault.New(fault.NotFound, "relay.no_message")
	}
	if err == nil {
		err = row.open(r)
	}
	if err != nil {
		return Caught{}, nil, err
	}
	raw, err := keys.Of(r).Open(account(r), caughtAt("raw_ct", id), row.RawCt)
	return row.Caught, raw, err
}

func (w *caughtRow) open(r store.Reader) error {
	plain, err := keys.Of(r).Open(account(r), caughtAt("head_ct", w.ID), w.HeadCt)
	if err != nil {
		return err
	}
	var h head
	if err := json.Unmarshal(plain, &h); err != nil {
		return err
	}
	w.From, w.To, w.Subject = pii.T(h.From), pii.T(h.To), pii.T(h.Subject)
	return nil
}

// EmptyMailbox deletes what is in the built-in mailbox up to a message that was seen.
func EmptyMailbox(tx *store.Tx, upTo int64) error {
	n, err := tx.Exec(emptyMailbox, upTo)
	if err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "relay.empty_mailbox", Object: "mailbox", Clear: proof.Fields{"messages": decimal(n)}})
	return err
}

// Sweep deletes what has been in the built-in mailboxes for longer than MailboxAge, and what
// is over its size. It is periodic work.
func Sweep(db *store.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		var accounts []int64
		err := db.View(ctx, self, func(v *store.View) (err error) {
			accounts, err = store.All[int64](v, mailboxAccounts)
			return err
		})
		for _, a := range accounts {
			if err == nil {
				err = db.Write(ctx, actor.Worker("mailbox", a), func(tx *store.Tx) error {
					tx.Do(oldMailbox, tx.Now.Add(-MailboxAge))
					tx.Do(capMailbox, MailboxSize)
					return nil
				})
			}
		}
		return err
	}
}

// DropPeople deletes what was caught of people who are deleted for good, and of their sign-ups; at most
// 1,000 of each.
func DropPeople(tx *store.Tx, people, signups []int64) {
	if len(people) > 0 {
		tx.Do(dropPeople, people)
	}
	if len(signups) > 0 {
		tx.Do(dropSignups, signups)
	}
}
