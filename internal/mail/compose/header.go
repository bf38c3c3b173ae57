// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

const lineWidth = 76

// own are the headers compose writes; Extra may not name them, nor those that steer delivery.
var own = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true, "subject": true, "date": true, "message-id": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true, "content-language": true, "list-unsubscribe": true,
	"list-unsubscribe-post": true, "list-id": true, "feedback-id": true, "auto-submitted": true, "precedence": true, "dkim-signature": true,
	"return-path": true, "received": true, "resent-from": true, "resent-to": true, "authentication-results": true,
}

// check refuses what would end a header or hide in it.
func check(v string) error {
	if len(v) > MaxHeader || !utf8.ValidString(v) {
		return ErrControl
	}
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] == 0x7f {
			return ErrControl
		}
	}
	return nil
}

func asciiOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// appendText writes an unstructured header (RFC 5322 2.2.1).
func appendText(dst []byte, name, value string) ([]byte, error) {
	if err := check(value); err != nil {
		return dst, fmt.Errorf("%s: %w", name, err)
	}
	if !asciiOnly(value) || strings.Contains(value, "=?") || tooLong(value) {
		value = words(value)
	}
	return fold(dst, name, value), nil
}

// tooLong tells that a value has no place to be folded within the 998 characters of RFC 5322 2.1.1.
func tooLong(v string) bool {
	for _, w := range strings.Split(v, " ") {
		if len(w) > 900 {
			return true
		}
	}
	return strings.Contains(v, "  ") || strings.TrimSpace(v) != v
}

// words encodes as RFC 2047: Q for mostly Latin text (it stays readable), B otherwise. Only letters, digits and a few signs
// stand for themselves, so that a word is right in a phrase too (RFC 2047 5.3). No character is cut in two.
func words(v string) string {
	high := 0
	for i := 0; i < len(v); i++ {
		if v[i] >= 0x80 {
			high++
		}
	}
	b64 := high*3 > len(v)
	const room = 48 // of the 75 of RFC 2047 2, so that "Subject: " and the frame fit beside the first word
	var out strings.Builder
	flush := func(chunk string) {
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		if b64 {
			out.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(chunk)) + "?=")
			return
		}
		out.WriteString("=?utf-8?q?")
		for i := 0; i < len(chunk); i++ {
			out.WriteString(qByte(chunk[i]))
		}
		out.WriteString("?=")
	}
	start, width := 0, 0
	for i, r := range v {
		n := utf8.RuneLen(r)
		w := 0
		if b64 {
			w = n*4/3 + 1
		} else {
			for k := range n {
				w += len(qByte(v[i+k]))
			}
		}
		if width+w > room {
			flush(v[start:i])
			start, width = i, 0
		}
		width += w
	}
	flush(v[start:])
	return out.String()
}

func qByte(c byte) string {
	switch {
	case c == ' ':
		return "_"
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!*+-/", c) >= 0:
		return string(rune(c))
	}
	return string([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
}

// fold writes "Name: value" and breaks it at spaces, so that no line passes 76 where it can be helped.
func fold(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ':', ' ')
	col := len(name) + 2
	for first := true; ; first = false {
		word, rest, more := strings.Cut(value, " ")
		if !first {
			if col+1+len(word) > lineWidth && word != "" {
				dst = append(dst, "\r\n "...)
				col = 1
			} else {
				dst = append(dst, ' ')
				col++
			}
		}
		dst = append(dst, word...)
		col += len(word)
		if !more {
			break
		}
		value = rest
	}
	return append(dst, "\r\n"...)
}

// mailbox writes one mailbox (RFC 5322 3.4).
func mailbox(m Mailbox) (string, error) {
	if err := check(m.Name); err != nil {
		return "", err
	}
	at := strings.LastIndexByte(m.Addr, '@')
	if at < 1 || at == len(m.Addr)-1 || len(m.Addr) > 320 || !utf8.ValidString(m.Addr) {
		return "", ErrAddress
	}
	for i := 0; i < len(m.Addr); i++ {
		// Quoted local parts aren't supported; what stands here could begin another address or header.
		if c := m.Addr[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`<>()[],;:\"`, c) >= 0 {
			return "", ErrAddress
		}
	}
	if m.Name == "" {
		return m.Addr, nil
	}
	return phrase(m.Name) + " <" + m.Addr + ">", nil
}

func phrase(name string) string {
	if !asciiOnly(name) || strings.Contains(name, "=?") || len(name) > 200 {
		return words(name)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ' ' || c == '-' || c == '\'' {
			continue
		}
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name
}
