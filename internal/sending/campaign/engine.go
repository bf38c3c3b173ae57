// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
)

// Engine sends campaigns on one node. Attach it to the main store, so that acts wake it.
//
// One process holds a campaign at a time, by a row with a term; when it dies another takes over once the term and the
// leases of its batches have passed, or within seconds when it dies on the same machine.
type Engine struct {
	db     *store.DB
	relays *relay.Relays
	dir    string
	wake   chan struct{}
	point  func(at string) bool                      // tests: true kills the process here
	begins func(contact int64, at legalclock.Moment) // tests: a message begins, decided at a moment

	mu      sync.Mutex
	node    int64
	journal *journal
	running map[int64]chan struct{} // by campaign: wakes its run
	dead    atomic.Bool
}

// NewEngine makes the sender of a process; dir is where it keeps its flight journal.
func NewEngine(db *store.DB, relays *relay.Relays, dir string) *Engine {
	return &Engine{db: db, relays: relays, dir: dir, wake: make(chan struct{}, 1), running: map[int64]chan struct{}{}}
}

var self = actor.System("campaign")

func worker(account int64) actor.Actor { return actor.Worker("campaign", account) }

// wake makes the engine of this process look for work once the act is durable.
func wake(tx *store.Tx) {
	if e, ok := store.Attached[*Engine](tx); ok {
		tx.AfterCommit(e.poke)
	}
}

func (e *Engine) poke() {
	e.mu.Lock()
	defer e.mu.Unlock()
	tap(e.wake)
	for _, c := range e.running {
		tap(c)
	}
}

func tap(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const (
	lookEvery  = 500 * time.Millisecond // for campaigns that other nodes approved
	watchEvery = time.Second            // for a pause, a stop, and our own lease
)

// open takes a number for this process and its folder, and books what dead processes of this machine left.
func (e *Engine) open(ctx context.Context) error {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return err
	}
	err := e.db.Write(ctx, self, func(tx *store.Tx) error { e.node = tx.ID(); return nil })
	if err != nil {
		return err
	}
	if e.journal, err = openJournal(e.dir, e.node); err != nil {
		return err
	}
	return e.clear(ctx)
}

// clear books what dead processes of this machine left.
func (e *Engine) clear(ctx context.Context) error {
	list, err := wrecks(e.dir, e.node)
	for _, w := range list {
		if err == nil {
			err = e.salvage(ctx, w)
		}
		_ = w.lock.Close()
	}
	return err
}

type claimRow struct {
	AccountID int64
	ID        int64
}

// salvage books a dead process's batches from its journal.
func (e *Engine) salvage(ctx context.Context, w wreck) error {
	for {
		rows, err := e.find(ctx, ofNode, w.node)
		if err != nil {
			return err
		}
		for _, r := range rows {
			lines, trusted := w.read(r.ID)
			if !trusted {
				slog.Warn("campaign: a batch's journal is missing or of another start of the machine: its messages are in doubt", "account", r.AccountID, "batch", r.ID)
			}
			if err := e.db.Write(ctx, worker(r.AccountID), func(tx *store.Tx) error { return recovered(tx, r.ID, lines, trusted) }); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			break
		}
	}
	// What it held may be taken at once.
	err := e.db.Write(ctx, self, func(tx *store.Tx) error { tx.Do(freeNode, w.node); return nil })
	if err == nil {
		_ = os.RemoveAll(w.dir)
	}
	return err
}

// expire books batches of processes that are gone: from the journal where they died on this machine, else once they have
// shown no sign of life, and what they did nobody here knows.
func (e *Engine) expire(ctx context.Context) error {
	if err := e.clear(ctx); err != nil {
		return err
	}
	rows, err := e.findStale(ctx)
	for _, r := range rows {
		if err == nil {
			err = e.db.Write(ctx, worker(r.AccountID), func(tx *store.Tx) error { return recovered(tx, r.ID, nil, false) })
		}
	}
	return err
}

func (e *Engine) find(ctx context.Context, q *store.Query, args ...any) (out []claimRow, err error) {
	err = e.db.View(ctx, self, func(v *store.View) error { out, err = store.All[claimRow](v, q, args...); return err })
	return out, err
}

func (e *Engine) findStale(ctx context.Context) (out []claimRow, err error) {
	err = e.db.View(ctx, self, func(v *store.View) error { out, err = store.All[claimRow](v, stale, v.Now, e.node); return err })
	return out, err
}

// due lists the campaigns this process may take now.
func (e *Engine) due(ctx context.Context) (out []claimRow, err error) {
	err = e.db.View(ctx, self, func(v *store.View) error {
		out, err = store.All[claimRow](v, due, v.Now, e.node, v.Now)
		return err
	})
	return out, err
}

// Run sends until ctx ends, then lets messages that have begun end, books them, and gives the rest back.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.open(ctx); err != nil {
		return err
	}
	defer e.journal.close()
	var all sync.WaitGroup
	defer all.Wait()
	look, old := time.NewTicker(lookEvery), time.NewTicker(10*time.Second)
	defer look.Stop()
	defer old.Stop()
	for {
		rows, err := e.due(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Error("campaign: looking for work", "err", err)
		}
		for _, r := range rows {
			if e.begin(r.ID) {
				all.Go(func() {
					defer e.ended(r.ID)
					e.send(ctx, r, true)
				})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		case <-e.wake:
		case <-old.C:
			if err := e.expire(ctx); err != nil && ctx.Err() == nil {
				slog.Error("campaign: batches without a sign of life", "err", err)
			}
		}
	}
}

// Settle sends what can be sent now, in the caller's goroutine, and returns: for tests, the demo and commands that leave
// when their work is done. A campaign that is held or waits for another try is left as it is.
func (e *Engine) Settle(ctx context.Context) error {
	if e.journal == nil {
		if err := e.open(ctx); err != nil {
			return err
		}
	}
	if err := e.expire(ctx); err != nil {
		return err
	}
	rows, err := e.due(ctx)
	for _, r := range rows {
		if e.begin(r.ID) {
			err = errors.Join(err, e.send(ctx, r, false))
			e.ended(r.ID)
		}
	}
	return err
}

// Close ends a process that only settled.
func (e *Engine) Close() {
	if e.journal != nil && !e.dead.Load() {
		e.journal.close()
	}
}

func (e *Engine) begin(id int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[id] != nil || e.dead.Load() {
		return false
	}
	e.running[id] = make(chan struct{}, 1)
	return true
}

func (e *Engine) ended(id int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, id)
}

// dies tells whether the process is killed at a point; never but in tests.
func (e *Engine) dies(at string) bool {
	if e.dead.Load() {
		return true
	}
	if e.point != nil && e.point(at) {
		e.dead.Store(true)
		_ = e.journal.lock.Close() // as the system does with the files of a dead process
		return true
	}
	return false
}
