// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"strings"
	"unicode/utf8"

	"consend/internal/ground/fault"
)

// Limits of what an author may write. They bound time and memory before anything is compiled:
// the merge language itself has no bounds.
const (
	MaxSource   = 512 << 10 // bytes of a body
	MaxLine     = 1000      // bytes of a subject or preheader
	maxTag      = 500       // bytes of one {{ … }} or {% … %}
	maxTags     = 2000      // tags in a body
	maxNest     = 10        // blocks inside each other
	maxLoops    = 3         // loops inside each other
	maxItems    = 200       // turns of one loop
	maxOps      = 16        // operators and filters in one tag
	maxBrackets = 6
)

type pieceKind byte

const (
	plainPiece pieceKind = iota
	varPiece             // {{ … }}
	tagPiece             // {% … %}
)

// piece is a run of text, or one tag with what stands in it.
type piece struct {
	kind   pieceKind
	text   string // as written
	inner  string // between the braces, trimmed
	line   int
	dashed bool // {{- or -}}: white space around it goes
}

func bad(line int, key string, args ...any) error {
	return fault.New(fault.Invalid, key, append(args, "line", line)...).At("body")
}

// scan cuts a source into text and tags, drops its comments, and refuses what has no bounds. It reads tags as the
// merge language does: a tag ends at its closing brace outside quotes.
func scan(src string, max int) ([]piece, error) {
	if len(src) > max {
		return nil, fault.New(fault.TooLarge, "template.too_large", "max", max>>10).At("body")
	}
	if !utf8.ValidString(src) {
		return nil, bad(1, "template.not_text")
	}
	for i := 0; i < len(src); i++ {
		// The merge language takes byte 1 for the end of the source, and drops the rest in silence.
		if c := src[i]; c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return nil, bad(1+strings.Count(src[:i], "\n"), "template.not_text")
		}
	}
	var out []piece
	line, tags := 1, 0
	comment := 0 // the line a {% comment %} began on
	emit := func(p piece) {
		if comment == 0 && (p.kind != plainPiece || p.text != "") {
			out = append(out, p)
		}
	}
	for src != "" {
		at := nextTag(src)
		if at < 0 {
			emit(piece{text: src, line: line})
			break
		}
		emit(piece{text: src[:at], line: line})
		line += strings.Count(src[:at], "\n")
		src = src[at:]
		if strings.HasPrefix(src, "{#") {
			end := strings.Index(src, "#}")
			if end < 0 || strings.Contains(src[:end], "\n") {
				return nil, bad(line, "template.open_tag", "tag", "{#")
			}
			src = src[end+2:]
			continue
		}
		n := closing(src)
		if n < 0 {
			return nil, bad(line, "template.open_tag", "tag", src[:2])
		}
		p, err := tagOf(src[:n], line)
		if err != nil {
			return nil, err
		}
		if tags++; tags > maxTags {
			return nil, bad(line, "template.too_many", "max", maxTags)
		}
		src = src[n:]
		switch {
		case p.kind == tagPiece && p.inner == "comment":
			comment = line
		case p.kind == tagPiece && p.inner == "endcomment" && comment > 0:
			comment = 0
		default:
			emit(p)
		}
	}
	if comment > 0 {
		return nil, bad(comment, "template.open_tag", "tag", "{% comment %}")
	}
	return out, nest(out)
}

func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// closing gives the length of the tag that begins s, or -1.
func closing(s string) int {
	end := "}}"
	if s[1] == '%' {
		end = "%}"
	}
	quote := byte(0)
	for i := 2; i < len(s) && i < maxTag; i++ {
		c := s[i]
		switch {
		case c == '\n':
			return -1
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case strings.HasPrefix(s[i:], end):
			return i + 2
		case c == '}' && i+1 < len(s) && s[i+1] == '}', c == '%' && i+1 < len(s) && s[i+1] == '}', c == '{':
			return -1
		}
	}
	return -1
}

func tagOf(s string, line int) (piece, error) {
	p := piece{kind: varPiece, text: s, line: line}
	if s[1] == '%' {
		p.kind = tagPiece
	}
	in := s[2 : len(s)-2]
	trimmed := strings.TrimSuffix(strings.TrimPrefix(in, "-"), "-")
	p.dashed = trimmed != in
	p.inner = strings.TrimSpace(trimmed)
	if p.inner == "" {
		return p, bad(line, "template.empty_tag")
	}
	ops, depth := 0, 0
	quote := byte(0)
	for i := 0; i < len(p.inner); i++ {
		c := p.inner[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			if depth++; depth > maxBrackets {
				return p, bad(line, "template.too_deep")
			}
			ops++
		case c == ')' || c == ']':
			depth--
		case c >= 0x80:
			return p, bad(line, "template.syntax", "tag", s)
		case strings.IndexByte("+-*/%^|<>=!&", c) >= 0:
			ops++
		}
	}
	if ops > 2*maxOps || len(strings.Fields(p.inner)) > 4*maxOps {
		return p, bad(line, "template.too_deep")
	}
	return p, nil
}

// nest bounds how deep blocks stand in each other. That each is closed is the merge language's own check.
func nest(pieces []piece) error {
	depth, loops := 0, 0
	for _, p := range pieces {
		if p.kind != tagPiece {
			continue
		}
		name, _, _ := strings.Cut(p.inner, " ")
		switch {
		case strings.HasPrefix(name, "end"):
			depth--
			if name == "endfor" {
				loops--
			}
		case opens[name]:
			depth++
			if name == "for" {
				loops++
			}
		}
		if depth > maxNest || loops > maxLoops {
			return bad(p.line, "template.too_deep")
		}
	}
	return nil
}

var opens = map[string]bool{"if": true, "for": true, "with": true, "ifequal": true, "ifnotequal": true}
