// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/flosch/pongo2/v6"
)

// as says how a value is written where it stands.
type as byte

const (
	asText    as = iota // as it is: subjects, text parts
	asHTML              // escaped: text and quoted attributes
	asURL               // the whole of an address: only addresses that lead somewhere harmless
	asCSS               // in a style: letters, digits and a few signs
	asOpening           // the block a first mail opens with
	asPre               // the preheader
)

// slot is a run of text and then, perhaps, a value.
type slot struct {
	text string
	v    variable
	as   as
	html bool // of an opening or preheader: which form
	id   Identity
}

// filled is a text with slots.
type filled []slot

// variable is {{ contact.NAME|filter:"x" }}, read. The zero value is nothing.
type variable struct {
	root, name string // "contact", "FIRSTNAME"; or a link's name alone
	filters    []call
	set        bool
}

type call struct{ name, param string }

const (
	rootContact = "contact"
	rootLink    = "link"
	rootParams  = "params"
)

// linkNames are the addresses of the person an author may use; Brevo's names beside ours.
var linkNames = map[string]string{"unsubscribe": "unsubscribe", "preferences": "preferences", "update_profile": "preferences", "privacy": "privacy"}

// quick are the filters the fast way knows; each does what the merge language's own does.
var quick = map[string]func(s, param string) string{
	"default": func(s, p string) string {
		if s == "" {
			return p
		}
		return s
	},
	"upper": func(s, _ string) string { return strings.ToUpper(s) },
	"lower": func(s, _ string) string { return strings.ToLower(s) },
	"capfirst": func(s, _ string) string {
		for i, r := range s {
			return strings.ToUpper(string(r)) + s[i+len(string(r)):]
		}
		return s
	},
	"truncatechars": func(s, p string) string {
		n, _ := strconv.Atoi(p)
		v, _ := truncate(pongo2.AsValue(s), pongo2.AsValue(n))
		return v.String()
	},
	"date": func(s, p string) string { v, _ := day(pongo2.AsValue(s), pongo2.AsValue(p)); return v.String() },
}

// parseVariable reads what simple agreed to.
func parseVariable(inner string) variable {
	v, _ := readVariable(inner)
	return v
}

func readVariable(inner string) (variable, bool) {
	word := func(s string) bool {
		if s == "" {
			return false
		}
		for i := range len(s) {
			c := s[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
		return true
	}
	parts := splitBar(inner)
	path := strings.TrimSpace(parts[0])
	root, name, dotted := strings.Cut(path, ".")
	v := variable{set: true}
	switch {
	case !dotted && linkNames[root] != "":
		v.root, v.name = rootLink, linkNames[root]
	case dotted && root == rootContact && word(name):
		v.root, v.name = rootContact, strings.ToUpper(name)
	case dotted && root == rootParams && word(name):
		v.root, v.name = rootParams, name
	default:
		return variable{}, false
	}
	for _, f := range parts[1:] {
		name, param, has := strings.Cut(strings.TrimSpace(f), ":")
		name = strings.TrimSpace(name)
		if quick[name] == nil {
			return variable{}, false
		}
		c := call{name: name}
		if has {
			param = strings.TrimSpace(param)
			if n := len(param); n >= 2 && (param[0] == '"' || param[0] == '\'') && param[n-1] == param[0] && !strings.Contains(param, `\`) {
				c.param = param[1 : n-1]
			} else if _, err := strconv.ParseUint(param, 10, 31); err == nil {
				c.param = param
			} else {
				return variable{}, false
			}
		}
		v.filters = append(v.filters, c)
	}
	return v, true
}

// splitBar cuts at bars outside quotes.
func splitBar(s string) []string {
	var out []string
	start, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '|':
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// variables collects what a source uses.
type variables struct{ contact map[string]bool }

// simple tells whether the fast way can do it. Params have lists and maps: they go the slow way.
func (*variables) simple(p piece) bool {
	v, ok := readVariable(p.inner)
	return ok && !p.dashed && v.root != rootParams
}

// used notes every contact.NAME in a tag.
func (u *variables) used(p piece) {
	if p.kind == plainPiece {
		return
	}
	s := p.inner
	for {
		i := strings.Index(s, "contact.")
		if i < 0 {
			return
		}
		before := i == 0 || !isWord(s[i-1]) && s[i-1] != '.'
		s = s[i+len("contact."):]
		n := 0
		for n < len(s) && isWord(s[n]) {
			n++
		}
		if before && n > 0 {
			if u.contact == nil {
				u.contact = map[string]bool{}
			}
			u.contact[strings.ToUpper(s[:n])] = true
		}
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (u *variables) names() []string {
	var out []string
	for n := range u.contact {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// value gives a variable's text for a person.
func (v variable) value(p *Person) string {
	s := ""
	switch v.root {
	case rootLink:
		switch v.name {
		case "unsubscribe":
			s = p.Links.Unsubscribe
		case "preferences":
			s = p.Links.Preferences
		case "privacy":
			s = p.Links.Privacy
		}
	case rootContact:
		s = textOf(p.Values[v.name])
	}
	for _, f := range v.filters {
		s = quick[f.name](s, f.param)
	}
	return s
}

// textOf writes a scalar as the merge language does.
func textOf(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		if x {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(x, 10)
	case int:
		return strconv.Itoa(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return fmt.Sprint(x)
}

func (f filled) size() int {
	n := 0
	for i := range f {
		n += len(f[i].text) + 40
	}
	return n + 400
}

func (f filled) fill(b []byte, p *Person) []byte { return f.write(b, p, "") }

func (f filled) fillAll(p *Person, pre string) []byte {
	return f.write(make([]byte, 0, f.size()), p, pre)
}

func (f filled) write(b []byte, p *Person, pre string) []byte {
	for i := range f {
		b = append(b, f[i].text...)
		b = f[i].value(b, p, pre)
	}
	return b
}

// pieces are the texts between the values. The last slot holds no value: split ends with a text.
func (f filled) pieces() []string {
	out := make([]string, len(f))
	for i := range f {
		out[i] = f[i].text
	}
	return out
}

// holes writes the values alone into b, and gives each.
func (f filled) holes(b []byte, out []string, p *Person, pre string) ([]byte, []string) {
	for i := range f[:len(f)-1] {
		from := len(b)
		b = f[i].value(b, p, pre)
		out = append(out, unsafe.String(unsafe.SliceData(b[from:]), len(b)-from)) // stays what it is when b grows: nothing writes there again
	}
	return b, out
}

// value writes what stands behind the slot's text.
func (s *slot) value(b []byte, p *Person, pre string) []byte {
	switch s.as {
	case asPre:
		return appendPreheader(b, pre)
	case asOpening:
		return appendOpening(b, p, s.id, s.html)
	}
	if !s.v.set {
		return b
	}
	v := s.v.value(p)
	switch s.as {
	case asHTML:
		return appendEscaped(b, v)
	case asURL:
		if i := strings.IndexByte(v, ':'); i < 0 {
			v = "#" // a link in a mail is never relative; two values can't make a scheme together
		}
		return appendEscaped(b, harmless(v))
	case asCSS:
		return append(b, strings.Map(func(r rune) rune {
			if r < 0x80 && (isWord(byte(r)) || strings.ContainsRune("#%. -", r)) {
				return r
			}
			return -1
		}, v)...)
	}
	return append(b, v...)
}

// appendEscaped writes text so that it is text in HTML and in a quoted attribute.
func appendEscaped(b []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		e := ""
		switch s[i] {
		case '&':
			e = "&amp;"
		case '<':
			e = "&lt;"
		case '>':
			e = "&gt;"
		case '"':
			e = "&#34;"
		case '\'':
			e = "&#39;"
		case 0:
			e = "\ufffd"
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, e...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// harmless gives an address that a link may hold, or "#".
func harmless(s string) string {
	u := strings.TrimSpace(s)
	i := strings.IndexAny(u, ":/?#")
	if i < 0 || u[i] != ':' {
		return u
	}
	switch strings.ToLower(u[:i]) {
	case "http", "https", "mailto", "tel", "cid":
		return u
	}
	return "#"
}

func escape(s string) string { return html.EscapeString(s) }
