// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"fmt"
	"net/http"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/importer"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// attaching is the event of a person to which a file may be attached.
func (p *Pages) attaching(r *shell.Request) (c contact.Contact, e consent.Record, err error) {
	if c, err = p.one(r); err != nil {
		return c, e, err
	}
	id, err := r.ID("event")
	if err != nil {
		return c, e, err
	}
	err = p.view(r, func(v *store.View) error {
		all, err := consent.Events(v, c.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(x consent.Record) bool { return x.ID == id })
		if i < 0 || !evidence.Attachable(all[i]) {
			return fault.New(fault.NotFound, "evidence.attach.event")
		}
		e = all[i]
		return nil
	})
	return c, e, err
}

func (p *Pages) attach(r *shell.Request) error {
	c, e, err := p.attaching(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, attachPage(r, c, e, shell.NewForm()))
}

func (p *Pages) attachPost(r *shell.Request) error {
	c, e, err := p.attaching(r)
	if err != nil {
		return err
	}
	f, err := r.Form(importer.MaxEvidence + 64<<10)
	if err != nil {
		return err
	}
	h := f.File("evidence")
	if h == nil {
		f.Fail("evidence", "import.evidence.empty")
		return r.Render(http.StatusUnprocessableEntity, attachPage(r, c, e, f))
	}
	file, err := h.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = evidence.Attach(r.Context(), p.DB, r.Who, c.ID, e.ID, h.Filename, file)
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, attachPage(r, c, e, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(c.ID, "/consent"), "people.attach.done")
}

// attached hands a file out, as a download, once the look is traced.
func (p *Pages) attached(r *shell.Request) error {
	person, err := r.ID("id")
	if err != nil {
		return err
	}
	id, err := r.ID("file")
	if err != nil {
		return err
	}
	a, body, err := evidence.OpenAttached(r.Context(), p.DB, r.Who, person, id)
	if err != nil {
		return err
	}
	if err := p.look(r, trace.Looked{Object: "evidence", ObjectID: id, Contacts: []int64{person}}); err != nil {
		return err
	}
	return r.Download(a.Name, a.Type, body)
}

func (p *Pages) detachPost(r *shell.Request) error {
	person, err := r.ID("id")
	if err != nil {
		return err
	}
	id, err := r.ID("file")
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return evidence.Detach(tx, person, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(person, "/consent"), "people.attach.dropped")
}

func attachURL(person, event int64) string { return at(person, fmt.Sprintf("/evidence/%d", event)) }

// attachable is the newest event of a list to which a member may attach a file, or nil.
func (l ledger) attachable() *event {
	for i := range l.events {
		if evidence.Attachable(l.events[i].Record) && l.events[i].Verdict.OK() {
			return &l.events[i]
		}
	}
	return nil
}
