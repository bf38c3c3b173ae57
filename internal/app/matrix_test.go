// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/demo"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/testhouse"
	"consend/internal/web/shell"
)

// The tests of this file are generated from the access table: what a route says of itself is
// held against what it does, for every role, for another account's ids, and for GET.

// everything is a filled house with its pages, and a second account beside it.
type everything struct {
	*app.House
	demo.Filled
	other   int64 // the second account
	owner   int64 // its owner
	clock   *testhouse.Clock
	lang    string // of who is signed in; "" is English
	handler http.Handler
	routes  []shell.Route
	cookie  *http.Cookie // of a session, when one was begun
}

// open runs a test on a copy of the filled house, on both databases.
func open(t *testing.T, f func(t *testing.T, e *everything)) {
	t.Helper()
	openAt(t, func() *testhouse.Clock { return nil }, f)
}

// openAt is open with a clock of the test's own for each house.
func openAt(t *testing.T, clock func() *testhouse.Clock, f func(t *testing.T, e *everything)) {
	t.Helper()
	for _, dialect := range dialects(t) {
		t.Run(dialect, func(t *testing.T) { f(t, prepare(t, dialect).copy(t, clock())) })
	}
}

// Find makes a token "account role" a session of that account's owner in that role.
func (e *everything) Find(_ context.Context, token string) (shell.Member, error) {
	number, role, ok := strings.Cut(token, ".")
	id, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	m := shell.Member{ID: e.Member, Role: role, Language: "en", Fresh: true, Account: shell.Account{ID: id, Name: "A", Language: "en", Zone: time.UTC}}
	if e.lang != "" {
		m.Language = e.lang
	}
	if id == e.other {
		m.ID = e.owner
	}
	return m, nil
}

func (e *everything) ask(method, path string, acc int64, role string, form url.Values) (int, string) {
	body := io.Reader(nil)
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	q := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, body)
	q.RemoteAddr = "192.0.2.7:4711"
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	if role != "" {
		q.AddCookie(&http.Cookie{Name: "consend", Value: fmt.Sprintf("%d.%s", acc, role)})
	}
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, q)
	return w.Code, w.Body.String()
}

var hole = regexp.MustCompile(`\{[a-z_]+\}`)

func TestEveryRouteAsksForItsPermission(t *testing.T) {
	open(t, func(t *testing.T, e *everything) {
		denied, allowed := 0, 0
		for _, rt := range e.routes {
			if rt.Public {
				continue
			}
			path := hole.ReplaceAllString(strings.TrimSuffix(rt.Pattern, "{$}"), "999999")
			if code, _ := e.ask(rt.Method, path, 0, "", url.Values{}); rt.Method == "POST" && code != http.StatusUnauthorized || rt.Method == "GET" && code != http.StatusSeeOther {
				t.Errorf("%s %s answers a stranger with %d", rt.Method, rt.Pattern, code)
			}
			for _, role := range []string{shell.Owner, shell.Admin, shell.Editor, shell.Viewer} {
				may := rt.Permission.Allows(role)
				if rt.Method == "POST" && may {
					continue // what it does is its room's test
				}
				code, _ := e.ask(rt.Method, path, e.Account, role, url.Values{})
				switch {
				case !may && code != http.StatusForbidden:
					t.Errorf("%s %s answers %s, who lacks %s, with %d", rt.Method, rt.Pattern, role, rt.Permission, code)
				case may && (code == http.StatusForbidden || code >= 500):
					t.Errorf("%s %s answers %s, who has %s, with %d", rt.Method, rt.Pattern, role, rt.Permission, code)
				}
				if may {
					allowed++
				} else {
					denied++
				}
			}
		}
		t.Logf("%d denied, %d allowed", denied, allowed)
		if denied < 100 || allowed < 100 {
			t.Errorf("too few pairs: %d denied, %d allowed", denied, allowed)
		}
	})
}

// crawl gives every address of the access table that needs no id, and all that the owner's
// pages lead to: at most three of each kind, where kinds differ by more than numbers.
func (e *everything) crawl(t *testing.T) (pages []string) {
	t.Helper()
	link := regexp.MustCompile(`(?:href|action|src)="(/[^"#]*)"`)
	seen := map[string]int{}
	var todo []string
	found := map[string]bool{}
	for _, rt := range e.routes {
		if path := strings.TrimSuffix(rt.Pattern, "{$}"); rt.Method == "GET" && !rt.Public && !hole.MatchString(path) {
			todo, found[path] = append(todo, path), true
		}
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		code, body := e.ask("GET", at, e.Account, shell.Owner, nil)
		if code != http.StatusOK {
			if code >= 500 {
				t.Errorf("GET %s: %d", at, code)
			}
			continue
		}
		pages = append(pages, at)
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			to := strings.ReplaceAll(m[1], "&amp;", "&")
			kind := regexp.MustCompile(`\d+`).ReplaceAllString(to, "*")
			if found[to] || strings.HasPrefix(to, "/assets/") || strings.HasPrefix(to, "/f/") || strings.HasPrefix(to, "/p/") || strings.HasPrefix(to, "/u/") || seen[kind] >= 3 {
				continue
			}
			found[to] = true
			seen[kind]++
			todo = append(todo, to)
		}
	}
	return pages
}

func TestGETChangesNothingThatAnybodyDecided(t *testing.T) {
	open(t, func(t *testing.T, e *everything) {
		before := e.hashes(t)
		pages := e.crawl(t)
		if len(pages) < 60 {
			t.Errorf("only %d pages were found", len(pages))
		}
		for name, h := range e.hashes(t) {
			if before[name] != h {
				t.Errorf("looking at %d pages changed %s", len(pages), name)
			}
		}
		t.Run("what cannot be read is refused in words", func(t *testing.T) { e.bad(t, pages) }) // in the same house: filling one takes seconds
	})
}

// looked are the tables that a look may write to, by name (details.md, "Looks, sessions, GET").
var looked = map[string]bool{"trace_entry": true, "trace_pending": true, "trace_leaf": true, "trace_tile": true, "trace_head": true, "trace_checkpoint": true,
	"trace_members": true, "session": true, "counter": true}

// hashes gives a hash of every other table of main.
func (e *everything) hashes(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range app.DataMap().Tables(datamap.Main) {
		if looked[table.Name] || strings.HasPrefix(table.Name, "river_") || table.Foreign {
			continue
		}
		rows := e.rows(t, table)
		sort.Strings(rows)
		sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
		out[table.Name] = hex.EncodeToString(sum[:])
	}
	return out
}

func (e *everything) rows(t *testing.T, table datamap.Table) (rows []string) {
	t.Helper()
	if url := e.Config.Database.Raw(); url != "" {
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		r, err := c.Query(t.Context(), "SELECT CAST(x.* AS text) FROM "+table.Name+" x")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for r.Next() {
			var s string
			if err := r.Scan(&s); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, s)
		}
		return rows
	}
	db, err := sql.Open("sqlite", "file:"+e.Main.Path()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Query("SELECT * FROM " + table.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	names, _ := r.Columns()
	row, to := make([]any, len(names)), make([]any, len(names))
	for i := range row {
		to[i] = &row[i]
	}
	for r.Next() {
		if err := r.Scan(to...); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprintf("%q", row))
	}
	return rows
}

// Another account's owner asks for what the first account's pages lead to, by look and by
// act: nothing is shown, nothing is changed, and the answer is the one for what isn't there.
func TestAnotherAccountsIDsLeadNowhere(t *testing.T) {
	open(t, func(t *testing.T, e *everything) {
		ids := regexp.MustCompile(`/\d{3,}`)
		canaries := []string{"maison-thym", "Maison Thym"}
		for _, p := range demo.People() {
			canaries = append(canaries, p.Email)
		}
		held := func(what, body string) {
			for _, c := range canaries {
				if strings.Contains(body, c) {
					t.Errorf("%s shows %q to another account", what, c)
				}
			}
		}
		pages := e.crawl(t)
		before := e.hashes(t)
		tried := 0
		public := regexp.MustCompile(`^/privacy/\d`) // the notes are everybody's
		for _, at := range pages {
			if public.MatchString(at) {
				continue
			}
			code, body := e.ask("GET", at, e.other, shell.Owner, nil)
			held("GET "+at, body)
			path, _, _ := strings.Cut(at, "?")
			if !ids.MatchString(path) || strings.HasPrefix(path, "/settings/sending/") {
				continue // a page of one's own, one for everybody, or the house's own service
			}
			tried++
			if code != http.StatusNotFound {
				t.Errorf("GET %s answers another account with %d", at, code)
			}
		}
		// Every POST of the table with an id, under the ids that stand in the same place of a page.
		for _, rt := range e.routes {
			if rt.Method != "POST" || rt.Public || !hole.MatchString(rt.Pattern) || strings.HasPrefix(rt.Pattern, "/settings/sending/") {
				continue // the house's own service may be chosen and tried by every account
			}
			prefix := rt.Pattern[:strings.Index(rt.Pattern, "{")]
			like := regexp.MustCompile("^" + regexp.QuoteMeta(prefix) + `(\d+)`)
			for _, at := range pages {
				m := like.FindStringSubmatch(at)
				if m == nil {
					continue
				}
				path := hole.ReplaceAllString(rt.Pattern, m[1])
				code, body := e.ask("POST", path, e.other, shell.Owner, url.Values{"version": {"1"}, "name": {"x"}, "email": {"x@example.org"}})
				held("POST "+path, body)
				tried++
				if code < 400 {
					t.Errorf("POST %s answers another account with %d", path, code)
				}
				if code >= 500 {
					t.Errorf("POST %s answers another account with %d", path, code)
				}
				break
			}
		}
		for name, h := range e.hashes(t) {
			if before[name] != h {
				t.Errorf("another account changed %s", name)
			}
		}
		t.Logf("%d requests", tried)
		if tried < 60 {
			t.Errorf("only %d requests were tried", tried)
		}
	})
}
