// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/net/html"

	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/shell"
	webteam "consend/internal/web/team"
)

// The test of this file is generated from the access table and from the pages: it presses every
// button of every page as somebody would, and holds what the trace then says against what the
// route said it would say.

// button is a form of a page with one way to send it.
type button struct {
	route  int // in the access table
	page   string
	action string
	values url.Values
	files  []string // names of its file fields
}

// said are values that a page can't know, by route: what somebody types, or what changes.
var said = map[string]url.Values{
	"/contacts/{id}/correct": {"name": {"Somebody Corrected"}},
	"/contacts/{id}/address": {"address": {"elsewhere@example.org"}}, "/p/{token}/address": {"address": {"elsewhere@example.org"}},
	"/contacts/new":          {"word": {"1"}},
	"/settings":              {"name": {"Another Name"}},
	"/settings/team/{id}":    {"role": {"viewer"}},
	"/me":                    {"name": {"Camille Changed"}},
	"/login":                 {"email": {"camille@maison-thym.example"}, "password": {"thym, romarin & sauge"}},
	"/me/security":           {"current": {"thym, romarin & sauge"}, "password": {"a wholly other pass phrase"}},
	"/suppressions":          {"addresses": {"never@example.org"}},
	"/settings/senders/{id}": {"name": {"Another Sender"}},
	"/lists/{id}":            {"name": {"A List Renamed"}},
	"/purposes/{id}":         {"name": {"A Purpose Renamed"}},
	"/f/{slug}":              {"t": {""}},
	"/privacy/exports/{id}":  {"how": {"none"}},
	"/segments/{id}/export":  {"how": {"none"}},
	"/contacts/{id}/proof":   {"how": {"none"}},
	"/campaigns/{id}/sample": {"how": {"none"}},
	"/privacy/exports":       {"purpose": {""}}, // a list or a purpose, not both
	"/settings/domains/new":  {"domain": {"new.example.org"}},
	"/import/{id}/map":       {"column.0": {"email"}, "column.1": {"name"}},
	"/import/{id}/options":   {"declare": {"1"}},
}

// elsewhere are the routes no page of the demo leads to, and what presses them.
var elsewhere = map[string]string{
	"/login/code": "web/team", "/me/security/codes": "web/team", "/me/security/codes/off": "web/team", "/me/security/codes/renew": "web/team", // ask for a code of the moment
	"/setup/{token}": "web/team", "/signin/{token}": "web/team", "/reset/{token}": "web/team", "/switch": "web/team",
	"/recover":   "web/team", // answers at once, and writes after it
	"/a/{token}": "web/public", "/q/{token}": "web/public",
	"/once/tell/{id}":    "web/people",                                                                                                           // of an import of people whom somebody passed on
	"/p/{token}/address": "web/public",                                                                                                           // tokens are looked at three times, and this is a page further
	"/contacts/on":       "web/people", "/contacts/off": "web/people", "/purposes/{id}/turn": "web/people", "/contacts/{id}/merge": "web/people", // of somebody on a list; of a purpose without lists; of two who are one
	"/import/{id}/release": "web/importer",                                          // the origin is chosen first
	"/import/{id}/limit":   "web/importer", "/import/{id}/forecast": "web/importer", // of a file of refusals; of a file that is ready and long
	"/contacts/{id}/evidence/{event}/{file}/drop": "web/people", // of a file that somebody attached
	"/import/{id}/origin":                         "web/importer", "/import/{id}/options": "web/importer", "/import/{id}/start": "web/importer", "/import/{id}/stop": "web/importer",
	"/settings/terms/publish": "web/sending", "/settings/terms/{id}/accept": "web/sending", "/service/{id}/again": "web/sending", // of an operator; of a mail that failed
	"/campaigns/{id}/pause": "web/sending", "/campaigns/{id}/resume": "web/sending", "/campaigns/{id}/stop": "web/sending", "/campaigns/{id}/doubtful": "web/sending", // a campaign on its way
}

// stage is when a button is pressed: what ends something others need comes after them, and
// what ends the session comes last.
func stage(action string) int {
	switch {
	case regexp.MustCompile(`^/(logout|me/security|me/sessions|reset/)`).MatchString(action):
		return 2
	case regexp.MustCompile(`/(drop|discard|retire|remove|stop|empty|off|turn|undo|withdraw|object|freeze|revoke)$|^/u/`).MatchString(action):
		return 1
	}
	return 0
}

// file is what is uploaded.
const file = "Email;Name\nupload1@example.org;Upload One\nupload2@example.org;Upload Two\n"

func TestEveryPOSTMovesTheTrace(t *testing.T) {
	// An approval can be undone for a minute, however slow the machine is: time moves here with the rounds.
	openAt(t, func() *testhouse.Clock { return &testhouse.Clock{} }, func(t *testing.T, e *everything) {
		if e.Config.Database.Raw() != "" && os.Getenv("CONSEND_TEST_SOAK") == "" {
			t.Skip("pressing everything takes long, and what a route says doesn't hang on the database: make soak does it here too")
		}
		e.signIn(t)
		proved, last := map[int]bool{}, map[int]string{}
		pressed := map[string]bool{}
		held := func(b button) (moved bool, body string) {
			rt := e.routes[b.route]
			before := e.entries(t)
			code, body := e.press(b)
			if code == http.StatusUnauthorized {
				e.signIn(t)
				before = e.entries(t)
				code, body = e.press(b)
			}
			if code >= 500 {
				t.Errorf("POST %s, from %s: %d with %s", b.action, b.page, code, b.values.Encode())
			}
			for id, x := range e.entries(t) {
				if _, old := before[id]; old || x.action == trace.LookAction && !slices.Contains(rt.Trace, x.action) {
					continue
				}
				moved = true
				subject := regexp.MustCompile(`^/[fcupr]/`).MatchString(rt.Pattern)
				switch want := map[bool]string{true: "subject", false: "member"}[subject]; {
				case !slices.Contains(rt.Trace, x.action):
					t.Errorf("POST %s writes %q, which the access table doesn't say: %v", rt.Pattern, x.action, rt.Trace)
				case x.account != e.Account:
					t.Errorf("POST %s writes an entry of account %d", rt.Pattern, x.account)
				case x.actor != want && (subject || !rt.Public):
					t.Errorf("POST %s writes as a %s, not as a %s", rt.Pattern, x.actor, want)
				case code >= 400 && code != http.StatusTooManyRequests: // the world outside said no to what was tried
					t.Errorf("POST %s is refused with %d and writes %q", rt.Pattern, code, x.action)
				}
			}
			if moved && code < 400 {
				proved[b.route] = true
			} else {
				last[b.route] = fmt.Sprintf("%d from %s with %s: %s", code, b.page, b.values.Encode(), wrong(body))
			}
			return moved, body
		}
		for now := 0; ; {
			moved := false
			todo := e.buttons(t)
			e.clock.Advance(2 * time.Second) // nobody fills in a form faster
			for n := 0; n < len(todo); n++ {
				b := todo[n]
				key := b.action + " " + b.values.Encode()
				if proved[b.route] || pressed[key] || elsewhere[e.routes[b.route].Pattern] != "" || stage(b.action) > now {
					continue
				}
				pressed[key] = true
				it, body := held(b)
				if moved = moved || it; !it && n < 2000 { // the page asks for more
					todo = append(todo, e.forms(t, b.page, body)...)
				}
			}
			if err := e.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !moved {
				if now++; now > 2 {
					break
				}
			}
		}
		n := 0
		for i, rt := range e.routes {
			if rt.Method != http.MethodPost || len(rt.Trace) == 0 {
				continue
			}
			if proved[i] {
				n++
			} else if elsewhere[rt.Pattern] == "" {
				t.Errorf("POST %s was never seen to move the trace; last: %s", rt.Pattern, last[i])
			}
		}
		t.Logf("%d routes, %d forms", n, len(pressed))
	})
}

// signIn gives the test a session of the owner's, as the program keeps them.
func (e *everything) signIn(t *testing.T) {
	t.Helper()
	s, err := shell.New(shell.Options{Sessions: webteam.Sessions{Desk: e.Desk}, Clock: e.Main.Clock()})
	if err == nil {
		e.handler, err = s.Handler(e.routes)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.cookie = nil
	for _, password := range []string{said["/login"].Get("password"), said["/me/security"].Get("password")} {
		w := e.send("POST", "/login", "application/x-www-form-urlencoded", url.Values{"email": said["/login"]["email"], "password": {password}}.Encode())
		for _, c := range w.Result().Cookies() {
			if c.Value != "" {
				e.cookie = c
				return
			}
		}
	}
	t.Fatal("signing in")
}

func (e *everything) send(method, path, kind, body string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	q.RemoteAddr = "192.0.2.7:4711"
	q.Header.Set("Content-Type", kind)
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	if e.cookie != nil {
		q.AddCookie(e.cookie)
	}
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, q)
	return w
}

// wrong is what a page says went wrong.
func wrong(body string) string {
	m := regexp.MustCompile(`(?s)class="[^"]*error[^"]*"[^>]*>(.{0,200})`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], " ")), " ")
}

// press sends a form as a browser would.
func (e *everything) press(b button) (int, string) {
	if len(b.files) == 0 {
		w := e.send("POST", b.action, "application/x-www-form-urlencoded", b.values.Encode())
		return w.Code, w.Body.String()
	}
	var body strings.Builder
	const bound = "xxxxxxxxxxxxxxxxbound"
	for name, list := range b.values {
		for _, v := range list {
			fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", bound, name, v)
		}
	}
	for _, name := range b.files {
		fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=%q; filename=\"people.csv\"\r\nContent-Type: text/csv\r\n\r\n%s\r\n", bound, name, file)
	}
	fmt.Fprintf(&body, "--%s--\r\n", bound)
	w := e.send("POST", b.action, "multipart/form-data; boundary="+bound, body.String())
	return w.Code, w.Body.String()
}

// buttons finds every form of every page, filled in.
func (e *everything) buttons(t *testing.T) (out []button) {
	t.Helper()
	todo, found, seen := []string{"/login", "/recover"}, map[string]bool{}, map[string]int{}
	for _, rt := range e.routes {
		if path := strings.TrimSuffix(rt.Pattern, "{$}"); rt.Method == "GET" && !rt.Public && !hole.MatchString(path) {
			todo = append(todo, path)
		}
	}
	link := regexp.MustCompile(`(?:href|action|src)="(/[^"#?]*)|(/(?:f|c|u|p|r|invite|reset)/[A-Za-z0-9_.-]+)`)
	for n := 0; n < len(todo); n++ {
		w := e.send("GET", todo[n], "", "")
		body := w.Body.String()
		if to := w.Header().Get("Location"); to != "" {
			body = fmt.Sprintf("href=%q", to) // the next step of something
		} else if w.Code != http.StatusOK {
			continue
		}
		if then := regexp.MustCompile(`name="consend-then" content="([^"]*)"`).FindStringSubmatch(body); then != nil { // as a browser does
			body = e.send("GET", html.UnescapeString(then[1]), "", "").Body.String()
		}
		out = append(out, e.forms(t, todo[n], body)...)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			to := m[1] + m[2]
			kind := regexp.MustCompile(`\d+|^(/[fcupr]/|/invite/|/reset/).*`).ReplaceAllString(to, "$1*")
			most := 3
			if strings.HasPrefix(to, "/mailbox/") {
				most = 12
			}
			if found[to] || strings.HasPrefix(to, "/assets/") || seen[kind] >= most {
				continue
			}
			found[to] = true
			seen[kind]++
			todo = append(todo, to)
		}
	}
	return out
}

// forms reads the forms of a page that post: one button for each way to send them.
func (e *everything) forms(t *testing.T, page, body string) (out []button) {
	t.Helper()
	return append(e.filled(t, page, body, false), e.filled(t, page, body, true)...)
}

// filled fills in each form as it stands, or with the other choice wherever there is one.
func (e *everything) filled(t *testing.T, page, body string, other bool) (out []button) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for f := range doc.Descendants() {
		if f.Data != "form" || !strings.EqualFold(attr(f, "method"), "post") {
			continue
		}
		at, _ := url.Parse("http://x" + page)
		action, err := at.Parse(attr(f, "action"))
		if err != nil {
			t.Errorf("%s: form to %q", page, attr(f, "action"))
			continue
		}
		values, files := url.Values{}, []string(nil)
		var sends []url.Values
		to := map[int]string{} // buttons that lead elsewhere
		for n := range f.Descendants() {
			name, value := attr(n, "name"), attr(n, "value")
			switch {
			case n.Data == "button" && attr(n, "type") != "button":
				to[len(sends)] = attr(n, "formaction")
				sends = append(sends, url.Values{name: {value}})
			case name == "":
			case n.Data == "textarea":
				if values.Set(name, strings.TrimSpace(text(n))); values.Get(name) == "" && has(n, "required") {
					values.Set(name, "Some words.")
				}
			case n.Data == "select":
				if v, ok := chosen(n, other); ok {
					values.Add(name, v)
				}
			case n.Data == "input":
				switch attr(n, "type") {
				case "checkbox":
					if has(n, "checked") || has(n, "required") || !values.Has(name) && (name == "list" || name == "id") {
						values.Add(name, value)
					}
				case "radio":
					if has(n, "checked") && !other || !values.Has(name) || other && !has(n, "checked") {
						values.Set(name, value)
					}
				case "file":
					files = append(files, name)
				case "submit":
					sends = append(sends, url.Values{name: {value}})
				default:
					if value == "" && has(n, "required") {
						value = typed(name, attr(n, "type"))
					}
					values.Add(name, value)
				}
			}
		}
		if len(sends) == 0 {
			sends = []url.Values{{}}
		}
		for i, send := range sends {
			u := action
			if to[i] != "" {
				if u, err = at.Parse(to[i]); err != nil {
					t.Errorf("%s: a button to %q", page, to[i])
					continue
				}
			}
			route := e.route(u.Path)
			if route < 0 {
				t.Errorf("%s: a form leads to %s, which no route takes", page, u.Path)
				continue
			}
			with := maps.Clone(values)
			maps.Copy(with, said[e.routes[route].Pattern])
			for k, v := range send {
				if k != "" {
					with[k] = v
				}
			}
			out = append(out, button{route, page, u.RequestURI(), with, files})
		}
	}
	return out
}

var serial int

// typed is what somebody writes into a field that must not be empty.
func typed(name, kind string) string {
	serial++
	switch kind {
	case "email":
		return fmt.Sprintf("pressed%d@example.org", serial)
	case "number":
		return "1"
	case "date":
		return "2026-01-15"
	case "url":
		return "https://example.org/"
	case "password":
		return "thym, romarin & sauge"
	}
	if strings.Contains(name, "email") {
		return fmt.Sprintf("pressed%d@example.org", serial)
	}
	return fmt.Sprintf("Some words %d", serial)
}

func (e *everything) route(path string) int {
	best := -1
	for i, rt := range e.routes {
		if rt.Method != http.MethodPost {
			continue
		}
		like := "^" + regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(rt.Pattern), "[^/]+") + "$"
		if regexp.MustCompile(like).MatchString(path) && (best < 0 || strings.Count(rt.Pattern, "{") < strings.Count(e.routes[best].Pattern, "{")) {
			best = i
		}
	}
	return best
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func text(n *html.Node) (s string) {
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			s += c.Data
		}
	}
	return s
}

// chosen is the option a browser sends: the selected one, else the first that says something.
func chosen(n *html.Node, other bool) (string, bool) {
	first, any := "", false
	for o := range n.Descendants() {
		if o.Data != "option" {
			continue
		}
		v := attr(o, "value")
		if has(o, "selected") && v != "" && !other {
			return v, true
		}
		if v != "" && (!any || other) {
			first, any = v, true
		}
	}
	return first, any
}

type written struct {
	account int64
	action  string
	actor   string
}

// entries are all entries of the trace, whatever the account.
func (e *everything) entries(t *testing.T) map[int64]written {
	t.Helper()
	out := map[int64]written{}
	const q = "SELECT id, account_id, action, actor FROM trace_entry"
	if u := e.Config.Database.Raw(); u != "" {
		c, err := pgx.Connect(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		r, err := c.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for r.Next() {
			var id int64
			var w written
			if err := r.Scan(&id, &w.account, &w.action, &w.actor); err != nil {
				t.Fatal(err)
			}
			out[id] = w
		}
		return out
	}
	db, err := sql.Open("sqlite", "file:"+e.Main.Path()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for r.Next() {
		var id int64
		var w written
		if err := r.Scan(&id, &w.account, &w.action, &w.actor); err != nil {
			t.Fatal(err)
		}
		out[id] = w
	}
	return out
}
