// SPDX-License-Identifier: AGPL-3.0-or-later

package template_test

import (
	"strings"
	"testing"
	"time"

	"consend/internal/mail/compose"
	"consend/internal/sending/template"
)

func tenKB() string {
	return "<h1>Dear {{ contact.FIRSTNAME }}</h1><p>{{ contact.CITY }}, {{ contact.EMAIL }}</p>" + strings.Repeat("<p>The quick brown fox jumps over the lazy dog, and the été was long.</p>\n", 130) + `<p>{{ contact.NAME }} <a href="https://example.com/?c={{ contact.POINTS }}">more</a></p>`
}

func BenchmarkRenderAndCompose(b *testing.B) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "Hello {{ contact.FIRSTNAME }}", Body: tenKB()}, maison)
	if err != nil {
		b.Fatal(err)
	}
	p := ada()
	var m template.Message
	buf := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := tpl.Render(&m, p); err != nil {
			b.Fatal(err)
		}
		l := compose.Letter{From: compose.Mailbox{Name: "Maison", Addr: "a@example.com"}, To: compose.Mailbox{Addr: "b@example.com"}, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
			Date: time.Unix(0, 0), MessageID: "x@example.com", Unsubscribe: links.Unsubscribe}
		if buf, err = compose.Append(buf[:0], &l); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(m.HTML)))
}

func BenchmarkRenderWithATag(b *testing.B) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "Hello", Body: "{% if contact.FIRSTNAME %}" + tenKB() + "{% endif %}"}, maison)
	if err != nil {
		b.Fatal(err)
	}
	p := ada()
	var m template.Message
	b.ReportAllocs()
	for b.Loop() {
		if err := tpl.Render(&m, p); err != nil {
			b.Fatal(err)
		}
	}
}
