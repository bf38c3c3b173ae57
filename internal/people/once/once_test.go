// SPDX-License-Identifier: AGPL-3.0-or-later

package once_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/people/refusal"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/transactional"
	"consend/internal/testhouse"
	"consend/internal/trace/proof"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, key string) {
	t.Helper()
	if err == nil || fault.All(err)[0].Key != key {
		t.Errorf("%v, not %s", err, key)
	}
}

// desk is an account with a list, a privacy note and a sender of service mail into the built-in mailbox.
type desk struct {
	*testhouse.House
	t            testing.TB
	account      int64
	who, visitor actor.Actor
	list         int64
	jobs         *job.Runner
	mail         *transactional.Sender
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Clock.Set(testhouse.Start)
		h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
		d := &desk{House: h, t: t}
		d.account, d.who = h.House(t)
		d.visitor = actor.Actor{Kind: actor.Subject, Account: d.account, Request: "test", IPSource: "direct"}
		d.mail = transactional.New(h.Main, relay.Open(h.Main, "news.example"), map[job.Kind]transactional.Compose{once.TellMail: once.DraftTell, once.AskMail: once.DraftAsk})
		ended := func(tx *store.Tx, m message.Message) error {
			s := map[message.State]once.State{message.Accepted: once.Done, message.LeftOut: once.LeftOut, message.Failed: once.Failed, message.Uncertain: once.Doubt}
			return once.Ended(tx, m.Ref, m.ID, s[m.State], m.Reason)
		}
		d.mail.Ended = map[job.Kind]func(tx *store.Tx, m message.Message) error{once.TellMail: ended, once.AskMail: ended}
		facts := d.mail.Facts()
		facts[refusal.Noted] = func(*store.Tx, int64) error { return nil }
		d.jobs = job.New(h.Main, facts, map[job.Kind]job.Work{once.RunKind: once.Work}, nil)
		d.write(func(tx *store.Tx) (err error) {
			d.list, err = list.EnsureNamed(tx, "Newsletter", "News")
			return err
		})
		f(t, d)
	})
}

func (d *desk) write(f func(tx *store.Tx) error) {
	d.t.Helper()
	must(d.t, d.Main.Write(ctx, d.who, f))
}

func (d *desk) act(f func(tx *store.Tx) error) error { return d.Main.Write(ctx, d.who, f) }

func (d *desk) view(f func(v *store.View) error) {
	d.t.Helper()
	must(d.t, d.Main.View(ctx, d.who, f))
}

// tell and ask begin as the pages do, with the count.
func (d *desk) tell(tx *store.Tx, imp int64) error {
	count, err := once.CountTell(tx, d.list, imp)
	if err == nil {
		_, err = once.BeginTell(tx, imp, once.Free(count))
	}
	return err
}

func (d *desk) ask(tx *store.Tx) error {
	count, err := once.CountAsk(tx, d.list, 0)
	if err == nil {
		_, err = once.BeginAsk(tx, d.list, 0, once.Free(count))
	}
	return err
}

// publish publishes a privacy note.
func (d *desk) publish() {
	d.t.Helper()
	d.write(func(tx *store.Tx) error {
		rules, err := rulepack.For(tx)
		if err != nil {
			return err
		}
		id, err := notice.Make(tx, "Note", notice.Begin(notice.Answers{Name: "Maison Exemple", Postal: "1 rue de l’Exemple, 69001 Lyon", Country: "FR", Language: "fr",
			DataName: "Camille", DataEmail: "data@example.org", Sending: "mailbox"}, rules))
		if err == nil {
			_, err = notice.Publish(tx, id, 1)
		}
		return err
	})
}

// bring imports people whom a partner passed on, with a contract as proof for all (grade C).
func (d *desk) bring(emails ...string) int64 {
	d.t.Helper()
	file := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
	}
	sum, err := importer.Run(ctx, d.Main, d.who, importer.Order{Name: "salon.csv", Kind: importer.Acquired, Partner: "Salon du Thé", List: "News", Purpose: "Newsletter",
		Basis: consent.ByConsent, From: "2026-02-01", To: "2026-02-27", Open: file("email,name\n" + strings.Join(emails, ",Ada\n") + ",Ada\n"), Evidence: file("contract"), EvidenceName: "contract.pdf"}, nil)
	must(d.t, err)
	if sum.Mailable != int64(len(emails)) {
		d.t.Fatalf("%+v", sum)
	}
	return sum.Import
}

func (d *desk) person(email string) (c contact.Contact) {
	d.t.Helper()
	d.view(func(v *store.View) (err error) { c, _, err = contact.Find(v, address.Must(email)); return err })
	return c
}

func (d *desk) row(email string, listID int64) (r once.Row) {
	d.t.Helper()
	id := d.person(email).ID
	d.view(func(v *store.View) (err error) { r, _, err = once.Find(v, id, listID); return err })
	return r
}

// go lets everything that waits happen.
func (d *desk) settle() {
	d.t.Helper()
	for range 3 {
		must(d.t, d.jobs.Settle(ctx))
		must(d.t, d.mail.Settle(ctx))
	}
}

// mails are those of a class that left, newest first, each decoded.
func (d *desk) mails(class string) (out []string) {
	d.t.Helper()
	d.view(func(v *store.View) error {
		all, err := relay.Page(v, 0, 1000)
		for _, c := range all {
			if string(c.Class) != class {
				continue
			}
			_, raw, err := relay.Read(v, c.ID)
			if err != nil {
				return err
			}
			m, err := mail.ReadMessage(bytes.NewReader(raw))
			if err != nil {
				return err
			}
			b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil {
				return err
			}
			out = append(out, fmt.Sprint("To: ", m.Header.Get("To"), "\nLeave: ", m.Header.Get("List-Unsubscribe"), m.Header.Get("List-Unsubscribe-Post"), "\n", string(b)))
		}
		return err
	})
	return out
}

func (d *desk) stands(email string) (s consent.Standing) {
	d.t.Helper()
	id := d.person(email).ID
	d.view(func(v *store.View) error {
		all, err := consent.Standings(v, id)
		for _, x := range all {
			if x.ListID == d.list {
				s = x
			}
		}
		return err
	})
	return s
}

func TestAMailOfItsOwnTellsEachPersonOnceWhereTheAddressComesFrom(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		imp := d.bring("ada@example.org", "bob@example.org", "cy@example.org")
		begin := func() error { return d.act(func(tx *store.Tx) error { return d.tell(tx, imp) }) }
		wants(t, begin(), "once.no_note")
		d.publish()
		d.write(func(tx *store.Tx) error { // cy said no, and hears nothing more
			_, err := consent.Leave(tx, consent.Leaving{Contact: d.person("cy@example.org").ID, Scope: consent.Scope{Reach: consent.OneList, ID: d.list}, Kind: consent.Withdraw, Source: "mail"})
			return err
		})
		var count []once.Tally
		d.view(func(v *store.View) (err error) { count, err = once.CountTell(v, d.list, imp); return err })
		if fmt.Sprint(count) != "[{ 2} {withdrawn 1}]" {
			t.Errorf("counted %v", count)
		}
		must(t, begin())
		d.settle()
		got := d.mails("source")
		if len(got) != 2 || !strings.Contains(got[0], "Salon du Thé") || !strings.Contains(got[0], "/privacy/") || !strings.Contains(got[0], "One-Click") || !strings.Contains(got[0], "your name") && !strings.Contains(got[0], "votre nom") {
			t.Fatalf("%d mails:\n%s", len(got), strings.Join(got, "\n"))
		}
		for _, e := range []string{"ada@example.org", "bob@example.org"} {
			c, r := d.person(e), d.row(e, 0)
			if c.NoticeDueAt != 0 || r.State != once.Done || r.NoteVersionID == 0 || r.MessageID == 0 || r.EntryID == 0 || r.ImportID != imp || r.At == 0 {
				t.Errorf("%s: owed %v, %+v", e, c.NoticeDueAt, r)
			}
		}
		wants(t, begin(), "once.nobody")
		must(t, once.Daily(d.Main)(ctx))
		d.settle()
		if n := len(d.mails("source")); n != 2 {
			t.Errorf("%d mails", n)
		}
		if c := d.person("cy@example.org"); c.NoticeDueAt == 0 {
			t.Error("somebody who said no counts as told")
		}
		p, err := evidence.Build(ctx, d.Main, d.who, d.person("ada@example.org").ID, "en")
		must(t, err)
		if !strings.Contains(string(p.Bytes), "once.told") {
			t.Error("the proof doesn't tell of it")
		}
	})
}

func TestWhoReadsALanguageThatAFormAddedIsToldInItsFallback(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		imp := d.bring("ada@example.org", "bob@example.org")
		d.publish()
		d.write(func(tx *store.Tx) error {
			notes, err := notice.All(tx)
			if err != nil {
				return err
			}
			l, err := list.Get(tx, d.list)
			if err != nil {
				return err
			}
			f := form.Begin(l, "fr", notes[0].ID, "")
			de, _ := form.NewTongue("de", "", "en")
			f.Tongues, f.Languages = []form.Tongue{de}, append(f.Languages, "de")
			for _, w := range []form.Words{f.Title, f.Intro, f.Consent, f.Withdraw, f.Button, f.Sent, f.Done, f.Already, f.Lists[0].Label} {
				w["de"] = "Ja"
			}
			id, err := form.Make(tx, "Brief", f)
			if err == nil {
				_, err = form.Publish(ctx, tx, id, 1)
			}
			for email, lang := range map[string]string{"ada@example.org": "de", "bob@example.org": "it"} {
				if err == nil {
					var c contact.Contact
					if c, _, err = contact.Find(tx, address.Must(email)); err == nil {
						err = contact.Correct(tx, c.ID, 0, contact.Change{Language: &lang})
					}
				}
			}
			return err
		})
		must(t, d.act(func(tx *store.Tx) error { return d.tell(tx, imp) }))
		d.settle()
		for email, lang := range map[string]string{"ada@example.org": "en", "bob@example.org": "fr"} { // nobody here speaks Italian: the account's
			if r := d.row(email, 0); r.Language != lang {
				t.Errorf("%s is told in %q", email, r.Language)
			}
		}
	})
}

func TestWhomNoCampaignReachedIsToldByItselfBeforeTheMonthEnds(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		d.bring("ada@example.org")
		daily := func() int { must(t, once.Daily(d.Main)(ctx)); d.settle(); return len(d.mails("source")) }
		if n := daily(); n != 0 {
			t.Fatalf("%d mails three weeks before", n)
		}
		d.write(func(tx *store.Tx) error { return once.SetByItself(tx, false) })
		d.Clock.Advance(40 * 24 * time.Hour)
		if n := daily(); n != 0 {
			t.Fatalf("%d mails of an account that wants none", n)
		}
		if s := d.stands("ada@example.org"); s.Reason != consent.NoticeDue {
			t.Errorf("after the month: %q", s.Reason)
		}
		d.write(func(tx *store.Tx) error { return once.SetByItself(tx, true) })
		if n := daily(); n != 1 {
			t.Fatalf("%d mails", n)
		}
		if s := d.stands("ada@example.org"); s.Reason != "" {
			t.Errorf("told: %q", s.Reason)
		}
	})
}

func TestAMailThatMayHaveArrivedCountsForNobodyAndIsNotSentAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		imp := d.bring("ada@example.org")
		d.write(func(tx *store.Tx) error { return d.tell(tx, imp) })
		must(t, d.jobs.Settle(ctx))
		must(t, d.Main.Write(ctx, actor.Worker("dies", d.account), func(tx *store.Tx) error { // a sender that is killed with the message in its hands
			all, _, err := message.Claim(tx, 5)
			if err == nil {
				m := all[0]
				m.Class = "source"
				message.Written(tx, m)
			}
			return err
		}))
		d.Clock.Advance(2 * message.Lease)
		d.settle()
		if r, c := d.row("ada@example.org", 0), d.person("ada@example.org"); r.State != once.Doubt || c.NoticeDueAt == 0 || len(d.mails("source")) != 0 {
			t.Fatalf("%+v, owed %v", r, c.NoticeDueAt)
		}
		must(t, once.Daily(d.Main)(ctx))
		must(t, once.Pace(d.Main)(ctx))
		d.settle()
		if n := len(d.mails("source")); n != 0 {
			t.Fatalf("%d mails by itself", n)
		}
		d.write(func(tx *store.Tx) error { return once.TellAgain(tx, imp) }) // a member decides so
		wants(t, d.act(func(tx *store.Tx) error { return once.TellAgain(tx, imp) }), "once.nobody")
		must(t, once.Pace(d.Main)(ctx))
		d.settle()
		if r, c := d.row("ada@example.org", 0), d.person("ada@example.org"); r.State != once.Done || c.NoticeDueAt != 0 || len(d.mails("source")) != 1 {
			t.Errorf("%+v, owed %v", r, c.NoticeDueAt)
		}
	})
}

// tellAll lets everybody of an import be told, who then may be asked.
func (d *desk) tellAll(imp int64) {
	d.t.Helper()
	d.write(func(tx *store.Tx) error { return d.tell(tx, imp) })
	d.settle()
}

func (d *desk) answer(email, do string) (s once.Stage) {
	d.t.Helper()
	id := d.person(email).ID
	must(d.t, d.Main.Write(ctx, d.visitor, func(tx *store.Tx) (err error) {
		o := consent.Origin{IP: must2(pii.ParseIP("198.51.100.7")), Source: "direct"}
		switch do {
		case "yes":
			s, err = once.Yes(tx, id, d.list, o)
		default:
			s, err = once.No(tx, id, d.list, do == "not_me", o)
		}
		return err
	}))
	return s
}

func must2[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func TestAQuestionMakesAClaimThePersonsOwnYesAndSilenceChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		imp := d.bring("ada@example.org", "bob@example.org", "cy@example.org", "dee@example.org")
		ask := func() error {
			return d.act(func(tx *store.Tx) error { return d.ask(tx) })
		}
		wants(t, ask(), "once.nobody") // they have to hear first where the address comes from
		d.tellAll(imp)
		must(t, ask())
		d.settle()
		got := d.mails("question")
		if len(got) != 4 || !strings.Contains(got[0], "/q/") || !strings.Contains(got[0], "/u/") {
			t.Fatalf("%d mails:\n%s", len(got), strings.Join(got, "\n"))
		}
		asked := d.row("ada@example.org", d.list)
		d.Clock.Advance(time.Hour)
		if s := d.answer("ada@example.org", "yes"); s != once.Ready {
			t.Fatalf("yes: %s", s)
		}
		if s := d.stands("ada@example.org"); s.Grade != consent.GradeA || s.Basis != consent.ByConsent || s.Said != consent.SaidYes {
			t.Errorf("after the yes: %+v", s)
		}
		var e consent.Record
		d.view(func(v *store.View) error {
			all, err := consent.Events(v, asked.ContactID)
			if err != nil {
				return err
			}
			e = all[len(all)-1]
			text, err := consent.Words(v, e.TextSHA256)
			if !strings.Contains(text, "News") {
				t.Errorf("the words: %q", text)
			}
			return err
		})
		if e.Kind != consent.Confirm || e.ConfirmedAt != d.Now() || e.NoteVersionID == 0 || len(e.IPCT) == 0 || e.IPSource != "direct" {
			t.Errorf("%+v", e)
		}
		if s := d.answer("ada@example.org", "yes"); s != once.Already {
			t.Errorf("again: %s", s)
		}
		if s := d.answer("bob@example.org", "no"); s != once.SaidNo || d.stands("bob@example.org").State != consent.Withdrawn {
			t.Errorf("no: %s, %+v", s, d.stands("bob@example.org"))
		}
		if s := d.answer("bob@example.org", "yes"); s != once.SaidNo || d.stands("bob@example.org").State != consent.Withdrawn {
			t.Errorf("a yes by an old link after the no: %s", s)
		}
		if s := d.answer("cy@example.org", "not_me"); s != once.SaidNo || d.stands("cy@example.org").State != consent.Refused {
			t.Errorf("not me: %s, %+v", s, d.stands("cy@example.org"))
		}
		if s := d.stands("dee@example.org"); s.Grade != consent.GradeC || s.State != consent.Given || s.Reason != "" {
			t.Errorf("silence: %+v", s)
		}
		wants(t, ask(), "once.nobody")
		d.settle()
		d.tellAll(d.bring("eve@example.org")) // somebody new is asked, and nobody else once more
		must(t, ask())
		d.settle()
		if got := d.mails("question"); len(got) != 5 || !strings.Contains(got[0], "eve@example.org") {
			t.Errorf("%d mails", len(got))
		}
		if _, err := evidence.Build(ctx, d.Main, d.who, asked.ContactID, "fr"); err != nil {
			t.Errorf("the proof: %v", err)
		}
	})
}

// An account may want its people to hear earlier than the house does.
func TestPeopleAreToldSoLongBeforeTheMonthEndsAsTheirAccountsRulesSay(t *testing.T) {
	if a, _ := rulepack.Packs()[len(rulepack.Packs())-1].Rule(rulepack.Art14Ahead); a.Max == nil || *a.Max != 21 {
		t.Errorf("the days ahead may be more than are looked at: %v", a.Max)
	}
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		d.bring("ada@example.org")
		d.write(func(tx *store.Tx) error {
			_, err := rulepack.Decide(tx, rulepack.Decision{Key: rulepack.Art14Ahead, Value: "20", Reason: "We write in the first days."}, "FR")
			return err
		})
		daily := func() int { must(t, once.Daily(d.Main)(ctx)); d.settle(); return len(d.mails("source")) }
		due := d.person("ada@example.org").NoticeDueAt
		d.Clock.Advance(due.Time().Sub(d.Clock.Now()) - 20*24*time.Hour - time.Hour)
		if n := daily(); n != 0 {
			t.Errorf("%d mails too early", n)
		}
		d.Clock.Advance(2 * time.Hour)
		if n := daily(); n != 1 {
			t.Errorf("%d mails in time", n)
		}
	})
}

// Whatever happens in whatever order, nobody gets one of these mails twice, or after a no of theirs, or
// for a claim that waits for proof.
func TestNobodyIsToldOrAskedTwiceOrAfterANoWhateverTheOrder(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		dice := rand.New(rand.NewPCG(28, 11))
		var emails []string
		for i := range 12 {
			emails = append(emails, fmt.Sprintf("p%d@example.org", i))
		}
		imp := d.bring(emails...)
		waits := importer.Order{Name: "w.csv", Kind: importer.Acquired, List: "News", Purpose: "Newsletter", Basis: consent.ByConsent, From: "2026-02-01", To: "2026-02-27",
			Open: func() (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("email\nwaits@example.org\n")), nil
			}}
		_, err := importer.Run(ctx, d.Main, d.who, waits, nil)
		must(t, err)
		no := map[string]int{} // how many mails they had when they said no
		count := func(email string) (n int) {
			for _, class := range []string{"source", "question"} {
				for _, m := range d.mails(class) {
					if strings.Contains(m, "<"+email+">") || strings.Contains(m, "To: "+email) {
						n++
					}
				}
			}
			return n
		}
		for range 40 {
			email := emails[dice.IntN(len(emails))]
			id := d.person(email).ID
			switch dice.IntN(8) {
			case 0:
				_ = d.act(func(tx *store.Tx) error { return d.tell(tx, imp) })
			case 1:
				_ = d.act(func(tx *store.Tx) error { return d.ask(tx) })
			case 2:
				if _, said := no[email]; !said {
					no[email] = count(email)
					must(t, d.Main.Write(ctx, d.visitor, func(tx *store.Tx) error {
						_, err := consent.Leave(tx, consent.Leaving{Contact: id, Scope: consent.Everything, Kind: consent.Object, Source: "mail", Method: "one_click"})
						return err
					}))
				}
			case 3:
				must(t, d.jobs.Settle(ctx))
			case 4: // killed with messages in its hands, before or after it wrote them
				must(t, d.Main.Write(ctx, actor.Worker("dies", d.account), func(tx *store.Tx) error { _, _, err := message.Claim(tx, 2); return err }))
			case 5:
				d.Clock.Advance(2 * message.Lease)
				must(t, d.mail.Settle(ctx))
			case 6:
				must(t, once.Pace(d.Main)(ctx))
			case 7:
				d.Clock.Advance(24 * time.Hour)
				must(t, once.Daily(d.Main)(ctx))
			}
		}
		d.Clock.Advance(2 * message.Lease)
		d.settle()
		seen := map[string]int{}
		for _, class := range []string{"source", "question"} {
			for _, m := range d.mails(class) {
				seen[class+" "+strings.SplitN(m, "\n", 2)[0]]++
			}
		}
		for who, n := range seen {
			if n > 1 {
				t.Errorf("%s: %d times", who, n)
			}
		}
		for email, had := range no {
			if n := count(email); n > had {
				t.Errorf("%s got %d mails after the no", email, n-had)
			}
		}
		if count("waits@example.org") != 0 || len(seen) == 0 {
			t.Errorf("waiting: %d; %d in all", count("waits@example.org"), len(seen))
		}
	})
}

// What a campaign told at its top counts once, is proved of each person alone, and doesn't come again as a mail of its own.
func TestWhatACampaignToldIsProvedOfEachPersonAndNotToldAgain(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.publish()
		imp := d.bring("ada@example.org", "bob@example.org", "cy@example.org")
		ada, bob := d.person("ada@example.org").ID, d.person("bob@example.org").ID
		var note notice.Version
		d.view(func(v *store.View) (err error) { note, _, err = notice.Current(v); return err })
		told := func(campaign int64) {
			d.write(func(tx *store.Tx) error { return once.ToldBy(tx, campaign, note.ID, []int64{bob, ada, ada, 999}) })
		}
		told(4711)
		told(4712)
		r := d.row("ada@example.org", 0)
		if r.CampaignID != 4711 || r.ImportID != imp || r.NoteVersionID != note.ID || r.Whole() || d.person("ada@example.org").NoticeDueAt != 0 {
			t.Errorf("%+v", r)
		}
		d.write(func(tx *store.Tx) error { return d.tell(tx, imp) })
		d.settle()
		if got := d.mails("source"); len(got) != 1 || !strings.Contains(got[0], "cy@example.org") {
			t.Errorf("%d mails", len(got))
		}
		for _, id := range []int64{ada, d.person("cy@example.org").ID} {
			p, err := evidence.Build(ctx, d.Main, d.who, id, "en")
			must(t, err)
			said := 0
			for _, a := range p.File.Acts {
				if strings.Contains(a.Words, "GDPR 14") {
					said++
				}
			}
			if said != 1 {
				t.Errorf("the proof tells of it %d times", said)
			}
			if _, err := proof.Verify(p.Bytes, d.Log.Key(), nil); err != nil {
				t.Errorf("the proof doesn't hold: %v", err)
			}
		}
	})
}
