// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/testhouse"
)

var from = consent.Origin{IP: ip}

// german adds a language to a form: its own words, and one of the fixed ones.
func german(d *form.Definition) {
	t, _ := form.NewTongue("de", "", "fr")
	t.Fixed = map[string]string{"form.email": "E-Mail-Adresse", "form.mail.button": "Ja, das war ich"}
	d.Tongues, d.Languages = []form.Tongue{t}, append(d.Languages, "de")
	for w, s := range map[*form.Words]string{&d.Title: "Bleiben wir in Kontakt", &d.Intro: "Neues aus dem Café.", &d.Consent: "Ja, bitte schickt mir:",
		&d.Withdraw: "Abbestellen geht jederzeit.", &d.Button: "Abonnieren", &d.Sent: "Bitte in der Mailbox bestätigen.", &d.Done: "Danke.", &d.Already: "Schon erledigt."} {
		(*w)["de"] = s
	}
	for i := range d.Lists {
		d.Lists[i].Label["de"] = "Monatsbrief"
	}
}

func TestALanguageTheAccountAddsIsSpokenOnPageInMailAndInTheProof(t *testing.T) {
	d, n := good(t)
	german(&d)
	got := lint(t, d, n, false, nil)
	for rule, r := range got { // the note and some fixed words are in French there
		if want := map[string]form.Result{"note": form.Warned, "translation": form.Warned}[rule]; r != want && (want != "" || r != form.Passed && r != form.Unread) {
			t.Errorf("%s: %s", rule, r)
		}
	}
	delete(d.Consent, "de")
	if got := lint(t, d, n, false, nil); got["translation"] != form.Refused {
		t.Error("a text that lacks in the added language is let through")
	}
	for code, ok := range map[string]bool{"de": true, "pt-BR": true, "en": false, "fr": false, "": false, "no such": false, "x\x00": false} {
		if _, good := form.NewTongue(code, "", "en"); good != ok {
			t.Errorf("%q: %v", code, good)
		}
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) {
			german(d)
			d.Subject, d.Greeting = form.Words{"de": "Bitte bestätigen", "fr": "Confirmez", "en": "Confirm"}, form.Words{"de": "Schön, dass du da bist.", "fr": "Bonjour.", "en": "Hello."}
		})
		page := w.live.Page("de").HTML
		for _, s := range []string{"E-Mail-Adresse", "Monatsbrief", `lang="de"`, `<span lang="fr">`} {
			if !strings.Contains(page, s) {
				t.Errorf("%q is missing in %s", s, page)
			}
		}
		if l := w.live.Language("", "de-AT,de;q=0.9,en;q=0.5"); l != "de" {
			t.Errorf("a browser that asks for German gets %s", l)
		}
		sub, err := form.Read(w.live, "de", map[string][]string{"email": {"lea@example.org"}})
		must(t, err)
		var out form.Outcome
		var m compose.Draft
		w.asVisitor(func(tx *store.Tx) (err error) { out, err = form.Submit(tx, sub); return err })
		w.asVisitor(func(tx *store.Tx) (err error) { m, err = form.DraftConfirmation(tx, out.Signup); return err })
		if m.Subject != "Bitte bestätigen" || m.Blocks[1].Text != "Schön, dass du da bist." || !strings.Contains(m.Blocks[3].Text, "Monatsbrief") || m.Blocks[4].Text != "Ja, das war ich" {
			t.Errorf("the mail: %q %v", m.Subject, m.Blocks)
		}
		if said := form.Said(w.live.Version.Definition, w.live.Note, "de", nil); !strings.Contains(said, "Monatsbrief") || !strings.Contains(said, "Abonnieren") {
			t.Errorf("the proof says %s", said)
		}
	})
}

func TestTheChoicesOfAFieldAreSaidInTheFormsLanguagesAndKeptAsTheyAre(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		edit := func(change func(*form.Definition)) error {
			return h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
				f, err := form.Find(tx, w.form)
				if err != nil {
					return err
				}
				change(&f.Draft)
				return form.Edit(tx, f.ID, f.Version, f.Name, f.Draft)
			})
		}
		check := func() (d form.Definition, found []form.Finding) {
			w.view(func(v *store.View) error {
				f, err := form.Find(v, w.form)
				if err == nil {
					d, found, _, _, err = form.Check(context.Background(), v, f)
				}
				return err
			})
			return d, found
		}
		publish := func() {
			w.write(func(tx *store.Tx) error {
				f, err := form.Find(tx, w.form)
				if err == nil {
					_, err = form.Publish(context.Background(), tx, f.ID, f.Version)
				}
				return err
			})
			w.read()
		}
		var size int64
		w.write(func(tx *store.Tx) (err error) {
			if _, err = contact.MakeAttribute(tx, contact.Attribute{Name: "TASTES", Type: contact.TypeMultiple, Choices: []string{"T1", "T2"}}); err == nil {
				size, err = contact.MakeAttribute(tx, contact.Attribute{Name: "SIZE", Type: contact.TypeChoice, Choices: []string{"S", "M"}})
			}
			return err
		})
		must(t, edit(func(d *form.Definition) {
			german(d)
			pt, _ := form.NewTongue("pt-BR", "", "fr")
			d.Tongues = append(d.Tongues, pt)
			for _, name := range []string{"TASTES", "SIZE"} {
				d.Fields = append(d.Fields, form.Field{Name: name, Label: form.Words{"en": name, "fr": name, "de": name}, Why: form.Words{"en": "to fit", "fr": "pour convenir", "de": "damit es passt"}})
			}
		}))
		publish()
		first, before := w.live, form.Said(w.live.Version.Definition, w.live.Note, "de", nil)
		if strings.Contains(before, "·") || !strings.Contains(first.Page("de").HTML, ">T1</label>") {
			t.Errorf("without words a choice is shown as it is: %s", before)
		}
		if _, found := check(); slices.ContainsFunc(found, func(f form.Finding) bool {
			return f.Rule == "translation" && f.What != "fixed" && f.Result != form.Passed
		}) {
			t.Errorf("a form without such words is no worse than before: %+v", found)
		}
		must(t, edit(func(d *form.Definition) {
			d.Fields[0].Called = map[string]form.Words{"T1": {"en": "Tea", "fr": "Thé", "de": "Tee"}, "gone": {"de": "Weg"}}
			d.Fields[1].Called = map[string]form.Words{"S": {"de": "Klein"}}
		}))
		d, found := check()
		for lang, want := range map[string]form.Result{"de": "", "en": form.Warned, "fr": form.Warned} {
			i := slices.IndexFunc(found, func(f form.Finding) bool { return f.Rule == "translation" && f.Language == lang && f.What == "SIZE: S" })
			if want == "" && i >= 0 || want != "" && (i < 0 || found[i].Result != want) {
				t.Errorf("%s: %+v", lang, found)
			}
		}
		if len(d.Fields[0].Called) != 1 {
			t.Errorf("words of a choice that isn't offered: %v", d.Fields[0].Called)
		}
		publish()
		embed, err := form.Embed(context.Background(), w.live.Version, w.live.Note, w.acct, "de", "https://news.example", w.live.Form.Slug)
		must(t, err)
		for _, html := range []string{w.live.Page("de").HTML, embed} {
			for _, part := range []string{`value="T1"> <label for="f-a-TASTES-0">Tee</label>`, `value="T2"> <label for="f-a-TASTES-1">T2</label>`, `<option value="S">Klein</option>`, `<option value="M">M</option>`} {
				if !strings.Contains(strings.ReplaceAll(html, ">\n<", "><"), part) {
					t.Errorf("%q is missing in %s", part, html)
				}
			}
		}
		if p := w.live.Page("fr").HTML; !strings.Contains(p, ">Thé<") || !strings.Contains(p, `<option value="S">S</option>`) {
			t.Errorf("in French: %s", p)
		}
		said := form.Said(w.live.Version.Definition, w.live.Note, "de", nil)
		for _, part := range []string{"\n· Tee\n· T2\n", "\n· Klein\n· M\n"} {
			if !strings.Contains(said, part) {
				t.Errorf("the proof lacks %q: %s", part, said)
			}
		}
		w.view(func(v *store.View) error { // what was published stays to the letter
			old, err := form.Get(v, first.Version.ID)
			if err == nil && form.Said(old.Definition, first.Note, "de", nil) != before {
				t.Error("an old version says something else now")
			}
			return err
		})
		sub, err := form.Read(w.live, "de", map[string][]string{"email": {"lea@example.org"}, "a.TASTES": {"T1"}, "a.SIZE": {"S"}})
		must(t, err)
		var out form.Outcome
		w.asVisitor(func(tx *store.Tx) (err error) { out, err = form.Submit(tx, sub); return err })
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Fatal(st)
		}
		if _, c := w.standing("lea@example.org", w.news); !slices.Equal(c.Attributes["TASTES"].Several(), []string{"T1"}) || c.Attributes["SIZE"].Raw() != "S" {
			t.Errorf("kept: %q", c.Attributes)
		}
		if _, err := form.Read(w.live, "de", map[string][]string{"email": {"lea@example.org"}, "a.SIZE": {"Klein"}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a word of the page is taken for a choice: %v", err)
		}
		for _, long := range []string{strings.Repeat("ß", form.MaxCalled+1), "a\nb", "a\x00b"} {
			if err := edit(func(d *form.Definition) { d.Fields[1].Called = map[string]form.Words{"S": {"de": long}} }); !fault.Is(err, fault.Invalid) {
				t.Errorf("%.10q: %v", long, err)
			}
		}
		must(t, edit(func(d *form.Definition) { // a language with a region can be published too
			for _, w := range []form.Words{d.Title, d.Consent, d.Withdraw, d.Button, d.Intro, d.Sent, d.Done, d.Already, d.Lists[0].Label, d.Fields[0].Label, d.Fields[0].Why, d.Fields[1].Label, d.Fields[1].Why} {
				w["pt-BR"] = "Sim"
			}
			d.Languages = append(d.Languages, "pt-BR")
		}))
		publish()
		w.write(func(tx *store.Tx) error {
			return contact.ChangeAttribute(tx, size, 0, contact.Attribute{Choices: contact.Choices{"S", "L"}})
		})
		if d, _ := check(); !slices.Equal(d.Fields[1].Choices, []string{"S", "L"}) || d.Fields[1].Called["S"]["de"] != "Klein" {
			t.Errorf("after a choice was added: %+v", d.Fields[1])
		}
	})
}

func TestTheHouseKnowsWhichLanguagesItsFormsAdded(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { german(d) })
		knows := func(want string) {
			t.Helper()
			w.view(func(v *store.View) error {
				all, err := form.Tongues(v)
				var got []string
				for _, x := range all {
					got = append(got, x.Code+" "+x.Name+" "+x.Fallback)
				}
				if s := strings.Join(got, ", "); s != want {
					t.Errorf("the forms speak %q, not %q", s, want)
				}
				return err
			})
		}
		speaks := func(lang, want string) {
			t.Helper()
			w.view(func(v *store.View) error {
				got, err := form.Speaks(v, lang)
				if got != want {
					t.Errorf("who reads %q is spoken to in %q, not %q", lang, got, want)
				}
				return err
			})
		}
		knows("de Deutsch fr")
		for lang, want := range map[string]string{"de": "fr", "fr": "fr", "en": "en", "": "", "it": "", "%": "", "d_": "", "d\x00": ""} {
			speaks(lang, want)
		}
		w.write(func(tx *store.Tx) error { // what a list is called in a language comes along
			l, err := list.Get(tx, w.club)
			if err != nil {
				return err
			}
			if err = list.Rename(tx, w.club, "", l.Name, list.Words{"fr": "Soirées", "de": "Clubabende"}); err != nil {
				return err
			}
			f, err := form.Find(tx, w.form)
			if err != nil {
				return err
			}
			if l, err = list.Get(tx, w.club); err == nil {
				f.Draft.Add(l)
				if c := f.Draft.Lists[1]; c.Label["de"] != "Clubabende" || c.Label["fr"] != "Soirées" {
					t.Errorf("the form calls it %v", c.Label)
				}
			}
			return err
		})
		other := settle(t, h, nil)
		other.view(func(v *store.View) error {
			all, err := form.Tongues(v)
			if got, err := form.Speaks(v, "de"); len(all) != 0 || got != "" || err != nil {
				t.Errorf("another account's: %v %q %v", all, got, err)
			}
			return err
		})
		w.write(func(tx *store.Tx) error { return form.Close(tx, w.form) })
		knows("")
		speaks("de", "fr") // who signed up there still reads it
		w.write(func(tx *store.Tx) error { return form.Open(tx, w.form) })
		knows("de Deutsch fr")
		w.write(func(tx *store.Tx) error { return form.Retire(tx, w.form) })
		knows("")
		speaks("de", "fr")
	})
}

func TestTheAgeAskedIsThatOfTheCountryAndTheCountryIsKeptNowhere(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.Ages = []form.Aged{{Country: form.Elsewhere, Years: 16}} })
		if n := len(w.live.Version.Definition.Ages); n != 31 {
			t.Fatalf("%d countries", n)
		}
		for country, want := range map[string]string{"FR": "15", "BE": "13", form.Elsewhere: "16"} {
			_, err := form.Read(w.live, "en", map[string][]string{"email": {"a@example.org"}, "country": {country}})
			if all := fault.All(err); len(all) != 1 || all[0].Field != "age" || !strings.Contains(locale.For("en", nil).Fault(all[0]), want) {
				t.Errorf("%s: %v", country, err)
			}
		}
		if _, err := form.Read(w.live, "en", map[string][]string{"email": {"a@example.org"}, "age": {"1"}}); fault.All(err)[0].Field != "country" {
			t.Errorf("without a country: %v", err)
		}
		sub, err := form.Read(w.live, "en", map[string][]string{"email": {"a@example.org"}, "age": {"1"}, "country": {"BE"}})
		must(t, err)
		if len(sub.Answers) != 0 || !sub.OverAge {
			t.Errorf("kept: %v", sub.Answers)
		}
		said := form.Said(w.live.Version.Definition, w.live.Note, "fr", nil)
		if !strings.Contains(said, "Belgique") || !strings.Contains(said, "13 ans") {
			t.Error(said)
		}
	})
}

func TestASensitiveAnswerNeedsItsOwnYes(t *testing.T) {
	f := form.Field{Name: "ALLERGIES", Type: "text", Marked: true, Label: both("Allergies", "Allergies"), Why: both("for the cake", "pour le gâteau")}
	d, n := good(t)
	d.Fields = []form.Field{f}
	if got := lint(t, d, n, false, nil); got["special"] != form.Refused {
		t.Error("asked without the words of GDPR 9")
	}
	d.Fields[0].Explicit = both("I expressly agree that you keep my allergies.", "J’accepte expressément que vous gardiez mes allergies.")
	if got := lint(t, d, n, false, nil); got["special"] != form.Warned {
		t.Errorf("with the words: %s", got["special"])
	}
	live := form.Live{Version: form.Version{Definition: d}, Note: n}
	if _, err := form.Read(live, "en", map[string][]string{"email": {"a@example.org"}, "a.ALLERGIES": {"nuts"}}); len(fault.All(err)) != 1 || fault.All(err)[0].Field != "x.ALLERGIES" {
		t.Errorf("an answer without the yes: %v", err)
	}
	if s, err := form.Read(live, "en", map[string][]string{"email": {"a@example.org"}}); err != nil || len(s.Explicit) != 0 {
		t.Errorf("no answer needs no yes: %v", err)
	}
	s, err := form.Read(live, "en", map[string][]string{"email": {"a@example.org"}, "a.ALLERGIES": {"nuts"}, "x.ALLERGIES": {"1"}})
	must(t, err)
	if said := form.Said(d, n, "en", nil, s.Explicit...); !strings.Contains(said, "[x] I expressly agree") {
		t.Error(said)
	}
	if said := form.Said(d, n, "en", nil); !strings.Contains(said, "[ ] I expressly agree") {
		t.Error(said)
	}
}

// Compliance T-14, T-23, T-44.
func TestWordsThatPromiseTooMuchAreWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		rule  string
		spoil func(*form.Definition)
		want  form.Result
	}{
		"a price in the mail":     {"mail", func(d *form.Definition) { d.Greeting = both("Save 20 % today.", "Bonjour.") }, form.Warned},
		"a link in the subject":   {"mail", func(d *form.Definition) { d.Subject = both("See https://x.example", "Bonjour") }, form.Warned},
		"a plain mail":            {"mail", func(d *form.Definition) { d.Greeting = both("Good to see you.", "Ravi de vous voir.") }, form.Passed},
		"half a mail":             {"translation", func(d *form.Definition) { d.Greeting = form.Words{"en": "Hello."} }, form.Refused},
		"children without an age": {"children", func(d *form.Definition) { d.Intro = both("For children.", "Pour les enfants.") }, form.Warned},
		"children with an age":    {"children", func(d *form.Definition) { d.Intro, d.Age = both("For children.", "Pour les enfants."), 15 }, form.Passed},
		"the price of a book": {"price", func(d *form.Definition) {
			d.Intro = both("Subscribe to download your e-book.", "Abonnez-vous pour télécharger votre livre.")
		}, form.Warned},
		"led to the own site":   {"redirect", func(d *form.Definition) { d.Redirect = "https://www.cafe.example/merci" }, form.Passed},
		"led somewhere else":    {"redirect", func(d *form.Definition) { d.Redirect = "https://cafe.example.evil.test/" }, form.Warned},
		"led without TLS":       {"redirect", func(d *form.Definition) { d.Redirect = "http://cafe.example/" }, form.Refused},
		"led with a password":   {"redirect", func(d *form.Definition) { d.Redirect = "https://a:b@cafe.example/" }, form.Refused},
		"led through a header":  {"redirect", func(d *form.Definition) { d.Redirect = "https://cafe.example/;script-src *" }, form.Refused},
		"led to another scheme": {"redirect", func(d *form.Definition) { d.Redirect = "javascript:alert(1)" }, form.Refused},
	} {
		d, n := good(t)
		c.spoil(&d)
		if got := lint(t, d, n, false, nil); got[c.rule] != c.want {
			t.Errorf("%s: %s is %s", name, c.rule, got[c.rule])
		}
	}
}

func TestOneReminderAtMostAndNoneAfterAnAnswer(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.Remind = 3 })
		ctx := context.Background()
		ask := func(email string) (id int64) {
			w.asVisitor(func(tx *store.Tx) error {
				out, err := form.Submit(tx, w.submission(email))
				id = out.Signup
				return err
			})
			w.asVisitor(func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, id); return err })
			return id
		}
		waits, done := ask("waits@example.org"), ask("done@example.org")
		w.asVisitor(func(tx *store.Tx) error { _, err := form.Confirm(tx, done, from); return err })
		reminded := func() int64 { return w.facts(string(form.Reminded)) }
		must(t, form.Remind(ctx, h.Main))
		if n := reminded(); n != 0 {
			t.Errorf("%d reminders on the first day", n)
		}
		h.Clock.Advance(73 * time.Hour)
		must(t, form.Remind(ctx, h.Main))
		must(t, form.Remind(ctx, h.Main))
		if n := reminded(); n != 1 {
			t.Errorf("%d reminders after three days", n)
		}
		var m compose.Draft
		w.asVisitor(func(tx *store.Tx) (err error) { m, err = form.DraftReminder(tx, waits); return err })
		if last := m.Blocks[len(m.Blocks)-1].Text; !strings.Contains(last, "rappel") {
			t.Errorf("the reminder ends with %q", last)
		}
		h.Clock.Advance(73 * time.Hour)
		must(t, form.Remind(ctx, h.Main))
		if n := reminded(); n != 1 {
			t.Errorf("%d reminders after the last", n)
		}
	})
}

// TestAReminderNeverComesAfterTheLinksEnd: with the rule of seven days, and with one made tighter.
func TestAReminderNeverComesAfterTheLinksEnd(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition, _ *stall) { d.Remind = 6 })
		edit := func(days int) (err error) {
			return h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
				f, err := form.Find(tx, w.form)
				if err != nil {
					return err
				}
				f.Draft.Remind = days
				return form.Edit(tx, f.ID, f.Version, f.Name, f.Draft)
			})
		}
		refused := func(days int, most string) {
			t.Helper()
			err := edit(days)
			if !fault.Is(err, fault.Invalid) || fault.All(err)[0].Field != "remind" || !strings.Contains(locale.For("en", nil).Fault(fault.All(err)[0]), most) {
				t.Errorf("a reminder after %d days: %v", days, err)
			}
		}
		refused(7, "0 to 6 days")
		must(t, edit(6))
		w.write(func(tx *store.Tx) error {
			_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.DOIToken, Value: "3"})
			return err
		})
		refused(3, "0 to 2 days")
		w.view(func(v *store.View) error { // the draft is older than the rule: the linter says so
			f, err := form.Find(v, w.form)
			if err != nil {
				return err
			}
			_, found, _, _, err := form.Check(context.Background(), v, f)
			if !slices.ContainsFunc(found, func(x form.Finding) bool { return x.Rule == "remind" && x.Result == form.Refused && x.What == "2" }) {
				t.Errorf("the linter says %+v", found)
			}
			return err
		})
		// So is the version that is served: its reminder comes while the link works.
		out := w.submit("waits@example.org")
		w.asVisitor(func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, out.Signup); return err })
		h.Clock.Advance(49 * time.Hour)
		must(t, form.Remind(context.Background(), h.Main))
		if n := w.facts(string(form.Reminded)); n != 1 {
			t.Errorf("%d reminders after two days of three", n)
		}
		must(t, edit(2))
	})
}

var mailboxLines = store.Account("test.mailbox_lines", `SELECT o.scope || ' ' || o.kind FROM refusal_out o WHERE o.account_id = :account
	AND (o.scope = 'mailbox' OR o.kind = 'open') ORDER BY o.at, o.id`)

func TestAFloodedMailboxIsLeftInPeaceByEveryAccountUntilItsOwnerSaysOtherwise(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, b, c := settle(t, h, nil), settle(t, h, nil), settle(t, h, nil)
		const victim = "victim@example.org"
		ask := func(w *stall) (id int64, quiet bool) {
			out, err := form.Take(context.Background(), h.Main, w.visitor, w.submission(victim))
			must(t, err)
			if !out.Mail {
				t.Error("the answer tells that something is known")
			}
			return out.Signup, out.Signup == 0
		}
		lines := func(w *stall) (kinds []string) { // what the ledger is told of mailboxes over all accounts
			w.view(func(v *store.View) (err error) { kinds, err = store.All[string](v, mailboxLines); return err })
			return kinds
		}
		no := func(w *stall, id int64) {
			w.asVisitor(func(tx *store.Tx) error { _, err := form.NotMe(tx, id, from); return err })
		}
		one, _ := ask(a)
		other, _ := ask(c)
		no(a, one)
		no(a, one)
		if _, quiet := ask(b); quiet {
			t.Error("one no, pressed twice, shut the mailbox for all")
		}
		two, _ := ask(b)
		no(b, two)
		if _, quiet := ask(c); !quiet {
			t.Error("after two no a third account asks")
		}
		c.asVisitor(func(tx *store.Tx) error {
			if _, err := form.DraftConfirmation(tx, other); !fault.Is(err, fault.Gone) {
				t.Errorf("a mail that waited still goes out: %v", err)
			}
			return nil
		})
		h.Clock.Advance(2 * time.Hour) // past the mailbox's own budget
		var stage form.Stage
		a.asVisitor(func(tx *store.Tx) (err error) {
			stage, err = form.Reconsider(tx, one, "[I want it]\n", from)
			return err
		})
		if stage != form.Ready {
			t.Fatalf("reconsidered: %s", stage)
		}
		if _, quiet := ask(c); !quiet {
			t.Error("open before the mailbox confirmed")
		}
		var again int64
		a.view(func(v *store.View) error {
			all, err := form.Signups(v, a.form, 0, form.Which{State: "pending"}, 10)
			again = all[0].ID
			return err
		})
		a.asVisitor(func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, again); return err })
		a.asVisitor(func(tx *store.Tx) (err error) { stage, err = form.Confirm(tx, again, from); return err })
		if stage != form.Ready {
			t.Errorf("confirmed: %s", stage)
		}
		if a, b := lines(a), lines(b); !slices.Equal(a, []string{"mailbox not_me", "mailbox open", "confirm open"}) || !slices.Equal(b, []string{"mailbox not_me"}) {
			t.Errorf("the ledger is told %q and %q", a, b)
		}
		if _, quiet := ask(c); quiet {
			t.Error("still shut after the owner's own sign-up")
		}
		// At once, by one button; and forgotten when its term is over.
		three, _ := ask(c)
		c.asVisitor(func(tx *store.Tx) (err error) { stage, err = form.Shut(tx, three, from); return err })
		if _, quiet := ask(a); stage != form.SaidNo || !quiet {
			t.Errorf("shut at once: %s", stage)
		}
		if c := lines(c); !slices.Equal(c, []string{"mailbox not_me", "mailbox shut"}) {
			t.Errorf("the ledger is told %q", c)
		}
		h.Clock.Advance(37 * 31 * 24 * time.Hour)
		must(t, form.Sweep(context.Background(), h.Main))
		if _, quiet := ask(a); quiet {
			t.Error("kept for ever")
		}
	})
}
