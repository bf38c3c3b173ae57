// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"strconv"
	"strings"

	"github.com/k3a/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
)

// A mark stands for a variable, or for a part of ours, while the body is HTML. Sources and values that hold one are changed.
const (
	markHead = "xCnSdMark"
	markTail = "Z"

	markUnsubscribe = 900001 // the footer's own links …
	markPreferences = 900002
	markPrivacy     = 900003
	markPre         = 900004 // … and the parts before the body
	markOpening     = 900005
)

func mark(n int) string { return markHead + strconv.Itoa(n) + markTail }

// The footer and what is in it begin from nothing (all: initial) and say what they look like, as inline !important, which
// no style sheet outranks (CSS Cascade 5, 6.4); what older mailboxes need is said twice. html and body get every property
// that would hide their children. The author's part is in a box of its own that clips it, so that it can't be moved over
// the footer.
const (
	around = "display:block!important;position:static!important;margin:0!important;width:auto!important;visibility:visible!important;opacity:1!important;overflow:visible!important;" +
		"height:auto!important;max-height:none!important;max-width:none!important;min-width:0!important;transform:none!important;scale:none!important;" +
		"rotate:none!important;translate:none!important;\nclip:auto!important;clip-path:none!important;filter:none!important;mask:none!important;zoom:1!important;" +
		"content-visibility:visible!important;mix-blend-mode:normal!important;animation:none!important;transition:none!important;float:none!important;" +
		"columns:auto!important;contain:none!important"
	boxed = "display:block!important;overflow:hidden!important;position:relative!important;z-index:0!important;margin:0!important;" +
		"float:none!important;height:auto!important;transform:translateZ(0)"
	seen   = "visibility:visible!important;opacity:1!important;font:13px/1.6 Arial,sans-serif!important;"
	footer = "all:initial!important;display:block!important;" + seen + "position:relative!important;z-index:2147483647!important;clear:both!important;" +
		"height:auto!important;max-height:none!important;overflow:visible!important;transform:none!important;clip-path:none!important;" +
		"color:#374151!important;background:#f3f4f6!important;padding:20px 16px!important;text-align:center!important"
	para = "all:initial!important;display:block!important;" + seen + "color:#374151!important;margin:0 0 8px!important;text-align:center!important"
	link = "all:initial!important;display:inline!important;" + seen + "color:#1f2937!important;text-decoration:underline!important;cursor:pointer!important"

	opening = "all:initial!important;display:block!important;" + seen + "position:relative!important;z-index:2147483647!important;clear:both!important;" +
		"height:auto!important;max-height:none!important;overflow:visible!important;transform:none!important;clip-path:none!important;" +
		"color:#1f2937!important;background:#fef9c3!important;padding:12px 16px!important;text-align:left!important"
	line1 = "all:initial!important;display:block!important;" + seen + "color:#1f2937!important;margin:0 0 6px!important;text-align:left!important"

	footerID = "consend-footer"
	boxID    = "consend-body"
)

// place parses a body, takes out what no mail may hold, puts the footer behind it, and checks that it is there.
// vs are the variables whose marks stand in the body; nil when it is rendered already.
func place(body string, id Identity, vs []variable) (htmlFill, textFill filled, err error) {
	if vs == nil {
		body = strings.ReplaceAll(body, markHead, "") // a value can't pose as a mark
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "template.html").At("body").Because(err)
	}
	root := find(doc, atom.Html)
	b := find(root, atom.Body)
	if b == nil {
		return nil, nil, fault.New(fault.Invalid, "template.no_body").At("body")
	}
	c := cleaner{}
	c.clean(doc)
	if c.err != nil {
		return nil, nil, c.err
	}
	balance(doc)
	var plain strings.Builder
	for n := b.FirstChild; n != nil; n = n.NextSibling {
		if err := html.Render(&plain, n); err != nil {
			return nil, nil, fault.New(fault.Invalid, "template.html").At("body").Because(err)
		}
	}
	box(b)
	for _, n := range []*html.Node{root, b} {
		setStyle(n, around)
	}
	if err := prepend(doc, b); err != nil {
		return nil, nil, err
	}
	if attr(root, "lang") == "" && id.Language != "" {
		root.Attr = append(root.Attr, html.Attribute{Key: "lang", Val: id.Language})
	}
	foot, err := html.ParseFragment(strings.NewReader(footerHTML(id)), b)
	if err != nil || len(foot) != 1 {
		return nil, nil, fault.New(fault.Internal, "template.footer").Because(err)
	}
	b.AppendChild(foot[0])
	var out strings.Builder
	out.Grow(len(body) + 8000)
	if doc.FirstChild == nil || doc.FirstChild.Type != html.DoctypeNode {
		out.WriteString("<!DOCTYPE html>")
	}
	if err := html.Render(&out, doc); err != nil {
		return nil, nil, fault.New(fault.Invalid, "template.html").At("body").Because(err)
	}
	if err := verify(out.String(), id); err != nil {
		return nil, nil, err
	}
	if htmlFill, err = split(out.String(), vs, asHTML, c.urls, c.css, id); err != nil {
		return nil, nil, err
	}
	text := tidy(html2text.HTML2TextWithOptions(plain.String(), html2text.WithUnixLineBreaks(), html2text.WithLinksInnerText(), html2text.WithListSupport()))
	textFill, err = split(mark(markOpening)+text+"\n"+footerText(id), vs, asText, nil, nil, id)
	return htmlFill, textFill, err
}

// box puts the author's part into an element of its own.
func box(body *html.Node) {
	div := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div, Attr: []html.Attribute{{Key: "id", Val: boxID}, {Key: "style", Val: boxed}}}
	for n := body.FirstChild; n != nil; n = body.FirstChild {
		body.RemoveChild(n)
		div.AppendChild(n)
	}
	body.AppendChild(div)
}

// prepend puts the marks of preheader and opening before the body, and a charset where none is.
func prepend(doc, body *html.Node) error {
	body.InsertBefore(&html.Node{Type: html.TextNode, Data: mark(markPre) + mark(markOpening)}, body.FirstChild)
	if head := find(doc, atom.Head); head != nil {
		has := false
		for n := head.FirstChild; n != nil; n = n.NextSibling {
			if n.DataAtom == atom.Meta && (attr(n, "charset") != "" || strings.EqualFold(attr(n, "http-equiv"), "content-type")) {
				has = true
			}
		}
		if !has {
			head.InsertBefore(&html.Node{Type: html.ElementNode, Data: "meta", DataAtom: atom.Meta, Attr: []html.Attribute{{Key: "charset", Val: "utf-8"}}}, head.FirstChild)
		}
	}
	return nil
}

func footerWords(id Identity) locale.Printer { return locale.For(id.Language, nil) }

// lines joins the lines of a postal address.
func lines(s, with string) string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, with)
}

func footerHTML(id Identity) string {
	p := footerWords(id)
	a := func(to int, key string) string {
		return `<a href="` + mark(to) + `" style="` + link + `">` + escape(p.T(key)) + `</a>`
	}
	who := escape(id.Name) + " | " + escape(lines(id.Postal, ", "))
	if id.Contact != "" {
		who += " | " + escape(id.Contact)
	}
	return `<div id="` + footerID + `" style="` + footer + "\">\n<p style=\"" + para + `">` + who + "</p>\n<p style=\"" + para + "\">\n" +
		a(markUnsubscribe, "template.footer.unsubscribe") + " |\n" + a(markPreferences, "template.footer.preferences") + " |\n" +
		a(markPrivacy, "template.footer.privacy") + `</p></div>`
}

func footerText(id Identity) string {
	p := footerWords(id)
	var b strings.Builder
	b.WriteString("\n________\n" + id.Name + "\n" + lines(id.Postal, "\n") + "\n")
	if id.Contact != "" {
		b.WriteString(id.Contact + "\n")
	}
	for _, l := range []struct {
		key string
		n   int
	}{{"template.footer.unsubscribe", markUnsubscribe}, {"template.footer.preferences", markPreferences}, {"template.footer.privacy", markPrivacy}} {
		b.WriteString(p.T(l.key) + ": " + mark(l.n) + "\n")
	}
	return b.String()
}

// verify reads a message as a mailbox would and finds the footer: once, child of body, with its style and its words.
func verify(out string, id Identity) error {
	fail := func(why string) error {
		return fault.New(fault.Invalid, "template.footer").At("body").Because(fault.New(fault.Internal, why))
	}
	doc, err := html.Parse(strings.NewReader(out))
	if err != nil {
		return fail("unreadable")
	}
	var found []*html.Node
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && attr(n, "id") == footerID {
			found = append(found, n)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if len(found) != 1 {
		return fail("not once")
	}
	f := found[0]
	body := f.Parent
	switch {
	case body == nil || body.DataAtom != atom.Body || body.Parent == nil || body.Parent.DataAtom != atom.Html:
		return fail("not in the body")
	case f.DataAtom != atom.Div || attr(f, "style") != footer || len(f.Attr) != 2:
		return fail("its style")
	case !strings.HasSuffix(attr(body, "style"), around) || !strings.HasSuffix(attr(body.Parent, "style"), around):
		return fail("around it")
	}
	if first := body.FirstChild; first == nil || first.Type != html.TextNode || !strings.HasPrefix(first.Data, mark(markPre)+mark(markOpening)) {
		return fail("the opening is not first")
	}
	var b strings.Builder
	if err := html.Render(&b, f); err != nil {
		return fail("unwritable")
	}
	if b.String() != footerHTML(id) {
		return fail("its words")
	}
	return nil
}

// split cuts a text at its marks.
func split(s string, vs []variable, how as, urls, css map[int]bool, id Identity) (filled, error) {
	var out filled
	for {
		i := strings.Index(s, markHead)
		if i < 0 {
			break
		}
		rest := s[i+len(markHead):]
		j := strings.Index(rest, markTail)
		n, err := strconv.Atoi(rest[:max(j, 0)])
		if err != nil {
			return nil, fault.New(fault.Invalid, "template.var_place").At("body")
		}
		sl := slot{text: s[:i], as: how}
		s = rest[j+1:]
		switch {
		case n == markPre:
			sl.as = asPre
		case n == markOpening:
			sl.as, sl.html, sl.id = asOpening, how == asHTML, id
		case n == markUnsubscribe:
			sl.v = variable{set: true, root: rootLink, name: "unsubscribe"}
		case n == markPreferences:
			sl.v = variable{set: true, root: rootLink, name: "preferences"}
		case n == markPrivacy:
			sl.v = variable{set: true, root: rootLink, name: "privacy"}
		case n < len(vs):
			sl.v = vs[n]
			if urls[n] {
				sl.as = asURL
			} else if css[n] {
				sl.as = asCSS
			}
		default:
			return nil, fault.New(fault.Invalid, "template.var_place").At("body")
		}
		out = append(out, sl)
	}
	return append(out, slot{text: s}), nil
}

// appendPreheader hides the line that lists show; the filler keeps them from going on into the body.
func appendPreheader(b []byte, pre string) []byte {
	if pre == "" {
		return b
	}
	b = append(b, `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;font-size:1px;line-height:1px;color:transparent">`...)
	b = appendEscaped(b, pre)
	for range 30 {
		b = append(b, "&#847;&zwnj;&nbsp;"...)
	}
	return append(b, "</div>"...)
}

// appendOpening says why the person gets this and where their address comes from, with the way out, before anything else
// (kind.md, grade D; GDPR 14(3)(b)). It stands before the author's box, and looks as the footer does: no style of theirs reaches it.
func appendOpening(b []byte, p *Person, id Identity, asHTML bool) []byte {
	o := &p.Opening
	if !o.says() {
		return b
	}
	leave := footerWords(id).T("template.footer.unsubscribe")
	lines := o.Told
	if o.Why != "" {
		lines = append([]string{o.Why}, lines...)
	}
	if !asHTML {
		for _, l := range lines {
			b = append(append(b, l...), '\n')
		}
		if o.Link != "" {
			b = append(b, o.Note+": "+o.Link+"\n"...)
		}
		b = append(b, leave+": "...)
		b = append(b, p.Links.Unsubscribe...)
		return append(b, "\n\n"...)
	}
	b = append(b, `<div style="`+opening+`">`...)
	for _, l := range lines {
		b = append(b, `<p style="`+line1+`">`...)
		b = appendEscaped(b, l)
		b = append(b, "</p>"...)
	}
	b = append(b, `<p style="`+line1+`">`...)
	if o.Link != "" {
		b = appendLink(b, o.Link, o.Note)
		b = append(b, " | "...)
	}
	b = appendLink(b, p.Links.Unsubscribe, leave)
	return append(b, "</p></div>"...)
}

func appendLink(b []byte, to, text string) []byte {
	b = append(b, `<a href="`...)
	b = appendEscaped(b, to)
	b = append(b, `" style="`+link+`">`...)
	b = appendEscaped(b, text)
	return append(b, "</a>"...)
}

// tidy ends lines cleanly and leaves at most one empty line between paragraphs.
func tidy(s string) string {
	var out []string
	empty := true
	for _, l := range strings.Split(s, "\n") {
		l = strings.TrimSpace(l)
		if l == "" && empty {
			continue
		}
		empty = l == ""
		out = append(out, l)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
}

func find(n *html.Node, a atom.Atom) *html.Node {
	if n == nil {
		return nil
	}
	if n.Type == html.ElementNode && n.DataAtom == a {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if f := find(c, a); f != nil {
			return f
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// setStyle ends an element's style with ours.
func setStyle(n *html.Node, css string) {
	for i, a := range n.Attr {
		if a.Key == "style" {
			if s := strings.TrimRight(strings.TrimSpace(a.Val), ";"); s != "" {
				css = s + ";" + css
			}
			n.Attr[i].Val = css
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: "style", Val: css})
}
