// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

func (p *Pages) account(r *shell.Request) error {
	a, err := p.bound(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, accountPage(r, a, shell.NewForm("seen", a.Mark(), "name", a.Name, "postal", a.Postal, "country", a.Country, "rules", a.Rules,
		"language", a.Language, "zone", a.Zone, "colour", a.Colour, "data_name", a.DataName.Raw(), "data_email", a.DataEmail.Raw())))
}

func (p *Pages) bound(r *shell.Request) (a account.Account, err error) {
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error { a, err = account.Get(v); return err })
	return a, err
}

func (p *Pages) accountPost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	a, err := p.bound(r)
	if err != nil {
		return err
	}
	d := account.Details{Name: f.Get("name"), Postal: f.Get("postal"), Country: f.Get("country"), Rules: f.Get("rules"), Language: f.Get("language"),
		Zone: f.Get("zone"), Colour: f.Get("colour"), DataName: text(f.Get("data_name")), Sending: a.Sending}
	if c := d.Colour; c != "" && !strings.HasPrefix(c, "#") {
		d.Colour = "#" + c
	}
	if f.Get("data_email") != "" {
		d.DataEmail = email(f, "data_email")
	}
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return account.Change(tx, f.Get("seen"), d) })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, accountPage(r, a, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings", "web_team.account.done")
}

func zones(own string) []shell.Choice {
	var out []shell.Choice
	for _, z := range account.Zones(own) {
		out = append(out, shell.Choice{Value: z, Label: strings.ReplaceAll(z, "_", " ")})
	}
	return out
}
