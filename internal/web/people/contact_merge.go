// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"net/http"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/merge"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// merging is what the page of a merge shows: the contact that stays, and once it is found the other
// one with what a merge would do.
type merging struct {
	c     contact.Contact
	plan  merge.Plan
	found bool
	lists map[int64]list.List
	kept  []consent.Standing
	other []consent.Standing
}

// merge asks which other contact is this person, by address or number, and then shows both.
func (p *Pages) merge(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("q", r.Q("q"))
	other, _ := shell.NewForm("with", r.Q("with")).Int("with")
	return p.mergePage(r, http.StatusOK, c, other, f)
}

func (p *Pages) mergePage(r *shell.Request, status int, c contact.Contact, other int64, f *shell.Form) error {
	m := merging{c: c}
	err := p.view(r, func(v *store.View) (err error) {
		if q := f.Get("q"); q != "" && other == 0 {
			a, err := address.Parse(q)
			if err != nil {
				return err
			}
			o, known, err := contact.Find(v, a)
			if err != nil {
				return err
			}
			if !known {
				return fault.New(fault.NotFound, "people.merge.unknown").At("q")
			}
			other = o.ID
		}
		if other == 0 {
			return nil
		}
		if m.plan, err = merge.Look(v, other, c.ID); err != nil {
			return err
		}
		m.found = true
		all, err := list.All(v)
		m.lists = named(all)
		if err == nil {
			m.kept, err = consent.Standings(v, c.ID)
		}
		if err == nil {
			m.other, err = consent.Standings(v, other)
		}
		return err
	})
	if err != nil {
		for _, e := range fault.All(err) {
			if e.Kind == fault.NotFound {
				e = fault.New(fault.Invalid, "people.merge.unknown")
			}
			err = e.At("q")
		}
	}
	if err != nil {
		f.Faults = nil // the same again
	}
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, mergeAskPage(r, c, f))
	}
	switch {
	case err != nil:
		return err
	case !m.found:
		return r.Render(status, mergeAskPage(r, c, f))
	}
	if err := p.look(r, trace.Looked{Object: "contact", ObjectID: other, Contacts: []int64{other}}); err != nil {
		return err
	}
	return r.Render(status, mergePage(r, m, f))
}

func (p *Pages) mergePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	other, ok := f.Int("other")
	if !ok {
		return fault.New(fault.NotFound, "contact.none")
	}
	err = p.write(r, func(tx *store.Tx) error { return merge.Merge(tx, other, id, f.Get("seen")) })
	if f.Take(err) {
		c, err := p.one(r)
		if err != nil {
			return err
		}
		return p.mergePage(r, http.StatusUnprocessableEntity, c, other, f)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), "people.merge.done")
}

// moves says, line by line, what a merge carries over.
func (m merging) moves(r *shell.Request) (out []string) {
	for _, n := range m.plan.Carry.Noes {
		out = append(out, r.P.T("people.merge.no", "list", m.lists[n.List].Name, "when", r.P.Date(n.At)))
	}
	purposes := map[int64]list.Purpose{}
	for _, l := range m.lists {
		purposes[l.PurposeID] = list.Purpose{ID: l.PurposeID, Name: l.PurposeName}
	}
	for _, b := range m.plan.Carry.Bars {
		out = append(out, r.P.T("people.merge.bar", "cause", r.P.T("people.cause."+string(b.Reason)), "covers", covers(r, b, m.lists, purposes), "when", r.P.Date(b.Since)))
	}
	a := m.plan.Absorb
	for _, w := range []struct {
		key string
		is  bool
	}{{"frozen", a.Freezes}, {"under_age", a.UnderAge}, {"paused", a.Paused}, {"slower", a.Slower}, {"notice", a.Notice}} {
		if w.is {
			out = append(out, r.P.T("people.merge.stricter."+w.key))
		}
	}
	if len(a.Fields) > 0 {
		out = append(out, r.P.T("people.merge.filled", "what", r.P.Join(fieldWords(r, a.Fields))))
	}
	return out
}

// stays says what a merge leaves behind.
func (m merging) stays(r *shell.Request) (out []string) {
	for _, n := range m.plan.Carry.Ends {
		out = append(out, r.P.T("people.merge.ends."+string(n.State), "list", m.lists[n.List].Name, "address", m.plan.Other.Email.Raw()))
	}
	if s := m.plan.Absorb.Stays; len(s) > 0 {
		out = append(out, r.P.T("people.merge.stays", "what", r.P.Join(s)))
	}
	return out
}

// fieldWords names fields of a person as pages do.
func fieldWords(r *shell.Request, fields []string) []string {
	out := make([]string, len(fields))
	for i, w := range fields {
		if a, is := strings.CutPrefix(w, "attribute."); is {
			out[i] = strings.ToUpper(a)
		} else {
			out[i] = r.P.Or("people."+w, w)
		}
	}
	return out
}

// stateCell is the badge of a person, where there is one to show.
func stateCell(r *shell.Request, c contact.Contact) shell.Component {
	if b := badge(r, c); b != nil {
		return b
	}
	return shell.Str("")
}
