// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
	"consend/internal/sending/template"
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
			return r.tell(r.stop(ctx))
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
			if r.held == HoldRelayDown || r.held == HoldRelaySettings || err != nil {
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

// orphans books batches of this process that no lane has any more: the database broke off while they were claimed or
// booked, and it was not known whether it had. Their journal tells what they did.
func (r *run) orphans(ctx context.Context) error {
	var ids []int64
	err := r.db.View(ctx, r.who, func(v *store.View) (err error) { ids, err = store.All[int64](v, openOurs, r.id, r.node); return err })
	for _, id := range ids {
		if err != nil {
			break
		}
		lines, trusted := r.journal.read(id)
		err = r.db.Write(ctx, r.who, func(tx *store.Tx) error { return recovered(tx, id, lines, trusted) })
		if err == nil {
			_ = os.Remove(r.journal.path(id))
		}
	}
	return err
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

// stop leaves out everybody who has not been written to. Batches of a process that is gone are waited for.
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

// readAhead is how many rows of the ledger are read at a time for all lanes.
const readAhead = 10 * MaxBatch

// next hands out the next people who have never been tried. Only the process that holds the campaign reads here, and
// each row is handed out once a round; what a lane could not claim waits for the next round.
func (r *run) next(ctx context.Context) ([]row, error) {
	r.feeding.Lock()
	defer r.feeding.Unlock()
	for len(r.waiting) == 0 {
		err := r.db.View(ctx, r.who, func(v *store.View) (err error) {
			r.waiting, err = store.All[row](v, nextPending, r.id, r.cursor, readAhead)
			return err
		})
		if err != nil || len(r.waiting) == 0 {
			return nil, err
		}
		r.last = len(r.waiting) < readAhead && !r.freezes.Load()
		r.cursor = r.waiting[len(r.waiting)-1].ContactID
		r.waiting = slices.DeleteFunc(r.waiting, func(x row) bool {
			return slices.ContainsFunc(r.abroad, func(s span) bool { return s.FirstContact <= x.ContactID && x.ContactID <= s.LastContact })
		})
	}
	n := min(len(r.waiting), MaxBatch)
	if r.last { // the last ones are shared out among the lanes: one slow connection shall not hold them all
		n = min(n, max(MaxBatch/10, (len(r.waiting)+r.lanes-1)/r.lanes))
	}
	out := r.waiting[:n:n]
	r.waiting = r.waiting[n:]
	return out, nil
}

// take claims the next batch: people who have never been tried, and when there are none, those whose time has come again.
func (r *run) take(ctx, wire context.Context) (b batch, got claimed, why string, err error) {
	rows, err := r.next(ctx)
	if err != nil {
		return b, gotHalt, "", err
	}
	try := func(rows []row, again bool) error {
		// Not broken off by a stop: a claim that came through, and that nobody heard of, would hold its people.
		err := r.db.Write(wire, r.who, func(tx *store.Tx) (err error) {
			b, got, why, err = claim(tx, r.id, r.node, rows, again)
			return err
		})
		if err != nil {
			r.journal.unsure.Store(true)
		}
		return err
	}
	if len(rows) > 0 {
		err = try(rows, false)
		return b, got, why, err
	}
	r.again.Lock()
	defer r.again.Unlock()
	err = try(nil, true)
	return b, got, why, err
}

// grace is how long a message that is on its way may take once the process is asked to stop.
const grace = 20 * time.Second

// lane claims and sends batch after batch over one connection. When ctx ends no message begins; when wire ends what is on
// its way is cut off.
func (r *run) lane(ctx, wire context.Context) error {
	var l *relay.Lane
	defer func() {
		if l != nil {
			l.Close()
		}
	}()
	var m template.Message
	buf := make([]byte, 0, 64<<10)
	for !r.halt.Load() && ctx.Err() == nil && !r.dead.Load() {
		more, freezing := r.more(), r.freezes.Load()
		b, got, why, err := r.take(ctx, wire)
		if err != nil {
			return err
		}
		switch got {
		case gotHalt:
			r.halt.Store(true)
			return nil
		case gotHeld:
			r.holdBy(why)
			return nil
		case gotNone:
			if !freezing {
				return nil
			}
			select {
			case <-more:
			case <-ctx.Done():
			}
			continue
		}
		if b.held {
			if err := r.holds(ctx, ""); err != nil {
				return err
			}
		}
		if len(b.people) == 0 {
			continue
		}
		if r.dies("claimed") {
			return nil
		}
		if l == nil || l.Relay().ID != b.relay.ID || l.Relay().Version != b.relay.Version {
			if l != nil {
				l.Close()
			}
			if l, err = r.relays.Lane(wire, b.relay.ID); err != nil {
				return errors.Join(err, r.give(ctx, b))
			}
		}
		if err := r.fly(ctx, b, l, &m, &buf); err != nil {
			return err
		}
	}
	return nil
}

// give gives a whole batch back.
func (r *run) give(ctx context.Context, b batch) error {
	results := make([]result, len(b.people))
	for i, t := range b.people {
		results[i] = result{contact: t.ID, outcome: returned}
	}
	return r.booked(ctx, b, nil, results)
}

// fly sends one batch and books it.
func (r *run) fly(ctx context.Context, b batch, l *relay.Lane, m *template.Message, buf *[]byte) error {
	f, err := r.journal.begin(b.id)
	if err != nil {
		return errors.Join(err, r.give(ctx, b))
	}
	results := make([]result, 0, len(b.people))
	var current int64
	var torn error
	started := func(at legalclock.Moment) bool {
		torn = f.started(current)
		r.dies("started")
		if torn != nil || r.lapsed(b) {
			return false
		}
		if r.begins != nil {
			r.begins(current, at)
		}
		return true
	}
	for i := range b.people {
		t := &b.people[i]
		if r.dies("between") {
			return nil
		}
		if r.halt.Load() || ctx.Err() != nil {
			results = append(results, result{contact: t.ID, outcome: returned})
			continue
		}
		x := result{contact: t.ID, tries: t.tries}
		p, err := r.press.print((*buf)[:0], m, t.Contact, t.list, t.grade, t.basis, t.first, b.at)
		if err != nil {
			slog.Warn("campaign: a message can't be made", "account", r.who.Account, "campaign", r.id, "contact", t.ID, "err", err)
			x.outcome, x.reason = failed, "cannot_be_made"
			results = append(results, x)
			continue
		}
		if cap(p.raw) > cap(*buf) && len(r.press.signer) == 0 {
			*buf = p.raw
		}
		current = t.ID
		out := l.Send(b.permit, relay.Mail{Contact: t.ID, From: r.press.from.Addr, To: p.to, Raw: p.raw, Started: started})
		if r.dead.Load() {
			return nil
		}
		r.judge(&x, t, out)
		if x.outcome != leftOut {
			torn = errors.Join(torn, f.answered(t.ID, x.outcome, x.code))
		}
		if r.dies("answered") {
			return nil
		}
		results = append(results, x)
		if torn != nil { // a disk that takes no journal: what follows could not be told apart after a kill
			r.fail(torn)
		}
	}
	return r.booked(ctx, b, f, results)
}

// judge reads an answer of the sending service.
func (r *run) judge(x *result, t *target, out relay.Result) {
	x.code, x.enhanced = out.Code, out.Enhanced
	switch out.Outcome {
	case relay.Accepted:
		x.outcome, x.told = accepted, t.NoticeDueAt != 0
	case relay.Uncertain:
		x.outcome = inDoubt
	case relay.LeftOut:
		x.outcome, x.reason = leftOut, string(out.Reason)
		switch {
		case out.Reason.Holds():
			x.outcome, x.reason = returned, ""
			r.holdBy(string(out.Reason))
		case out.Reason.Again():
			x.outcome, x.reason = returned, ""
		}
	case relay.Failed:
		x.outcome, x.reason = failed, "server_refused"
		switch {
		case out.Enhanced == "5.6.7":
			x.outcome, x.reason = leftOut, "smtputf8"
		case gone(out):
			x.bounced, x.reason = true, "no_mailbox"
		}
	default:
		x.outcome, x.reason = deferred, "later"
		if out.Session {
			x.outcome, x.reason = returned, ""
			why := HoldRelayDown
			if out.Settings {
				why = HoldRelaySettings
			}
			r.holdBy(why)
		}
	}
}

// gone tells whether a refusal says that the mailbox does not exist: only then the address is not written to again. A
// refusal of the message, of us, or for policy says nothing about the person (RFC 3463 3.2, 3.3).
func gone(out relay.Result) bool {
	if out.Stage != "rcpt" || out.Code < 500 {
		return false
	}
	switch out.Enhanced {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1":
		return true
	case "":
		return out.Code == 550 || out.Code == 551 || out.Code == 553
	}
	return false
}

// booked books a batch, and tries until it could or another process has ended the batch. Left unbooked by the end of the
// process, the journal tells the next one.
func (r *run) booked(ctx context.Context, b batch, f *flight, results []result) error {
	rest, stop := context.WithTimeout(context.WithoutCancel(ctx), lease/2)
	defer stop()
	var err error
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err = r.db.Write(rest, r.who, func(tx *store.Tx) error { return book(tx, r.id, b.id, results) })
		if err == nil || errors.Is(err, errLost) {
			break
		}
		select {
		case <-rest.Done():
			return err
		case <-time.After(wait):
		}
	}
	if r.dies("booked") {
		return nil
	}
	if f != nil {
		f.end()
	}
	if errors.Is(err, errLost) {
		r.halt.Store(true)
	}
	return nil
}

// TestTo sends a draft to members of the team, as it would look for nobody in particular or for a contact. It waits for
// the sending service. The caller traces the look at the contact.
func (e *Engine) TestTo(ctx context.Context, who actor.Actor, id, person int64, language string, members []Member) (sent int, err error) {
	var p *press
	var m template.Message
	var permit gate.Permit
	var decisions []gate.Decision
	var way relay.Relay
	var at legalclock.Moment
	err = e.db.Write(ctx, who, func(tx *store.Tx) error {
		at = tx.Now
		c, err := Get(tx, id)
		if err != nil {
			return err
		}
		if language != "" {
			c.Language = language
		}
		if p, err = prepare(tx, c); err != nil {
			return err
		}
		seen, err := PreviewFor(tx, id, person, language)
		if err != nil {
			return err
		}
		m = seen.Message
		if way, err = relay.Default(tx); err != nil {
			return err
		}
		list := make([]gate.Candidate, len(members))
		for i, t := range members {
			list[i] = gate.Candidate{Member: t.ID}
		}
		permit, decisions, err = gate.Decide(tx, gate.Batch{Class: gate.Notice, Relay: way.ID}, list)
		if err != nil {
			return err
		}
		return toldTest(tx, id, members)
	})
	if err != nil {
		return 0, err
	}
	l, err := e.relays.Lane(ctx, way.ID)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	m.Subject = p.words.T("campaign.test.subject", "subject", m.Subject)
	nobody := p.nobody().Links
	for i, d := range decisions {
		if d.Reason != gate.OK {
			return sent, fault.New(fault.Conflict, "gate.reason."+string(d.Reason))
		}
		out, err := p.letter(nil, &m, members[i].Email, nobody.Unsubscribe, p.messageID(members[i].ID), "", at)
		if err != nil {
			return sent, err
		}
		if got := l.Send(permit, relay.Mail{Member: members[i].ID, From: p.from.Addr, To: out.to, Raw: out.raw}); got.Outcome != relay.Accepted {
			return sent, fault.New(fault.Busy, "campaign.test.not_sent", "code", got.Code)
		}
		sent++
	}
	return sent, nil
}
