// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Finding is one thing an author should know before sending.
type Finding struct {
	Key    string // words in the catalogue: template.check.…
	Detail string // an address, a name of a value, a number: never of a person
	Stops  bool   // there is no sending while it stands
}

// ClipSize is where the largest mailbox provider cuts a message off, with what stands at its end.
const ClipSize = 102 << 10

// Check looks at a rendered message as its author should: links, pictures, size, values that don't exist. known are
// the names of the contact's values, in upper case.
func (t *Template) Check(m Message, known map[string]bool) []Finding {
	var out []Finding
	add := func(key, detail string) { out = append(out, Finding{Key: "template.check." + key, Detail: detail}) }
	for _, n := range t.names {
		if !known[n] {
			add("unknown_value", n)
		}
	}
	if strings.TrimSpace(m.Subject) == "" {
		out = append(out, Finding{Key: "template.check.no_subject", Stops: true})
	}
	if len(m.HTML) > ClipSize {
		add("clipped", "")
	}
	doc, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		return out
	}
	images, worded := 0, 0
	seen := map[string]bool{}
	once := func(key, detail string) {
		if len(detail) > 120 {
			detail = detail[:120] + "…"
		}
		if !seen[key+detail] {
			seen[key+detail] = true
			add(key, detail)
		}
	}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if attr(n, "id") == footerID {
			return
		}
		switch {
		case n.Type == html.TextNode:
			worded += len(strings.TrimSpace(n.Data))
		case n.DataAtom == atom.Style:
			return
		case n.DataAtom == atom.Img:
			images++
			has := false
			for _, a := range n.Attr {
				has = has || a.Key == "alt"
			}
			if !has {
				once("no_alt", attr(n, "src"))
			}
			if strings.HasPrefix(attr(n, "src"), "http://") {
				once("plain_http", attr(n, "src"))
			}
		case n.DataAtom == atom.A:
			href := attr(n, "href")
			switch u, err := url.Parse(href); {
			case href == "" || href == "#":
				once("empty_link", strings.TrimSpace(textIn(n)))
			case err != nil || (u.Scheme == "http" || u.Scheme == "https") && !strings.Contains(u.Host, ".") && u.Hostname() != "localhost" && u.Hostname() != "":
				once("bad_link", href)
			case u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1":
				once("plain_http", href)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if images > 0 && worded < 100 {
		add("only_images", "")
	}
	return out
}

func textIn(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}
