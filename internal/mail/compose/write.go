// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

import (
	"fmt"
	"mime"
	"strings"
)

// Boundaries hold "=_", which neither quoted-printable nor base64 can produce (RFC 2045 6.7); a 7bit part never begins a
// line with "-" (see choose). So they need no luck and are the same in every message.
const (
	alternative = "=_consend_a"
	mixed       = "=_consend_m"
)

// Append writes the letter behind dst, ready for signing. dst's spare room is used: give the same buffer again.
func Append(dst []byte, l *Letter) ([]byte, error) {
	if l.Text == "" && l.TextForm == nil {
		return dst, ErrNoText
	}
	b, err := appendHeaders(dst, l)
	if err != nil {
		return dst, err
	}
	b = append(b, "MIME-Version: 1.0\r\n"...)
	if len(l.Attached) == 0 {
		return appendContent(b, l), nil
	}
	b = append(b, `Content-Type: multipart/mixed; boundary="`+mixed+"\"\r\n\r\n"...)
	b = append(b, "--"+mixed+"\r\n"...)
	b = appendContent(b, l)
	for _, a := range l.Attached {
		if b, err = appendAttachment(b, a); err != nil {
			return dst, err
		}
	}
	return append(b, "--"+mixed+"--\r\n"...), nil
}

func appendHeaders(dst []byte, l *Letter) ([]byte, error) {
	b := fold(dst, "Date", l.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	for _, m := range []struct {
		name string
		box  Mailbox
	}{{"From", l.From}, {"Reply-To", l.ReplyTo}, {"To", l.To}} {
		if m.box.Addr == "" && m.name == "Reply-To" {
			continue
		}
		s, err := mailbox(m.box)
		if err != nil {
			return dst, fmt.Errorf("%s: %w", m.name, err)
		}
		b = fold(b, m.name, s)
	}
	b, err := appendText(b, "Subject", l.Subject)
	if err != nil {
		return dst, err
	}
	if _, err := mailbox(Mailbox{Addr: l.MessageID}); err != nil {
		return dst, fmt.Errorf("Message-ID: %w", err)
	}
	b = fold(b, "Message-ID", "<"+l.MessageID+">")
	if b, err = appendList(b, l); err != nil {
		return dst, err
	}
	for _, f := range l.Extra {
		if own[strings.ToLower(f.Name)] || !fieldName(f.Name) {
			return dst, fmt.Errorf("%q: %w", f.Name, ErrHeader)
		}
		if b, err = appendText(b, f.Name, f.Value); err != nil {
			return dst, err
		}
	}
	return b, nil
}

// appendList writes RFC 2369, 2919 and 8058. The Post header stands only beside an https address.
func appendList(b []byte, l *Letter) ([]byte, error) {
	if u := l.Unsubscribe; u != "" {
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://localhost") && !strings.HasPrefix(u, "http://127.0.0.1") {
			return b, ErrOneClick
		}
		if check(u) != nil || strings.ContainsAny(u, "<>, ") || !asciiOnly(u) {
			return b, ErrControl
		}
		v := "<" + u + ">"
		if m := l.UnsubscribeMail; m != "" {
			if check(m) != nil || strings.ContainsAny(m, "<>, ") || !asciiOnly(m) {
				return b, ErrControl
			}
			v += ", <mailto:" + m + ">"
		}
		b = fold(b, "List-Unsubscribe", v)
		b = append(b, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"...)
	}
	for _, f := range []Field{{"List-Id", l.ListID}, {"Feedback-ID", l.Feedback}, {"Content-Language", l.Language}} {
		if f.Value == "" {
			continue
		}
		if check(f.Value) != nil || strings.ContainsAny(f.Value, "<> ") || !asciiOnly(f.Value) {
			return b, fmt.Errorf("%s: %w", f.Name, ErrControl)
		}
		if f.Name == "List-Id" {
			f.Value = "<" + f.Value + ">"
		}
		b = fold(b, f.Name, f.Value)
	}
	if l.Service {
		b = append(b, "Auto-Submitted: auto-generated\r\n"...)
	}
	return b, nil
}

func fieldName(s string) bool {
	if s == "" || len(s) > 60 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func appendContent(b []byte, l *Letter) []byte {
	if l.HTML == "" && l.HTMLForm == nil {
		return appendPart(b, "text/plain", l.Text, l.TextForm, l.TextFill)
	}
	b = append(b, `Content-Type: multipart/alternative; boundary="`+alternative+"\"\r\n\r\n"...)
	b = append(b, "--"+alternative+"\r\n"...)
	b = appendPart(b, "text/plain", l.Text, l.TextForm, l.TextFill)
	b = append(b, "--"+alternative+"\r\n"...)
	b = appendPart(b, "text/html", l.HTML, l.HTMLForm, l.HTMLFill)
	return append(b, "--"+alternative+"--\r\n"...)
}

func appendPart(b []byte, kind, s string, f *Form, fill []string) []byte {
	if f == nil {
		c := choose(s)
		return appendBody(appendPartHead(b, kind, c), s, c)
	}
	c := f.code(fill)
	out, ok := f.append(appendPartHead(b, kind, c), fill, c)
	if !ok {
		out, _ = f.append(appendPartHead(out[:len(b)], kind, quoted), fill, quoted)
	}
	return out
}

func appendPartHead(b []byte, kind string, c coding) []byte {
	b = append(b, "Content-Type: "...)
	b = append(b, kind...)
	b = append(b, "; charset=utf-8\r\nContent-Transfer-Encoding: "...)
	b = append(b, c...)
	return append(b, "\r\n\r\n"...)
}

func appendAttachment(b []byte, a Attachment) ([]byte, error) {
	if err := check(a.Name); err != nil {
		return b, err
	}
	kind, params, err := mime.ParseMediaType(a.Type)
	if err != nil {
		return b, fmt.Errorf("attachment: %w", err)
	}
	if kind == "message/rfc822" || strings.HasPrefix(kind, "multipart/") { // these may not be base64 (RFC 2046 5)
		return b, ErrHeader
	}
	b = append(b, "--"+mixed+"\r\n"...)
	b = fold(b, "Content-Type", mime.FormatMediaType(kind, params))
	b = fold(b, "Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
	b = append(b, "Content-Transfer-Encoding: base64\r\n\r\n"...)
	return appendBase64(b, a.Body), nil
}
