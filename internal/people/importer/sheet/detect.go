// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"consend/internal/ground/fault"
)

// HeadSize is how much of a file Detect needs at most.
const HeadSize = 1 << 20

// Detect finds out how a file is written from its beginning; whole tells that head is
// all of it. Files that aren't a table of text get a fault that says what they are.
func Detect(head []byte, whole bool) (Format, error) {
	f, first, err := detectText(head, whole)
	if err == nil && f.Kind == Text && f.Header && holder(first) >= 0 {
		return Format{Kind: Members, Encoding: UTF8, Separator: ',', End: '\n', Sheet: 1}, nil
	}
	return f, err
}

// detectText is Detect before what the columns hold is asked; with a table of text it gives the first row.
func detectText(head []byte, whole bool) (Format, []string, error) {
	f := Format{Encoding: UTF8, Separator: ',', End: '\n'}
	if len(head) == 0 {
		return f, nil, fault.New(fault.Invalid, "import.file.empty").At("file")
	}
	if kind := foreign(head); kind != "" {
		return f, nil, fault.New(fault.Invalid, "import.file."+kind).At("file")
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return Format{Kind: Workbook, Encoding: UTF8, Separator: ',', End: '\n', Header: true, Sheet: 1}, nil, nil
	}
	f.Encoding, f.Skip = encoding(head, whole)
	text := head[min(f.Skip, len(head)):]
	if len(text) > 64<<10 {
		text, whole = text[:64<<10], false
	}
	text, err := io.ReadAll(decoder(bytes.NewReader(text), f.Encoding))
	if err != nil {
		return f, nil, err
	}
	if looksLikeJSON(text) {
		return Format{Kind: JSON, Encoding: UTF8, Separator: ',', End: '\n', Sheet: 1}, nil, nil
	}
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') >= 0 {
		f.End = '\r'
	}
	if sep, n, ok := hint(text); ok {
		f.Separator = sep
		if f.Encoding == UTF16LE || f.Encoding == UTF16BE {
			n *= 2
		}
		f.Skip += n
		text = text[min(len(text), n):]
	} else {
		f.Separator = separator(text, f, whole)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return f, nil, fault.New(fault.Invalid, "import.file.empty").At("file")
	}
	first, _ := sample(text, f, whole, 1)
	if len(first) == 0 {
		return f, nil, nil
	}
	f.Header = !anyAddress(first[0])
	return f, first[0], nil
}

// foreign names a file that is no table of text, by its first bytes.
func foreign(head []byte) string {
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case begins("\xd0\xcf\x11\xe0"): // an old .xls, or an .xlsx under a password (MS-OFFCRYPTO)
		if bytes.Contains(head, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")) {
			return "password"
		}
		return "workbook"
	case begins("\x1f\x8b"), begins("7z\xbc\xaf"), begins("Rar!"), begins("PK\x05\x06"):
		return "packed"
	case begins("%PDF"), begins("{\\rtf"), begins("\x89PNG"), begins("\xff\xd8\xff"), begins("GIF8"):
		return "no_table"
	}
	low := bytes.ToLower(bytes.TrimLeft(head[:min(len(head), 256)], " \t\r\n"))
	if bytes.HasPrefix(low, []byte("<!doctype")) || bytes.HasPrefix(low, []byte("<html")) || bytes.HasPrefix(low, []byte("<?xml")) || bytes.HasPrefix(low, []byte("<table")) {
		return "no_table"
	}
	return ""
}

func encoding(head []byte, whole bool) (Encoding, int) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return UTF8, 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return UTF16LE, 2
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return UTF16BE, 2
	}
	// Without a mark: text of ASCII letters in UTF-16 has a NUL in every other octet.
	part := head[:min(len(head), 1024)&^1]
	var even, odd int
	for i := 0; i < len(part); i += 2 {
		if part[i] == 0 {
			even++
		}
		if part[i+1] == 0 {
			odd++
		}
	}
	if half := len(part) / 2; half > 3 && even+odd > 0 {
		if odd*10 > half*6 && even*10 < half {
			return UTF16LE, 0
		}
		if even*10 > half*6 && odd*10 < half {
			return UTF16BE, 0
		}
	}
	text := head
	if !whole { // the last character may be cut
		for i := 0; i < utf8.UTFMax && len(text) > 0 && !utf8.RuneStart(text[len(text)-1]); i++ {
			text = text[:len(text)-1]
		}
		if n := len(text); n > 0 && text[n-1] >= utf8.RuneSelf {
			text = text[:n-1]
		}
	}
	if utf8.Valid(text) || mostly(text) {
		return UTF8, 0
	}
	return Windows1252, 0
}

// mostly tells whether a text with octets that are no UTF-8 is still meant as UTF-8: letters
// of several octets are rare accidents in Windows-1252. A few broken cells then cost their
// rows, and not every accent of the file.
func mostly(text []byte) bool {
	letters, broken := 0, 0
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, n := utf8.DecodeRune(text[i:])
		if n > 1 {
			letters++
		} else {
			broken++
		}
		i += n
	}
	return letters > 0 && letters >= broken
}

// hint reads the "sep=;" line that Excel writes for itself, and its length in characters.
func hint(text []byte) (sep byte, n int, ok bool) {
	if len(text) < 6 || !bytes.EqualFold(text[:4], []byte("sep=")) || bytes.IndexByte(Separators(), text[4]) < 0 {
		return 0, 0, false
	}
	switch {
	case text[5] == '\r' && len(text) > 6 && text[6] == '\n':
		return text[4], 7, true
	case text[5] == '\n' || text[5] == '\r':
		return text[4], 6, true
	}
	return 0, 0, false
}

// separator tries each candidate on the first rows: the right one gives most rows the same
// number of cells; of two that do, the one that gives more.
func separator(text []byte, f Format, whole bool) byte {
	best, bestShare, bestCells := byte(','), 0.0, 1
	for _, s := range Separators() {
		f.Separator = s
		rows, _ := sample(text, f, whole, 30)
		counts := map[int]int{}
		for _, r := range rows {
			counts[len(r)]++
		}
		cells, n := 0, 0
		for c, k := range counts {
			if k > n || k == n && c > cells {
				cells, n = c, k
			}
		}
		if cells < 2 {
			continue
		}
		share := float64(n) / float64(len(rows))
		if share > bestShare || share == bestShare && cells > bestCells {
			best, bestShare, bestCells = s, share, cells
		}
	}
	return best
}

// sample reads up to n rows of text, of which UTF-16 is UTF-8 already; the last row of a cut text is left out.
func sample(text []byte, f Format, whole bool, n int) ([][]string, int) {
	f.Skip = 0
	if !f.Encoding.single() {
		f.Encoding = UTF8
	}
	r := NewReader(bytes.NewReader(text), f, Standard, Position{})
	var out [][]string
	broken := 0
	for len(out)+broken < n {
		row, err := r.Next()
		if err != nil {
			break
		}
		if !whole && len(out) > 0 && r.Position().Offset >= int64(len(text)) {
			break
		}
		if row.Fault != nil {
			broken++
			continue
		}
		out = append(out, row.Strings())
	}
	return out, broken
}

func anyAddress(cells []string) bool {
	return slices.ContainsFunc(cells, func(c string) bool { return HasAddress(c) || LooksLikeHash(c) })
}

// HasAddress tells whether a cell holds addresses as mail programs write them: one or several, with a name or bare.
func HasAddress(cell string) bool {
	return strings.Contains(cell, "@") && slices.ContainsFunc(entries(cell), func(e string) bool {
		_, a := Display(e)
		return LooksLikeAddress(a)
	})
}

// LooksLikeHash tells whether a cell has the shape of an address that a tool hashed: hexadecimal, as
// long as MD5, SHA-1 or SHA-256.
func LooksLikeHash(s string) bool {
	if len(s) != 32 && len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// LooksLikeAddress tells whether a cell has the shape of an e-mail address. It guesses
// columns; whether an address is one, mail/address decides.
func LooksLikeAddress(s string) bool {
	at := -1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '@':
			if at >= 0 {
				return false
			}
			at = i
		case ' ', '\t', '\n', '(':
			return false
		}
	}
	if at < 1 || at > len(s)-4 {
		return false
	}
	dot := bytes.LastIndexByte([]byte(s), '.')
	return dot > at+1 && dot < len(s)-1
}

// Survey is what a first look at a whole file tells.
type Survey struct {
	Format Format
	Header []string     // names of the columns: as written, or none
	Width  int          // columns of the widest row
	Sample [][]string   // the first rows, without the header
	Rows   int64        // rows after the header, readable or not
	Broken int64        // of these, the ones that can't be read
	First  *fault.Error // what is wrong with the first of them
	Twice  []string     // names that stand over more than one column
	Filled []int64      // by column: rows in which it says something
}

// SampleRows is how many rows a survey keeps.
const SampleRows = 20

// headingRows is how many rows may stand above the headings and with them.
const headingRows = 10

// headings reads the first rows up to the one that names the columns, and tells how many stand before it: none, unless a later
// one has a heading of addresses and no address stood before it. What was read is given back.
func headings(r *Reader, address func(heading string) bool) (first []Row, above int, err error) {
	for len(first) < headingRows {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		names := row.Strings()
		kept := Row{Line: row.Line, Fault: row.Fault, Cells: make([][]byte, len(names))}
		for i, n := range names {
			kept.Cells[i] = []byte(n)
		}
		first = append(first, kept)
		if row.Fault != nil || anyAddress(names) {
			break
		}
		if slices.ContainsFunc(names, address) {
			return first, len(first) - 1, nil
		}
	}
	return first, 0, nil
}

// Look reads a file once, whole, with little memory. address tells whether a heading is one of addresses: rows of a title
// above the row with such a one are no data, as Format.Above of the survey then says. Without it the first row is the headings.
func Look(src io.Reader, f Format, l Limits, address func(heading string) bool) (Survey, error) {
	f.Above = 0
	s := Survey{Format: f}
	r := NewReader(src, f, l, Position{})
	header := f.Header
	var first []Row
	if header && address != nil {
		var err error
		if first, s.Format.Above, err = headings(r, address); err != nil {
			return s, err
		}
		first = first[s.Format.Above:]
	}
	next := func() (row Row, err error) {
		if len(first) == 0 {
			return r.Next()
		}
		row, first = first[0], first[1:]
		return row, nil
	}
	for {
		row, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return s, err
		}
		if header {
			header = false
			if row.Fault != nil {
				return s, row.Fault
			}
			s.Header = row.Strings()
			s.Width = len(s.Header)
			s.Twice = twice(s.Header)
			r.Names = s.Header
			continue
		}
		s.Rows++
		if s.Rows > l.Rows {
			return s, fault.New(fault.TooLarge, "import.file.rows", "limit", l.Rows).At("file")
		}
		if row.Fault != nil {
			if s.Broken++; s.First == nil {
				s.First = row.Fault
			}
			continue
		}
		s.Width = max(s.Width, len(row.Cells))
		s.fill(row.Cells)
		if len(s.Sample) < SampleRows {
			s.Sample = append(s.Sample, row.Strings())
		}
	}
	if names := f.Columns(); names != nil {
		s.named(names)
	}
	if s.Rows == 0 {
		return s, fault.New(fault.Invalid, "import.file.no_rows").At("file")
	}
	return s, nil
}

// fill counts the cells of a row that say something.
func (s *Survey) fill(cells [][]byte) {
	for len(s.Filled) < len(cells) {
		s.Filled = append(s.Filled, 0)
	}
	for k, c := range cells {
		if len(bytes.TrimSpace(c)) > 0 {
			s.Filled[k]++
		}
	}
}

// named gives a survey the names that stand in no row.
func (s *Survey) named(names []string) {
	s.Header, s.Width, s.Twice = names, max(s.Width, len(names)), twice(names)
}

// As completes a survey that was made while the file was converted, with the format that came of it.
func (s Survey) As(f Format) Survey {
	f.Above = s.Format.Above
	s.Format = f
	if names := f.Columns(); names != nil {
		s.named(names)
	}
	return s
}

func twice(names []string) []string {
	var out []string
	seen := map[string]int{}
	for _, n := range names {
		if seen[n]++; seen[n] == 2 && n != "" {
			out = append(out, n)
		}
	}
	return out
}
