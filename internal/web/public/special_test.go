// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

// What somebody expressly agrees to (GDPR 9(2)(a)) stands in the ledger by itself, on the page of choices,
// and is taken back there by itself: the answer goes, nothing else does, and nobody but they brings it back.
func TestAnExpressYesStandsByItselfAndTakingItBackDeletesTheAnswer(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		both := func(en, fr string) form.Words { return form.Words{"en": en, "fr": fr} }
		w.write(func(tx *store.Tx) error {
			if _, err := contact.MakeAttribute(tx, contact.Attribute{Name: "ALLERGIES", Type: contact.TypeText, Purpose: "the cake", Sensitive: contact.Declared, Special: contact.ExplicitConsent}); err != nil {
				return err
			}
			f, err := form.Find(tx, w.form.ID)
			if err != nil {
				return err
			}
			d := f.Draft
			d.Fields = []form.Field{{Name: "ALLERGIES", Type: "text", Label: both("Allergies", "Vos allergies"), Why: both("for the cake", "pour le gâteau"),
				Explicit: both("I expressly agree that you keep my allergies.", "J’accepte expressément que vous gardiez mes allergies.")}}
			if err := form.Edit(tx, f.ID, f.Version, f.Name, d); err != nil {
				return err
			}
			first, err := form.Publish(context.Background(), tx, f.ID, f.Version+1)
			if err != nil {
				return err
			}
			if w.form, err = form.Find(tx, f.ID); err != nil {
				return err
			}
			again, err := form.Publish(context.Background(), tx, f.ID, w.form.Version)
			if again.ID != first.ID {
				t.Errorf("the same form is another version: %v", err)
			}
			return err
		})
		special := func() (l list.List) {
			must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
				all, err := list.Specials(v)
				if len(all) != 1 {
					t.Fatalf("%+v", all)
				}
				l = all[0]
				return err
			}))
			return l
		}()
		if err := h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error { return list.Retire(tx, special.ID) }); err == nil {
			t.Error("what people said can be put away")
		}
		signup := func() {
			t.Helper()
			code, body, _ := w.ask("POST", "/f/"+w.form.Slug+"?lang=en", w.fill("en", "email", "lea@example.org", "a.ALLERGIES", "walnuts", "x.ALLERGIES", "1"))
			if code != 303 {
				t.Fatalf("%d\n%s", code, body)
			}
			var path string
			must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
				id, err := store.One[int64](v, lastSignup)
				if err != nil {
					return err
				}
				link, err := form.ConfirmLink(v, id)
				path = strings.TrimPrefix(link, "https://news.example")
				return err
			}))
			w.ask("POST", path, url.Values{"do": {"confirm"}})
		}
		stands := func(when string, state consent.Status, value string) contact.Contact {
			t.Helper()
			c, s := w.person("lea@example.org")
			if got := c.Attributes["ALLERGIES"].Raw(); got != value || s[special.ID].State != state {
				t.Errorf("%s: %q, %s", when, got, s[special.ID].State)
			}
			return c
		}
		signup()
		c := stands("signed up", consent.Given, "walnuts")
		if _, s := w.person("lea@example.org"); s[special.ID].Grade != consent.GradeA || s[w.news].State != consent.Given {
			t.Errorf("%+v", s)
		}
		prefs := "/p/" + w.token(token.Preferences, c.ID)
		page := w.get(prefs)
		if !strings.Contains(page, "What you expressly agreed to") || !strings.Contains(page, "Allergies") || strings.Contains(page, "walnuts") {
			t.Error(page)
		}
		for _, l := range regexp.MustCompile(`/r/[^"]+`).FindAllString(page, -1) {
			if !strings.Contains(w.get(l), "Café Rosalie") {
				t.Errorf("%s shows no receipt", l)
			}
		}
		fill := func() {
			w.write(func(tx *store.Tx) error {
				rows, err := contact.Lock(tx, []int64{c.ID})
				if err != nil {
					return err
				}
				all, err := contact.AllAttributes(tx)
				if err != nil {
					return err
				}
				x, err := all[0].Read("pears")
				if err != nil {
					return err
				}
				_, err = contact.Fill(tx, []contact.Filling{{Row: &rows[0], Attributes: contact.Attributes{"ALLERGIES": x}}}, true, 0)
				return err
			})
		}
		fill()
		stands("an import corrects it", consent.Given, "pears")
		body := url.Values{"do": {"take_back"}, "list": {strconv.FormatInt(special.ID, 10)}}
		if _, page, _ := w.ask("POST", prefs, body); !strings.Contains(page, "Your answer is deleted") || strings.Contains(page, "What you expressly agreed to") {
			t.Error(page)
		}
		stands("taken back", consent.Withdrawn, "")
		if _, s := w.person("lea@example.org"); s[w.news].State != consent.Given {
			t.Errorf("the newsletter went with it: %+v", s[w.news])
		}
		must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
			n, err := store.One[int64](v, countWas, c.ID)
			if n != 0 {
				t.Errorf("%d corrections still tell what it was", n)
			}
			acts, _ := trace.Search(v, trace.Question{Action: "contact.attribute.taken_back"})
			if len(acts) != 1 {
				t.Errorf("%d acts tell of it", len(acts))
			}
			return err
		}))
		fill()
		stands("an import brings it", consent.Withdrawn, "")
		err := h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
			x, err := contact.Attribute{Name: "ALLERGIES", Type: contact.TypeText}.Read("walnuts")
			if err != nil {
				return err
			}
			return contact.Correct(tx, c.ID, 0, contact.Change{Attributes: contact.Attributes{"ALLERGIES": x}})
		})
		if !fault.Is(err, fault.Refused) {
			t.Errorf("a member brings it: %v", err)
		}
		signup()
		stands("they sign up again", consent.Given, "walnuts")
		w.ask("POST", prefs, url.Values{"do": {"all"}})
		if c, _ := w.person("lea@example.org"); !c.Attributes["ALLERGIES"].IsZero() {
			t.Error("kept after everything was stopped")
		}
	})
}

var countWas = store.Account("test.count_was", `SELECT count(*) FROM attribute_was w WHERE w.account_id = :account AND w.contact_id = ?`)

// Who came with an import and left a list that no form has comes back by a confirmation too.
func TestWhoLeftAListThatNoFormHasComesBackByAConfirmation(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		var offers int64
		var people []int64
		w.write(func(tx *store.Tx) error {
			p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Offers"})
			if err != nil {
				return err
			}
			if offers, err = list.Make(tx, list.New{Name: strings.Repeat("é", list.MaxName), Purpose: p, Public: list.Words{"en": "Our offers", "fr": "Nos offres"}}); err != nil {
				return err
			}
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("lea@example.org"), Language: "fr", Source: "import"}, {Email: address.Must("tom@example.org"), Language: "fr", Source: "import"}})
			if err != nil {
				return err
			}
			var events []consent.Event
			for _, r := range rows {
				people = append(people, r.ID)
				events = append(events, consent.Event{Contact: r.ID, List: offers, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeC, Source: "import", Row: r})
			}
			_, err = consent.Apply(tx, events)
			return err
		})
		for _, id := range people {
			leave := "/u/" + w.token(token.Unsubscribe, id, offers)
			w.ask("POST", leave, url.Values{"do": {"leave"}})
			if _, page, _ := w.ask("POST", leave, url.Values{"do": {"back"}}); !strings.Contains(page, "boîte de réception") && !strings.Contains(page, "e-mail") {
				t.Error(page)
			}
			var path string
			must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
				id, err := store.One[int64](v, lastSignup)
				if err != nil {
					return err
				}
				link, err := form.ConfirmLink(v, id)
				path = strings.TrimPrefix(link, "https://news.example")
				return err
			}))
			if page := w.get(path); !strings.Contains(page, "Nos offres") {
				t.Errorf("the page doesn't say for what: %s", page)
			}
			if _, s := w.person("lea@example.org"); s[offers].State == consent.Given && id != people[1] {
				t.Error("back without a confirmation")
			}
			w.ask("POST", path, url.Values{"do": {"confirm"}})
		}
		for _, email := range []string{"lea@example.org", "tom@example.org"} {
			if _, s := w.person(email); s[offers].State != consent.Given || s[offers].Grade != consent.GradeA {
				t.Errorf("%s: %+v", email, s[offers])
			}
		}
		must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
			away, err := form.PutAway(v)
			if len(away) != 1 || !strings.HasPrefix(away[0].Name, "Demandé par e-mail") {
				t.Errorf("%+v", away)
			}
			return err
		}))
	})
}
