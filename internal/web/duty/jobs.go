// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"net/http"
	"strconv"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/web/shell"
)

// JobPages show long work: what runs, how far it is, and how it ended.
type JobPages struct {
	DB *store.DB
	// Place gives the page of what a kind of work is about, such as an import's, or "".
	Place func(kind job.Kind, ref int64) string
}

// Routes is the room's part of the access table.
func (p *JobPages) Routes() []shell.Route {
	return []shell.Route{
		{Method: http.MethodGet, Pattern: "/jobs", Permission: shell.HomeRead, Handler: p.jobs},
		{Method: http.MethodGet, Pattern: "/jobs/{id}", Permission: shell.HomeRead, Handler: p.job},
	}
}

// jobsShown is how many tasks the page lists; older ones have nothing left to say.
const jobsShown = 100

func (p *JobPages) jobs(r *shell.Request) error {
	var tasks []job.Task
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		tasks, err = job.All(v, jobsShown)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, jobsPage(r, p, tasks))
}

func (p *JobPages) job(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var t job.Task
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		t, err = job.Get(v, id)
		return err
	})
	if err != nil {
		return missing(err)
	}
	return r.Render(http.StatusOK, jobPage(r, p, t))
}

// jobName is what a kind of work is called.
func jobName(r *shell.Request, k job.Kind) string {
	if key := "web_jobs.kind." + string(k); r.P.Has(key) {
		return r.P.T(key)
	}
	return string(k)
}

func jobTone(s job.State) shell.Tone {
	switch s {
	case job.Done:
		return shell.Good
	case job.Failed:
		return shell.Bad
	case job.Running:
		return shell.Info
	}
	return shell.Waiting
}

func (p *JobPages) place(t job.Task) string {
	if p.Place == nil {
		return ""
	}
	return p.Place(t.Kind, t.Ref)
}

func jobBar(r *shell.Request, t job.Task) shell.Bar {
	return shell.Bar{Label: jobName(r, t.Kind), Done: t.Done, Total: t.Total, Ended: !t.Open()}
}

// note is why a task failed or waits, in the reader's words.
func jobNote(r *shell.Request, t job.Task) string {
	if t.Note == "" || !r.P.Has(t.Note) {
		return ""
	}
	return r.P.T(t.Note)
}

func jobRows(r *shell.Request, tasks []job.Task) []shell.Row {
	var rows []shell.Row
	for _, t := range tasks {
		name := jobName(r, t.Kind)
		rows = append(rows, shell.Row{Label: name, Link: "/jobs/" + strconv.FormatInt(t.ID, 10), Cells: []shell.Component{
			shell.Str(name), shell.Badge(jobTone(t.State), r.P.T("web_jobs.state."+string(t.State))), jobFar(t), shell.When(t.MadeAt), shell.When(t.EndedAt)}})
	}
	return rows
}

func jobsOpen(tasks []job.Task) bool {
	for _, t := range tasks {
		if t.Open() {
			return true
		}
	}
	return false
}

func jobFar(t job.Task) shell.Component {
	if t.Total == 0 {
		return shell.Soft("–")
	}
	return shell.Str(strconv.FormatInt(t.Done, 10) + " / " + strconv.FormatInt(t.Total, 10))
}
