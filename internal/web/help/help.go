// SPDX-License-Identifier: AGPL-3.0-or-later

// Package help promises an article for everybody who wonders: marketers, the people written
// to, developers; in English and French, without a session, from the program alone.
//
// An article is Markdown under article/<language>/<slug>.md, below lines that say what it is:
//
//	title: Bringing people in
//	for: marketer            marketer, person or developer
//	order: 10                its place among those
//	rules: waiting.remind    the rules of the pack it leans on, with commas
//	checked: 2026-11         the version of the rules it was last read against
//	summary: one sentence
//
// {rule waiting.remind} in the text is that rule's value in words, as the installation has it
// published, {rule consent.age FR} its value in a country, and {where basis.b2b} the countries in
// which the answer of the rule is yes: a number of the law is never typed twice. An article is stale when a rule it leans
// on has another value than in the version it was checked against; Stale lists them (control
// C-17).
package help

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// Path is where the help begins.
const Path = "/help"

//go:embed article
var files embed.FS

// Audience is whom an article is for.
type Audience string

// The audiences, in the order pages show them.
const (
	Marketer  Audience = "marketer"
	Person    Audience = "person"
	Developer Audience = "developer"
)

// Audiences lists them.
func Audiences() []Audience { return []Audience{Marketer, Person, Developer} }

// Article is one text in one language.
type Article struct {
	Slug    string
	For     Audience
	Order   int
	Title   string
	Summary string
	Rules   []rulepack.Key
	Checked string // version of the rules
	Body    string // Markdown
}

// Shelf is every article by language, in the order pages show them.
type Shelf map[string][]Article

var placeholder = regexp.MustCompile(`\{(?:rule|where) ([a-z0-9_.]+)(?: ([A-Z]{2}))?\}`)

// Read reads the articles of the program. An error names the file and what is wrong with it.
func Read() (Shelf, error) {
	s := Shelf{}
	for _, lang := range locale.Languages() {
		dir := path.Join("article", lang)
		entries, err := fs.ReadDir(files, dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			b, err := files.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			a, err := parse(strings.TrimSuffix(e.Name(), ".md"), string(b))
			if err != nil {
				return nil, fmt.Errorf("help: %s/%s: %w", lang, e.Name(), err)
			}
			s[lang] = append(s[lang], a)
		}
		slices.SortStableFunc(s[lang], func(a, b Article) int {
			return cmp.Or(slices.Index(Audiences(), a.For)-slices.Index(Audiences(), b.For), a.Order-b.Order, strings.Compare(a.Slug, b.Slug))
		})
	}
	return s, nil
}

func parse(slug, text string) (Article, error) {
	a := Article{Slug: slug}
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		return a, fmt.Errorf("no empty line between head and text")
	}
	a.Body = body
	for _, line := range strings.Split(head, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return a, fmt.Errorf("%q is no line of a head", line)
		}
		switch name {
		case "title":
			a.Title = value
		case "summary":
			a.Summary = value
		case "for":
			a.For = Audience(value)
		case "checked":
			a.Checked = value
		case "order":
			n, err := strconv.Atoi(value)
			if err != nil {
				return a, fmt.Errorf("order is a number")
			}
			a.Order = n
		case "rules":
			for _, k := range strings.Split(value, ", ") {
				a.Rules = append(a.Rules, rulepack.Key(k))
			}
		default:
			return a, fmt.Errorf("nothing is called %q", name)
		}
	}
	if a.Title == "" || a.Summary == "" || a.Checked == "" || !slices.Contains(Audiences(), a.For) {
		return a, fmt.Errorf("title, summary, for and checked are needed")
	}
	for _, m := range placeholder.FindAllStringSubmatch(body, -1) {
		if !slices.Contains(a.Rules, rulepack.Key(m[1])) {
			return a, fmt.Errorf("the text leans on rule %s, which its head doesn't name", m[1])
		}
	}
	return a, nil
}

// Find finds an article.
func (s Shelf) Find(lang, slug string) (Article, bool) {
	i := slices.IndexFunc(s[lang], func(a Article) bool { return a.Slug == slug })
	if i < 0 {
		return Article{}, false
	}
	return s[lang][i], true
}

// Search gives the articles that hold every word asked for; all of them when none is.
func (s Shelf) Search(lang, q string) []Article {
	words := locale.Words(q)
	var out []Article
	for _, a := range s[lang] {
		text := locale.Plain(a.Title + "\n" + a.Summary + "\n" + a.Body)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			out = append(out, a)
		}
	}
	return out
}

// Stale lists the articles, by language and slug, that lean on a rule whose value is another now
// than in the version they were checked against, or on one that is gone.
func (s Shelf) Stale(packs []*rulepack.Pack, now *rulepack.Pack) []string {
	var out []string
	for lang, articles := range s {
		for _, a := range articles {
			i := slices.IndexFunc(packs, func(p *rulepack.Pack) bool { return p.Version == a.Checked })
			if i < 0 || slices.ContainsFunc(a.Rules, func(k rulepack.Key) bool { return !same(packs[i], now, k) }) {
				out = append(out, lang+"/"+a.Slug)
			}
		}
	}
	slices.Sort(out)
	return out
}

func same(a, b *rulepack.Pack, k rulepack.Key) bool {
	x, ok := a.Rule(k)
	y, here := b.Rule(k)
	return ok && here && x.Value == y.Value && maps.Equal(x.Country, y.Country)
}

// markdown leaves raw HTML out.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table))

// html is the article's text with the rules' values in words.
func (a Article) html(p locale.Printer, pack *rulepack.Pack) (string, error) {
	text := placeholder.ReplaceAllStringFunc(a.Body, func(m string) string {
		of := placeholder.FindStringSubmatch(m)
		if strings.HasPrefix(m, "{where") {
			return where(p, pack, rulepack.Key(of[1]))
		}
		return inWords(p, pack, rulepack.Key(of[1]), of[2])
	})
	var b bytes.Buffer
	err := markdown.Convert([]byte(text), &b)
	return b.String(), err
}

// inWords is a rule's published value in words: "7 days", "7 and 20".
func inWords(p locale.Printer, pack *rulepack.Pack, k rulepack.Key, country string) string {
	x, _ := pack.Rule(k)
	if v, own := x.Country[country]; own {
		x.Value = v
	}
	if n, err := strconv.Atoi(x.Value); err == nil {
		if key := "rulepack.unit." + x.Unit; p.Has(key) {
			return p.N(key, n)
		}
		return p.Number(int64(n))
	}
	if x.Unit == "list" {
		return p.Join(strings.Split(x.Value, ","))
	}
	return x.Value
}

// where is the countries in which a rule's answer is yes, by name.
func where(p locale.Printer, pack *rulepack.Pack, k rulepack.Key) string {
	x, _ := pack.Rule(k)
	var names []string
	for c, v := range x.Country {
		if v == "true" {
			names = append(names, account.CountryName(c, p.Lang))
		}
	}
	slices.Sort(names)
	return p.Join(names)
}

// Pages are the pages of help.
type Pages struct {
	Shelf Shelf
	Pack  *rulepack.Pack // the newest that the program has
}

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	return []shell.Route{
		{Method: http.MethodGet, Pattern: Path, Public: true, Handler: p.index},
		{Method: http.MethodGet, Pattern: Path + "/{slug}", Public: true, Handler: p.article},
	}
}

func (p *Pages) index(r *shell.Request) error {
	return r.Render(http.StatusOK, indexPage(r, p.Shelf.Search(r.P.Lang, r.Q("q"))))
}

func (p *Pages) article(r *shell.Request) error {
	a, ok := p.Shelf.Find(r.P.Lang, r.Path("slug"))
	if !ok {
		return fault.New(fault.NotFound, "help.none")
	}
	text, err := a.html(r.P, p.Pack)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, articlePage(r, a, templ.Raw(text), p.near(r.P.Lang, a)))
}

// near are the other articles for the same people.
func (p *Pages) near(lang string, a Article) (out []Article) {
	for _, o := range p.Shelf[lang] {
		if o.For == a.For && o.Slug != a.Slug {
			out = append(out, o)
		}
	}
	return out
}
