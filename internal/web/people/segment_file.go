// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/segment"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// segmentFilePost gives a segment's people as a table. That it is taken is traced before the first byte leaves,
// and who is in it before their page of rows does.
func (p *Pages) segmentFilePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	asked, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	var s segment.Segment
	if err := p.view(r, func(v *store.View) (err error) { s, err = segment.Get(v, id); return err }); err != nil {
		return err
	}
	if !asked.Values.Has("how") { // it is asked first
		return r.Render(http.StatusOK, segmentFilePage(r, id, asked))
	}
	e := asked.Envelope()
	if !asked.OK() {
		return r.Render(http.StatusUnprocessableEntity, segmentFilePage(r, id, asked))
	}
	f := &segmentFile{p: p, r: r}
	var people int64
	if err := p.view(r, func(v *store.View) (err error) { people, err = segment.Count(v, s.Definition); return err }); err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) (err error) { f.s, err = segment.Export(tx, id, people, e.How); return err }); err != nil {
		return err
	}
	if err := p.view(r, func(v *store.View) (err error) { f.attributes, err = fileAttributes(v); return err }); err != nil {
		return err
	}
	if err := f.fill(); err != nil { // what goes wrong at once gets a page, not half a file
		return err
	}
	closed := e.Reader(f)
	defer closed.Close()
	return r.Download(e.Name(fmt.Sprintf("segment-%d.csv", id)), e.Type("text/csv; charset=utf-8"), closed)
}

// fileAttributes are those a file has a column for: what may describe nobody leaves with nobody (GDPR 9).
func fileAttributes(v *store.View) (out []contact.Attribute, err error) {
	all, err := contact.AllAttributes(v)
	for _, a := range all {
		if a.Usable() {
			out = append(out, a)
		}
	}
	return out, err
}

// segmentFile reads the people page by page as the file is sent, in short looks at the database. Its headings and
// its words of status are those that an import reads, so that a no goes with the person. Who is on one list and left
// another is neither active nor gone: the lists say it, and an import takes nobody in by that.
type segmentFile struct {
	p            *Pages
	r            *shell.Request
	s            segment.Segment
	attributes   []contact.Attribute
	after        int64
	begun, ended bool
	b            bytes.Buffer
}

func (f *segmentFile) Read(out []byte) (int, error) {
	for f.b.Len() == 0 {
		if f.ended {
			return 0, io.EOF
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	return f.b.Read(out)
}

const segmentRows = 1000

func (f *segmentFile) fill() error {
	w := csv.NewWriter(&f.b)
	w.UseCRLF = true // RFC 4180
	if !f.begun {
		f.begun = true
		f.b.WriteString("\ufeff") // else spreadsheets read UTF-8 as something older
		head := []string{"email", "name", "language", "country", "status", "subscribed_to", "unsubscribed_from"}
		for _, a := range f.attributes {
			head = append(head, a.Name)
		}
		if err := w.Write(head); err != nil {
			return err
		}
	}
	var people []segment.Person
	err := f.p.view(f.r, func(v *store.View) (err error) {
		people, err = segment.People(v, f.s.Definition, f.after, segmentRows)
		return err
	})
	if err != nil {
		return err
	}
	ids := make([]int64, len(people))
	for i, c := range people {
		ids[i] = c.ID
	}
	if err := f.p.look(f.r, trace.Looked{Object: "segment", ObjectID: f.s.ID, Contacts: ids, Filter: "csv"}); err != nil {
		return err
	}
	for _, c := range people {
		row := []string{locale.Cell(c.Email.Raw()), locale.Cell(c.Name.Raw()), c.Language, c.Country, fileStatus(c), fileLists(c.Onto), fileLists(c.From)}
		for _, a := range f.attributes {
			row = append(row, fileValue(a, c.Attributes[a.Name]))
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	if f.ended = len(people) < segmentRows; !f.ended {
		f.after = ids[len(ids)-1]
	}
	w.Flush()
	return w.Error()
}

func fileStatus(c segment.Person) string {
	switch {
	case c.Barred, c.State == contact.StateObjected:
		return "blocked"
	case c.State == contact.StateBounced:
		return "bounced"
	case c.On && c.Left:
		return "mixed"
	case c.On:
		return "active"
	case c.Left:
		return "unsubscribed"
	}
	return "unconfirmed" // nothing says that one may write to them
}

func fileLists(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return locale.Cell(strings.Join(names, "; "))
}

// fileValue is a value as an import reads it again. A number is no formula, whatever it begins with.
func fileValue(a contact.Attribute, v contact.Value) string {
	s := v.Raw()
	if several := v.Several(); strings.ContainsAny(strings.Join(several, ""), ";|,\\") {
		b, _ := json.Marshal(several) // strings always encode
		s = string(b)
	}
	if a.Type == contact.TypeNumber {
		return s
	}
	return locale.Cell(s)
}
