// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"
	"net/url"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

func query(s string) string { return url.QueryEscape(s) }

// Brand is what pages show of an account.
func Brand(a account.Account) shell.Account {
	footer := ""
	for i, l := range a.Lines(a.Language) {
		if i > 0 {
			footer += "\n"
		}
		footer += l
	}
	return shell.Account{ID: a.ID, Name: a.Name, Language: a.Language, Zone: zone(a), Colour: a.Colour, Footer: footer}
}

func zone(a account.Account) *time.Location { return a.Location() }

func (p *Pages) login(r *shell.Request) error {
	return r.Render(http.StatusOK, loginPage(r, shell.NewForm("next", shell.Local(r.Q("next")))))
}

func (p *Pages) loginPost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	in, err := p.Desk.SignIn(r.Context(), r.Who, f.Get("email"), f.Raw("password"))
	if f.Take(err) {
		return r.Render(status(f), loginPage(r, f))
	}
	if err != nil {
		return err
	}
	return p.proceed(r, in, f.Get("next"))
}

// proceed leads a person who proved the first step to the second, or in.
func (p *Pages) proceed(r *shell.Request, in access.In, next string, said ...any) error {
	if !in.Done() {
		return r.Render(http.StatusOK, codePage(r, shell.NewForm("second", in.Second.Raw(), "next", shell.Local(next))))
	}
	return come(r, in, shell.Local(next), said...)
}

func (p *Pages) codePost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	in, err := p.Desk.Code(r.Context(), r.Who, f.Get("second"), f.Get("code"))
	if fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound) { // too many codes, or too late: begin again
		n := shell.NewForm("next", shell.Local(f.Get("next")))
		n.Fail("email", "web_team.code.again")
		return r.Render(http.StatusUnprocessableEntity, loginPage(r, n))
	}
	if f.Take(err) {
		return r.Render(status(f), codePage(r, f))
	}
	if err != nil {
		return err
	}
	return come(r, in, shell.Local(f.Get("next")))
}

// loginAgain is where a page that answered a POST leads when it is loaded again.
func (p *Pages) loginAgain(r *shell.Request) error { return r.Redirect(http.StatusSeeOther, "/login") }

func (p *Pages) recover(r *shell.Request) error {
	return r.Render(http.StatusOK, recoverPage(r, shell.NewForm()))
}

func (p *Pages) recoverPost(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	err = p.Desk.Recover(r.Context(), r.Who, f.Get("email"))
	if f.Take(err) {
		return r.Render(status(f), recoverPage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, recoverSent(r))
}

// guest reads the link of a public page, and binds its account.
func (p *Pages) guest(r *shell.Request, kinds ...login.LinkKind) (access.Guest, error) {
	g, _, err := p.Desk.Look(r.Context(), r.Who, r.Path("token"), kinds...)
	if err == nil {
		lang := g.Member.Language // the invitation's; else the browser's goes before the account's: it is a colleague, no customer
		if lang == "" {
			lang = r.P.Lang
		}
		r.Bind(Brand(g.Account), lang)
	}
	return g, err
}

func (p *Pages) reset(r *shell.Request) error {
	g, err := p.guest(r, login.Reset)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, resetPage(r, g, shell.NewForm()))
}

func (p *Pages) resetPost(r *shell.Request) error {
	g, err := p.guest(r, login.Reset)
	if err != nil {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	in, err := p.Desk.Reset(r.Context(), r.Who, r.Path("token"), f.Raw("password"))
	if f.Take(err) {
		return r.Render(status(f), resetPage(r, g, f))
	}
	if err != nil {
		return err
	}
	return p.proceed(r, in, "/", "web_team.reset.done")
}

// invited serves /invite and /signin: an invited person joins, one who is in already signs in by
// a button (a mail program that looks at links presses none).
func (p *Pages) invited(r *shell.Request) error {
	g, err := p.guest(r, login.Invitation, login.SignIn)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, invitedPage(r, g, shell.NewForm("name", g.Member.Name.Raw())))
}

func (p *Pages) invitedPost(r *shell.Request) error {
	g, err := p.guest(r, login.Invitation, login.SignIn)
	if err != nil {
		return err
	}
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	var in access.In
	if g.Member.State == member.Active {
		in, err = p.Desk.FollowLink(r.Context(), r.Who, r.Path("token"))
	} else {
		in, err = p.Desk.Accept(r.Context(), r.Who, r.Path("token"), access.Joining{Name: text(f.Get("name")), Password: f.Raw("password")})
	}
	if f.Take(err) {
		return r.Render(status(f), invitedPage(r, g, f))
	}
	if err != nil {
		return err
	}
	return p.proceed(r, in, "/", "web_team.welcome")
}

func (p *Pages) logout(r *shell.Request) error {
	if err := p.Desk.Out(r.Context(), r.Who, r.Token()); err != nil {
		return err
	}
	r.ClearSession()
	return r.Redirect(http.StatusSeeOther, "/login", "web_team.out")
}

func (p *Pages) change(r *shell.Request) error {
	f, err := r.Form(small)
	if err != nil {
		return err
	}
	to, _ := f.Int("account")
	in, err := p.Desk.Switch(r.Context(), r.Who, r.Token(), to)
	if err != nil {
		return err
	}
	return come(r, in, "/")
}
