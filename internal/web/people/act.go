// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"errors"
	"net/http"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// gone tells whether a thing is simply not there (any more).
func gone(err error) bool {
	k := fault.KindOf(err)
	return k == fault.NotFound || k == fault.Gone || errors.Is(err, store.ErrNone)
}

func (p *Pages) attributes(r *shell.Request) (all []contact.Attribute, err error) {
	err = p.view(r, func(v *store.View) (err error) { all, err = contact.AllAttributes(v); return err })
	return all, err
}

func (p *Pages) correct(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	all, err := p.attributes(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("version", dec(c.Version), "name", c.Name.Raw(), "language", c.Language, "country", c.Country)
	for _, a := range all {
		field := "attr." + a.Name
		f.Values.Set(field, c.Attributes[a.Name].Raw())
		if a.Type == contact.TypeMultiple {
			f.Values[field] = c.Attributes[a.Name].Several()
		}
	}
	return r.Render(http.StatusOK, correctPage(r, c, all, f, nil))
}

// correctPost corrects a person, or shows first what would change.
func (p *Pages) correctPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(256 << 10)
	if err != nil {
		return err
	}
	all, err := p.attributes(r)
	if err != nil {
		return err
	}
	var was contact.Contact
	if err = p.view(r, func(v *store.View) (err error) { was, err = contact.Get(v, id); return err }); err != nil {
		return err
	}
	version, _ := f.Int("version")
	change := changed(f, all, was)
	if f.Get("do") == "look" && f.OK() {
		if err := p.look(r, trace.Looked{Object: "contact", ObjectID: id, Contacts: []int64{id}}); err != nil {
			return err
		}
		would := change.Over(was)
		return r.Render(http.StatusOK, correctPage(r, was, all, f, &would))
	}
	if f.OK() {
		err = p.write(r, func(tx *store.Tx) error { return contact.Correct(tx, id, version, change) })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, correctPage(r, was, all, f, nil))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, "/activity"), "people.correct.done")
}

// changed reads what the form says about a person; faults land at its fields. A value that stays is
// not read again: it may be a choice that is no longer offered.
func changed(f *shell.Form, all []contact.Attribute, c contact.Contact) contact.Change {
	name, language, country := pii.T(f.Get("name")), c.Language, strings.ToUpper(f.Get("country")) // a language that a form added stays
	if l := f.Get("language"); l == "" || locale.Known(l) {
		language = l
	}
	out := contact.Change{Name: &name, Language: &language, Country: &country, Attributes: contact.Attributes{}}
	for _, d := range all {
		field := "attr." + d.Name
		if !f.Values.Has(field) {
			continue
		}
		has := c.Attributes[d.Name]
		v, err := d.ReadOver(has, f.All(field))
		if err != nil {
			for _, e := range fault.All(err) {
				f.Faults = append(f.Faults, e.At(field))
			}
			continue
		}
		out.Attributes[d.Name] = v
	}
	return out
}

// scopes are what a person can say no to: everything, a purpose, a list they are on.
func scopes(r *shell.Request, stands []consent.Standing) []shell.Choice {
	out := []shell.Choice{{Value: "all", Label: r.P.T("people.withdraw.all"), Hint: r.P.T("people.withdraw.all.hint")}}
	seen := map[int64]bool{}
	for _, s := range stands {
		if !seen[s.PurposeID] {
			seen[s.PurposeID] = true
			out = append(out, shell.Choice{Value: "purpose." + dec(s.PurposeID), Label: r.P.T("people.withdraw.purpose", "purpose", s.PurposeName)})
		}
	}
	for _, s := range stands {
		if s.State != consent.None {
			out = append(out, shell.Choice{Value: "list." + dec(s.ListID), Label: r.P.T("people.withdraw.list", "list", s.ListName)})
		}
	}
	return out
}

// scopeOf reads a choice of scopes.
func scopeOf(value string) (consent.Scope, bool) {
	reach, id, _ := strings.Cut(value, ".")
	s := consent.Scope{Reach: consent.Reach(reach)}
	if s.Reach == consent.All {
		return s, value == "all"
	}
	f := shell.NewForm("id", id)
	n, ok := f.Int("id")
	s.ID = n
	return s, ok && n > 0 && (s.Reach == consent.OneList || s.Reach == consent.OnePurpose)
}

func (p *Pages) standings(r *shell.Request, id int64) (stands []consent.Standing, err error) {
	err = p.view(r, func(v *store.View) (err error) { stands, err = consent.Standings(v, id); return err })
	return stands, err
}

func (p *Pages) withdraw(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	stands, err := p.standings(r, c.ID)
	if err != nil {
		return err
	}
	f := shell.NewForm("on", r.P.Input(r.Now()))
	if l := r.Q("list"); l != "" {
		f.Values.Set("scope", "list."+l)
	}
	return r.Render(http.StatusOK, withdrawPage(r, c.ID, scopes(r, stands), f))
}

// hows are how a person's no reaches a member.
var hows = []string{"mail", "phone", "letter", "in_person"}

func (p *Pages) withdrawPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	scope, ok := scopeOf(f.Get("scope"))
	if !ok {
		f.Fail("scope", "consent.scope")
	}
	on, ok := f.Date("on")
	if !ok || on > r.Now() {
		f.Fail("on", "people.withdraw.day")
	}
	if !has(hows, f.Get("how")) {
		f.Fail("how", "people.withdraw.how.missing")
	}
	if f.OK() {
		l := consent.Leaving{Contact: id, Scope: scope, Kind: consent.Withdraw, OccurredAt: on, Source: "member", Method: f.Get("how")}
		if f.Checked("object") { // GDPR 21(2), 21(3): absolute, so whatever narrower was chosen beside it gives way
			l.Kind, l.Scope = consent.Object, consent.Everything
		}
		err = p.write(r, func(tx *store.Tx) error { _, err := consent.Leave(tx, l); return err })
	}
	if f.Take(err) || !f.OK() {
		stands, err := p.standings(r, id)
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, withdrawPage(r, id, scopes(r, stands), f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, "/consent"), "people.withdraw.done")
}

// grounds are why data is frozen (GDPR 18(1)).
var grounds = []string{"accuracy", "unlawful", "claims", "objection"}

func has(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

func (p *Pages) freeze(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, freezePage(r, c.ID, shell.NewForm()))
}

func (p *Pages) freezePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	if !has(grounds, f.Get("why")) {
		f.Fail("why", "people.freeze.missing")
		return r.Render(http.StatusUnprocessableEntity, freezePage(r, id, f))
	}
	if err := p.write(r, func(tx *store.Tx) error { return contact.Restrict(tx, id, f.Get("why")) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), "people.freeze.done")
}

func (p *Pages) unfreezePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return contact.Unrestrict(tx, id, "") }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), "people.unfreeze.done")
}

// exact is a moment to the second, with its zone: what a proof is asked for.
func exact(r *shell.Request, m legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	return r.P.Date(m) + ", " + m.Time().In(r.Zone).Format("15:04:05 MST")
}
