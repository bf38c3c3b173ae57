// SPDX-License-Identifier: AGPL-3.0-or-later

// Package team holds the pages of who works here: the ways in, Home, the account's settings,
// its team and keys, and what is a person's own. It decides nothing.
package team

import (
	"context"
	"fmt"
	"net/http"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/team/access"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

// Pages are the pages of the room.
type Pages struct {
	DB      *store.DB
	Desk    *access.Desk
	Furnish func(tx *store.Tx, account int64) error                   // drafts of everything, in the act of the first start; nil for none
	State   func(ctx context.Context, who actor.Actor) (State, error) // what Home counts; nil for nothing
}

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	in := []string{"login.in"}
	return []shell.Route{
		{Method: "GET", Pattern: "/login", Public: true, Handler: p.login},
		{Method: "POST", Pattern: "/login", Public: true, Trace: in, Body: small, Handler: p.loginPost},
		{Method: "POST", Pattern: "/login/code", Public: true, Trace: in, Body: small, Handler: p.codePost},
		{Method: "GET", Pattern: "/login/code", Public: true, Handler: p.loginAgain},
		{Method: "GET", Pattern: "/recover", Public: true, Handler: p.recover},
		{Method: "POST", Pattern: "/recover", Public: true, Trace: []string{"login.recover"}, Body: small, Handler: p.recoverPost},
		{Method: "GET", Pattern: "/reset/{token}", Public: true, Handler: p.reset},
		{Method: "POST", Pattern: "/reset/{token}", Public: true, Trace: []string{"login.password", "login.in"}, Body: small, Handler: p.resetPost},
		{Method: "GET", Pattern: "/invite/{token}", Public: true, Handler: p.invited},
		{Method: "POST", Pattern: "/invite/{token}", Public: true, Trace: []string{"member.join", "login.in"}, Body: small, Handler: p.invitedPost},
		{Method: "GET", Pattern: "/signin/{token}", Public: true, Handler: p.invited},
		{Method: "POST", Pattern: "/signin/{token}", Public: true, Trace: []string{"member.join", "login.in"}, Body: small, Handler: p.invitedPost},
		{Method: "GET", Pattern: "/setup/{token}", Public: true, Handler: p.setup},
		{Method: "POST", Pattern: "/setup/{token}", Public: true, Trace: []string{"account.create", "member.invite", "member.join", "login.in"}, Body: small, Handler: p.setupPost},
		{Method: "POST", Pattern: "/logout", Permission: shell.MeWrite, Trace: []string{"login.out"}, Body: small, Handler: p.logout},
		{Method: "POST", Pattern: "/switch", Permission: shell.MeWrite, Trace: []string{"login.in", "login.out"}, Body: small, Handler: p.change},

		{Method: "GET", Pattern: "/{$}", Permission: shell.HomeRead, Handler: p.home},

		{Method: "GET", Pattern: "/settings", Permission: shell.SettingsRead, Handler: p.account},
		{Method: "POST", Pattern: "/settings", Permission: shell.SettingsWrite, Trace: []string{"account.change"}, Body: small, Handler: p.accountPost},
		{Method: "GET", Pattern: "/settings/team", Permission: shell.SettingsRead, Handler: p.team},
		{Method: "GET", Pattern: "/settings/team/invite", Permission: shell.TeamWrite, Handler: p.invite},
		{Method: "POST", Pattern: "/settings/team/invite", Permission: shell.TeamWrite, Trace: []string{"member.invite"}, Body: small, Handler: p.invitePost},
		{Method: "GET", Pattern: "/settings/team/{id}", Permission: shell.TeamWrite, Handler: p.memberPage},
		{Method: "POST", Pattern: "/settings/team/{id}", Permission: shell.TeamWrite, Trace: []string{"member.role"}, Body: small, Handler: p.rolePost},
		{Method: "POST", Pattern: "/settings/team/{id}/remind", Permission: shell.TeamWrite, Trace: []string{"member.remind"}, Body: small, Handler: p.remindPost},
		{Method: "GET", Pattern: "/settings/team/{id}/remove", Permission: shell.TeamWrite, Handler: p.remove},
		{Method: "POST", Pattern: "/settings/team/{id}/remove", Permission: shell.TeamWrite, Trace: []string{"member.remove"}, Body: small, Handler: p.removePost},
		{Method: "GET", Pattern: "/settings/rules", Permission: shell.SettingsRead, Handler: p.rules},
		{Method: "GET", Pattern: "/settings/rules/{rule}", Permission: shell.SettingsRead, Handler: p.rule},
		{Method: "POST", Pattern: "/settings/rules/{rule}", Permission: shell.SettingsWrite, Trace: []string{"rulepack.decide"}, Body: small, Handler: p.rulePost},
		{Method: "GET", Pattern: "/settings/apikeys", Permission: shell.KeysWrite, Handler: p.keys},
		{Method: "POST", Pattern: "/settings/apikeys", Permission: shell.KeysWrite, Trace: []string{"apikey.create"}, Body: small, Handler: p.keysPost},
		{Method: "GET", Pattern: "/settings/apikeys/{id}/revoke", Permission: shell.KeysWrite, Handler: p.revoke},
		{Method: "POST", Pattern: "/settings/apikeys/{id}/revoke", Permission: shell.KeysWrite, Trace: []string{"apikey.revoke"}, Body: small, Handler: p.revokePost},

		{Method: "GET", Pattern: "/me", Permission: shell.MeWrite, Handler: p.me},
		{Method: "POST", Pattern: "/me", Permission: shell.MeWrite, Trace: []string{"member.profile"}, Body: small, Handler: p.mePost},
		{Method: "GET", Pattern: "/me/again", Permission: shell.MeWrite, Handler: p.again},
		{Method: "POST", Pattern: "/me/again", Permission: shell.MeWrite, Trace: []string{"login.again"}, Body: small, Handler: p.againPost},
		{Method: "GET", Pattern: "/me/security", Permission: shell.MeWrite, Handler: p.security},
		{Method: "POST", Pattern: "/me/security", Permission: shell.MeWrite, Trace: []string{"login.password"}, Body: small, Handler: p.passwordPost},
		{Method: "POST", Pattern: "/me/security/codes/start", Permission: shell.MeWrite, Trace: []string{"login.codes_start"}, Body: small, Handler: p.codesStart},
		{Method: "GET", Pattern: "/me/security/codes", Permission: shell.MeWrite, Handler: p.codes},
		{Method: "POST", Pattern: "/me/security/codes", Permission: shell.MeWrite, Trace: []string{"login.codes_on"}, Body: small, Handler: p.codesPost},
		{Method: "POST", Pattern: "/me/security/codes/off", Permission: shell.MeWrite, Trace: []string{"login.codes_off"}, Body: small, Handler: p.codesOff},
		{Method: "POST", Pattern: "/me/security/codes/renew", Permission: shell.MeWrite, Trace: []string{"login.codes_new"}, Body: small, Handler: p.codesRenew},
		{Method: "GET", Pattern: "/me/security/codes/renew", Permission: shell.MeWrite, Handler: p.securityAgain},
		{Method: "GET", Pattern: "/me/sessions", Permission: shell.MeWrite, Handler: p.sessions},
		{Method: "POST", Pattern: "/me/sessions/others", Permission: shell.MeWrite, Trace: []string{"login.end"}, Body: small, Handler: p.endOthers},
		{Method: "POST", Pattern: "/me/sessions/{id}/end", Permission: shell.MeWrite, Trace: []string{"login.end"}, Body: small, Handler: p.endSession},
	}
}

// small is the largest form of the room.
const small = 16 << 10

// Sessions implements shell.Sessions over the desk.
type Sessions struct{ Desk *access.Desk }

// Find gives the member behind a session token.
func (s Sessions) Find(ctx context.Context, token string) (shell.Member, error) {
	f, err := s.Desk.Find(ctx, token)
	if err != nil {
		return shell.Member{}, err
	}
	m := shell.Member{ID: f.Member.ID, Session: f.Session.ID, Name: f.Member.Called().Raw(), Email: f.Member.Email.Raw(),
		Account: Brand(f.Account), Role: string(f.Member.Role), Language: f.Member.Language, Theme: f.Member.Theme,
		Fresh: f.Session.Fresh(s.Desk.Now())}
	for _, o := range f.Others {
		m.Others = append(m.Others, shell.Other{ID: o.ID, Name: o.Name})
	}
	return m, nil
}

// Prefer keeps the language and the theme a member chose in the top bar.
func Prefer(db *store.DB) shell.Prefer {
	return func(ctx context.Context, who actor.Actor, c shell.Preference) error {
		return db.Write(ctx, who, func(tx *store.Tx) error {
			m, err := member.Get(tx, who.ID)
			if err != nil {
				return err
			}
			n := member.Profile{Name: m.Name, Language: m.Language, Theme: m.Theme}
			if c.Language != "" {
				n.Language = c.Language
			}
			switch c.Theme {
			case "auto":
				n.Theme = ""
			case "light", "dark":
				n.Theme = c.Theme
			}
			return member.SetProfile(tx, m.ID, n)
		})
	}
}

// found is the session behind a member's request, for what is their own.
func (p *Pages) found(r *shell.Request) (access.Found, error) {
	return p.Desk.Find(r.Context(), r.Token())
}

// fresh sends a member who signed in a while ago to prove themselves once more; ok says go on.
// back is the page they come from.
func (p *Pages) fresh(r *shell.Request, back string) (ok bool, err error) {
	if r.Member.Fresh {
		return true, nil
	}
	return false, r.Redirect(http.StatusSeeOther, "/me/again?next="+query(back))
}

// come gives the browser its session and leads on.
func come(r *shell.Request, in access.In, to string, said ...any) error {
	r.SetSession(in.Token.Raw(), in.Until)
	return r.Redirect(http.StatusSeeOther, to, said...)
}

// status is what a form answers with: why it can't go on, as far as HTTP can say it.
func status(f *shell.Form) int {
	for _, e := range f.Faults {
		switch e.Kind {
		case fault.Busy, fault.Forbidden:
			return shell.Status(e.Kind)
		}
	}
	return http.StatusUnprocessableEntity
}

// email reads an address of a form; what is wrong with it stands at its field.
func email(f *shell.Form, name string) address.Address {
	a, err := address.Parse(f.Get(name))
	if err != nil {
		f.Faults = append(f.Faults, fault.All(err)[0].At(name))
	}
	return a
}

func text(s string) pii.Text { return pii.T(s) }

func path(format string, id int64) string { return fmt.Sprintf(format, id) }
