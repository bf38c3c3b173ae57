// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"

	"consend/internal/ground/store"
	"consend/internal/team/access"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

func (p *Pages) me(r *shell.Request) error {
	f, err := p.found(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, mePage(r, f.Member, shell.NewForm("name", f.Member.Name.Raw(), "language", f.Member.Language, "theme", f.Member.Theme)))
}

func (p *Pages) mePost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	who, err := p.found(r)
	if err != nil {
		return err
	}
	n := member.Profile{Name: text(f.Get("name")), Language: f.Get("language"), Theme: f.Get("theme")}
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return member.SetProfile(tx, who.Member.ID, n) })
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, mePage(r, who.Member, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/me", "web_team.me.done")
}

func (p *Pages) again(r *shell.Request) error {
	return r.Render(http.StatusOK, againPage(r, shell.NewForm("next", shell.Local(r.Q("next")))))
}

func (p *Pages) againPost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	who, err := p.found(r)
	if err != nil {
		return err
	}
	err = p.Desk.Again(r.Context(), r.Who, who, f.Raw("password"))
	if f.Take(err) {
		return r.Render(status(f), againPage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, shell.Local(f.Get("next")))
}

func (p *Pages) guarded(r *shell.Request) (access.Found, access.Security, error) {
	f, err := p.found(r)
	if err != nil {
		return f, access.Security{}, err
	}
	s, err := p.Desk.Security(r.Context(), r.Who, f)
	return f, s, err
}

func (p *Pages) security(r *shell.Request) error {
	_, s, err := p.guarded(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, securityPage(r, s, shell.NewForm()))
}

// securityAgain is where the page of recovery codes leads when it is loaded again.
func (p *Pages) securityAgain(r *shell.Request) error {
	return r.Redirect(http.StatusSeeOther, "/me/security")
}

func (p *Pages) passwordPost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	who, s, err := p.guarded(r)
	if err != nil {
		return err
	}
	in, err := p.Desk.ChangePassword(r.Context(), r.Who, who, f.Raw("old"), f.Raw("password"))
	if f.Take(err) {
		return r.Render(status(f), securityPage(r, s, f))
	}
	if err != nil {
		return err
	}
	return come(r, in, "/me/security", "web_team.password.done")
}

func (p *Pages) codesStart(r *shell.Request) error {
	if ok, err := p.fresh(r, "/me/security"); !ok {
		return err
	}
	f, err := p.found(r)
	if err != nil {
		return err
	}
	if err := p.Desk.StartCodes(r.Context(), r.Who, f); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/me/security/codes")
}

// codes shows the key that waits for its proof. Who proved themselves a while ago does so again.
func (p *Pages) codes(r *shell.Request) error {
	if ok, err := p.fresh(r, "/me/security/codes"); !ok {
		return err
	}
	_, s, err := p.guarded(r)
	if err != nil {
		return err
	}
	if !s.HasSecret {
		return r.Redirect(http.StatusSeeOther, "/me/security")
	}
	return r.Render(http.StatusOK, codesPage(r, s, shell.NewForm()))
}

func (p *Pages) codesPost(r *shell.Request) error {
	if ok, err := p.fresh(r, "/me/security/codes"); !ok {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	who, s, err := p.guarded(r)
	if err != nil {
		return err
	}
	recovery, err := p.Desk.ConfirmCodes(r.Context(), r.Who, who, f.Get("code"))
	if s.HasSecret && f.Take(err) {
		return r.Render(status(f), codesPage(r, s, f))
	}
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, recoveryPage(r, recovery))
}

func (p *Pages) codesOff(r *shell.Request) error {
	if ok, err := p.fresh(r, "/me/security"); !ok {
		return err
	}
	f, err := p.found(r)
	if err != nil {
		return err
	}
	if err := p.Desk.EndCodes(r.Context(), r.Who, f); err != nil {
		return err
	}
	return r.RedirectWarning("/me/security", "web_team.codes.off.done")
}

func (p *Pages) codesRenew(r *shell.Request) error {
	if ok, err := p.fresh(r, "/me/security"); !ok {
		return err
	}
	f, err := p.found(r)
	if err != nil {
		return err
	}
	recovery, err := p.Desk.RenewCodes(r.Context(), r.Who, f)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, recoveryPage(r, recovery))
}

func (p *Pages) sessions(r *shell.Request) error {
	f, err := p.found(r)
	if err != nil {
		return err
	}
	all, err := p.Desk.Sessions(r.Context(), r.Who, f)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, sessionsPage(r, all))
}

func (p *Pages) endOthers(r *shell.Request) error {
	f, err := p.found(r)
	if err != nil {
		return err
	}
	if err := p.Desk.EndOtherSessions(r.Context(), r.Who, f); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/me/sessions", "web_team.sessions.done")
}

func (p *Pages) endSession(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := p.found(r)
	if err != nil {
		return err
	}
	if err := p.Desk.EndSession(r.Context(), r.Who, f, id); err != nil {
		return err
	}
	if id == f.Session.ID {
		r.ClearSession()
		return r.Redirect(http.StatusSeeOther, "/login", "web_team.out")
	}
	return r.Redirect(http.StatusSeeOther, "/me/sessions", "web_team.sessions.done")
}

// qr draws a code; a text too long for any has none: the key stands beside it as text.
func qr(text string) (path string, side int) {
	path, side, _ = shell.QR(text)
	return path, side
}
