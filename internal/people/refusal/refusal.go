// SPDX-License-Identifier: AGPL-3.0-or-later

// Package refusal promises that a restored backup can't forget a no: every refusal, erasure and
// suppression is in a ledger outside main within seconds of its commit, in the keys store and,
// where the installation names one, in a file on another disk. A restore replays it before
// anything is sent (GDPR 7(3), 17, 21(3); compliance 3.16, INV-16).
//
// Who refuses calls Note in the same act: main's own rows say it is due, a fact carries them
// over. Each line has a number of ours, so that it may arrive twice. It holds no address: a
// keyed fingerprint of the account, and the number of the contact. A hash that another tool made of
// an address stands in it as it came: whoever knows the address can tell that it is this one.
//
// It leaves to consent, form and contact what a refusal is, and to duty/restore the replay.
package refusal

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
)

// Refusal is one line of the ledger.
type Refusal struct {
	AccountID int64 // the transaction's, in Note
	ID        int64
	At        legalclock.Moment
	EntryID   int64  // the entry in the trace that tells of it
	FP        []byte `db:"fp"` // of the address, keyed by account; none of who was dropped: nothing of them stays
	Kind      string // of the event or suppression, or one of those below
	Scope     string // list, purpose, all; Confirm or Mailbox for mails that ask for a confirmation
	ScopeID   int64  // the list or purpose; what Paused and Paced say
	ContactID int64  // 0: no contact of the account
}

// What consent doesn't name: kinds.
const (
	Dropped = "dropped" // the person was deleted, with all that was known
	Shut    = "shut"    // with Mailbox: said once for every account of the installation
	Open    = "open"    // with Confirm or Mailbox: who holds the mailbox took back what was said
	Paused  = "pause"   // the person asked for quiet until the moment ScopeID; 0: and took it back
	Paced   = "pace"    // the person wants campaigns at most every ScopeID days; 0: all of them
	Hashed  = "hashed." // begins the kind where FP is a hash that another tool made of an address; its cause follows
)

// What consent doesn't name: scopes.
const (
	Confirm = "confirm" // no mail of the account asks this mailbox for a confirmation
	Mailbox = "mailbox" // no mail of any account does; FP is keyed by the installation
)

// fits tells whether the fingerprint is one that a line of the kind has.
func (r Refusal) fits() bool {
	switch n := len(r.FP); {
	case r.Kind == Dropped:
		return true
	case strings.HasPrefix(r.Kind, Hashed):
		return n == 16 || n == 20 || n == 32 // MD5, SHA-1, SHA-256
	default:
		return n == 16
	}
}

// Noted is the fact that lines wait for the ledger.
const Noted job.Kind = "refusal.noted"

type noted struct{ posted bool }

// Note writes refusals in the act they belong to: they reach the ledger within seconds.
func Note(tx *store.Tx, some []Refusal) error {
	if len(some) == 0 {
		return nil
	}
	rows := make([][]any, len(some))
	for i, r := range some {
		rows[i] = []any{tx.ID(), tx.Now, r.EntryID, append([]byte{}, r.FP...), r.Kind, r.Scope, r.ScopeID, r.ContactID}
	}
	if err := tx.Put(note, rows); err != nil {
		return err
	}
	if k := store.Kept[noted](tx); !k.posted {
		k.posted = true
		job.Post(tx, Noted, 0)
	}
	return nil
}

// Ledger is the ledger of the installation.
type Ledger struct {
	keys  *store.DB
	path  string // the file outside, or ""
	woken chan struct{}
	mu    sync.Mutex // one append at a time
}

// New makes the ledger over the keys store; path is the file outside, "" is none.
func New(keys *store.DB, path string) *Ledger {
	return &Ledger{keys: keys, path: path, woken: make(chan struct{}, 1)}
}

const some = 1000

// Carry is the handler of Noted: it takes what waits in the account over to the keys store. A
// kill between the two stores leaves the rows waiting; the ledger knows their numbers.
func (l *Ledger) Carry(tx *store.Tx, _ int64) error {
	for {
		rows, err := store.All[Refusal](tx, waiting, some)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := l.keep(tx.Context(), tx.Account(), rows); err != nil {
			return err
		}
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		tx.Do(carried, ids)
		tx.AfterCommit(l.wake)
		if len(rows) < some {
			return nil
		}
	}
}

// keep writes lines of an account into the keys store; those it knows already stay as they are.
func (l *Ledger) keep(ctx context.Context, account int64, rows []Refusal) error {
	return l.keys.Write(ctx, actor.Worker("refusal.ledger", account), func(tx *store.Tx) error {
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		known, err := store.All[int64](tx, knownLines, ids)
		if err != nil {
			return err
		}
		var lines, due [][]any
		for _, r := range rows {
			if !slices.Contains(known, r.ID) {
				lines = append(lines, []any{r.ID, r.At, r.EntryID, append([]byte{}, r.FP...), r.Kind, r.Scope, r.ScopeID, r.ContactID})
				due = append(due, []any{r.ID})
			}
		}
		if err := tx.Put(addLines, lines); err != nil {
			return err
		}
		return tx.Put(addDue, due)
	})
}

// Replayed notes that lines of an account hold again in main, by acts whose own lines are in
// the ledger already (Carry): should main be put back once more, those are replayed.
func (l *Ledger) Replayed(ctx context.Context, account int64, ids []int64) error {
	return l.keys.Write(ctx, actor.Worker("refusal.ledger", account), func(tx *store.Tx) error {
		rows := make([][]any, len(ids))
		for i, id := range ids {
			rows[i] = []any{id}
		}
		return tx.Put(addReplayed, rows)
	})
}

func (l *Ledger) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// Run appends to the file outside what the ledger holds, until ctx ends. Without a file it has
// nothing to do: what is due waits for the day one is named.
func (l *Ledger) Run(ctx context.Context) error {
	if l.path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(10 * time.Second) // what another node carried over
	defer tick.Stop()
	for {
		if _, err := l.Append(ctx); err != nil && ctx.Err() == nil {
			slog.Error("the ledger of refusals outside could not be written", "path", l.path, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-l.woken:
		}
	}
}

// Since lists lines of the ledger that are not older than a moment and were not replayed, over
// all accounts, at most 1,000 after the given one (in the order of moment, account and number).
func (l *Ledger) Since(ctx context.Context, from legalclock.Moment, after Refusal) (out []Refusal, err error) {
	err = l.keys.View(ctx, actor.System("refusal.ledger"), func(v *store.View) error {
		out, err = store.All[Refusal](v, since, max(from, after.At), after.At, after.AccountID, after.ID, some)
		return err
	})
	return out, err
}

// Newest lists the newest of them, at most n: a start looks whether main knows them.
func (l *Ledger) Newest(ctx context.Context, from legalclock.Moment, n int) (out []Refusal, err error) {
	err = l.keys.View(ctx, actor.System("refusal.ledger"), func(v *store.View) error {
		out, err = store.All[Refusal](v, newest, from, n)
		return err
	})
	return out, err
}
