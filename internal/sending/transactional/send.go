// SPDX-License-Identifier: AGPL-3.0-or-later

package transactional

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/team/account"
)

// batch is what one claim holds.
type batch struct {
	account  int64
	claim    int64
	relay    relay.Relay
	sender   account.Account
	site     config.Site
	key      [32]byte
	messages []message.Message
	ready    []ready
}

// ready is a message that may go.
type ready struct {
	message.Message
	permit gate.Permit
	draft  compose.Draft
}

func (s *Sender) who(account int64) actor.Actor { return actor.Worker("sender", account) }

// claim takes a batch, writes it and asks the gate, in one transaction. What can't be written
// for a reason of the database's is found by taking the messages one by one.
func (s *Sender) claim(ctx context.Context, id int64) (batch, error) {
	var b batch
	err := s.db.Write(ctx, s.who(id), func(tx *store.Tx) (err error) {
		b, err = s.prepare(tx, batchSize)
		return err
	})
	if err == nil || ctx.Err() != nil || b.claim == 0 {
		return b, err
	}
	var one message.Message
	err = s.db.Write(ctx, s.who(id), func(tx *store.Tx) (err error) {
		b, err = s.prepare(tx, 1)
		if len(b.messages) > 0 {
			one = b.messages[0]
		}
		return err
	})
	if err == nil || one.ID == 0 {
		return b, err
	}
	slog.Error("a service mail could not be written", "account", id, "message", one.ID, "kind", one.Kind, "err", err)
	b.messages, b.ready = []message.Message{one}, nil
	return b, s.db.Write(ctx, s.who(id), func(tx *store.Tx) error {
		list, _, err := message.Claim(tx, 1)
		if err != nil || len(list) == 0 {
			return err
		}
		m := list[0]
		m.Tries++
		return s.later(tx, m, message.NotWritten, false)
	})
}

// prepare claims, writes and decides.
func (s *Sender) prepare(tx *store.Tx, n int) (batch, error) {
	b := batch{account: tx.Account()}
	var err error
	var lost []message.Message
	if b.messages, lost, b.claim, err = message.ClaimAll(tx, n); err != nil {
		return b, err
	}
	for _, m := range lost {
		if err := s.ended(tx, m); err != nil {
			return b, err
		}
	}
	if len(b.messages) == 0 {
		return b, nil
	}
	if b.sender, err = account.Get(tx); err != nil {
		return b, err
	}
	if b.relay, err = relay.Default(tx); err != nil {
		return b, err
	}
	site, ok := store.Attached[*config.Site](tx)
	if !ok {
		return b, errors.New("transactional: no site is attached to the main store")
	}
	b.site = *site
	if b.key, err = keys.Of(tx).MAC(b.account, token.Service.Key()); err != nil {
		return b, err
	}
	classes := map[gate.Class][]ready{}
	holds := map[gate.Class]gate.Reason{}
	for _, m := range b.messages {
		m.RelayID = b.relay.ID
		// What is held isn't written: writing a mail may make a link, or count.
		class := m.Class
		if class == "" {
			class = gate.Notice // not written yet: what holds even that holds all
		}
		hold, asked := holds[class]
		if !asked {
			if hold, err = gate.Hold(tx, class, b.relay.ID); err != nil {
				return b, err
			}
			holds[class] = hold
		}
		if hold != gate.OK {
			if err := s.later(tx, m, string(hold), true); err != nil {
				return b, err
			}
			continue
		}
		d, err := s.write(tx, m)
		switch {
		case fault.Is(err, fault.Busy): // what it tells is not ready yet, such as a proof that is being sealed
			m.Tries++
			if err := s.later(tx, m, message.NotReady, false); err != nil {
				return b, err
			}
			continue
		case err == nil && d.Class == "", err != nil && fault.KindOf(err) != fault.Internal:
			m.State, m.Reason = message.LeftOut, message.NothingToSay
			if err := s.bookEnd(tx, m); err != nil {
				return b, err
			}
			continue
		case err != nil:
			return b, fmt.Errorf("writing %s: %w", m.Kind, err)
		}
		m.Class, m.ContactID, m.SignupID, m.MemberID = gate.Class(d.Class), d.Contact, d.Signup, d.Member
		message.Written(tx, m)
		classes[m.Class] = append(classes[m.Class], ready{Message: m, draft: d})
	}
	for _, class := range gate.Classes() {
		if err := s.decide(tx, &b, class, classes[class]); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (s *Sender) write(tx *store.Tx, m message.Message) (compose.Draft, error) {
	write, ok := s.compose[m.Kind]
	if !ok {
		return compose.Draft{}, fmt.Errorf("nobody writes mail for %q", m.Kind)
	}
	d, err := write(tx, m.Ref)
	if err != nil || d.Class == "" {
		return d, err
	}
	one := 0
	for _, id := range []int64{d.Contact, d.Signup, d.Member} {
		if id != 0 {
			one++
		}
	}
	if one != 1 || !gate.Class(d.Class).Service() {
		return d, fmt.Errorf("a draft of class %q for %d people", d.Class, one)
	}
	return d, nil
}

func (s *Sender) decide(tx *store.Tx, b *batch, class gate.Class, list []ready) error {
	if len(list) == 0 {
		return nil
	}
	who := make([]gate.Candidate, len(list))
	for i, m := range list {
		who[i] = gate.Candidate{Contact: m.ContactID, List: m.draft.List, Signup: m.SignupID, Member: m.MemberID, Change: m.draft.Change}
	}
	permit, decisions, err := gate.Decide(tx, gate.Batch{Class: class, Relay: b.relay.ID}, who)
	if err != nil {
		return err
	}
	for i, d := range decisions {
		m := list[i]
		switch {
		case d.Reason == gate.OK:
			m.permit, m.PermitID = permit, permit.ID()
			b.ready = append(b.ready, m)
		case d.Reason.Holds():
			if err := s.later(tx, m.Message, string(d.Reason), true); err != nil {
				return err
			}
		default:
			m.State, m.Reason = message.LeftOut, string(d.Reason)
			if err := s.bookEnd(tx, m.Message); err != nil {
				return err
			}
		}
	}
	return nil
}

// bookEnd books a message that has ended, and what follows from that.
func (s *Sender) bookEnd(tx *store.Tx, m message.Message) error {
	message.Book(tx, m)
	return s.ended(tx, m)
}

// ended lets the room whose news it was hear what became of it.
func (s *Sender) ended(tx *store.Tx, m message.Message) error {
	if f := s.Ended[m.Kind]; f != nil {
		return f(tx, m)
	}
	return nil
}

// send sends what may go over as many lanes as are worth it, and books each outcome as it comes.
// When ctx ends nothing new begins, and what has not begun is given back; when wire ends what is on its way is cut off.
func (s *Sender) send(ctx, wire context.Context, b batch, lanes map[int64][]*relay.Lane) error {
	if len(b.ready) == 0 {
		return nil
	}
	want := min(int(b.relay.Lanes), (len(b.ready)+3)/4)
	for len(lanes[b.relay.ID]) < want {
		l, err := s.relays.Lane(wire, b.relay.ID)
		if err != nil { // nothing has begun: nothing of it is in doubt
			return errors.Join(err, s.putOff(ctx, b))
		}
		lanes[b.relay.ID] = append(lanes[b.relay.ID], l)
	}
	done := make(chan outcome, len(b.ready))
	next := make(chan ready, len(b.ready))
	for _, m := range b.ready {
		next <- m
	}
	close(next)
	var work sync.WaitGroup
	for _, l := range lanes[b.relay.ID][:want] {
		work.Go(func() {
			for m := range next {
				if ctx.Err() != nil {
					done <- outcome{m, relay.Result{Outcome: relay.LeftOut, Reason: gate.PermitOver, Stage: "local"}}
					continue
				}
				done <- outcome{m, s.one(b, l, m)}
			}
		})
	}
	go func() { work.Wait(); close(done) }()
	return s.book(ctx, b, done)
}

// one sends one message.
func (s *Sender) one(b batch, l *relay.Lane, m ready) relay.Result {
	from := compose.Mailbox{Name: b.sender.Name, Addr: "mail@" + b.site.Host}
	letter := letterOf(m.draft, b.sender)
	letter.From, letter.To = from, m.draft.To
	letter.Date = m.MadeAt.Time()
	letter.MessageID = token.Make(b.key, token.Service, b.account, m.ID) + "@" + b.site.Host
	if a := b.sender.DataEmail; !a.IsZero() {
		letter.ReplyTo = compose.Mailbox{Name: b.sender.Name, Addr: a.RawWire()}
	}
	raw, err := compose.Append(nil, &letter)
	if err != nil {
		slog.Error("a service mail could not be put together", "account", b.account, "message", m.ID, "err", err)
		return relay.Result{Outcome: relay.Failed, Stage: "local"}
	}
	return l.Send(m.permit, relay.Mail{Contact: m.ContactID, Signup: m.SignupID, Member: m.MemberID, Change: m.draft.Change, From: from.Addr, To: m.draft.To.Addr, Raw: raw})
}

type outcome struct {
	ready
	relay.Result
}

// putOff books a batch for which there is no way to its service.
func (s *Sender) putOff(ctx context.Context, b batch) error {
	done := make(chan outcome, len(b.ready))
	for _, m := range b.ready {
		done <- outcome{m, relay.Result{Outcome: relay.Deferred, Session: true, Stage: "local"}}
	}
	close(done)
	return s.book(ctx, b, done)
}

// book writes outcomes as they come: one transaction for all that are there. While it waits it
// keeps the claim alive. What can't be booked is booked with the next, and at the latest at the end;
// it returns when nobody sends any more.
func (s *Sender) book(ctx context.Context, b batch, done <-chan outcome) error {
	// The claim is kept, and outcomes are booked, also while the process stops.
	ctx = context.WithoutCancel(ctx)
	beat := time.NewTicker(message.Lease / 4)
	defer beat.Stop()
	var list []outcome
	var err error
	for open := true; open; {
		select {
		case o, ok := <-done:
			if open = ok; ok {
				list = append(list, o)
			}
			for more := ok; more; {
				select {
				case o, ok := <-done:
					if more, open = ok, ok; ok {
						list = append(list, o)
					}
				default:
					more = false
				}
			}
		case <-beat.C:
		}
		if !open && len(list) == 0 {
			break
		}
		err = s.db.Write(ctx, s.who(b.account), func(tx *store.Tx) error {
			if len(list) == 0 {
				message.Renew(tx, b.claim)
			}
			for _, o := range list {
				if err := s.outcome(tx, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			list = nil
		} else if open {
			slog.Error("outcomes of service mail could not be booked", "account", b.account, "messages", len(list), "err", err)
		}
	}
	return err
}

// outcome says what a result means for the row.
func (s *Sender) outcome(tx *store.Tx, o outcome) error {
	m := o.Message
	m.Stage, m.Reason = o.Stage, "" // why an earlier try waited is over
	if o.Code != 0 {
		m.Reply = strings.TrimSpace(fmt.Sprintf("%d %s", o.Code, o.Enhanced))
	}
	switch o.Outcome {
	case relay.Accepted:
		m.State, m.Tries = message.Accepted, m.Tries+1
	case relay.Failed:
		m.Tries++
		if o.Stage == "mail" { // it says nothing about the recipient (RFC 5321 3.3)
			return s.later(tx, m, message.SenderNo, false)
		}
		m.State = message.Failed
		if err := bounced(tx, o); err != nil {
			return err
		}
	case relay.LeftOut:
		switch {
		case o.Reason.Again(), o.Reason.Holds():
			return s.later(tx, m, string(o.Reason), true)
		}
		m.State, m.Reason = message.LeftOut, string(o.Reason)
	case relay.Uncertain:
		if m.Resent() {
			m.Doubts++
			return s.later(tx, m, message.NoAnswer, false)
		}
		m.Doubts++
		m.State, m.Reason = message.Uncertain, message.NoAnswer
	default:
		m.Tries++
		why := message.SaidLater
		switch {
		case o.Settings:
			why = message.Settings
		case o.Session:
			why = message.NoConnection
		}
		return s.later(tx, m, why, false)
	}
	return s.bookEnd(tx, m)
}

// bounced puts an address whose mailbox doesn't exist on the do-not-mail list. Only an answer
// about the recipient says that: 5.1.1, 5.1.2, 5.1.6, 5.1.10 or 5.2.1 (RFC 3463, 7505), never
// one about policy, size or content.
func bounced(tx *store.Tx, o outcome) error {
	if o.ContactID == 0 || o.Stage != "rcpt" {
		return nil
	}
	switch o.Enhanced {
	case "5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1":
		err := consent.Suppress(tx, o.ContactID, consent.HardBounce, consent.Everything)
		if fault.Is(err, fault.NotFound) {
			return nil // erased meanwhile
		}
		return err
	}
	return nil
}

// tries are the waits between tries. After the last one a message has failed: five days, as
// RFC 5321 4.5.4.1 has it.
var tries = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}

// holdLook is how soon a held message is looked at again.
const holdLook = time.Minute

// later puts a message off. What is held waits as long as it is held; the rest gives up after the last try.
func (s *Sender) later(tx *store.Tx, m message.Message, why string, held bool) error {
	m.State, m.Reason = message.Deferred, why
	switch {
	case gate.Reason(why).Again():
		m.NextAt = tx.Now
	case held:
		m.NextAt = tx.Now.Add(holdLook)
	case int(m.Tries) > len(tries):
		m.State, m.Reason, m.NextAt = message.Failed, message.TooLong, tx.Now
	default:
		wait := tries[max(0, int(m.Tries)-1)]
		if why == message.Settings {
			wait = max(wait, 15*time.Minute) // trying sooner would only lock the login
		}
		m.NextAt = tx.Now.Add(spread(wait, m.ID, m.Tries))
	}
	if m.State == message.Failed {
		return s.bookEnd(tx, m)
	}
	message.Book(tx, m)
	return nil
}

// spread moves a wait by up to a fifth, the same for a message each time, so that a service
// that comes back isn't met by all at once.
func spread(d time.Duration, id, tries int64) time.Duration {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %d", id, tries)
	return d - d/5 + time.Duration(int64(d)*2/5*int64(h.Sum32()%1000)/1000)
}
