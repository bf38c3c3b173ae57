// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"

	"consend/internal/ground/locale"
	"consend/internal/trace/proof"
)

// columns of the table: a name and what of an event stands in it. The names stay as they are.
var columns = []struct {
	name string
	of   func(l *proof.List, e *proof.Event) string
}{
	{"list", func(l *proof.List, _ *proof.Event) string { return l.Name }},
	{"purpose", func(l *proof.List, _ *proof.Event) string { return l.Purpose }},
	{"event", func(_ *proof.List, e *proof.Event) string { return e.Facts.Event }},
	{"state", func(_ *proof.List, e *proof.Event) string { return e.Facts.State }},
	{"basis", func(_ *proof.List, e *proof.Event) string { return e.Facts.Basis }},
	{"grade", func(_ *proof.List, e *proof.Event) string { return e.Facts.Grade }},
	{"occurred_at", func(_ *proof.List, e *proof.Event) string { return e.Facts.Occurred }},
	{"recorded_at", func(_ *proof.List, e *proof.Event) string { return e.Facts.Recorded }},
	{"confirmed_at", func(_ *proof.List, e *proof.Event) string { return e.Facts.Confirmed }},
	{"method", func(_ *proof.List, e *proof.Event) string { return e.Facts.Method }},
	{"source", func(_ *proof.List, e *proof.Event) string { return e.Facts.Source }},
	{"by", func(_ *proof.List, e *proof.Event) string { return e.Facts.Actor }},
	{"language", func(_ *proof.List, e *proof.Event) string { return e.Facts.Language }},
	{"form_version", func(_ *proof.List, e *proof.Event) string { return e.Facts.FormVer }},
	{"note_version", func(_ *proof.List, e *proof.Event) string { return e.Facts.NoteVer }},
	{"text_sha256", func(_ *proof.List, e *proof.Event) string { return e.Facts.Label }},
	{"note_sha256", func(_ *proof.List, e *proof.Event) string { return e.Facts.NoteText }},
	{"import", func(_ *proof.List, e *proof.Event) string { return e.Facts.Import }},
	{"address", func(_ *proof.List, e *proof.Event) string { return e.Facts.Address }},
	{"ip", func(_ *proof.List, e *proof.Event) string { return e.Facts.IP }},
	{"ip_source", func(_ *proof.List, e *proof.Event) string { return e.Facts.IPSource }},
	{"page", func(_ *proof.List, e *proof.Event) string { return e.Facts.Page }},
	{"entry", func(_ *proof.List, e *proof.Event) string { return dec(e.Entry.ID) }},
	{"member", func(_ *proof.List, e *proof.Event) string {
		if e.Entry.Member == nil {
			return ""
		}
		return dec(int64(e.Entry.Member.Index))
	}},
	{"leaf", func(_ *proof.List, e *proof.Event) string { return dec(e.Entry.Leaf) }},
}

// CSV gives the events of a proof as a table for a spreadsheet. No cell is a formula, whatever
// somebody typed: what begins like one is led by an apostrophe (CWE-1236).
func (p Proof) CSV() []byte { return append(heading(), p.rows()...) }

// heading begins a table.
func heading() []byte {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	var b bytes.Buffer
	b.WriteString("\ufeff") // else spreadsheets read UTF-8 as something older
	w := writer(&b)
	w.Write(row) // a bytes.Buffer takes everything
	w.Flush()
	return b.Bytes()
}

func writer(b *bytes.Buffer) *csv.Writer {
	w := csv.NewWriter(b)
	w.UseCRLF = true // RFC 4180
	return w
}

// rows are the events without the heading.
func (p Proof) rows() []byte {
	var b bytes.Buffer
	w := writer(&b)
	row := make([]string, len(columns))
	for i := range p.File.Lists {
		l := &p.File.Lists[i]
		for k := range l.Events {
			for n, c := range columns {
				row[n] = locale.Cell(c.of(l, &l.Events[k]))
			}
			w.Write(row)
		}
	}
	w.Flush()
	return b.Bytes()
}

// Name is what the file is called when it is downloaded: it holds no address.
func (p Proof) Name(extension string) string {
	return fmt.Sprintf("consend-proof-%d-%s.%s", p.File.Person.ID, strings.ReplaceAll(p.File.Made[:10], "-", ""), extension)
}
