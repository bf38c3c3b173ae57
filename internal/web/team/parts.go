// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/apikey"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/web/shell"
)

// hello greets by the given name, when there is one.
func hello(r *shell.Request) string {
	if r.Member.Name == "" || r.Member.Name == r.Member.Email {
		return r.P.T("nav.home")
	}
	return r.P.T("web_team.home.hello", "name", r.Member.Name)
}

func joinLead(r *shell.Request, g access.Guest) string {
	return r.P.T("web_team.join.lead", "role", r.P.T("role."+string(g.Member.Role)))
}

func accountFacts(r *shell.Request, a account.Account) []shell.Fact {
	country := ""
	if a.Country != "" {
		country = account.CountryName(a.Country, r.P.Lang)
	}
	return []shell.Fact{
		{Label: r.P.T("web_team.setup.name"), Text: a.Name},
		{Label: r.P.T("web_team.setup.postal"), Text: a.Postal},
		{Label: r.P.T("web_team.setup.country"), Text: country},
		{Label: r.P.T("web_team.setup.data"), Text: a.DataName.Raw()},
		{Label: r.P.T("web_team.account.data_email"), Text: a.DataEmail.Raw()},
		{Label: r.P.T("web_team.account.language"), Text: r.P.T("locale.name." + a.Language)},
		{Label: r.P.T("web_team.account.zone"), Text: a.Zone},
		{Label: r.P.T("web_team.account.colour"), Value: colourSwatch(a.Colour)},
	}
}

func teamCrumbs(r *shell.Request) []shell.Link {
	return []shell.Link{{Label: r.P.T("web_team.team"), URL: "/settings/team"}}
}

func teamColumns(r *shell.Request) []shell.Column {
	return []shell.Column{{Label: r.P.T("web_team.name")}, {Label: r.P.T("web_team.role")}, {Label: r.P.T("web_team.state")}, {Label: r.P.T("web_team.seen"), Quiet: true}}
}

func teamRows(r *shell.Request, all []member.Member) [][]shell.Component {
	var out [][]shell.Component
	for _, m := range all {
		out = append(out, []shell.Component{memberName(r, m), shell.Str(r.P.T("role." + string(m.Role))), memberState(r, m), when(m.SeenAt, r.P.T("web_team.never"))})
	}
	return out
}

func roleFacts(r *shell.Request) []shell.Fact {
	var out []shell.Fact
	for _, role := range member.Roles() {
		out = append(out, shell.Fact{Label: r.P.T("role." + string(role)), Text: r.P.T("web_team.role." + string(role))})
	}
	return out
}

func memberFacts(r *shell.Request, m member.Member) []shell.Fact {
	return []shell.Fact{
		{Label: r.P.T("web_team.email"), Text: m.Email.Raw()},
		{Label: r.P.T("web_team.invited"), Value: shell.Day(m.MadeAt)},
		{Label: r.P.T("web_team.joined"), Value: when(m.JoinedAt, r.P.T("web_team.not_yet"))},
		{Label: r.P.T("web_team.seen"), Value: when(m.SeenAt, r.P.T("web_team.never"))},
	}
}

func removeTitle(r *shell.Request, m member.Member) string {
	switch {
	case m.ID == r.Member.ID:
		return r.P.T("web_team.leave")
	case m.State == member.Invited:
		return r.P.T("web_team.withdraw")
	}
	return r.P.T("web_team.remove")
}

func removeText(r *shell.Request, m member.Member) string {
	switch {
	case m.ID == r.Member.ID:
		return r.P.T("web_team.leave.text")
	case m.State == member.Invited:
		return r.P.T("web_team.withdraw.text")
	}
	return r.P.T("web_team.remove.text")
}

func keyColumns(r *shell.Request) []shell.Column {
	return []shell.Column{{Label: r.P.T("web_team.key.name")}, {Label: r.P.T("web_team.key.tail")}, {Label: r.P.T("web_team.state")},
		{Label: r.P.T("web_team.key.made_at"), Quiet: true}, {Label: r.P.T("web_team.key.used"), Quiet: true}, {Label: r.P.T("web_team.act")}}
}

func keyRows(r *shell.Request, all []apikey.Key) [][]shell.Component {
	var out [][]shell.Component
	for _, k := range all {
		out = append(out, []shell.Component{shell.Str(k.Name), shell.Code("…" + k.Tail), keyState(r, k), shell.Day(k.MadeAt), when(k.UsedAt, r.P.T("web_team.never")), keyAct(r, k)})
	}
	return out
}

func meTabs(r *shell.Request, now string) []shell.Tab {
	var out []shell.Tab
	for _, t := range []shell.Tab{{Label: r.P.T("nav.profile"), URL: "/me"}, {Label: r.P.T("nav.security"), URL: "/me/security"}, {Label: r.P.T("nav.sessions"), URL: "/me/sessions"}} {
		t.Now = t.URL == now
		out = append(out, t)
	}
	return out
}

func sessionColumns(r *shell.Request) []shell.Column {
	return []shell.Column{{Label: r.P.T("web_team.sessions.browser")}, {Label: r.P.T("web_team.seen")}, {Label: r.P.T("web_team.sessions.began"), Quiet: true}, {Label: r.P.T("web_team.act")}}
}

func sessionRows(r *shell.Request, all []login.Session) [][]shell.Component {
	var out [][]shell.Component
	for _, s := range all {
		out = append(out, []shell.Component{sessionName(r, s), shell.When(s.SeenAt), shell.When(s.MadeAt),
			shell.PostButton(path("/me/sessions/%d/end", s.ID), r.P.T("web_team.sessions.end"), "", shell.Quiet)})
	}
	return out
}
