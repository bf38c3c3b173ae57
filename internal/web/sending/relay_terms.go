// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"net/http"

	"consend/internal/chain/legal"
	"consend/internal/ground/store"
	"consend/internal/sending/message"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// standing is what binds the account, and whether it is the operator's.
func (p *RelayPages) standing(r *shell.Request) (s legal.Standing, operator bool, err error) {
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error {
		a, err := account.Get(v)
		if err != nil {
			return err
		}
		operator = a.Kind == account.Operator
		s, err = legal.Of(v, a, v.Now)
		return err
	})
	return s, operator, err
}

func (p *RelayPages) terms(r *shell.Request) error {
	s, operator, err := p.standing(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, termsPage(r, s, operator, shell.NewForm()))
}

func (p *RelayPages) accept(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error {
		message.Release(tx) // what waited for this is looked at again
		return legal.Accept(tx, id)
	})
	if err != nil {
		return err
	}
	p.Service.Wake()
	return r.Redirect(http.StatusSeeOther, "/settings/terms", "web_sending.terms.accept.done")
}

func (p *RelayPages) publish(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	n := legal.New{Version: f.Get("version"), URL: f.Get("url"), RequiredAt: date(f, "required_at")}
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { _, err := legal.Publish(tx, n); return err })
	}
	if f.Take(err) || !f.OK() {
		s, operator, e := p.standing(r)
		if e != nil {
			return e
		}
		return r.Render(http.StatusUnprocessableEntity, termsPage(r, s, operator, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/terms", "web_sending.terms.publish.done")
}
