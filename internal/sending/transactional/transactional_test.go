// SPDX-License-Identifier: AGPL-3.0-or-later

package transactional_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/people/contact"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	. "consend/internal/sending/transactional"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sink is a mail server by other hands that says what it is told to say.
type sink struct {
	mu   sync.Mutex
	got  []string // whole messages
	from error    // to MAIL
	says error    // to RCPT
	hook func()
	mute bool // it takes the content, and the connection is gone before its answer
	came chan string
	addr string
}

func (s *sink) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{s, c}, nil }
func (s *sink) say(err error)                                 { s.mu.Lock(); defer s.mu.Unlock(); s.says = err }
func (s *sink) all() []string                                 { s.mu.Lock(); defer s.mu.Unlock(); return append([]string{}, s.got...) }

type session struct {
	s *sink
	c *smtp.Conn
}

func (x *session) Reset()        {}
func (x *session) Logout() error { return nil }
func (x *session) Mail(string, *smtp.MailOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.from
}
func (x *session) Rcpt(string, *smtp.RcptOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	return x.s.says
}
func (x *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	x.s.mu.Lock()
	x.s.got = append(x.s.got, string(b))
	x.s.mu.Unlock()
	if x.s.hook != nil {
		x.s.hook()
	}
	if x.s.mute {
		return x.c.Conn().Close()
	}
	select {
	case x.s.came <- string(b):
	default:
	}
	return err
}

func serve(t testing.TB) *sink {
	t.Helper()
	s := &sink{came: make(chan string, 100)}
	server := smtp.NewServer(s)
	server.Domain = "sink.example"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.addr = l.Addr().String()
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return s
}

const kind job.Kind = "test.receipt"

// town is a house with a sender, whose compose tests change.
type town struct {
	*testhouse.House
	sender *Sender
	write  func(tx *store.Tx, ref int64) (compose.Draft, error)
	wrote  int
}

func build(t testing.TB, h *testhouse.House) *town {
	t.Helper()
	w := &town{House: h}
	h.Main.Attach(&config.Site{URL: "https://consend.example", Host: "consend.example"})
	w.write = receipt
	w.sender = New(h.Main, relay.Open(h.Main, "consend.example"), map[job.Kind]Compose{kind: func(tx *store.Tx, ref int64) (compose.Draft, error) {
		w.wrote++
		return w.write(tx, ref)
	}})
	return w
}

func receipt(tx *store.Tx, ref int64) (compose.Draft, error) {
	c, err := contact.Get(tx, ref)
	if err != nil {
		return compose.Draft{}, err
	}
	return compose.Draft{Class: "receipt", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: ref, Language: c.Language, Subject: "Votre reçu", Preview: "Conservez-le",
		Blocks: []compose.Block{{Kind: compose.Heading, Text: "C’est noté"}, {Kind: compose.Paragraph, Text: "Merci <b>à vous</b> & à bientôt."},
			{Kind: compose.Button, Text: "Vos choix", URL: "https://consend.example/p/abc?x=1&y=2"}}}, nil
}

// place is an account that sends through addr, with one contact.
type place struct {
	*town
	who     actor.Actor
	contact int64
	carrier int64
}

func (w *town) place(t testing.TB, addr string) *place {
	t.Helper()
	_, who := w.House.House(t)
	p := &place{town: w, who: who}
	p.act(t, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("ann@example.org"), Language: "fr", Source: "form"}})
		if err != nil || addr == "" {
			p.contact = rows[0].ID
			return err
		}
		p.contact = rows[0].ID
		own, err := processor.OurServer(tx, "Ours")
		if err != nil {
			return err
		}
		p.carrier = own.ID
		_, err = relay.Add(tx, relay.New{Name: "Sink", Addr: addr, TLS: relay.NoTLS, Processor: own.ID})
		return err
	})
	return p
}

func (p *place) act(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), p.who, fn))
}

// fact does what the runner does with a fact: the handler, in a transaction.
func (p *place) fact(t testing.TB, ref int64) {
	t.Helper()
	must(t, p.Main.Write(context.Background(), actor.Worker(string(kind), p.who.Account), func(tx *store.Tx) error {
		return p.sender.Facts()[kind](tx, ref)
	}))
}

func (p *place) settle(t testing.TB) { t.Helper(); must(t, p.sender.Settle(context.Background())) }

func (p *place) messages(t testing.TB) (out []message.Message) {
	t.Helper()
	must(t, p.Main.View(context.Background(), p.who, func(v *store.View) (err error) { out, err = message.Page(v, "", 0, 100); return err }))
	return out
}

func (p *place) only(t testing.TB) message.Message {
	t.Helper()
	list := p.messages(t)
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	return list[0]
}

func TestAFactGetsItsMailInOneLayoutAndTheReadersLanguage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := build(t, h).place(t, "")
		p.fact(t, p.contact)
		p.settle(t)
		m := p.only(t)
		if m.State != message.Accepted || m.Class != gate.Receipt || m.ContactID != p.contact || m.PermitID == 0 || m.RelayID != relay.MailboxID || m.EndedAt == 0 {
			t.Errorf("the row: %+v", m)
		}
		var raw []byte
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			list, err := relay.Page(v, 0, 10)
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%d in the mailbox: %w", len(list), err)
			}
			_, raw, err = relay.Read(v, list[0].ID)
			return err
		}))
		msg, err := mail.ReadMessage(bytes.NewReader(raw))
		must(t, err)
		for name, want := range map[string]string{"Content-Language": "fr", "Auto-Submitted": "auto-generated", "To": "ann@example.org"} {
			if got := msg.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if msg.Header.Get("List-Unsubscribe") != "" {
			t.Error("service mail is no advertising, and has nothing to unsubscribe from")
		}
	})
}

func TestTheLayoutHidesNothingAndLetsNoMarkupThrough(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := build(t, h).place(t, "")
		must(t, h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error {
			d, err := receipt(tx, p.contact)
			if err != nil {
				return err
			}
			l, err := Letter(tx, d)
			if err != nil {
				return err
			}
			for _, want := range []string{"C’est noté", "Merci <b>à vous</b> & à bientôt.", "https://consend.example/p/abc?x=1&y=2", "1 rue de l’Exemple", "69001 Lyon", "Maison Exemple"} {
				if !strings.Contains(l.Text, want) {
					t.Errorf("the text lacks %q", want)
				}
			}
			for _, want := range []string{"Merci &lt;b&gt;à vous&lt;/b&gt; &amp; à bientôt.", `href="https://consend.example/p/abc?x=1&amp;y=2"`, "1 rue de l’Exemple", `lang="fr"`, "#0f766e"} {
				if !strings.Contains(l.HTML, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			d.Why = "Quelqu’un a indiqué <cette> adresse."
			if own, err := Letter(tx, d); err != nil || !strings.Contains(own.Text, d.Why) || !strings.Contains(own.HTML, "&lt;cette&gt; adresse.") || strings.Contains(own.Text, "vous venez d’indiquer") {
				t.Errorf("a why of its own: %s, %v", own.Text, err)
			}
			for _, never := range []string{"<img", "<script", "<b>", "http://"} {
				if strings.Contains(l.HTML, never) {
					t.Errorf("the page has %q", never)
				}
			}
			return nil
		}))
	})
}

func TestWhatTheServicePutsOffIsTriedAgainAndWhatItRefusesIsNot(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		s.say(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"})
		p.fact(t, p.contact)
		p.settle(t)
		m := p.only(t)
		if m.State != message.Deferred || m.Reason != message.SaidLater || m.Tries != 1 || m.Reply != "451 4.3.0" {
			t.Errorf("after a 451: %+v", m)
		}
		if wait := m.NextAt.Time().Sub(h.Clock.Now()); wait < 8*time.Second || wait > 12*time.Second {
			t.Errorf("it waits %s", wait)
		}
		p.settle(t)
		if p.only(t).Tries != 1 {
			t.Error("it is tried before its time")
		}
		h.Clock.Advance(12 * time.Second)
		s.say(nil)
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted || m.Reason != "" || m.Tries != 2 || len(s.all()) != 1 {
			t.Errorf("after the second try: %+v, %d arrived", m, len(s.all()))
		}
		s.say(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"})
		p.fact(t, p.contact)
		p.settle(t)
		h.Clock.Advance(24 * time.Hour)
		p.settle(t)
		if m := p.messages(t)[0]; m.State != message.Failed || m.Tries != 1 {
			t.Errorf("after a 550: %+v", m)
		}
		must(t, h.Main.View(context.Background(), p.who, func(v *store.View) error {
			c, err := contact.Get(v, p.contact)
			if c.State != contact.StateBounced {
				t.Errorf("the contact is %s", c.State)
			}
			return err
		}))
		p.fact(t, p.contact)
		p.settle(t)
		if m := p.messages(t)[0]; m.State != message.LeftOut || m.Reason != "bounced" {
			t.Errorf("to a mailbox that doesn't exist: %+v", m)
		}
	})
}

// A service that refuses the sender's address says nothing about anybody: the mail waits for a person to have it allowed.
func TestARefusedSenderFailsNobodysMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		s.from = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "sender not verified"}
		p.fact(t, p.contact)
		p.settle(t)
		if m := p.only(t); m.State != message.Deferred || m.Reason != message.SenderNo || m.Reply != "550 5.7.1" || m.Tries != 1 {
			t.Errorf("%+v", m)
		}
		s.mu.Lock()
		s.from = nil
		s.mu.Unlock()
		h.Clock.Advance(time.Hour)
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted || len(s.all()) != 1 {
			t.Errorf("%+v, %d mails", m, len(s.all()))
		}
	})
}

func TestMailWaitsWhileItsServiceIsSuspendedAndThenGoesOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.act(t, func(tx *store.Tx) error { return processor.Suspend(tx, p.carrier, "They were broken into") })
		p.fact(t, p.contact)
		p.settle(t)
		if m := p.only(t); m.State != message.Deferred || m.Reason != string(gate.RelaySuspended) || m.Tries != 0 || p.wrote != 0 {
			t.Errorf("while suspended: %+v, written %d times", m, p.wrote)
		}
		p.act(t, func(tx *store.Tx) error {
			message.Release(tx)
			return processor.Resume(tx, p.carrier, "Mended, and shown to us")
		})
		p.settle(t)
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted || len(s.all()) != 1 {
			t.Errorf("resumed: %+v, %d arrived", m, len(s.all()))
		}
	})
}

func TestAfterAKillAMessageIsTriedOnceMoreAndThenAPersonDecides(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.fact(t, p.contact)
		claim := func() {
			p.act(t, func(tx *store.Tx) error { _, _, err := message.Claim(tx, 10); return err }) // and the process is gone
		}
		claim()
		p.settle(t)
		if m := p.only(t); m.State != message.Claimed || len(s.all()) != 0 {
			t.Errorf("while the lease lasts: %+v", m)
		}
		must(t, h.Main.Write(context.Background(), actor.System("test"), func(tx *store.Tx) error { message.Abandon(tx); return nil }))
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted || m.Doubts != 1 || len(s.all()) != 1 {
			t.Errorf("after the kill: %+v", m)
		}
		p.fact(t, p.contact)
		claim()
		h.Clock.Advance(message.Lease)
		claim()
		h.Clock.Advance(message.Lease)
		p.settle(t)
		m := p.messages(t)[0]
		if m.State != message.Uncertain || len(s.all()) != 1 {
			t.Errorf("after two kills: %+v", m)
		}
		before := h.Entries(t, p.who)
		p.act(t, func(tx *store.Tx) error { return message.Again(tx, m.ID) })
		p.settle(t)
		if m := p.messages(t)[0]; m.State != message.Accepted || len(s.all()) != 2 || h.Entries(t, p.who) < before+1 {
			t.Errorf("a person said again: %+v", m)
		}
		if err := h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error { return message.Again(tx, m.ID) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("an accepted one again: %v", err)
		}
	})
}

func TestAMessageKeepsItsNumberOverAllTries(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.fact(t, p.contact)
		p.settle(t)
		m := p.only(t)
		must(t, h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error {
			_, err := tx.Exec(store.Account("test.doubt", `UPDATE message SET state = 'uncertain' WHERE account_id = :account AND id = ?`), m.ID)
			if err == nil {
				err = message.Again(tx, m.ID)
			}
			return err
		}))
		p.settle(t)
		all := s.all()
		if len(all) != 2 {
			t.Fatalf("%d arrived", len(all))
		}
		id := func(raw string) string {
			m, err := mail.ReadMessage(strings.NewReader(raw))
			must(t, err)
			return m.Header.Get("Message-ID")
		}
		if id(all[0]) == "" || id(all[0]) != id(all[1]) {
			t.Errorf("%q and %q", id(all[0]), id(all[1]))
		}
	})
}

func TestTheLogOfMessagesEndsAfterItsTerm(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := build(t, h).place(t, "")
		p.fact(t, p.contact)
		p.settle(t)
		sweep := message.Sweep(h.Main)
		h.Clock.Advance(90 * 24 * time.Hour)
		must(t, sweep(context.Background()))
		p.only(t) // ninety days are kept whole
		h.Clock.Advance(2 * 24 * time.Hour)
		p.fact(t, p.contact) // one that has not ended stays
		must(t, sweep(context.Background()))
		if m := p.only(t); m.State != message.Pending {
			t.Errorf("%+v", m)
		}
	})
}

func TestWhatCantBeWrittenHoldsUpNoOther(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.write = func(tx *store.Tx, ref int64) (compose.Draft, error) {
			switch ref {
			case 1:
				return compose.Draft{}, errors.New("a broken pipe")
			case 2:
				return compose.Draft{}, fault.New(fault.Gone, "message.not_found")
			}
			return receipt(tx, ref)
		}
		for _, ref := range []int64{1, 2, 3, p.contact, p.contact} {
			p.fact(t, ref)
		}
		p.settle(t)
		got := map[message.State]string{}
		for _, m := range p.messages(t) {
			got[m.State] += m.Reason + ";"
		}
		if got[message.Deferred] != "not_written;" || got[message.LeftOut] != "nothing_to_say;nothing_to_say;" || got[message.Accepted] != ";;" {
			t.Errorf("%v", got)
		}
	})
}

// A receipt is first tried before its entry is sealed: that it waited is no word about a mail that arrived.
func TestWhatWaitedToBeSealedSaysNothingOfItAfterwards(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.write = func(*store.Tx, int64) (compose.Draft, error) {
			return compose.Draft{}, fault.New(fault.Busy, "evidence.sealing")
		}
		p.fact(t, p.contact)
		p.settle(t)
		if m := p.only(t); m.State != message.Deferred || m.Reason != message.NotReady {
			t.Errorf("before its entry is sealed: %+v", m)
		}
		p.write = receipt
		h.Clock.Advance(time.Minute)
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted || m.Reason != "" || len(s.all()) != 1 {
			t.Errorf("after: %+v, %d arrived", m, len(s.all()))
		}
	})
}

// A service that takes the connection and then says nothing must not slow another account's mail,
// nor the act that asks for one.
func TestASilentServiceSlowsNobodyElse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer silent.Close()
		s := serve(t)
		w := build(t, h)
		stuck, quick := w.place(t, silent.Addr().String()), w.place(t, s.addr)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		stuck.fact(t, stuck.contact)
		go func() { ended <- w.sender.Run(ctx, true) }()
		conn, err := silent.Accept() // it is being sent
		must(t, err)
		defer conn.Close()
		stuck.fact(t, stuck.contact) // an act of the stuck account is done at once
		quick.fact(t, quick.contact)
		<-s.came
		for quick.only(t).State != message.Accepted { // its booking follows
		}
		w.sender.Grace = 0
		stop()
		must(t, <-ended)
		for _, m := range stuck.messages(t) {
			if m.State == message.Accepted {
				t.Errorf("%+v", m)
			}
		}
	})
}

func TestAStopLetsWhatIsOnItsWayArrive(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		ctx, stop := context.WithCancel(context.Background())
		s.hook = stop // told to stop while the content is being taken
		p.fact(t, p.contact)
		must(t, p.sender.Run(ctx, true))
		if m := p.only(t); m.State != message.Accepted || m.Doubts != 0 {
			t.Errorf("%+v", m)
		}
	})
}

// What was claimed and has not begun when the process is told to stop is no doubt: the next process sends it as if for the first time.
func TestAStopPutsNothingInDoubtThatHasNotBegun(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		ctx, stop := context.WithCancel(context.Background())
		s.hook = stop
		for range 3 { // over one connection
			p.fact(t, p.contact)
		}
		must(t, p.sender.Run(ctx, true))
		if n := len(s.all()); n != 1 {
			t.Fatalf("%d went", n)
		}
		p.settle(t)
		for _, m := range p.messages(t) {
			if m.State != message.Accepted || m.Doubts != 0 {
				t.Errorf("%+v", m)
			}
		}
		if n := len(s.all()); n != 3 {
			t.Errorf("%d came", n)
		}
	})
}

// A sending service whose password can't be opened: its mail waits, and is not in doubt.
func TestMailWaitsWhileThereIsNoWayToItsService(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		damage := map[string]string{"sqlite": "x'00'", "postgres": `'\x00'`}[h.Dialect]
		h.Raw(t, "UPDATE relay SET password_ct = "+damage+" WHERE kind = 'smtp'")
		p.fact(t, p.contact)
		for range 3 {
			if err := p.sender.Settle(context.Background()); err == nil {
				t.Error("no word of it")
			}
			if m := p.only(t); m.State != message.Deferred || m.Reason != message.NoConnection || m.Doubts != 0 {
				t.Fatalf("%+v", m)
			}
			h.Clock.Advance(time.Hour)
		}
		h.Raw(t, "UPDATE relay SET password_ct = NULL WHERE kind = 'smtp'")
		p.settle(t)
		if m := p.only(t); m.State != message.Accepted {
			t.Errorf("%+v", m)
		}
	})
}

// heard tells of each word of the log that matters.
type heard struct {
	slog.Handler
	word chan string
}

func (l heard) Handle(_ context.Context, r slog.Record) error {
	select {
	case l.word <- r.Message:
	default:
	}
	return nil
}

// The database takes no word for a while: what was sent meanwhile is booked when it does, and is sent once.
func TestWhatCouldNotBeBookedIsBookedWithTheNext(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		before, log := slog.Default(), heard{slog.Default().Handler(), make(chan string, 100)}
		slog.SetDefault(slog.New(log))
		defer slog.SetDefault(before)
		p.fact(t, p.contact)
		p.fact(t, p.contact)
		ended, n := make(chan error, 1), 0
		s.hook = func() {
			if n++; n == 1 {
				h.Raw(t, "ALTER TABLE message RENAME TO elsewhere")
				return
			}
			select {
			case <-log.word:
			case err := <-ended:
				ended <- err
			}
			h.Raw(t, "ALTER TABLE elsewhere RENAME TO message")
		}
		go func() { ended <- p.sender.Settle(context.Background()) }()
		must(t, <-ended)
		if n := len(s.all()); n != 2 {
			t.Errorf("%d came", n)
		}
		for _, m := range p.messages(t) {
			if m.State != message.Accepted || m.Doubts != 0 {
				t.Errorf("%+v", m)
			}
		}
	})
}

// A process that stood still until its lease had passed: what it says late changes nothing of what another has booked.
func TestALateWordBooksNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		p := build(t, h).place(t, s.addr)
		p.fact(t, p.contact)
		var late []message.Message
		p.act(t, func(tx *store.Tx) (err error) { late, _, err = message.Claim(tx, 10); return err })
		h.Clock.Advance(message.Lease)
		p.settle(t)
		for _, state := range []message.State{message.Failed, message.Deferred} {
			late[0].State = state
			p.act(t, func(tx *store.Tx) error { message.Book(tx, late[0]); return nil })
			if m := p.only(t); m.State != message.Accepted || len(s.all()) != 1 {
				t.Errorf("%+v", m)
			}
		}
	})
}

// No answer to a content that left whole: it may have arrived. It goes once more, and then a person decides.
func TestWhatMayHaveArrivedIsSentOnceMoreAndThenAPersonDecides(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t)
		s.mute = true
		p := build(t, h).place(t, s.addr)
		p.fact(t, p.contact)
		for range 4 {
			p.settle(t)
			h.Clock.Advance(time.Hour)
		}
		if m := p.only(t); m.State != message.Uncertain || m.Reason != message.NoAnswer || len(s.all()) != 2 {
			t.Errorf("%d came, %+v", len(s.all()), m)
		}
	})
}

func TestAClaimThatIsRenewedIsNobodyElses(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := build(t, h).place(t, "")
		p.fact(t, p.contact)
		var claim int64
		claimed := func() (n int) {
			p.act(t, func(tx *store.Tx) error {
				list, id, err := message.Claim(tx, 10)
				if n = len(list); n > 0 {
					claim = id
				}
				return err
			})
			return n
		}
		if claimed() != 1 {
			t.Fatal("nothing to claim")
		}
		for range 3 {
			h.Clock.Advance(message.Lease * 3 / 4)
			p.act(t, func(tx *store.Tx) error { message.Renew(tx, claim); return nil })
			if claimed() != 0 {
				t.Fatal("another has it")
			}
		}
		h.Clock.Advance(message.Lease)
		if claimed() != 1 {
			t.Error("held for good")
		}
	})
}
