// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

func (p *Pages) startPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error { return importer.Begin(tx, id, true) })
	if f := shell.NewForm(); fault.Is(err, fault.Invalid) && f.Take(err) {
		return p.notStarted(r, f)
	}
	return p.acted(r, id, err, "importer.started")
}

// notStarted shows again where a start was pressed, with what keeps it from starting and the way to where that is changed.
func (p *Pages) notStarted(r *shell.Request, f *shell.Form) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	w := way{field: f.Faults[0].Field, form: &shell.Form{}}
	for _, e := range f.Faults { // the field is on another page
		w.form.Faults = append(w.form.Faults, e.At(""))
	}
	if i.State.Editable() {
		return p.summaryAgain(r, i, w, http.StatusUnprocessableEntity)
	}
	return p.statusAgain(r, i, w, http.StatusUnprocessableEntity)
}

// way is what keeps an import from starting; nothing of a page that was merely opened.
type way struct {
	form  *shell.Form
	field string
}

// link leads to where it is changed; none where nothing can be.
func (w way) link(r *shell.Request, i importer.Import) shell.Link {
	step := func(name string) shell.Link {
		return shell.Link{Label: r.P.T("importer.start.back", "step", r.P.T("importer.step."+name)), URL: at(i.ID, "/"+name)}
	}
	draft := i.State.Editable()
	switch {
	case w.form == nil:
	case w.field == "list" && draft:
		return step("options")
	case w.field == "list":
		return shell.Link{Label: r.P.T("importer.list"), URL: "/lists/" + dec(i.List)}
	case w.field == "to" && draft:
		return step("origin")
	case w.field == "to":
	case draft:
		return step("map")
	default:
		return shell.Link{Label: r.P.T("importer.start.attributes"), URL: "/attributes"}
	}
	return shell.Link{}
}

func (p *Pages) stopPost(r *shell.Request) error {
	return p.act(r, importer.Stop, "importer.stopped")
}

func (p *Pages) act(r *shell.Request, f func(*store.Tx, int64) error, said string) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	return p.acted(r, id, p.write(r, func(tx *store.Tx) error { return f(tx, id) }), said)
}

func (p *Pages) acted(r *shell.Request, id int64, err error, said string) error {
	if err != nil {
		if fault.Is(err, fault.Conflict) { // a second press: the page says how it stands
			return r.Redirect(http.StatusSeeOther, at(id, ""))
		}
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), said)
}

func (p *Pages) discardPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return importer.Discard(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/import", "importer.discarded")
}

// told is what the page of a started import shows.
type told struct {
	i       importer.Import
	list    list.List
	reasons []importer.Reason
	notes   []importer.Note
	waits   int64
	lacks   []importer.Lack
	files   []importer.Evidence

	scope    string // of refusals: how far they go
	way      way
	undoable bool                // it can still be taken back
	asks     []contact.Attribute // that look sensitive
	aimless  int                 // attributes with no purpose
}

// shown is how many lines of the report stand on the page; the file has all that are kept.
const shown = 50

// status leads a draft to its next step, and shows progress or report of what has started.
func (p *Pages) status(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	if i.State.Editable() && r.May(shell.ImportWrite) {
		return r.Redirect(http.StatusSeeOther, at(i.ID, next(i)))
	}
	return p.statusAgain(r, i, way{}, http.StatusOK)
}

func (p *Pages) statusAgain(r *shell.Request, i importer.Import, w way, status int) error {
	t := told{i: i, way: w}
	err := p.view(r, func(v *store.View) (err error) {
		if i.Refusing() && i.State.Reached(importer.Ready) {
			if t.scope, err = scopeName(r, v, i); err != nil {
				return err
			}
		}
		if i.List != 0 {
			if t.list, err = list.Get(v, i.List); err != nil {
				return err
			}
		}
		if i.State == importer.Running {
			return nil
		}
		if t.reasons, err = importer.Reasons(v, i.ID); err != nil {
			return err
		}
		until, err := importer.UndoUntil(v, i)
		if err != nil {
			return err
		}
		t.undoable = until > v.Now
		if t.aimless, err = aimless(v, i); err != nil {
			return err
		}
		if t.asks, err = sensitive(v, i); err != nil {
			return err
		}
		if t.notes, err = importer.Notes(v, i.ID, -1, shown); err != nil {
			return err
		}
		t.lacks, err = importer.Lacks(v, i.ID)
		for _, l := range t.lacks {
			t.waits += l.Times
		}
		if err == nil {
			t.files, err = importer.EvidenceOf(v, i.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(status, statusPage(r, t))
}

// report is the whole report as a file: lines and reasons, no cell of anybody.
func (p *Pages) report(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("\xef\xbb\xbf") // spreadsheets take it for Windows-1252 otherwise
	err = importer.WriteNotes(&b, r.P, func(after int64) (notes []importer.Note, err error) {
		err = p.view(r, func(v *store.View) (err error) { notes, err = importer.Notes(v, i.ID, after, 1000); return err })
		return notes, err
	})
	if err != nil {
		return err
	}
	return r.Download(strings.TrimSuffix(i.Name, ".csv")+"-report.csv", "text/csv; charset=utf-8", &b)
}

// waits is what the page of waiting rows shows.
type waits struct {
	kind   importer.Kind // where they are said to come from now
	i      importer.Import
	lacks  []importer.Lack
	total  int64
	people []contact.Contact
	lines  map[int64]importer.Waiting
	more   string
	files  []importer.Evidence
	signs  bool
}

const waitingSize = 50

func (p *Pages) waiting(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	kind := i.Said().Origin.Kind
	if k := importer.Kind(r.Q("kind")); choice(k) { // another than the file was brought in with
		kind = k
	}
	return p.waitingAgain(r, i, kind, originForm(i.Said().Origin, i.Version), http.StatusOK)
}

func (p *Pages) waitingAgain(r *shell.Request, i importer.Import, kind importer.Kind, f *shell.Form, status int) error {
	if f.Values.Set("kind", string(kind)); kind == importer.Unknown {
		f.Values.Del("kind")
	}
	w := waits{i: i, kind: kind, lines: map[int64]importer.Waiting{}, signs: r.Member.Role == shell.Owner || r.Member.Role == shell.Admin}
	after := r.List(shell.ListSpec{}).After
	var ids []int64
	err := p.view(r, func(v *store.View) (err error) {
		if w.lacks, err = importer.Lacks(v, i.ID); err != nil {
			return err
		}
		for _, l := range w.lacks {
			w.total += l.Times
		}
		rows, err := importer.WaitingAfter(v, i.ID, number(after), waitingSize+1)
		if err != nil {
			return err
		}
		if len(rows) > waitingSize {
			rows = rows[:waitingSize]
			w.more = dec(rows[waitingSize-1].ContactID)
		}
		for _, x := range rows {
			ids = append(ids, x.ContactID)
			w.lines[x.ContactID] = x
		}
		if w.people, err = contact.Some(v, ids); err != nil {
			return err
		}
		slices.SortFunc(w.people, func(a, b contact.Contact) int { return int(a.ID - b.ID) })
		w.files, err = importer.EvidenceOf(v, i.ID)
		return err
	})
	if err != nil {
		return err
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "import", ObjectID: i.ID, Contacts: ids, Filter: "waiting"}); err != nil {
		return err
	}
	return r.Render(status, waitingPage(r, w, f))
}

func number(s string) int64 {
	f := shell.NewForm("n", s)
	n, _ := f.Int("n")
	return n
}

func (p *Pages) releasePost(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	f, err := r.Form(importer.MaxEvidence + 1<<20)
	if err != nil {
		return err
	}
	kind := importer.Kind(f.Get("kind"))
	if !choice(kind) {
		kind = i.Said().Origin.Kind
	}
	o, declare := readOrigin(f, kind), f.Checked("declare")
	if f.File("evidence") != nil { // a release that is refused keeps no file
		err = p.view(r, func(v *store.View) error { return importer.Releasable(v, i.ID, o, declare) })
	}
	if err == nil {
		_, err = p.attach(r, i.ID, f)
	}
	if err == nil {
		err = p.write(r, func(tx *store.Tx) error { return importer.BeginRelease(tx, i.ID, o, declare) })
	}
	if f.Take(err) {
		return p.waitingAgain(r, i, kind, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, ""), "importer.releasing")
}

// evidence hands a file of evidence out, as a download; the look is traced.
func (p *Pages) evidence(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	id, err := r.ID("file")
	if err != nil {
		return err
	}
	e, body, err := importer.OpenEvidence(r.Context(), p.DB, r.Who, i.ID, id)
	if err != nil {
		return err
	}
	return r.Download(e.Name, e.Type, io.Reader(body))
}
