// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

const (
	batchLargest = 500
	pollEvery    = 200 * time.Millisecond
	gather       = 25 * time.Millisecond // after a wake, so that what comes together goes together
)

type fact struct {
	AccountID int64
	ID        int64
	Kind      Kind
	Ref       int64
	Tries     int64
}

// poke wakes the drain of this node; other nodes poll.
func (r *Runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) drainUntil(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := r.drain(ctx)
		if err != nil && ctx.Err() == nil {
			slog.Error("facts", "err", err)
		}
		if err == nil && n == batchLargest {
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
			select {
			case <-ctx.Done():
			case <-time.After(gather):
			}
		case <-time.After(pollEvery):
		}
	}
}

// drain handles what is waiting, at most one batch of new facts and one of late ones.
func (r *Runner) drain(ctx context.Context) (int, error) {
	var fresh, late []fact
	err := r.db.View(ctx, self, func(v *store.View) (err error) {
		if fresh, err = store.All[fact](v, waiting, batchLargest); err == nil {
			late, err = store.All[fact](v, due, batchLargest)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	byAccount := map[int64][]fact{}
	var order []int64
	for _, f := range fresh {
		if byAccount[f.AccountID] == nil {
			order = append(order, f.AccountID)
		}
		byAccount[f.AccountID] = append(byAccount[f.AccountID], f)
	}
	for _, account := range order {
		if err := r.batch(ctx, account, byAccount[account]); err != nil {
			return 0, err
		}
	}
	for _, f := range late {
		if err := r.alone(ctx, f, claimLate, removeLate); err != nil {
			return 0, err
		}
	}
	return len(fresh), nil
}

// batch handles facts of one account, as many in a transaction as others leave time for;
// when one fails, each of them runs alone. It gives an error only when the database does.
func (r *Runner) batch(ctx context.Context, account int64, facts []fact) error {
	rest := facts[:0:0]
	for _, f := range facts {
		if f.Kind == start {
			if err := r.launch(ctx, f, remove); err != nil {
				return err
			}
			continue
		}
		rest = append(rest, f)
	}
	next := 0
	err := guard(func() error {
		return r.db.Bulk(ctx, actor.Worker("facts", account), func(tx *store.Tx) (bool, error) {
			if next == len(rest) {
				return false, nil
			}
			mine, err := store.All[fact](tx, claim, ids(rest[next:]))
			if err != nil {
				return false, err
			}
			for i, f := range mine {
				if err := r.handle(tx, f); err != nil {
					return false, err
				}
				if tx.Yield() && i+1 < len(mine) {
					tx.Do(removeSome, ids(mine[:i+1]))
					tx.AfterCommit(func() { next = after(rest, f.ID) })
					return true, nil
				}
			}
			if len(mine) > 0 {
				tx.Do(removeSome, ids(mine))
			}
			return false, nil
		})
	})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	for _, f := range rest[next:] {
		if err := r.alone(ctx, f, claimOne, remove); err != nil {
			return err
		}
	}
	return nil
}

func ids(facts []fact) []int64 {
	out := make([]int64, len(facts))
	for i, f := range facts {
		out[i] = f.ID
	}
	return out
}

func after(facts []fact, id int64) int {
	for i, f := range facts {
		if f.ID > id {
			return i
		}
	}
	return len(facts)
}

// handle runs a fact's handler; the caller removes the fact in the same transaction.
func (r *Runner) handle(tx *store.Tx, f fact) error {
	h := r.facts[f.Kind]
	if h == nil {
		return fault.New(fault.Internal, "job.unknown", "Kind", string(f.Kind))
	}
	tx.Who = actor.Worker(string(f.Kind), f.AccountID)
	return h(tx, f.Ref)
}

// alone handles one fact in a transaction of its own, and puts it off when it fails.
func (r *Runner) alone(ctx context.Context, f fact, claim, remove *store.Query) error {
	if f.Kind == start {
		return r.launch(ctx, f, remove)
	}
	who := actor.Worker(string(f.Kind), f.AccountID)
	failed := guard(func() error {
		return r.db.Write(ctx, who, func(tx *store.Tx) error {
			mine, err := store.All[fact](tx, claim, f.ID)
			if err != nil || len(mine) == 0 {
				return err
			}
			tx.Do(remove, f.ID)
			return r.handle(tx, f)
		})
	})
	if failed == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	slog.Warn("fact put off", "kind", f.Kind, "account", f.AccountID, "ref", f.Ref, "tries", f.Tries+1, "err", failed)
	return r.db.Write(ctx, who, func(tx *store.Tx) error {
		mine, err := store.All[fact](tx, claim, f.ID)
		if err != nil || len(mine) == 0 {
			return err // another node has it, or has done it since
		}
		if remove != removeLate {
			tx.Do(remove, f.ID)
		}
		later(tx, f.ID, f.Kind, f.Ref, f.Tries+1, failed)
		return nil
	})
}

func later(tx *store.Tx, id int64, kind Kind, ref, tries int64, why error) {
	tx.Do(putOff, id, kind, ref, tries, tx.Now.Add(backoff(tries)), fault.All(why)[0].Key)
}

// backoff is 2 s after the first failure, twice as long after each further one, at most an hour.
func backoff(tries int64) time.Duration {
	return min(time.Hour, time.Second<<min(tries, 12))
}

// guard turns a panic of somebody's handler into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic in a handler", "what", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errors.New("job: a handler panicked")
		}
	}()
	return f()
}

var self = actor.System("jobs")
