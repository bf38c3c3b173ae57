// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"context"
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"consend/internal/ground/fault"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// sheet is a form in one language, empty or as somebody filled it in.
type sheet struct {
	d       Definition
	note    notice.Version
	account int64
	lang    string
	base    string // before links of ours: "" on our own site, our address in a copy on another
	p       voice
	values  url.Values
	faults  []*fault.Error
}

func newSheet(d Definition, n notice.Version, account int64, lang, base string) sheet {
	return sheet{d: d, note: n, account: account, lang: lang, base: base, p: d.voice(lang)}
}

// Draw makes the page of a definition in one of its languages, as a visitor first sees it:
// its head, and the form below. The same answers give the same bytes.
func Draw(ctx context.Context, d Definition, n notice.Version, account int64, lang string) (Page, error) {
	s := newSheet(d, n, account, lang, "")
	h, err := render(ctx, head(s))
	if err != nil {
		return Page{}, err
	}
	b, err := render(ctx, body(s))
	sum := sha256.Sum256([]byte(h + b))
	return Page{Language: lang, HTML: h + b, Sha256: sum[:]}, err
}

// Body gives the part of a kept page below its head: what stands inside the form element.
func (p Page) Body() string {
	if i := strings.Index(p.HTML, bodyBegins); i >= 0 {
		return p.HTML[i:]
	}
	return p.HTML
}

const bodyBegins = `<div class="signup"`

// Again is the form as somebody sent it, with what is wrong: shown in place of the kept page.
func Again(d Definition, n notice.Version, account int64, lang string, values url.Values, faults []*fault.Error) templ.Component {
	s := newSheet(d, n, account, lang, "")
	s.values, s.faults = values, faults
	return body(s)
}

// Embed is the form as plain HTML for another site: no script, nothing loaded from ours.
func Embed(ctx context.Context, v Version, n notice.Version, account int64, lang, base, slug string) (string, error) {
	s := newSheet(v.Definition, n, account, lang, base)
	b, err := render(ctx, body(s))
	if err != nil {
		return "", err
	}
	open := `<form method="post" action="` + templ.EscapeString(base+"/f/"+slug+"?lang="+lang) + `" accept-charset="utf-8">` +
		`<input type="hidden" name="v" value="` + strconv.FormatInt(v.ID, 10) + `"><input type="hidden" name="l" value="` + lang + `"><input type="hidden" name="how" value="embed">`
	return open + "\n" + strings.ReplaceAll(b, "><", ">\n<") + "\n</form>", nil
}

func render(ctx context.Context, c templ.Component) (string, error) {
	var b strings.Builder
	err := c.Render(ctx, &b)
	return b.String(), err
}

// said marks words of the house that aren't in the form's language.
func said(v voice, key string) templ.Attributes {
	if l := v.foreign(key); l != "" {
		return templ.Attributes{"lang": l}
	}
	return templ.Attributes{}
}

// countries are the form's, by their names; elsewhere is the last.
func countries(s sheet) []Aged {
	out, c := slices.Clone(s.d.Ages), collate.New(language.Make(s.p.Lang))
	slices.SortStableFunc(out, func(a, b Aged) int {
		if a.Country == Elsewhere {
			return 1
		}
		if b.Country == Elsewhere {
			return -1
		}
		return c.CompareString(countryAge(s.p, a), countryAge(s.p, b))
	})
	return out
}

func countryAge(v voice, a Aged) string {
	name := v.Printer.T("form.age.elsewhere")
	if a.Country != Elsewhere {
		name = account.CountryName(a.Country, v.Lang)
	}
	return v.Printer.T("form.age.of", "country", name, "years", a.Years)
}

func (s sheet) value(name string) string { return s.values.Get(name) }

// ticked is never true on a kept page: nothing is pre-ticked (CJEU C-673/17).
func (s sheet) ticked(list int64) bool {
	return slices.Contains(s.values["list"], strconv.FormatInt(list, 10))
}

// chose tells whether one of several choices was ticked by who sent the form.
func (s sheet) chose(name, choice string) bool { return slices.Contains(s.values[name], choice) }

func (s sheet) wrong(name string) string {
	for _, f := range s.faults {
		if f.Field == name {
			return s.p.Fault(f)
		}
	}
	return ""
}

func (s sheet) input(name string) templ.Attributes {
	a := templ.Attributes{}
	if v := s.value(name); v != "" {
		a["value"] = v
	}
	if s.wrong(name) != "" {
		a["aria-invalid"] = "true"
	}
	if by := s.by(name); by != "" {
		a["aria-describedby"] = by
	}
	return a
}

// by joins the ids of what describes a field: why it is asked, and what is wrong with it.
func (s sheet) by(name string) string {
	var ids []string
	if name != "email" {
		ids = append(ids, "f-"+dashed(name)+"-hint")
	}
	if s.wrong(name) != "" {
		ids = append(ids, "f-"+dashed(name)+"-error")
	}
	return strings.Join(ids, " ")
}

// notePath leads to the very version of the note that this form shows.
func (s sheet) notePath() string {
	return s.base + "/privacy/" + strconv.FormatInt(s.account, 10) + "/" + strconv.FormatInt(s.note.NoticeID, 10) + "/" +
		strconv.FormatInt(s.note.Number, 10) + "?lang=" + s.d.NoteIn(s.note, s.lang).Language
}

func (f Field) input() string {
	switch f.Type {
	case "number":
		return "number"
	case "date":
		return "date"
	}
	return "text"
}

func dashed(name string) string { return strings.ReplaceAll(name, ".", "-") }

// block is a heading, a paragraph or a run of items.
type block struct {
	Head, Para string
	Items      []string
}

func blocks(text string) []block {
	var out []block
	for _, l := range notice.Lines(text) {
		switch l.Kind {
		case notice.Head:
			out = append(out, block{Head: l.Text})
		case notice.Item:
			if n := len(out); n > 0 && len(out[n-1].Items) > 0 {
				out[n-1].Items = append(out[n-1].Items, l.Text)
			} else {
				out = append(out, block{Items: []string{l.Text}})
			}
		default:
			out = append(out, block{Para: l.Text})
		}
	}
	return out
}

type word struct{ Text, URL string }

// words splits a text at its web and mail addresses.
func words(s string) []word {
	var out []word
	for i, w := range strings.Split(s, " ") {
		if i > 0 {
			w = " " + w
		}
		bare := strings.TrimSpace(w)
		if u, err := url.Parse(bare); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			out = append(out, word{strings.TrimSuffix(w, bare), ""}, word{bare, bare})
			continue
		}
		if n := len(out); n > 0 && out[n-1].URL == "" {
			out[n-1].Text += w
		} else {
			out = append(out, word{w, ""})
		}
	}
	return out
}
