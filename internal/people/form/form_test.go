// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

// rules are those of the newest pack.
func rules() *rulepack.Rules {
	packs := rulepack.Packs()
	return rulepack.Published(packs[len(packs)-1])
}

// stall is an account with two lists, a note and a published form.
type stall struct {
	*testhouse.House
	t          testing.TB
	acct       int64
	member     actor.Actor
	visitor    actor.Actor
	news, club int64
	opens      int64
	note       int64
	form       int64
	desk       *form.Desk
	live       form.Live
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, h *testhouse.House, change func(*form.Definition, *stall)) *stall {
	t.Helper()
	acct, member := h.House(t)
	w := &stall{House: h, t: t, acct: acct, member: member}
	h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
	w.desk = form.NewDesk(h.Main)
	h.Main.Attach(w.desk)
	w.visitor = actor.Actor{Kind: actor.Subject, Account: acct, Request: "test", Language: "fr"}
	w.write(func(tx *store.Tx) error {
		p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Newsletter"})
		if err != nil {
			return err
		}
		if w.news, err = list.Make(tx, list.New{Name: "News", Purpose: p, Public: list.Words{"en": "Monthly news", "fr": "Nouvelles du mois"}}); err != nil {
			return err
		}
		q, err := list.MakePurpose(tx, list.NewPurpose{Name: "Club"})
		if err != nil {
			return err
		}
		if w.club, err = list.Make(tx, list.New{Name: "Club", Purpose: q, Public: list.Words{"en": "Club evenings", "fr": "Soirées du club"}}); err != nil {
			return err
		}
		m, err := list.MakePurpose(tx, list.NewPurpose{Name: "Opens"})
		if err != nil {
			return err
		}
		if w.opens, err = list.Make(tx, list.New{Name: "Opens", Purpose: m, Kind: list.Grant, Public: list.Words{"en": "Tell us what you open", "fr": "Dites-nous ce que vous ouvrez"}}); err != nil {
			return err
		}
		n := notice.Begin(notice.Answers{Name: "Café Rosalie", Postal: "12 rue des Lilas\n69003 Lyon", Country: "FR", Language: "fr", DataEmail: "rosalie@cafe.example",
			Policy: "https://cafe.example/vie-privee"}, rules())
		if w.note, err = notice.Make(tx, "Newsletter", n); err != nil {
			return err
		}
		_, err = notice.Publish(tx, w.note, 1)
		return err
	})
	w.write(func(tx *store.Tx) error {
		l, err := list.Get(tx, w.news)
		if err != nil {
			return err
		}
		d := form.Begin(l, "fr", w.note, "#b45309")
		if change != nil {
			change(&d, w)
		}
		if w.form, err = form.Make(tx, "Lettre du café", d); err != nil {
			return err
		}
		_, err = form.Publish(context.Background(), tx, w.form, 1)
		return err
	})
	w.read()
	return w
}

func (w *stall) read() {
	w.t.Helper()
	var f form.Form
	w.view(func(v *store.View) (err error) { f, err = form.Find(v, w.form); return err })
	var err error
	if w.live, err = w.desk.At(context.Background(), f.Slug); err != nil {
		w.t.Fatal(err)
	}
}

func (w *stall) write(fn func(*store.Tx) error) {
	w.t.Helper()
	must(w.t, w.Main.Write(context.Background(), w.member, fn))
}

func (w *stall) asVisitor(fn func(*store.Tx) error) {
	w.t.Helper()
	must(w.t, w.Main.Write(context.Background(), w.visitor, fn))
}

func (w *stall) view(fn func(*store.View) error) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, fn))
}

var ip, _ = pii.ParseIP("203.0.113.9")

func (w *stall) submission(email string, more ...string) form.Submission {
	w.t.Helper()
	v := url.Values{"email": {email}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Add(more[i], more[i+1])
	}
	s, err := form.Read(w.live, "fr", v)
	must(w.t, err)
	s.Origin = consent.Origin{IP: ip, Source: "direct", Agent: pii.T("Lynx")}
	s.Page = "https://news.example/f/lettre"
	return s
}

func (w *stall) submit(email string, more ...string) (out form.Outcome) {
	w.t.Helper()
	s := w.submission(email, more...)
	out, err := form.Take(context.Background(), w.Main, w.visitor, s)
	must(w.t, err)
	return out
}

func (w *stall) confirm(signup int64) (st form.Stage) {
	w.t.Helper()
	w.asVisitor(func(tx *store.Tx) (err error) {
		st, err = form.Confirm(tx, signup, consent.Origin{IP: ip, Source: "direct", Agent: pii.T("Firefox")})
		return err
	})
	return st
}

func (w *stall) standing(email string, l int64) (st consent.Standing, c contact.Contact) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		var ok bool
		var err error
		if c, ok, err = contact.Find(v, address.Must(email)); err != nil || !ok {
			return err
		}
		all, err := consent.Standings(v, c.ID)
		for _, s := range all {
			if s.ListID == l {
				st = s
			}
		}
		return err
	})
	return st, c
}

func (w *stall) facts(kind string) (n int64) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { n, err = store.One[int64](v, countFacts, kind); return err })
	return n
}

var countFacts = store.Account("test.count_facts", `SELECT count(*) FROM fact f WHERE f.account_id = :account AND f.kind = ?`)

func TestASignUpIsConfirmedByItsMailbox(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		out := w.submit("lea@example.org")
		if !out.Mail || out.Signup == 0 {
			t.Fatalf("%+v", out)
		}
		if st, c := w.standing("lea@example.org", w.news); st.State != consent.Requested || !c.Name.IsZero() {
			t.Fatalf("after the form: %+v", st)
		}
		if n := w.facts("form.requested"); n != 1 {
			t.Errorf("%d facts ask for the confirmation mail", n)
		}
		h.Clock.Advance(3 * time.Hour)
		var d compose.Draft
		w.write(func(tx *store.Tx) (err error) { d, err = form.DraftConfirmation(tx, out.Signup); return err })
		if d.Class != "confirmation" || d.Signup != out.Signup || d.To.Addr != "lea@example.org" || d.Language != "fr" {
			t.Errorf("draft %+v", d)
		}
		all := d.Subject
		for _, b := range d.Blocks {
			all += "\n" + b.Text + " " + b.URL
		}
		for _, part := range []string{"Restons en contact", "Nouvelles du mois", "https://news.example/c/", "2\u00a0mars 2026", "7 jours"} {
			if !strings.Contains(all, part) {
				t.Errorf("the mail lacks %q:\n%s", part, all)
			}
		}
		if strings.Contains(all, "<no value>") || strings.Contains(all, "form.mail") {
			t.Error(all)
		}
		h.Clock.Advance(time.Hour)
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Fatalf("confirm: %s", st)
		}
		st, c := w.standing("lea@example.org", w.news)
		if st.State != consent.Given || st.Grade != consent.GradeA || st.Reason != "" {
			t.Fatalf("after the button: %+v", st)
		}
		if st := w.confirm(out.Signup); st != form.Already {
			t.Errorf("a second time: %s", st)
		}
		if n := w.facts("form.confirmed"); n != 1 {
			t.Errorf("%d facts ask for the receipt", n)
		}
		w.view(func(v *store.View) error {
			events, err := consent.Events(v, c.ID)
			if err != nil || len(events) != 2 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			req, yes := events[0], events[1]
			if req.Kind != consent.Request || yes.Kind != consent.Confirm || yes.RequestEvent != req.ID || yes.OccurredAt-req.OccurredAt != legalclock.Moment((4*time.Hour).Microseconds()) {
				t.Errorf("events %+v\n%+v", req, yes)
			}
			for _, e := range events {
				if e.FormVersionID != w.live.Version.ID || e.NoteVersionID != w.live.Note.ID || string(e.NoteSHA256) != string(w.live.Note.In("fr").Sha256) || e.Language != "fr" {
					t.Errorf("evidence of %s: %+v", e.Kind, e)
				}
				words, err := consent.Words(v, e.TextSHA256)
				if err != nil || words == "" || strings.Contains(words, "lea@") {
					t.Errorf("words of %s: %q %v", e.Kind, words, err)
				}
			}
			words, err := consent.Words(v, req.TextSHA256)
			for _, part := range []string{"Restons en contact", "→ Nouvelles du mois", "[S’inscrire]", "Café Rosalie"} {
				if !strings.Contains(words, part) {
					t.Errorf("what was shown lacks %q:\n%s", part, words)
				}
			}
			from, err2 := consent.Origins(v, c.ID, events)
			if err2 != nil || from[0].IP.Raw() != ip.Raw() || from[1].Agent.Raw() != "Firefox" {
				t.Errorf("origins %v", err2)
			}
			return err
		})
	})
}

func TestWhatAVisitorTypedIsBelievedOnlyFromTheMailbox(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, w *stall) {
			d.Fields = []form.Field{{Name: "name", Type: "text", Label: both("Name", "Nom"), Why: both("to greet you", "pour vous saluer")},
				{Name: "CITY", Type: "text", Label: both("City", "Ville"), Why: both("for evenings near you", "pour les soirées près de chez vous")}}
		})
		w.write(func(tx *store.Tx) error {
			_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("paul@example.org"), Name: pii.T("Paul"), Source: "member"}})
			return err
		})
		a := w.submit("paul@example.org", "a.name", "Eve", "a.CITY", "Lyon")
		if _, c := w.standing("paul@example.org", w.news); c.Name.Raw() != "Paul" || len(c.Attributes) != 0 {
			t.Errorf("a stranger changed a contact: %q", c.Name.Raw())
		}
		var row form.Waiting
		w.view(func(v *store.View) (err error) { row, err = form.Look(v, a.Signup); return err })
		if len(row.Answers) == 0 || strings.Contains(string(row.Answers), "Eve") {
			t.Errorf("answers are not sealed: %q", row.Answers)
		}
		w.confirm(a.Signup)
		if _, c := w.standing("paul@example.org", w.news); c.Name.Raw() != "Eve" || c.Attributes["CITY"].Raw() != "Lyon" {
			t.Errorf("confirmed: %q %q", c.Name.Raw(), c.Attributes["CITY"].Raw())
		}
		w.view(func(v *store.View) (err error) { row, err = form.Look(v, a.Signup); return err })
		if len(row.Answers) != 0 {
			t.Error("what was typed is kept twice")
		}
	})
}

func both(en, fr string) form.Words { return form.Words{"en": en, "fr": fr} }

func TestNotMeEndsAllConfirmationMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, w *stall) {
			d.Lists = append(d.Lists, form.Choice{List: w.club, Purpose: 1, Label: both("Club", "Club")})
		})
		first := w.submit("mona@example.org", "list", num(w.news))
		second := w.submit("mona@example.org", "list", num(w.club))
		var st form.Stage
		notMe := func(tx *store.Tx) (err error) { st, err = form.NotMe(tx, second.Signup, consent.Origin{}); return err }
		w.asVisitor(notMe)
		w.asVisitor(notMe)
		if st != form.SaidNo {
			t.Errorf("stage %s", st)
		}
		for _, l := range []int64{w.news, w.club} {
			if s, _ := w.standing("mona@example.org", l); s.State != consent.Refused {
				t.Errorf("list %d: %s", l, s.State)
			}
		}
		if st := w.confirm(first.Signup); st != form.SaidNo {
			t.Errorf("an older link after “not me”: %s", st)
		}
		err := h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, first.Signup); return err })
		if !fault.Is(err, fault.Gone) {
			t.Errorf("a mail to somebody who said “not me”: %v", err)
		}
		before := w.facts("form.requested")
		again := w.submit("mona@example.org", "list", num(w.news))
		if !again.Mail || again.Signup != 0 || w.facts("form.requested") != before {
			t.Errorf("a further sign-up: %+v, %d facts instead of %d", again, w.facts("form.requested"), before)
		}
	})
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

func TestALinkEndsAndANewOneCanBeHad(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		out := w.submit("lea@example.org")
		h.Clock.Advance(7*24*time.Hour + time.Minute)
		if st := w.confirm(out.Signup); st != form.TooLate {
			t.Fatalf("after a week: %s", st)
		}
		var st form.Stage
		w.asVisitor(func(tx *store.Tx) (err error) { st, err = form.AskAgain(tx, out.Signup); return err })
		if st != form.Ready || w.facts("form.requested") != 2 {
			t.Fatalf("asking again: %s, %d facts", st, w.facts("form.requested"))
		}
		w.write(func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, out.Signup); return err })
		h.Clock.Advance(time.Hour)
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Errorf("with the new mail: %s", st)
		}
	})
}

func TestANoSaidMeanwhileStands(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		out := w.submit("lea@example.org")
		h.Clock.Advance(time.Minute)
		_, c := w.standing("lea@example.org", w.news)
		w.asVisitor(func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: c.ID, List: w.news, Kind: consent.Withdraw, Source: "mail"}})
			return err
		})
		h.Clock.Advance(time.Minute)
		if st := w.confirm(out.Signup); st != form.SaidNo {
			t.Errorf("stage %s", st)
		}
		if s, _ := w.standing("lea@example.org", w.news); s.State != consent.Withdrawn {
			t.Errorf("state %s", s.State)
		}
	})
}

func TestSingleOptInSaysYesAtOnceUnlessThePersonSaidNo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.OptIn = form.Single })
		out := w.submit("lea@example.org")
		if out.Mail || out.Signup == 0 || w.facts("form.confirmed") != 1 {
			t.Errorf("%+v", out)
		}
		s, c := w.standing("lea@example.org", w.news)
		if s.State != consent.Given || s.Reason != "" {
			t.Errorf("standing %+v", s)
		}
		h.Clock.Advance(time.Minute)
		w.asVisitor(func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: c.ID, List: w.news, Kind: consent.Withdraw, Source: "mail"}})
			return err
		})
		h.Clock.Advance(time.Minute)
		if out = w.submit("lea@example.org"); out.Mail || out.Signup == 0 || w.facts("form.requested") != 1 || w.facts("form.confirmed") != 1 {
			t.Errorf("after a no: %+v", out) // a visitor is told what all are told
		}
		if s, _ := w.standing("lea@example.org", w.news); s.State != consent.Requested {
			t.Errorf("a no turned without the mailbox: %s", s.State)
		}
	})
}

// A no before one list leaves the others to be confirmed with it: nothing is given before the press that is asked for.
func TestSingleOptInGivesNothingAtOnceWhereANoStandsBeforeOneList(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, w *stall) {
			d.OptIn, d.Lists = form.Single, append(d.Lists, form.Choice{List: w.club, Purpose: 1, Label: both("Club", "Club")})
		})
		w.submit("lea@example.org", "list", num(w.news))
		_, c := w.standing("lea@example.org", w.news)
		h.Clock.Advance(time.Minute)
		w.asVisitor(func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: c.ID, List: w.news, Kind: consent.Withdraw, Source: "mail"}})
			return err
		})
		h.Clock.Advance(time.Minute)
		out := w.submit("lea@example.org", "list", num(w.news), "list", num(w.club))
		for _, l := range []int64{w.news, w.club} {
			if s, _ := w.standing("lea@example.org", l); s.State != consent.Requested {
				t.Errorf("list %d before the press: %s", l, s.State)
			}
		}
		w.view(func(v *store.View) error {
			all, err := consent.Events(v, c.ID)
			for _, e := range all[2:] {
				if e.Kind != consent.Request {
					t.Errorf("the ledger tells of a %s", e.Kind)
				}
			}
			return err
		})
		h.Clock.Advance(time.Minute)
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Fatal(st)
		}
		for _, l := range []int64{w.news, w.club} {
			if s, _ := w.standing("lea@example.org", l); s.State != consent.Given {
				t.Errorf("list %d after the press: %s", l, s.State)
			}
		}
		// Without a no nobody is asked more than before.
		w.submit("max@example.org", "list", num(w.news))
		w.submit("max@example.org", "list", num(w.club))
		if s, _ := w.standing("max@example.org", w.club); s.State != consent.Given {
			t.Errorf("who was known: %s", s.State)
		}
	})
}

func TestEachListNeedsItsOwnTick(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition, w *stall) {
		d.Lists = append(d.Lists, form.Choice{List: w.club, Label: both("Club", "Club")}, form.Choice{List: w.opens, Label: both("Opens", "Ouvertures")})
	})
	for name, c := range map[string]struct {
		ticked []int64
		key    string
		lists  []int64
	}{
		"none":      {nil, "form.pick_one", nil},
		"measuring": {[]int64{w.opens}, "form.pick_one", nil},
		"foreign":   {[]int64{w.news, 999999}, "form.no_list", nil},
		"one":       {[]int64{w.club}, "", []int64{w.club}},
		"two":       {[]int64{w.opens, w.news}, "", []int64{w.news, w.opens}},
	} {
		v := url.Values{"email": {"lea@example.org"}}
		for _, id := range c.ticked {
			v.Add("list", num(id))
		}
		s, err := form.Read(w.live, "fr", v)
		key := ""
		if err != nil {
			key = fault.All(err)[0].Key
		}
		if key != c.key {
			t.Errorf("%s: %q, want %q", name, key, c.key)
		}
		if c.key == "" && !slices.Equal(s.Ticked, c.lists) {
			t.Errorf("%s: %v", name, s.Ticked)
		}
	}
}

func TestAnAddressIsBotheredAtMostThriceADay(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		for range 3 {
			w.submit("lea@example.org")
		}
		out := w.submit("lea@example.org")
		if !out.Mail || out.Signup != 0 || w.facts("form.requested") != 3 {
			t.Errorf("a fourth time: %+v, %d mails", out, w.facts("form.requested"))
		}
		for i := range 70 {
			s := w.submission("p" + strconv.Itoa(i) + "@example.org")
			err := h.Main.Write(context.Background(), w.visitor, func(tx *store.Tx) error { _, err := form.Submit(tx, s); return err })
			if err != nil {
				if !fault.Is(err, fault.Busy) || i < 50 {
					t.Errorf("sign-up %d of one network: %v", i, err)
				}
				return
			}
		}
		t.Error("a network has no budget")
	})
}

// The same answer for an address that is known, unknown, blocked or over its budget.
func TestTheAnswerTellsNothingAboutAnAddress(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	first := w.submit("known@example.org")
	w.confirm(first.Signup)
	blocked := w.submit("blocked@example.org")
	w.asVisitor(func(tx *store.Tx) error { _, err := form.NotMe(tx, blocked.Signup, consent.Origin{}); return err })
	for _, email := range []string{"known@example.org", "unknown@example.org", "blocked@example.org"} {
		if out := w.submit(email); !out.Mail {
			t.Errorf("%s: %+v", email, out)
		}
	}
	for range 3 {
		w.submit("overworked@example.org")
	}
	busy := false
	for i := 0; i < 80 && !busy; i++ {
		s := w.submission("p" + strconv.Itoa(i) + "@example.org")
		busy = fault.Is(h.Main.Write(context.Background(), w.visitor, func(tx *store.Tx) error { _, err := form.Submit(tx, s); return err }), fault.Busy)
	}
	if !busy {
		t.Fatal("a network has no budget")
	}
	for _, email := range []string{"known@example.org", "stranger@example.org", "blocked@example.org", "overworked@example.org"} {
		if _, err := form.Take(context.Background(), h.Main, w.visitor, w.submission(email)); !fault.Is(err, fault.Busy) {
			t.Errorf("a network over its budget hears of %s: %v", email, err)
		}
	}
}

// A fault at each statement leaves nothing, and the next try succeeds.
func TestAFaultAnywhereLeavesNothingHalfDone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) {
			d.Fields = []form.Field{{Name: "name", Type: "text", Label: both("Name", "Nom"), Why: both("to greet you", "pour vous saluer")}}
		})
		broken := errors.New("the disk is gone")
		count := func() (n int64) {
			w.view(func(v *store.View) (err error) { n, err = store.One[int64](v, countAll); return err })
			return n
		}
		each := func(name string, act func(tx *store.Tx) error) {
			for n := 1; ; n++ {
				before, k := count(), 0
				h.Main.SetHook(func(string) error {
					if k++; k == n {
						return broken
					}
					return nil
				})
				err := h.Main.Write(context.Background(), w.visitor, act)
				h.Main.SetHook(nil)
				if err == nil {
					if n < 6 {
						t.Errorf("%s took %d statements only", name, n)
					}
					return
				}
				if !errors.Is(err, broken) {
					t.Fatalf("%s, statement %d: %v", name, n, err)
				}
				if after := count(); after != before {
					t.Fatalf("%s: a fault at statement %d left %d rows", name, n, after-before)
				}
			}
		}
		s := w.submission("lea@example.org", "a.name", "Léa")
		var out form.Outcome
		each("Submit", func(tx *store.Tx) (err error) { out, err = form.Submit(tx, s); return err })
		h.Clock.Advance(time.Hour)
		each("Confirm", func(tx *store.Tx) error { _, err := form.Confirm(tx, out.Signup, s.Origin); return err })
		other := w.submit("mona@example.org")
		each("NotMe", func(tx *store.Tx) error { _, err := form.NotMe(tx, other.Signup, s.Origin); return err })
	})
}

var countAll = store.Account("test.count_all", `SELECT
	(SELECT count(*) FROM signup a WHERE a.account_id = :account) + (SELECT count(*) FROM contact b WHERE b.account_id = :account)
	+ (SELECT count(*) FROM consent_event c WHERE c.account_id = :account) + (SELECT count(*) FROM fact d WHERE d.account_id = :account)
	+ (SELECT count(*) FROM trace_entry e WHERE e.account_id = :account) + (SELECT count(*) FROM confirm_block f WHERE f.account_id = :account)
	+ (SELECT count(*) FROM signup g WHERE g.account_id = :account AND g.state <> 'pending')
	+ (SELECT count(*) FROM contact h WHERE h.account_id = :account AND h.name <> '')`)

// What a visitor saw is words and their looks: a new release or another colour of the account changes the looks alone.
func TestHowAVersionLookedIsKeptFromDayToDay(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.Colour = "" })
		release := "/* one */"
		h.Main.Attach(form.Styles(func(colour string) []byte { return []byte(release + colour) }))
		seen := func() (out []string) {
			w.view(func(v *store.View) error {
				all, err := form.Appearances(v, w.live.Version.ID)
				for _, k := range all {
					css, err := form.Style(v, k.Sha256)
					must(t, err)
					if x := string(css); strings.HasPrefix(x, "/*") {
						out = append(out, x)
					} else {
						out = append(out, "published")
					}
				}
				return err
			})
			return out
		}
		keep := func() {
			h.Clock.Advance(time.Hour)
			w.write(form.KeepLooks)
		}
		if got := seen(); !slices.Equal(got, []string{"published"}) {
			t.Fatalf("at first %q", got)
		}
		keep()
		keep() // nothing is new
		release = "/* two */"
		keep()
		w.write(func(tx *store.Tx) error {
			a, err := account.Get(tx)
			if err != nil {
				return err
			}
			seen := a.Mark()
			a.Colour = "#7c2d12"
			return account.Change(tx, seen, a.Details)
		})
		keep()
		release = "/* one */"
		keep()
		want := []string{"/* one */#7c2d12", "/* two */#7c2d12", "/* two */#0f766e", "/* one */#0f766e", "published"}
		if got := seen(); !slices.Equal(got, want) {
			t.Errorf("it looked like %q, want %q", got, want)
		}
		w.view(func(v *store.View) error {
			all, err := trace.Search(v, trace.Question{Action: "form.look"})
			if len(all) != 4 {
				t.Errorf("%d in the trace", len(all))
			}
			return err
		})
		// Put away, it is shown to nobody.
		w.write(func(tx *store.Tx) error { return form.Retire(tx, w.form) })
		release = "/* three */"
		keep()
		if got := seen(); !slices.Equal(got, want) {
			t.Errorf("put away, it looked like %q", got)
		}
	})
}

func TestAPublishedFormStaysAsItWasShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		first := w.live
		var f form.Form
		w.view(func(v *store.View) (err error) { f, err = form.Find(v, w.form); return err })
		w.write(func(tx *store.Tx) error {
			v, err := form.Publish(context.Background(), tx, w.form, f.Version)
			if v.ID != first.Version.ID {
				t.Errorf("the same form published again became version %d", v.Number)
			}
			return err
		})
		d := f.Draft
		d.Title = both("Write to us", "Écrivez-nous")
		w.write(func(tx *store.Tx) error { return form.Edit(tx, w.form, f.Version, f.Name, d) })
		w.read()
		if w.live.Version.Definition.Title["fr"] != "Restons en contact" {
			t.Error("an edit changed what is served")
		}
		w.write(func(tx *store.Tx) error {
			_, err := form.Publish(context.Background(), tx, w.form, f.Version+1)
			return err
		})
		w.read()
		if w.live.Version.Number != 2 || !strings.Contains(w.live.Page("fr").HTML, "Écrivez-nous") {
			t.Errorf("served: version %d", w.live.Version.Number)
		}
		old, err := w.desk.Shown(context.Background(), w.live, first.Version.ID)
		must(t, err)
		if old.Version.Number != 1 || old.Page("fr").HTML != first.Page("fr").HTML {
			t.Error("version 1 is not as it was shown")
		}
		// Who had the old page open says yes to the old words.
		v := url.Values{"email": {"lea@example.org"}}
		s, err := form.Read(old, "fr", v)
		must(t, err)
		w.asVisitor(func(tx *store.Tx) error { _, err := form.Submit(tx, s); return err })
		_, c := w.standing("lea@example.org", w.news)
		w.view(func(v *store.View) error {
			events, err := consent.Events(v, c.ID)
			if len(events) != 1 || events[0].FormVersionID != first.Version.ID {
				t.Errorf("events %+v", events)
			}
			return err
		})
	})
}

func TestAClosedFormTakesNobody(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	w.write(func(tx *store.Tx) error { return form.Close(tx, w.form) })
	if _, err := w.desk.At(context.Background(), w.live.Form.Slug); !fault.Is(err, fault.Gone) {
		t.Errorf("closed: %v", err)
	}
	w.write(func(tx *store.Tx) error { return form.Open(tx, w.form) })
	w.read()
	w.write(func(tx *store.Tx) error { return form.Retire(tx, w.form) })
	if _, err := w.desk.At(context.Background(), w.live.Form.Slug); !fault.Is(err, fault.NotFound) {
		t.Errorf("retired: %v", err)
	}
	if _, err := w.desk.At(context.Background(), "../../etc"); !fault.Is(err, fault.NotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestAProxyNobodyTrustsIsCounted(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		for i := range 20 {
			s := w.submission("p" + strconv.Itoa(i) + "@example.org")
			s.Proxy = "172.18.0.1"
			s.ProxyN = w.desk.Tally(w.acct, w.form, "proxy", s.Proxy)
			w.asVisitor(func(tx *store.Tx) error { _, err := form.Submit(tx, s); return err })
		}
		now := legalclock.MomentOf(h.Clock.Now())
		var here, all []form.Proxy
		w.view(func(v *store.View) (err error) { here, err = form.Proxies(v, now); return err })
		must(t, h.Main.View(context.Background(), actor.System("doctor"), func(v *store.View) (err error) { all, err = form.ProxiesAnywhere(v, now); return err }))
		if len(here) != 1 || here[0].Detail != "172.18.0.1" || here[0].N < 16 || here[0].N > 20 || len(all) != 1 || all[0].N != here[0].N {
			t.Errorf("%+v %+v", here, all)
		}
	})
}

func TestEveryRuleHasItsWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		p := locale.For(lang, nil)
		for _, r := range form.Rules() {
			if !p.Has("form.rule."+r) || !p.Has("form.rule."+r+".remedy") {
				t.Errorf("%s: rule %s has no words", lang, r)
			}
		}
	}
}

// TestAnAccountsShorterTermIsSweptByAndNobodyElses: rule doi.purge of one account ends its
// sign-ups after a week, those of another stay.
func TestAnAccountsShorterTermIsSweptByAndNobodyElses(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, b := settle(t, h, nil), settle(t, h, nil)
		old, theirs := a.submit("old@example.org"), b.submit("old@example.org")
		h.Clock.Advance(8 * 24 * time.Hour)
		must(t, form.Sweep(context.Background(), h.Main))
		if w := a.look(old.Signup); w.ID == 0 || w.State != "pending" {
			t.Fatalf("%q swept after eight days", w.State)
		}
		a.write(func(tx *store.Tx) error {
			_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.DOIPurge, Value: "7"})
			return err
		})
		must(t, form.Sweep(context.Background(), h.Main))
		if w := a.look(old.Signup); w.State == "pending" {
			t.Error("the sign-up stays, though the account chose seven days")
		}
		if w := b.look(theirs.Signup); w.State != "pending" {
			t.Error("another account's sign-up went with it")
		}
	})
}

func (w *stall) look(signup int64) (out form.Waiting) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { out, err = form.Look(v, signup); return err })
	return out
}

// TestSeveralChoicesAreBoxesAndReadTogether: none is ticked, none is made up, and what was chosen
// is the person's once the mailbox has answered.
func TestSeveralChoicesAreBoxesAndReadTogether(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		w.write(func(tx *store.Tx) error {
			if _, err := contact.MakeAttribute(tx, contact.Attribute{Name: "TASTES", Type: contact.TypeMultiple, Choices: []string{"Tea", "Coffee, black", "Cake"}}); err != nil {
				return err
			}
			f, err := form.Find(tx, w.form)
			if err != nil {
				return err
			}
			f.Draft.Fields = append(f.Draft.Fields, form.Field{Name: "TASTES", Type: "multiple", Required: true, Label: both("Tastes", "Goûts"), Why: both("to write about it", "pour en parler")})
			if err := form.Edit(tx, f.ID, f.Version, f.Name, f.Draft); err != nil {
				return err
			}
			_, err = form.Publish(context.Background(), tx, f.ID, f.Version+1)
			return err
		})
		w.read()
		for _, p := range w.live.Pages {
			for _, part := range []string{`<fieldset class="field" id="f-a-TASTES"`, `<legend class="form-label">`, `value="Coffee, black"`, `type="checkbox" name="a.TASTES" id="f-a-TASTES-2"`} {
				if !strings.Contains(p.HTML, part) {
					t.Errorf("%s: %q is missing", p.Language, part)
				}
			}
		}
		bad := func(values url.Values, want string) {
			t.Helper()
			values.Set("email", "lea@example.org")
			_, err := form.Read(w.live, "fr", values)
			if !fault.Is(err, fault.Invalid) || fault.All(err)[0].Field != "a.TASTES" || fault.All(err)[0].Key != want {
				t.Errorf("%v: %v", values, err)
			}
		}
		bad(url.Values{}, "form.missing")
		bad(url.Values{"a.TASTES": {""}}, "form.missing")
		bad(url.Values{"a.TASTES": {"Tea", "Gin"}}, "contact.attribute.unknown")
		out := w.submit("lea@example.org", "a.TASTES", "Cake", "a.TASTES", "Coffee, black")
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Fatal(st)
		}
		_, c := w.standing("lea@example.org", w.news)
		if got := c.Attributes["TASTES"].Several(); !slices.Equal(got, []string{"Coffee, black", "Cake"}) {
			t.Errorf("noted: %q", got)
		}
	})
}
