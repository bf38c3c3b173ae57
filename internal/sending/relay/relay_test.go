// SPDX-License-Identifier: AGPL-3.0-or-later

package relay_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/relay"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sink is a mail server by other hands.
type sink struct {
	mu   sync.Mutex
	got  []string
	addr string
	slow func(at string)        // "hello", "rcpt": while the sender waits
	ends func(*smtp.Conn) error // what it says to a second message over one connection
}

func (s *sink) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.wait("hello")
	return &session{s: s, c: c}, nil
}

func (s *sink) wait(at string) {
	if s.slow != nil {
		s.slow(at)
	}
}

func (s *sink) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.got) }

type session struct {
	s    *sink
	c    *smtp.Conn
	to   []string
	took int
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "me" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}
func (x *session) Reset()        { x.to = nil }
func (x *session) Logout() error { return nil }
func (x *session) Mail(string, *smtp.MailOptions) error {
	if x.took > 0 && x.s.ends != nil {
		return x.s.ends(x.c)
	}
	return nil
}
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.wait("rcpt")
	switch {
	case strings.HasPrefix(to, "gone"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	case strings.HasPrefix(to, "full"):
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	}
	x.to = append(x.to, to)
	return nil
}
func (x *session) Data(r io.Reader) error {
	if _, err := io.ReadAll(r); err != nil {
		return err // cut off before its end: no message
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, x.to...)
	x.took++
	return nil
}

func serve(t testing.TB) *sink {
	t.Helper()
	s := &sink{}
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth = "sink.example", true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

type place struct {
	*testhouse.House
	who    actor.Actor
	list   int64
	relay  relay.Relay
	relays *relay.Relays
}

func settle(t testing.TB, h *testhouse.House, addr string, change func(*relay.New)) *place {
	t.Helper()
	_, who := h.House(t)
	p := &place{House: h, who: who, relays: relay.Open(h.Main, "consend.example")}
	p.write(t, func(tx *store.Tx) (err error) {
		if p.list, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
			return err
		}
		own, err := processor.OurServer(tx, "Our server")
		if err != nil {
			return err
		}
		n := relay.New{Name: "Sink", Addr: addr, TLS: relay.NoTLS, Processor: own.ID}
		if change != nil {
			change(&n)
		}
		p.relay, err = relay.Add(tx, n)
		return err
	})
	return p
}

func (p *place) write(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), p.who, fn))
}

// reader makes a contact who may be written to.
func (p *place) reader(t testing.TB, email string) (id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "import"}})
		if err != nil {
			return err
		}
		id = rows[0].ID
		_, err = consent.Apply(tx, []consent.Event{{Contact: id, List: p.list, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB, Source: "import"}})
		return err
	})
	return id
}

func (p *place) permit(t testing.TB, through int64, ids ...int64) (out gate.Permit) {
	t.Helper()
	var who []gate.Candidate
	for _, id := range ids {
		who = append(who, gate.Candidate{Contact: id})
	}
	p.write(t, func(tx *store.Tx) (err error) {
		out, _, err = gate.Decide(tx, gate.Batch{Class: gate.Campaign, List: p.list, Relay: through, Approval: 1}, who)
		return err
	})
	return out
}

func (p *place) lane(t testing.TB, id int64) *relay.Lane {
	t.Helper()
	l, err := p.relays.Lane(context.Background(), id)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

func mail(id int64, to string) relay.Mail {
	return relay.Mail{Contact: id, From: "news@maison.example", To: to, Raw: []byte("Subject: Bonjour\r\nFrom: news@maison.example\r\n\r\nBonjour\r\n")}
}

func TestALaneSendsUnderItsPermitAndTellsWhatBecameOfEach(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := settle(t, h, s.addr, func(n *relay.New) { n.Login, n.Password = "me", "secret" })
		ann, gone, full := p.reader(t, "Ann@Example.org"), p.reader(t, "gone@example.org"), p.reader(t, "full@example.org")
		permit, l := p.permit(t, p.relay.ID, ann, gone, full), p.lane(t, p.relay.ID)
		started := 0
		m := mail(ann, "Ann@Example.org")
		m.Started = func(legalclock.Moment) bool { started++; return true }
		if r := l.Send(permit, m); r.Outcome != relay.Accepted || r.Code != 250 || started != 1 {
			t.Errorf("to Ann: %+v, started %d times", r, started)
		}
		if r := l.Send(permit, mail(gone, "gone@example.org")); r.Outcome != relay.Failed || r.Enhanced != "5.1.1" || r.Stage != "rcpt" {
			t.Errorf("to a mailbox that is gone: %+v", r)
		}
		if r := l.Send(permit, mail(full, "full@example.org")); r.Outcome != relay.Deferred || r.Code != 452 || r.Session {
			t.Errorf("to a full mailbox: %+v", r)
		}
		if s.count() != 1 {
			t.Errorf("%d messages arrived", s.count())
		}
	})
}

func TestALaneRefusesWhatItsPermitDoesNotCover(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		var heard atomic.Int64 // a connection for it, or its envelope
		s.slow = func(string) { heard.Add(1) }
		p, q := settle(t, h, s.addr, nil), settle(t, h, s.addr, nil)
		ann, bob := p.reader(t, "ann@example.org"), p.reader(t, "bob@example.org")
		permit, l := p.permit(t, p.relay.ID, ann), p.lane(t, p.relay.ID)
		other := q.permit(t, q.relay.ID, q.reader(t, "ann@example.org"))
		refused := func(what string, permit gate.Permit, m relay.Mail, want gate.Reason) {
			t.Helper()
			if r := l.Send(permit, m); r.Outcome != relay.LeftOut || r.Reason != want {
				t.Errorf("%s: %+v, want %s", what, r, want)
			}
		}
		refused("no permit", gate.Permit{}, mail(ann, "ann@example.org"), gate.NoPermit)
		refused("another service's permit", p.permit(t, relay.MailboxID, ann), mail(ann, "ann@example.org"), gate.NoPermit)
		refused("another account's permit", other, mail(ann, "ann@example.org"), gate.NoPermit)
		refused("a person it doesn't cover", permit, mail(bob, "bob@example.org"), gate.NotCovered)
		refused("another address", permit, mail(ann, "bob@example.org"), gate.OtherAddress)
		p.write(t, func(tx *store.Tx) error {
			_, err := consent.Leave(tx, consent.Leaving{Contact: ann, Scope: consent.Everything, Kind: consent.Withdraw, Source: "mail", Method: "one_click"})
			return err
		})
		h.Clock.Advance(time.Second)
		refused("who left a second ago", permit, mail(ann, "ann@example.org"), gate.Reason(consent.HasLeft))
		h.Clock.Advance(10 * time.Minute)
		refused("a permit that is over", permit, mail(ann, "ann@example.org"), gate.PermitOver)
		if s.count() != 0 || heard.Load() != 0 {
			t.Errorf("%d messages left, the service heard %d times of somebody", s.count(), heard.Load())
		}
	})
}

// A refusal that is committed while the service takes its time: over the connection, over the envelope, or while the
// database takes its time over the question itself. None of the content may leave.
func TestARefusalCountsHoweverSlowTheWayIs(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, where := range []string{"hello", "rcpt", "database"} {
			s := serve(t)
			p := settle(t, h, s.addr, nil)
			ann := p.reader(t, "ann@example.org")
			permit, l := p.permit(t, p.relay.ID, ann), p.lane(t, p.relay.ID)
			asked := 0
			leave := sync.OnceFunc(func() {
				p.write(t, func(tx *store.Tx) error {
					_, err := consent.Leave(tx, consent.Leaving{Contact: ann, Scope: consent.Everything, Kind: consent.Withdraw, Source: "mail", Method: "one_click"})
					return err
				})
				h.Clock.Advance(3 * time.Second)
			})
			s.slow = func(at string) {
				if at == where {
					leave()
				} else if where == "database" && at == "rcpt" {
					h.Clock.Advance(time.Second) // over the envelope: asked again …
				}
			}
			if where == "database" { // … and answered late: the answer is too old to be believed
				h.Main.SetHook(func(q string) error {
					if q == "gate.campaign" {
						if asked++; asked == 1 {
							h.Clock.Advance(3 * time.Second)
						}
					}
					return nil
				})
			}
			m := mail(ann, "ann@example.org")
			began := 0
			m.Started = func(legalclock.Moment) bool { began++; return true }
			r := l.Send(permit, m)
			h.Main.SetHook(nil)
			if where == "database" {
				if r.Outcome != relay.Accepted || began != 1 || asked != 2 {
					t.Errorf("%s: %+v, began %d times, asked %d times", where, r, began, asked)
				}
				continue
			}
			if r.Outcome != relay.LeftOut || r.Reason != gate.Reason(consent.HasLeft) || began != 0 || s.count() != 0 {
				t.Errorf("%s: %+v, began %d times, %d messages arrived", where, r, began, s.count())
			}
		}
	})
}

func TestADeadOrLockedServiceIsNobodysFault(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		closed.Close()
		p := settle(t, h, closed.Addr().String(), nil)
		ann := p.reader(t, "ann@example.org")
		if r := p.lane(t, p.relay.ID).Send(p.permit(t, p.relay.ID, ann), mail(ann, "ann@example.org")); r.Outcome != relay.Deferred || !r.Session || r.Settings || r.Stage != "connect" {
			t.Errorf("nobody listens: %+v", r)
		}
		s := serve(t)
		p = settle(t, h, s.addr, func(n *relay.New) { n.Login, n.Password = "me", "wrong" })
		ann = p.reader(t, "ann@example.org")
		if r := p.lane(t, p.relay.ID).Send(p.permit(t, p.relay.ID, ann), mail(ann, "ann@example.org")); r.Outcome != relay.Deferred || !r.Settings {
			t.Errorf("a wrong password: %+v", r)
		}
		// put right, the next lane goes through
		p.write(t, func(tx *store.Tx) error { return relay.SetPassword(tx, p.relay.ID, "me", "secret") })
		if r := p.lane(t, p.relay.ID).Send(p.permit(t, p.relay.ID, ann), mail(ann, "ann@example.org")); r.Outcome != relay.Accepted {
			t.Errorf("the right password: %+v", r)
		}
	})
}

// A service that ends each connection after a message, silently or with a word: nobody is put off for it, and none comes twice.
func TestAConnectionThatIsEndedBetweenTwoMessagesIsOpenedAnew(t *testing.T) {
	for name, ends := range map[string]func(*smtp.Conn) error{
		"silently": func(c *smtp.Conn) error { return c.Conn().Close() },
		"with 421": func(*smtp.Conn) error {
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "too many messages"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				s := serve(t)
				s.ends = ends
				p := settle(t, h, s.addr, nil)
				var ids []int64
				for i := range 4 {
					ids = append(ids, p.reader(t, fmt.Sprintf("person%d@example.org", i)))
				}
				permit, l := p.permit(t, p.relay.ID, ids...), p.lane(t, p.relay.ID)
				began := 0
				for i, id := range ids {
					m := mail(id, fmt.Sprintf("person%d@example.org", i))
					m.Started = func(legalclock.Moment) bool { began++; return true }
					var next *relay.Mail
					if i == 0 { // its envelope has left when the connection ends
						n := mail(ids[1], "person1@example.org")
						next = &n
					}
					if r := l.SendAhead(permit, m, next); r.Outcome != relay.Accepted {
						t.Errorf("message %d: %+v", i, r)
					}
				}
				if s.count() != 4 || began != 4 {
					t.Errorf("%d arrived, %d began", s.count(), began)
				}
			})
		})
	}
}

func TestTheBuiltInMailboxKeepsMailUnderTheAccountsKeyAndNothingLeaves(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := settle(t, h, s.addr, nil)
		ann := p.reader(t, "ann@example.org")
		m := mail(ann, "ann@example.org")
		m.Raw = []byte("From: =?utf-8?q?Maison_Exempl=C3=A9?= <news@maison.example>\r\nTo: ann@example.org\r\nSubject: =?utf-8?q?Caf=C3=A9_secret?=\r\n\r\nUn texte secret\r\n")
		if r := p.lane(t, relay.MailboxID).Send(p.permit(t, relay.MailboxID, ann), m); r.Outcome != relay.Accepted {
			t.Fatalf("%+v", r)
		}
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			list, err := relay.Page(v, 0, 10)
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%d messages, %w", len(list), err)
			}
			if list[0].Subject.Raw() != "Café secret" || list[0].To.Raw() != "ann@example.org" || list[0].ContactID != ann || list[0].Class != gate.Campaign || list[0].PermitID == 0 {
				t.Errorf("the list: %+v %q", list[0], list[0].Subject.Raw())
			}
			c, raw, err := relay.Read(v, list[0].ID)
			if string(raw) != string(m.Raw) || c.Size != int64(len(m.Raw)) {
				t.Errorf("the message: %q", raw)
			}
			heads, e := store.All[[]byte](v, store.Account("test.raw", `SELECT m.raw_ct FROM mailbox_message m WHERE m.account_id = :account`))
			if e != nil || strings.Contains(string(heads[0]), "secret") {
				t.Errorf("it lies in the clear: %v", e)
			}
			return err
		}))
		if s.count() != 0 {
			t.Error("it left the machine")
		}
		_, other := h.House(t)
		must(t, h.Main.View(context.Background(), other, func(v *store.View) error {
			n, err := relay.Count(v)
			if n != 0 {
				t.Errorf("another account sees %d messages", n)
			}
			return err
		}))
		h.Clock.Advance(relay.MailboxAge + time.Hour)
		must(t, relay.Sweep(h.Main)(context.Background()))
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			n, err := relay.Count(v)
			if n != 0 {
				t.Errorf("%d messages stay for ever", n)
			}
			return err
		}))
	})
}

func TestANewServiceNeedsACarrierThatHolds(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h, "127.0.0.1:2525", nil)
		try := func(fn func(tx *store.Tx) error) error { return h.Main.Write(context.Background(), p.who, fn) }
		simple := func(name string, own bool) func(tx *store.Tx) error {
			return func(tx *store.Tx) error {
				_, err := relay.AddSimple(tx, relay.Simple{Name: name, Addr: "smtp.example.org:587", OwnServer: own})
				return err
			}
		}
		if err := try(simple("Exemple Mail SAS", false)); !fault.Is(err, fault.Conflict) {
			t.Errorf("without a record: %v", err)
		}
		var carrier processor.Record
		p.write(t, func(tx *store.Tx) (err error) {
			carrier, err = processor.Add(tx, processor.New{Kind: processor.Provider, Name: "Exemple Mail SAS", Country: "FR"})
			return err
		})
		if err := try(simple("exemple mail sas", false)); !fault.Is(err, fault.Conflict) {
			t.Errorf("never contracted: %v", err)
		}
		p.write(t, func(tx *store.Tx) error {
			return processor.SetDPA(tx, carrier.ID, processor.DPA{Status: processor.IncorporatedByTerms, From: legalclock.MomentOf(h.Clock.Now())})
		})
		if err := try(simple("exemple mail sas", false)); err != nil {
			t.Errorf("contracted: %v", err)
		}
		if err := try(simple("Ours", true)); err != nil {
			t.Errorf("our own server: %v", err)
		}
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			r, err := relay.Default(v)
			if r.Name != "Ours" || r.TLS != relay.StartTLS {
				t.Errorf("the newest is used: %+v", r)
			}
			return err
		}))
		if err := try(func(tx *store.Tx) error {
			_, err := relay.Add(tx, relay.New{Name: "x", Addr: "smtp.example.org:25", TLS: relay.NoTLS, Login: "me", Password: "secret", Processor: carrier.ID})
			return err
		}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a password in clear over a network: %v", err)
		}
	})
}

func TestAServiceOfTheHouseServesAccountsThatHaveNotChosen(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, who := h.House(t)
		use := func() (r relay.Relay) {
			must(t, h.Main.View(context.Background(), who, func(v *store.View) (err error) { r, err = relay.Default(v); return err }))
			return r
		}
		if r := use(); r.ID != relay.MailboxID {
			t.Errorf("at first: %+v", r)
		}
		var house relay.Relay
		must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Command, Name: "consend relay add"}, func(tx *store.Tx) (err error) {
			house, err = relay.AddSimple(tx, relay.Simple{Name: "House", Addr: "127.0.0.1:2525", OwnServer: true})
			return err
		}))
		if r := use(); r.ID != house.ID || r.TLS != relay.NoTLS {
			t.Errorf("the house's: %+v", r)
		}
		must(t, h.Main.Write(context.Background(), who, func(tx *store.Tx) error { return relay.Choose(tx, relay.MailboxID) }))
		if r := use(); r.ID != relay.MailboxID {
			t.Errorf("the account's own choice: %+v", r)
		}
	})
}

func TestACustomerChangesNothingOfTheHouses(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		_, customer := h.House(t)
		var house relay.Relay
		must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Command, Name: "consend relay add"}, func(tx *store.Tx) (err error) {
			house, err = relay.AddSimple(tx, relay.Simple{Name: "House", Addr: "127.0.0.1:2525", OwnServer: true})
			return err
		}))
		for what, act := range map[string]func(tx *store.Tx) error{
			"retired":        func(tx *store.Tx) error { return relay.Retire(tx, house.ID) },
			"a password set": func(tx *store.Tx) error { return relay.SetPassword(tx, house.ID, "me", "mine") },
			"its record used": func(tx *store.Tx) error {
				_, err := relay.Add(tx, relay.New{Name: "Mine", Addr: "127.0.0.1:2526", TLS: relay.NoTLS, Processor: house.Processor})
				return err
			},
		} {
			if err := h.Main.Write(context.Background(), customer, act); !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestTheBudgetOfAServiceIsOneForAllLanes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := settle(t, h, s.addr, func(n *relay.New) { n.Rate = 3 })
		ann := p.reader(t, "ann@example.org")
		permit := p.permit(t, p.relay.ID, ann)
		ctx, stop := context.WithCancel(context.Background())
		a, err := p.relays.Lane(ctx, p.relay.ID)
		must(t, err)
		b, err := relay.Open(h.Main, "second.example").Lane(ctx, p.relay.ID) // another node
		must(t, err)
		for i, l := range []*relay.Lane{a, b, a} {
			if r := l.Send(permit, mail(ann, "ann@example.org")); r.Outcome != relay.Accepted {
				t.Errorf("message %d: %+v", i, r)
			}
		}
		stop() // the fourth would wait for the next second
		if r := b.Send(permit, mail(ann, "ann@example.org")); r.Outcome != relay.Deferred {
			t.Errorf("over the budget: %+v", r)
		}
		h.Clock.Advance(time.Second)
		c := p.lane(t, p.relay.ID)
		if r := c.Send(permit, mail(ann, "ann@example.org")); r.Outcome != relay.Accepted {
			t.Errorf("the next second: %+v", r)
		}
	})
}
