// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// errLost says that another node holds the task now.
var errLost = errors.New("job: another node has taken the task over")

const triesMost = 12 // with the backoff, about a working day

// order is what River carries: which task, and the fence it was seen with.
type order struct {
	Account int64 `json:"account"`
	Task    int64 `json:"task"`
	Fence   int64 `json:"fence"`
}

// launch hands a task to River, then removes the fact that asked for it. A crash between
// the two leaves two orders of one fence: the second finds the task taken.
func (r *Runner) launch(ctx context.Context, f fact, remove *store.Query) error {
	who := actor.Worker(string(start), f.AccountID)
	now, err := r.db.DatabaseNow(ctx)
	if err != nil {
		return err
	}
	fence, open := int64(0), true
	err = r.db.Write(ctx, who, func(tx *store.Tx) (err error) {
		fence, err = store.One[int64](tx, fenceOf, f.Ref)
		if errors.Is(err, store.ErrNone) {
			open = false
			return nil
		}
		tx.Do(mark, now, f.Ref, fence)
		return err
	})
	if err != nil {
		return err
	}
	if open {
		if err := r.insert(ctx, order{f.AccountID, f.Ref, fence}); err != nil {
			return err
		}
	}
	return r.db.Write(ctx, who, func(tx *store.Tx) error {
		tx.Do(remove, f.ID)
		return nil
	})
}

type taken struct {
	Kind  Kind
	Ref   int64
	Fence int64
	Tries int64
}

// perform takes a task, runs its work and books how it ended. Its error is the database's.
func (r *Runner) perform(ctx context.Context, o order) error {
	who := actor.Worker("job", o.Account)
	now, err := r.db.DatabaseNow(ctx)
	if err != nil {
		return err
	}
	var t taken
	err = r.db.Write(ctx, who, func(tx *store.Tx) (err error) {
		t, err = store.One[taken](tx, take, now, o.Task, o.Fence)
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return nil // ended, or taken by another
	}
	if err != nil {
		return err
	}
	who = actor.Worker(string(t.Kind), o.Account)
	work := r.works[t.Kind]
	if work == nil {
		err = fault.New(fault.Internal, "job.unknown", "Kind", string(t.Kind))
	} else {
		held, release := context.WithCancelCause(ctx)
		beats := make(chan struct{})
		go func() {
			defer close(beats)
			r.beat(held, release, who, o.Task, t.Fence)
		}()
		err = guard(func() error {
			return work(held, &Run{DB: r.db, Task: o.Task, Ref: t.Ref, Who: who, fence: t.Fence})
		})
		lost := errors.Is(context.Cause(held), errLost)
		release(nil)
		<-beats
		if lost || errors.Is(err, errLost) {
			return nil
		}
	}
	return r.book(ctx, who, o.Task, t, err)
}

// book writes down how a run of a task ended: also when the house is stopping.
func (r *Runner) book(ctx context.Context, who actor.Actor, task int64, t taken, err error) error {
	stopping := ctx.Err() != nil
	return r.db.Write(context.WithoutCancel(ctx), who, func(tx *store.Tx) error {
		switch {
		case err == nil:
			tx.Do(end, Done, "", task, t.Fence)
		case stopping:
			tx.Do(requeue, "", t.Tries, 0, task, t.Fence)
			Post(tx, start, task)
		case fault.KindOf(err) != fault.Internal || t.Tries+1 >= triesMost:
			slog.Warn("task failed", "kind", t.Kind, "task", task, "account", who.Account, "err", err)
			tx.Do(end, Failed, fault.All(err)[0].Key, task, t.Fence)
		default:
			slog.Warn("task put off", "kind", t.Kind, "task", task, "account", who.Account, "tries", t.Tries+1, "err", err)
			tx.Do(requeue, fault.All(err)[0].Key, t.Tries+1, 0, task, t.Fence)
			later(tx, tx.ID(), start, task, t.Tries+1, err)
		}
		return nil
	})
}

// beat shows that the task's holder lives, and lets go when another has taken it.
func (r *Runner) beat(ctx context.Context, release context.CancelCauseFunc, who actor.Actor, task, fence int64) {
	tick := time.NewTicker(r.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := r.db.DatabaseNow(ctx)
		if err != nil {
			continue // the lease is longer than a few missed beats
		}
		n := int64(1)
		err = r.db.Write(ctx, who, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(mark, now, task, fence)
			return err
		})
		if err == nil && n == 0 {
			release(errLost)
			return
		}
	}
}

// sweep finds tasks whose holder is gone and asks for them again. On SQLite, where one
// process owns the file, the first sweep takes all that are open.
func (r *Runner) sweep(ctx context.Context, first bool) error {
	now, err := r.db.DatabaseNow(ctx)
	if err != nil {
		return err
	}
	running, queued := now.Add(-r.Lease), now.Add(-10*r.Lease)
	if first && r.db.Dialect() == "sqlite" {
		running = now + 1
		queued = now + 1
	}
	type orphan struct{ AccountID, ID, Fence, Tries int64 }
	var list []orphan
	err = r.db.View(ctx, self, func(v *store.View) (err error) {
		list, err = store.All[orphan](v, orphans, running, queued)
		return err
	})
	for _, o := range list {
		if err != nil {
			return err
		}
		err = r.db.Write(ctx, actor.Worker(string(start), o.AccountID), func(tx *store.Tx) error {
			n, err := tx.Exec(requeue, "", o.Tries, 0, o.ID, o.Fence)
			if err == nil && n == 1 {
				Post(tx, start, o.ID)
			}
			return err
		})
	}
	return err
}

func (r *Runner) sweepUntil(ctx context.Context) {
	tick := time.NewTicker(r.Lease / 2)
	defer tick.Stop()
	for first := true; ; first = false {
		if err := r.sweep(ctx, first); err != nil && ctx.Err() == nil {
			slog.Error("tasks", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
