// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// undo tells what becomes of whom before an import is taken back.
func (p *Pages) undo(r *shell.Request) error {
	i, err := p.one(r)
	if err != nil {
		return err
	}
	var until legalclock.Moment
	var l list.List
	err = p.view(r, func(v *store.View) (err error) {
		if until, err = importer.UndoUntil(v, i); err == nil && until != 0 {
			l, err = list.Get(v, i.List)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case until == 0:
		return r.Redirect(http.StatusSeeOther, at(i.ID, ""))
	case until <= r.Now():
		return fault.New(fault.Gone, "import.undo.late")
	}
	return r.Render(http.StatusOK, undoPage(r, i, l.Name, until))
}

func (p *Pages) undoPost(r *shell.Request) error {
	return p.act(r, importer.Undo, "web_undo.started")
}

// undone says, line by line, what became of the people of an import that was taken back.
func undone(r *shell.Request, c importer.Counts) []string {
	say := func(key string, n int64) string { return r.P.N(key, int(n), "n", r.P.Number(n)) }
	out := []string{say("web_undo.result.off", c.Off), say("web_undo.result.gone", c.Gone)}
	for _, why := range importer.Stays() {
		if n := c.Stay[why]; n > 0 {
			out = append(out, say("web_undo.stay."+why, n))
		}
	}
	return out
}
