// SPDX-License-Identifier: AGPL-3.0-or-later

// Package message promises that no service mail is lost and that each one's fate can be read:
// a row is made in the transaction of the fact it follows from, and stays until its term.
//
//	pending → claimed → accepted | failed | left out(reason) | uncertain
//	             ↓ ↑
//	          deferred(reason): the service said later, or something holds it
//
// A row holds no words and no address: the message is written anew from (kind, ref) each time
// it is tried, in the transaction that claims it, so that nothing of it lies about and a retry
// says what is true now. Its Message-ID is the row's and never changes.
//
// What a crash leaves: rows claimed by nobody alive. Their lease ends, and they are tried once
// more (docs/adr/0012): service mail answers somebody's own act, a second copy does less harm
// than none. A second time without an answer they are uncertain, and a person decides.
//
// It leaves to transactional who writes and sends.
package message

import (
	"context"
	"errors"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// State is where a message is.
type State string

// The states.
const (
	Pending   State = "pending"
	Claimed   State = "claimed"
	Accepted  State = "accepted"
	Deferred  State = "deferred"
	Failed    State = "failed"
	LeftOut   State = "left_out"
	Uncertain State = "uncertain"
)

// States lists them in the order pages show them.
func States() []State {
	return []State{Pending, Claimed, Deferred, Accepted, LeftOut, Failed, Uncertain}
}

// Message is one service mail.
type Message struct {
	ID        int64
	Kind      job.Kind
	Ref       int64
	Class     gate.Class // "" until it was written for the first time
	ContactID int64
	SignupID  int64
	MemberID  int64
	State     State
	Reason    string // of left out and deferred: a gate reason, or one of the sender's
	Tries     int64
	Doubts    int64
	NextAt    legalclock.Moment
	Claim     int64
	RelayID   int64
	PermitID  int64
	Stage     string
	Reply     string
	MadeAt    legalclock.Moment
	EndedAt   legalclock.Moment
}

// Reasons of the sender, beside the gate's. Words: "message.reason.<reason>".
const (
	NothingToSay = "nothing_to_say" // what it was about is gone or has ended
	NotWritten   = "not_written"    // writing it failed; it is tried again
	NotReady     = "not_ready"      // what it tells isn't sealed yet
	TooLong      = "too_long"       // the service said "later" for too long
	NoAnswer     = "no_answer"      // it may have arrived
	Settings     = "settings"       // the service doesn't let us in: password, certificate
	NoConnection = "no_connection"  // the service can't be reached
	SaidLater    = "said_later"     // the service said "later"
	SenderNo     = "sender_refused" // the service refuses mail from the sender's address
)

// Lease is how long a claim lasts unless it is renewed.
const Lease = 2 * time.Minute

// MaxDoubts is how often a message is sent again that may have arrived.
const MaxDoubts = 1

// Resent tells whether a message that may have arrived is sent once more by itself.
func (m Message) Resent() bool { return m.Doubts < MaxDoubts && !m.Class.Once() }

// Post makes a message from a fact, in its transaction.
func Post(tx *store.Tx, kind job.Kind, ref int64) int64 {
	id := tx.ID()
	tx.Do(post, id, kind, ref)
	return id
}

// Due lists the accounts that have something to send, up to a limit. It takes a reader bound to no account.
func Due(r store.Reader, limit int) ([]int64, error) { return store.All[int64](r, due, limit) }

// Claim takes up to n messages whose time has come, the oldest first, and gives the number the
// claim is written back under. Those whose last holder vanished are marked as a doubt; after
// MaxDoubts, or where nobody may get two, they are uncertain and not given.
func Claim(tx *store.Tx, n int) ([]Message, int64, error) {
	out, _, claim, err := ClaimAll(tx, n)
	return out, claim, err
}

// ClaimAll is Claim, which also gives those that became uncertain by it.
func ClaimAll(tx *store.Tx, n int) (out, lost []Message, claim int64, err error) {
	rows, err := store.All[Message](tx, toClaim, n)
	if err != nil || len(rows) == 0 {
		return nil, nil, 0, err
	}
	claim = tx.ID()
	var ids, again []int64
	for _, m := range rows {
		if m.State == Claimed {
			if !m.Resent() {
				m.State, m.Reason = Uncertain, NoAnswer
				Book(tx, m)
				lost = append(lost, m)
				continue
			}
			m.Doubts++
			again = append(again, m.ID)
		}
		ids = append(ids, m.ID)
		m.State, m.Claim = Claimed, claim
		out = append(out, m)
	}
	if len(again) > 0 {
		tx.Do(doubt, again)
	}
	if len(ids) > 0 {
		tx.Do(setClaim, claim, tx.Now.Add(Lease), ids)
	}
	return out, lost, claim, nil
}

// Renew prolongs a claim.
func Renew(tx *store.Tx, claim int64) { tx.Do(renew, tx.Now.Add(Lease), claim) }

// Written notes what a message is and whom it is for, once it was written.
func Written(tx *store.Tx, m Message) {
	tx.Do(written, m.Class, m.ContactID, m.SignupID, m.MemberID, m.ID)
}

// Book writes what became of a claimed message: state, reason, tries, when again, by which
// relay and permit, and gives the claim back. A claim that was lost meanwhile changes nothing.
func Book(tx *store.Tx, m Message) {
	ended := legalclock.Moment(0)
	switch m.State {
	case Accepted, Failed, LeftOut, Uncertain:
		ended = tx.Now
	}
	tx.Do(book, m.State, m.Reason, m.Tries, m.Doubts, m.NextAt, m.RelayID, m.PermitID, m.Stage, m.Reply, ended, m.ID, m.Claim)
}

// Abandon frees what a process that is gone had claimed: at the start of the only process on
// a database. Where several share one, leases end by themselves.
func Abandon(tx *store.Tx) { tx.Do(abandon) }

// Get finds one message.
func Get(r store.Reader, id int64) (Message, error) {
	m, err := store.One[Message](r, get, id)
	if errors.Is(err, store.ErrNone) {
		err = fault.New(fault.NotFound, "message.not_found")
	}
	return m, err
}

// Page lists messages, the newest first: before is the last id of the page before, 0 for the
// first; state "" is all.
func Page(r store.Reader, state State, before int64, n int) ([]Message, error) {
	if before == 0 {
		before = 1 << 53
	}
	return store.All[Message](r, page, before, state, state, n)
}

// Counted is how many messages are in a state.
type Counted struct {
	State State
	N     int64
}

// Counts counts the messages made since a moment, by state.
func Counts(r store.Reader, since legalclock.Moment) ([]Counted, error) {
	return store.All[Counted](r, counts, since, since)
}

// Held tells for what reason open messages wait, and how many.
type Held struct {
	Reason string
	N      int64
}

// Waiting lists why open messages wait.
func Waiting(r store.Reader) ([]Held, error) { return store.All[Held](r, waiting) }

// Again sends a message once more that failed or is uncertain: a member decided so.
func Again(tx *store.Tx, id int64) error {
	m, err := Get(tx, id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(again, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "message.not_again")
	}
	_, err = trace.Append(tx, trace.Act{Action: "message.again", Object: "message", ObjectID: id,
		Clear: proof.Fields{"class": string(m.Class), "was": string(m.State)}})
	return err
}

// Release lets messages that wait go at once: what held them has changed.
func Release(tx *store.Tx) { tx.Do(release) }

// Sweep deletes what ended longer ago than the message log is kept (rulepack
// retention.message_log), account by account. It is periodic work.
func Sweep(db *store.DB) func(ctx context.Context) error {
	who := actor.System("message.sweep")
	return func(ctx context.Context) error {
		var accounts []int64
		err := db.View(ctx, who, func(v *store.View) (err error) {
			accounts, err = store.All[int64](v, accountsEnded)
			return err
		})
		for _, a := range accounts {
			if err == nil {
				err = db.Bulk(ctx, actor.Worker("message.sweep", a), func(tx *store.Tx) (bool, error) {
					rules, err := rulepack.For(tx)
					if err != nil {
						return false, err
					}
					before := rules.Before(rulepack.MessageLog, tx.Now, time.UTC)
					n, err := tx.Exec(sweep, before.Start(time.UTC), sweepStep)
					return n == sweepStep, err
				})
			}
		}
		return err
	}
}

const sweepStep = 1000

// DropPeople deletes the service mail of people who are deleted for good, and of their sign-ups; at most
// 1,000 of each.
func DropPeople(tx *store.Tx, people, signups []int64) {
	if len(people) > 0 {
		tx.Do(dropPeople, people)
	}
	if len(signups) > 0 {
		tx.Do(dropSignups, signups)
	}
}
