// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/a-h/templ"

	"consend/internal/ground/locale"
)

func current(now bool) templ.Attributes {
	if now {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func currentStep(now bool) templ.Attributes {
	if now {
		return templ.Attributes{"aria-current": "step"}
	}
	return nil
}

// searched are the attributes of the search field: on its own page it keeps what was asked,
// and waits for letters when nothing was.
func (r *Request) searched() templ.Attributes {
	if r.R.URL.Path != r.shell.Search {
		return nil
	}
	if q := r.Q("q"); q != "" {
		return templ.Attributes{"value": q}
	}
	return templ.Attributes{"autofocus": true}
}

// check are the attributes every input has: what it needs and what is wrong with it.
func (d Field) check(f *Form) templ.Attributes {
	a := templ.Attributes{}
	if d.Required {
		a["required"] = true
	}
	if by := d.describedBy(f); by != "" {
		a["aria-describedby"] = by
	}
	if f.first(d.Name) != nil {
		a["aria-invalid"] = "true"
	}
	if d.Autofocus && (f == nil || f.OK()) {
		a["autofocus"] = true
	}
	return a
}

func (d Field) shared(f *Form) templ.Attributes {
	a := d.check(f)
	put := func(name, value string) {
		if value != "" {
			a[name] = value
		}
	}
	put("autocomplete", d.Autocomplete)
	put("lang", d.Lang)
	if d.MaxLength > 0 {
		a["maxlength"] = strconv.Itoa(d.MaxLength)
	}
	if d.ReadOnly {
		a["readonly"] = true
	}
	return a
}

func (d Field) attributes(f *Form) templ.Attributes {
	a := d.shared(f)
	if d.kind() != "password" { // a password is never sent back to the page
		if v := d.value(f); v != "" {
			a["value"] = v
		}
	}
	for name, value := range map[string]string{"placeholder": d.Placeholder, "min": d.Min, "max": d.Max} {
		if value != "" {
			a[name] = value
		}
	}
	if d.Mono || d.kind() == "email" {
		a["spellcheck"], a["autocapitalize"] = "false", "off"
	}
	return a
}

func choiceHint(d Field, i int, c Choice) templ.Attributes {
	if c.Hint == "" {
		return nil
	}
	return templ.Attributes{"aria-describedby": d.id() + "-" + strconv.Itoa(i) + "-hint"}
}

// everywhere leads from a table where nothing was found to the search of everything.
func everywhere(ctx context.Context, q string) Link {
	s := from(ctx).shell
	if q == "" || s == nil || s.Search == "" {
		return Link{}
	}
	return Link{Label: Printer(ctx).T("shell.everywhere"), URL: s.Search + "?q=" + url.QueryEscape(q)}
}

func sorted(l List, c Column) templ.Attributes {
	if c.Sort == "" || c.Sort != l.Sort {
		return nil
	}
	if l.Desc {
		return templ.Attributes{"aria-sort": "descending"}
	}
	return templ.Attributes{"aria-sort": "ascending"}
}

func sortIcon(l List, c Column) string {
	switch {
	case c.Sort != l.Sort:
		return "selector"
	case l.Desc:
		return "chevron-down"
	}
	return "chevron-up"
}

func columnLabel(columns []Column, i int) string {
	if i < len(columns) {
		return columns[i].Label
	}
	return ""
}

func cellClass(columns []Column, i int) string {
	var s []string
	if i < len(columns) && columns[i].End {
		s = append(s, "cell-end")
	}
	if i < len(columns) && columns[i].Quiet {
		s = append(s, "cell-quiet")
	}
	return strings.Join(s, " ")
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func upper(s string) string { return strings.ToUpper(s) }

func orOne(s string) string {
	if s == "" {
		return "1"
	}
	return s
}

func toneIcon(t Tone) string {
	switch t {
	case Good:
		return "circle-check"
	case Waiting:
		return "alert-triangle"
	case Bad:
		return "alert-circle"
	}
	return "info-circle"
}

func themeIcon(theme string) string {
	switch theme {
	case "light":
		return "sun"
	case "dark":
		return "moon"
	}
	return "device-desktop"
}

// initials gives up to two letters for the own menu.
func initials(name string) string {
	var out []rune
	for _, w := range strings.Fields(name) {
		if c := []rune(w)[0]; unicode.IsLetter(c) && len(out) < 2 {
			out = append(out, unicode.ToUpper(c))
		}
	}
	if len(out) == 0 {
		return "•"
	}
	return string(out)
}

func roleNames(p locale.Printer, roles []string) []string {
	var out []string
	for _, r := range roles {
		out = append(out, p.T("role."+r))
	}
	return out
}

// inLang marks words that aren't in the page's language (WCAG 3.1.2).
func inLang(lang string) templ.Attributes {
	if lang == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{"lang": lang}
}
