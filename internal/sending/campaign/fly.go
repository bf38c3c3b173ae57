// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/sending/relay"
	"consend/internal/sending/template"
)

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
	at := &room{buf: [2][]byte{make([]byte, 0, 64<<10), make([]byte, 0, 64<<10)}}
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
		if err := r.fly(ctx, b, l, at); err != nil {
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

// letter is a message made for one person of a batch.
type letter struct {
	*target
	mail relay.Mail
}

// room is where a lane makes messages: two at a time, since a service hears of the next one while it takes one.
type room struct {
	m   [2]template.Message
	buf [2][]byte
	use int
}

// flying is a batch on its way over a lane.
type flying struct {
	*run
	b       batch
	f       *flight
	room    *room
	at      int // the next of the batch's people
	results []result
	torn    error
}

// next makes the next message of the batch; nil when there is none. Who can't be written to is booked.
func (x *flying) next() *letter {
	for x.at < len(x.b.people) {
		t := &x.b.people[x.at]
		x.at++
		k := x.room.use
		p, err := x.press.print(x.room.buf[k][:0], &x.room.m[k], t, x.b.at)
		if err != nil {
			slog.Warn("campaign: a message can't be made", "account", x.who.Account, "campaign", x.id, "contact", t.ID, "err", err)
			x.results = append(x.results, result{contact: t.ID, tries: t.tries, outcome: failed, reason: "cannot_be_made"})
			continue
		}
		if cap(p.raw) > cap(x.room.buf[k]) && len(x.press.signer) == 0 {
			x.room.buf[k] = p.raw
		}
		x.room.use = 1 - k
		id := t.ID
		return &letter{t, relay.Mail{Contact: id, From: x.press.from.Addr, To: p.to, Raw: p.raw, Started: func(at legalclock.Moment) bool { return x.started(id, at) }}}
	}
	return nil
}

// started notes that a message begins, and tells whether it may.
func (x *flying) started(person int64, at legalclock.Moment) bool {
	x.torn = x.f.started(person)
	x.dies("started")
	if x.torn != nil || x.lapsed(x.b) {
		return false
	}
	if x.begins != nil {
		x.begins(person, at)
	}
	return true
}

// fly sends one batch and books it.
func (r *run) fly(ctx context.Context, b batch, l *relay.Lane, room *room) error {
	f, err := r.journal.begin(b.id)
	if err != nil {
		return errors.Join(err, r.give(ctx, b))
	}
	x := &flying{run: r, b: b, f: f, room: room, results: make([]result, 0, len(b.people))}
	for now := x.next(); now != nil; {
		if r.dies("between") {
			return nil
		}
		if r.halt.Load() || ctx.Err() != nil {
			x.results = append(x.results, result{contact: now.ID, outcome: returned})
			for ; x.at < len(b.people); x.at++ {
				x.results = append(x.results, result{contact: b.people[x.at].ID, outcome: returned})
			}
			break
		}
		var ahead *relay.Mail
		then := x.next()
		if then != nil {
			ahead = &then.mail
		}
		out := l.SendAhead(b.permit, now.mail, ahead)
		if r.dead.Load() {
			return nil
		}
		res := result{contact: now.ID, tries: now.tries}
		r.judge(&res, now.target, out)
		if res.outcome != leftOut {
			x.torn = errors.Join(x.torn, f.answered(res))
		}
		if r.dies("answered") {
			return nil
		}
		x.results = append(x.results, res)
		if x.torn != nil { // a disk that takes no journal: what follows could not be told apart after a kill
			r.fail(x.torn)
		}
		now = then
	}
	return r.booked(ctx, b, f, x.results)
}

// judge reads an answer of the sending service.
func (r *run) judge(x *result, t *target, out relay.Result) {
	x.code, x.enhanced = out.Code, out.Enhanced
	switch out.Outcome {
	case relay.Accepted:
		x.outcome, x.told = accepted, t.NoticeDueAt != 0 && r.press.telling != nil
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
		case out.Stage == "mail": // it says nothing about the recipient, and would be said for each (RFC 5321 3.3)
			x.outcome, x.reason = returned, ""
			r.holdBy(HoldSender)
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
// refusal of the message, of us, or for policy says nothing about the person (RFC 3463 3.2, 3.3); nor does a bare 550, with
// which many a service that lets us send nothing at all answers for everybody.
func gone(out relay.Result) bool {
	if out.Stage != "rcpt" || out.Code < 500 {
		return false
	}
	switch out.Enhanced {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1":
		return true
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
