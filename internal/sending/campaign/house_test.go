// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"consend/internal/chain/processor"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sink is a mail server by other hands. answer may refuse a recipient; after is called with each message it took.
type sink struct {
	mu     sync.Mutex
	got    []string // recipients, in order
	raw    map[string][]byte
	ids    map[string]int // Message-IDs
	addr   string
	from   error // to MAIL
	answer func(to string) error
	before func(to string) // before the content is taken
}

func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

func (s *sink) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.got) }

// twice lists the recipients that got more than one message.
func (s *sink) twice() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, to := range s.got {
		if seen[to] {
			n++
		}
		seen[to] = true
	}
	return n
}

func (s *sink) has(to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw[to] != nil
}

type session struct {
	s  *sink
	to string
}

func (x *session) Reset()        { x.to = "" }
func (x *session) Logout() error { return nil }
func (x *session) Mail(string, *smtp.MailOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.from
}
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.to = to
	x.s.mu.Lock()
	answer := x.s.answer
	x.s.mu.Unlock()
	if answer != nil {
		return answer(to)
	}
	return nil
}

func (x *session) Data(r io.Reader) error {
	if x.s.before != nil {
		x.s.before(x.to)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, x.to)
	x.s.raw[x.to] = b
	x.s.ids[m.Header.Get("Message-ID")]++
	return nil
}

func serve(t testing.TB) *sink {
	t.Helper()
	s := &sink{raw: map[string][]byte{}, ids: map[string]int{}}
	server := smtp.NewServer(s)
	server.Domain, server.AllowInsecureAuth, server.MaxLineLength = "sink.example", true, 10000
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

// place is a house with a sending service of its own, a list, a sender and an engine.
type place struct {
	*testhouse.House
	account int64
	who     actor.Actor
	list    int64
	sender  int64
	sink    *sink
	carrier int64 // the record of the sending service
	relays  *relay.Relays
	engine  *campaign.Engine
	n       int
}

func settle(t testing.TB, h *testhouse.House) *place {
	t.Helper()
	p := &place{House: h, sink: serve(t), relays: relay.Open(h.Main, "consend.example")}
	p.account, p.who = h.House(t)
	h.Main.Attach(&config.Site{URL: "https://mail.example.com", Host: "mail.example.com"})
	p.engine = p.start(t)
	p.write(t, func(tx *store.Tx) (err error) {
		if p.list, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
			return err
		}
		own, err := processor.OurServer(tx, "Our server")
		if err != nil {
			return err
		}
		p.carrier = own.ID
		if _, err = relay.Add(tx, relay.New{Name: "Sink", Addr: p.sink.addr, TLS: relay.NoTLS, Processor: own.ID, Lanes: 3}); err != nil {
			return err
		}
		p.sender, err = sender.Make(tx, sender.New{Name: "Maison", Email: address.Must("news@example.com")})
		return err
	})
	return p
}

// start is a process.
func (p *place) start(t testing.TB) *campaign.Engine {
	e := campaign.NewEngine(p.Main, p.relays, p.Dir+"/flight")
	t.Cleanup(e.Close)
	return e
}

func (p *place) write(t testing.TB, f func(tx *store.Tx) error) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), p.who, f))
}

func view[T any](t testing.TB, p *place, f func(v *store.View) (T, error)) (out T) {
	t.Helper()
	must(t, p.Main.View(context.Background(), p.who, func(v *store.View) (err error) { out, err = f(v); return err }))
	return out
}

// people adds n people to a list, each with a yes of a grade, and gives their numbers.
func (p *place) people(t testing.TB, to int64, grade consent.Grade, n int) (ids []int64) {
	t.Helper()
	for n > 0 {
		k := min(n, 1000)
		p.write(t, func(tx *store.Tx) error {
			var news []contact.New
			for i := range k {
				news = append(news, contact.New{Email: address.Must(fmt.Sprintf("person%d@example.org", p.n+i)), Name: pii.T(fmt.Sprintf("Person %d", p.n+i)), Source: "import"})
			}
			rows, err := contact.Ensure(tx, news)
			if err != nil {
				return err
			}
			var events []consent.Event
			for _, r := range rows {
				ids = append(ids, r.ID)
				events = append(events, consent.Event{Contact: r.ID, List: to, Kind: consent.Give, Basis: consent.ByConsent, Grade: grade, Source: "import", Row: r})
			}
			_, err = consent.Apply(tx, events)
			return err
		})
		p.n += k
		n -= k
	}
	return ids
}

func (p *place) email(t testing.TB, id int64) string {
	return view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, id) }).Email.Raw()
}

const body = `<p>Dear {{ contact.NAME }},</p><p>News for {{ contact.EMAIL }}.</p><p><a href="https://example.com/">Read</a></p>`

// approved makes a campaign to lists and approves it; it begins at once.
func (p *place) approved(t testing.TB, plus, minus []int64) (id int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) (err error) {
		if id, err = campaign.Make(tx, campaign.Words{Name: "Spring", Subject: "Hello {{ contact.NAME }}", Kind: template.HTML, Body: body}, p.sender); err != nil {
			return err
		}
		if err = campaign.SetLists(tx, id, 0, plus, minus); err != nil {
			return err
		}
		return campaign.Approve(tx, id, 0, 0, 0)
	})
	return id
}

func (p *place) settle(t testing.TB) {
	t.Helper()
	must(t, p.engine.Settle(context.Background()))
}

func (p *place) get(t testing.TB, id int64) campaign.Campaign {
	return view(t, p, func(v *store.View) (campaign.Campaign, error) { return campaign.Get(v, id) })
}

func (p *place) counts(t testing.TB, id int64) campaign.Counts {
	return view(t, p, func(v *store.View) (campaign.Counts, error) { return campaign.Count(v, id) })
}

// is holds the counts of a campaign against what is wanted, such as "accepted 3, left_out 1".
func (p *place) is(t testing.TB, id int64, want string) {
	t.Helper()
	n := p.counts(t, id)
	var got []string
	for _, f := range campaign.Fates() {
		if k := n.Of(f); k > 0 {
			got = append(got, fmt.Sprintf("%s %d", f, k))
		}
	}
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("the ledger says %q, want %q (%+v)", s, want, n.By)
	}
}
