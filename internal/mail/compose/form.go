// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

import (
	"strings"
	"unsafe"
)

// Form is a text with holes, encoded once: of what is fixed, whole lines are never looked at again. Filled, it gives the
// same bytes as the whole text would (a property test holds that). It is safe for concurrent use.
type Form struct {
	pieces []string
	size   int // of the fixed text
	high   int // bytes beyond ASCII in it
	seven  []cast
	quoted []cast
}

// cast is a piece made ready for one coding. head and tail share their lines with the holes beside them.
type cast struct {
	head string // up to its first line's end; all of it where no line ends in it
	core []byte // whole lines, encoded
	tail string // what follows its last line's end
	ends bool   // a line ends in it
}

// NewForm makes a form of fixed pieces; a hole stands between each two.
func NewForm(pieces []string) *Form {
	f := &Form{pieces: pieces, quoted: make([]cast, len(pieces))}
	seven := make([]cast, len(pieces))
	plain := true
	for i, p := range pieces {
		f.size += len(p)
		f.high += countHigh(p)
		c := cast{head: p}
		if first := strings.IndexByte(p, '\n'); first >= 0 {
			last := strings.LastIndexByte(p, '\n')
			c = cast{head: p[:first+1], tail: p[last+1:], ends: true}
			lines := p[first+1 : last+1]
			plain = plain && untouched(lines)
			seven[i], f.quoted[i] = c, c
			seven[i].core, f.quoted[i].core = appendLines(nil, lines), appendQuoted(nil, lines)
			continue
		}
		seven[i], f.quoted[i] = c, c
	}
	if f.high == 0 && plain {
		f.seven = seven
	}
	return f
}

// code chooses what choose would for the filled text; for 7bit the lines with holes are still to be looked at.
func (f *Form) code(fill []string) coding {
	size, high := f.size, f.high
	for _, v := range fill {
		size += len(v)
		high += countHigh(v)
	}
	switch {
	case high == 0 && f.seven != nil:
		return sevenBit
	case high*3 > size:
		return base
	}
	return quoted
}

// whole puts the text together, for the coding that has no lines.
func (f *Form) whole(fill []string) string {
	var b strings.Builder
	for i, p := range f.pieces {
		b.WriteString(p)
		if i < len(fill) {
			b.WriteString(fill[i])
		}
	}
	return b.String()
}

// append writes the filled text in a coding that code gave; false: a line with a hole can't go as 7bit.
func (f *Form) append(dst []byte, fill []string, c coding) ([]byte, bool) {
	if c == base {
		return appendBody(dst, f.whole(fill), base), true
	}
	casts := f.quoted
	if c == sevenBit {
		casts = f.seven
	}
	var room [1024]byte
	line := room[:0]
	for i := range casts {
		p := &casts[i]
		line = append(line, p.head...)
		if p.ends {
			var ok bool
			if dst, ok = appendOpen(dst, line, c); !ok {
				return dst, false
			}
			dst = append(dst, p.core...)
			line = append(line[:0], p.tail...)
		}
		if i < len(fill) {
			line = append(line, fill[i]...)
		}
	}
	dst, ok := appendOpen(dst, line, c)
	return append(dst, "\r\n"...), ok
}

// appendOpen writes lines with holes.
func appendOpen(dst, line []byte, c coding) ([]byte, bool) {
	s := unsafe.String(unsafe.SliceData(line), len(line)) // read here only
	if c == quoted {
		return appendQuoted(dst, s), true
	}
	if !untouched(s) {
		return dst, false
	}
	return appendLines(dst, s), true
}
