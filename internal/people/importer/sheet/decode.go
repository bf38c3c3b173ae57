// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// high is what Windows-1252 means by 0x80 to 0x9F (WHATWG encoding standard); the
// five octets it leaves empty give control characters, which no name may hold.
var high = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}

// western appends a cell of Windows-1252 as UTF-8.
func western(dst, src []byte) []byte {
	for _, b := range src {
		switch {
		case b < 0x80:
			dst = append(dst, b)
		case b < 0xA0:
			dst = utf8.AppendRune(dst, high[b-0x80])
		default:
			dst = utf8.AppendRune(dst, rune(b))
		}
	}
	return dst
}

// latin appends a cell of ISO 8859-1 or 8859-15 as UTF-8.
func latin(dst, src []byte, e Encoding) []byte {
	for _, b := range src {
		r := rune(b)
		if e == Latin9 {
			switch b {
			case 0xA4:
				r = 0x20AC
			case 0xA6, 0xA8:
				r = 0x160 + rune(b-0xA6)/2
			case 0xB4:
				r = 0x17D
			case 0xB8:
				r = 0x17E
			case 0xBC, 0xBD:
				r = 0x152 + rune(b-0xBC)
			case 0xBE:
				r = 0x178
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// single tells whether every octet is a letter.
func (e Encoding) single() bool { return e == Windows1252 || e == Latin1 || e == Latin9 }

// decoder gives the reader its bytes: UTF-16 is turned into UTF-8 before rows are
// found, all others have ASCII's separators and are turned cell by cell.
func decoder(src io.Reader, e Encoding) io.Reader {
	switch e {
	case UTF16LE:
		return &wide{src: src}
	case UTF16BE:
		return &wide{src: src, big: true}
	}
	return src
}

// wide turns UTF-16 into UTF-8. A half of a pair becomes U+FFFD, and so does half a unit at
// the end: each unit gives a character of at most 3 octets, each pair one of 4.
type wide struct {
	src  io.Reader
	big  bool
	in   [8 << 10]byte
	n    int  // octets of in that wait
	lead rune // first half of a pair, waiting
	out  []byte
	err  error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if w.err != nil {
			if w.lead != 0 || w.n > 0 {
				w.lead, w.n = 0, 0
				w.out = utf8.AppendRune(w.out[:0], utf8.RuneError)
				break
			}
			return 0, w.err
		}
		k, err := w.src.Read(w.in[w.n:])
		w.n += k
		w.err = err
		w.out = w.out[:0]
		i := 0
		for ; i+1 < w.n; i += 2 {
			u := rune(w.in[i]) | rune(w.in[i+1])<<8
			if w.big {
				u = rune(w.in[i])<<8 | rune(w.in[i+1])
			}
			w.unit(u)
		}
		w.n = copy(w.in[:], w.in[i:w.n])
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

func (w *wide) unit(u rune) {
	if w.lead != 0 {
		if r := utf16.DecodeRune(w.lead, u); r != utf8.RuneError {
			w.out, w.lead = utf8.AppendRune(w.out, r), 0
			return
		}
		w.out, w.lead = utf8.AppendRune(w.out, utf8.RuneError), 0
	}
	if u >= 0xD800 && u < 0xDC00 {
		w.lead = u
		return
	}
	w.out = utf8.AppendRune(w.out, u)
}

// wideSize is how many octets of UTF-16 gave this UTF-8.
func wideSize(b []byte) int64 {
	var n int64
	for _, c := range b {
		switch {
		case c >= 0xF0:
			n += 4
		case c < 0x80 || c >= 0xC0:
			n += 2
		}
	}
	return n
}
