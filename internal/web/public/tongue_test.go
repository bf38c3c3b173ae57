// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

// Somebody who reads a language that a form added is spoken to in its fallback, and not in the account's
// language; what the account wrote in theirs is shown to them, and marked as such.
func TestWhoReadsAnAddedLanguageIsSpokenToInItsFallback(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, german("en"))
		w.write(func(tx *store.Tx) error {
			l, err := list.Get(tx, w.news)
			if err != nil {
				return err
			}
			if err = list.EditPurpose(tx, l.PurposeID, "", "Newsletter", list.Words{"de": "Rundbrief", "fr": "Lettre"}, false); err != nil {
				return err
			}
			if err = list.Rename(tx, w.news, "", "News", list.Words{"de": "Monatsbrief", "en": "Monthly news", "fr": "Nouvelles du mois"}); err != nil {
				return err
			}
			_, err = list.Make(tx, list.New{Name: "Club", Purpose: l.PurposeID, Public: list.Words{"fr": "Soirées"}, Offered: true})
			return err
		})
		id, path := w.signup("lea@example.org", "de")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, s := w.person("lea@example.org")
		if c.Language != "de" {
			t.Fatalf("the person reads %q", c.Language)
		}
		prefs, leave, receipt := "/p/"+w.token(token.Preferences, c.ID), "/u/"+w.token(token.Unsubscribe, c.ID, w.news), "/r/"+w.token(token.Receipt, c.ID, s[w.news].EventID)
		has := func(page string, parts ...string) {
			t.Helper()
			page = strings.Join(strings.Fields(page), " ")
			for _, part := range parts {
				if !strings.Contains(page, part) {
					t.Errorf("%q is missing in\n%s", part, page)
				}
			}
		}
		hasNot := func(page string, parts ...string) {
			t.Helper()
			for _, part := range parts {
				if strings.Contains(page, part) {
					t.Errorf("%q stands in\n%s", part, page)
				}
			}
		}
		has(w.get(prefs), `<html lang="en"`, "Your choices", `<h2 lang="de">Monatsbrief</h2>`, `<h2 lang="fr">Soirées</h2>`, `<span lang="de">Rundbrief</span>`,
			`<span class="visually-hidden" lang="de">(Monatsbrief)</span>`, `name="language" value="de" lang="de" aria-pressed="true" disabled>Deutsch</button>`)
		has(w.get(prefs+"/address"), `<html lang="en"`)
		has(w.get(leave), `<html lang="en"`, `<strong><span lang="de">Monatsbrief</span></strong>`)
		has(w.get(receipt), `<html lang="en"`, `<dd><span lang="de">Monatsbrief</span>`, `<pre class="code" lang="de">Abbestellen`)
		chosen := w.get(prefs + "?lang=fr") // chosen on the page: all of it
		has(chosen, `<html lang="fr"`, "<h2>Nouvelles du mois</h2>", "<h2>Soirées</h2>", `value="de" lang="de" aria-pressed="true"`, `value="fr" lang="fr" aria-pressed="false"`)
		hasNot(chosen, "Monatsbrief", "Rundbrief")

		// The mails: the receipt, and those of a change of address.
		must(t, trace.SealNow(context.Background(), h.Main))
		worker := actor.Worker("test", w.acct)
		must(t, h.Main.Write(context.Background(), worker, func(tx *store.Tx) error {
			d, err := evidence.DraftReceipt(tx, id)
			if err == nil && (d.Language != "en" || !strings.Contains(d.Blocks[1].Text, "Monatsbrief")) {
				t.Errorf("the receipt: %s %v", d.Language, d.Blocks)
			}
			return err
		}))
		var change int64
		must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Subject, Account: w.acct, Request: "test"}, func(tx *store.Tx) (err error) {
			change, err = move.Ask(tx, c.ID, address.Must("new@example.org"))
			return err
		}))
		must(t, h.Main.Write(context.Background(), worker, func(tx *store.Tx) error {
			d, err := move.DraftOld(tx, change)
			if err == nil && d.Language != "en" {
				t.Errorf("the change of address is asked in %q", d.Language)
			}
			return err
		}))
		has(w.get("/a/"+w.token(token.MoveOld, change)), `<html lang="en"`)

		// The choice of language keeps what is chosen, the added ones too, and no other.
		if code, _, _ := w.ask("POST", prefs, url.Values{"language": {"it"}}); code != http.StatusBadRequest {
			t.Errorf("a language nobody speaks here: %d", code)
		}
		for _, lang := range []string{"fr", "de"} {
			_, page, _ := w.ask("POST", prefs, url.Values{"language": {lang}})
			house := map[string]string{"fr": "fr", "de": "en"}[lang]
			has(page, `<html lang="`+house+`"`, `value="`+lang+`" lang="`+lang+`" aria-pressed="true"`)
			if c, _ := w.person("lea@example.org"); c.Language != lang {
				t.Errorf("%s was chosen, %s is kept", lang, c.Language)
			}
		}

		_, page, _ := w.ask("POST", leave, url.Values{"do": {"leave"}})
		has(page, `<html lang="en"`, `You receive no more: <span lang="de">Monatsbrief</span>.`)
		w.ask("POST", leave, url.Values{"do": {"back"}})
		must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
			all, err := form.Of(v, c.ID)
			if len(all) == 0 || all[0].Language != "de" || all[0].State != "pending" {
				t.Errorf("asked again in %+v", all)
			}
			return err
		}))

		// The form no longer takes sign-ups: who reads German stays known.
		w.write(func(tx *store.Tx) error { return form.Retire(tx, w.form.ID) })
		has(w.get(prefs), `<html lang="en"`, `<h2 lang="de">Monatsbrief</h2>`, `value="de" lang="de" aria-pressed="true"`)

		// In French, where that is what the form falls back to.
		w = settle(t, h, german("fr"))
		id, path = w.signup("lea@example.org", "de")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		must(t, trace.SealNow(context.Background(), h.Main))
		must(t, h.Main.Write(context.Background(), actor.Worker("test", w.acct), func(tx *store.Tx) error {
			d, err := evidence.DraftReceipt(tx, id)
			if err == nil && d.Language != "fr" {
				t.Errorf("the receipt: %s", d.Language)
			}
			return err
		}))
	})
}

// german lets a form speak it, and fall back.
func german(fallback string) func(*form.Definition) {
	return func(d *form.Definition) {
		de, _ := form.NewTongue("de", "", fallback)
		d.Tongues, d.Languages = []form.Tongue{de}, append(d.Languages, "de")
		for _, w := range []form.Words{d.Title, d.Intro, d.Consent, d.Withdraw, d.Button, d.Sent, d.Done, d.Already} {
			w["de"] = "Abbestellen jederzeit"
		}
		d.Lists[0].Label["de"] = "Monatsbrief"
	}
}
