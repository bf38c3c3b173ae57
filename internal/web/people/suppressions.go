// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

func suppressionsSpec() shell.ListSpec { return shell.ListSpec{Filters: []string{"cause"}} }

// noted are the causes a member may record by hand; the others are seen by us.
var noted = []consent.Cause{consent.ByMember, consent.Objected, consent.Complained, consent.AuthorityOrder}

// barred is what the page of the do-not-mail list shows.
type barred struct {
	rows     []consent.Suppression
	next     string
	people   map[int64]contact.Contact
	lists    map[int64]list.List
	purposes map[int64]list.Purpose
	bad      bool // what was searched is no address
}

func (p *Pages) suppressions(r *shell.Request) error {
	l := r.List(suppressionsSpec())
	b, err := p.readBarred(r, l)
	if err != nil {
		return err
	}
	if err := p.lookBarred(r, b); err != nil {
		return err
	}
	return r.Render(http.StatusOK, suppressionsPage(r, suppressionsTable(r, l, b), b, shell.NewForm("cause", string(consent.ByMember), "scope", "all")))
}

func (p *Pages) lookBarred(r *shell.Request, b barred) error {
	var ids []int64
	for id := range b.people {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return p.look(r, trace.Looked{Object: "suppressions", Contacts: ids, Filter: r.R.URL.RawQuery})
}

func (p *Pages) readBarred(r *shell.Request, l shell.List) (b barred, err error) {
	b = barred{people: map[int64]contact.Contact{}, purposes: map[int64]list.Purpose{}}
	err = p.view(r, func(v *store.View) error {
		all, err := list.All(v)
		if err != nil {
			return err
		}
		b.lists = named(all)
		purposes, err := list.Purposes(v)
		if err != nil {
			return err
		}
		for _, x := range purposes {
			b.purposes[x.ID] = x
		}
		if err := b.find(v, l); err != nil {
			return err
		}
		var ids []int64
		for _, s := range b.rows {
			if s.ContactID != 0 && !slices.Contains(ids, s.ContactID) {
				ids = append(ids, s.ContactID)
			}
		}
		people, err := contact.Some(v, ids)
		for _, c := range people {
			if !c.State.Ending() {
				b.people[c.ID] = c
			}
		}
		return err
	})
	return b, err
}

// find reads the lines: those of one address, or a page of all. Of an address only a keyed
// hash is kept, so it is found whole or not at all.
func (b *barred) find(v *store.View, l shell.List) (err error) {
	if l.Search != "" {
		a, bad := address.Parse(l.Search)
		if bad != nil {
			b.bad = true
			return nil
		}
		b.rows, err = consent.SuppressionsOf(v, a)
		return err
	}
	b.rows, err = consent.Suppressions(v, consent.Cause(l.Filter("cause")), cursor(l.After), l.Size+1)
	if len(b.rows) > l.Size {
		b.rows = b.rows[:l.Size]
		b.next = place(b.rows[l.Size-1])
	}
	return err
}

// place and cursor carry the last line of a page in the address of the next.
func place(s consent.Suppression) string {
	j, _ := json.Marshal([]any{s.Since, s.FP, s.Scope, s.ScopeID}) // such values always encode
	return base64.RawURLEncoding.EncodeToString(j)
}

func cursor(after string) (s consent.Suppression) {
	j, err := base64.RawURLEncoding.DecodeString(after)
	if err == nil && json.Unmarshal(j, &[]any{&s.Since, &s.FP, &s.Scope, &s.ScopeID}) != nil || len(s.FP) != 16 {
		return consent.Suppression{}
	}
	return s
}

func suppressionsTable(r *shell.Request, l shell.List, b barred) shell.Table {
	t := shell.Table{Caption: r.P.T("nav.do_not_mail"), List: l, Total: -1, Next: b.next, Search: r.P.T("people.bar.search"),
		Columns: []shell.Column{{Label: r.P.T("people.bar.who")}, {Label: r.P.T("people.bar.why")}, {Label: r.P.T("people.bar.covers")}, {Label: r.P.T("people.bar.since"), Quiet: true}, {Label: r.P.T("people.entry"), Quiet: true}},
		Empty:   shell.EmptyState{Icon: "mail-off", Title: r.P.T("people.bar.empty"), Text: r.P.T("people.bar.empty.text")}}
	f := shell.Filter{Name: "cause", Label: r.P.T("people.bar.why")}
	for _, c := range consent.Causes() {
		f.Choices = append(f.Choices, shell.Choice{Value: string(c), Label: r.P.T("people.cause." + string(c))})
	}
	t.Filters = []shell.Filter{f}
	for _, s := range b.rows {
		row := shell.Row{Cells: []shell.Component{shell.Soft(r.P.T("people.bar.unknown")), shell.Str(r.P.T("people.cause." + string(s.Reason))), shell.Str(b.covers(r, s)), shell.When(s.Since), shell.Code(dec(s.EntryID))}}
		if c, ok := b.people[s.ContactID]; ok {
			row.Cells[0], row.Link = shell.Str(c.Email.Raw()), at(c.ID, "/consent")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// covers says how far a no goes.
func (b barred) covers(r *shell.Request, s consent.Suppression) string {
	return covers(r, s, b.lists, b.purposes)
}

func covers(r *shell.Request, s consent.Suppression, lists map[int64]list.List, purposes map[int64]list.Purpose) string {
	switch s.Scope {
	case consent.All:
		return r.P.T("people.scope.all")
	case consent.OnePurpose:
		return r.P.T("people.scope.purpose", "purpose", purposes[s.ScopeID].Name)
	}
	return r.P.T("people.scope.list", "list", lists[s.ScopeID].Name)
}

// barScopes are what an address can be barred from.
func barScopes(r *shell.Request, b barred) []shell.Choice {
	out := []shell.Choice{{Value: "all", Label: r.P.T("people.scope.all")}}
	var ids []int64
	for id, x := range b.purposes {
		if x.RetiredAt == 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		out = append(out, shell.Choice{Value: "purpose." + dec(id), Label: r.P.T("people.scope.purpose", "purpose", b.purposes[id].Name)})
	}
	return out
}

// maxBarred is how many addresses are taken at once.
const maxBarred = 1000

func (p *Pages) suppressPost(r *shell.Request) error {
	f, err := r.Form(512 << 10)
	if err != nil {
		return err
	}
	var addresses []address.Address
	lines := strings.FieldsFunc(f.Raw("addresses"), func(c rune) bool { return c == '\n' || c == ',' || c == ';' })
	for i, s := range lines {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		a, err := address.Parse(s)
		if err != nil {
			for _, e := range fault.All(err) {
				f.Faults = append(f.Faults, e.At("addresses").OnLine(i+1))
			}
			continue
		}
		addresses = append(addresses, a)
	}
	cause := consent.Cause(f.Get("cause"))
	if !slices.Contains(noted, cause) {
		f.Fail("cause", "people.bar.cause")
	}
	scope, ok := scopeOf(f.Get("scope"))
	if !ok {
		f.Fail("scope", "consent.scope")
	}
	switch {
	case len(addresses) == 0 && f.OK():
		f.Fail("addresses", "address.empty")
	case len(addresses) > maxBarred:
		f.Fail("addresses", "people.bulk.many", "limit", maxBarred)
	}
	if f.OK() {
		err = p.write(r, func(tx *store.Tx) error { return consent.SuppressAddresses(tx, addresses, cause, scope) })
	}
	if f.Take(err) || !f.OK() {
		l := shell.RestoreList("/suppressions", "", suppressionsSpec())
		b, err := p.readBarred(r, l)
		if err != nil {
			return err
		}
		if err := p.lookBarred(r, b); err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, suppressionsPage(r, suppressionsTable(r, l, b), b, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/suppressions", "people.bar.done", "n", len(addresses))
}
