// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
)

// Runner drains facts and runs long work on one node. Attach it to the main store, so that
// acts wake it.
type Runner struct {
	db        *store.DB
	facts     map[Kind]OnFact
	works     map[Kind]Work
	periodics []Periodic
	wake      chan struct{}
	insert    func(context.Context, order) error

	// Lease is how long a holder of long work may give no sign of life before another takes it up:
	// 30 s unless it is set before Run.
	Lease time.Duration
}

// New makes a runner from what the house does with facts and tasks.
func New(db *store.DB, facts map[Kind]OnFact, works map[Kind]Work, periodics []Periodic) *Runner {
	return &Runner{db: db, facts: facts, works: works, periodics: periodics, wake: make(chan struct{}, 1), Lease: 30 * time.Second}
}

// stopWithin is how long running work has after its context ended. What has not returned by
// then is taken up by another node, or at the next start.
const stopWithin = 25 * time.Second

// Run handles facts and works until ctx ends, then lets what runs come to rest.
func (r *Runner) Run(ctx context.Context) error {
	q, err := r.river()
	if err != nil {
		return fmt.Errorf("job: %w", err)
	}
	r.insert = q.insert
	if err := q.start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	var both sync.WaitGroup
	both.Go(func() { r.drainUntil(ctx) })
	both.Go(func() { r.sweepUntil(ctx) })
	<-ctx.Done()
	both.Wait()
	rest, stop := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer stop()
	if err := q.stop(rest); err != nil {
		return fmt.Errorf("job: works did not come to rest: %w", err)
	}
	return nil
}

// Settle does all that waits, in the caller's goroutine and without River, until nothing is
// due: for tests, the demo, and commands that leave when their work is done.
func (r *Runner) Settle(ctx context.Context) error {
	var orders []order
	settled := *r
	settled.insert = func(_ context.Context, o order) error {
		orders = append(orders, o)
		return nil
	}
	for {
		n, err := settled.drain(ctx)
		if err != nil {
			return err
		}
		for _, o := range orders {
			if err := settled.perform(ctx, o); err != nil {
				return err
			}
		}
		if n == 0 && len(orders) == 0 {
			return nil
		}
		orders = orders[:0]
	}
}

// Wait waits for a task to end and gives it; the runner works meanwhile, here or elsewhere.
// see, if not nil, is told of it now and then.
func (r *Runner) Wait(ctx context.Context, account, id int64, see func(Task)) (Task, error) {
	for {
		var t Task
		err := r.db.View(ctx, actor.Worker("job", account), func(v *store.View) (err error) {
			t, err = Get(v, id)
			return err
		})
		if err != nil {
			return t, err
		}
		if see != nil {
			see(t)
		}
		if !t.Open() {
			return t, nil
		}
		select {
		case <-ctx.Done():
			return t, errors.Join(ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
