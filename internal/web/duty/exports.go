// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"fmt"
	"net/http"
	"strconv"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/evidence"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// ExportPages ask for the proofs of many as one bundle, and hand it out until its end. Taking
// it out is written down before a byte leaves.
type ExportPages struct {
	DB   *store.DB
	Ring *keys.Ring
}

// Routes is the room's part of the access table.
func (p *ExportPages) Routes() []shell.Route {
	return []shell.Route{
		{Method: http.MethodGet, Pattern: "/privacy/exports", Permission: shell.ContactsExport, Handler: p.all},
		{Method: http.MethodPost, Pattern: "/privacy/exports", Permission: shell.ContactsExport, Trace: []string{"proof.export"}, Body: 16 << 10, Handler: p.ask},
		{Method: http.MethodGet, Pattern: "/privacy/exports/{id}", Permission: shell.ContactsExport, Handler: p.one},
		{Method: http.MethodPost, Pattern: "/privacy/exports/{id}", Permission: shell.ContactsExport, Trace: []string{"proof.download"}, Body: 4 << 10, Handler: p.take},
		{Method: http.MethodPost, Pattern: "/privacy/exports/{id}/drop", Permission: shell.ContactsExport, Trace: []string{"proof.export_drop"}, Body: 1 << 10, Handler: p.drop},
	}
}

// exportsShown is how many exports the page lists; they end within days.
const exportsShown = 50

func (p *ExportPages) all(r *shell.Request) error {
	f := shell.NewForm() // the register leads here with its question
	for _, n := range []string{"list", "purpose", "from", "to"} {
		f.Values.Set(n, r.Q(n))
	}
	f.Values.Set("narrow", "1") // no more than is needed (GDPR 5(1)(c))
	return p.show(r, http.StatusOK, f)
}

func (p *ExportPages) show(r *shell.Request, status int, f *shell.Form) error {
	var exports []evidence.Export
	var lists []list.List
	var purposes []list.Purpose
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if exports, err = evidence.Exports(v, exportsShown); err != nil {
			return err
		}
		if lists, err = list.All(v); err != nil {
			return err
		}
		purposes, err = list.Purposes(v)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(status, exportsPage(r, f, exports, lists, purposes))
}

func (p *ExportPages) ask(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	var w evidence.Wanted
	w.Language = r.P.Lang
	for name, to := range map[string]*int64{"list": &w.List, "purpose": &w.Purpose} {
		if f.Get(name) == "" {
			continue
		}
		n, ok := f.Int(name)
		if !ok {
			f.Fail(name, "web_register.unknown")
		}
		*to = n
	}
	w.From, w.To = days(r, f)
	w.Narrow = f.Checked("narrow")
	id := int64(0)
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) (err error) { id, err = evidence.Ask(tx, w); return err })
	}
	if f.Take(err) || !f.OK() {
		return p.show(r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, exportURL(id), "web_exports.asked")
}

func (p *ExportPages) one(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	return p.showOne(r, http.StatusOK, id, shell.NewForm())
}

func (p *ExportPages) showOne(r *shell.Request, status int, id int64, f *shell.Form) error {
	var e evidence.Export
	var t job.Task
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if e, err = evidence.Get(v, id); err != nil {
			return err
		}
		t, err = job.Get(v, e.Task)
		return err
	})
	if err != nil {
		return missing(err)
	}
	return r.Render(status, exportPage(r, e, t, f))
}

func (p *ExportPages) take(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	e := f.Envelope()
	if !f.OK() {
		return p.showOne(r, http.StatusUnprocessableEntity, id, f)
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return evidence.Taken(tx, id, e.How) }); err != nil {
		return err
	}
	b, err := evidence.Open(r.Context(), p.DB, r.Who, p.Ring, id)
	if err != nil {
		return err
	}
	closed := e.Reader(b)
	defer closed.Close()
	return r.Download(e.Name(fmt.Sprintf("consend-bundle-%d.zip", id)), e.Type("application/zip"), closed)
}

func (p *ExportPages) drop(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return evidence.Drop(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/privacy/exports", "web_exports.dropped")
}

func exportURL(id int64) string { return "/privacy/exports/" + strconv.FormatInt(id, 10) }

func exportRows(r *shell.Request, list []evidence.Export) [][]shell.Component {
	var rows [][]shell.Component
	for _, e := range list {
		state := shell.Badge(shell.Waiting, r.P.T("web_exports.making"))
		if e.Blob != 0 {
			state = shell.Badge(shell.Good, r.P.T("web_exports.ready"))
		}
		rows = append(rows, []shell.Component{shell.A(exportURL(e.ID), r.P.DateTime(e.MadeAt)), state, shell.Num(e.People), shell.When(e.EndsAt)})
	}
	return rows
}
