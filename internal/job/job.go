// SPDX-License-Identifier: AGPL-3.0-or-later

// Package job promises that what follows from an act is done: a fact posted in the act's
// transaction is handled once, soon after its commit; long work goes on after a stop or a
// kill where it left off, and everybody can see how far it is.
//
// It leaves to rooms what is done. Handlers and works may run again from the start after a
// crash: a handler's effects stand in the transaction that removes its fact, and so happen
// once; a work keeps its own cursor in the database.
//
// What a crash leaves: before a handler's commit, its fact; after it, nothing to do. Of a
// task: its row, which a living node takes up again when its holder has shown no sign of
// life for a while, and on SQLite at the next start.
package job

import (
	"context"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Kind names what happened, or which work is done: "form.requested", "importer.run".
type Kind string

// OnFact does what follows from a fact, in the transaction that removes it, as an
// actor.Worker of the fact's kind and account. An error puts the fact off, for longer each
// time, and holds up no other.
type OnFact func(tx *store.Tx, ref int64) error

// Work is long work. It keeps its cursor in the database and goes on from there: it runs
// again after a kill, a stop or an error. When ctx ends it returns soon, with any error.
// An error that is no fault.Internal ends the task as failed; an internal one is retried.
type Work func(ctx context.Context, r *Run) error

// Periodic is work of the installation that runs at every start and then every so often, on
// one node. It may run twice at once when nodes change: it says nothing twice.
type Periodic struct {
	Kind  Kind
	Every time.Duration // a minute or more; shorter things are loops of their room
	Do    func(ctx context.Context) error
}

// Run is a work's hold on its task.
type Run struct {
	DB        *store.DB
	Task, Ref int64
	Who       actor.Actor // actor.Worker bound to the account
	fence     int64
}

// Progress tells how far the work is. It fails when another node has taken the task over:
// return the error. Work that nobody began as a task tells nobody.
func (r *Run) Progress(done, total int64) error {
	if r.Task == 0 {
		return nil
	}
	return r.DB.Write(context.Background(), r.Who, func(tx *store.Tx) error {
		n, err := tx.Exec(progress, done, total, r.Task, r.fence)
		if err == nil && n == 0 {
			err = errLost
		}
		return err
	})
}

// State is where a task is.
type State string

// The states of a task. Queued includes waiting for another try.
const (
	Queued  State = "queued"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Task is long work as people see it.
type Task struct {
	ID        int64
	Kind      Kind
	Ref       int64
	State     State
	Done      int64
	Total     int64
	Note      string // the key of the last fault, or ""
	ByKind    actor.Kind
	ByID      int64
	MadeAt    legalclock.Moment
	StartedAt legalclock.Moment
	EndedAt   legalclock.Moment
	Tries     int64
}

// Open tells whether the task has yet to end.
func (t Task) Open() bool { return t.EndedAt == 0 }

// start is the kind of the facts that begin or resume a task; its ref is the task.
const start Kind = "job.start"

// Post posts a fact about ref in the act's own transaction, which is bound to an account.
func Post(tx *store.Tx, kind Kind, ref int64) {
	tx.Do(post, tx.ID(), kind, ref)
	if r, ok := store.Attached[*Runner](tx); ok {
		tx.AfterCommit(r.poke)
	}
}

// Start starts long work in the act's own transaction, and gives its task's id.
func Start(tx *store.Tx, kind Kind, ref int64) (task int64) {
	task = tx.ID()
	tx.Do(makeTask, task, kind, ref, tx.Who.Kind, tx.Who.ID)
	Post(tx, start, task)
	return task
}

// Get reads one task; store.ErrNone when the account has none with this id.
func Get(r store.Reader, id int64) (Task, error) { return store.One[Task](r, getTask, id) }

// Of reads the newest task of a kind about ref; store.ErrNone when there is none.
func Of(r store.Reader, kind Kind, ref int64) (Task, error) {
	return store.One[Task](r, taskOf, kind, ref)
}

// All lists the account's tasks, open ones first, then the newest; at most limit.
func All(r store.Reader, limit int) ([]Task, error) { return store.All[Task](r, allTasks, limit) }

// Waits is how much of the installation's work waits.
type Waits struct{ Facts, Late, Tasks int64 }

// Backlog counts what waits, over all accounts: for metrics.
func Backlog(ctx context.Context, db *store.DB) (Waits, error) {
	var w Waits
	err := db.View(ctx, self, func(v *store.View) (err error) {
		w, err = store.One[Waits](v, backlog)
		return err
	})
	return w, err
}
