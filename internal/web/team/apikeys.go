// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/team/apikey"
	"consend/internal/team/secret"
	"consend/internal/web/shell"
)

func (p *Pages) list(r *shell.Request) (all []apikey.Key, err error) {
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error { all, err = apikey.All(v); return err })
	return all, err
}

func (p *Pages) keys(r *shell.Request) error {
	all, err := p.list(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, keysPage(r, all, shell.NewForm()))
}

// keysPost answers with the page that shows the key: it is in no address and no cookie, and
// loading the page again would make another one, so the browser asks first.
func (p *Pages) keysPost(r *shell.Request) error {
	if ok, err := p.fresh(r, "/settings/apikeys"); !ok {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	var k apikey.Key
	var t secret.Token
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) (err error) {
		k, t, err = apikey.Create(tx, apikey.New{Name: f.Get("name")})
		return err
	})
	if f.Take(err) {
		all, e := p.list(r)
		if e != nil {
			return e
		}
		return r.Render(http.StatusUnprocessableEntity, keysPage(r, all, f))
	}
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, keyMadePage(r, k, t))
}

func (p *Pages) revoke(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	all, err := p.list(r)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.ID == id && !k.Revoked() {
			return r.Render(http.StatusOK, revokePage(r, k))
		}
	}
	return fault.New(fault.NotFound, "apikey.none")
}

func (p *Pages) revokePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return apikey.Revoke(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/apikeys", "web_team.key.revoked")
}
