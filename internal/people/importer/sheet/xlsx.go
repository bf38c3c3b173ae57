// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
)

// Limits of a workbook. It is held packed in memory; its sheets are unpacked while they are
// read, its shared strings (each text once) lie in memory whole.
const (
	MaxBook    = 128 << 20 // octets of the file
	maxStrings = 512 << 20 // octets of the part with the shared strings, unpacked
	maxSheet   = 8 << 30   // octets of one sheet, unpacked
	maxSmall   = 16 << 20  // octets of the parts that name things
	maxRatio   = 400       // unpacked to packed: sheets of people stay under 60
	bombFrom   = 64 << 20  // what unpacks to less is never called a bomb
	maxSheets  = 200
)

// book is an opened .xlsx (ECMA-376, Office Open XML). Only what a table needs is read of it:
// no links, no macros, no outside parts; formulas give the value that was saved with them.
type book struct {
	parts   map[string]*zip.File
	names   []string // of the sheets people see, in their order
	paths   []string
	strings texts
	styles  []look
	from    time.Time // day 0
	old     bool      // days count from 1900, with a 29 February that never was
}

func broken(err error) error {
	return fault.New(fault.Invalid, "import.file.broken").At("file").Because(err)
}

func openBook(r io.ReaderAt, size int64) (*book, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, broken(err)
	}
	b := &book{parts: map[string]*zip.File{}}
	tables := false
	for _, f := range z.File {
		name := strings.ToLower(strings.TrimPrefix(f.Name, "/"))
		if _, twice := b.parts[name]; !twice {
			b.parts[name] = f
		}
		switch path.Ext(name) {
		case ".csv", ".txt", ".tsv", ".json":
			tables = true
		}
	}
	switch {
	case b.parts["xl/workbook.xml"] != nil:
	case b.parts["xl/workbook.bin"] != nil, b.parts["content.xml"] != nil, b.parts["index/document.iwa"] != nil: // .xlsb, .ods, .numbers
		return nil, fault.New(fault.Invalid, "import.file.workbook").At("file")
	case tables:
		return nil, fault.New(fault.Invalid, "import.file.packed").At("file")
	default:
		return nil, fault.New(fault.Invalid, "import.file.no_table").At("file")
	}
	if err := b.index(); err != nil {
		return nil, err
	}
	if err := b.readStyles(); err != nil {
		return nil, err
	}
	return b, b.readStrings()
}

// part opens a part that may unpack to limit octets at most.
func (b *book) part(name string, limit int64) (io.ReadCloser, error) {
	f := b.parts[strings.ToLower(name)]
	if f == nil {
		return nil, broken(errors.New("sheet: no part " + name))
	}
	if n := int64(f.UncompressedSize64); n < 0 || n > limit || n > bombFrom && n/max(int64(f.CompressedSize64), 1) > maxRatio {
		return nil, bomb()
	}
	r, err := f.Open()
	if err != nil {
		return nil, broken(err)
	}
	return &bounded{r, r, int64(f.UncompressedSize64)}, nil
}

func bomb() error { return fault.New(fault.TooLarge, "import.file.bomb").At("file") }

// bounded gives no more octets than the archive says there are.
type bounded struct {
	io.Closer
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, bomb()
	}
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	return n, err
}

func (b *book) small(name string, into any) error {
	r, err := b.part(name, maxSmall)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := xml.NewDecoder(r).Decode(into); err != nil {
		if fault.KindOf(err) != fault.Internal {
			return err
		}
		return broken(err)
	}
	return nil
}

// index finds the sheets that people see, and from when days are counted.
func (b *book) index() error {
	var w struct {
		Pr struct {
			D string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string     `xml:"name,attr"`
			State string     `xml:"state,attr"`
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := b.small("xl/workbook.xml", &w); err != nil {
		return err
	}
	var rels struct {
		R []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := b.small("xl/_rels/workbook.xml.rels", &rels); err != nil {
		return err
	}
	b.from, b.old = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC), true
	if w.Pr.D == "1" || w.Pr.D == "true" {
		b.from, b.old = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC), false
	}
	target := map[string]string{}
	for _, r := range rels.R {
		if strings.HasSuffix(r.Type, "/worksheet") {
			t := r.Target
			if strings.HasPrefix(t, "/") {
				t = t[1:]
			} else {
				t = path.Join("xl", t)
			}
			target[r.ID] = t
		}
	}
	for _, s := range w.Sheets {
		if s.State == "hidden" || s.State == "veryHidden" || len(b.names) == maxSheets {
			continue
		}
		for _, a := range s.Attrs {
			if a.Name.Local == "id" && target[a.Value] != "" {
				b.names, b.paths = append(b.names, s.Name), append(b.paths, target[a.Value])
			}
		}
	}
	if len(b.names) == 0 {
		return fault.New(fault.Invalid, "import.file.empty").At("file")
	}
	return nil
}

// look is how a number is shown.
type look struct {
	day, clock, percent bool
	digits              string // of postcodes and telephone numbers: 00000, 0# ## ##
}

func (b *book) readStyles() error {
	if b.parts["xl/styles.xml"] == nil {
		return nil
	}
	var s struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			ID int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.small("xl/styles.xml", &s); err != nil {
		return err
	}
	codes := map[int]string{}
	for _, f := range s.Formats {
		codes[f.ID] = f.Code
	}
	for _, c := range s.Cells {
		b.styles = append(b.styles, lookOf(c.ID, codes[c.ID]))
	}
	return nil
}

// lookOf reads a number format: one of the built-in ones (ECMA-376 part 1, 18.8.30) or a code.
func lookOf(id int, code string) look {
	if code == "" {
		switch {
		case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id >= 57 && id <= 58:
			return look{day: true}
		case id == 22:
			return look{day: true, clock: true}
		case id >= 18 && id <= 21, id >= 32 && id <= 35, id >= 45 && id <= 47, id == 55, id == 56:
			return look{clock: true}
		case id == 9, id == 10:
			return look{percent: true}
		}
		return look{}
	}
	code, _, _ = strings.Cut(code, ";")
	var bare, shown strings.Builder // without and with the characters that stand for themselves
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '\\', '_', '*':
			if i++; i < len(code) && c == '\\' {
				shown.WriteByte(code[i])
			}
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				end = len(code) - i - 1
			}
			shown.WriteString(code[i+1 : i+1+end])
			i += end + 1
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return look{}
			}
			if in := strings.ToLower(code[i+1 : i+end]); in != "" && strings.Trim(in, "h") == "" || strings.Trim(in, "m") == "" || strings.Trim(in, "s") == "" {
				return look{clock: true}
			}
			i += end
		default:
			bare.WriteByte(c)
			shown.WriteByte(c)
		}
	}
	low := strings.ToLower(bare.String())
	if strings.Contains(low, "general") || low == "@" {
		return look{}
	}
	l := look{clock: strings.ContainsAny(low, "hs"), percent: strings.Contains(low, "%")}
	l.day = strings.ContainsAny(low, "dy") || strings.Contains(low, "m") && !l.clock
	if l.day || l.clock || l.percent {
		return l
	}
	if d := shown.String(); len(d) > 1 && d[0] == '0' && d != "0.00" && strings.Trim(d, "0# -/()+") == "" && strings.Count(d, "0")+strings.Count(d, "#") > 1 {
		l.digits = d
	}
	return l
}

// number appends a number as people see it in the sheet: days and moments as ISO 8601 has
// them, whatever the country of the sheet; postcodes with their zeros; no exponents.
func (b *book) number(dst, v []byte, style int) []byte {
	l := look{}
	if style >= 0 && style < len(b.styles) {
		l = b.styles[style]
	}
	if l == (look{}) && plainNumber(v) {
		return append(dst, v...)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, v...)
	}
	switch {
	case (l.day || l.clock) && f >= 0 && f < 2958466: // the end of the year 9999
		if b.old && l.day && f < 60 {
			f++ // before the 29 February 1900
		}
		days, part := math.Modf(f)
		t := b.from.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(part*86400)) * time.Second)
		switch {
		case !l.clock:
			return t.AppendFormat(dst, "2006-01-02")
		case !l.day:
			return t.AppendFormat(dst, "15:04:05")
		}
		return t.AppendFormat(dst, "2006-01-02 15:04:05")
	case l.percent:
		return append(decimal(dst, f*100), '%')
	case l.digits != "" && f >= 0 && f == math.Trunc(f) && f < 1e15:
		digits := strconv.FormatInt(int64(f), 10)
		var out []byte
		for i := len(l.digits) - 1; i >= 0; i-- {
			switch c := l.digits[i]; {
			case c != '0' && c != '#':
				out = append(out, c)
			case digits != "":
				out = append(out, digits[len(digits)-1])
				digits = digits[:len(digits)-1]
			case c == '0':
				out = append(out, '0')
			}
		}
		slices.Reverse(out)
		return append(dst, strings.TrimSpace(digits+string(out))...)
	}
	return decimal(dst, f)
}

// decimal writes a number with the fifteen digits a spreadsheet keeps.
func decimal(dst []byte, f float64) []byte {
	if g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64); err == nil {
		f = g
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

func plainNumber(v []byte) bool {
	if len(v) == 0 || len(v) > 15 {
		return false
	}
	for i, c := range v {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return false
		}
	}
	return true
}

// texts are the shared strings, one behind the other.
type texts struct {
	all  []byte
	ends []int64
}

func (t *texts) at(i int) []byte {
	if i < 0 || i >= len(t.ends) {
		return nil
	}
	from := int64(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.all[from:t.ends[i]]
}

func (b *book) readStrings() error {
	if b.parts["xl/sharedstrings.xml"] == nil {
		return nil
	}
	r, err := b.part("xl/sharedstrings.xml", maxStrings)
	if err != nil {
		return err
	}
	defer r.Close()
	x := newTags(r)
	in, phonetic := false, false
	for {
		err := x.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch string(x.name) {
		case "t":
			if in = !x.close && !x.empty; in && !phonetic {
				if b.strings.all, err = x.text(b.strings.all); err != nil {
					return err
				}
			}
		case "rPh":
			phonetic = !x.close && !x.empty
		case "si":
			if x.close || x.empty {
				b.strings.ends = append(b.strings.ends, int64(len(b.strings.all)))
			}
		}
	}
}

// cells gives the rows of a sheet that hold something: their numbers as the sheet shows them,
// and their cells, valid until the next row. Rows that say they stand above an earlier one end it.
func (b *book) cells(n int, l Limits, row func(line int, cells [][]byte, wide bool) error) error {
	r, err := b.part(b.paths[n], maxSheet)
	if err != nil {
		return err
	}
	defer r.Close()
	x := newTags(r)
	var (
		cells   [][]byte
		room    []byte // of the cells that aren't shared
		value   []byte
		line    int
		col     = -1
		style   int
		kind    byte
		wide    bool
		in, has bool
		inline  bool
	)
	for {
		err := x.next()
		if err == io.EOF {
			return broken(io.ErrUnexpectedEOF) // the end is </sheetData>
		}
		if err != nil {
			return err
		}
		switch string(x.name) {
		case "sheetData":
			switch {
			case in:
				return broken(errors.New("sheet: a row without end"))
			case x.close || x.empty:
				return nil
			}
		case "row":
			if !x.close {
				was := line
				if line++; true {
					if v := x.attr("r"); v != nil {
						if line, err = strconv.Atoi(string(v)); err != nil || line <= was || line > 1<<24 {
							return broken(errors.New("sheet: rows out of order"))
						}
					}
				}
				cells, room, col, wide, in = cells[:0], room[:0], -1, false, true
			}
			if (x.close || x.empty) && in {
				in = false
				for len(cells) > 0 && len(cells[len(cells)-1]) == 0 {
					cells = cells[:len(cells)-1]
				}
				if len(cells) > 0 || wide {
					if err := row(line, cells, wide); err != nil {
						return err
					}
				}
			}
		case "c":
			if !x.close {
				col++
				if v := x.attr("r"); v != nil {
					if c := column(v); c >= 0 {
						col = c
					}
				}
				style, kind, has = -1, 'n', false
				if v := x.attr("s"); v != nil {
					style, _ = strconv.Atoi(string(v))
				}
				if v := x.attr("t"); len(v) > 0 {
					kind = v[0]
					if string(v) == "str" || string(v) == "inlineStr" {
						kind = 't'
					}
				}
				value = value[:0]
			}
			if (x.close || x.empty) && in && has && len(value) > 0 {
				if col > l.Columns {
					wide = true
					continue
				}
				for len(cells) <= col {
					cells = append(cells, nil)
				}
				switch kind {
				case 's':
					i, _ := strconv.Atoi(string(value))
					cells[col] = b.strings.at(i)
				default:
					from := len(room)
					switch {
					case kind == 'n':
						room = b.number(room, value, style)
					case kind == 'b' && string(value) == "1":
						room = append(room, "true"...)
					case kind == 'b':
						room = append(room, "false"...)
					default:
						room = append(room, value...)
					}
					cells[col] = room[from:len(room):len(room)]
				}
				if len(room) > 8*l.Row {
					return fault.New(fault.TooLarge, "import.row.long", "limit", l.Row>>10).OnLine(line)
				}
			}
		case "is":
			inline = !x.close && !x.empty
		case "rPh":
			inline = inline && x.close
		case "v", "t":
			if !x.close && !x.empty && (x.name[0] == 'v' || inline) {
				has = true
				if value, err = x.text(value); err != nil {
					return err
				}
			}
		}
	}
}

// column reads the letters of "AB12"; -1 when there are none.
func column(ref []byte) int {
	n := 0
	for _, c := range ref {
		if c < 'A' || c > 'Z' || n > 1<<16 {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1
}

// tags reads the tags of a part one by one, and the text behind one when it is asked for. It
// is as much of XML as spreadsheets write, many times as fast as all of it: attributes hold
// no >, names lose their prefix, no entity but those of XML itself is known (nothing is fetched).
type tags struct {
	r            *bufio.Reader
	name, attrs  []byte
	close, empty bool
	long         []byte
}

func newTags(r io.Reader) *tags { return &tags{r: bufio.NewReaderSize(r, 64<<10)} }

// until reads up to and with c, at most limit octets; the result is valid until the next read.
func (x *tags) until(c byte, limit int) ([]byte, error) {
	b, err := x.r.ReadSlice(c)
	if err != bufio.ErrBufferFull {
		return b, err
	}
	x.long = append(x.long[:0], b...)
	for err == bufio.ErrBufferFull {
		if len(x.long) > limit {
			return nil, broken(errors.New("sheet: a part without end"))
		}
		b, err = x.r.ReadSlice(c)
		x.long = append(x.long, b...)
	}
	return x.long, err
}

const maxTag = 1 << 20

func (x *tags) next() error {
	for {
		if _, err := x.until('<', 4*maxTag); err != nil {
			return err
		}
		more, err := x.tag()
		if err != nil || !more {
			return err
		}
	}
}

// tag reads what stands behind <; again for what is no element.
func (x *tags) tag() (again bool, err error) {
	b, err := x.until('>', maxTag)
	if err == io.EOF {
		err = broken(io.ErrUnexpectedEOF)
	}
	if err != nil {
		return false, err
	}
	b = b[:len(b)-1]
	if len(b) == 0 {
		return true, nil
	}
	if b[0] == '!' && bytes.HasPrefix(b, []byte("!--")) {
		for !bytes.HasSuffix(b, []byte("--")) {
			if b, err = x.until('>', maxTag); err != nil {
				return false, broken(err)
			}
			b = b[:len(b)-1]
		}
		return true, nil
	}
	if b[0] == '!' || b[0] == '?' {
		return true, nil
	}
	x.close, x.empty = b[0] == '/', b[len(b)-1] == '/'
	b = bytes.Trim(b, "/")
	x.name, x.attrs = b, nil
	if i := bytes.IndexAny(b, " \t\r\n"); i >= 0 {
		x.name, x.attrs = b[:i], b[i:]
	}
	if i := bytes.IndexByte(x.name, ':'); i >= 0 {
		x.name = x.name[i+1:]
	}
	return false, nil
}

// attr gives the value of an attribute of the tag, nil when it has none.
func (x *tags) attr(name string) []byte {
	b := x.attrs
	for {
		i := bytes.IndexByte(b, '=')
		if i < 0 || i+1 >= len(b) {
			return nil
		}
		n := bytes.TrimSpace(b[:i])
		b = bytes.TrimLeft(b[i+1:], " \t\r\n")
		if len(b) == 0 || b[0] != '"' && b[0] != '\'' {
			return nil
		}
		end := bytes.IndexByte(b[1:], b[0])
		if end < 0 {
			return nil
		}
		if string(n) == name {
			return b[1 : 1+end]
		}
		b = b[end+2:]
	}
}

// text appends the text behind the tag, up to the next one.
func (x *tags) text(dst []byte) ([]byte, error) {
	b, err := x.until('<', 4*maxTag)
	if err != nil {
		if err == io.EOF {
			err = broken(io.ErrUnexpectedEOF)
		}
		return dst, err
	}
	dst = entities(dst, b[:len(b)-1])
	if err := x.r.UnreadByte(); err != nil {
		return dst, err
	}
	if next, _ := x.r.Peek(9); string(next) == "<![CDATA[" {
		_, _ = x.r.Discard(9)
		for {
			b, err := x.until('>', 4*maxTag)
			if err != nil {
				return dst, broken(err)
			}
			if end, ok := bytes.CutSuffix(b, []byte("]]>")); ok {
				return append(dst, end...), nil
			}
			dst = append(dst, b...)
		}
	}
	return dst, nil
}

func entities(dst, b []byte) []byte {
	if bytes.IndexByte(b, '&') < 0 && bytes.IndexByte(b, '_') < 0 {
		return append(dst, b...)
	}
	for len(b) > 0 {
		i := bytes.IndexAny(b, "&_")
		if i < 0 {
			return append(dst, b...)
		}
		dst, b = append(dst, b[:i]...), b[i:]
		if b[0] == '_' { // _x000D_: a character that XML can't hold
			if len(b) >= 7 && b[1] == 'x' && b[6] == '_' {
				if n, err := strconv.ParseUint(string(b[2:6]), 16, 16); err == nil {
					if n != '\r' && n != 0 {
						dst = utf8.AppendRune(dst, rune(n))
					}
					b = b[7:]
					continue
				}
			}
			dst, b = append(dst, '_'), b[1:]
			continue
		}
		end := bytes.IndexByte(b, ';')
		if end < 0 || end > 12 {
			dst, b = append(dst, '&'), b[1:]
			continue
		}
		switch name := string(b[1:end]); name {
		case "amp":
			dst = append(dst, '&')
		case "lt":
			dst = append(dst, '<')
		case "gt":
			dst = append(dst, '>')
		case "quot":
			dst = append(dst, '"')
		case "apos":
			dst = append(dst, '\'')
		default:
			var n uint64
			var err error
			if h, ok := strings.CutPrefix(name, "#x"); ok {
				n, err = strconv.ParseUint(h, 16, 32)
			} else if h, ok := strings.CutPrefix(name, "#"); ok {
				n, err = strconv.ParseUint(h, 10, 32)
			} else {
				err = strconv.ErrSyntax
			}
			if err != nil || n == 0 || n > utf8.MaxRune {
				dst = append(dst, b[:end+1]...)
			} else if n != '\r' {
				dst = utf8.AppendRune(dst, rune(n))
			}
		}
		b = b[end+1:]
	}
	return dst
}
