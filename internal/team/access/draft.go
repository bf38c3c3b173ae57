// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/team/account"
	"consend/internal/team/login"
	"consend/internal/team/member"
	"consend/internal/trace"
)

// The links are made here, in the act that composes the mail: no table ever holds one that opens.
// A draft without a class is no mail: who was invited has joined meanwhile, or was removed.

// DraftInvitation is the mail of member.InvitedFact.
func DraftInvitation(tx *store.Tx, id int64) (compose.Draft, error) {
	m, a, err := reader(tx, id, member.Invited)
	if err != nil || m.ID == 0 {
		return compose.Draft{}, err
	}
	token, until := login.NewLink(tx, login.Invitation, m.ID)
	p := locale.For(speaks(m, a), a.Location())
	host := p.T("access.invite.somebody")
	if m.InvitedBy != 0 {
		if by, err := member.Get(tx, m.InvitedBy); err == nil {
			host = by.Called().Raw()
		}
	}
	return draft(p, m, "invitation", "access.invite", []any{"account", a.Name, "host", host, "role", p.T("role." + string(m.Role)), "until", p.DateTime(until)},
		link(tx, "/invite/"+token.Raw())), nil
}

// DraftRecovery is the mail of RecoverFact.
func DraftRecovery(tx *store.Tx, id int64) (compose.Draft, error) {
	m, a, err := reader(tx, id, member.Active)
	if err != nil || m.ID == 0 {
		return compose.Draft{}, err
	}
	token, until := login.NewLink(tx, login.Reset, m.ID)
	p := locale.For(speaks(m, a), a.Location())
	return draft(p, m, "sign_in", "access.reset", []any{"until", p.DateTime(until)}, link(tx, "/reset/"+token.Raw())), nil
}

// changes are the acts a member hears of, with the words for each: "access.changed.<word>".
var changes = map[string]string{"login.password": "password", "login.codes_on": "codes_on", "login.codes_off": "codes_off", "login.codes_new": "codes_new", "member.role": "role"}

// DraftChanged is the mail of member.ChangedFact: it says what was changed, when and by whom. It
// holds no link: who takes a mailbox over gets no way in by it, and nobody learns to click
// where a mail is alarming.
func DraftChanged(tx *store.Tx, entry int64) (compose.Draft, error) {
	e, err := trace.Find(tx, entry)
	word := changes[e.Action]
	if err != nil || word == "" {
		return compose.Draft{}, err
	}
	m, a, err := reader(tx, e.ObjectID, member.Active)
	if err != nil || m.ID == 0 {
		return compose.Draft{}, err
	}
	p, f := locale.For(speaks(m, a), a.Location()), e.Fields()
	key, by := "access.changed."+word, p.T("access.changed.by.house")
	switch {
	case f["by"] == "link":
		by = p.T("access.changed.by.link")
	case e.Actor == string(actor.Member) && e.ActorID == m.ID:
		by = p.T("access.changed.by.you")
	case e.Actor == string(actor.Member):
		if other, err := member.Get(tx, e.ActorID); err == nil {
			by = other.Called().Raw()
		}
	}
	values := []any{"account", a.Name, "when", p.DateTime(e.At), "by", by, "role", p.Or("role."+f["after"], f["after"]), "was", p.Or("role."+f["before"], f["before"])}
	note := "access.changed.note"
	if word == "role" {
		note = "access.changed.role.note"
	}
	return compose.Draft{
		Class: "notice", To: compose.Mailbox{Name: m.Name.Raw(), Addr: m.Email.RawWire()}, Member: m.ID, Language: p.Lang,
		Subject: p.T(key+".subject", values...), Preview: p.T(key+".text", values...),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T(key+".subject", values...)},
			{Kind: compose.Paragraph, Text: p.T(key+".text", values...)},
			{Kind: compose.Paragraph, Text: p.T("access.changed.who", values...)},
			{Kind: compose.Small, Text: p.T(note, values...)},
		}}, nil
}

func reader(tx *store.Tx, id int64, state member.State) (member.Member, account.Account, error) {
	m, err := member.Get(tx, id)
	if err != nil {
		return m, account.Account{}, err
	}
	if m.State != state {
		return member.Member{}, account.Account{}, nil
	}
	a, err := account.Get(tx)
	return m, a, err
}

// speaks is the language of mails to a member: their own, the account's.
func speaks(m member.Member, a account.Account) string {
	if m.Language != "" {
		return m.Language
	}
	return a.Language
}

func link(tx *store.Tx, path string) string {
	if site, ok := store.Attached[*config.Site](tx); ok {
		return site.Link(path)
	}
	return path
}

// draft says title, text, button and note of a mail whose words begin with key.
func draft(p locale.Printer, m member.Member, class, key string, values []any, url string) compose.Draft {
	return compose.Draft{
		Class: class, To: compose.Mailbox{Name: m.Name.Raw(), Addr: m.Email.RawWire()}, Member: m.ID, Language: p.Lang,
		Subject: p.T(key+".subject", values...), Preview: p.T(key+".preview", values...), Secret: true,
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T(key+".title", values...)},
			{Kind: compose.Paragraph, Text: p.T(key+".text", values...)},
			{Kind: compose.Button, Text: p.T(key + ".button"), URL: url},
			{Kind: compose.Small, Text: p.T(key+".note", values...)},
		}}
}
