// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"fmt"
	"strconv"
	"strings"
)

// dialect is one of the two databases.
type dialect int

const (
	sqlite dialect = iota
	postgres
)

func (d dialect) String() string {
	if d == postgres {
		return "postgres"
	}
	return "sqlite"
}

// What an argument position of a rendered statement is filled with: the index of the
// caller's argument, or one of these.
const (
	argAccount = -1
	argNow     = -2
)

type argument struct {
	from int  // caller's index, argAccount or argNow
	list byte // 0, '*' (int64 or string) or '#' (bytes)
}

// compiled is a statement rendered for one database, with what the checks found.
type compiled struct {
	q       *Query
	name    string
	sql     string
	args    []argument
	given   int      // how many arguments the caller gives
	names   []string // tables of the store it names
	tables  []string // those of them that are an account's
	changes []string // tables it updates or deletes from, for append-only tables
	deletes []string
}

var types = map[dialect]*strings.Replacer{
	sqlite:   strings.NewReplacer("{text}", "TEXT", "{bytes}", "BLOB", "{json}", "TEXT", "{bool}", "INTEGER", "{roomy}", "", "{binary}", "COLLATE BINARY"),
	postgres: strings.NewReplacer("{text}", `TEXT COLLATE "C"`, "{bytes}", "BYTEA", "{json}", "JSONB", "{bool}", "BOOLEAN", "{roomy}", "WITH (fillfactor = 60)", "{binary}", `COLLATE "C"`),
}

type token struct {
	kind byte // 'i' identifier, 's' string, 'n' number, 'p' punctuation, '?' argument, ':' named, 'w' white
	text string
}

// compile renders q for a database and checks its scope against the account tables.
func compile(q *Query, d dialect, account map[string]bool) (*compiled, error) {
	text, err := chosen(q.text, d)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", q.name, err)
	}
	tokens, err := tokenize(text)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", q.name, err)
	}
	c := &compiled{q: q, name: q.name}
	c.render(tokens, d)
	if err := c.check(words(tokens), account); err != nil {
		return nil, fmt.Errorf("store: %s: %w", q.name, err)
	}
	return c, nil
}

// chosen leaves of each {sqlite:…}{postgres:…} what is the database's own.
func chosen(text string, d dialect) (string, error) {
	for _, of := range []dialect{sqlite, postgres} {
		head := "{" + of.String() + ":"
		for {
			from := strings.Index(text, head)
			if from < 0 {
				break
			}
			to, depth := from+len(head), 1
			for ; to < len(text) && depth > 0; to++ {
				switch text[to] {
				case '{':
					depth++
				case '}':
					depth--
				}
			}
			if depth > 0 {
				return "", fmt.Errorf("%s is never closed", head)
			}
			own := ""
			if of == d {
				own = text[from+len(head) : to-1]
			}
			text = text[:from] + own + text[to:]
		}
	}
	return text, nil
}

func tokenize(text string) ([]token, error) {
	var out []token
	for i := 0; i < len(text); {
		start := i
		ch := text[i]
		switch {
		case ch == ' ' || ch == '\n' || ch == '\t' || ch == '\r':
			for i < len(text) && strings.IndexByte(" \n\t\r", text[i]) >= 0 {
				i++
			}
			out = append(out, token{'w', " "})
		case strings.HasPrefix(text[i:], "--"):
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case ch == '\'' || ch == '"':
			i++
			for {
				n := strings.IndexByte(text[i:], ch)
				if n < 0 {
					return nil, fmt.Errorf("a quote is never closed")
				}
				i += n + 1
				if i >= len(text) || text[i] != ch {
					break
				}
				i++
			}
			kind := byte('s')
			if ch == '"' {
				kind = 'i'
			}
			out = append(out, token{kind, text[start:i]})
		case ch == '?':
			i++
			if i < len(text) && (text[i] == '*' || text[i] == '#') {
				i++
			}
			out = append(out, token{'?', text[start:i]})
		case ch == ':' && i+1 < len(text) && letter(text[i+1]):
			for i++; i < len(text) && (letter(text[i]) || digit(text[i])); i++ {
			}
			out = append(out, token{':', text[start+1 : i]})
		case ch == ':' && strings.HasPrefix(text[i:], "::"):
			return nil, fmt.Errorf("write CAST(x AS type), not x::type")
		case ch == '{':
			n := strings.IndexByte(text[i:], '}')
			if n < 0 {
				return nil, fmt.Errorf("a { is never closed")
			}
			i += n + 1
			out = append(out, token{'p', text[start:i]})
		case letter(ch):
			for i < len(text) && (letter(text[i]) || digit(text[i])) {
				i++
			}
			out = append(out, token{'i', text[start:i]})
		case digit(ch):
			for i < len(text) && (digit(text[i]) || text[i] == '.') {
				i++
			}
			out = append(out, token{'n', text[start:i]})
		default:
			i++
			out = append(out, token{'p', text[start:i]})
		}
	}
	return out, nil
}

func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func digit(c byte) bool { return c >= '0' && c <= '9' }

func (c *compiled) render(tokens []token, d dialect) {
	var b strings.Builder
	place := func() string {
		if d == postgres {
			return "$" + strconv.Itoa(len(c.args))
		}
		return "?"
	}
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.kind {
		case '?':
			a := argument{from: c.given}
			if len(t.text) == 2 {
				a.list = t.text[1]
			}
			c.given++
			c.args = append(c.args, a)
			b.WriteString(place())
		case ':':
			switch strings.ToLower(t.text) {
			case "account":
				c.args = append(c.args, argument{from: argAccount})
				if d == postgres {
					b.WriteString("CAST(" + place() + " AS BIGINT)")
				} else {
					b.WriteString(place())
				}
			case "now":
				c.args = append(c.args, argument{from: argNow})
				if d == postgres {
					b.WriteString("CAST(" + place() + " AS BIGINT)")
				} else {
					b.WriteString(place())
				}
			case "where":
				b.WriteString("true")
			case "lock", "skip", "share":
				of := ""
				if i+3 < len(tokens) && tokens[i+1].text == "(" && tokens[i+3].text == ")" {
					of = " OF " + tokens[i+2].text
					i += 3
				}
				if d == postgres {
					if strings.EqualFold(t.text, "share") {
						b.WriteString("FOR SHARE" + of)
						break
					}
					b.WriteString("FOR UPDATE" + of)
					if strings.EqualFold(t.text, "skip") {
						b.WriteString(" SKIP LOCKED")
					}
				}
			default:
				b.WriteString(":" + t.text)
			}
		case 'i':
			// IN ?* and NOT IN ?*: one argument for any number of values, so one text and one plan.
			if next, n := follow(tokens, i, "IN"); n > 0 && next.kind == '?' && len(next.text) == 2 {
				c.args = append(c.args, argument{from: c.given, list: next.text[1]})
				c.given++
				b.WriteString(inList(d, place(), next.text[1], false))
				i += n
				continue
			}
			if strings.EqualFold(t.text, "NOT") {
				if in, n := follow(tokens, i, "NOT"); n > 0 && strings.EqualFold(in.text, "IN") {
					if next, m := follow(tokens, i+n, "IN"); m > 0 && next.kind == '?' && len(next.text) == 2 {
						c.args = append(c.args, argument{from: c.given, list: next.text[1]})
						c.given++
						b.WriteString(inList(d, place(), next.text[1], true))
						i += n + m
						continue
					}
				}
			}
			b.WriteString(t.text)
		case 'p':
			if t.text[0] == '{' {
				s := types[d].Replace(t.text)
				if d == postgres && t.text == "{text}" {
					s = "TEXT"
				}
				b.WriteString(s)
			} else {
				b.WriteString(t.text)
			}
		default:
			b.WriteString(t.text)
		}
	}
	c.sql = strings.TrimSpace(b.String())
}

// follow gives the token after the word at i, skipping white space, and its distance.
func follow(tokens []token, i int, word string) (token, int) {
	if !strings.EqualFold(tokens[i].text, word) {
		return token{}, 0
	}
	for j := i + 1; j < len(tokens); j++ {
		if tokens[j].kind != 'w' {
			return tokens[j], j - i
		}
	}
	return token{}, 0
}

func inList(d dialect, place string, list byte, not bool) string {
	switch {
	case d == postgres && not:
		return "<> ALL(" + place + ")"
	case d == postgres:
		return "= ANY(" + place + ")"
	}
	op, value := "IN", "value"
	if not {
		op = "NOT IN"
	}
	if list == '#' {
		value = "unhex(value)"
	}
	return op + " (SELECT " + value + " FROM json_each(" + place + "))"
}

// words are the tokens without white space, identifiers in lower case.
func words(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for _, t := range tokens {
		if t.kind == 'w' {
			continue
		}
		if t.kind == 'i' && t.text[0] != '"' {
			t.text = strings.ToLower(t.text)
		}
		out = append(out, t)
	}
	return out
}
