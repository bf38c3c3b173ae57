// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"net/http"
	"strconv"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// limits is what the page of refusals shows: which lists and purposes there are.
type limits struct {
	lists    []list.List
	purposes []list.Purpose
}

func (p *Pages) limit(r *shell.Request) error {
	i, moved, err := p.ofRefusals(r)
	if err != nil || moved {
		return err
	}
	no := *i.Options.Refusals
	f := shell.NewForm("version", dec(i.Version), "cause", string(no.Cause), "scope", "all")
	if no.Cause == "" {
		f.Values.Set("cause", string(consent.Unsubscribed))
	}
	if no.ID != 0 {
		f.Values.Set("scope", string(no.Reach)+"."+dec(no.ID))
	}
	return p.limitAgain(r, i, f, http.StatusOK)
}

// ofRefusals reads an import of people who must not be written to, once its columns have a meaning.
func (p *Pages) ofRefusals(r *shell.Request) (i importer.Import, moved bool, err error) {
	if i, moved, err = p.step(r, importer.Mapped); err == nil && !moved && !i.Refusing() {
		return i, true, r.Redirect(http.StatusSeeOther, at(i.ID, next(i)))
	}
	return i, moved, err
}

func (p *Pages) limitAgain(r *shell.Request, i importer.Import, f *shell.Form, status int) error {
	var l limits
	err := p.view(r, func(v *store.View) (err error) {
		all, err := list.InUse(v)
		for _, one := range all {
			if one.Kind == list.Mail {
				l.lists = append(l.lists, one)
			}
		}
		if err == nil {
			l.purposes, err = list.Purposes(v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(status, limitPage(r, i, l, f))
}

func (p *Pages) limitPost(r *shell.Request) error {
	i, moved, err := p.ofRefusals(r)
	if err != nil || moved {
		return err
	}
	f, err := r.Form(64 << 10)
	if err != nil {
		return err
	}
	version, _ := f.Int("version")
	reach, id, _ := strings.Cut(f.Get("scope"), ".")
	n, _ := strconv.ParseInt(id, 10, 64)
	no := importer.Refusals{Cause: consent.Cause(f.Get("cause")), Reach: consent.Reach(reach), ID: n}
	err = p.write(r, func(tx *store.Tx) error { return importer.Limit(tx, i.ID, version, no) })
	if f.Take(err) {
		return p.limitAgain(r, i, f, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(i.ID, "/summary"))
}

// scopeName says how far the refusals of a file go.
func scopeName(r *shell.Request, v store.Reader, i importer.Import) (string, error) {
	switch no := i.Options.Refusals; no.Reach {
	case consent.OneList:
		l, err := list.Get(v, no.ID)
		return r.P.T("importer.no.list", "list", l.Name), err
	case consent.OnePurpose:
		q, err := list.GetPurpose(v, no.ID)
		return r.P.T("importer.no.purpose", "purpose", q.Name), err
	}
	return r.P.T("importer.no.all"), nil
}
