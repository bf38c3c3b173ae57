// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// letter is what a draft says, a paragraph a line.
func letter(d compose.Draft) string {
	var b strings.Builder
	for _, k := range d.Blocks {
		b.WriteString(k.Text + "\n")
	}
	return b.String()
}

// last is the confirmation mail of the last sign-up, and the page its button opens.
func (w *counter) last() (d compose.Draft, path string) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		id, err := store.One[int64](tx, lastSignup)
		if err != nil {
			return err
		}
		if d, err = form.DraftConfirmation(tx, id); err != nil {
			return err
		}
		link, err := form.ConfirmLink(tx, id)
		path = strings.TrimPrefix(link, "https://news.example")
		return err
	})
	return d, path
}

func (w *counter) events(id int64) (all []consent.Record) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { all, err = consent.Events(v, id); return err }))
	return all
}

func (w *counter) words(sum []byte) (s string) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { s, err = consent.Words(v, sum); return err }))
	return s
}

// Who asks to come back saw a page with a list and a button, and no form: that is what the proof tells, in the language
// of the page, and what the mail says.
func TestWhatIsAskedOnAnotherPageIsNotToldAsAForm(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition) { d.Age = 16 }) // the account speaks French
		for page, button := range map[string]string{"/p/": "Ask me by e-mail", "/u/": "Ask me by e-mail"} {
			email := page[1:2] + "@example.org"
			v := w.fill("en", "email", email, "age", "1")
			if code, body, _ := w.ask("POST", "/f/"+w.form.Slug+"?lang=en", v); code != http.StatusSeeOther {
				t.Fatalf("%d\n%s", code, body)
			}
			d, path := w.last()
			if s := letter(d); !strings.Contains(s, "typed this address into the form") {
				t.Errorf("the first mail: %s", s)
			}
			w.ask("POST", path, url.Values{"do": {"confirm"}})
			c, _ := w.person(email)
			at := "/p/" + w.token(token.Preferences, c.ID)
			if page == "/u/" {
				at = "/u/" + w.token(token.Unsubscribe, c.ID, w.news)
			}
			w.ask("POST", at, url.Values{"do": {"leave"}, "list": {fmt.Sprint(w.news)}})
			w.ask("POST", at, url.Values{"do": {"back"}, "list": {fmt.Sprint(w.news)}})
			all := w.events(c.ID)
			e := all[len(all)-1]
			if words := w.words(e.TextSHA256); e.Kind != consent.Request || e.Source != "preferences" || e.Method != "preferences" || e.FormVersionID != 0 || e.NoteVersionID != 0 || e.Language != "en" ||
				!strings.Contains(words, "Monthly news\n["+button+"]") || strings.Contains(words, "age") || strings.Contains(words, "Subscribe") {
				t.Errorf("%s: %+v\n%s", page, e, words)
			}
			d, path = w.last()
			if s := letter(d); d.Language != "en" || strings.Contains(s, "the form") || !strings.Contains(s, "Somebody who opened an e-mail of") || !strings.Contains(s, "Monthly news") {
				t.Errorf("%s: in %s:\n%s", page, d.Language, s)
			}
			if !strings.Contains(d.Why, "opened an e-mail") {
				t.Errorf("%s: it comes because %q", page, d.Why)
			}
			if body := w.get(path); !strings.Contains(body, "opened an e-mail to this address") || !strings.Contains(body, "Monthly news") {
				t.Errorf("%s: the page of the button:\n%s", page, body)
			}
			w.ask("POST", path, url.Values{"do": {"confirm"}})
			all = w.events(c.ID)
			if e := all[len(all)-1]; e.Kind != consent.Confirm || e.Verdict != consent.Applied || e.Grade != consent.GradeA || e.Source != "preferences" || e.NoteVersionID != 0 || strings.Contains(w.words(e.TextSHA256), "the form") {
				t.Errorf("%s: %+v\n%s", page, e, w.words(e.TextSHA256))
			}
		}
	})
}

// One button confirms several yeses: the mail and its page name each, the express one in its words (GDPR 9(2)(a)), and
// measuring apart from mail (compliance L5).
func TestTheMailNamesEachYesThatItsButtonConfirms(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		var club int64
		w.write(func(tx *store.Tx) error {
			if _, err := contact.MakeAttribute(tx, contact.Attribute{Name: "ALLERGIES", Type: contact.TypeText, Purpose: "the cake", Sensitive: contact.Declared, Special: contact.ExplicitConsent}); err != nil {
				return err
			}
			p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Club"})
			if err != nil {
				return err
			}
			if club, err = list.Make(tx, list.New{Name: "Club", Purpose: p, Public: list.Words{"en": "Club evenings", "fr": "Soirées du club"}}); err != nil {
				return err
			}
			f, err := form.Find(tx, w.form.ID)
			if err != nil {
				return err
			}
			both := func(en, fr string) form.Words { return form.Words{"en": en, "fr": fr} }
			d := f.Draft
			d.Lists = append(d.Lists, form.Choice{List: club, Label: both("Club evenings", "Soirées du club")}, form.Choice{List: w.opens, Label: both("Whether you open them", "Si vous les ouvrez")})
			d.Fields = []form.Field{{Name: "ALLERGIES", Type: "text", Label: both("Allergies", "Vos allergies"), Why: both("for the cake", "pour le gâteau"),
				Explicit: both("I expressly agree that you keep my allergies.", "J’accepte expressément que vous gardiez mes allergies.")}}
			if err := form.Edit(tx, f.ID, f.Version, f.Name, d); err != nil {
				return err
			}
			_, err = form.Publish(context.Background(), tx, f.ID, f.Version+1)
			return err
		})
		h.Clock.Advance(3 * time.Second) // the desk looks again
		body := w.get("/f/" + w.form.Slug + "?lang=en")
		choose, also := strings.Index(body, "What would you like to receive?"), strings.Index(body, "If you like, also:")
		if at := strings.Index(body, "Whether you open them"); choose < 0 || also < choose || at < also || strings.Index(body, "Club evenings") > also || strings.Count(body, "<fieldset") != 2 {
			t.Errorf("measuring isn't asked apart:\n%s", body)
		}
		code, body, _ := w.ask("POST", "/f/"+w.form.Slug+"?lang=en", w.fill("en", "email", "lea@example.org", "a.ALLERGIES", "walnuts", "x.ALLERGIES", "1",
			"list", fmt.Sprint(w.news), "list", fmt.Sprint(w.opens)))
		if code != http.StatusSeeOther {
			t.Fatalf("%d\n%s", code, body)
		}
		d, path := w.last()
		s := letter(d)
		for _, part := range []string{"you would like to receive this, press the button: Monthly news.", "confirmed by the same button: Whether you open them.", "“I expressly agree that you keep my allergies.”"} {
			if !strings.Contains(s, part) {
				t.Errorf("the mail lacks %q:\n%s", part, s)
			}
		}
		if strings.Contains(s, "Club") || strings.Contains(s, "walnuts") {
			t.Errorf("the mail says too much:\n%s", s)
		}
		page := w.get(path)
		for _, part := range []string{"Monthly news", "Whether you open them", "I expressly agree that you keep my allergies."} {
			if !strings.Contains(page, part) {
				t.Errorf("the page lacks %q:\n%s", part, page)
			}
		}
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		all := w.events(c.ID)
		if words := w.words(all[len(all)-1].TextSHA256); !strings.Contains(words, "I expressly agree") {
			t.Errorf("what was confirmed isn't kept:\n%s", words)
		}
	})
}

// The number of an old version is anybody's to name: it asks no less than the one that is served.
func TestAnOldVersionAsksNoLessThanTheOneServed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		old := w.form.CurrentID
		change := func(edit func(*form.Definition)) {
			w.write(func(tx *store.Tx) error {
				f, err := form.Find(tx, w.form.ID)
				if err != nil {
					return err
				}
				edit(&f.Draft)
				if err := form.Edit(tx, f.ID, f.Version, f.Name, f.Draft); err != nil {
					return err
				}
				_, err = form.Publish(context.Background(), tx, f.ID, f.Version+1)
				return err
			})
			h.Clock.Advance(3 * time.Second)
		}
		post := func(n int, more ...string) (int, string) {
			v := url.Values{"v": {fmt.Sprint(old)}, "l": {"en"}, "email": {fmt.Sprintf("p%d@example.org", n)}}
			for i := 0; i+1 < len(more); i += 2 {
				v.Set(more[i], more[i+1])
			}
			q := httptest.NewRequest("POST", "/f/"+w.form.Slug+"?lang=en", strings.NewReader(v.Encode())) // the puzzle's page has a script
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			w.web.ServeHTTP(rec, q)
			return rec.Code, rec.Body.String()
		}
		change(func(d *form.Definition) { d.Intro = form.Words{"en": "Hello", "fr": "Bonjour"} })
		if code, body := post(0); code != http.StatusSeeOther {
			t.Fatalf("a page that stood open: %d\n%s", code, body)
		}
		change(func(d *form.Definition) { d.Age = 16 })
		if code, body := post(1); code != http.StatusUnprocessableEntity || !strings.Contains(body, `name="age"`) || !strings.Contains(body, "p1@example.org") {
			t.Errorf("nobody asked how old they are: %d\n%s", code, body)
		}
		if code, _ := post(1, "age", "1"); code != http.StatusSeeOther {
			t.Errorf("filled in anew: %d", code)
		}
		change(func(d *form.Definition) { d.Age, d.Puzzle = 0, true })
		last := 0
		for n := 2; n < 16 && last != http.StatusTooManyRequests; n++ {
			last, _ = post(n)
		}
		if last != http.StatusTooManyRequests {
			t.Error("the puzzle is for the newest version alone")
		}
	})
}
