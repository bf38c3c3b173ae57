// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
)

// Kind is what sort of file a table lies in.
type Kind string

// The kinds of file. All but text are turned into numbered text on their way in: one line a
// row, whose first cell tells the sheet and the line in the person's file, as in 1:17.
const (
	Text     Kind = ""
	Workbook Kind = "xlsx"
	JSON     Kind = "json"
	Pasted   Kind = "paste"
	Members  Kind = "members" // text with a column of objects
)

// partedBy parts the names in Format.Names and Format.Sheets. No cell of a spreadsheet holds it.
const partedBy = "\x1f"

// Columns are the names of the columns, when the format gives them instead of a first row.
func (f Format) Columns() []string { return cut(f.Names) }

// Tabs are the sheets a person can choose from, counted from 1 in Format.Sheet.
func (f Format) Tabs() []string { return cut(f.Sheets) }

func cut(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, partedBy)
}

// Conversion turns a file of another kind into numbered text. Its Format reads what it writes;
// that of JSON has its names once Run has ended.
type Conversion struct {
	Format Format
	src    io.Reader
	book   *book
	limits Limits
}

// Begin opens a file of another kind. A workbook is read at random from at, the others from src.
// Faults: import.file.* for what can't be opened.
func Begin(f Format, src io.Reader, at io.ReaderAt, size int64, l Limits) (*Conversion, error) {
	c := &Conversion{Format: f, src: src, limits: l}
	if f.Kind != Workbook {
		return c, nil
	}
	if size > MaxBook {
		return nil, fault.New(fault.TooLarge, "import.file.large", "limit", MaxBook>>20).At("file")
	}
	var err error
	if c.book, err = openBook(at, size); err == nil {
		err = c.choose()
	}
	return c, err
}

// Run writes the rows.
func (c *Conversion) Run(w io.Writer) (err error) {
	out := &numbered{w: bufio.NewWriterSize(w, 64<<10), limits: c.limits}
	switch c.Format.Kind {
	case Workbook:
		err = c.sheets(out)
	case JSON:
		c.Format, err = convertJSON(c.Format, c.src, out)
	case Members:
		c.Format, err = convertMembers(c.Format, c.src, out)
	case Pasted:
		err = convertPaste(c.src, out)
	}
	if err != nil {
		return err
	}
	return out.w.Flush()
}

// numbered writes rows of numbered text.
type numbered struct {
	w      *bufio.Writer
	limits Limits
	line   []byte
}

func (n *numbered) begin(sheet, line int) {
	n.line = strconv.AppendInt(n.line[:0], int64(sheet), 10)
	n.line = append(n.line, ':')
	n.line = strconv.AppendInt(n.line, int64(line), 10)
}

func (n *numbered) row(sheet, line int, cells [][]byte) error {
	n.begin(sheet, line)
	for _, c := range cells {
		n.line = append(n.line, ',')
		if bytes.IndexByte(c, ',') < 0 && bytes.IndexByte(c, '"') < 0 && bytes.IndexByte(c, '\n') < 0 && bytes.IndexByte(c, '\r') < 0 {
			n.line = append(n.line, c...)
			continue
		}
		n.line = append(n.line, '"')
		for _, b := range c {
			if b == '"' {
				n.line = append(n.line, '"')
			}
			n.line = append(n.line, b)
		}
		n.line = append(n.line, '"')
		if len(n.line) > n.limits.Row {
			break
		}
	}
	if len(n.line) > n.limits.Row {
		return n.refuse(sheet, line, "import.row.long")
	}
	n.line = append(n.line, '\n')
	_, err := n.w.Write(n.line)
	return err
}

// refuse writes a row that can't be read, with the key of why.
func (n *numbered) refuse(sheet, line int, key string) error {
	n.begin(sheet, line)
	n.line = append(append(append(n.line, '!'), key...), '\n')
	_, err := n.w.Write(n.line)
	return err
}

// number takes the first cell of a numbered row off: its sheet and line, and why it can't be read.
func (r *Reader) number() (sheet, line int, bad *fault.Error) {
	at, key, _ := strings.Cut(string(r.cells[0]), "!")
	s, l, _ := strings.Cut(at, ":")
	sheet, _ = strconv.Atoi(s)
	line, _ = strconv.Atoi(l)
	r.cells = r.cells[:copy(r.cells, r.cells[1:])]
	switch key {
	case "":
	case "import.row.long":
		bad = fault.New(fault.TooLarge, key, "limit", r.limits.Row>>10)
	case "import.row.columns":
		bad = fault.New(fault.TooLarge, key, "limit", r.limits.Columns)
	default:
		bad = fault.New(fault.Invalid, key)
	}
	return sheet, line, bad
}

// lookRows is how many rows of a sheet tell whether it is about people.
const lookRows = 50

var errEnough = errors.New("sheet: seen enough")

// choose finds the sheet to read first: one that holds an address, else one that holds anything.
func (c *Conversion) choose() error {
	b := c.book
	names := make([]string, len(b.names))
	for i, n := range b.names {
		names[i] = strings.ReplaceAll(n, partedBy, " ")
	}
	c.Format.Sheets, c.Format.Sheet = strings.Join(names, partedBy), 0
	for n := range b.names {
		rows, header, found := 0, true, false
		err := b.cells(n, c.limits, func(_ int, cells [][]byte, _ bool) error {
			rows++
			for _, v := range cells {
				found = found || LooksLikeAddress(string(v)) || LooksLikeHash(string(v))
			}
			if rows == 1 {
				header = !found
			}
			if found || rows == lookRows {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if found || rows > 0 && c.Format.Sheet == 0 {
			c.Format.Sheet, c.Format.Header = n+1, header
		}
		if found {
			return nil
		}
	}
	if c.Format.Sheet == 0 {
		return fault.New(fault.Invalid, "import.file.empty").At("file")
	}
	return nil
}

// sheets writes every sheet that people see, so that another can be chosen later.
func (c *Conversion) sheets(out *numbered) error {
	for n := range c.book.names {
		err := c.book.cells(n, c.limits, func(line int, cells [][]byte, wide bool) error {
			if wide || len(cells) > c.limits.Columns {
				return out.refuse(n+1, line, "import.row.columns")
			}
			return out.row(n+1, line, cells)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plainUTF8 gives the text of a file of JSON or of a paste without its mark.
func plainUTF8(f Format, src io.Reader) io.Reader {
	b := bufio.NewReaderSize(src, 64<<10)
	head, _ := b.Peek(HeadSize / 16)
	e, skip := encoding(head, len(head) < HeadSize/16)
	_, _ = b.Discard(skip)
	return decoder(b, e)
}
