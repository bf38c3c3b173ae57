// SPDX-License-Identifier: AGPL-3.0-or-later

// Package importer shows members how a file of people comes in: upload, check, map, origin
// and proof, options, summary, run and report; and the rows that wait for proof. What a row
// becomes is people/importer's.
package importer

import (
	"fmt"
	"strconv"

	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// Pages are the pages of imports.
type Pages struct{ DB *store.DB }

// maxUpload is the largest request that brings a file: sheet.Standard.File and what multipart adds.
const maxUpload = 513 << 20

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	get := func(path string, perm shell.Permission, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: "GET", Pattern: path, Permission: perm, Handler: h}
	}
	person := func(rt shell.Route) shell.Route { rt.Shows = shell.ShowsPerson; return rt }
	post := func(path string, h func(*shell.Request) error, trace ...string) shell.Route {
		return shell.Route{Method: "POST", Pattern: path, Permission: shell.ImportWrite, Trace: trace, Handler: h}
	}
	upload := post("/import/new", p.uploadPost, "import.upload")
	upload.Body = maxUpload
	origin := post("/import/{id}/origin", p.originPost, "import.origin", "evidence.add")
	origin.Body = importer.MaxEvidence + 1<<20
	release := post("/import/{id}/release", p.releasePost, "import.release", "evidence.add")
	release.Body = importer.MaxEvidence + 1<<20
	return []shell.Route{
		get("/import", shell.ContactsRead, p.imports),
		get("/import/new", shell.ImportWrite, p.upload),
		upload,
		get("/import/{id}", shell.ContactsRead, p.status),
		person(get("/import/{id}/check", shell.ImportWrite, p.check)),
		post("/import/{id}/check", p.checkPost, "import.check"),
		person(get("/import/{id}/map", shell.ImportWrite, p.mapping)),
		post("/import/{id}/map", p.mappingPost, "import.map"),
		get("/import/{id}/origin", shell.ImportWrite, p.origin),
		origin,
		get("/import/{id}/limit", shell.ImportWrite, p.limit),
		post("/import/{id}/limit", p.limitPost, "import.limit"),
		get("/import/{id}/options", shell.ImportWrite, p.options),
		post("/import/{id}/options", p.optionsPost, "import.choose"),
		get("/import/{id}/summary", shell.ImportWrite, p.summary),
		get("/import/{id}/forecast.csv", shell.ImportWrite, p.forecast),
		post("/import/{id}/forecast", p.forecastPost, "import.forecast"),
		post("/import/{id}/start", p.startPost, "import.start"),
		post("/import/{id}/stop", p.stopPost, "import.stop"),
		post("/import/{id}/discard", p.discardPost, "import.discard"),
		get("/import/{id}/undo", shell.ImportWrite, p.undo),
		post("/import/{id}/undo", p.undoPost, "import.undo"),
		get("/import/{id}/report.csv", shell.ContactsRead, p.report),
		person(get("/import/{id}/waiting", shell.ContactsRead, p.waiting)),
		release,
		person(get("/import/{id}/evidence/{file}", shell.ImportWrite, p.evidence)),
	}
}

func (p *Pages) view(r *shell.Request, fn func(*store.View) error) error {
	return p.DB.View(r.Context(), r.Who, fn)
}

func (p *Pages) write(r *shell.Request, fn func(*store.Tx) error) error {
	return p.DB.Write(r.Context(), r.Who, fn)
}

// one reads the import a page is about.
func (p *Pages) one(r *shell.Request) (i importer.Import, err error) {
	id, err := r.ID("id")
	if err != nil {
		return i, err
	}
	err = p.view(r, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
	return i, err
}

// step reads an import whose steps can still be taken; another goes to its own page.
func (p *Pages) step(r *shell.Request, reached importer.State) (i importer.Import, moved bool, err error) {
	i, err = p.one(r)
	if err != nil {
		return i, false, err
	}
	if !i.State.Editable() || !i.State.Reached(reached) {
		return i, true, r.Redirect(303, at(i.ID, ""))
	}
	return i, false, nil
}

// ofPeople is step for what only an import of people has; refusals go on where they are.
func (p *Pages) ofPeople(r *shell.Request, reached importer.State) (i importer.Import, moved bool, err error) {
	if i, moved, err = p.step(r, reached); err == nil && !moved && i.Refusing() {
		return i, true, r.Redirect(303, at(i.ID, next(i)))
	}
	return i, moved, err
}

func at(id int64, rest string) string { return fmt.Sprintf("/import/%d%s", id, rest) }

func dec(n int64) string { return strconv.FormatInt(n, 10) }

func crumbs(r *shell.Request) []shell.Link {
	return []shell.Link{{Label: r.P.T("nav.contacts"), URL: "/contacts"}, {Label: r.P.T("nav.import"), URL: "/import"}}
}

// names of the steps, in order, with the state that leads to each.
var walk = []pace{{"upload", "", ""}, {"check", "/check", importer.Draft}, {"map", "/map", importer.Checked}, {"origin", "/origin", importer.Mapped},
	{"options", "/options", importer.Sourced}, {"summary", "/summary", importer.Ready}}

type pace struct {
	name, path string
	from       importer.State
}

// walkRefusals are the steps of a file of people who must not be written to.
var walkRefusals = []pace{walk[0], walk[1], walk[2], {"limit", "/limit", importer.Mapped}, walk[5]}

func walkOf(i importer.Import) []pace {
	if i.Refusing() {
		return walkRefusals
	}
	return walk
}

// steps is the way through the wizard; steps that were reached are links.
func steps(r *shell.Request, i importer.Import, now string) []shell.Step {
	var out []shell.Step
	for _, w := range walkOf(i) {
		s := shell.Step{Label: r.P.T("importer.step." + w.name), State: shell.StepTodo}
		switch {
		case w.name == now:
			s.State = shell.StepNow
		case w.name == "upload":
			s.State = shell.StepDone
		case i.ID != 0 && i.State.Reached(w.from):
			s.URL, s.State = at(i.ID, w.path), shell.StepTodo
			if w.name != "summary" && i.State.Reached(after(i, w.name)) {
				s.State = shell.StepDone
			}
		}
		if i.ID == 0 && w.name != now {
			s = shell.Step{Label: s.Label, State: shell.StepTodo}
		}
		out = append(out, s)
	}
	return out
}

// after is the state an import is in once a step was taken.
func after(i importer.Import, step string) importer.State {
	way := walkOf(i)
	for k, w := range way {
		if w.name == step && k+1 < len(way) {
			return way[k+1].from
		}
	}
	return importer.Done
}

// next is the page where an import goes on.
func next(i importer.Import) string {
	way := walkOf(i)
	for k := len(way) - 1; k > 0; k-- {
		if i.State.Editable() && i.State.Reached(way[k].from) {
			return way[k].path
		}
	}
	return ""
}

func stateBadge(r *shell.Request, i importer.Import) shell.Component {
	tone := shell.Quiet
	switch i.State {
	case importer.Done:
		tone = shell.Good
	case importer.Running:
		tone = shell.Info
	case importer.Stopped:
		tone = shell.Waiting
	case importer.Failed:
		tone = shell.Bad
	}
	return shell.Badge(tone, r.P.T("importer.state."+string(i.State)))
}

// imports lists what came in, newest first.
func (p *Pages) imports(r *shell.Request) error {
	var all []importer.Import
	names := map[int64]string{}
	err := p.view(r, func(v *store.View) (err error) {
		if all, err = importer.All(v, 200); err != nil {
			return err
		}
		lists, err := list.All(v)
		for _, l := range lists {
			names[l.ID] = l.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	t := shell.Table{Caption: r.P.T("nav.import"), List: r.List(shell.ListSpec{}), Total: int64(len(all)),
		Columns: []shell.Column{{Label: r.P.T("importer.file")}, {Label: r.P.T("importer.state")}, {Label: r.P.T("importer.list")}, {Label: r.P.T("importer.rows"), End: true},
			{Label: r.P.T("importer.mailable"), End: true}, {Label: r.P.T("importer.waiting"), End: true}, {Label: r.P.T("importer.when"), Quiet: true}},
		Empty: shell.EmptyState{Icon: "file-import", Title: r.P.T("importer.empty.title"), Text: r.P.T("importer.empty.text")}}
	if r.May(shell.ImportWrite) {
		t.Empty.Action = shell.Link{Label: r.P.T("importer.new"), URL: "/import/new", Icon: "upload"}
	}
	for _, i := range all {
		waits := i.Counts.StillWaiting()
		t.Rows = append(t.Rows, shell.Row{ID: dec(i.ID), Label: i.Name, Link: at(i.ID, ""), Cells: []shell.Component{shell.Str(i.Name), stateBadge(r, i),
			shell.Str(names[i.List]), shell.Num(max(i.Survey.Rows, i.Counts.Rows)), shell.Num(i.Counts.Mailable() + i.Counts.Released), shell.Num(waits), shell.When(i.MadeAt)}})
	}
	return r.Render(200, importsPage(r, t))
}
