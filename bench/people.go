// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/team/account"
)

// Counts of a segment beside the same questions written by hand for the same tables.
var segmentCount = Work{
	Name: "segment-count", What: "people a segment looks at: two attributes and a list; the floor is the same question written by hand; p50 and p99 are of one count; goal on PostgreSQL: under 1 s at 1,000,000",
	N: 1_000_000, Goal: map[string]float64{"sqlite": 0.8, "postgres": 0.8},
	Variants: []Variant{
		{"by hand", func(ctx context.Context, e Env) (Result, error) { return countPeople(ctx, e, true) }},
		{"segment", func(ctx context.Context, e Env) (Result, error) { return countPeople(ctx, e, false) }},
	},
}

// The table of contacts and its search, as a member's browser asks for them.
var contactTable = Work{
	Name: "contact-table", What: "pages of the contact table (newest, next, by list, by state of all and of nobody, search by address and name) in an account of 1,000,000 beside one of 10,000; goal: p99 under 200 ms",
	N: 600, Goal: map[string]float64{"sqlite": 0.8, "postgres": 0.8},
	Variants: []Variant{
		{"10,000 contacts", func(ctx context.Context, e Env) (Result, error) { return openTables(ctx, e, 10_000) }},
		{"1,000,000 contacts", func(ctx context.Context, e Env) (Result, error) { return openTables(ctx, e, 1_000_000) }},
	},
}

// The questions by hand know the attributes' names and types; both leave out who is being erased or was merged.
var byHand = map[string][]*store.Query{
	"sqlite": {
		store.Account("bench.count_attributes", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0
			AND lower(c.attributes ->> 'VILLE') IN ('lyon', 'nantes') AND CAST(c.attributes ->> 'POINTS' AS REAL) > 500`),
		store.Account("bench.count_list", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0
			AND EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id = c.id AND s.state = 'given')`),
	},
	"postgres": {
		store.Account("bench.count_attributes", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0
			AND lower(c.attributes ->> 'VILLE') IN ('lyon', 'nantes') AND CAST(c.attributes ->> 'POINTS' AS DOUBLE PRECISION) > 500`),
		store.Account("bench.count_list", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account AND c.state NOT IN ('erasing', 'erased') AND c.merged_into = 0
			AND EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id = c.id AND s.state = 'given')`),
	},
}

// countPeople fills an account from a file and counts each question five times.
func countPeople(ctx context.Context, e Env, hand bool) (Result, error) {
	file, err := people(e)
	if err != nil {
		return Result{}, err
	}
	h, err := e.Open(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	root := actor.Actor{Kind: actor.Command, Name: "bench"}
	id, err := account.Create(ctx, h.Main, h.Ring, root, account.New{Details: account.Details{Name: "Bench", Postal: "1 rue", Country: "FR"}})
	if err != nil {
		return Result{}, err
	}
	who := root.In(id)
	if _, err := importer.Run(ctx, h.Main, who, order(file), nil); err != nil {
		return Result{}, err
	}
	var city, points, on int64
	err = h.Main.View(ctx, who, func(v *store.View) error {
		all, err := contact.AllAttributes(v)
		if err != nil {
			return err
		}
		for _, a := range all {
			switch a.Name {
			case "VILLE":
				city = a.ID
			case "POINTS":
				points = a.ID
			}
		}
		lists, err := list.InUse(v)
		for _, l := range lists {
			if l.Kind == list.Mail {
				on = l.ID
			}
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if city == 0 || points == 0 || on == 0 {
		return Result{}, errors.New("the import made no attributes, or no list")
	}
	asked := []segment.Definition{
		{Conditions: []segment.Condition{{Field: segment.Attribute, Of: city, Op: segment.OneOf, Values: []string{"Lyon", "Nantes"}},
			{Field: segment.Attribute, Of: points, Op: segment.Greater, Values: []string{"500"}}}},
		{Conditions: []segment.Condition{{Field: segment.List, Of: on, Op: segment.On}}},
	}
	args := [][]any{nil, {on}}
	const times = 5
	var took []time.Duration
	counts := make([][2]int64, len(asked)) // by hand, by segment
	m := Start()
	for range times {
		for i, d := range asked {
			began := time.Now()
			err := h.Main.View(ctx, who, func(v *store.View) (err error) {
				if hand {
					counts[i][0], err = store.One[int64](v, byHand[e.Dialect][i], args[i]...)
				} else {
					counts[i][1], err = segment.Count(v, d)
				}
				return err
			})
			if err != nil {
				return Result{}, err
			}
			took = append(took, time.Since(began))
		}
	}
	r := m.Stop(e.N * times * int64(len(asked))).Latencies(took)
	return r, h.Main.View(ctx, who, func(v *store.View) error { // both ask the same
		for i, d := range asked {
			a, err := store.One[int64](v, byHand[e.Dialect][i], args[i]...)
			if err != nil {
				return err
			}
			b, err := segment.Count(v, d)
			if err != nil {
				return err
			}
			if a != b || a == 0 {
				return fmt.Errorf("question %d: %d by hand, %d by segment", i, a, b)
			}
		}
		return nil
	})
}

var nextPage = regexp.MustCompile(`href="(/contacts\?[^"]*after=[^"]*)"`)

// openTables asks the whole program for pages of its table, one after another.
func openTables(ctx context.Context, e Env, crowd int64) (Result, error) {
	h, err := e.program(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	owner, _, err := publish(ctx, h, form.Double)
	if err != nil {
		return Result{}, err
	}
	if err := crowded(crowd)(ctx, h, owner); err != nil {
		return Result{}, err
	}
	var on int64
	if err := h.Main.View(ctx, owner, func(v *store.View) error {
		var err error
		on, err = mailList(v)
		return err
	}); err != nil {
		return Result{}, err
	}
	at, stop := serve(ctx, h)
	defer stop()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Result{}, err
	}
	client := &http.Client{Jar: jar}
	get := func(path string) ([]byte, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, nil)
		if err != nil {
			return nil, err
		}
		a, err := client.Do(q)
		if err != nil {
			return nil, err
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err == nil && (a.StatusCode != http.StatusOK || a.Request.URL.Path == "/login") {
			err = fmt.Errorf("%s was answered with %d from %s", path, a.StatusCode, a.Request.URL.Path)
		}
		return b, err
	}
	in, err := client.PostForm(at+"/login", url.Values{"email": {"owner@example.org"}, "password": {passPhrase}})
	if err != nil {
		return Result{}, err
	}
	in.Body.Close()
	first, err := get("/contacts")
	if err != nil {
		return Result{}, err
	}
	next := nextPage.FindSubmatch(first)
	if next == nil {
		return Result{}, errors.New("the table has no next page")
	}
	paths := []string{"/contacts", string(bytes.ReplaceAll(next[1], []byte("&amp;"), []byte("&"))), fmt.Sprintf("/contacts?list=%d", on),
		"/contacts?state=" + string(consent.Given), "/contacts?state=" + string(consent.Expired), "/contacts?state=bounced", "/contacts?sort=email", "/contacts?q=reader77", "/search?q=reader99"}
	var took []time.Duration
	each := make([][]time.Duration, len(paths))
	m := Start()
	for i := range e.N {
		began := time.Now()
		k := int(i) % len(paths)
		if _, err := get(paths[k]); err != nil {
			return Result{}, err
		}
		took = append(took, time.Since(began))
		each[k] = append(each[k], took[i])
	}
	r := m.Stop(e.N).Latencies(took)
	for k, name := range []string{"newest", "next", "list", "given", "state of nobody", "bounced", "email", "address", "search"} {
		slices.Sort(each[k])
		r.More = append(r.More, Figure{name + " ms", each[k][len(each[k])/2].Seconds() * 1000})
	}
	return r, nil
}
