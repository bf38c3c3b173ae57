// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/trace"
)

// editing is what the trace says of an act that changes what is there, as a whole page of it.
var editing = regexp.MustCompile(`\.(change|correct|edit|rename|role|profile)$`)

// alone are forms that change what is there and need not know what stood.
var alone = map[string]string{
	"/me":                 "one's own profile",
	"/settings/team/{id}": "one field, which the page shows",
	"/c/{token}":          "a person's own words, brought in when the mailbox answers", "/p/{token}": "a person's own language",
	"/a/{token}": "a mailbox's answer to one question",
}

// Two open the same page, and both save: the second is told, keeps what was typed, and has
// written nothing. Generated from the pages of the filled house.
func TestTwoWhoEditTheSameAtOnceOverwriteNothing(t *testing.T) {
	meanwhile := map[string]string{} // by room
	for _, room := range []string{"contact", "list", "list.purpose", "notice", "form", "campaign", "sender", "account", "import", "segment", "contact.attribute"} {
		meanwhile[room] = locale.For("en", nil).T(room + ".changed")
	}
	open(t, func(t *testing.T, e *everything) {
		e.signIn(t)
		e.send("POST", "/settings/senders/new", "application/x-www-form-urlencoded", "name=Second&email=second@maison-thym.example") // so that there is a choice
		e.send("POST", "/segments/new", "application/x-www-form-urlencoded", "name=French&m0=all&w1=country&c1=is&v1=FR&g1=0")
		e.send("POST", "/attributes/new", "application/x-www-form-urlencoded", "name=Town&type=text&label=Town&purpose=Events")
		tried := map[int]bool{}
		for _, b := range e.buttons(t) {
			rt := e.routes[b.route]
			if tried[b.route] || !slices.ContainsFunc(rt.Trace, editing.MatchString) || alone[rt.Pattern] != "" {
				continue
			}
			tried[b.route] = true
			page := e.send("GET", b.page, "", "").Body.String() // an act before this one may have changed it
			same := func(x button) bool { return x.action != b.action || x.route != b.route }
			now, other := slices.DeleteFunc(e.filled(t, b.page, page, false), same), slices.DeleteFunc(e.filled(t, b.page, page, true), same)
			if len(now) == 0 || len(other) == 0 {
				t.Errorf("POST %s is gone from %s", rt.Pattern, b.page)
				continue
			}
			b = now[0]
			if !b.values.Has("version") && !b.values.Has("seen") {
				t.Errorf("POST %s, from %s, doesn't tell what it was made from", rt.Pattern, b.page)
				continue
			}
			field := ""
			for _, name := range []string{"name", "subject", "body", "title", "intro_en"} {
				if b.values.Has(name) && field == "" {
					field = name
				}
			}
			with := func(x button, words string) button {
				out := x
				out.values = maps.Clone(x.values)
				if field != "" {
					out.values[field] = []string{x.values.Get(field) + words}
				}
				return out
			}
			if code, body := e.press(with(other[0], " one")); code >= 400 {
				t.Errorf("POST %s, from %s: the first is refused with %d: %s", rt.Pattern, b.page, code, wrong(body))
				continue
			}
			before := e.entries(t)
			code, body := e.press(with(b, " two"))
			body = html.UnescapeString(body)
			said := ""
			for room, words := range meanwhile {
				if strings.Contains(body, words) {
					said = room
				}
			}
			if code < 400 || code >= 500 || said == "" {
				t.Errorf("POST %s, from %s: the second is answered with %d %s", rt.Pattern, b.page, code, wrong(body))
			}
			if field != "" && !strings.Contains(body, b.values.Get(field)+" two") {
				t.Errorf("POST %s, from %s: what the second typed is lost", rt.Pattern, b.page)
			}
			for id, x := range e.entries(t) {
				if _, old := before[id]; !old && x.action != trace.LookAction {
					t.Errorf("POST %s, from %s: the second wrote %q", rt.Pattern, b.page, x.action)
				}
			}
		}
		for i, rt := range e.routes {
			if rt.Method == "POST" && slices.ContainsFunc(rt.Trace, editing.MatchString) && !tried[i] && alone[rt.Pattern] == "" {
				t.Errorf("no page leads to POST %s", rt.Pattern)
			}
		}
	})
}
