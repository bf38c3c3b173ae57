// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/public"
	"consend/internal/web/shell"
)

// counter is a house with a published form and its public pages.
type counter struct {
	*testhouse.House
	t           testing.TB
	acct        int64
	member      actor.Actor
	news, opens int64
	clicks      int64
	form        form.Form
	web         http.Handler
}

type nobody struct{}

func (nobody) Find(context.Context, string) (shell.Member, error) {
	return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, h *testhouse.House, change func(*form.Definition)) *counter {
	t.Helper()
	acct, member := h.House(t)
	w := &counter{House: h, t: t, acct: acct, member: member}
	h.Main.Attach(&config.Site{URL: "https://news.example", Host: "news.example"})
	desk := form.NewDesk(h.Main)
	h.Main.Attach(desk)
	packs := rulepack.Packs()
	w.write(func(tx *store.Tx) error {
		p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Newsletter"})
		if err != nil {
			return err
		}
		if w.news, err = list.Make(tx, list.New{Name: "News", Purpose: p, Public: list.Words{"en": "Monthly news", "fr": "Nouvelles du mois"}}); err != nil {
			return err
		}
		m, err := list.EnsureMeasuring(tx, "fr")
		if err != nil {
			return err
		}
		w.opens, w.clicks = m[list.Opens].ID, m[list.Clicks].ID
		n := notice.Begin(notice.Answers{Name: "Café Rosalie", Postal: "12 rue des Lilas\n69003 Lyon", Country: "FR", Language: "fr", DataEmail: "rosalie@cafe.example"},
			rulepack.Published(packs[len(packs)-1]))
		note, err := notice.Make(tx, "Newsletter", n)
		if err != nil {
			return err
		}
		if _, err = notice.Publish(tx, note, 1); err != nil {
			return err
		}
		l, err := list.Get(tx, w.news)
		if err != nil {
			return err
		}
		d := form.Begin(l, "fr", note, "#b45309")
		if change != nil {
			change(&d)
		}
		id, err := form.Make(tx, "Lettre du café", d)
		if err != nil {
			return err
		}
		if _, err = form.Publish(context.Background(), tx, id, 1); err != nil {
			return err
		}
		w.form, err = form.Find(tx, id)
		return err
	})
	pages := &public.Pages{DB: h.Main, Ring: h.Ring, Desk: desk, Log: h.Log}
	s, err := shell.New(shell.Options{Sessions: nobody{}, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	must(t, err)
	w.web, err = s.Handler(pages.Routes())
	must(t, err)
	return w
}

func (w *counter) write(fn func(*store.Tx) error) {
	w.t.Helper()
	must(w.t, w.Main.Write(context.Background(), w.member, fn))
}

func (w *counter) ask(method, path string, body url.Values, header ...string) (int, string, http.Header) {
	w.t.Helper()
	var b io.Reader
	if body != nil {
		b = strings.NewReader(body.Encode())
	}
	q := httptest.NewRequest(method, path, b)
	if body != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.web.ServeHTTP(rec, q)
	if c := rec.Header().Values("Set-Cookie"); len(c) > 0 {
		w.t.Errorf("%s %s sets a cookie", method, path)
	}
	if s := rec.Body.String(); strings.Contains(s, "<script") || strings.Contains(s, "&lt;no value") || strings.Contains(s, " style=") {
		w.t.Errorf("%s %s: a script, a style or an empty value", method, path)
	}
	return rec.Code, rec.Body.String(), rec.Header()
}

func (w *counter) get(path string, header ...string) string {
	w.t.Helper()
	code, body, _ := w.ask("GET", path, nil, header...)
	if code != 200 {
		w.t.Fatalf("GET %s: %d\n%s", path, code, body)
	}
	return body
}

var hidden = regexp.MustCompile(`name="(v|l|t)" value="([^"]*)"`)

// fill takes the hidden values from the page, as a browser does.
func (w *counter) fill(lang string, pairs ...string) url.Values {
	w.t.Helper()
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(w.get("/f/"+w.form.Slug+"?lang="+lang), -1) {
		v.Set(m[1], m[2])
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	w.Clock.Advance(10 * time.Second)
	return v
}

// signup sends the form and gives the path of the confirmation page.
func (w *counter) signup(email, lang string) (id int64, path string) {
	w.t.Helper()
	code, body, h := w.ask("POST", "/f/"+w.form.Slug+"?lang="+lang, w.fill(lang, "email", email))
	if code != http.StatusSeeOther || !strings.HasPrefix(h.Get("Location"), "/f/"+w.form.Slug+"/sent?") {
		w.t.Fatalf("sign-up: %d %s\n%s", code, h.Get("Location"), body)
	}
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) {
		id, err = store.One[int64](v, lastSignup)
		if err == nil {
			var link string
			link, err = form.ConfirmLink(v, id)
			path = strings.TrimPrefix(link, "https://news.example")
		}
		return err
	}))
	return id, path
}

var (
	lastSignup = store.Account("test.last_signup", `SELECT max(s.id) FROM signup s WHERE s.account_id = :account`)
	countFacts = store.Account("test.count_facts", `SELECT count(*) FROM fact f WHERE f.account_id = :account AND f.kind = ?`)
)

func (w *counter) facts(kind string) (n int64) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { n, err = store.One[int64](v, countFacts, kind); return err }))
	return n
}

func (w *counter) person(email string) (c contact.Contact, stands map[int64]consent.Standing) {
	w.t.Helper()
	stands = map[int64]consent.Standing{}
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) {
		if c, _, err = contact.Find(v, address.Must(email)); err != nil {
			return err
		}
		all, err := consent.Standings(v, c.ID)
		for _, s := range all {
			stands[s.ListID] = s
		}
		return err
	}))
	return c, stands
}

// said checks how the last word of a person reached us, and what it left as their doing.
func (w *counter) said(id int64, how string, did contact.Doing) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) error {
		all, err := consent.EventsBefore(v, id, 0, 0, 1)
		if err != nil || len(all) == 0 || all[0].Source+"/"+all[0].Method != how {
			w.t.Errorf("not told as %s: %+v", how, all)
		}
		done, err := contact.Activities(v, id)
		if !slices.ContainsFunc(done, func(d contact.Done) bool { return d.Kind == did }) {
			w.t.Errorf("not %s: %+v", did, done)
		}
		return err
	}))
}

func (w *counter) token(kind token.Kind, objects ...int64) string {
	w.t.Helper()
	key, err := w.Ring.MAC(w.acct, kind.Key())
	must(w.t, err)
	return token.Make(key, kind, w.acct, objects...)
}

func TestAPersonSignsUpConfirmsChoosesAndLeaves(t *testing.T) {
	for lang, words := range map[string][]string{
		"en": {"Stay in touch", "Monthly news", "look in your inbox", "One more click", "you are subscribed", "Already confirmed", "Your choices", "Unsubscribe", "You are unsubscribed", "Privacy note of Café Rosalie"},
		"fr": {"Restons en contact", "Nouvelles du mois", "boîte de réception", "Encore un clic", "vous êtes inscrit", "Déjà confirmé", "Vos choix", "Se désinscrire", "Vous êtes désinscrit", "Mention d’information de Café Rosalie"},
	} {
		testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
			w := settle(t, h, nil)
			has := func(body, part string) {
				t.Helper()
				if !strings.Contains(body, part) {
					t.Errorf("%s: %q is missing in\n%s", lang, part, body)
				}
				if !strings.Contains(body, `<html lang="`+lang+`"`) {
					t.Errorf("the page is not in %s", lang)
				}
			}
			page := w.get("/f/"+w.form.Slug, "Accept-Language", lang)
			has(page, words[0])
			has(page, words[1])
			_, path := w.signup("lea@example.org", lang)
			has(w.get("/f/"+w.form.Slug+"/sent?lang="+lang), words[2])
			for range 3 { // scanners look, and look again
				has(w.get(path), words[3])
				w.ask("HEAD", path, nil)
			}
			if _, s := w.person("lea@example.org"); s[w.news].State != consent.Requested {
				t.Fatalf("looking confirmed: %+v", s[w.news])
			}
			code, body, _ := w.ask("POST", path, url.Values{"do": {"confirm"}})
			if has(body, words[4]); code != 200 {
				t.Errorf("confirm: %d", code)
			}
			c, s := w.person("lea@example.org")
			if s[w.news].State != consent.Given || s[w.news].Grade != consent.GradeA || c.Language != lang {
				t.Fatalf("confirmed: %+v", s[w.news])
			}
			has(w.get(path), words[5])

			prefs := "/p/" + w.token(token.Preferences, c.ID)
			body = w.get(prefs)
			has(body, words[6])
			has(body, words[1])
			leave := "/u/" + w.token(token.Unsubscribe, c.ID, w.news)
			for range 3 {
				has(w.get(leave), words[7])
				w.ask("HEAD", leave, nil)
			}
			if _, s := w.person("lea@example.org"); s[w.news].State != consent.Given {
				t.Fatalf("looking unsubscribed: %+v", s[w.news])
			}
			_, body, _ = w.ask("POST", leave, url.Values{"do": {"leave"}})
			has(body, words[8])
			if _, s := w.person("lea@example.org"); s[w.news].State != consent.Withdrawn {
				t.Fatalf("after leaving: %+v", s[w.news])
			}
			w.said(c.ID, "mail/page", contact.Left)
			if code, _, _ := w.ask("GET", fmt.Sprintf("/privacy/%d", w.acct), nil, "Accept-Language", lang); code != 200 && code != 303 {
				t.Errorf("the account's notes answer %d", code)
			}
			note := regexp.MustCompile(`/privacy/\d+/\d+/1\?lang=`).FindString(strings.ReplaceAll(page, "&amp;", "&"))
			has(w.get(note+lang), words[9])
		})
	}
}

func TestOneClickLeavesAtOnceFromAnySite(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		leave := "/u/" + w.token(token.Unsubscribe, c.ID, w.news, 77)
		// RFC 8058 3.2: a POST with this body, without cookies, from anywhere.
		code, _, _ := w.ask("POST", leave, url.Values{"List-Unsubscribe": {"One-Click"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://mail.example")
		if code != 200 {
			t.Errorf("one click: %d", code)
		}
		if _, s := w.person("lea@example.org"); s[w.news].State != consent.Withdrawn {
			t.Errorf("state %s", s[w.news].State)
		}
		w.said(c.ID, "mail/one_click", contact.Left)
		// Again is harmless; and undoing is a mail to confirm, not a switch.
		w.ask("POST", leave, url.Values{"List-Unsubscribe": {"One-Click"}})
		before := w.facts("form.requested")
		h.Clock.Advance(time.Minute)
		w.ask("POST", leave, url.Values{"do": {"back"}})
		if _, s := w.person("lea@example.org"); s[w.news].State == consent.Given || w.facts("form.requested") != before+1 {
			t.Errorf("undo: %s, %d mails", s[w.news].State, w.facts("form.requested")-before)
		}
		id, _ := int64(0), 0
		must(t, h.Main.View(context.Background(), w.member, func(v *store.View) (err error) { id, err = store.One[int64](v, lastSignup); return err }))
		h.Clock.Advance(time.Minute)
		w.ask("POST", "/c/"+w.token(token.Confirm, id), url.Values{"do": {"confirm"}})
		if _, s := w.person("lea@example.org"); s[w.news].State != consent.Given {
			t.Errorf("after confirming: %s", s[w.news].State)
		}
	})
}

func TestStopEverythingStopsEverything(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		prefs := "/p/" + w.token(token.Preferences, c.ID)
		_, body, _ := w.ask("POST", prefs, url.Values{"do": {"agree"}, "what": {list.Opens}})
		if _, s := w.person("lea@example.org"); s[w.opens].State != consent.Given {
			t.Errorf("measuring agreed to: %+v\n%s", s[w.opens], body)
		}
		w.ask("POST", prefs, url.Values{"language": {"en"}})
		if c, _ = w.person("lea@example.org"); c.Language != "en" {
			t.Errorf("language %s", c.Language)
		}
		_, body, _ = w.ask("POST", prefs, url.Values{"do": {"all"}})
		if !strings.Contains(body, "nothing more will be sent") {
			t.Error(body)
		}
		c, s := w.person("lea@example.org")
		w.said(c.ID, "preferences/page", contact.Chose)
		if c.State != contact.StateObjected || s[w.news].Reason != consent.HasObjected || s[w.opens].State == consent.Given {
			t.Errorf("%s %+v", c.State, s)
		}
	})
}

// Forged, cut, foreign and mixed-up links: one answer, and nothing happens.
func TestALinkThatIsNotOursTellsNothing(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	id, path := w.signup("lea@example.org", "fr")
	w.ask("POST", path, url.Values{"do": {"confirm"}})
	c, _ := w.person("lea@example.org")
	raw := strings.TrimPrefix(path, "/c/")
	other, _ := h.House(t)
	otherKey, err := h.Ring.MAC(other, token.Confirm.Key())
	must(t, err)
	bad := []string{"", "x", raw[:len(raw)-1], raw + "a", flip(raw), w.token(token.Preferences, c.ID), w.token(token.Confirm, id, id),
		token.Make(otherKey, token.Confirm, w.acct, id), token.Make([32]byte{}, token.Confirm, 999_999, id), strings.Repeat("a", 500)}
	want := ""
	for _, b := range bad {
		for _, kind := range []string{"/c/", "/u/", "/p/", "/r/"} {
			if kind == "/p/" && b == w.token(token.Preferences, c.ID) || b == "" {
				continue
			}
			for _, method := range []string{"GET", "POST"} {
				var body url.Values
				if method == "POST" {
					body = url.Values{"do": {"leave"}, "List-Unsubscribe": {"One-Click"}}
				}
				code, answer, _ := w.ask(method, kind+b, body, "Accept-Language", "fr")
				answer = requestID.ReplaceAllString(strings.ReplaceAll(answer, kind+b, ""), "")
				if want == "" {
					want = answer
				}
				if code != http.StatusNotFound || answer != want {
					t.Errorf("%s %s%.40s: %d, another answer:\n%s", method, kind, b, code, answer)
				}
			}
		}
	}
	if _, s := w.person("lea@example.org"); s[w.news].State != consent.Given {
		t.Errorf("a forged link changed something: %+v", s[w.news])
	}
}

var requestID = regexp.MustCompile(`[a-z2-7]{16}`)

func flip(s string) string {
	enc := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	b, _ := enc.DecodeString(s)
	b[len(b)-1] ^= 1
	return enc.EncodeToString(b)
}

func TestARobotGetsTheSameAnswerAndLeavesNothing(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	v := w.fill("fr", "email", "bot@example.org", "website", "https://pills.example")
	code, _, head := w.ask("POST", "/f/"+w.form.Slug, v)
	if code != http.StatusSeeOther || !strings.Contains(head.Get("Location"), "/sent") || w.facts("form.requested") != 0 {
		t.Errorf("%d %s", code, head.Get("Location"))
	}
	// Faster than anybody types: once more, please.
	v = w.fill("fr", "email", "fast@example.org")
	h.Clock.Advance(-10 * time.Second)
	code, body, _ := w.ask("POST", "/f/"+w.form.Slug, v)
	if code != http.StatusUnprocessableEntity || !strings.Contains(body, "très rapide") || !strings.Contains(body, `value="fast@example.org"`) {
		t.Errorf("%d\n%s", code, body)
	}
	v.Set("t", "zzz.0000")
	h.Clock.Advance(time.Hour)
	if code, _, _ = w.ask("POST", "/f/"+w.form.Slug, v); code != http.StatusUnprocessableEntity {
		t.Errorf("a forged moment: %d", code)
	}
}

func TestWhatIsWrongIsSaidAtItsFieldInTheVisitorsLanguage(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, func(d *form.Definition) {
		d.Age = 15
		d.Fields = []form.Field{{Name: "name", Type: "text", Required: true, Label: form.Words{"en": "Name", "fr": "Nom"}, Why: form.Words{"en": "to greet you", "fr": "pour vous saluer"}}}
	})
	for lang, parts := range map[string][]string{"en": {"at_missing", "Please fill this in.", "15 or older"}, "fr": {"at_missing", "Veuillez remplir", "15 ans ou plus"}} {
		parts[0] = locale.For(lang, nil).T("address.name")
		code, body, _ := w.ask("POST", "/f/"+w.form.Slug+"?lang="+lang, w.fill(lang, "email", `lea"><b>example.org`))
		if code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", lang, code)
		}
		for _, p := range parts {
			if !strings.Contains(html.UnescapeString(body), p) {
				t.Errorf("%s lacks %q in\n%s", lang, p, body)
			}
		}
		if strings.Contains(body, `lea"><b>`) {
			t.Error("what was typed is not escaped")
		}
	}
}

func TestAFormMayStandInAFrameAndInAPageElsewhere(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	_, body, head := w.ask("GET", "/f/"+w.form.Slug+"?frame=1", nil)
	if !strings.Contains(head.Get("Content-Security-Policy"), "frame-ancestors *") || head.Get("X-Frame-Options") != "" || !strings.Contains(body, "public-bare") {
		t.Errorf("%v", head)
	}
	for _, path := range []string{"/c/" + w.token(token.Confirm, 1), "/u/" + w.token(token.Unsubscribe, 1, 2)} {
		if _, _, head := w.ask("GET", path, nil); !strings.Contains(head.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s may be framed", path)
		}
	}
	// A copy on the account's own site.
	must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
		f, err := form.Find(v, w.form.ID)
		if err != nil {
			return err
		}
		ver, err := form.Get(v, f.CurrentID)
		if err != nil {
			return err
		}
		n, err := notice.Get(v, ver.NoteVersion)
		if err != nil {
			return err
		}
		html, err := form.Embed(context.Background(), ver, n, w.acct, "fr", "https://news.example", f.Slug)
		for _, part := range []string{`action="https://news.example/f/` + f.Slug, `href="https://news.example/privacy/`, `name="how" value="embed"`} {
			if !strings.Contains(html, part) {
				t.Errorf("the copy lacks %q:\n%s", part, html)
			}
		}
		if strings.Contains(html, "<script") || strings.Contains(html, " checked") {
			t.Error(html)
		}
		return err
	}))
	v := url.Values{"v": {fmt.Sprint(w.form.CurrentID)}, "l": {"fr"}, "how": {"embed"}, "email": {"lea@example.org"}}
	code, answer, _ := w.ask("POST", "/f/"+w.form.Slug+"?lang=fr", v, "Sec-Fetch-Site", "cross-site", "Origin", "https://cafe.example", "Referer", "https://cafe.example/contact?x=1")
	if code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", code, answer)
	}
	c, _ := w.person("lea@example.org")
	must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
		events, err := consent.Events(v, c.ID)
		if len(events) != 1 || events[0].Page != "https://cafe.example/contact" || events[0].Method != "embed" {
			t.Errorf("%+v", events)
		}
		return err
	}))
	// But the button of the confirmation mail's page answers to nobody else's site.
	_, path := w.signup("mona@example.org", "fr")
	if code, _, _ := w.ask("POST", path, url.Values{"do": {"confirm"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); code != http.StatusForbidden {
		t.Errorf("a foreign site pressed the button: %d", code)
	}
}

func TestAnExpiredLinkIsKind(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	_, path := w.signup("lea@example.org", "en")
	h.Clock.Advance(8 * 24 * time.Hour)
	code, body, _ := w.ask("GET", path, nil)
	if code != http.StatusGone || !strings.Contains(body, "Send me a new one") {
		t.Errorf("%d\n%s", code, body)
	}
	code, body, _ = w.ask("POST", path, url.Values{"do": {"again"}})
	if code != 200 || !strings.Contains(body, "look in your inbox") || w.facts("form.requested") != 2 {
		t.Errorf("%d\n%s", code, body)
	}
	h.Clock.Advance(40 * 24 * time.Hour)
	must(t, form.Sweep(context.Background(), h.Main))
	// The sign-up is gone, and with it the language it was made in: the browser's counts.
	if code, body, _ = w.ask("GET", path, nil, "Accept-Language", "en"); code != http.StatusGone || !strings.Contains(body, "sign up again") {
		t.Errorf("%d\n%s", code, body)
	}
}

func TestAReceiptShowsTheYesAndMasksTheAddress(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	_, path := w.signup("lea.martin@example.org", "fr")
	h.Clock.Advance(time.Hour)
	w.ask("POST", path, url.Values{"do": {"confirm"}})
	c, s := w.person("lea.martin@example.org")
	body := w.get("/r/" + w.token(token.Receipt, c.ID, s[w.news].EventID))
	for _, part := range []string{"Nouvelles du mois", "Restons en contact", "@example.org", "Version 1"} {
		if !strings.Contains(body, part) {
			t.Errorf("lacks %q:\n%s", part, body)
		}
	}
	if strings.Contains(body, "lea.martin") {
		t.Error("the address is not masked")
	}
}

func TestAReceiptHandsOverAProofThatAnybodyCanCheck(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea.martin@example.org", "fr")
		h.Clock.Advance(time.Hour)
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, s := w.person("lea.martin@example.org")
		receipt := "/r/" + w.token(token.Receipt, c.ID, s[w.news].EventID)
		if strings.Contains(w.get(receipt), "/p/") { // who got it from somebody holds that person's choices by it
			t.Error("the receipt opens the choices")
		}
		if choices := w.get("/p/" + w.token(token.Preferences, c.ID)); !strings.Contains(choices, receipt) {
			t.Errorf("the choices don't lead to the receipt %s:\n%s", receipt, choices)
		}
		if body := w.get(receipt); !strings.Contains(body, "M’envoyer la preuve") || !strings.Contains(body, "consend-verify") {
			t.Errorf("the page doesn't offer the proof:\n%s", body)
		}
		// Whoever holds the link may press the button; the proof goes to the mailbox.
		code, body, header := w.ask("POST", receipt, url.Values{})
		if code != 200 || header.Get("Content-Disposition") != "" || strings.Contains(body, "lea.martin") || !strings.Contains(body, "C’est parti") {
			t.Fatalf("%d %v\n%s", code, header, body)
		}
		if n := w.facts(string(evidence.Asked)); n != 1 {
			t.Fatalf("%d mails are asked for", n)
		}
		must(t, trace.SealNow(context.Background(), h.Main))
		w.write(func(tx *store.Tx) error {
			d, err := evidence.DraftProof(tx, c.ID)
			must(t, err)
			if name := d.Attached[0].Name; d.To.Addr != "lea.martin@example.org" || d.Contact != c.ID || d.Class != "receipt" || !d.Secret || strings.Contains(name, "lea") || !strings.HasSuffix(name, ".json") {
				t.Errorf("%+v", d)
			}
			body = string(d.Attached[0].Body)
			return nil
		})
		f, err := proof.Decode([]byte(body))
		must(t, err)
		if f.Person.Address != "lea.martin@example.org" || f.Person.ID != c.ID || f.Language != "fr" {
			t.Errorf("%+v", f.Person)
		}
		must(t, w.Main.View(context.Background(), w.member, func(v *store.View) error {
			all, err := trace.Search(v, trace.Question{Contact: c.ID, Action: "evidence.ask_for"})
			if len(all) != 1 {
				t.Errorf("that the proof was asked for is not written down: %+v", all)
			}
			return err
		}))
		file := filepath.Join(t.TempDir(), "proof.json")
		must(t, os.WriteFile(file, []byte(body), 0o600))
		if out, err := exec.Command("go", "run", "consend/cmd/consend-verify", file, "--key", h.Log.Key()).CombinedOutput(); err != nil {
			t.Errorf("consend-verify: %v\n%s", err, out)
		}
		must(t, os.WriteFile(file, []byte(strings.Replace(body, "lea.martin@", "max.martin@", 1)), 0o600))
		if out, err := exec.Command("go", "run", "consend/cmd/consend-verify", file, "--key", h.Log.Key()).CombinedOutput(); err == nil {
			t.Errorf("consend-verify takes a changed file:\n%s", out)
		}
		for range 2 {
			w.ask("POST", receipt, url.Values{})
		}
		if code, body, _ := w.ask("POST", receipt, url.Values{}); code != http.StatusTooManyRequests || !strings.Contains(body, "trois fois") || w.facts(string(evidence.Asked)) != 3 {
			t.Errorf("a mailbox is filled: %d, %d mails\n%s", code, w.facts(string(evidence.Asked)), body)
		}
		h.Clock.Advance(25 * time.Hour)
		w.write(func(tx *store.Tx) error { return contact.BeginErasing(tx, c.ID, "test") })
		if code, body, _ := w.ask("POST", receipt, url.Values{}); code != http.StatusNotFound || strings.Contains(body, "lea.martin") {
			t.Errorf("an erased person's proof: %d\n%s", code, body)
		}
	})
}

func TestWhatIsTooLargeOrUnreadableIsRefusedInTheVisitorsWords(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	_, path := w.signup("lea@example.org", "fr")
	w.ask("POST", path, url.Values{"do": {"confirm"}})
	c, s := w.person("lea@example.org")
	for _, at := range []string{"/f/" + w.form.Slug, path, "/u/" + w.token(token.Unsubscribe, c.ID, w.news), "/p/" + w.token(token.Preferences, c.ID)} {
		for _, lang := range []string{"en", "fr"} {
			for _, b := range []struct {
				value string
				code  int
				words map[string]string
			}{
				{strings.Repeat("a", 70<<10), http.StatusRequestEntityTooLarge, map[string]string{"en": "too large", "fr": "trop volumineux"}},
				{"a\x00b", http.StatusBadRequest, map[string]string{"en": "cannot be stored", "fr": "ne peuvent pas être enregistrés"}},
			} {
				code, body, _ := w.ask("POST", at+"?lang="+lang, url.Values{"do": {"all"}, "email": {b.value}}, "Accept-Language", lang)
				if code != b.code || !strings.Contains(html.UnescapeString(body), b.words[lang]) {
					t.Errorf("%s in %s, %d octets: %d\n%s", at[:3], lang, len(b.value), code, body)
				}
			}
		}
	}
	if _, now := w.person("lea@example.org"); now[w.news] != s[w.news] {
		t.Errorf("a refused form changed something: %+v", now[w.news])
	}
}

// Whatever is sent to a form: an answer in words, no fault of ours, and no yes without the mailbox.
func FuzzFormPost(f *testing.F) {
	for _, s := range []string{"email=lea%40example.org", "email=a&list=1&list=x", "website=1", "email=a%00b", "v=999999999999&email=a%40b.example",
		"t=1.2&email=lea%40example.org&l=xx", "email=%ff%fe", "a.name=" + strings.Repeat("x", 500) + "&email=lea%40example.org", "%zz", "how=embed&email=lea%40example.org"} {
		f.Add(s)
	}
	h := testhouse.SQLite(f)
	w := settle(f, h, func(d *form.Definition) {
		d.Fields = []form.Field{{Name: "name", Type: "text", Label: form.Words{"en": "Name", "fr": "Nom"}, Why: form.Words{"en": "to greet you", "fr": "pour vous saluer"}}}
	})
	f.Fuzz(func(t *testing.T, body string) {
		w := &counter{House: w.House, t: t, acct: w.acct, member: w.member, form: w.form, web: w.web}
		q := httptest.NewRequest("POST", "/f/"+w.form.Slug, strings.NewReader(body))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.RemoteAddr = fmt.Sprintf("198.51.%d.%d:1234", len(body)%256, strings.Count(body, "e")%256)
		rec := httptest.NewRecorder()
		w.web.ServeHTTP(rec, q)
		switch rec.Code {
		case 303, 400, 413, 422, 429:
		default:
			t.Errorf("%q: %d", body, rec.Code)
		}
		if n := w.facts("form.confirmed"); n != 0 {
			t.Fatalf("%q confirmed something", body)
		}
	})
}

// Whatever stands in place of a token: not found, unless we wrote it.
func FuzzToken(f *testing.F) {
	h := testhouse.SQLite(f)
	w := settle(f, h, nil)
	_, path := w.signup("lea@example.org", "fr")
	good := strings.TrimPrefix(path, "/c/")
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add(good[1:])
	f.Add(w.token(token.Preferences, 1))
	f.Fuzz(func(t *testing.T, s string) {
		q := httptest.NewRequest("POST", "/c/"+url.PathEscape(s), strings.NewReader("do=confirm"))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		w.web.ServeHTTP(rec, q)
		if ours := strings.EqualFold(s, good); ours != (rec.Code == 200) {
			t.Errorf("%q: %d", s, rec.Code)
		}
	})
}

// The page of choices: quiet for a while, less often, and each kind of measuring apart.
func TestThePageOfChoicesBendsWithoutAnAllOrNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		prefs := "/p/" + w.token(token.Preferences, c.ID)
		news := func() consent.Reason { _, s := w.person("lea@example.org"); return s[w.news].Reason }

		w.ask("POST", prefs, url.Values{"do": {"pause"}, "months": {"3"}})
		if news() != consent.Paused {
			t.Fatalf("paused: %q", news())
		}
		if !strings.Contains(w.get(prefs), `value="resume"`) {
			t.Error("the page doesn't offer to end the pause")
		}
		h.Clock.Advance(100 * 24 * time.Hour) // it ends by itself
		if news() != "" {
			t.Errorf("after the pause: %q", news())
		}
		w.ask("POST", prefs, url.Values{"do": {"pace"}, "pace": {"7"}})
		if c, _ = w.person("lea@example.org"); c.Pace != contact.PaceWeek {
			t.Errorf("pace %d", c.Pace)
		}
		if code, _, _ := w.ask("POST", prefs, url.Values{"do": {"pace"}, "pace": {"8"}}); code != http.StatusBadRequest {
			t.Errorf("a pace nobody offers: %d", code)
		}

		measured := func() (m consent.Measured) {
			must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
				all, err := consent.Tracking(v, []int64{c.ID})
				m = all[c.ID]
				return err
			}))
			return m
		}
		asks := func(what string) bool {
			return strings.Contains(w.get(prefs), `name="what" value="`+what+`"><button type="submit" class="btn" name="do" value="agree">`)
		}
		if measured() != (consent.Measured{}) || !asks(list.Opens) || !asks(list.Clicks) {
			t.Fatalf("somebody nobody asked: %+v", measured())
		}
		w.ask("POST", prefs, url.Values{"do": {"agree"}, "what": {list.Opens}})
		if measured() != (consent.Measured{Opens: true}) {
			t.Errorf("a yes to opens: %+v", measured())
		}
		w.ask("POST", prefs, url.Values{"do": {"unmeasure"}, "what": {list.Opens}})
		w.ask("POST", prefs, url.Values{"do": {"refuse"}, "what": {list.Clicks}})
		if measured() != (consent.Measured{}) || asks(list.Opens) || asks(list.Clicks) {
			t.Errorf("after two noes: %+v", measured())
		}
		w.ask("POST", prefs, url.Values{"do": {"agree"}, "what": {list.Clicks}}) // a page that was open before
		if measured() != (consent.Measured{}) {
			t.Errorf("a no turned within the term: %+v", measured())
		}
		if !strings.Contains(w.get(prefs), `name="turn" value="1"`) {
			t.Error("who changed their mind finds no way")
		}
		w.ask("POST", prefs, url.Values{"do": {"agree"}, "what": {list.Clicks}, "turn": {"1"}}) // their own act, unasked
		if measured() != (consent.Measured{Clicks: true}) {
			t.Errorf("they changed their mind within the term: %+v", measured())
		}
		w.ask("POST", prefs, url.Values{"do": {"unmeasure"}, "what": {list.Clicks}})
		h.Clock.Advance(190 * 24 * time.Hour)
		if !asks(list.Clicks) {
			t.Error("not asked again after the term")
		}
		w.ask("POST", prefs, url.Values{"do": {"agree"}, "what": {list.Clicks}})
		if measured() != (consent.Measured{Clicks: true}) {
			t.Errorf("a yes after the term: %+v", measured())
		}
		w.ask("POST", prefs, url.Values{"do": {"pause"}, "months": {"3"}})
		w.ask("POST", prefs, url.Values{"do": {"all"}})
		if measured() != (consent.Measured{}) || news() != consent.HasObjected {
			t.Errorf("after everything was stopped: %+v %q", measured(), news())
		}
		page := w.get(prefs) // nothing comes that could be paused or be less
		for _, do := range []string{"resume", "pause", "pace"} {
			if strings.Contains(page, `value="`+do+`"`) {
				t.Errorf("after everything was stopped, the page offers %q", do)
			}
		}
	})
}
