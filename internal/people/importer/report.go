// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"encoding/csv"
	"encoding/json"
	"io"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
)

// Note is a line of the report: which line of the file, what happened to it, and why.
type Note struct {
	Seq    int64
	Line   int64
	Kind   string // refused, duplicate, remark, withheld
	Reason string // key of the words
	Place  string // the column's name
	Args   []any
}

type noteRow struct {
	Seq    int64
	Line   int64
	Kind   string
	Reason string
	Place  string
	Args   string
}

// Notes lists the report of an import by line, after a note, at most limit.
func Notes(r store.Reader, id, after int64, limit int) ([]Note, error) {
	rows, err := store.All[noteRow](r, notesAfter, id, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Note, len(rows))
	for i, n := range rows {
		out[i] = Note{n.Seq, n.Line, n.Kind, n.Reason, n.Place, nil}
		if err := json.Unmarshal([]byte(n.Args), &out[i].Args); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Reason is one sort of trouble in a file: how often, and on which line first.
type Reason struct {
	Kind   string
	Reason string
	Times  int64
	Line   int64
}

// Reasons lists what the report says, by sort of trouble, most frequent first.
func Reasons(r store.Reader, id int64) ([]Reason, error) {
	return store.All[Reason](r, notesByReason, id)
}

// Words says the note to a reader: the same sentences as on the page.
func (n Note) Words(p locale.Printer) string {
	e := fault.New(fault.Invalid, n.Reason, whole(n.Args)...)
	return p.Fault(e)
}

// whole makes whole numbers of what JSON read as fractions.
func whole(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if f, ok := a.(float64); ok {
			a = int64(f)
		}
		out[i] = a
	}
	return out
}

// WriteNotes writes the report as CSV: line, what happened, column, why. No cell of the file stands in
// it but a value that is none of an attribute's choices, and no cell begins as a formula would.
func WriteNotes(w io.Writer, p locale.Printer, page func(after int64) ([]Note, error)) error {
	c := csv.NewWriter(w)
	head := []string{p.T("import.csv.line"), p.T("import.csv.kind"), p.T("import.csv.column"), p.T("import.csv.why")}
	if err := c.Write(head); err != nil {
		return err
	}
	after := int64(-1)
	for {
		notes, err := page(after)
		if err != nil {
			return err
		}
		if len(notes) == 0 {
			c.Flush()
			return c.Error()
		}
		for _, n := range notes {
			if err := c.Write([]string{dec(n.Line), p.T("import.kind." + n.Kind), locale.Cell(n.Place), locale.Cell(n.Words(p))}); err != nil {
				return err
			}
		}
		after = notes[len(notes)-1].Seq
	}
}
