// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	people "consend/internal/people/importer"
	"consend/internal/testhouse"
)

// From the file to the report: the origin says it before, the summary counts it, the rows wait, and
// the page of waiting rows lets go of them by another basis.
func TestBusinessContactsOfACountryThatAsksForAYesWaitForOne(t *testing.T) {
	words := map[string][]string{
		"en": {"This file states countries.", "Rows that will wait for proof", "Say where these people said yes", "Germany: a business contact must say yes first."},
		"fr": {"Ce fichier indique des pays.", "Lignes qui attendront une preuve", "Indiquez où ces personnes ont dit oui", "Allemagne\u00a0: un contact professionnel doit d’abord dire oui."},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for lang, w := range words {
			d := settle(t, h, lang)
			_, to := d.send("/import/new", "file", "b2b.csv", "email;pays\nfr@example.org;FR\nde@example.org;DE\nno@example.org;\n", nil, 303)
			id := d.id(to)
			at := func(s string) string { return fmt.Sprintf("/import/%d%s", id, s) }
			contains := func(page string, want ...string) {
				t.Helper()
				for _, s := range want {
					if !strings.Contains(page, s) {
						t.Errorf("%s: the page lacks %q", lang, s)
					}
				}
			}
			d.post(at("/check"), filled(d.get(at("/check"))), 303)
			d.post(at("/map"), filled(d.get(at("/map"))), 303)
			page := d.get(at("/origin?kind=business"))
			contains(page, w[0])
			if strings.Contains(d.get(at("/origin?kind=site")), w[0]) {
				t.Error("a yes depends on no country, and the page says it does")
			}
			d.send(at("/origin"), "", "", "", with(filled(page), "how.business", "gave", "where.business", "fair", "work", "they buy tools", "from", "2024-01-01", "to", "2024-12-31"), 303)
			d.post(at("/options"), with(filled(d.get(at("/options"))), "list", fmt.Sprint(d.list), "declare", "1"), 303)
			contains(d.get(at("/summary")), w[1], w[2])
			_, csv, _ := d.ask("GET", at("/forecast.csv"), "", nil)
			contains(csv, w[2])
			d.post(at("/start"), url.Values{}, 303)
			d.work(people.RunKind, id, people.Work)
			stand := func(email string) (s consent.Standing) {
				must(t, h.Main.View(context.Background(), d.who, func(v *store.View) error {
					c, _, err := contact.Find(v, address.Must(email))
					if err != nil {
						return err
					}
					all, err := consent.Standings(v, c.ID)
					if len(all) == 1 {
						s = all[0]
					}
					return err
				}))
				return s
			}
			for email, want := range map[string]consent.Status{"fr": consent.Given, "de": consent.Waiting, "no": consent.Given} {
				if s := stand(email + "@example.org"); s.State != want || s.Basis != consent.B2B {
					t.Errorf("%s is %s", email, s.State)
				}
			}
			contains(d.get(at("")), w[2])
			// The account itself is Germany's: nobody is let go on that basis, and the pages say so.
			h.Raw(t, fmt.Sprintf("UPDATE account SET country = 'DE', rules = '' WHERE account_id = %d", d.account))
			if s := stand("fr@example.org"); s.Reason != consent.NotHere {
				t.Errorf("who was in order: %q", s.Reason)
			}
			page = d.get(at("/waiting"))
			contains(page, w[2], "de@example.org")
			body, _ := d.send(at("/release"), "", "", "", with(filled(page), "declare", "1"), 422)
			contains(body, w[2])
			_, to = d.send("/import/new", "file", "more.csv", "email\nmore@example.org\n", nil, 303)
			more := d.id(to)
			d.post(fmt.Sprintf("/import/%d/check", more), filled(d.get(to)), 303)
			d.post(fmt.Sprintf("/import/%d/map", more), filled(d.get(fmt.Sprintf("/import/%d/map", more))), 303)
			contains(d.get(fmt.Sprintf("/import/%d/origin?kind=business", more)), w[3])
			// They said yes on paper, and a file shows it: that holds everywhere.
			d.send(at("/release"), "evidence", "sheet.pdf", "%PDF-1.4 a photo of the sheet", with(filled(d.get(at("/waiting?kind=paper"))), "where.paper", "Fair", "from", "2025-01-01", "to", "2025-01-02"), 303)
			d.work(people.ReleaseKind, id, people.ReleaseWork)
			if s := stand("de@example.org"); s.State != consent.Given || s.Basis != consent.ByConsent || s.Reason != "" {
				t.Errorf("released to %+v", s)
			}
		}
	})
}

func TestTheMappingPageWarnsOfAnAnswerThatIsNotHeard(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for lang, want := range map[string]string{"en": "The column “newsletter_fr” looks as if", "fr": "La colonne «\u00a0newsletter_fr\u00a0» semble dire"} {
			d := settle(t, h, lang)
			_, to := d.send("/import/new", "file", "people.csv", "email,newsletter_fr,optin,\nada@example.org,yes,yes,yes\nbob@example.org,no,no,no\n", nil, 303)
			_, to = d.post(to, filled(d.get(to)), 303)
			page := d.get(to)
			if strings.Count(page, want) != 1 || strings.Contains(page, strings.ReplaceAll(want, "newsletter_fr", "optin")) {
				t.Errorf("%s: no warning, or too many", lang)
			}
			if nameless := map[string]string{"en": "Column 4", "fr": "Colonne 4"}[lang]; strings.Count(page, strings.ReplaceAll(want, "newsletter_fr", nameless)) != 1 {
				t.Errorf("%s: no warning of a column without a name", lang)
			}
		}
	})
}
