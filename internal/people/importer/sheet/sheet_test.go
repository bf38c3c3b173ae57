// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"consend/internal/ground/fault"
	"consend/internal/people/importer/sheet"
)

// want is a row as a test writes it: its line and cells, or the key of its fault.
type want struct {
	line  int
	cells []string
	fault string
}

func rows(t testing.TB, src io.Reader, f sheet.Format, l sheet.Limits, at sheet.Position) []want {
	t.Helper()
	r := sheet.NewReader(src, f, l, at)
	var out []want
	for {
		row, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("after %d rows: %v", len(out), err)
		}
		if row.Fault != nil {
			if row.Fault.Line != row.Line {
				t.Errorf("fault of line %d says line %d", row.Line, row.Fault.Line)
			}
			out = append(out, want{row.Line, nil, row.Fault.Key})
			continue
		}
		out = append(out, want{row.Line, row.Strings(), ""})
	}
}

func plain(sep byte) sheet.Format {
	return sheet.Format{Encoding: sheet.UTF8, Separator: sep, End: '\n'}
}

func TestRowsAreReadAsSpreadsheetsWriteThem(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		f    sheet.Format
		want []want
	}{
		"plain":                 {"a,b\nc,d\n", plain(','), []want{{1, []string{"a", "b"}, ""}, {2, []string{"c", "d"}, ""}}},
		"no end after the last": {"a;b\nc;d", plain(';'), []want{{1, []string{"a", "b"}, ""}, {2, []string{"c", "d"}, ""}}},
		"CRLF":                  {"a\tb\r\nc\td\r\n", plain('\t'), []want{{1, []string{"a", "b"}, ""}, {2, []string{"c", "d"}, ""}}},
		"CR of old Macs":        {"a|b\rc|d\r", sheet.Format{Encoding: sheet.UTF8, Separator: '|', End: '\r'}, []want{{1, []string{"a", "b"}, ""}, {2, []string{"c", "d"}, ""}}},
		"empty lines":           {"\n\na,b\n\r\n\nc,d\n\n", plain(','), []want{{3, []string{"a", "b"}, ""}, {6, []string{"c", "d"}, ""}}},
		"empty cells":           {",\n,,\n", plain(','), []want{{1, []string{"", ""}, ""}, {2, []string{"", "", ""}, ""}}},
		"quotes":                {"\"a,b\",\"c\"\"d\"\n", plain(','), []want{{1, []string{"a,b", `c"d`}, ""}}},
		"line ends in quotes":   {"\"a\r\nb\nc\",d\ne,f\n", plain(','), []want{{1, []string{"a\nb\nc", "d"}, ""}, {4, []string{"e", "f"}, ""}}},
		"a quote inside a cell": {"Ann \"Bee\" Cee,1\n", plain(','), []want{{1, []string{`Ann "Bee" Cee`, "1"}, ""}}},
		"quote never closed":    {"\"a,b\nc,d\n", plain(','), []want{{1, nil, "import.row.open_quote"}, {2, []string{"c", "d"}, ""}}},
		"text after a quote":    {"\"a\"x,b\nc,d\n", plain(','), []want{{1, nil, "import.row.after_quote"}, {2, []string{"c", "d"}, ""}}},
		"NUL":                   {"a,b\x00\nc,d\n", plain(','), []want{{1, nil, "import.row.nul"}, {2, []string{"c", "d"}, ""}}},
		"broken UTF-8":          {"a,\xc3\x28\nc,d\n", plain(','), []want{{1, nil, "import.row.encoding"}, {2, []string{"c", "d"}, ""}}},
		"formulas stay text":    {"=1+1,+2,-3,@x\n", plain(','), []want{{1, []string{"=1+1", "+2", "-3", "@x"}, ""}}},
		"Windows-1252":          {"Ren\xe9e,\x80 5,\x93hi\x94\n", sheet.Format{Encoding: sheet.Windows1252, Separator: ',', End: '\n'}, []want{{1, []string{"Renée", "€ 5", "“hi”"}, ""}}},
		"Excel's own hint":      {"sep=;\r\na;b\r\n", sheet.Format{Encoding: sheet.UTF8, Separator: ';', End: '\n', Skip: 7}, []want{{2, []string{"a", "b"}, ""}}},
		"CR inside a cell":      {"a\rb,c\n", plain(','), []want{{1, []string{"a\rb", "c"}, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, read := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
				if got := rows(t, read(strings.NewReader(c.in)), c.f, sheet.Standard, sheet.Position{}); !slices.EqualFunc(got, c.want, same) {
					t.Errorf("got %v\nwant %v", got, c.want)
				}
			}
		})
	}
}

func same(a, b want) bool {
	return a.line == b.line && a.fault == b.fault && slices.Equal(a.cells, b.cells)
}

func TestTheFormatIsFoundOut(t *testing.T) {
	table := "email;prénom;ville\nada@example.org;Ada;Évry\nbob@example.org;Bob;Nîmes\n"
	wide := func(big bool, mark string) []byte {
		out := []byte(mark)
		for _, u := range utf16.Encode([]rune(table)) {
			if big {
				out = append(out, byte(u>>8), byte(u))
			} else {
				out = append(out, byte(u), byte(u>>8))
			}
		}
		return out
	}
	western := strings.NewReplacer("é", "\xe9", "É", "\xc9", "î", "\xee").Replace(table)
	for name, c := range map[string]struct {
		in   []byte
		enc  sheet.Encoding
		sep  byte
		end  byte
		skip int
		head bool
	}{
		"UTF-8":                    {[]byte(table), sheet.UTF8, ';', '\n', 0, true},
		"UTF-8 with its mark":      {[]byte("\xef\xbb\xbf" + table), sheet.UTF8, ';', '\n', 3, true},
		"UTF-16 little, marked":    {wide(false, "\xff\xfe"), sheet.UTF16LE, ';', '\n', 2, true},
		"UTF-16 big, marked":       {wide(true, "\xfe\xff"), sheet.UTF16BE, ';', '\n', 2, true},
		"UTF-16 little, unmarked":  {wide(false, ""), sheet.UTF16LE, ';', '\n', 0, true},
		"UTF-16 big, unmarked":     {wide(true, ""), sheet.UTF16BE, ';', '\n', 0, true},
		"Windows-1252":             {[]byte(western), sheet.Windows1252, ';', '\n', 0, true},
		"UTF-8 with a broken cell": {[]byte(table + "\xff@example.org;x;y\n"), sheet.UTF8, ';', '\n', 0, true},
		"commas":                   {[]byte("email,name\nada@example.org,\"Ada; first\"\n"), sheet.UTF8, ',', '\n', 0, true},
		"tabs":                     {[]byte("email\tname\nada@example.org\tAda, B\n"), sheet.UTF8, '\t', '\n', 0, true},
		"bars, CR":                 {[]byte("email|name\rada@example.org|Ada\r"), sheet.UTF8, '|', '\r', 0, true},
		"no header":                {[]byte("ada@example.org,Ada\nbob@example.org,Bob\n"), sheet.UTF8, ',', '\n', 0, false},
		"one column":               {[]byte("ada@example.org\nbob@example.org\n"), sheet.UTF8, ',', '\n', 0, false},
		"one column with header":   {[]byte("E-mail\nada@example.org\n"), sheet.UTF8, ',', '\n', 0, true},
		"Excel's hint":             {[]byte("sep=;\r\nemail;name\r\nada@example.org;Ada, Bea, Cy\r\n"), sheet.UTF8, ';', '\n', 7, true},
		"commas in semicolon file": {[]byte("email;note\na@example.org;x,y,z\nb@example.org;p,q\n"), sheet.UTF8, ';', '\n', 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := sheet.Detect(c.in, true)
			if err != nil {
				t.Fatal(err)
			}
			if w := (sheet.Format{Encoding: c.enc, Separator: c.sep, End: c.end, Skip: c.skip, Header: c.head}); f != w {
				t.Errorf("got %+v, want %+v", f, w)
			}
			if !f.Known() {
				t.Error("a format that was found isn't known")
			}
			s, err := sheet.Look(bytes.NewReader(c.in), f, sheet.Standard, nil)
			if err != nil || s.Broken > int64(bytes.Count(c.in, []byte("\n\xff@"))) {
				t.Errorf("look: %+v, %v", s, err)
			}
		})
	}
}

func TestWhatIsNoTableSaysWhatItIs(t *testing.T) {
	for in, key := range map[string]string{
		"":                                "import.file.empty",
		"\n\n \n":                         "import.file.empty",
		"PK\x05\x06an archive of nothing": "import.file.packed",
		"\xd0\xcf\x11\xe0old workbook":    "import.file.workbook",
		"\x1f\x8b packed":                 "import.file.packed",
		"%PDF-1.7":                        "import.file.no_table",
		"<!DOCTYPE html><table>":          "import.file.no_table",
		"\xff\xd8\xff\xe0 a photo":        "import.file.no_table",
	} {
		_, err := sheet.Detect([]byte(in), true)
		var f *fault.Error
		if !errors.As(err, &f) || f.Key != key || f.Field != "file" {
			t.Errorf("%q: got %v, want %s", in, err, key)
		}
	}
	_, err := sheet.Look(strings.NewReader("email,name\n"), sheet.Format{Encoding: sheet.UTF8, Separator: ',', End: '\n', Header: true}, sheet.Standard, nil)
	if fault.All(err)[0].Key != "import.file.no_rows" {
		t.Errorf("a header without rows: %v", err)
	}
}

func TestALookTellsNamesThatStandTwice(t *testing.T) {
	s, err := sheet.Look(strings.NewReader("email,city,city,,\na@example.org,x,y,,\nb@example.org\n\"bad\n"), sheet.Format{Encoding: sheet.UTF8, Separator: ',', End: '\n', Header: true}, sheet.Standard, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Twice, []string{"city"}) || s.Width != 5 || s.Rows != 3 || s.Broken != 1 || s.First.Line != 4 || len(s.Sample) != 2 {
		t.Errorf("%+v", s)
	}
}

// endless gives n octets of a line that never ends, without holding them.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'a'
	}
	e.left -= n
	return n, nil
}

func TestALineOfAHundredMegabytesIsRefusedInLittleMemory(t *testing.T) {
	for name, head := range map[string]string{"bare": "", "in quotes": "\""} {
		t.Run(name, func(t *testing.T) {
			src := io.MultiReader(strings.NewReader("a@example.org,1\n"+head), &endless{100 << 20}, strings.NewReader("\nb@example.org,2\n"))
			r := sheet.NewReader(src, plain(','), sheet.Standard, sheet.Position{})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var lines []int
			bad := 0
			for {
				row, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				lines = append(lines, row.Line)
				if row.Fault != nil {
					bad++
				}
			}
			runtime.ReadMemStats(&after)
			if !slices.Equal(lines, []int{1, 2, 3}) || bad != 1 {
				t.Errorf("lines %v, %d refused", lines, bad)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("allocated %d MB", got>>20)
			}
		})
	}
}

func TestTenThousandColumnsAreRefused(t *testing.T) {
	in := "a@example.org" + strings.Repeat(",x", 10_000) + "\nb@example.org,1\n"
	got := rows(t, strings.NewReader(in), plain(','), sheet.Standard, sheet.Position{})
	if len(got) != 2 || got[0].fault != "import.row.columns" || got[1].fault != "" {
		t.Errorf("%v", got)
	}
	long := "a@example.org," + strings.Repeat("x", sheet.Standard.Cell+1) + "\n"
	if got := rows(t, strings.NewReader(long), plain(','), sheet.Standard, sheet.Position{}); len(got) != 1 || got[0].fault != "import.row.cell_long" {
		t.Errorf("%v", got)
	}
}

// A file read whole and a file read from any of its positions give the same rows: a kill
// costs no row and doubles none.
func TestReadingOnFromAPositionGivesTheSameRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := table(t)
		f := formats(t)
		src := encode(in, f)
		var at []sheet.Position
		var all []want
		r := sheet.NewReader(bytes.NewReader(src), f, small, sheet.Position{})
		for {
			at = append(at, r.Position())
			row, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			w := want{row.Line, nil, ""}
			if row.Fault != nil {
				w.fault = row.Fault.Key
			} else {
				w.cells = row.Strings()
			}
			all = append(all, w)
		}
		k := rapid.IntRange(0, len(at)-1).Draw(t, "k")
		var got []want
		r = sheet.NewReader(bytes.NewReader(src[at[k].Offset:]), f, small, at[k])
		if at[k].Offset == int64(f.Skip) {
			r = sheet.NewReader(bytes.NewReader(src), f, small, sheet.Position{})
		}
		for {
			row, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			w := want{row.Line, nil, ""}
			if row.Fault != nil {
				w.fault = row.Fault.Key
			} else {
				w.cells = row.Strings()
			}
			got = append(got, w)
		}
		if !slices.EqualFunc(got, all[k:], same) {
			t.Fatalf("from %+v\ngot  %v\nwant %v", at[k], got, all[k:])
		}
	})
}

var small = sheet.Limits{File: 1 << 20, Row: 200, Cell: 60, Columns: 6, Rows: 1000}

func table(t *rapid.T) string {
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab\"\"\n\n\r,,;;\t|é€😀@. ")), 0, 300, -1).Draw(t, "table")
}

func formats(t *rapid.T) sheet.Format {
	return sheet.Format{
		Encoding:  rapid.SampledFrom([]sheet.Encoding{sheet.UTF8, sheet.UTF16LE, sheet.UTF16BE}).Draw(t, "encoding"),
		Separator: rapid.SampledFrom(sheet.Separators()).Draw(t, "separator"),
		End:       rapid.SampledFrom([]byte{'\n', '\r'}).Draw(t, "end"),
	}
}

func encode(s string, f sheet.Format) []byte {
	if f.Encoding == sheet.UTF8 {
		return []byte(s)
	}
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if f.Encoding == sheet.UTF16BE {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

// The oracle: never a panic; lines only grow; every line of the file lies in exactly one row,
// or is empty; and what encoding/csv reads without an error is read alike.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"a,b\nc,d\n", "\"a\"\"b\",c\r\nd,e", "\"a\nb\",c\n", "a,\"b", "\xff\xfea\x00", "a;b\rc;d\r", "sep=;\na;b\n", ",,,\n\n\"\"\n", "a\x00b\n", "=1+1\n"} {
		f.Add([]byte(s), byte(','), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, sep byte, lf bool) {
		if format, err := sheet.Detect(in, true); err == nil {
			if !format.Known() {
				t.Fatalf("found an unknown format %+v", format)
			}
			_, _ = sheet.Look(bytes.NewReader(in), format, small, nil)
		}
		if bytes.IndexByte(sheet.Separators(), sep) < 0 {
			sep = ','
		}
		format := sheet.Format{Encoding: sheet.UTF8, Separator: sep, End: '\n'}
		if !lf {
			format.End = '\r'
		}
		covered(t, in, format)
		if lf && utf8.Valid(in) && !bytes.ContainsRune(in, utf8.RuneError) && !bytes.ContainsAny(in, "\x00") {
			asEncodingCSV(t, in, format)
		}
	})
}

// covered walks the rows and holds that between two positions lie whole lines: nothing is
// skipped but empty lines, nothing is counted twice.
func covered(t *testing.T, in []byte, f sheet.Format) {
	r := sheet.NewReader(bytes.NewReader(in), f, small, sheet.Position{})
	last := sheet.Position{Line: 1}
	for {
		row, err := r.Next()
		now := r.Position()
		if err == io.EOF {
			for _, l := range bytes.Split(in[min(last.Offset, int64(len(in))):], []byte{f.End}) {
				if len(bytes.TrimSuffix(l, []byte("\r"))) > 0 {
					t.Fatalf("line %q is neither a row nor refused", l)
				}
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if now.Offset <= last.Offset || now.Offset > int64(len(in)) || row.Line < last.Line || now.Line < row.Line {
			t.Fatalf("from %+v to %+v in a row of line %d", last, now, row.Line)
		}
		part := in[last.Offset:now.Offset]
		if got := bytes.Count(part, []byte{f.End}); got != now.Line-last.Line {
			t.Fatalf("%q counts %d lines, position says %d", part, got, now.Line-last.Line)
		}
		skipped := bytes.SplitN(part, []byte{f.End}, row.Line-last.Line+1)
		for _, l := range skipped[:row.Line-last.Line] {
			if len(bytes.TrimSuffix(l, []byte("\r"))) > 0 {
				t.Fatalf("line %q is neither a row nor refused", l)
			}
		}
		last = now
	}
}

func asEncodingCSV(t *testing.T, in []byte, f sheet.Format) {
	c := csv.NewReader(bytes.NewReader(in))
	c.Comma, c.FieldsPerRecord = rune(f.Separator), -1
	theirs, err := c.ReadAll()
	if err != nil {
		return
	}
	r := sheet.NewReader(bytes.NewReader(in), f, sheet.Standard, sheet.Position{})
	var ours [][]string
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil || row.Fault != nil {
			t.Fatalf("encoding/csv reads %q, we don't: %v %v", in, err, row.Fault)
		}
		ours = append(ours, row.Strings())
	}
	if fmt.Sprint(ours) != fmt.Sprint(theirs) {
		t.Fatalf("%q\nours   %q\ntheirs %q", in, ours, theirs)
	}
}
