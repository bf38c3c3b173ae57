// SPDX-License-Identifier: AGPL-3.0-or-later

package template

import (
	"bytes"
	_ "embed"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"consend/internal/ground/fault"
)

// layout is the one layout of Markdown: a column of 600 pixels, tables for Outlook, dark where the reader's program is.
//
//go:embed layout.html
var layout string

var markdown = goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Table)) // raw HTML is left out

// A tag stands in Markdown as a word that no Markdown changes.
const tagMark = "xCnSdTag"

var (
	tagWord   = regexp.MustCompile(tagMark + `(\d+)Z`)
	alone     = regexp.MustCompile(`<p>\s*(` + tagMark + `\d+Z)\s*</p>`)
	button    = regexp.MustCompile(`<p><a href="([^"]*)" title="button">(.*?)</a></p>`)
	colourful = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// typeset turns Markdown with tags in it into HTML with the same tags in it, in the layout.
func typeset(pieces []piece, look Look, id Identity) ([]piece, error) {
	var src strings.Builder
	for i, p := range pieces {
		if p.kind == plainPiece {
			src.WriteString(strings.ReplaceAll(p.text, tagMark, ""))
		} else {
			src.WriteString(tagMark + strconv.Itoa(i) + "Z")
		}
	}
	var b bytes.Buffer
	if err := markdown.Convert([]byte(src.String()), &b); err != nil {
		return nil, fault.New(fault.Invalid, "template.html").At("body").Because(err)
	}
	body := alone.ReplaceAllString(b.String(), "$1")
	colour := look.Colour
	if !colourful.MatchString(colour) {
		colour = "#1f4e79"
	}
	body = button.ReplaceAllString(body, `<table role="presentation" cellpadding="0" cellspacing="0" border="0" class="c-button"><tr><td style="background:`+
		colour+`;border-radius:6px;padding:12px 24px"><a href="$1" style="color:`+readable(colour)+`;font-weight:bold;text-decoration:none">$2</a></td></tr></table>`)
	head := `<span class="c-name">` + escape(id.Name) + `</span>`
	if strings.HasPrefix(look.Logo, "https://") {
		alt := look.LogoAlt
		if alt == "" {
			alt = id.Name
		}
		head = `<img src="` + escape(look.Logo) + `" alt="` + escape(alt) + `" height="48" style="height:48px;width:auto;border:0">`
	}
	lang := id.Language
	if lang == "" {
		lang = "en"
	}
	whole := strings.NewReplacer("[[LANG]]", escape(lang), "[[COLOUR]]", colour, "[[HEAD]]", head, "[[BODY]]", body).Replace(layout)
	var out []piece
	for {
		m := tagWord.FindStringSubmatchIndex(whole)
		if m == nil {
			break
		}
		i, err := strconv.Atoi(whole[m[2]:m[3]])
		if err != nil || i >= len(pieces) || pieces[i].kind == plainPiece {
			return nil, fault.New(fault.Invalid, "template.html").At("body")
		}
		out = append(out, piece{text: tagless(whole[:m[0]])}, pieces[i])
		whole = whole[m[1]:]
	}
	return append(out, piece{text: tagless(whole)}), nil
}

// tagless writes a brace that would begin a tag as HTML writes it: what Markdown's escapes, a name or an address make look
// like one was not scanned, so nothing bounds it.
func tagless(s string) string {
	var b strings.Builder
	from := 0
	for i := range len(s) {
		if s[i] == '{' && (i+1 == len(s) || strings.IndexByte("{%#", s[i+1]) >= 0) {
			b.WriteString(s[from:i] + "&#123;")
			from = i + 1
		}
	}
	return b.String() + s[from:]
}

// readable gives black or white, whichever is read better on a colour (WCAG 1.4.3: the larger contrast).
func readable(colour string) string {
	n, _ := strconv.ParseUint(colour[1:], 16, 32)
	r, g, b := float64(n>>16)/255, float64(n>>8&255)/255, float64(n&255)/255
	if 0.2126*r*r+0.7152*g*g+0.0722*b*b > 0.18 {
		return "#000000"
	}
	return "#ffffff"
}
