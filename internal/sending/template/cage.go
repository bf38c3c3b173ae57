// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/flosch/pongo2/v6"

	"consend/internal/ground/fault"
)

// The cage around the merge language. pongo2 keeps tags and filters in tables of its own, for the whole process; this
// room is its only user, and sets them up once.
//
// What is shut out, and why: tags that read files or other templates (include, extends, import, ssi), that define
// (block, macro, set), that depend on the hour or the order (now, lorem, cycle, ifchanged, widthratio), that hold output
// back from the limit (filter, spaceless), that switch escaping off (autoescape, safe); `comment`, whose parser never
// ends on a bad argument, is taken out before. Filters that make long things of short ones, or that aren't the same twice.
var (
	bannedTags = []string{"include", "extends", "import", "ssi", "block", "macro", "lorem", "now", "set", "widthratio", "cycle", "ifchanged",
		"filter", "spaceless", "autoescape", "comment"}
	bannedFilters = []string{"ljust", "rjust", "center", "make_list", "random", "wordwrap", "urlize", "urlizetrunc", "safe", "stringformat",
		"linenumbers", "addslashes", "truncatechars_html", "truncatewords_html", "removetags", "phone2numeric", "escapejs", "iriencode", "split"}
)

const (
	maxValue  = 4 << 10 // bytes of a text that a template makes: joined, added, or named by `with`
	maxOutput = 1 << 20 // bytes of a rendered body
	maxWork   = 200_000 // words of the template run in one rendering
)

var cage = sync.OnceValues(func() (*pongo2.TemplateSet, *pongo2.TemplateSet) {
	for name, f := range map[string]pongo2.FilterFunction{"truncatechars": truncate, "date": day, "time": day, "add": add, "join": join, "floatformat": decimals} {
		must(pongo2.ReplaceFilter(name, f))
	}
	must(pongo2.ReplaceTag("for", parseFor))
	must(pongo2.ReplaceTag("with", parseWith))
	html, text := pongo2.NewSet("html", nowhere{}), pongo2.NewSet("text", nowhere{})
	for _, s := range []*pongo2.TemplateSet{html, text} {
		for _, t := range bannedTags {
			if s == text && t == "autoescape" { // put around subjects by us: they are no HTML
				continue
			}
			must(s.BanTag(t))
		}
		for _, f := range bannedFilters {
			must(s.BanFilter(f))
		}
	}
	return html, text
})

func must(err error) {
	if err != nil {
		panic(err) // the tables of pongo2 are not those this room was written for
	}
}

// nowhere is a loader that finds nothing.
type nowhere struct{}

func (nowhere) Abs(_, name string) string     { return name }
func (nowhere) Get(string) (io.Reader, error) { return nil, errors.New("templates can't read") }

func short(s string) (*pongo2.Value, *pongo2.Error) {
	if len(s) > maxValue {
		panic(errWork)
	}
	return pongo2.AsValue(s), nil
}

// add adds numbers, and joins anything else as text.
func add(in, param *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
	if in.IsNumber() && param.IsNumber() {
		if in.IsFloat() || param.IsFloat() {
			return pongo2.AsValue(in.Float() + param.Float()), nil
		}
		return pongo2.AsValue(in.Integer() + param.Integer()), nil
	}
	return short(in.String() + param.String())
}

func join(in, param *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
	if !in.CanSlice() || in.IsString() {
		return in, nil
	}
	var parts []string
	n := 0
	for i := range min(in.Len(), maxItems) {
		s := in.Index(i).String()
		if n += len(s) + len(param.String()); n > maxValue {
			panic(errWork)
		}
		parts = append(parts, s)
	}
	return pongo2.AsValue(strings.Join(parts, param.String())), nil
}

// decimals writes a number with at most 20 digits behind the point.
func decimals(in, param *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
	n := min(max(param.Integer(), 0), 20)
	return pongo2.AsValue(strconv.FormatFloat(in.Float(), 'f', n, 64)), nil
}

// truncate keeps the first n characters, the last of them an ellipsis when something was cut.
func truncate(in, param *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
	n := param.Integer()
	s := in.String()
	if n < 1 || utf8.RuneCountInString(s) <= n {
		return pongo2.AsValue(s), nil
	}
	return pongo2.AsValue(string([]rune(s)[:n-1]) + "…"), nil
}

// day writes a date: the value is text such as 2026-03-02, the format is Go's (02/01/2006).
func day(in, param *pongo2.Value) (*pongo2.Value, *pongo2.Error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, in.String()); err == nil {
			f := param.String()
			if f == "" || len(f) > 60 {
				f = time.DateOnly
			}
			return pongo2.AsValue(t.Format(f)), nil
		}
	}
	return in, nil
}

var (
	errWork   = errors.New("template: more work than one message may take")
	errOutput = errors.New("template: more output than one message may have")
)

// limit is where a rendering writes. It panics when it is full, since pongo2 doesn't look at errors of writing.
type limit struct{ b *strings.Builder }

func (l *limit) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > maxOutput {
		panic(errOutput)
	}
	return l.b.Write(p)
}

// compile compiles a source for the slow way; run runs it. Every panic inside pongo2 becomes a fault: 1/0 is one.
func compile(src string, html bool) (t *pongo2.Template, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Invalid, "template.broken").At("body").Because(fmt.Errorf("%v", p))
		}
	}()
	hs, ts := cage()
	set := hs
	if !html {
		set = ts
		src = "{% autoescape off %}" + src + "{% endautoescape %}"
	}
	t, e := set.FromString(src)
	if e != nil {
		return nil, told(e)
	}
	return t, nil
}

// meter counts the work of one rendering. It stands among the values, where our own tags find it; it has nothing that a
// template could name.
type meter struct{ spent int }

const meterName = "_meter"

func spend(ctx *pongo2.ExecutionContext, n int) {
	m, ok := ctx.Public[meterName].(*meter)
	if !ok {
		panic(errWork)
	}
	if m.spent += n; m.spent > maxWork {
		panic(errWork)
	}
}

func run(t *pongo2.Template, values pongo2.Context, size int) (out string, err error) {
	var b strings.Builder
	b.Grow(size + size/8)
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(error)
			key := "template.broken"
			switch {
			case ok && (errors.Is(e, errWork) || errors.Is(e, errOutput)):
				key = "template.too_much"
			case ok && strings.Contains(e.Error(), "divide by zero"):
				key = "template.zero"
			}
			out, err = "", fault.New(fault.Invalid, key).At("body").Because(fmt.Errorf("%v", p))
		}
	}()
	values[meterName] = &meter{}
	if e := t.ExecuteWriterUnbuffered(values, &limit{b: &b}); e != nil {
		return "", told(e)
	}
	return b.String(), nil
}

var tagName = regexp.MustCompile(`[Tt]ag '([A-Za-z_]{1,30})'|[Ff]ilter '([A-Za-z_]{1,30})'`)

// told turns an error of the merge language into a sentence: its own words are for programmers, and stay in the log.
func told(err error) error {
	var p *pongo2.Error
	line := 0
	if errors.As(err, &p) {
		line = p.Line
	}
	key, what := "template.syntax", ""
	if m := tagName.FindStringSubmatch(err.Error()); m != nil {
		what = m[1] + m[2]
		if strings.Contains(err.Error(), "not allowed") || strings.Contains(err.Error(), "not found") {
			key = "template.not_allowed"
		}
	}
	return fault.New(fault.Invalid, key, "tag", what, "line", max(line, 1)).At("body").Because(err)
}

// Our own `for`: over values of the contact, its params and items alone, at most maxItems turns, each turn counted.
type forNode struct {
	key, value       string
	over             pongo2.IEvaluator
	reversed, sorted bool
	body, empty      *pongo2.NodeWrapper
	cost             int // words of its body
}

// loop is what a template sees of the loop it is in.
type loop struct {
	Counter, Counter0, Revcounter, Revcounter0 int
	First, Last                                bool
	Parentloop                                 *loop
}

func (n *forNode) Execute(ctx *pongo2.ExecutionContext, w pongo2.TemplateWriter) (failed *pongo2.Error) {
	in := pongo2.NewChildExecutionContext(ctx)
	info := &loop{}
	info.Parentloop, _ = in.Private["forloop"].(*loop)
	in.Private["forloop"] = info
	over, err := n.over.Evaluate(in)
	if err != nil {
		return err
	}
	_, keyed := over.Interface().(map[string]any)
	if !keyed && (!over.CanSlice() || over.IsString()) {
		over = pongo2.AsValue([]any{})
	}
	parent := info.Parentloop
	over.IterateOrder(func(i, count int, key, value *pongo2.Value) bool {
		if i >= maxItems {
			return false
		}
		count = min(count, maxItems)
		in.Private[n.key] = key
		if n.value != "" {
			in.Private[n.value] = value
		}
		*info = loop{Counter: i + 1, Counter0: i, Revcounter: count - i, Revcounter0: count - i - 1, First: i == 0, Last: i+1 == count, Parentloop: parent}
		spend(ctx, n.cost)
		failed = n.body.Execute(in, w)
		return failed == nil
	}, func() {
		if n.empty != nil {
			failed = n.empty.Execute(in, w)
		}
	}, n.reversed, n.sorted || keyed) // keys of a map have no order of their own
	return failed
}

func parseFor(doc *pongo2.Parser, _ *pongo2.Token, args *pongo2.Parser) (pongo2.INodeTag, *pongo2.Error) {
	n := &forNode{}
	name := func() string {
		if t := args.MatchType(pongo2.TokenIdentifier); t != nil {
			return t.Val
		}
		return ""
	}
	n.key = name()
	if args.Match(pongo2.TokenSymbol, ",") != nil {
		n.value = name()
	}
	if n.key == "" || args.Match(pongo2.TokenKeyword, "in") == nil {
		return nil, args.Error("Expected: for x in params.list", nil)
	}
	// Only data that was given may be looped over, or what an outer loop took from it: no text made on the way.
	if args.PeekType(pongo2.TokenIdentifier) == nil {
		return nil, args.Error("Tag 'for' is not allowed here: loop over params, contact or items", nil)
	}
	var err *pongo2.Error
	if n.over, err = args.ParseExpression(); err != nil {
		return nil, err
	}
	n.reversed = args.MatchOne(pongo2.TokenIdentifier, "reversed") != nil
	n.sorted = args.MatchOne(pongo2.TokenIdentifier, "sorted") != nil
	if args.Remaining() > 0 {
		return nil, args.Error("Malformed for-loop arguments.", nil)
	}
	left := doc.Remaining()
	if n.body, _, err = doc.WrapUntilTag("empty", "endfor"); err != nil {
		return nil, err
	}
	n.cost = left - doc.Remaining()
	if n.body.Endtag == "empty" {
		n.empty, _, err = doc.WrapUntilTag("endfor")
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Our own `with`: each value is bounded, so that nesting can't double a text again and again.
type withNode struct {
	names  []string
	values []pongo2.IEvaluator
	body   *pongo2.NodeWrapper
}

func (n *withNode) Execute(ctx *pongo2.ExecutionContext, w pongo2.TemplateWriter) *pongo2.Error {
	in := pongo2.NewChildExecutionContext(ctx)
	for i, v := range n.values {
		x, err := v.Evaluate(ctx)
		if err != nil {
			return err
		}
		if x.IsString() && x.Len() > maxValue {
			panic(errWork)
		}
		in.Private[n.names[i]] = x
	}
	return n.body.Execute(in, w)
}

func parseWith(doc *pongo2.Parser, _ *pongo2.Token, args *pongo2.Parser) (pongo2.INodeTag, *pongo2.Error) {
	n := &withNode{}
	for args.Remaining() > 0 {
		t := args.MatchType(pongo2.TokenIdentifier)
		if t == nil || args.Match(pongo2.TokenSymbol, "=") == nil {
			return nil, args.Error("Expected: with name=value", nil)
		}
		v, err := args.ParseExpression()
		if err != nil {
			return nil, err
		}
		n.names, n.values = append(n.names, t.Val), append(n.values, v)
	}
	var err *pongo2.Error
	if n.body, _, err = doc.WrapUntilTag("endwith"); err != nil {
		return nil, err
	}
	return n, nil
}
