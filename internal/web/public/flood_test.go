// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/testhouse"
)

func TestWhoIsFloodedStopsItAllByOneButtonAndTakesItBackByAnother(t *testing.T) {
	for lang, words := range map[string][]string{
		"en": {"Stop them all", "No sender who uses this server", "Send me a new link"},
		"fr": {"Tout arrêter", "Aucun expéditeur de ce serveur", "M’envoyer un nouveau lien"},
	} {
		h := testhouse.SQLite(t)
		w := settle(t, h, nil)
		_, path := w.signup("victim@example.org", lang)
		post := func(do, part string) {
			t.Helper()
			if code, body, _ := w.ask("POST", path, url.Values{"do": {do}}); code != 200 || !strings.Contains(body, part) {
				t.Errorf("%s %s: %d lacks %q\n%s", lang, do, code, part, body)
			}
		}
		post("not_me", words[0])
		if body := w.get(path); !strings.Contains(body, words[0]) || !strings.Contains(body, words[2]) {
			t.Error("the page of a no shows no way on")
		}
		post("shut", words[1])
		post("shut", words[1])
		before := w.facts("form.requested")
		if code, _, _ := w.ask("POST", "/f/"+w.form.Slug, w.fill(lang, "email", "victim@example.org")); code != http.StatusSeeOther || w.facts("form.requested") != before {
			t.Errorf("typed again: %d", code)
		}
		h.Clock.Advance(1e9)
		if code, _, _ := w.ask("POST", path, url.Values{"do": {"reconsider"}}); code != 200 || w.facts("form.requested") != before+1 {
			t.Errorf("reconsidered: %d, %d mails more", code, w.facts("form.requested")-before)
		}
	}
}

func TestAfterTheConfirmationPeopleAreLedToTheAccountsOwnSiteAndNowhereElse(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition) { d.Redirect = "https://cafe.example/merci?a=1" })
	_, path := w.signup("lea@example.org", "fr")
	_, _, head := w.ask("GET", path, nil)
	if p := head.Get("Content-Security-Policy"); !strings.Contains(p, "form-action 'self' https://cafe.example;") {
		t.Errorf("the browser won't go on: %s", p)
	}
	code, _, head := w.ask("POST", path, url.Values{"do": {"confirm"}})
	if code != http.StatusSeeOther || head.Get("Location") != "https://cafe.example/merci?a=1" || head.Get("Referrer-Policy") != "no-referrer" || head.Get("Cross-Origin-Opener-Policy") != "same-origin" {
		t.Errorf("%d %v", code, head)
	}
	if _, s := w.person("lea@example.org"); s[w.news].State != consent.Given {
		t.Errorf("not confirmed: %s", s[w.news].State)
	}
	if code, _, _ := w.ask("POST", path, url.Values{"do": {"confirm"}}); code != 200 {
		t.Errorf("again: %d", code)
	}
}

func TestAFormInAnAddedLanguageIsOfferedSaidAndMarkedAsSuch(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition) {
		de, _ := form.NewTongue("de", "", "fr")
		d.Tongues, d.Languages, d.Puzzle = []form.Tongue{de}, append(d.Languages, "de"), true
		for _, w := range []form.Words{d.Title, d.Intro, d.Consent, d.Withdraw, d.Button, d.Sent, d.Done, d.Already} {
			w["de"] = "Abbestellen jederzeit"
		}
		for i := range d.Lists {
			d.Lists[i].Label["de"] = "Monatsbrief"
		}
	})
	raw := func(path, accept string) string {
		q := httptest.NewRequest("GET", path, nil)
		q.Header.Set("Accept-Language", accept)
		rec := httptest.NewRecorder()
		w.web.ServeHTTP(rec, q)
		return rec.Body.String()
	}
	at := "/f/" + w.form.Slug
	page := raw(at, "de-AT,de;q=0.9,en;q=0.4")
	for _, part := range []string{`<html lang="fr"`, `<h1 lang="de">Abbestellen`, `<div class="signup" lang="de">`, `<span lang="fr">Adresse e-mail</span>`, "Monatsbrief", `hreflang="en"`, `aria-current="page"`, "puzzle"} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is missing in\n%s", part, page)
		}
	}
	if page := raw(at, "nl"); !strings.Contains(page, `<html lang="fr"`) {
		t.Error("a language nobody speaks here gets another than the form's own")
	}
	if page := raw(at+"?lang=en", "de"); !strings.Contains(page, `<html lang="en"`) {
		t.Error("what was chosen doesn't win")
	}
	var c form.Challenge
	if err := json.Unmarshal([]byte(raw(at+"/puzzle", "")), &c); err != nil || c.Algorithm != "SHA-256" || c.Signature == "" {
		t.Errorf("the puzzle: %v %+v", err, c)
	}
}

// Too many without the puzzle's solution: what was typed stays, and the page says how it goes on, in the form's language.
func TestWhoHasNoJavaScriptIsToldWhatToDo(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition) { d.Puzzle = true })
	at := "/f/" + w.form.Slug
	send := func(lang, email string) (int, string) { // the page carries a script: w.ask wants none
		body := url.Values{"v": {strconv.FormatInt(w.form.CurrentID, 10)}, "l": {lang}, "email": {email}}
		q := httptest.NewRequest("POST", at+"?lang="+lang, strings.NewReader(body.Encode()))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.RemoteAddr = "203.0.113.9:4000"
		rec := httptest.NewRecorder()
		w.web.ServeHTTP(rec, q)
		return rec.Code, rec.Body.String()
	}
	for n := range 10 {
		if code, page := send("en", fmt.Sprintf("p%d@example.org", n)); code != http.StatusSeeOther {
			t.Fatalf("%d: %d %s", n, code, page)
		}
	}
	for lang, words := range map[string]string{"en": "Turn JavaScript on", "fr": "Activez JavaScript"} {
		code, page := send(lang, "late@example.org")
		for _, part := range []string{words, `value="late@example.org"`, "<noscript>", `data-puzzle="` + at + `/puzzle"`} {
			if code != http.StatusTooManyRequests || !strings.Contains(page, part) {
				t.Errorf("%d: %q is missing in\n%s", code, part, page)
			}
		}
	}
}

// A copy as plain HTML can't do the work: it counts as one without, and who is past the limit does it on the form's own page.
func TestACopyOfAFormWithAPuzzleLeadsToThePageThatDoesTheWork(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, func(d *form.Definition) { d.Puzzle = true })
		at := "/f/" + w.form.Slug
		send := func(email string, more ...string) (int, string) {
			body := url.Values{"v": {strconv.FormatInt(w.form.CurrentID, 10)}, "l": {"en"}, "email": {email}}
			for i := 0; i < len(more); i += 2 {
				body.Set(more[i], more[i+1])
			}
			q := httptest.NewRequest("POST", at+"?lang=en", strings.NewReader(body.Encode()))
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			q.Header.Set("Referer", "https://shop.example/contact")
			q.RemoteAddr = "203.0.113.9:4000"
			rec := httptest.NewRecorder()
			w.web.ServeHTTP(rec, q)
			return rec.Code, rec.Body.String()
		}
		for n := range int(form.Unworked()) {
			if code, page := send(fmt.Sprintf("p%d@example.org", n), "how", "embed"); code != http.StatusSeeOther {
				t.Fatalf("%d: %d %s", n, code, page)
			}
		}
		code, page := send("late@example.org", "how", "embed")
		for _, part := range []string{"your browser does a little work first", `value="late@example.org"`, `data-puzzle="` + at + `/puzzle"`} {
			if code != http.StatusTooManyRequests || !strings.Contains(page, part) {
				t.Errorf("%d: %q is missing in\n%s", code, part, page)
			}
		}
		if strings.Contains(page, "Turn JavaScript on") {
			t.Error("it is their site's copy that has no script")
		}
		rec := httptest.NewRecorder()
		q := httptest.NewRequest("GET", at+"/puzzle", nil)
		q.RemoteAddr = "203.0.113.9:4000"
		w.web.ServeHTTP(rec, q)
		var c form.Challenge
		must(t, json.Unmarshal(rec.Body.Bytes(), &c))
		if code, page := send("late@example.org", "altcha", solved(c)); code != http.StatusSeeOther {
			t.Errorf("pressed once more, with the work done: %d %s", code, page)
		}
	})
}

// solved does the work as the page's script does.
func solved(c form.Challenge) string {
	n := 0
	for ; fmt.Sprintf("%x", sha256.Sum256([]byte(c.Salt+strconv.Itoa(n)))) != c.Challenge; n++ {
	}
	b, _ := json.Marshal(map[string]any{"algorithm": c.Algorithm, "challenge": c.Challenge, "salt": c.Salt, "signature": c.Signature, "number": n})
	return base64.StdEncoding.EncodeToString(b)
}

// TestSingleOptInLeadsOnAtOnceAndNeverShowsAnEmptyPage: by the rules of the confirmation, and a
// form in a frame stays where it is.
func TestSingleOptInLeadsOnAtOnceAndNeverShowsAnEmptyPage(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition) {
		d.OptIn, d.Redirect, d.Done = form.Single, "https://cafe.example/merci?a=1", nil
	})
	path := "/f/" + w.form.Slug + "?lang=en"
	if _, _, head := w.ask("GET", path, nil); !strings.Contains(head.Get("Content-Security-Policy"), "form-action 'self' https://cafe.example;") {
		t.Errorf("the browser would not follow: %s", head.Get("Content-Security-Policy"))
	}
	code, _, head := w.ask("POST", path, w.fill("en", "email", "lea@example.org"))
	if code != http.StatusSeeOther || head.Get("Location") != "https://cafe.example/merci?a=1" || head.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("led to %d %s", code, head.Get("Location"))
	}
	code, _, head = w.ask("POST", path+"&frame=1", w.fill("en", "email", "max@example.org"))
	if code != http.StatusSeeOther || !strings.Contains(head.Get("Location"), "/sent?done=1") {
		t.Errorf("in a frame: %d %s", code, head.Get("Location"))
	}
	if page := w.get(head.Get("Location")); !strings.Contains(page, locale.For("en", nil).T("public.done.text")) {
		t.Error("the page is empty")
	}
	if code, _, head := w.ask("POST", path, w.fill("en", "email", "no address")); code != http.StatusUnprocessableEntity || !strings.Contains(head.Get("Content-Security-Policy"), "https://cafe.example;") {
		t.Errorf("again: %d %s", code, head.Get("Content-Security-Policy"))
	}
	// With confirmation nobody is led away before it.
	w = settle(t, h, func(d *form.Definition) { d.Redirect = "https://cafe.example/merci" })
	w.signup("lea@example.org", "en")
}

// TestAFormWithoutConfirmationAnswersWhoLeftLikeEverybody: a stranger who types an address learns nothing of it.
func TestAFormWithoutConfirmationAnswersWhoLeftLikeEverybody(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, to := range []string{"", "https://cafe.example/merci"} {
			w := settle(t, h, func(d *form.Definition) { d.OptIn, d.Redirect = form.Single, to })
			answer := func(email string, more ...string) string {
				code, body, head := w.ask("POST", "/f/"+w.form.Slug+"?lang=en", w.fill("en", append([]string{"email", email}, more...)...))
				if code != http.StatusSeeOther || body != "" && strings.Contains(body, email) {
					t.Fatalf("%s: %d\n%s", email, code, body)
				}
				return head.Get("Location") + " " + head.Get("Referrer-Policy")
			}
			want := answer("lea@example.org")
			c, _ := w.person("lea@example.org")
			w.ask("POST", "/u/"+w.token(token.Unsubscribe, c.ID, w.news), url.Values{"do": {"leave"}})
			for _, x := range [][]string{{"lea@example.org"}, {"max@example.org"}, {"bot@example.org", "website", "x"}} {
				if got := answer(x[0], x[1:]...); got != want {
					t.Errorf("%s: %q, not %q", x, got, want)
				}
			}
			if _, s := w.person("lea@example.org"); s[w.news].State != consent.Requested || w.facts("form.requested") != 1 {
				t.Errorf("who left is not asked in the mailbox: %+v", s[w.news])
			}
			if to == "" {
				page := w.get(strings.Fields(want)[0])
				if !strings.Contains(page, locale.For("en", nil).T("public.done.left")) {
					t.Errorf("who had left is not told what to do:\n%s", page)
				}
			} else if !strings.HasPrefix(want, to) {
				t.Errorf("led to %q", want)
			}
		}
	})
}
