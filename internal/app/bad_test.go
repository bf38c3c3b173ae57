// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"consend/internal/web/shell"
)

// bad sends every page what no honest browser sends: questions with NUL and broken UTF-8,
// numbers of nothing, texts that cannot be kept, bodies that are too large, empty forms, and
// each of them twice. The answer is a page in the reader's language, never a fault of ours.
func (e *everything) bad(t *testing.T, pages []string) {
	t.Helper()
	e.lang = "fr"
	defer func() { e.lang = "" }()
	page := func(what string, code int, body string) {
		t.Helper()
		if code >= 500 || code >= 400 && !strings.Contains(body, `<html lang="fr"`) {
			t.Errorf("%s: %d\n%.600s", what, code, body)
		}
	}
	const odd = "q=%00&after=%00&page=-1&size=zz&sort=%ff&state=%00&list=x&kind=%00&from=%00&to=2026-99-99&who=%00&actor=%ff&action=%00&reason=%00&contact=%00&as=%00&view=%00&before=%00&why=%00&grade=%00&cause=%00"
	for _, at := range pages {
		at, _, _ = strings.Cut(at, "?")
		code, body := e.ask("GET", at+"?"+odd, e.Account, shell.Owner, nil)
		page("GET "+at+" with an odd question", code, body)
	}
	number := regexp.MustCompile(`\d{3,}`)
	read := 0
	for _, rt := range e.routes {
		if rt.Method != http.MethodPost || rt.Public || rt.Pattern == "/mailbox/empty" {
			continue
		}
		if hole.MatchString(rt.Pattern) {
			for _, id := range []string{"999999", "99999999999999999999", "x%00"} {
				path := hole.ReplaceAllString(rt.Pattern, id)
				code, body := e.ask("POST", path, e.Account, shell.Owner, url.Values{"version": {"1"}})
				if page("POST "+path, code, body); code < 400 && id == "999999" {
					t.Errorf("POST %s: %d for what does not exist", path, code)
				}
			}
		}
		path := e.real(rt.Pattern, pages, number)
		for range 2 {
			code, body := e.ask("POST", path, e.Account, shell.Owner, url.Values{"name": {"a\x00b"}, "email": {"lea\x00@example.org"}})
			if page("POST "+path+" with NUL", code, body); code != http.StatusBadRequest {
				break // a button, or a thing that is past this act
			}
			if rt.Body > 4<<20 && rt.Pattern == "/import/new" {
				break // it takes a file in parts, and no fields
			}
			if read++; !strings.Contains(html.UnescapeString(body), "ne peuvent pas être enregistrés") {
				t.Errorf("POST %s with NUL does not say what is wrong:\n%.600s", path, body)
			}
			if rt.Body > 4<<20 {
				continue // it takes files
			}
			large := url.Values{"name": {strings.Repeat("a", int(max(rt.Body, 1<<20))+1)}}
			code, body = e.ask("POST", path, e.Account, shell.Owner, large)
			if page("POST "+path+" with a large body", code, body); code != http.StatusRequestEntityTooLarge || !strings.Contains(html.UnescapeString(body), "trop volumineux") {
				t.Errorf("POST %s with a large body: %d\n%.600s", path, code, body)
			}
		}
		for range 2 {
			code, body := e.ask("POST", path, e.Account, shell.Owner, url.Values{"name": {"a\r\nBcc: x@example.org"}, "list": {"x"}, "version": {"-1"}})
			page("POST "+path+" with nothing useful", code, body)
		}
	}
	t.Logf("%d forms", read)
	if read < 60 {
		t.Errorf("only %d forms were tried", read)
	}
}

// real fills a pattern with the number that stands in the same place of a page.
func (e *everything) real(pattern string, pages []string, number *regexp.Regexp) string {
	if !hole.MatchString(pattern) {
		return pattern
	}
	prefix, _, _ := strings.Cut(pattern, "{")
	i := slices.IndexFunc(pages, func(at string) bool {
		rest, ok := strings.CutPrefix(at, prefix)
		return ok && number.MatchString(rest) && number.FindStringIndex(rest)[0] == 0
	})
	if i < 0 {
		return hole.ReplaceAllString(pattern, "999999")
	}
	return hole.ReplaceAllString(pattern, number.FindString(strings.TrimPrefix(pages[i], prefix)))
}
