// SPDX-License-Identifier: AGPL-3.0-or-later

package transactional

import (
	"encoding/hex"
	"html"
	"strings"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/team/account"
)

// Letter shows how a draft looks to its reader: for a preview, and for tests. Sending it is the sender's.
func Letter(r store.Reader, d compose.Draft) (compose.Letter, error) {
	a, err := account.Get(r)
	if err != nil {
		return compose.Letter{}, err
	}
	return letterOf(d, a), nil
}

// letterOf gives a draft its one layout: the words in order, the account's name and colour, and
// below them who writes and why (GDPR 12, 13; the identity every business letter owes). There is
// no picture, no counted link and no link to unsubscribe but where a draft names one: service mail is no advertising.
// From, To, date and Message-ID are left to the caller.
func letterOf(d compose.Draft, a account.Account) compose.Letter {
	lang := d.Language
	if !locale.Known(lang) {
		lang = a.Language
	}
	p := locale.For(lang, a.Location())
	why := d.Why
	if why == "" {
		why = p.T("transactional.why."+d.Class, "account", a.Name)
	}
	lines := a.Lines(p.Lang)
	return compose.Letter{Subject: d.Subject, Text: text(d, why, lines), HTML: page(d, p, a, why, lines), Service: true, Unsubscribe: oneClick(d.Leave), Language: p.Lang, Attached: d.Attached}
}

// oneClick is the address of the one-click no, where there is one that mail may name (RFC 8058 3.1).
func oneClick(url string) string {
	for _, p := range []string{"https://", "http://localhost", "http://127.0.0.1"} {
		if strings.HasPrefix(url, p) {
			return url
		}
	}
	return ""
}

// text is the plain part: nothing is said in the other that isn't said here.
func text(d compose.Draft, why string, lines []string) string {
	var b strings.Builder
	for _, k := range d.Blocks {
		switch k.Kind {
		case compose.Heading:
			b.WriteString(k.Text + "\n" + strings.Repeat("=", min(len([]rune(k.Text)), 60)) + "\n\n")
		case compose.Button:
			b.WriteString(k.Text + ":\n" + k.URL + "\n\n")
		case compose.Code:
			b.WriteString("    " + strings.ReplaceAll(k.Text, "\n", "\n    ") + "\n\n")
		default:
			b.WriteString(k.Text)
			if k.URL != "" {
				b.WriteString("\n" + k.URL)
			}
			b.WriteString("\n\n")
		}
	}
	b.WriteString("-- \n" + why + "\n\n" + strings.Join(lines, "\n") + "\n")
	return b.String()
}

const (
	ownColour = "#0f766e"
	font      = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
)

// page is the HTML part: one column of at most 560 px that also fits 320, styles where mail
// readers keep them, colours that read in both themes.
func page(d compose.Draft, p locale.Printer, a account.Account, why string, lines []string) string {
	colour := a.Colour
	if _, ok := rgb(colour); !ok {
		colour = ownColour
	}
	var b strings.Builder
	e := html.EscapeString
	b.WriteString(`<!DOCTYPE html><html lang="` + p.Lang + `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` +
		`<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>` + e(d.Subject) + `</title><style>` +
		`@media (prefers-color-scheme:dark){.bg{background:#15191a!important}.card{background:#1f2527!important}.ink{color:#e8ecec!important}.soft{color:#a9b4b5!important}.line{border-color:#374041!important}.code{background:#2a3133!important}}` +
		`@media (max-width:480px){.pad{padding:24px 20px!important}.btn a{display:block!important;text-align:center!important}}` +
		`</style></head><body class="bg" style="margin:0;padding:0;background:#f1f4f4">`)
	if d.Preview != "" {
		b.WriteString(`<div style="display:none;max-height:0;overflow:hidden">` + e(d.Preview) + strings.Repeat(" &#8199;&#65279;&#847;", 20) + `</div>`)
	}
	b.WriteString(`<table role="presentation" width="100%" cellspacing="0" cellpadding="0" border="0" class="bg" style="background:#f1f4f4"><tr><td align="center" style="padding:24px 12px">` +
		`<table role="presentation" width="100%" cellspacing="0" cellpadding="0" border="0" style="max-width:560px">` +
		`<tr><td style="` + font + `;font-size:16px;font-weight:600;padding:0 4px 12px"><span class="ink" style="color:#1b2324">` + e(a.Name) + `</span></td></tr>` +
		`<tr><td class="card pad" style="background:#ffffff;border-top:4px solid ` + colour + `;border-radius:8px;padding:32px 36px">`)
	for i, k := range d.Blocks {
		b.WriteString(block(k, i == 0, colour))
	}
	b.WriteString(`</td></tr><tr><td class="soft" style="` + font + `;font-size:13px;line-height:1.5;color:#5b6768;padding:20px 4px">` +
		`<p style="margin:0 0 12px">` + e(why) + `</p><p style="margin:0">`)
	for i, l := range lines {
		if i > 0 {
			b.WriteString("<br>")
		}
		b.WriteString(e(l))
	}
	b.WriteString(`</p></td></tr></table></td></tr></table></body></html>`)
	return b.String()
}

func block(k compose.Block, first bool, colour string) string {
	e := html.EscapeString
	words := strings.ReplaceAll(e(k.Text), "\n", "<br>")
	top := "24px"
	if first {
		top = "0"
	}
	switch k.Kind {
	case compose.Heading:
		return `<h1 class="ink" style="` + font + `;font-size:22px;line-height:1.3;font-weight:700;color:#1b2324;margin:` + top + ` 0 14px">` + words + `</h1>`
	case compose.Button:
		return `<table role="presentation" cellspacing="0" cellpadding="0" border="0" style="margin:8px 0 14px"><tr><td class="btn" bgcolor="` + colour + `" style="border-radius:6px;background:` + colour + `">` +
			`<a href="` + e(k.URL) + `" style="` + font + `;font-size:16px;font-weight:600;line-height:1.2;color:` + ink(colour) + `;text-decoration:none;display:inline-block;padding:14px 24px">` + words + `</a></td></tr></table>` +
			`<p class="soft" style="` + font + `;font-size:12px;line-height:1.5;color:#5b6768;margin:0 0 16px;word-break:break-all">` + e(k.URL) + `</p>`
	case compose.Small:
		s := `<p class="soft" style="` + font + `;font-size:13px;line-height:1.5;color:#5b6768;margin:0 0 12px">` + words
		if k.URL != "" {
			s += ` <a class="soft" href="` + e(k.URL) + `" style="color:#5b6768;word-break:break-all">` + e(k.URL) + `</a>`
		}
		return s + `</p>`
	case compose.Code:
		return `<p class="code ink" style="font-family:ui-monospace,Consolas,monospace;font-size:15px;line-height:1.5;color:#1b2324;background:#eef2f2;border-radius:6px;padding:12px 16px;margin:0 0 16px;word-break:break-all;white-space:pre-wrap">` + e(k.Text) + `</p>`
	}
	s := `<p class="ink" style="` + font + `;font-size:16px;line-height:1.55;color:#1b2324;margin:0 0 16px">` + words
	if k.URL != "" {
		s += `<br><a href="` + e(k.URL) + `" style="color:` + colour + `;word-break:break-all">` + e(k.URL) + `</a>`
	}
	return s + `</p>`
}

func rgb(s string) ([3]float64, bool) {
	var c [3]float64
	b, err := hex.DecodeString(strings.TrimPrefix(s, "#"))
	if err != nil || len(b) != 3 || !strings.HasPrefix(s, "#") {
		return c, false
	}
	for i := range c {
		c[i] = float64(b[i]) / 255
	}
	return c, true
}

// ink is white or nearly black, whichever reads on a colour (WCAG 2.2: by relative luminance,
// with 2.2 standing for its curve).
func ink(colour string) string {
	c, _ := rgb(colour)
	square := func(v float64) float64 { return v * v * (0.8 + 0.2*v) } // within 2 % of the curve where it matters
	l := 0.2126*square(c[0]) + 0.7152*square(c[1]) + 0.0722*square(c[2])
	if 1.05/(l+0.05) >= (l+0.05)/0.055 {
		return "#ffffff"
	}
	return "#101415"
}
