// SPDX-License-Identifier: AGPL-3.0-or-later

package compose_test

import (
	"bytes"
	"errors"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"

	"consend/internal/mail/compose"
)

func letter() *compose.Letter {
	return &compose.Letter{
		From:    compose.Mailbox{Name: "Café Léon", Addr: "leon@cafe.example"},
		ReplyTo: compose.Mailbox{Addr: "bonjour@cafe.example"},
		To:      compose.Mailbox{Name: `Zoé "Z" Martin`, Addr: "zoe@example.org"},
		Subject: "Crêpes du dimanche : venez goûter nos nouvelles recettes de saison, à partir de dix heures",
		Text:    "Bonjour Zoé,\n\n.dot\nFrom here\n-- \nLéon ",
		HTML:    "<p>Bonjour Zoé, <a href=\"https://cafe.example/?a=1\">voir</a> " + strings.Repeat("une très longue ligne ", 20) + "</p>",
		Date:    time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC), MessageID: "b.abcdef@cafe.example",
		Unsubscribe: "https://news.example/u/aebagbaf", UnsubscribeMail: "leave+aebagbaf@news.example", ListID: "7.1.news.example",
		Feedback: "7:1:consend", Language: "fr",
	}
}

func compileLetter(t testing.TB, l *compose.Letter) []byte {
	t.Helper()
	raw, err := compose.Append(nil, l)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTheSameLetterGivesTheSameBytes(t *testing.T) {
	raw := compileLetter(t, letter())
	const file = "testdata/campaign.eml"
	if os.Getenv("UPDATE") != "" {
		os.MkdirAll("testdata", 0o755)
		os.WriteFile(file, raw, 0o644)
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(raw, want) {
		t.Errorf("%v: the bytes changed; UPDATE=1 writes the new ones\n%s", err, raw)
	}
}

// parts reads a message with a library of others.
func parts(t testing.TB, raw []byte) (message.Header, map[string]string) {
	t.Helper()
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	err = e.Walk(func(_ []int, p *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, _ := p.Header.ContentType()
		if !strings.HasPrefix(kind, "multipart/") {
			b, err := io.ReadAll(p.Body)
			if err != nil {
				return err
			}
			out[kind] = string(b)
			if _, params, err := p.Header.ContentDisposition(); err == nil {
				out["name "+kind] = params["filename"]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.Header, out
}

func TestReadersByOtherHandsSeeWhatWasMeant(t *testing.T) {
	l := letter()
	raw := compileLetter(t, l)
	h, body := parts(t, raw)
	if s, _ := h.Text("Subject"); s != l.Subject {
		t.Errorf("subject %q", s)
	}
	if got := strings.TrimSuffix(strings.ReplaceAll(body["text/plain"], "\r\n", "\n"), "\n"); got != l.Text {
		t.Errorf("text %q", got)
	}
	if got := strings.TrimSuffix(body["text/html"], "\r\n"); got != l.HTML {
		t.Errorf("html %q", got)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || to[0].Name != l.To.Name || to[0].Address != l.To.Addr {
		t.Errorf("to %v %v", to, err)
	}
	if m.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Error("no one-click header")
	}
	for _, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 78 || bytes.HasPrefix(line, []byte(".")) || bytes.HasPrefix(line, []byte("From ")) {
			t.Errorf("line of %d bytes: %q", len(line), line)
		}
		for _, c := range line {
			if c >= 0x80 || c == '\r' || c == '\n' {
				t.Fatalf("byte %x in %q", c, line)
			}
		}
	}
}

func TestAnyTextSurvives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := letter()
		l.Text = rapid.OneOf(rapid.String(), rapid.StringMatching(`([ -~]{0,90}[.F\-= \t]?\n)*`), rapid.StringOf(rapid.SampledFrom([]rune("éa=. \nF-日")))).Draw(rt, "text") + "x"
		l.Text = strings.NewReplacer("\r\n", "\n").Replace(l.Text)
		if strings.Contains(l.Text, "\r") && !strings.Contains(l.Text, "\n") {
			l.Text = strings.ReplaceAll(l.Text, "\r", "")
		}
		subject := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, rapid.String().Draw(rt, "subject"))
		l.Subject = subject
		raw, err := compose.Append(nil, l)
		if err != nil {
			if len(subject) > compose.MaxHeader {
				return
			}
			rt.Fatal(err)
		}
		h, body := parts(t, raw)
		got := strings.ReplaceAll(strings.TrimSuffix(body["text/plain"], "\r\n"), "\r\n", "\n")
		if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(l.Text, "\n") {
			rt.Fatalf("%q became %q", l.Text, got)
		}
		s, err := h.Text("Subject")
		if err != nil || s != subject {
			rt.Fatalf("subject %q became %q (%v)", subject, s, err)
		}
	})
}

func TestAFilledFormIsTheSameLetter(t *testing.T) {
	texts := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("éa=. \t\r\nF-日bc"))), rapid.StringMatching(`([ -~]{0,90}[.F\-= \t]?\n)*`),
		rapid.StringMatching(`([a-z]{1,20}\n){0,4}[a-z]{0,9}`), rapid.Just(strings.Repeat("long ", 300)), rapid.Just("日本語のテキスト"))
	codings := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOfN(texts, 1, 6).Draw(rt, "pieces")
		fill := rapid.SliceOfN(texts, len(pieces)-1, len(pieces)-1).Draw(rt, "fill")
		whole := ""
		for i, p := range pieces {
			whole += p
			if i < len(fill) {
				whole += fill[i]
			}
		}
		l := letter()
		l.Text, l.HTML = whole, whole
		if whole == "" {
			return
		}
		want := compileLetter(t, l)
		l.Text, l.HTML = "", ""
		l.TextForm, l.TextFill = compose.NewForm(pieces), fill
		l.HTMLForm, l.HTMLFill = l.TextForm, fill
		if got := compileLetter(t, l); !bytes.Equal(got, want) {
			rt.Fatalf("%q with %q gives\n%q, not\n%q", pieces, fill, got, want)
		}
		_, after, _ := strings.Cut(string(want), "Content-Transfer-Encoding: ")
		codings[after[:4]]++
	})
	if len(codings) < 3 {
		t.Errorf("not every coding was met: %v", codings)
	}
}

func TestQuotedPrintableAgreesWithTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := strings.ReplaceAll(rapid.StringOf(rapid.SampledFrom([]rune("éa=. \t\nF-日bcdefghijk"))).Draw(rt, "s"), "\r", "")
		q := compose.AppendQuoted(nil, s)
		got, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(q)))
		if err != nil || strings.ReplaceAll(string(got), "\r\n", "\n") != s {
			rt.Fatalf("%q → %q → %q %v", s, q, got, err)
		}
		for _, line := range bytes.Split(q, []byte("\r\n")) {
			if len(line) > 76 {
				rt.Fatalf("line of %d", len(line))
			}
		}
	})
}

func TestNothingCanBeInjectedIntoAHeader(t *testing.T) {
	for name, change := range map[string]func(*compose.Letter){
		"subject":      func(l *compose.Letter) { l.Subject = "a\r\nBcc: x@y.z" },
		"name":         func(l *compose.Letter) { l.To.Name = "a\nBcc: x@y.z" },
		"address":      func(l *compose.Letter) { l.To.Addr = "a@b.c>, <x@y.z" },
		"address list": func(l *compose.Letter) { l.To.Addr = "a@b.c,x@y.z" },
		"message id":   func(l *compose.Letter) { l.MessageID = "a@b>\r\nX: y" },
		"unsubscribe":  func(l *compose.Letter) { l.Unsubscribe = "https://a.example/>, <mailto:x@y.z" },
		"clear link":   func(l *compose.Letter) { l.Unsubscribe = "http://a.example/u" },
		"extra":        func(l *compose.Letter) { l.Extra = []compose.Field{{Name: "BCC", Value: "x@y.z"}} },
		"extra name":   func(l *compose.Letter) { l.Extra = []compose.Field{{Name: "A:b", Value: "x"}} },
		"extra value":  func(l *compose.Letter) { l.Extra = []compose.Field{{Name: "X-A", Value: "x\r\n\r\nbody"}} },
		"list id":      func(l *compose.Letter) { l.ListID = "a> x" },
		"no text":      func(l *compose.Letter) { l.Text = "" },
	} {
		l := letter()
		change(l)
		if raw, err := compose.Append(nil, l); err == nil {
			t.Errorf("%s was taken:\n%s", name, raw)
		}
	}
}

func TestServiceMailSaysThatNobodyWroteIt(t *testing.T) {
	l := letter()
	l.Unsubscribe, l.UnsubscribeMail, l.ListID, l.Service = "", "", "", true
	l.Attached = []compose.Attachment{{Name: "preuve déjà.json", Type: "application/json", Body: bytes.Repeat([]byte{0xff, 0, 1}, 100)}}
	raw := compileLetter(t, l)
	h, body := parts(t, raw)
	if h.Get("Auto-Submitted") != "auto-generated" || h.Get("List-Unsubscribe") != "" {
		t.Errorf("%v", h)
	}
	if body["application/json"] != strings.Repeat("\xff\x00\x01", 100) {
		t.Error("attachment changed")
	}
	if body["name application/json"] != "preuve déjà.json" {
		t.Errorf("file name %q", body["name application/json"])
	}
}

func keys(t testing.TB) (compose.Signer, func(string) ([]string, error)) {
	t.Helper()
	der, err := compose.NewKey("rsa")
	if err != nil {
		t.Fatal(err)
	}
	k, err := compose.ParseKey(der)
	if err != nil {
		t.Fatal(err)
	}
	txt, err := compose.Record(k)
	if err != nil {
		t.Fatal(err)
	}
	return compose.Signer{Domain: "cafe.example", Selector: "c1", Key: k}, func(name string) ([]string, error) {
		if name != "c1._domainkey.cafe.example" {
			return nil, errors.New("no such record")
		}
		return []string{txt}, nil
	}
}

func TestTheSignatureCoversTheWayOut(t *testing.T) {
	s, lookup := keys(t)
	raw, err := compose.Sign(compileLetter(t, letter()), s)
	if err != nil {
		t.Fatal(err)
	}
	good := func(raw []byte) bool {
		v, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup})
		return err == nil && len(v) == 1 && v[0].Err == nil && v[0].Domain == "cafe.example"
	}
	if !good(raw) {
		t.Fatal("our own signature fails")
	}
	for _, c := range [][2]string{
		{"/u/aebagbaf>", "/u/other>"}, {"One-Click", "Two-Click"}, {"From: ", "From: <x@y.z>\r\nFrom: "}, {"Bonjour", "Bonsoir"},
	} {
		forged := bytes.Replace(raw, []byte(c[0]), []byte(c[1]), 1)
		if bytes.Equal(forged, raw) {
			t.Fatalf("%q isn't there", c[0])
		}
		if good(forged) {
			t.Errorf("changed %q and the signature holds", c[0])
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	l := letter()
	l.HTML = strings.Repeat(`<tr><td style="padding:0 12px;color:#333">Une ligne de texte à lire</td></tr>`+"\n", 120)
	l.Text = strings.Repeat("Une ligne de texte à lire, et encore une.\n", 60)
	buf := make([]byte, 0, 64<<10)
	for b.Loop() {
		var err error
		if buf, err = compose.Append(buf[:0], l); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkSign(b *testing.B) {
	s, _ := keys(b)
	raw := compileLetter(b, letter())
	for b.Loop() {
		if _, err := compose.Sign(raw, s); err != nil {
			b.Fatal(err)
		}
	}
}
