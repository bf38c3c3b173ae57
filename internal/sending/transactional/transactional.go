// SPDX-License-Identifier: AGPL-3.0-or-later

// Package transactional promises that a fact that asks for a mail gets one, in the reader's
// language and in one layout, and that a slow or dead sending service slows nobody but the
// mail itself: the act that posted the fact never waits for it.
//
//	fact ── OnFact ──▶ row of sending/message          in the fact's transaction
//	row ── claim, write, gate.Decide ──▶ permit         in one transaction of the sender
//	permit ── relay.Lane.Send ──▶ outcome ──▶ row       each outcome booked as it comes
//
// What it sends is written by the rooms whose news it is: app gives a Compose for each kind of
// fact. A mail is written again for each try, so nothing of it is kept.
//
// It leaves to gate who may be written to, to relay the wires, to message the rows.
package transactional

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/compose"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
)

// Compose writes the mail a fact asks for. It may be called again for a further try. A fault
// that is not internal, or a zero draft, says that there is nothing to say any more: the message is left out.
// A fault of kind Busy puts it off for some seconds.
type Compose func(tx *store.Tx, ref int64) (compose.Draft, error)

// Sender sends service mail. One per process, made with New.
type Sender struct {
	db      *store.DB
	relays  *relay.Relays
	compose map[job.Kind]Compose
	wake    chan struct{}

	// Ended hears, by kind, what became of a message, in the act that books its end: accepted, failed,
	// left out or uncertain. Set it before Run.
	Ended map[job.Kind]func(tx *store.Tx, m message.Message) error

	// Grace is how long a message that is on its way may still take when the sender is told to
	// stop: cut off, it would be in doubt.
	Grace time.Duration

	mu   sync.Mutex
	busy map[int64]bool // accounts a goroutine is at
}

// New makes a sender. Attach it to the main store before the first act, so that facts wake it.
func New(db *store.DB, relays *relay.Relays, compose map[job.Kind]Compose) *Sender {
	return &Sender{db: db, relays: relays, compose: compose, wake: make(chan struct{}, 1), Grace: 20 * time.Second, busy: map[int64]bool{}}
}

// Facts gives the handlers of the facts that ask for mail.
func (s *Sender) Facts() map[job.Kind]job.OnFact {
	out := map[job.Kind]job.OnFact{}
	for kind := range s.compose {
		out[kind] = func(tx *store.Tx, ref int64) error {
			message.Post(tx, kind, ref)
			tx.AfterCommit(s.Wake)
			return nil
		}
	}
	return out
}

// Wake lets the sender look at once.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

var self = actor.System("sender")

const (
	batchSize   = 20                    // messages in one decision
	accountsMax = 64                    // accounts sent for at a time
	look        = 1 * time.Second       // how often the sender looks by itself
	gather      = 25 * time.Millisecond // after a wake, so that what comes together goes together
)

// Run sends until the context ends, and then waits for what is on its way. Alone tells that no
// other process works on this database: what the one before had claimed is free at once.
func (s *Sender) Run(ctx context.Context, alone bool) error {
	if alone {
		if err := s.db.Write(ctx, self, func(tx *store.Tx) error { message.Abandon(tx); return nil }); err != nil {
			return err
		}
	}
	var work sync.WaitGroup
	defer work.Wait()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := s.round(ctx, &work); err != nil && ctx.Err() == nil {
			slog.Error("service mail", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
			select {
			case <-ctx.Done():
			case <-time.After(gather):
			}
		}
	}
}

// round starts a goroutine for each account that has something to send and none yet.
func (s *Sender) round(ctx context.Context, work *sync.WaitGroup) error {
	accounts, err := s.due(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if !s.take(a) {
			continue
		}
		work.Go(func() {
			defer s.leave(a)
			if _, err := s.account(ctx, a); err != nil && ctx.Err() == nil {
				slog.Error("service mail", "account", a, "err", err)
			}
		})
	}
	return nil
}

func (s *Sender) due(ctx context.Context) (accounts []int64, err error) {
	err = s.db.View(ctx, self, func(v *store.View) (err error) {
		accounts, err = message.Due(v, accountsMax)
		return err
	})
	return accounts, err
}

func (s *Sender) take(account int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[account] || len(s.busy) >= accountsMax {
		return false
	}
	s.busy[account] = true
	return true
}

func (s *Sender) leave(account int64) {
	s.mu.Lock()
	delete(s.busy, account)
	s.mu.Unlock()
	s.Wake()
}

// Settle sends what is due now, and returns when nothing is: for tests and commands.
func (s *Sender) Settle(ctx context.Context) error {
	for {
		accounts, err := s.due(ctx)
		if err != nil {
			return err
		}
		sent := 0
		for _, a := range accounts {
			if !s.take(a) {
				continue
			}
			n, err := s.account(ctx, a)
			s.leave(a)
			if err != nil {
				return err
			}
			sent += n
		}
		if sent == 0 {
			return nil
		}
	}
}

// account sends for one account until nothing is due; it gives how many messages it handled.
func (s *Sender) account(ctx context.Context, account int64) (int, error) {
	wire, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.Grace, cut) })()
	lanes := map[int64][]*relay.Lane{}
	defer func() {
		for _, list := range lanes {
			for _, l := range list {
				l.Close()
			}
		}
	}()
	n := 0
	for ctx.Err() == nil {
		b, err := s.claim(ctx, account)
		if err != nil || len(b.messages) == 0 {
			return n, err
		}
		n += len(b.messages)
		if err := s.send(ctx, wire, b, lanes); err != nil {
			return n, err
		}
	}
	return n, nil
}
