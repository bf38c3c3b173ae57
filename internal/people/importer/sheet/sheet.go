// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sheet promises to read a table of people as spreadsheets and other tools
// really write it, row by row in bounded memory, and to say of each row it can't
// read where it is and what to do.
//
// A workbook (.xlsx), a file of JSON and pasted addresses are turned into such a table on
// their way in (Convert), row by row, with the lines of the person's file kept. A file
// of text is bytes in UTF-8, UTF-16, Windows-1252 or Latin-1 and -9, with rows ended by LF, CRLF or
// CR, cells parted by ; , tab or |, and quoted as RFC 4180 has it:
//
//	row  = cell *( separator cell ) end
//	cell = `"` *( any but `"` / `""` ) `"`  /  *( any but separator, end )
//
// A quote inside a cell that doesn't begin with one is kept as it stands. CRLF
// inside quotes becomes LF. Empty lines are no rows. What encoding/csv reads
// without an error is read alike here (fuzzed).
//
// A row that can't be read costs that row alone: reading goes on at the next line.
// Position tells the byte where the next row begins, so that a reader begun there
// gives the same rows: a kill costs no row and doubles none.
//
// It leaves to importer what the columns mean.
package sheet

import "consend/internal/ground/fault"

// Encoding is how characters lie in the file.
type Encoding string

// The encodings we read.
const (
	UTF8        Encoding = "utf-8"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Windows1252 Encoding = "windows-1252"
	Latin1      Encoding = "iso-8859-1"
	Latin9      Encoding = "iso-8859-15"
)

// Format is how a file is written: what Detect finds, and what a person may correct.
type Format struct {
	Encoding  Encoding `json:"encoding"`
	Separator byte     `json:"separator"`       // ';' ',' '\t' or '|'
	End       byte     `json:"end"`             // '\n' (also for CRLF), or '\r' of old Macs
	Skip      int      `json:"skip"`            // bytes before the first row: mark of the encoding, "sep=;" of Excel
	Header    bool     `json:"header"`          // the first row names the columns
	Above     int      `json:"above,omitempty"` // rows before that one, such as a title: they are passed over. Look finds them
	Kind      Kind     `json:"kind,omitempty"`
	Sheet     int      `json:"sheet,omitempty"`  // of numbered text: the sheet that is read, counted from 1
	Sheets    string   `json:"sheets,omitempty"` // names of the sheets there are: see Tabs
	Names     string   `json:"names,omitempty"`  // names of the columns, where no row has them: see Columns
}

// Limits bound what is read. A file beyond them is refused before it is parsed, a row beyond them alone.
type Limits struct {
	File    int64 // octets
	Row     int   // octets of one row; also what the reader keeps in memory
	Cell    int   // octets of one cell
	Columns int
	Rows    int64
}

// Standard are the limits of an upload.
var Standard = Limits{File: 512 << 20, Row: 1 << 20, Cell: 32 << 10, Columns: 500, Rows: 5_000_000}

// Position is where a row begins. The zero Position is the beginning of the file.
type Position struct {
	Offset int64 `json:"offset"` // octets from the beginning of the file, as it lies there
	Line   int   `json:"line"`   // counted from 1; 0 at the beginning
}

// Separators lists what may part cells.
func Separators() []byte { return []byte{';', ',', '\t', '|'} }

// Known tells whether a format is one that can be read.
func (f Format) Known() bool {
	switch f.Encoding {
	case UTF8, UTF16LE, UTF16BE, Windows1252, Latin1, Latin9:
	default:
		return false
	}
	if f.Kind != Text {
		return f.Encoding == UTF8 && f.Separator == ',' && f.End == '\n' && f.Skip == 0 && f.Sheet >= 1 && f.Sheet <= max(len(f.Tabs()), 1)
	}
	switch f.Separator {
	case ';', ',', '\t', '|':
	default:
		return false
	}
	return (f.End == '\n' || f.End == '\r') && f.Skip >= 0
}

// Size refuses a file over the limit before anything of it is read.
func (l Limits) Size(n int64) error {
	if n > l.File {
		return fault.New(fault.TooLarge, "import.file.large", "limit", l.File>>20).At("file")
	}
	if n == 0 {
		return fault.New(fault.Invalid, "import.file.empty").At("file")
	}
	return nil
}
