// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/mail/transport"
)

// Mail is one message for one person. Exactly one of Contact, Signup and Member says who it is.
type Mail struct {
	Contact, Signup, Member int64
	Change                  int64  // beside Contact: a change of address, whose new mailbox To is
	From, To                string // envelope: local@domain. To is the person's address, as the permit was decided about
	Raw                     []byte // the whole message, CRLF line ends

	// Started is called just before the content leaves, with the moment at which the permit was last held against it: from
	// then on the message may arrive. At false nothing goes. It may be nil.
	Started func(at legalclock.Moment) bool
}

// Outcome is what became of a message.
type Outcome string

// The outcomes.
const (
	Accepted  Outcome = "accepted"  // the service took it: never send again
	Deferred  Outcome = "deferred"  // not taken, may be sent later
	Failed    Outcome = "failed"    // refused for good
	Uncertain Outcome = "uncertain" // all of it was written, no answer came: it may have arrived
	LeftOut   Outcome = "left_out"  // the permit does not, or no longer, cover it: nothing was sent
)

// Result is the outcome of one message.
type Result struct {
	Outcome Outcome
	Reason  gate.Reason // of LeftOut; it may hold the batch: see gate.Reason.Holds
	Code    int         // the service's answer, 0 when there was none
	// Enhanced is RFC 3463's code; Text is the answer's words, harmless to show but perhaps personal.
	Enhanced, Text string
	Stage          string // where the session ended: connect, banner, auth, mail, rcpt, data, content …
	// Settings tells that a person has to change something (password, certificate): trying again
	// soon would only lock the login.
	Settings bool
	// Session tells that the outcome is about the connection, not about this person.
	Session bool
}

// Relays opens lanes. Make one per process with Open.
type Relays struct {
	db    *store.DB
	hello string
	mu    sync.Mutex
	grant map[int64]*tokens
}

// Open makes the registry of a process. Hello is the name said in EHLO: the site's host.
func Open(db *store.DB, hello string) *Relays {
	return &Relays{db: db, hello: hello, grant: map[int64]*tokens{}}
}

var self = actor.System("relay")

// Lane is one connection to a relay, for one goroutine at a time. It is kept over many
// messages, and opens itself anew when the service has closed it.
type Lane struct {
	relays *Relays
	relay  Relay
	cfg    transport.Config
	ctx    context.Context
	conn   *transport.Conn
	idle   legalclock.Watch
	tokens *tokens
}

// Lane gives a new lane to a relay. The context's end is the lane's end. Nothing is dialled yet.
func (r *Relays) Lane(ctx context.Context, id int64) (*Lane, error) {
	var row struct {
		Relay
		PasswordCt []byte
	}
	err := r.db.View(ctx, self, func(v *store.View) (err error) {
		row, err = store.One[struct {
			Relay
			PasswordCt []byte
		}](v, open, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	l := &Lane{relays: r, relay: row.Relay, ctx: ctx}
	if row.Kind == Mailbox {
		return l, nil
	}
	host := row.Addr[:strings.LastIndexByte(row.Addr, ':')]
	l.cfg = transport.Config{Addr: row.Addr, TLS: transport.TLS(row.TLS), User: row.Login, Hello: r.hello,
		AllowClear: row.TLS == NoTLS && local(strings.Trim(host, "[]"))}
	if len(row.PasswordCt) > 0 {
		ring, ok := attached(r.db)
		if !ok {
			return nil, errors.New("relay: no ring of keys")
		}
		plain, err := ring.Open(row.Owner, passwordAt(id), row.PasswordCt)
		if err != nil {
			return nil, err
		}
		l.cfg.Password = string(plain)
	}
	if row.Rate > 0 {
		l.tokens = r.tokens(id, row.Rate)
	}
	return l, nil
}

func attached(db *store.DB) (ring *keys.Ring, ok bool) {
	_ = db.View(context.Background(), self, func(v *store.View) error {
		ring, ok = store.Attached[*keys.Ring](v)
		return nil
	})
	return ring, ok
}

// Relay tells which one the lane leads to.
func (l *Lane) Relay() Relay { return l.relay }

// Close ends the lane politely.
func (l *Lane) Close() {
	if l.conn != nil {
		l.conn.Quit()
		l.conn = nil
	}
}

// idleProbe is how long a connection may rest before it is asked whether it still lives.
const idleProbe = 15 * time.Second

// Send sends one message under a permit. It refuses a permit that is zero, over, of another
// service or account, and a person whom it does not cover at this address; and once a second
// it asks again whether those it covers still may be written to.
//
// It looks twice: at first, so that a service hears nothing of a person who said no; and when
// the content is about to leave, because the service's budget, a new connection or a slow answer
// may have taken longer than a refusal may wait.
func (l *Lane) Send(p gate.Permit, m Mail) Result { return l.SendAhead(p, m, nil) }

// SendAhead is Send for a message after which next is sent under the same permit: the service hears of next's envelope
// together with this content. Room behind the length of Raw may be written to.
func (l *Lane) SendAhead(p gate.Permit, m Mail, next *Mail) Result {
	if _, why := l.may(p, m); why != gate.OK {
		return Result{Outcome: LeftOut, Reason: why, Stage: string(transport.StageLocal)}
	}
	if l.relay.Kind == Mailbox {
		return l.keep(p, m)
	}
	env, err := transport.NewEnvelope(m.From, m.To)
	if err != nil {
		return Result{Outcome: Failed, Code: 553, Enhanced: "5.1.3", Stage: string(transport.StageLocal)}
	}
	if l.tokens != nil {
		if err := l.tokens.take(l.ctx); err != nil {
			return Result{Outcome: Deferred, Stage: string(transport.StageLocal), Session: true}
		}
	}
	if l.conn != nil && !l.conn.Takes(env, m.Raw) { // whose envelope has left said no since
		l.conn.Close()
		l.conn = nil
	}
	kept := l.conn != nil
	if r, ok := l.dial(); !ok {
		return r
	}
	var ahead *transport.Next
	if next != nil && l.tokens == nil { // a budget is asked for each message when it is its turn
		if _, why := l.may(p, *next); why == gate.OK {
			if env, err := transport.NewEnvelope(next.From, next.To); err == nil {
				ahead = &transport.Next{Env: env, Raw: next.Raw}
			}
		}
	}
	late, asked := gate.OK, false
	results, err := l.conn.SendWhen(env, m.Raw, func() bool {
		asked = true
		at, why := l.may(p, m)
		if why == gate.OK && m.Started != nil && !m.Started(at) {
			why = gate.PermitOver
		}
		late = why
		return why == gate.OK
	}, ahead)
	if err != nil {
		l.conn.Close()
		l.conn = nil
	}
	l.idle = legalclock.Start()
	r := results[0]
	if err != nil && kept && !asked && r.Outcome == transport.Deferred && (r.Reply.Code == 0 || r.Reply.Code == 421) {
		// It ended a connection that had carried its share, as many services do after some messages; no content has left.
		return l.SendAhead(p, m, next)
	}
	if late != gate.OK {
		return Result{Outcome: LeftOut, Reason: late, Stage: string(r.Stage)}
	}
	out := Result{Code: r.Reply.Code, Enhanced: r.Reply.Enhanced, Text: r.Reply.Text, Stage: string(r.Stage)}
	switch r.Outcome {
	case transport.Accepted:
		out.Outcome = Accepted
	case transport.Deferred:
		out.Outcome, out.Session = Deferred, err != nil && r.Reply.Code == 0
	case transport.Failed:
		out.Outcome = Failed
	default:
		out.Outcome = Uncertain
	}
	return out
}

// dial makes sure that there is a connection.
func (l *Lane) dial() (Result, bool) {
	if l.conn != nil && l.idle.Elapsed() > idleProbe && !l.conn.Alive() {
		l.conn.Close()
		l.conn = nil
	}
	if l.conn != nil {
		return Result{}, true
	}
	conn, err := transport.Dial(l.ctx, l.cfg)
	if err != nil {
		out := Result{Outcome: Deferred, Session: true, Stage: string(transport.StageConnect)}
		var e *transport.Error
		if errors.As(err, &e) {
			out.Stage, out.Code, out.Enhanced, out.Text, out.Settings = string(e.Stage), e.Reply.Code, e.Reply.Enhanced, e.Reply.Text, e.Settings()
		}
		return out, false
	}
	l.conn, l.idle = conn, legalclock.Start()
	return Result{}, true
}

// lookAgain is how often a word that grew too old while it was asked for is asked for again.
const lookAgain = 3

// may holds the message against the permit, and tells of which moment its answer is. Whoever can't be asked about in time
// isn't written to now: the batch is decided anew.
func (l *Lane) may(p gate.Permit, m Mail) (now legalclock.Moment, why gate.Reason) {
	for try := 0; ; try++ {
		now = legalclock.MomentOf(l.relays.db.Clock()())
		switch {
		case p.IsZero(), p.Relay() != l.relay.ID, l.relay.Owner != 0 && l.relay.Owner != p.Account():
			return now, gate.NoPermit
		case p.Until() <= now, try > lookAgain:
			return now, gate.PermitOver
		case !p.Due(now), try > 0 && !p.Stale(now):
			return now, p.Covers(gate.Candidate{Contact: m.Contact, Signup: m.Signup, Member: m.Member, Change: m.Change}, l.norm(m.To))
		}
		// The database may be slow to answer: the word is as old as the question.
		if err := l.relays.db.View(l.ctx, actor.Worker("sender", p.Account()), func(v *store.View) error { return gate.Recheck(v, p) }); err != nil {
			return now, gate.PermitOver
		}
	}
}

// norm gives norm_v1 of an envelope address; most are it already.
func (l *Lane) norm(to string) string {
	plain := true
	for i := 0; i < len(to); i++ {
		if c := to[i]; c >= 0x80 || c >= 'A' && c <= 'Z' {
			plain = false
			break
		}
	}
	if plain {
		return to
	}
	a, err := address.Parse(to)
	if err != nil {
		return ""
	}
	return a.Norm()
}
