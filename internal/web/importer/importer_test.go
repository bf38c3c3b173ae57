// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	people "consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/web/importer"
	"consend/internal/web/shell"
)

// desk is a member before the pages.
type desk struct {
	*testhouse.House
	t       testing.TB
	account int64
	who     actor.Actor
	web     http.Handler
	role    string
	lang    string
	list    int64
}

func (d *desk) Find(_ context.Context, token string) (shell.Member, error) {
	if token == "" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	return shell.Member{ID: d.who.ID, Name: "Olga", Account: shell.Account{ID: d.account, Name: "Maison", Language: "fr", Zone: time.UTC}, Role: d.role, Language: d.lang}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, h *testhouse.House, lang string) *desk {
	t.Helper()
	d := &desk{House: h, t: t, role: "owner", lang: lang}
	d.account, d.who = h.House(t)
	must(t, h.Main.Write(context.Background(), d.who, func(tx *store.Tx) (err error) {
		d.list, err = list.EnsureNamed(tx, "Newsletter", "News")
		return err
	}))
	s, err := shell.New(shell.Options{Sessions: d, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	d.web, err = s.Handler((&importer.Pages{DB: h.Main}).Routes())
	must(t, err)
	return d
}

var bareKey = regexp.MustCompile(`>\s*(importer|import|contact|list)\.[a-z_.]+\s*<`)

func (d *desk) ask(method, path, contentType string, body io.Reader) (int, string, string) {
	d.t.Helper()
	q := httptest.NewRequest(method, path, body)
	q.AddCookie(&http.Cookie{Name: "consend", Value: "member"})
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	rec := httptest.NewRecorder()
	d.web.ServeHTTP(rec, q)
	s := rec.Body.String()
	if k := bareKey.FindString(s); k != "" || strings.Contains(s, "no value") {
		d.t.Errorf("%s %s shows a key or an empty value: %s", method, path, k)
	}
	if strings.Contains(s, ` style="`) || strings.Contains(s, "onclick") {
		d.t.Errorf("%s %s has inline style or script", method, path)
	}
	return rec.Code, html.UnescapeString(s), rec.Header().Get("Location")
}

func (d *desk) get(path string) string {
	d.t.Helper()
	code, body, _ := d.ask("GET", path, "", nil)
	if code != 200 {
		d.t.Fatalf("GET %s: %d\n%s", path, code, body)
	}
	return body
}

func (d *desk) post(path string, v url.Values, want int) (string, string) {
	d.t.Helper()
	code, body, to := d.ask("POST", path, "application/x-www-form-urlencoded", strings.NewReader(v.Encode()))
	if code != want {
		d.t.Fatalf("POST %s: %d, want %d\n%s", path, code, want, body)
	}
	return body, to
}

// send posts a multipart form with a file.
func (d *desk) send(path, field, name, content string, v url.Values, want int) (string, string) {
	d.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k := range v {
		must(d.t, m.WriteField(k, v.Get(k)))
	}
	if field != "" {
		w, err := m.CreateFormFile(field, name)
		must(d.t, err)
		_, err = io.WriteString(w, content)
		must(d.t, err)
	}
	must(d.t, m.Close())
	code, body, to := d.ask("POST", path, m.FormDataContentType(), &b)
	if code != want {
		d.t.Fatalf("POST %s: %d, want %d\n%s", path, code, want, body)
	}
	return body, to
}

var input = regexp.MustCompile(`(?s)<input\b[^>]*>|<textarea\b[^>]*>.*?</textarea>|<select\b.*?</select>`)
var attribute = regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)

// filled takes what a page's forms hold, as a browser would send it.
func filled(page string) url.Values {
	v := url.Values{}
	for _, m := range input.FindAllString(page, -1) {
		a := map[string]string{}
		for _, x := range attribute.FindAllStringSubmatch(m[:strings.Index(m, ">")], -1) {
			a[x[1]] = x[2]
		}
		_, checked := a["checked"]
		switch {
		case a["name"] == "" || a["type"] == "file":
		case strings.HasPrefix(m, "<textarea"):
			v.Set(a["name"], m[strings.Index(m, ">")+1:strings.LastIndex(m, "<")])
		case strings.HasPrefix(m, "<select"):
			if x := regexp.MustCompile(`<option value="([^"]*)" selected`).FindStringSubmatch(m); x != nil {
				v.Set(a["name"], x[1])
			}
		case a["type"] == "radio" || a["type"] == "checkbox":
			if checked {
				v.Set(a["name"], a["value"])
			}
		default:
			v.Set(a["name"], a["value"])
		}
	}
	return v
}

func with(v url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// work does the newest task of the kind, as the queue would.
func (d *desk) work(kind job.Kind, ref int64, do job.Work) {
	d.t.Helper()
	var task job.Task
	must(d.t, d.Main.View(context.Background(), d.who, func(v *store.View) (err error) { task, err = job.Of(v, kind, ref); return err }))
	must(d.t, do(context.Background(), &job.Run{DB: d.Main, Task: task.ID, Ref: ref, Who: actor.Worker(string(kind), d.account)}))
}

func (d *desk) id(to string) (id int64) {
	d.t.Helper()
	if _, err := fmt.Sscanf(to, "/import/%d", &id); err != nil {
		d.t.Fatalf("leads to %q", to)
	}
	return id
}

const file = "email;prénom;ville;date optin;formulaire\n" +
	"ada@example.org;Ada;Évry;2024-02-03 10:11:12;https://example.org/inscription\n" +
	"bob@example.org;Bob;Nîmes;;\n" +
	"pas d’adresse;Cy;Lyon;;\n" +
	"ada@example.org;Ada;Évry;;\n"

func TestAMemberWalksFromTheFileToTheReportInBothLanguages(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, lang := range []string{"en", "fr"} {
			d := settle(t, h, lang)
			d.get("/import")
			d.get("/import/new")
			_, to := d.send("/import/new", "file", "clients.csv", file, nil, 303)
			id := d.id(to)
			page := d.get(to)
			if !strings.Contains(page, "ada@example.org") || !strings.Contains(page, "Évry") {
				t.Error("the check shows no rows")
			}
			_, to = d.post(to, filled(page), 303)
			page = d.get(to)
			v := filled(page)
			if v.Get("column.0") != "email" || v.Get("column.1") != "first_name" || v.Get("column.2") != "attribute" || v.Get("attribute.2") != "VILLE" ||
				v.Get("column.3") != "consent_at" || v.Get("column.4") != "source" {
				t.Errorf("guessed %v", v)
			}
			_, to = d.post(to, v, 303)
			if strings.Count(d.get(to), `type="radio"`) != 8 {
				t.Error("the origin has not eight choices")
			}
			page = d.get(to + "?kind=site")
			why := map[string]string{"en": "This file has 4 rows; 1 of them name the moment of the sign-up.", "fr": "Ce fichier a 4 lignes, dont 1 avec le moment de l’inscription."}[lang]
			if !strings.Contains(d.get(to), why) || !strings.Contains(page, why) {
				t.Error("half of the origin step doesn't say why it asks of this file")
			}
			body, _ := d.send(to, "", "", "", with(filled(page), "from", "2024-01-01"), 422)
			if !strings.Contains(body, `aria-invalid`) {
				t.Error("no field says what is missing")
			}
			_, next := d.send(to, "", "", "", with(filled(page), "where.site", "https://example.org/inscription", "from", "2024-01-01", "to", "2024-12-31"), 303)
			page = d.get(next)
			_, to = d.post(next, with(filled(page), "list", fmt.Sprint(d.list), "declare", "1"), 303)
			if soon := map[string]string{"en": "1 person will have a reason", "fr": "1 personne aura un motif"}[lang]; !strings.Contains(d.get(to), soon) {
				t.Error("the summary doesn't name the one question")
			}
			_, to = d.post(fmt.Sprintf("/import/%d/start", id), url.Values{}, 303)
			if !strings.Contains(d.get(to), "<progress") {
				t.Error("no progress while it runs")
			}
			d.post(fmt.Sprintf("/import/%d/start", id), url.Values{}, 303) // pressed twice: nothing happens twice
			d.work(people.RunKind, id, people.Work)
			page = d.get(to)
			for _, want := range []string{"B 1 · D 1", map[string]string{"en": "New people", "fr": "Nouvelles personnes"}[lang]} {
				if !strings.Contains(page, want) {
					t.Errorf("the report lacks %q", want)
				}
			}
			ask := map[string]string{"en": "1 person here has a reason", "fr": "1 personne a ici un motif"}[lang]
			if !strings.Contains(page, ask) || strings.Count(page, fmt.Sprintf("/once/ask/%d?import=%d", d.list, id)) != 2 {
				t.Error("the report doesn't lead to the one question")
			}
			d.role = "editor" // may not send
			if strings.Contains(d.get(to), "/once/ask/") {
				t.Error("who may not send is led to a mail")
			}
			d.role = "owner"
			_, csv, _ := d.ask("GET", fmt.Sprintf("/import/%d/report.csv", id), "", nil)
			if strings.Count(csv, "\n") != 3 || !strings.Contains(csv, "\n4,") || !strings.Contains(csv, "\n5,") || strings.Contains(csv, "example.org") {
				t.Errorf("report %q", csv)
			}
			if code, _, _ := d.ask("POST", fmt.Sprintf("/import/%d/map", id), "application/x-www-form-urlencoded", strings.NewReader("")); code != 303 {
				t.Errorf("a step after the end: %d", code)
			}
		}
	})
}

// Why we ask tells what this very file shows.
func TestWhyWeAskTellsWhatTheFileShows(t *testing.T) {
	d := settle(t, testhouse.SQLite(t), "en")
	for name, want := range map[string]string{
		"email,name\na@example.org,A\nb@example.org,B\n":                                              "This file has 2 rows, and no column with the moment of each sign-up.",
		"email\na@example.org\n":                                                                      "This file has 1 row, and no column with the moment of its sign-up.",
		"email,optin_time\na@example.org,2024-01-02\nb@example.org, \n":                               "This file has 2 rows; 1 of them name the moment of the sign-up.",
		"email,optin_time,confirm_time\na@example.org,,2024-01-02\nb@example.org,,\n":                 "This file has 2 rows; 1 of them name the moment of the sign-up.",
		"email,optin_time\na@example.org,2024-01-02\nb@example.org,2024-01-02\n":                      "This file has 2 rows; 2 of them name the moment of the sign-up.",
		"[{\"email\":\"a@example.org\",\"optin_time\":\"2024-01-02\"},{\"email\":\"b@example.org\"}]": "This file has 2 rows; 1 of them name the moment of the sign-up.",
	} {
		_, to := d.send("/import/new", "file", "people.csv", name, nil, 303)
		_, to = d.post(to, filled(d.get(to)), 303)
		_, to = d.post(to, filled(d.get(to)), 303)
		page := d.get(to)
		state := regexp.MustCompile(`(?s)why-state">.*?</p>`).FindString(page)
		if !strings.Contains(state, want) || strings.Contains(state, "state-good") != strings.Contains(want, "2 of them") {
			t.Errorf("%q: %s", name, state)
		}
	}
}

func TestWhatIsNoTableIsRefusedWithARemedyAndLeavesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h, "en")
		for content, want := range map[string]string{
			"":                       "Choose a file", // an empty file part: browsers send it when none is chosen
			"PK\x03\x04 cut off":     "damaged",
			"\xd0\xcf\x11\xe0 old":   "CSV UTF-8",
			"email,name\n":           "no row under",
			"%PDF-1.7":               "not a table",
			"\x1f\x8b\x08 packed up": "packed",
		} {
			body, _ := d.send("/import/new", map[bool]string{true: "other", false: "file"}[content == ""], "x.csv", content, nil, 422)
			if !strings.Contains(body, want) {
				t.Errorf("%q: no %q in the answer", content, want)
			}
		}
		must(t, h.Main.View(context.Background(), d.who, func(v *store.View) error {
			n, err := store.One[int64](v, countBlobs)
			if n != 0 {
				t.Errorf("%d pieces of refused files are left", n)
			}
			return err
		}))
	})
}

var countBlobs = store.Account("test.blobs", `SELECT COUNT(*) FROM blob_chunk b WHERE b.account_id = :account`)

func TestADraftIsThrownAwayWithItsFile(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h, "fr")
		_, to := d.send("/import/new", "file", "../../etc/clients \"x\".csv", file, nil, 303)
		id := d.id(to)
		d.post(fmt.Sprintf("/import/%d/discard", id), url.Values{}, 303)
		if code, _, _ := d.ask("GET", to, "", nil); code != 404 {
			t.Errorf("it is still here: %d", code)
		}
		must(t, h.Main.View(context.Background(), d.who, func(v *store.View) error {
			n, err := store.One[int64](v, countBlobs)
			if n != 0 {
				t.Errorf("%d pieces are left", n)
			}
			return err
		}))
	})
}

func TestRowsOfUnknownOriginWaitUntilProofComes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h, "en")
		_, to := d.send("/import/new", "file", "old.csv", "email\nada@example.org\nbob@example.org\n", nil, 303)
		id := d.id(to)
		at := func(s string) string { return fmt.Sprintf("/import/%d%s", id, s) }
		d.post(at("/check"), filled(d.get(at("/check"))), 303)
		d.post(at("/map"), filled(d.get(at("/map"))), 303)
		d.send(at("/origin"), "", "", "", filled(d.get(at("/origin?kind=unknown"))), 303)
		page := d.get(at("/options"))
		if strings.Contains(page, `name="declare"`) {
			t.Error("a word is offered for an unknown origin")
		}
		d.post(at("/options"), with(filled(page), "list", "new", "new_list", "Old friends", "new_purpose", "Newsletter"), 303)
		if !strings.Contains(d.get(at("/summary")), "Waiting for proof") {
			t.Error("the summary doesn't say that they wait")
		}
		d.post(at("/start"), url.Values{}, 303)
		d.work(people.RunKind, id, people.Work)
		page = d.get(at("/waiting"))
		if !strings.Contains(page, "ada@example.org") || !strings.Contains(page, "31 March 2026") && !strings.Contains(page, "2026") {
			t.Error("the page doesn't say who waits until when")
		}
		body, _ := d.send(at("/release"), "", "", "", with(filled(page), "kind", "unknown", "declare", "1"), 422)
		if !strings.Contains(body, "Say where these people come from") {
			t.Error("no remedy")
		}
		for _, k := range people.Kinds()[:7] { // each origin asks on this page all that it needs
			page := d.get(at("/waiting?kind=" + string(k)))
			for _, a := range k.Asks() {
				name := map[string]string{people.AskWhere: "where." + string(k), people.AskHow: "how." + string(k)}[a]
				if name == "" {
					name = a
				}
				if !strings.Contains(page, `name="`+name+`"`) {
					t.Errorf("%s doesn't ask for %s", k, name)
				}
			}
			if page == "" || !strings.Contains(page, `name="kind" value="`+string(k)+`"`) || !strings.Contains(page, `name="from"`) {
				t.Errorf("%s isn't what is released", k)
			}
		}
		body, _ = d.send(at("/release"), "", "", "", with(filled(d.get(at("/waiting?kind=tool"))), "where.tool", "Brevo", "how.tool", "bought", "from", "2025-01-01", "to", "2025-01-02", "declare", "1"), 422)
		if !strings.Contains(body, `name="kind" value="tool"`) || !strings.Contains(body, `id="f-refusal-error"`) {
			t.Error("who bought is not asked whether they could refuse")
		}
		d.send(at("/release"), "evidence", "sheet.pdf", "%PDF-1.4 a photo of the sheet", with(filled(d.get(at("/waiting?kind=paper"))), "where.paper", "Fair of Lyon", "from", "2025-01-01", "to", "2025-01-02"), 303)
		d.work(people.ReleaseKind, id, people.ReleaseWork)
		if page = d.get(at("")); strings.Contains(page, "2 people wait") || !strings.Contains(page, "sheet.pdf") {
			t.Error("they still wait, or the proof isn't shown")
		}
		if !strings.Contains(page, "C 2") || !strings.Contains(page, "Of those released on") || !strings.Contains(page, "On paper or at an event") || !strings.Contains(page, "2 people here have a reason on file") {
			t.Error("who was released isn't counted by grade, or their origin isn't shown as theirs")
		}
		must(t, h.Main.View(context.Background(), d.who, func(v *store.View) error {
			i, err := people.Get(v, id)
			if i.Counts.Released != 2 {
				t.Errorf("%+v", i.Counts)
			}
			files, err2 := people.EvidenceOf(v, id)
			if err2 != nil || len(files) != 1 {
				t.Fatalf("%v %v", files, err2)
			}
			code, got, _ := d.ask("GET", fmt.Sprintf("/import/%d/evidence/%d", id, files[0].ID), "", nil)
			if code != 200 || !strings.HasPrefix(got, "%PDF") {
				t.Errorf("evidence: %d %q", code, got)
			}
			if code, _, _ := d.ask("GET", fmt.Sprintf("/import/%d/evidence/%d", id+1, files[0].ID), "", nil); code != 404 {
				t.Errorf("evidence through another import: %d", code)
			}
			return err
		}))
	})
}

func TestAnEditorCanImportButGivesNoWord(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h, "en")
		d.role = "editor"
		_, to := d.send("/import/new", "file", "x.csv", "email\nada@example.org\n", nil, 303)
		id := d.id(to)
		at := func(s string) string { return fmt.Sprintf("/import/%d%s", id, s) }
		d.post(at("/check"), filled(d.get(at("/check"))), 303)
		d.post(at("/map"), filled(d.get(at("/map"))), 303)
		d.send(at("/origin"), "", "", "", with(filled(d.get(at("/origin?kind=site"))), "where.site", "shop", "from", "2024-01-01", "to", "2024-01-02"), 303)
		page := d.get(at("/options"))
		if strings.Contains(page, `name="declare"`) || !strings.Contains(page, "Only an owner or admin") {
			t.Error("an editor is asked for a word")
		}
		body, _ := d.post(at("/options"), with(filled(page), "list", fmt.Sprint(d.list), "declare", "1"), 422)
		if !strings.Contains(body, "Only an owner or admin") {
			t.Error("a forged word is not refused in words")
		}
		d.post(at("/options"), with(filled(page), "list", fmt.Sprint(d.list)), 303)
		d.post(at("/start"), url.Values{}, 303)
		d.work(people.RunKind, id, people.Work)
		must(t, h.Main.View(context.Background(), d.who, func(v *store.View) error {
			i, err := people.Get(v, id)
			if i.Counts.Waiting() != 1 || i.Counts.Mailable() != 0 {
				t.Errorf("%+v", i.Counts)
			}
			return err
		}))
		d.role = "viewer"
		if code, _, _ := d.ask("GET", "/import/new", "", nil); code != 403 {
			t.Errorf("a viewer may upload: %d", code)
		}
		d.get(at(""))
	})
}
