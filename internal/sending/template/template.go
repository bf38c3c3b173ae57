// SPDX-License-Identifier: AGPL-3.0-or-later

// Package template promises that what an author writes becomes the same message for everybody but for the merge values;
// that it costs bounded time and memory whatever was written; and that the footer which the law asks for — who writes,
// from where, how to leave, what is kept — stands in every message, visible, whatever the author's HTML says (ePrivacy
// 13(2), (4); GDPR 13, 21(4); R04). Where the footer can't be placed there is no message: an error, not a warning.
//
// It leaves to campaign who gets it, to gate whether, and to mail/compose the bytes.
//
// The way of a body:
//
//	source → scan (limits) → Markdown and layout, or HTML as given → parse → clean → footer → check → pieces
//
// A body with variables alone is placed once and filled per person, in microseconds. One with {% if %} or {% for %} is
// run, parsed and placed for each person: a tag may stand anywhere in the HTML, so nothing about the footer can be
// known before it ran.
package template

import (
	"strings"
	"unsafe"

	"github.com/flosch/pongo2/v6"

	"consend/internal/ground/fault"
)

// Kind is how a body is written.
type Kind string

// The kinds of body.
const (
	HTML     Kind = "html"
	Markdown Kind = "markdown"
)

// Source is what an author wrote.
type Source struct {
	Kind      Kind
	Subject   string
	Preheader string // what mailbox lists show after the subject
	Body      string
	Look      Look // of Markdown's layout
	Params    map[string]any
}

// Look is how the layout of Markdown looks.
type Look struct {
	Logo    string // https address of an image; "" writes the name
	LogoAlt string
	Colour  string // of buttons and links, #rrggbb
}

// Identity is who writes, as the footer says it.
type Identity struct {
	Name     string // the controller
	Postal   string // address, lines
	Contact  string // where to write about data; may be empty
	Language string // "en" or "fr": of the footer's words
}

// Links are a person's own ways out. All but Privacy are made for one person.
type Links struct{ Unsubscribe, Preferences, Privacy string }

// Person is whom a message is rendered for. The values are personal: nothing here logs them.
type Person struct {
	Values  map[string]any // of contact.*: names in upper case; texts, numbers, booleans, lists of them
	Links   Links
	Opening Opening
}

// Opening is what a first mail must say before anything else. The zero value says nothing.
type Opening struct {
	Why  string   // "why you get this": one sentence
	Told []string // where the address comes from and what it is for, in whole sentences (GDPR 14)
	Note string   // beside Told: what the link to the privacy note says …
	Link string   // … and where it leads
}

func (o *Opening) says() bool { return o.Why != "" || len(o.Told) > 0 }

// Message is a rendered message. Rendering into it again uses its room again: what it held before is no longer there.
type Message struct {
	Subject string
	HTML    string
	Text    string

	html, text []byte // the room behind the two

	HTMLFill, TextFill []string // of Fill: what stands in the holes of the template's forms
}

// keep makes the two texts from their room without a copy: a campaign makes millions of them.
func (m *Message) keep() {
	m.HTML, m.Text = unsafe.String(unsafe.SliceData(m.html), len(m.html)), unsafe.String(unsafe.SliceData(m.text), len(m.text))
}

// Template is a compiled source. It is safe for concurrent use.
type Template struct {
	src     Source
	id      Identity
	names   []string // contact.* used, upper case
	subject line
	pre     line

	html, text filled           // the fast way
	slow       *pongo2.Template // the slow way: the whole body
	sketch     string           // the body as placed with no values, for the checks
}

// line is a subject or preheader.
type line struct {
	fill filled
	slow *pongo2.Template
}

// Compile reads a source. Its faults say the line where there is one.
func Compile(src Source, id Identity) (*Template, error) {
	if strings.TrimSpace(src.Body) == "" {
		return nil, fault.New(fault.Invalid, "template.empty").At("body")
	}
	t := &Template{src: src, id: id}
	vars := &variables{}
	var err error
	if t.subject, err = t.compileLine(src.Subject, "subject", vars); err != nil {
		return nil, err
	}
	if t.pre, err = t.compileLine(src.Preheader, "preheader", vars); err != nil {
		return nil, err
	}
	pieces, err := scan(src.Body, MaxSource)
	if err != nil {
		return nil, err
	}
	if src.Kind == Markdown {
		if pieces, err = typeset(pieces, src.Look, id); err != nil {
			return nil, err
		}
	}
	fast := true
	for _, p := range pieces {
		if p.kind == tagPiece || p.kind == varPiece && !vars.simple(p) {
			fast = false
		}
	}
	for _, p := range pieces {
		vars.used(p)
	}
	if fast {
		err = t.compileFast(pieces)
	} else {
		err = t.compileSlow(pieces)
	}
	t.names = vars.names()
	return t, err
}

// Uses lists the values of the contact that the source names, in upper case, sorted.
func (t *Template) Uses() []string { return t.names }

// Missing lists the values the source names and a person lacks.
func (t *Template) Missing(p Person) []string {
	var out []string
	for _, n := range t.names {
		if v, ok := p.Values[n]; !ok || v == nil || v == "" {
			out = append(out, n)
		}
	}
	return out
}

func (t *Template) compileLine(src, field string, vars *variables) (line, error) {
	at := func(err error) error {
		var many fault.Many
		for _, f := range fault.All(err) {
			many = append(many, f.At(field))
		}
		return many
	}
	pieces, err := scan(src, MaxLine)
	if err == nil && strings.ContainsAny(src, "\r\n") {
		err = fault.New(fault.Invalid, "template.one_line")
	}
	if err != nil {
		return line{}, at(err)
	}
	fast := true
	for _, p := range pieces {
		vars.used(p)
		if p.kind == tagPiece || p.kind == varPiece && !vars.simple(p) {
			fast = false
		}
	}
	if !fast {
		s, err := compile(joined(pieces), false)
		if err != nil {
			return line{}, at(err)
		}
		return line{slow: s}, nil
	}
	var f filled
	for _, p := range pieces {
		if p.kind == plainPiece {
			f = append(f, slot{text: p.text})
		} else {
			f = append(f, slot{v: parseVariable(p.inner), as: asText})
		}
	}
	return line{fill: f}, nil
}

func (t *Template) line(l line, p *Person) (string, error) {
	s := ""
	if l.slow != nil {
		var err error
		if s, err = run(l.slow, t.context(p), 200); err != nil {
			return "", err
		}
	} else {
		b := make([]byte, 0, 200)
		s = string(l.fill.fill(b, p))
	}
	// A value with a line's end in it would be another header.
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), nil
}

// Render makes a person's message into m, using m's room again.
func (t *Template) Render(m *Message, p Person) (err error) {
	if p.Links.Unsubscribe == "" || p.Links.Preferences == "" || p.Links.Privacy == "" {
		return fault.New(fault.Internal, "template.no_links") // never a message nobody can leave
	}
	if m.Subject, err = t.line(t.subject, &p); err != nil {
		return err
	}
	pre, err := t.line(t.pre, &p)
	if err != nil {
		return err
	}
	if t.slow == nil {
		m.html, m.text = t.html.write(m.html[:0], &p, pre), t.text.write(m.text[:0], &p, pre)
		m.keep()
		return nil
	}
	body, err := run(t.slow, t.context(&p), len(t.src.Body))
	if err != nil {
		return err
	}
	html, text, err := place(body, t.id, nil)
	if err != nil {
		return err
	}
	m.html, m.text = html.write(m.html[:0], &p, pre), text.write(m.text[:0], &p, pre)
	m.keep()
	return nil
}

// Forms gives what is the same for everybody, cut where a person's values stand: the pieces of the HTML and of the text.
// ok is false where the body is run anew for each person; Render is the only way then.
func (t *Template) Forms() (html, text []string, ok bool) {
	if t.slow != nil {
		return nil, nil, false
	}
	return t.html.pieces(), t.text.pieces(), true
}

// Fill is Render for a template that has forms: it makes the subject, and what fills the holes.
func (t *Template) Fill(m *Message, p Person) (err error) {
	if p.Links.Unsubscribe == "" || p.Links.Preferences == "" || p.Links.Privacy == "" {
		return fault.New(fault.Internal, "template.no_links") // never a message nobody can leave
	}
	if m.Subject, err = t.line(t.subject, &p); err != nil {
		return err
	}
	pre, err := t.line(t.pre, &p)
	if err != nil {
		return err
	}
	m.html, m.HTMLFill = t.html.holes(m.html[:0], m.HTMLFill[:0], &p, pre)
	m.text, m.TextFill = t.text.holes(m.text[:0], m.TextFill[:0], &p, pre)
	m.HTML, m.Text = "", ""
	return nil
}

// context is what the slow way sees of a person: maps and scalars, never a type of ours.
func (t *Template) context(p *Person) pongo2.Context {
	contact := make(map[string]any, len(p.Values)+len(t.names))
	for k, v := range p.Values {
		contact[k] = v
		contact[strings.ToLower(k)] = v
	}
	params := t.src.Params
	if params == nil {
		params = map[string]any{}
	}
	return pongo2.Context{"contact": contact, "params": params, "items": params["items"],
		"unsubscribe": p.Links.Unsubscribe, "update_profile": p.Links.Preferences, "preferences": p.Links.Preferences, "privacy": p.Links.Privacy}
}

func (t *Template) compileFast(pieces []piece) error {
	var vs []variable
	var b strings.Builder
	for _, p := range pieces {
		if p.kind == plainPiece {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(mark(len(vs)))
		vs = append(vs, parseVariable(p.inner))
	}
	html, text, err := place(b.String(), t.id, vs)
	if err != nil {
		return err
	}
	t.html, t.text = html, text
	t.sketch = string(html.fillAll(&Person{}, ""))
	return nil
}

func (t *Template) compileSlow(pieces []piece) error {
	s, err := compile(joined(pieces), true)
	if err != nil {
		return err
	}
	t.slow = s
	// Whether it can be placed for nobody in particular tells an author at once; Render asks again for each person.
	body, err := run(s, t.context(&Person{}), len(t.src.Body))
	if err != nil {
		return err
	}
	html, _, err := place(body, t.id, nil)
	if err == nil {
		t.sketch = string(html.fillAll(&Person{}, ""))
	}
	return err
}

func joined(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.text)
	}
	return b.String()
}
