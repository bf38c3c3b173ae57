// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"consend/internal/ground/actor"
)

// writer is the queue before SQLite's one write connection. There are two classes: people's
// acts, which all wait together and share one commit (each in a savepoint of its own), and
// bulk acts, one step at a time between them. A pool's queue would hand the connection to a
// random waiter, and let one import hold up a sign-up for seconds (docs/adr).
//
// Closures run in the goroutine that called Write; the writer only hands out turns. So a
// panic or a test's FailNow stays where it belongs.
//
// A crash before COMMIT leaves nothing of the group; after it, all of it, and nobody was
// told yet. Nobody is told before.
type writer struct {
	e       *embedded
	mu      sync.Mutex
	people  []*waiter
	bulk    []*waiter
	wake    chan struct{}
	ending  chan struct{}
	ended   chan struct{}
	stopped bool
}

type waiter struct {
	ctx     context.Context
	who     actor.Actor
	opt     options
	turn    chan *Tx   // the writer gives the transaction …
	back    chan error // … and gets the closure's verdict
	done    chan error // durable, or why not
	verdict error      // in a group: told with its commit
	tx      *Tx
	aband   bool
	started bool
}

// ErrDry is what an act ends with that finds the block of ids used up: it runs again on the next.
var ErrDry = errors.New("store: out of ids")

var errGone = errors.New("store: the act's goroutine ended inside it")

// Waiting is how many acts of people wait for their turn: on SQLite, which has one writer; PostgreSQL
// lets them run beside each other.
func (db *DB) Waiting() int {
	e, ok := db.engine.(*embedded)
	if !ok {
		return 0
	}
	e.writer.mu.Lock()
	defer e.writer.mu.Unlock()
	return len(e.writer.people)
}

const groupLargest = 256

func newWriter(e *embedded) *writer {
	w := &writer{e: e, wake: make(chan struct{}, 1), ending: make(chan struct{}), ended: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) stop() {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.stopped = true
	w.mu.Unlock()
	close(w.ending)
	<-w.ended
}

func (w *writer) waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.people) > 0
}

// act queues fn and runs it when its turn comes.
func (w *writer) act(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) error {
	a := &waiter{ctx: ctx, who: who, opt: opt, turn: make(chan *Tx), back: make(chan error), done: make(chan error, 1)}
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return ErrClosed
	}
	if opt.bulk {
		w.bulk = append(w.bulk, a)
	} else {
		w.people = append(w.people, a)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	for {
		select {
		case tx := <-a.turn:
			w.hand(a, tx, fn)
		case err := <-a.done:
			if err == nil {
				for _, f := range a.tx.after {
					f()
				}
			}
			return err
		case <-ctx.Done():
			w.mu.Lock()
			if !a.started {
				a.aband = true
				w.mu.Unlock()
				return ctx.Err()
			}
			w.mu.Unlock()
			ctx = context.Background() // its turn has begun: the outcome is near, and must be told
		}
	}
}

// hand runs the closure and gives its verdict back, whatever way it ends.
func (w *writer) hand(a *waiter, tx *Tx, fn func(*Tx) error) {
	verdict := errGone
	defer func() {
		if verdict == errGone {
			if p := recover(); p != nil {
				if _, ok := p.(dry); ok {
					a.back <- ErrDry
					return
				}
				a.back <- fmt.Errorf("%w: a panic: %v\n%s", errGone, p, debug.Stack())
				panic(p)
			}
		}
		a.back <- verdict
	}()
	err := fn(tx)
	if err == nil {
		err = tx.fail
	}
	if err == nil {
		err = tx.run.flush()
	}
	verdict = err
}

func (w *writer) loop() {
	defer close(w.ended)
	for {
		w.mu.Lock()
		n := min(len(w.people), groupLargest)
		group := append([]*waiter{}, w.people[:n]...)
		w.people = append(w.people[:0], w.people[n:]...)
		var bulk *waiter
		if len(w.bulk) > 0 {
			bulk = w.bulk[0]
			w.bulk = append(w.bulk[:0], w.bulk[1:]...)
		}
		group = keep(group)
		if bulk != nil && len(keep([]*waiter{bulk})) == 0 {
			bulk = nil
		}
		w.mu.Unlock()
		switch {
		case len(group) > 0 || bulk != nil:
			w.serve(group, bulk)
		default:
			select {
			case <-w.wake:
			case <-w.ending:
				w.mu.Lock()
				rest := keep(append(w.people, w.bulk...))
				w.people, w.bulk = nil, nil
				w.mu.Unlock()
				for _, a := range rest {
					a.done <- ErrClosed
				}
				return
			}
		}
	}
}

// keep drops those who went away while they waited, and marks the others as begun. The lock is held.
func keep(list []*waiter) []*waiter {
	out := list[:0]
	for _, a := range list {
		if !a.aband {
			a.started = true
			out = append(out, a)
		}
	}
	return out
}

// serve runs a group of people's acts, then one step of a bulk act.
func (w *writer) serve(group []*waiter, bulk *waiter) {
	conn, err := w.e.wr.Conn(context.Background())
	if err != nil {
		for _, a := range group {
			a.done <- err
		}
		if bulk != nil {
			bulk.done <- err
		}
		return
	}
	defer conn.Close()
	conn.Raw(func(dc any) error {
		run := dc.(*liteConn)
		if len(group) > 1 {
			group = w.together(run, group)
		}
		for _, a := range group { // alone, or again after the group
			w.alone(run, a)
		}
		if bulk != nil {
			w.alone(run, bulk)
		}
		return nil
	})
}

// turn lets the act's own goroutine run its closure on a fresh Tx.
func (w *writer) turn(c *liteConn, a *waiter) error {
	a.tx = w.e.db.newTx(a.ctx, a.who, a.opt, &liteRun{ctx: context.Background(), conn: c})
	a.turn <- a.tx
	return <-a.back
}

// alone runs one act in a transaction of its own.
func (w *writer) alone(c *liteConn, a *waiter) {
	run := &liteRun{ctx: context.Background(), conn: c}
	if a.opt.bulk && w.e.db.ids.left() < idBlock/2 {
		if err := w.e.lease(c); err != nil {
			a.done <- err
			return
		}
	}
	for try := 0; ; try++ {
		if err := run.plain("BEGIN IMMEDIATE"); err != nil {
			a.done <- fmt.Errorf("store: begin: %w", err)
			return
		}
		err := w.turn(c, a)
		if err == nil {
			if err = run.plain("COMMIT"); err == nil {
				a.done <- nil
				return
			}
			err = fmt.Errorf("store: commit: %w", err)
		}
		run.plain("ROLLBACK")
		if errors.Is(err, ErrDry) && try < 3 {
			if err = w.e.lease(c); err == nil {
				continue
			}
		}
		a.done <- err
		return
	}
}

// together runs the acts of a group in one transaction with one commit, and tells nobody
// before it, not even whose act was refused: the refusal may lean on what another act of the
// group did. It gives back those that must run again alone: they failed with a database error,
// or all did with the group. Whose goroutine has ended can't run again, and is told at once.
func (w *writer) together(c *liteConn, group []*waiter) (again []*waiter) {
	run := &liteRun{ctx: context.Background(), conn: c}
	if err := run.plain("BEGIN IMMEDIATE"); err != nil {
		return group
	}
	var heard []*waiter
	undo := func(rest []*waiter) []*waiter {
		run.plain("ROLLBACK")
		return slices.Concat(again, heard, rest)
	}
	for i, a := range group {
		if a.opt.purge { // not worth a group
			again = append(again, a)
			continue
		}
		if err := run.plain("SAVEPOINT act"); err != nil {
			return undo(group[i:])
		}
		a.verdict = w.turn(c, a)
		var whole error // of the transaction: some faults of a disk end it, and all that was done in it
		if a.verdict != nil {
			whole = run.plain("ROLLBACK TO act")
		}
		if whole == nil {
			whole = run.plain("RELEASE act")
		}
		rest := group[i:]
		if errors.Is(a.verdict, errGone) {
			a.done <- a.verdict
			rest = group[i+1:]
		}
		switch {
		case whole != nil:
			return undo(rest)
		case errors.Is(a.verdict, errGone):
		case errors.Is(a.verdict, ErrDry):
			rest = undo(rest) // a lease is a transaction of its own: all of them run again
			if e := w.e.lease(c); e != nil {
				for _, b := range rest {
					b.done <- e
				}
				return nil
			}
			return rest
		case lost(a.verdict):
			again = append(again, a)
		default:
			heard = append(heard, a)
		}
	}
	if err := run.plain("COMMIT"); err != nil {
		return undo(nil)
	}
	for _, a := range heard {
		a.done <- a.verdict
	}
	return again
}

// lease takes a block of ids in a transaction of its own. The write connection is held.
func (e *embedded) lease(c *liteConn) error {
	run := &liteRun{ctx: context.Background(), conn: c}
	if err := run.plain("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	tx := e.db.newTx(context.Background(), actor.System("ids"), options{}, run)
	first, err := One[int64](tx, leaseIDs, idBlock)
	if err == nil {
		err = run.plain("COMMIT")
	}
	if err != nil {
		run.plain("ROLLBACK")
		return fmt.Errorf("store: lease of ids: %w", err)
	}
	e.db.ids.give(first)
	return nil
}
