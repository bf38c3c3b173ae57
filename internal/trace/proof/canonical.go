// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"fmt"
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Fields are the named values of one part of an entry.
type Fields map[string]string

// Clean gives the one form of a value: valid UTF-8 (a broken byte becomes U+FFFD) in NFC.
func Clean(v string) string {
	if ascii(v) {
		return v
	}
	return norm.NFC.String(strings.ToValidUTF8(v, "\uFFFD"))
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Canonical gives the canonical text: one line `name value` a field, sorted by name.
// Values are cleaned; a backslash, a line feed and control characters are escaped, so
// that no value can look like a second line. The only error is a bad name.
func Canonical(f Fields) (string, error) {
	names := make([]string, 0, len(f))
	size := 0
	for n, v := range f {
		if !GoodName(n) {
			return "", fmt.Errorf("proof: %q is not a field name", n)
		}
		names = append(names, n)
		size += len(n) + len(v) + 2
	}
	sort.Strings(names)
	b := make([]byte, 0, size)
	for _, n := range names {
		b = AppendLine(b, n, f[n])
	}
	return string(b), nil
}

// AppendLine writes one line of canonical text. The name is a good one.
func AppendLine(b []byte, name, value string) []byte {
	b = append(append(b, name...), ' ')
	return append(escape(b, Clean(value)), '\n')
}

// GoodName tells whether n may name a field: a–z, 0–9, `_` and `.`, beginning with a
// letter, at most 64 bytes.
func GoodName(n string) bool {
	if n == "" || len(n) > 64 || n[0] < 'a' || n[0] > 'z' {
		return false
	}
	for i := 1; i < len(n); i++ {
		c := n[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func escape(b []byte, v string) []byte {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			b = append(b, '\\', '\\')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20 || c == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// Parse reads a canonical text and refuses every other text with the same meaning.
func Parse(text string) (Fields, error) {
	f := Fields{}
	for rest := text; rest != ""; {
		line, after, ok := strings.Cut(rest, "\n")
		name, value, sep := strings.Cut(line, " ")
		if !ok || !sep {
			return nil, fmt.Errorf("proof: a line is not `name value`")
		}
		v, err := unescape(value)
		if err != nil {
			return nil, err
		}
		f[name] = v
		rest = after
	}
	if again, err := Canonical(f); err != nil {
		return nil, err
	} else if again != text {
		return nil, fmt.Errorf("proof: the text is not in canonical form")
	}
	return f, nil
}

// unescape is lenient: Parse refuses what escape would not have written.
func unescape(v string) (string, error) {
	if !strings.Contains(v, `\`) {
		return v, nil
	}
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' {
			b.WriteByte(v[i])
			continue
		}
		var c byte
		switch {
		case strings.HasPrefix(v[i:], `\\`):
			b.WriteByte('\\')
			i++
		case strings.HasPrefix(v[i:], `\n`):
			b.WriteByte('\n')
			i++
		case len(v) >= i+6 && v[i+1] == 'u':
			if _, err := fmt.Sscanf(v[i+2:i+6], "%04x", &c); err != nil {
				return "", fmt.Errorf("proof: unknown escape")
			}
			b.WriteByte(c)
			i += 5
		default:
			return "", fmt.Errorf("proof: unknown escape")
		}
	}
	return b.String(), nil
}
