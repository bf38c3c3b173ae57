// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"consend/internal/ground/fault"
)

// What a mail may hold. An element that is neither kept nor gone loses its tags and leaves its content.
var (
	kept = names(`html head body title style meta div span p br hr h1 h2 h3 h4 h5 h6 a img table thead tbody tfoot tr td th caption col colgroup
		ul ol li dl dt dd b strong i em u s strike small big sub sup blockquote pre code center font section article header footer main nav aside
		figure figcaption picture source address abbr del ins mark q cite time wbr tt kbd samp var dfn bdi bdo`)
	gone = names(`script noscript noembed noframes iframe frame frameset object embed applet form input button textarea select option optgroup
		plaintext xmp listing template svg math canvas audio video link base dialog details summary marquee portal param track map area keygen`)
	links = names("href src background poster action cite longdesc")
	metas = names("viewport color-scheme supported-color-schemes x-apple-disable-message-reformatting format-detection description")
	drop  = names("srcdoc formaction ping slot is hidden popover inert contenteditable tabindex autofocus accesskey draggable nonce integrity srcset http-equiv")
)

func names(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

type cleaner struct {
	urls, css map[int]bool // variables that are a whole address, and those in a style
	err       error
}

func (c *cleaner) clean(n *html.Node) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		switch child.Type {
		case html.CommentNode:
			if !outlook(child.Data) {
				n.RemoveChild(child)
			}
		case html.ElementNode:
			name := child.Data
			switch {
			case strings.Contains(name, strings.ToLower(markHead)):
				c.fail()
			case gone[name] || child.Namespace != "":
				n.RemoveChild(child)
			case !kept[name]:
				first := child.FirstChild
				for g := first; g != nil; g = child.FirstChild {
					child.RemoveChild(g)
					n.InsertBefore(g, child)
				}
				n.RemoveChild(child)
				if first != nil {
					next = first
				}
			case name == "meta" && !c.meta(child):
				n.RemoveChild(child)
			case name == "style":
				c.attributes(child)
				c.style(child)
			default:
				c.attributes(child)
				c.clean(child)
			}
		case html.DoctypeNode:
			child.Data, child.Attr = "html", nil // one doctype: quirks mode has other cascades
		}
		child = next
	}
}

func (c *cleaner) fail() {
	if c.err == nil {
		c.err = fault.New(fault.Invalid, "template.var_place").At("body")
	}
}

func (c *cleaner) meta(n *html.Node) bool {
	if strings.EqualFold(attr(n, "http-equiv"), "content-type") || attr(n, "charset") != "" {
		n.Attr = []html.Attribute{{Key: "charset", Val: "utf-8"}}
		return true
	}
	return metas[strings.ToLower(attr(n, "name"))] && attr(n, "http-equiv") == ""
}

func (c *cleaner) attributes(n *html.Node) {
	out := n.Attr[:0]
	for _, a := range n.Attr {
		switch {
		case strings.Contains(a.Key, strings.ToLower(markHead)):
			c.fail()
			continue
		case a.Namespace != "" || drop[a.Key] || strings.HasPrefix(a.Key, "on") || !nameOK(a.Key):
			continue
		case (a.Key == "id" || a.Key == "class" || a.Key == "name") && strings.Contains(strings.ToLower(a.Val), "consend-"):
			continue
		case a.Key == "style":
			a.Val = styleOf(a.Val)
			for _, m := range marks(a.Val) {
				c.note(&c.css, m)
			}
		case links[a.Key]:
			if strings.HasPrefix(a.Val, markHead) {
				c.note(&c.urls, marks(a.Val)[0])
			} else if v := strings.TrimSpace(a.Val); harmless(v) != v {
				a.Val = "#"
			}
		}
		out = append(out, a)
	}
	n.Attr = out
}

func nameOK(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != ':' {
			return false
		}
	}
	return s != ""
}

func (c *cleaner) note(m *map[int]bool, n int) {
	if *m == nil {
		*m = map[int]bool{}
	}
	(*m)[n] = true
}

func (c *cleaner) style(n *html.Node) {
	for t := n.FirstChild; t != nil; t = t.NextSibling {
		if strings.Contains(t.Data, markHead) {
			c.fail() // a value could end the rule and begin another
		}
		t.Data = styleOf(t.Data)
	}
}

var (
	cssComment  = regexp.MustCompile(`(?s)/\*.*?(\*/|$)`)
	cssPosition = regexp.MustCompile(`(?i)(^|[^\w-])position\s*:\s*([^;}]*)`)
	cssDanger   = regexp.MustCompile(`(?i)@import[^;]*;?|expression\s*\(|javascript:|behavior\s*:|-moz-binding|<!--|-->|</`)
)

// styleOf takes out of CSS what moves things over others, loads others, or hides itself by escapes and comments.
func styleOf(s string) string {
	s = cssComment.ReplaceAllString(strings.ReplaceAll(s, `\`, ""), "")
	for range 3 { // what is left when one is gone may be another
		t := cssDanger.ReplaceAllString(s, "")
		if t == s {
			break
		}
		s = t
	}
	return cssPosition.ReplaceAllStringFunc(s, func(m string) string {
		p := cssPosition.FindStringSubmatch(m)
		v := strings.TrimSpace(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(p[2])), "!important"))
		if v == "static" || v == "relative" {
			return m
		}
		return p[1] + "position:static"
	})
}

func marks(s string) []int {
	var out []int
	for {
		i := strings.Index(s, markHead)
		if i < 0 {
			return out
		}
		s = s[i+len(markHead):]
		j := strings.Index(s, markTail)
		if j < 0 {
			return out
		}
		if n, err := strconv.Atoi(s[:j]); err == nil {
			out = append(out, n)
		}
	}
}

// Comments that Outlook reads as HTML. One that could hide what follows is dropped like any other comment.
var (
	hides      = regexp.MustCompile(`(?i)display|mso-hide|visibility|opacity|position|text-indent|height\s*:\s*0|font-size\s*:\s*0|<!--|<script|<plaintext|<textarea|<title|<noframes|<select|<xmp|` + markHead)
	wholeBlock = regexp.MustCompile(`(?is)^\[if [^\]>]{1,60}\]>.*<!\[endif\]$`)
	revealed   = regexp.MustCompile(`(?i)^\[if [^\]>]{1,60}\]><!$`)
)

const endRevealed = "<![endif]"

func outlook(comment string) bool {
	c := strings.TrimSpace(comment)
	return wholeBlock.MatchString(c) && !hides.MatchString(c) && strings.Count(c, "<![endif]") == 1 || revealed.MatchString(c) || c == endRevealed
}

// balance drops the comments that begin and end a part for other programs than Outlook, unless each that begins ends.
func balance(doc *html.Node) {
	var all []*html.Node
	open, ok := 0, true
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.CommentNode {
			c := strings.TrimSpace(n.Data)
			switch {
			case revealed.MatchString(c):
				all, open = append(all, n), open+1
			case c == endRevealed:
				all, open = append(all, n), open-1
			}
			if open < 0 || open > 1 {
				ok = false
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if ok && open == 0 {
		return
	}
	for _, n := range all {
		n.Parent.RemoveChild(n)
	}
}
