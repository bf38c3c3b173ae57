// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

import (
	"encoding/base64"
	"math/bits"
	"slices"
	"strings"
)

// coding is a Content-Transfer-Encoding (RFC 2045 6).
type coding string

const (
	sevenBit coding = "7bit"
	quoted   coding = "quoted-printable"
	base     coding = "base64"
)

// choose takes the encoding that changes least: 7bit when every server will leave the text as it is, base64 when more than
// a third of it would be escaped (Greek, Japanese), quoted-printable otherwise.
func choose(s string) coding {
	high := countHigh(s)
	switch {
	case high == 0 && untouched(s):
		return sevenBit
	case high*3 > len(s):
		return base
	}
	return quoted
}

// countHigh counts the bytes beyond ASCII.
func countHigh(s string) (n int) {
	for len(s) >= 32 {
		if w := word(s) | word(s[8:]) | word(s[16:]) | word(s[24:]); w&high8 != 0 {
			n += bits.OnesCount64(word(s)&high8) + bits.OnesCount64(word(s[8:])&high8) + bits.OnesCount64(word(s[16:])&high8) + bits.OnesCount64(word(s[24:])&high8)
		}
		s = s[32:]
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			n++
		}
	}
	return n
}

const high8 = 0x8080808080808080

// word reads eight bytes; the compiler makes it one load.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// untouched tells whether every server will leave an ASCII text as it is. What they change: lines beyond 998 characters
// (RFC 5322 2.1.1, with some room to spare), a space at a line's end, a dot or "From " at its start; and "-" would look
// like a boundary of ours.
func untouched(s string) bool {
	for s != "" {
		line := s
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			line, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if len(line) > 900 {
			return false
		}
		for i := 0; i < len(line); i++ {
			if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
		if n := len(line); n > 0 && (line[0] == '.' || strings.HasPrefix(line, "From ") || line[0] == '-' || line[n-1] == ' ' || line[n-1] == '\t') {
			return false
		}
	}
	return true
}

func appendBody(dst []byte, s string, c coding) []byte {
	switch c {
	case sevenBit:
		dst = appendLines(dst, s)
	case base:
		return appendBase64(dst, []byte(s))
	default:
		dst = appendQuoted(dst, s)
	}
	return append(dst, "\r\n"...)
}

// appendLines writes a text with the line ends of mail.
func appendLines(dst []byte, s string) []byte {
	dst = slices.Grow(dst, len(s)+len(s)/40+2)
	for {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, "\r\n"...)
		s = s[i+1:]
	}
}

func appendBase64(dst, b []byte) []byte {
	const chunk = 57 // 76 characters, RFC 2045 6.8
	dst = slices.Grow(dst, (len(b)/chunk+1)*78)
	for len(b) > 0 {
		n := min(chunk, len(b))
		dst = base64.StdEncoding.AppendEncode(dst, b[:n])
		dst = append(dst, "\r\n"...)
		b = b[n:]
	}
	return dst
}

// plainQP are the bytes that stand for themselves in quoted-printable.
var plainQP = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '='
	}
	t['\t'] = true
	return t
}()

const hexDigits = "0123456789ABCDEF"

// appendQuoted writes quoted-printable, RFC 2045 6.7, in runs. A line holds 75 characters and the soft break. Beyond the
// rules it hides a dot and an F at a line's start, so that nothing on the way stuffs or escapes it.
func appendQuoted(dst []byte, s string) []byte {
	const room = 75
	dst = slices.Grow(dst, len(s)+len(s)/16+64)
	col := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\n' || c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
			if c == '\r' {
				i++
			}
			i++
			dst = append(dst, "\r\n"...)
			col = 0
			continue
		}
		if plainQP[c] && (col > 0 || c != '.' && c != 'F') {
			end := min(len(s), i+room-col)
			j := i
			for j < end && plainQP[s[j]] {
				j++
			}
			// A space or tab before a line's end must be escaped (rule 3).
			if j == len(s) || s[j] == '\n' || s[j] == '\r' {
				for j > i && (s[j-1] == ' ' || s[j-1] == '\t') {
					j--
				}
			}
			if j > i {
				dst = append(dst, s[i:j]...)
				col += j - i
				i = j
				if col >= room && i < len(s) && s[i] != '\n' && s[i] != '\r' {
					dst = append(dst, "=\r\n"...)
					col = 0
				}
				continue
			}
		}
		if col+3 > room {
			dst = append(dst, "=\r\n"...)
			col = 0
		}
		dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		col += 3
		i++
	}
	return dst
}
