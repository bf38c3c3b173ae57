// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"

	"consend/internal/ground/fault"
)

// Row is one row. Cells are UTF-8 and valid until the next call of Next. A row with a
// Fault has no cells; the fault names its line, its column and what to do.
type Row struct {
	Line  int // where it begins in the file, counted from 1
	Cells [][]byte
	Fault *fault.Error
}

// Strings copies the cells.
func (r Row) Strings() []string {
	out := make([]string, len(r.Cells))
	for i, c := range r.Cells {
		out[i] = string(c)
	}
	return out
}

// Reader reads rows. Not for use by two goroutines.
type Reader struct {
	Names []string // names of the columns, for faults

	src     io.Reader
	format  Format
	limits  Limits
	buf     []byte
	r, w    int // buf[r:w] is read and not used
	end     bool
	fail    error
	pos     Position
	skip    int
	above   int // rows to pass over first
	cells   [][]byte
	scratch []byte // unquoted and decoded cells
}

const chunk = 128 << 10

// NewReader reads rows from src, which stands at octet at.Offset of the file.
func NewReader(src io.Reader, f Format, l Limits, at Position) *Reader {
	r := &Reader{src: src, format: f, limits: l, pos: at, buf: make([]byte, chunk)}
	if at.Offset == 0 {
		r.skip, r.above = f.Skip, f.Above
		r.pos = Position{Offset: int64(f.Skip), Line: 1}
		if f.Skip > 3 {
			r.pos.Line = 2 // "sep=;" took the first
		}
	}
	return r
}

// Position is where the next row begins.
func (r *Reader) Position() Position { return r.pos }

// Next reads a row. It gives io.EOF after the last; any other error ends the file.
func (r *Reader) Next() (Row, error) {
	for ; r.above > 0; r.above-- {
		if row, err := r.next(); err != nil {
			return row, err
		}
	}
	return r.next()
}

func (r *Reader) next() (Row, error) {
	if r.skip > 0 {
		if _, err := io.CopyN(io.Discard, r.src, int64(r.skip)); err != nil && err != io.EOF {
			return Row{}, err
		}
		r.skip = 0
	}
	if r.pos.Offset >= 0 && r.buf != nil && r.w == 0 && !r.end {
		r.src = decoder(r.src, r.format.Encoding)
	}
	for {
		n, lines, what := r.scan()
		switch what {
		case more:
			if err := r.fill(); err != nil {
				return Row{}, err
			}
			continue
		case done:
			return Row{}, io.EOF
		case blank:
			r.use(n, lines)
			continue
		}
		row := Row{Line: r.pos.Line}
		var bad *fault.Error
		if r.format.Kind != Text && what == whole {
			var sheet int
			if sheet, row.Line, bad = r.number(); sheet != max(r.format.Sheet, 1) {
				r.use(n, lines)
				continue
			}
		}
		if f := r.judge(n, what); bad != nil || f != nil {
			if bad != nil {
				f = bad
			}
			row.Fault = f.OnLine(row.Line)
			err := r.pass(n, lines, what)
			return row, err
		}
		row.Cells = r.cells
		r.use(n, lines)
		return row, nil
	}
}

type outcome int

const (
	whole outcome = iota
	more          // the window ends before the row does
	done
	blank
	openQuote  // a quote is never closed within the limit
	afterQuote // something stands between a closing quote and the separator
	tooLong
)

// scan finds the next row in the window: how many octets and line ends it takes. Cells are
// left in r.cells, undecoded.
func (r *Reader) scan() (n, lines int, what outcome) {
	data := r.buf[r.r:r.w]
	if len(data) == 0 {
		if r.end {
			return 0, 0, done
		}
		return 0, 0, more
	}
	nl := bytes.IndexByte(data, r.format.End)
	line := data
	switch {
	case nl >= 0:
		line, n, lines = data[:nl], nl+1, 1
	case !r.end && len(data) < r.limits.Row:
		return 0, 0, more
	case len(data) >= r.limits.Row:
		return len(data), 0, tooLong
	default:
		n = len(data)
	}
	if len(line) > r.limits.Row {
		return n, lines, tooLong
	}
	if k := len(line); k > 0 && line[k-1] == '\r' {
		line = line[:k-1]
	}
	if len(line) == 0 {
		return n, lines, blank
	}
	r.cells, r.scratch = r.cells[:0], r.scratch[:0]
	if bytes.IndexByte(line, '"') < 0 {
		r.split(line)
		return n, lines, whole
	}
	return r.quoted(data)
}

// split parts a line without quotes. It stops counting beyond the limit of columns.
func (r *Reader) split(line []byte) {
	sep := r.format.Separator
	for len(r.cells) <= r.limits.Columns {
		i := bytes.IndexByte(line, sep)
		if i < 0 {
			break
		}
		r.cells = append(r.cells, line[:i:i])
		line = line[i+1:]
	}
	r.cells = append(r.cells, line[:len(line):len(line)])
}

// quoted reads a row with quotes, which may go over line ends.
func (r *Reader) quoted(data []byte) (n, lines int, what outcome) {
	sep, end := r.format.Separator, r.format.End
	i := 0
	for {
		if i < len(data) && data[i] == '"' {
			cell, k, nls, o := r.unquote(data[i:])
			lines += nls
			if o != whole {
				return i, lines, o
			}
			r.add(cell)
			i += k
		} else {
			k := i
			for k < len(data) && data[k] != sep && data[k] != end {
				k++
			}
			if k == len(data) && !r.end {
				return r.short(data)
			}
			stop := k
			if stop > i && data[stop-1] == '\r' && (k == len(data) || data[k] == end) {
				stop--
			}
			r.add(data[i:stop:stop])
			i = k
		}
		switch {
		case i == len(data):
			return i, lines, whole
		case data[i] == sep:
			i++
			if i == len(data) && !r.end {
				return r.short(data)
			}
		case data[i] == end:
			return i + 1, lines + 1, whole
		}
		if i > r.limits.Row {
			return 0, 0, tooLong
		}
	}
}

func (r *Reader) add(cell []byte) {
	if len(r.cells) <= r.limits.Columns {
		r.cells = append(r.cells, cell)
	}
}

func (r *Reader) short(data []byte) (int, int, outcome) {
	if len(data) >= r.limits.Row {
		return 0, 0, openQuote
	}
	return 0, 0, more
}

// unquote reads one quoted cell, with what stands after it up to the separator or the end:
// k stops on that octet, or at the end of the data.
func (r *Reader) unquote(data []byte) (cell []byte, k, lines int, what outcome) {
	end := r.format.End
	from := len(r.scratch)
	copied := false
	start := 1
	i := 1
	for {
		q := bytes.IndexByte(data[i:], '"')
		if q < 0 {
			if !r.end && len(data) < r.limits.Row {
				return nil, 0, 0, more
			}
			return nil, 0, 0, openQuote
		}
		i += q
		if i+1 == len(data) && !r.end {
			_, _, o := r.short(data)
			return nil, 0, 0, o
		}
		if i+1 < len(data) && data[i+1] == '"' {
			r.scratch = append(r.scratch, data[start:i+1]...)
			copied = true
			i += 2
			start = i
			continue
		}
		break
	}
	cell = data[start:i:i]
	if copied {
		r.scratch = append(r.scratch, data[start:i]...)
		cell = r.scratch[from:len(r.scratch):len(r.scratch)]
	}
	lines = bytes.Count(data[:i], []byte{end})
	if lines > 0 && bytes.Contains(cell, []byte("\r\n")) {
		cell = bytes.ReplaceAll(cell, []byte("\r\n"), []byte("\n"))
	}
	i++
	switch {
	case i == len(data), data[i] == r.format.Separator, data[i] == end:
		return cell, i, lines, whole
	case data[i] == '\r':
		if i+1 == len(data) {
			if !r.end {
				_, _, o := r.short(data)
				return nil, 0, 0, o
			}
			return cell, i + 1, lines, whole
		}
		if data[i+1] == end {
			return cell, i + 1, lines, whole
		}
	}
	return nil, i, lines, afterQuote
}

// judge looks at the row that was found and decodes its cells.
func (r *Reader) judge(n int, what outcome) *fault.Error {
	bad := func(kind fault.Kind, key string, i int, args ...any) *fault.Error {
		return fault.New(kind, key, append([]any{"column", r.column(i)}, args...)...).At(r.column(i))
	}
	switch what {
	case openQuote:
		return bad(fault.Invalid, "import.row.open_quote", len(r.cells))
	case afterQuote:
		return bad(fault.Invalid, "import.row.after_quote", len(r.cells))
	case tooLong:
		return fault.New(fault.TooLarge, "import.row.long", "limit", r.limits.Row>>10)
	}
	if len(r.cells) > r.limits.Columns {
		return fault.New(fault.TooLarge, "import.row.columns", "limit", r.limits.Columns)
	}
	for i, c := range r.cells {
		if len(c) > r.limits.Cell {
			return bad(fault.TooLarge, "import.row.cell_long", i, "limit", r.limits.Cell>>10)
		}
		plain := true
		for _, b := range c {
			if b == 0 {
				return bad(fault.Invalid, "import.row.nul", i)
			}
			if b >= utf8.RuneSelf {
				plain = false
			}
		}
		if plain {
			continue
		}
		if r.format.Encoding.single() {
			from := len(r.scratch)
			if r.format.Encoding == Windows1252 {
				r.scratch = western(r.scratch, c)
			} else {
				r.scratch = latin(r.scratch, c, r.format.Encoding)
			}
			r.cells[i] = r.scratch[from:len(r.scratch):len(r.scratch)]
		} else if !utf8.Valid(c) || bytes.ContainsRune(c, utf8.RuneError) {
			return bad(fault.Invalid, "import.row.encoding", i)
		}
	}
	return nil
}

// column names a column for a fault: by its header, else by its number.
func (r *Reader) column(i int) string {
	if i < len(r.Names) && r.Names[i] != "" {
		return r.Names[i]
	}
	return strconv.Itoa(i + 1)
}

// pass goes to the line after a row that can't be read. Of a quote that is never closed only
// its first line is lost: the rest of the file is not inside it.
func (r *Reader) pass(n, lines int, what outcome) error {
	if what == whole {
		r.use(n, lines)
		return nil
	}
	for {
		data := r.buf[r.r:r.w]
		if nl := bytes.IndexByte(data, r.format.End); nl >= 0 {
			r.use(nl+1, 1)
			return nil
		}
		r.use(len(data), 0)
		if r.end {
			return nil
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

func (r *Reader) use(n, lines int) {
	if r.format.Encoding == UTF16LE || r.format.Encoding == UTF16BE {
		r.pos.Offset += wideSize(r.buf[r.r : r.r+n])
	} else {
		r.pos.Offset += int64(n)
	}
	r.pos.Line += lines
	r.r += n
}

// fill reads on. The window grows up to the limit of a row, and never beyond.
func (r *Reader) fill() error {
	if r.fail != nil {
		return r.fail
	}
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == len(r.buf) {
		bigger := make([]byte, min(len(r.buf)*2, r.limits.Row+chunk))
		copy(bigger, r.buf[:r.w])
		r.buf = bigger
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		if err == io.EOF {
			r.end = true
			return nil
		}
		if err != nil {
			r.fail = err
			return err
		}
		if n > 0 {
			return nil
		}
	}
	r.fail = errors.Join(errors.New("sheet: the file gives no bytes"), io.ErrNoProgress)
	return r.fail
}
