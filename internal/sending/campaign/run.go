// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
)

// run is a campaign while this process sends it.
type run struct {
	*Engine
	who   actor.Actor
	id    int64
	press *press

	until   atomic.Int64 // when the leases of its batches end, as renewed last
	halt    atomic.Bool  // no new message begins: paused, stopped, lost, or the process ends
	woken   chan struct{}
	freezes atomic.Bool
	mu      sync.Mutex
	news    chan struct{} // closed when more people are frozen
	held    string        // why nothing goes just now
	broke   error
	feeding sync.Mutex
	cursor  int64 // the last contact read from the ledger in this round
	waiting []row // read, and not yet handed to a lane
	last    bool  // nobody stands behind them
	abroad  []span
	again   sync.Mutex // one lane at a time takes those whose time has come again
	lanes   int
}

// span is a first try of a process that is gone: its people are waited for, not taken.
type span struct{ FirstContact, LastContact int64 }

const holdFor = 30 * time.Second

// hold takes the campaign for this process, or keeps it.
func (r *run) hold(ctx context.Context) (ok bool, err error) {
	err = r.db.Write(ctx, r.who, func(tx *store.Tx) error {
		n, err := tx.Exec(hold, r.node, tx.Now.Add(holdFor), r.id, r.node, tx.Now)
		if err == nil && n > 0 {
			until := tx.Now.Add(lease)
			tx.Do(renew, until, r.id, r.node)
			tx.AfterCommit(func() { r.until.Store(int64(until)) })
		}
		ok = n > 0
		return err
	})
	return ok, err
}

// lapsed tells whether a batch's lease has passed by our own clock: a process that stood still begins nothing then. Others
// hold its people in doubt, and a member may have said that they be sent to.
func (r *run) lapsed(b batch) bool {
	return r.now() >= max(b.at.Add(lease), legalclock.Moment(r.until.Load()))
}

func (r *run) now() legalclock.Moment { return legalclock.MomentOf(r.db.Clock()()) }

// send takes a campaign and sends it. stay keeps it while it waits for another try or for what holds it.
func (e *Engine) send(ctx context.Context, row claimRow, stay bool) error {
	e.mu.Lock()
	r := &run{Engine: e, who: worker(row.AccountID), id: row.ID, woken: e.running[row.ID]}
	e.mu.Unlock()
	ok, err := r.hold(ctx)
	if err != nil || !ok {
		return r.tell(err)
	}
	defer func() {
		if !e.dead.Load() {
			rest, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer stop()
			_ = r.tell(e.db.Write(rest, r.who, func(tx *store.Tx) error { tx.Do(release, r.id, e.node); return nil }))
		}
	}()
	pause := time.Second
	for {
		c, err := r.state(ctx)
		if err != nil {
			return r.tell(err)
		}
		switch c.State {
		case Stopping:
			if err = r.orphans(ctx); err == nil {
				err = r.stop(ctx)
			}
			return r.tell(err)
		case Queued:
			err = e.db.Write(ctx, r.who, func(tx *store.Tx) error { tx.Do(begin, r.id); return nil })
		case Sending:
		default:
			return nil
		}
		var next legalclock.Moment
		done := false
		if err == nil {
			next, done, err = r.round(ctx, c)
		}
		switch {
		case err != nil && ctx.Err() == nil && !e.dead.Load() && stay:
			slog.Error("campaign", "account", row.AccountID, "campaign", r.id, "err", err)
		case err != nil || done || ctx.Err() != nil || e.dead.Load() || !stay:
			return err
		}
		wait := pause
		if r.held == "" && err == nil && next != 0 {
			wait = min(max(next.Sub(r.now()), 200*time.Millisecond), time.Minute)
		} else {
			longest := 4 * time.Second // a fact that holds it may change any time, and is cheap to ask for
			if r.held == HoldRelayDown || r.held == HoldRelaySettings || r.held == HoldSender || err != nil {
				longest = time.Minute
			}
			pause = min(pause*2, longest)
		}
		if !r.rest(ctx, wait) {
			return nil
		}
	}
}

// rest waits, keeping the campaign; false ends the run.
func (r *run) rest(ctx context.Context, d time.Duration) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		keep := time.NewTimer(holdFor / 3)
		select {
		case <-ctx.Done():
			keep.Stop()
			return false
		case <-r.woken:
			keep.Stop()
			return true
		case <-end.C:
			keep.Stop()
			return true
		case <-keep.C:
			if ok, err := r.hold(ctx); err != nil || !ok {
				return false
			}
		}
	}
}

func (r *run) state(ctx context.Context) (c Campaign, err error) {
	err = r.db.View(ctx, r.who, func(v *store.View) error { c, err = Get(v, r.id); return err })
	return c, err
}

func (r *run) tell(err error) error {
	if err != nil && !errors.Is(err, context.Canceled) && !r.dead.Load() {
		slog.Error("campaign", "account", r.who.Account, "campaign", r.id, "err", err)
	}
	return err
}

// round freezes and sends until nobody waits, something holds it, or it is to rest. next is when somebody's time comes
// again; done that the campaign is over.
func (r *run) round(ctx context.Context, c Campaign) (next legalclock.Moment, done bool, err error) {
	r.held, r.broke, r.cursor, r.waiting = "", nil, 0, nil
	r.halt.Store(false)
	if err := r.orphans(ctx); err != nil {
		return 0, false, err
	}
	err = r.db.View(ctx, r.who, func(v *store.View) (err error) {
		if r.press, err = prepare(v, c); err != nil {
			return err
		}
		way, err := relay.Default(v)
		if err != nil {
			return err
		}
		r.lanes = int(max(1, way.Lanes))
		if why, err := gate.Hold(v, gate.Campaign, way.ID); err != nil || why != gate.OK {
			r.held = string(why)
			return err
		}
		r.abroad, err = store.All[span](v, openRanges, r.id)
		return err
	})
	if fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.NotFound {
		return 0, false, errors.Join(err, r.holds(ctx, HoldTemplate))
	}
	if err != nil {
		return 0, false, err
	}
	if r.held != "" {
		return 0, false, r.holds(ctx, r.held)
	}
	if c.FrozenAt == 0 {
		err := r.db.View(ctx, r.who, func(v *store.View) error { _, err := narrowed(v, c); return err })
		if fault.KindOf(err) == fault.Invalid {
			return 0, false, errors.Join(err, r.holds(ctx, HoldSegment))
		}
		if err != nil {
			return 0, false, err
		}
	}
	inner, end := context.WithCancel(ctx)
	defer end()
	// A message that is on its way when the process is asked to stop may still arrive: cut off, it would be in doubt.
	wire, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cut) })()
	var beside, all sync.WaitGroup
	r.news = make(chan struct{})
	r.freezes.Store(c.FrozenAt == 0)
	if c.FrozenAt == 0 {
		beside.Go(func() {
			defer r.progress()
			defer r.freezes.Store(false)
			err := freeze(inner, r.db, r.who, r.id, func() { r.progress(); r.dies("frozen") })
			if !errors.Is(err, errLost) {
				r.fail(err)
			}
		})
	}
	watch, unwatch := context.WithCancel(ctx)
	beside.Go(func() { r.watch(watch) })
	for range r.lanes {
		all.Go(func() { r.fail(r.lane(ctx, wire)) })
	}
	all.Wait()
	if r.halt.Load() || r.held != "" {
		end()
	}
	unwatch()
	beside.Wait()
	if r.dead.Load() || ctx.Err() != nil {
		return 0, false, ctx.Err()
	}
	if r.held != "" {
		return 0, false, errors.Join(r.broke, r.holds(ctx, r.held))
	}
	if r.broke != nil {
		return 0, false, r.broke
	}
	return r.finish(ctx)
}

// progress tells the lanes that more people are frozen, or that all are.
func (r *run) progress() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.news)
	r.news = make(chan struct{})
}

func (r *run) more() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.news
}

// fail remembers the first error, and ends all lanes.
func (r *run) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broke == nil && !errors.Is(err, context.Canceled) {
		r.broke = err
	}
	r.halt.Store(true)
}

// heldBy remembers why nothing goes, and lets the lanes come to rest.
func (r *run) holdBy(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == "" {
		r.held = why
	}
	r.halt.Store(true)
}

func (r *run) holds(ctx context.Context, why string) error {
	return r.db.Write(ctx, r.who, func(tx *store.Tx) error { tx.Do(setHold, why, r.id, why); return nil })
}

// watch looks once a second whether somebody paused or stopped the campaign, and keeps it ours.
func (r *run) watch(ctx context.Context) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if ctx.Err() != nil {
			return
		}
		var s State
		err := r.db.View(ctx, r.who, func(v *store.View) (err error) { s, err = store.One[State](v, stateNow, r.id); return err })
		if err == nil && s != Sending {
			r.halt.Store(true)
			return
		}
		if n%10 == 0 {
			if ok, err := r.hold(ctx); err == nil && !ok {
				r.halt.Store(true)
				return
			}
		}
	}
}

// finish ends a campaign that has nobody left.
func (r *run) finish(ctx context.Context) (next legalclock.Moment, done bool, err error) {
	err = r.db.Write(ctx, r.who, func(tx *store.Tx) error {
		next, done = 0, false
		c, err := lockIt(tx, r.id)
		if err != nil || c.State != Sending || c.Holder != r.node {
			done = true // somebody else's now
			return err
		}
		open, err := store.One[int64](tx, openOf, r.id)
		if err != nil || open > 0 || c.FrozenAt == 0 {
			return err
		}
		if next, err = store.One[legalclock.Moment](tx, nextAt, r.id); err != nil || next != 0 {
			return err
		}
		left, err := store.All[row](tx, nextPending, r.id, 0, 1)
		if err != nil || len(left) > 0 {
			return err
		}
		done = true
		tx.Do(end, Sent, r.id)
		n, err := Count(tx, r.id)
		if err != nil {
			return err
		}
		return told(tx, "campaign.sent", r.id, n.fields(), nil)
	})
	return next, done, err
}

// stop leaves out everybody who has not been written to. Batches of a process that is gone are waited for; those of this
// one that no lane has any more have been booked before.
func (r *run) stop(ctx context.Context) error {
	after := int64(0)
	return r.db.Bulk(ctx, r.who, func(tx *store.Tx) (bool, error) {
		c, err := lockIt(tx, r.id)
		if err != nil || c.State != Stopping || c.Holder != r.node {
			return false, err
		}
		if open, err := store.One[int64](tx, openOf, r.id); err != nil || open > 0 {
			return false, err
		}
		ids, err := store.All[int64](tx, stopSome, r.id, after)
		if err != nil {
			return false, err
		}
		if len(ids) > 0 {
			tx.Do(leaveOut, "stopped", 0, r.id, ids)
			last := ids[len(ids)-1]
			tx.AfterCommit(func() { after = last })
			return true, nil
		}
		tx.Do(end, Stopped, r.id)
		n, err := Count(tx, r.id)
		if err != nil {
			return false, err
		}
		return false, told(tx, "campaign.stopped", r.id, n.fields(), nil)
	})
}
