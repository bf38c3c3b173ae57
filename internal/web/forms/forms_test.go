// SPDX-License-Identifier: AGPL-3.0-or-later

package forms_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/forms"
	"consend/internal/web/shell"
)

type office struct {
	*testhouse.House
	t    testing.TB
	acct int64
	who  actor.Actor
	web  http.Handler
	list int64
	role string
	lang string
}

func (o *office) Find(_ context.Context, token string) (shell.Member, error) {
	if token == "" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	m := shell.Member{ID: o.who.ID, Account: shell.Account{ID: o.acct, Name: "Maison", Language: "fr", Zone: time.UTC}, Role: o.role, Language: o.lang}
	if token == "stranger" {
		m.Account.ID = 999_999
	}
	return m, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, h *testhouse.House, lang string) *office {
	t.Helper()
	o := &office{House: h, t: t, role: "owner", lang: lang}
	o.acct, o.who = h.House(t)
	site := &config.Site{URL: "https://news.example", Host: "news.example"}
	h.Main.Attach(site)
	h.Main.Attach(form.NewDesk(h.Main))
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Newsletter", Public: list.Words{"en": "Our news", "fr": "Nos nouvelles"}})
		if err == nil {
			o.list, err = list.Make(tx, list.New{Name: "News", Purpose: p, Public: list.Words{"en": "Monthly news", "fr": "Nouvelles du mois"}})
		}
		return err
	}))
	s, err := shell.New(shell.Options{Sessions: o, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	o.web, err = s.Handler((&forms.Pages{DB: h.Main, Site: site}).Routes())
	must(t, err)
	return o
}

func (o *office) ask(method, path, token string, body url.Values) (int, string, string) {
	o.t.Helper()
	var b io.Reader
	if body != nil {
		b = strings.NewReader(body.Encode())
	}
	q := httptest.NewRequest(method, path, b)
	q.AddCookie(&http.Cookie{Name: "consend", Value: token})
	if body != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	rec := httptest.NewRecorder()
	o.web.ServeHTTP(rec, q)
	s := rec.Body.String()
	if strings.Contains(s, "&lt;no value") || regexp.MustCompile(`>(forms|form|notice)\.[a-z_.]+<`).MatchString(s) {
		o.t.Errorf("%s %s shows a key or an empty value: %s", method, path, regexp.MustCompile(`>(forms|form|notice)\.[a-z_.]+<`).FindString(s))
	}
	return rec.Code, html.UnescapeString(s), rec.Header().Get("Location")
}

func (o *office) get(path string) string {
	o.t.Helper()
	code, body, _ := o.ask("GET", path, "member", nil)
	if code != 200 {
		o.t.Fatalf("GET %s: %d\n%s", path, code, body)
	}
	return body
}

// post sends a form and follows where it leads.
func (o *office) post(path string, body url.Values) string {
	o.t.Helper()
	code, s, to := o.ask("POST", path, "member", body)
	if code != http.StatusSeeOther {
		o.t.Fatalf("POST %s: %d\n%s", path, code, s)
	}
	return to
}

var attr = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)

// read takes what a page's form holds, as a browser would send it.
func read(page string) url.Values {
	v := url.Values{}
	for _, m := range regexp.MustCompile(`(?s)<input\b[^>]*>|<textarea\b[^>]*>.*?</textarea>|<select\b.*?</select>`).FindAllString(page, -1) {
		a := map[string]string{}
		tag := m[:strings.Index(m, ">")]
		for _, x := range attr.FindAllStringSubmatch(tag, -1) {
			a[x[1]] = html.UnescapeString(x[2])
		}
		_, checked := a["checked"]
		switch {
		case a["name"] == "":
		case strings.HasPrefix(m, "<textarea"):
			v.Add(a["name"], html.UnescapeString(m[strings.Index(m, ">")+1:strings.LastIndex(m, "<")]))
		case strings.HasPrefix(m, "<select"):
			if x := regexp.MustCompile(`<option value="([^"]*)" selected`).FindStringSubmatch(m); x != nil {
				v.Add(a["name"], x[1])
			}
		case a["type"] == "checkbox" || a["type"] == "radio":
			if checked {
				v.Add(a["name"], a["value"])
			}
		default:
			v.Add(a["name"], a["value"])
		}
	}
	return v
}

// raw is a page with its escapes, for read.
func (o *office) raw(path string) string {
	q := httptest.NewRequest("GET", path, nil)
	q.AddCookie(&http.Cookie{Name: "consend", Value: "member"})
	rec := httptest.NewRecorder()
	o.web.ServeHTTP(rec, q)
	return rec.Body.String()
}

func TestAMemberBuildsPublishesAndSharesAForm(t *testing.T) {
	for lang, w := range map[string][]string{
		"en": {"No form yet", "Draft the form", "this form from being published", "Nothing is ticked beforehand", "All rules passed", "Code to scan", "Nobody yet", "Version 1"},
		"fr": {"Pas encore de formulaire", "Préparer le formulaire", "empêche", "Rien n’est coché d’avance", "Toutes les règles", "Code à scanner", "Personne pour l’instant", "Version 1"},
	} {
		testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
			o := settle(t, h, lang)
			has := func(page, part string) {
				t.Helper()
				if !strings.Contains(page, part) {
					t.Errorf("%s: %q is missing in\n%s", lang, part, page)
				}
			}
			has(o.get("/forms"), w[0])
			has(o.get("/forms/new"), w[1])
			at := o.post("/forms/new", url.Values{"name": {"Lettre du café"}, "list": {fmt.Sprint(o.list)}})
			has(o.get(at), w[2])
			// Without a note nothing is published.
			if to := o.post(at+"/publish", url.Values{"version": {"1"}}); to != at {
				t.Errorf("published without a note: %s", to)
			}
			note := o.post("/privacy/notices", url.Values{})
			o.get("/privacy/notices")
			v := read(o.raw(note))
			if v.Get("controller") == "" || v.Get("kept") != "36" {
				t.Fatalf("the note's page: %v", v)
			}
			v.Set("contact", "rosalie@cafe.example")
			v.Set("policy", "https://cafe.example/vie-privee")
			v.Set("more.en", "We sell nothing.")
			v.Set("more.fr", "Nous ne vendons rien.")
			o.post(note, v)
			o.get(note)
			o.post(note+"/publish", url.Values{"version": {"2"}})
			has(o.get(note+"/versions/1"), "cafe.example/vie-privee")

			f := read(o.raw(at))
			f.Set("notice", note[strings.LastIndex(note, "/")+1:])
			f.Set("add", "name")
			f.Set("colour", "#1a2b3c")
			o.post(at, f)
			f = read(o.raw(at))
			f.Set("why.name.en", "to greet you")
			f.Set("why.name.fr", "pour vous saluer")
			f.Set("flabel.name.fr", "Prénom")
			o.post(at, f)
			page := o.get(at)
			has(page, w[3])
			has(page, w[4])
			has(o.get(at+"/preview?lang=fr"), "Prénom")
			version := read(o.raw(at)).Get("version")
			share := o.post(at+"/publish", url.Values{"version": {version}})
			page = o.get(share)
			has(page, w[5])
			has(page, "https://news.example/f/lettre-du-cafe-")
			has(page, `<iframe src="https://news.example/f/lettre-du-cafe-`)
			has(page, `name="how" value="embed"`)
			svg := o.raw(at + "/qr.svg")
			if err := xml.NewDecoder(bytes.NewReader([]byte(svg))).Decode(new(any)); err != nil || !strings.HasPrefix(svg, "<svg") {
				t.Errorf("the code: %v", err)
			}
			has(o.get(at+"/signups"), w[6])
			page = o.get(at + "/versions")
			has(page, w[7])
			kept := regexp.MustCompile(`/forms/\d+/versions/\d+`).FindString(page)
			has(o.get(kept), w[3])
			f = read(o.raw(at)) // an old version keeps its own colour
			f.Set("colour", "#7c2d12")
			o.post(at, f)
			has(o.get(kept+"/page?lang=fr"), "Prénom")
			if code, css, _ := o.ask("GET", regexp.MustCompile(`/forms/\d+/versions/\d+/style\.css\?look=\d+`).FindString(o.get(kept+"/page?lang=fr")), "member", nil); code != 200 || !strings.Contains(css, "--c-accent:#1a2b3c") || len(css) < 100_000 {
				t.Errorf("the style sheet that was kept: %d, %d octets", code, len(css))
			}
			// Drawn otherwise since: each look at its own address, the newest first.
			h.Clock.Advance(time.Hour)
			h.Main.Attach(form.Styles(func(colour string) []byte { return []byte("body{color:" + colour + "}") }))
			must(t, h.Main.Write(context.Background(), o.who, form.KeepLooks))
			looks := regexp.MustCompile(`href="(/forms/\d+/versions/\d+\?look=\d+)"`).FindAllStringSubmatch(o.get(kept), -1)
			if len(looks) != 2 || !strings.Contains(o.get(looks[1][1]), "lang=fr&look="+strings.SplitN(looks[1][1], "look=", 2)[1]) {
				t.Errorf("the looks: %v", looks)
			}
			if code, _, _ := o.ask("GET", kept+"/page?lang=fr&look=12", "member", nil); code != http.StatusNotFound {
				t.Errorf("a look of no day: %d", code)
			}
			f = read(o.raw(at))
			f.Set("version", "1")
			// An edit from an old page is a conflict, and nothing is lost.
			code, body, _ := o.ask("POST", at, "member", f)
			if code != http.StatusUnprocessableEntity || !strings.Contains(body, "Prénom") {
				t.Errorf("an old edit: %d", code)
			}
			o.post(at+"/turn", url.Values{"do": {"close"}})
			o.post(at+"/turn", url.Values{"do": {"open"}})
			o.post(at+"/turn", url.Values{"do": {"retire"}})
			page = o.get("/forms")
			has(page, `action="`+at+`/turn"`)
			has(page, `value="restore"`)
			o.post(at+"/turn", url.Values{"do": {"retire"}}) // again is harmless
			away := locale.For(lang, nil).T("form.put_away")
			if page := o.get(at); strings.Contains(page, at+"/publish") || strings.Contains(page, "builder-save") || strings.Contains(page, "data-autosave=") {
				t.Error("what is put away is offered to be changed")
			}
			for path, code := range map[string]int{"": http.StatusUnprocessableEntity, "/publish": http.StatusConflict, "/turn": http.StatusConflict} {
				if got, body, _ := o.ask("POST", at+path, "member", url.Values{"version": {"3"}, "name": {"X"}, "do": {"close"}}); got != code || path != "" && !strings.Contains(body, html.EscapeString(away)) {
					t.Errorf("%s of a form that is put away: %d, want %d\n%s", path, got, code, body)
				}
			}
			o.post(at+"/turn", url.Values{"do": {"restore"}})
			if strings.Contains(o.get("/forms"), `value="restore"`) {
				t.Error("it is still put away")
			}
			has(o.get("/forms"), `href="`+at+`"`)
			o.post(at+"/turn", url.Values{"do": {"restore"}})
		})
	}
}

func TestAViewerChangesNothingAndAStrangerSeesNothing(t *testing.T) {
	h := testhouse.SQLite(t)
	o := settle(t, h, "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	note := o.post("/privacy/notices", url.Values{})
	o.role = "viewer"
	for _, rt := range (&forms.Pages{}).Routes() {
		path := strings.NewReplacer("/privacy/notices/{id}", note, "/forms/{id}", at, "{version}", "1", "{number}", "1").Replace(rt.Pattern)
		if rt.Method == "POST" {
			if code, _, _ := o.ask("POST", path, "member", url.Values{"version": {"1"}}); code != http.StatusForbidden {
				t.Errorf("a viewer posts to %s: %d", path, code)
			}
			continue
		}
		if code, _, _ := o.ask("GET", path, "", nil); code != http.StatusSeeOther {
			t.Errorf("nobody sees %s: %d", path, code)
		}
		if strings.Contains(rt.Pattern, "{id}") {
			o.role = "owner"
			if code, _, _ := o.ask("GET", path, "stranger", nil); code != http.StatusNotFound {
				t.Errorf("another account sees %s: %d", path, code)
			}
			o.role = "viewer"
		}
	}
}

func TestWhoLooksAtSignUpsIsTraced(t *testing.T) {
	h := testhouse.SQLite(t)
	o := settle(t, h, "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	note := o.post("/privacy/notices", url.Values{})
	v := read(o.raw(note))
	v.Set("contact", "rosalie@cafe.example")
	o.post(note, v)
	o.post(note+"/publish", url.Values{"version": {"2"}})
	f := read(o.raw(at))
	f.Set("notice", note[strings.LastIndex(note, "/")+1:])
	o.post(at, f)
	o.post(at+"/publish", url.Values{"version": {"2"}})
	var fm form.Form
	must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := form.All(v)
		fm = all[0]
		return err
	}))
	live, err := form.NewDesk(h.Main).At(context.Background(), fm.Slug)
	must(t, err)
	sub, err := form.Read(live, "en", url.Values{"email": {"lea@example.org"}})
	must(t, err)
	must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Subject, Account: o.acct}, func(tx *store.Tx) error {
		_, err := form.Submit(tx, sub)
		return err
	}))
	looks := func() (n int) {
		must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := trace.Search(v, trace.Question{Action: trace.LookAction, Limit: 100})
			n = len(all)
			return err
		}))
		return n
	}
	before := looks()
	if page := o.get(at + "/signups"); !strings.Contains(page, "lea@example.org") || !strings.Contains(page, "Not yet confirmed") {
		t.Error(page)
	}
	if looks() != before+1 {
		t.Errorf("%d looks instead of %d", looks(), before+1)
	}
}
