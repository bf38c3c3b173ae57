// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"context"
	"sync"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// tokens is a node's share of a relay's budget: it takes a part of one second's tokens from the
// row all nodes share, and hands them out to its lanes.
type tokens struct {
	relays *Relays
	relay  int64
	rate   int64

	mu     sync.Mutex
	second int64
	left   int64
}

func (r *Relays) tokens(relay, rate int64) *tokens {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.grant[relay]
	if t == nil || t.rate != rate {
		t = &tokens{relays: r, relay: relay, rate: rate}
		r.grant[relay] = t
	}
	return t
}

// take waits for one token. It gives up when the context ends.
func (t *tokens) take(ctx context.Context) error {
	for {
		wait, err := t.try(ctx)
		if err != nil || wait == 0 {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// try takes a token, or tells how long the second still lasts.
func (t *tokens) try(ctx context.Context) (wait time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := legalclock.MomentOf(t.relays.db.Clock()())
	second := int64(now) / 1_000_000
	if second != t.second || t.left == 0 {
		if err := t.lease(ctx, second); err != nil {
			return 0, err
		}
	}
	if t.left > 0 {
		t.left--
		return 0, nil
	}
	return legalclock.Moment((second + 1) * 1_000_000).Sub(now), nil
}

// lease takes a quarter of the second's budget, at least one, so that several nodes share it.
func (t *tokens) lease(ctx context.Context, second int64) error {
	type row struct{ Second, Used int64 }
	return t.relays.db.Write(ctx, self, func(tx *store.Tx) error {
		rows, err := store.All[row](tx, lockRate, t.relay)
		if err != nil {
			return err
		}
		used := int64(0)
		if len(rows) > 0 && rows[0].Second == second {
			used = rows[0].Used
		}
		take := max(0, min(t.rate-used, max(1, t.rate/4)))
		if take > 0 {
			tx.Do(setRate, t.relay, second, used+take)
		}
		t.second, t.left = second, take
		return nil
	})
}
