// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"

	"consend/internal/mail/address"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

func (p *Pages) setup(r *shell.Request) error {
	if err := p.Desk.LookSetup(r.Context(), r.Who, r.Path("token")); err != nil {
		return err
	}
	country := ""
	if r.P.Lang == "fr" {
		country = "FR"
	}
	return r.Render(http.StatusOK, setupPage(r, shell.NewForm("country", country, "who", "us", "sending", string(account.Mailbox))))
}

func (p *Pages) setupPost(r *shell.Request) error {
	if err := p.Desk.LookSetup(r.Context(), r.Who, r.Path("token")); err != nil {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	d := account.Details{Name: f.Get("name"), Postal: f.Get("postal"), Country: f.Get("country"), Sending: account.Sending(f.Get("sending"))}
	d.DataName = text(f.Get("data_name"))
	d.DataEmail, _ = address.Parse(f.Get("email")) // the owner answers, until the settings say otherwise
	if who := f.Get("who"); who != "us" && who != "all" {
		f.Fail("who", "shell.bad_choice")
	}
	var in access.In
	if err = nil; f.OK() {
		in, err = p.Desk.SetUp(r.Context(), r.Who, r.Path("token"), access.Setup{Account: d, OnlyUs: f.Get("who") == "us",
			Email: f.Get("email"), Name: text(f.Get("owner")), Password: f.Raw("password")}, p.Furnish)
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, setupPage(r, f))
	}
	if err != nil {
		return err
	}
	return come(r, in, "/", "web_team.setup.done")
}

func countries(lang string) []shell.Choice {
	var out []shell.Choice
	for _, c := range account.Countries(lang) {
		out = append(out, shell.Choice{Value: c.Code, Label: c.Name})
	}
	return out
}
