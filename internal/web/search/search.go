// SPDX-License-Identifier: AGPL-3.0-or-later

// Package search finds things by a few letters, for members: people, lists, forms, campaigns,
// imports, sending services, colleagues and the pages of Consend itself. It shows a kind only
// to who may see it, and writes down which people it is about to show.
//
// There is no index engine: each kind answers one question of its own. Addresses are found by
// their beginning, at any size; names of people among the newest Depth of them; all else by
// the words of its name, among the newest thousand of its kind.
package search

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

const (
	few    = 8      // of each kind on the page of all kinds
	many   = 100    // on the page of one kind
	Depth  = 50_000 // how many of the newest people are asked for their names
	newest = 1000   // campaigns and imports
)

// Pages are the search page.
type Pages struct {
	DB  *store.DB
	Nav []shell.Section // what the navigation and the own menu lead to
}

// Path is where the search page is.
const Path = "/search"

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	return []shell.Route{{Method: "GET", Pattern: Path, Permission: shell.HomeRead, Shows: shell.ShowsPerson, Handler: p.search}}
}

// question is what was asked.
type question struct {
	text  string
	words []string // folded
	id    int64    // when a number was asked, with or without #
}

// matches tells whether a thing with this name and number is meant.
func (q question) matches(id int64, texts ...string) bool {
	return q.id != 0 && q.id == id || locale.Begins(strings.Join(texts, " "), q.words)
}

// hit is one thing found.
type hit struct {
	Title, Note, URL string
	Badge            shell.Component
	person           int64
}

// group is what was found of one kind.
type group struct {
	key  string
	icon string
	hits []hit
	more bool // there are others
	deep bool // not everything was looked through
}

// kind is a kind of thing that can be found. Find gives at most limit+1 hits: one more says there are others.
type kind struct {
	key        string
	icon       string
	permission shell.Permission
	find       func(r *shell.Request, v *store.View, q question, limit int) ([]hit, error)
}

func (p *Pages) search(r *shell.Request) error {
	q := asked(r.Q("q"))
	only, limit := r.Q("kind"), few
	if only != "" {
		limit = many
	}
	var found []group
	if q.text != "" {
		for _, k := range p.kinds() {
			if only != "" && only != k.key || !r.May(k.permission) {
				continue
			}
			g, err := p.of(r, k, q, limit)
			if err != nil {
				return err
			}
			if len(g.hits) > 0 || g.deep {
				found = append(found, g)
			}
		}
	}
	var people []int64
	for _, g := range found {
		for _, h := range g.hits {
			if h.person != 0 {
				people = append(people, h.person)
			}
		}
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "search", Contacts: people, Filter: r.R.URL.RawQuery}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, searchPage(r, q, only, found))
}

// of asks one kind.
func (p *Pages) of(r *shell.Request, k kind, q question, limit int) (group, error) {
	g := group{key: k.key, icon: k.icon}
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) { g.hits, err = k.find(r, v, q, limit); return err })
	if err == nil && k.key == contacts && len(g.hits) <= limit {
		g.deep, err = p.named(r, q, limit, &g.hits)
	}
	if len(g.hits) > limit {
		g.hits, g.more = g.hits[:limit], true
	}
	return g, err
}

// asked reads a question. A number may stand behind a #, as pages write it.
func asked(s string) question {
	q := question{text: s}
	if len(s) > 200 {
		q.text = ""
	}
	q.words = locale.Words(q.text)
	if n, err := strconv.ParseInt(strings.TrimPrefix(q.text, "#"), 10, 64); err == nil && n > 0 && n <= 1<<53 {
		q.id = n
	}
	return q
}

// none makes "there is no such thing" the answer nothing.
func none(err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Kind == fault.NotFound {
		return nil
	}
	return err
}

func path(q question, kind string) string {
	v := url.Values{"q": {q.text}}
	if kind != "" {
		v.Set("kind", kind)
	}
	return Path + "?" + v.Encode()
}
