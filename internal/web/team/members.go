// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"

	"consend/internal/ground/store"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

func (p *Pages) team(r *shell.Request) error {
	var all []member.Member
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) { all, err = member.All(v); return err })
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, teamPage(r, all))
}

func (p *Pages) invite(r *shell.Request) error {
	if ok, err := p.fresh(r, "/settings/team/invite"); !ok {
		return err
	}
	return r.Render(http.StatusOK, invitePage(r, shell.NewForm("language", r.P.Lang)))
}

func (p *Pages) invitePost(r *shell.Request) error {
	if ok, err := p.fresh(r, "/settings/team/invite"); !ok {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	n := member.New{Name: text(f.Get("name")), Role: member.Role(f.Get("role")), Language: f.Get("language")}
	if n.Email = email(f, "email"); f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { _, err := member.Invite(tx, n); return err })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, invitePage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/team", "web_team.invite.done")
}

func (p *Pages) member(r *shell.Request) (m member.Member, err error) {
	id, err := r.ID("id")
	if err != nil {
		return m, err
	}
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error { m, err = member.Get(v, id); return err })
	return m, err
}

func (p *Pages) memberPage(r *shell.Request) error {
	m, err := p.member(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, memberPage(r, m, shell.NewForm("role", string(m.Role))))
}

func (p *Pages) rolePost(r *shell.Request) error {
	m, err := p.member(r)
	if err != nil {
		return err
	}
	if ok, err := p.fresh(r, path("/settings/team/%d", m.ID)); !ok {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return member.SetRole(tx, m.ID, member.Role(f.Get("role"))) })
	if f.Take(err) {
		return r.Render(status(f), memberPage(r, m, f))
	}
	if err != nil {
		return err
	}
	if m.ID == r.Member.ID { // one's own session ended with the old role
		r.ClearSession()
		return r.Redirect(http.StatusSeeOther, "/login", "web_team.role.own")
	}
	return r.Redirect(http.StatusSeeOther, "/settings/team", "web_team.role.done")
}

func (p *Pages) remindPost(r *shell.Request) error {
	m, err := p.member(r)
	if err != nil {
		return err
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return member.Remind(tx, m.ID) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/team", "web_team.invite.done")
}

func (p *Pages) remove(r *shell.Request) error {
	m, err := p.member(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, removePage(r, m, shell.NewForm()))
}

func (p *Pages) removePost(r *shell.Request) error {
	m, err := p.member(r)
	if err != nil {
		return err
	}
	if ok, err := p.fresh(r, path("/settings/team/%d/remove", m.ID)); !ok {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return member.Remove(tx, m.ID) })
	if f.Take(err) {
		return r.Render(status(f), removePage(r, m, f))
	}
	if err != nil {
		return err
	}
	if m.ID == r.Member.ID {
		r.ClearSession()
		return r.Redirect(http.StatusSeeOther, "/login", "web_team.remove.own")
	}
	return r.Redirect(http.StatusSeeOther, "/settings/team", "web_team.remove.done")
}

func roles(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, role := range member.Roles() {
		out = append(out, shell.Choice{Value: string(role), Label: r.P.T("role." + string(role)), Hint: r.P.T("web_team.role." + string(role)),
			Disabled: role == member.Owner && r.Member.Role != shell.Owner})
	}
	return out
}

func languages(r *shell.Request, none string) []shell.Choice {
	out := []shell.Choice{{Value: "en", Label: r.P.T("locale.name.en")}, {Value: "fr", Label: r.P.T("locale.name.fr")}}
	if none != "" {
		out = append([]shell.Choice{{Label: none}}, out...)
	}
	return out
}
