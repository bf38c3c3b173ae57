// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import (
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/team/account"
)

// asking is what both mails are written from.
type asking struct {
	c       Change
	person  contact.Contact
	account account.Account
	p       locale.Printer
	link    string
}

// asked reads it. Faults: move.nothing, when there is nothing to ask that side any more.
func asked(tx *store.Tx, id int64, side Side) (a asking, err error) {
	if a.c, err = Find(tx, id); err != nil {
		return a, err
	}
	if a.c.Stage(side, tx.Now) != Ready {
		return a, nothing()
	}
	if a.person, err = contact.Get(tx, a.c.ContactID); err != nil {
		return a, err
	}
	if a.person.State.Ending() {
		return a, nothing()
	}
	if a.account, err = account.Get(tx); err != nil {
		return a, err
	}
	lang, err := form.Speaks(tx, a.person.Language)
	if err != nil {
		return a, err
	}
	if lang == "" {
		lang = a.account.Language
	}
	a.p = locale.For(lang, a.account.Location())
	a.link, err = Link(tx, id, side)
	return a, err
}

// Link is the page on which a mailbox answers.
func Link(r store.Reader, id int64, side Side) (string, error) {
	kind := token.MoveOld
	if side == New {
		kind = token.MoveNew
	}
	key, err := keys.Of(r).MAC(accountOf(r), kind.Key())
	if err != nil {
		return "", err
	}
	site, ok := store.Attached[*config.Site](r)
	if !ok {
		return "", fault.New(fault.Internal, "fault.internal")
	}
	return site.Link("/a/" + token.Make(key, kind, accountOf(r), id)), nil
}

func accountOf(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}

// DraftOld writes the mail to the mailbox we write to: somebody asked that we write to another.
// It is the one that protects the person: whoever took over a link can move nothing by it.
func DraftOld(tx *store.Tx, id int64) (compose.Draft, error) {
	a, err := asked(tx, id, Old)
	if err != nil {
		return compose.Draft{}, err
	}
	p, name := a.p, a.account.Name
	return compose.Draft{
		Class: "notice", To: compose.Mailbox{Addr: a.person.Email.RawWire()}, Contact: a.person.ID, Language: p.Lang,
		Subject: p.T("move.old.subject", "account", name), Preview: p.T("move.old.preview"),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T("move.old.title")},
			{Kind: compose.Paragraph, Text: p.T("move.old.text", "account", name, "address", a.c.Address.Raw(), "when", p.DateTime(a.c.AskedAt))},
			{Kind: compose.Button, Text: p.T("move.mail.button"), URL: a.link},
			{Kind: compose.Small, Text: p.T("move.mail.both", "when", p.DateTime(a.c.EndsAt))},
			{Kind: compose.Small, Text: p.T("move.old.not_me")},
		},
		Why:    p.T("move.old.why", "account", name),
		Secret: true,
	}, nil
}

// DraftNew writes the mail to the other mailbox: is it yours? It names nobody and no other
// address, since it may be a stranger's. Faults: move.nothing, also when the mailbox wants no
// such mail from anybody.
func DraftNew(tx *store.Tx, id int64) (compose.Draft, error) {
	a, err := asked(tx, id, New)
	if err != nil {
		return compose.Draft{}, err
	}
	if shut, err := form.Shuts(tx, a.c.Address, a.c.AskedAt); err != nil || shut {
		if err == nil {
			err = nothing()
		}
		return compose.Draft{}, err
	}
	p, name := a.p, a.account.Name
	return compose.Draft{
		Class: "confirmation", To: compose.Mailbox{Addr: a.c.Address.RawWire()}, Contact: a.person.ID, Change: id, Language: p.Lang,
		Subject: p.T("move.new.subject", "account", name), Preview: p.T("move.new.preview"),
		Blocks: []compose.Block{
			{Kind: compose.Heading, Text: p.T("move.new.title")},
			{Kind: compose.Paragraph, Text: p.T("move.new.text", "account", name, "when", p.DateTime(a.c.AskedAt))},
			{Kind: compose.Button, Text: p.T("move.mail.button"), URL: a.link},
			{Kind: compose.Small, Text: p.T("move.mail.both", "when", p.DateTime(a.c.EndsAt))},
			{Kind: compose.Small, Text: p.T("move.new.not_me")},
		},
		Why:    p.T("move.new.why", "account", name),
		Secret: true,
	}, nil
}
