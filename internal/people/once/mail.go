// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"errors"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
)

func nothing() error { return fault.New(fault.Gone, "once.nothing") }

// DraftTell writes the mail of its own that tells somebody where their address comes from: fixed words, no
// advertising, one way to say no. Faults: once.nothing, when they were told otherwise meanwhile or no note is published.
func DraftTell(tx *store.Tx, id int64) (compose.Draft, error) { return draft(tx, id, Tell) }

// DraftAsk writes the one question whether the account may go on: fixed words, no promotion.
// Faults: once.nothing.
func DraftAsk(tx *store.Tx, id int64) (compose.Draft, error) { return draft(tx, id, Ask) }

func draft(tx *store.Tx, id int64, kind Kind) (compose.Draft, error) {
	o, err := store.One[Row](tx, lockID, id)
	if errors.Is(err, store.ErrNone) || err == nil && (o.Kind() != kind || o.State == Done) {
		err = nothing()
	}
	if err != nil {
		return compose.Draft{}, err
	}
	t, ok, err := TellingOf(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	c, err := contact.Get(tx, o.ContactID)
	if err != nil {
		return compose.Draft{}, err
	}
	if !ok || c.State.Ending() || kind == Tell && c.NoticeDueAt == 0 {
		return compose.Draft{}, nothing()
	}
	lang, err := form.Speaks(tx, c.Language)
	if err != nil {
		return compose.Draft{}, err
	}
	if lang == "" {
		lang = t.Account.Language
	}
	p := locale.For(lang, t.Account.Location())
	d := compose.Draft{Class: "source", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: c.ID, Language: p.Lang}
	if d.Leave, err = t.link(tx, token.Unsubscribe, "/u/", c.ID, o.ListID); err != nil {
		return d, err
	}
	what, by := "", ""
	switch kind {
	case Tell:
		from, err := Sources(tx, []contact.Contact{c})
		if err != nil {
			return d, err
		}
		what, basis, err := stands(tx, c.ID, p.Lang)
		if err != nil {
			return d, err
		}
		t.tell(&d, p, from[c.ID], what, basis)
	case Ask:
		d.Class, d.List = "question", o.ListID
		if what, err = title(tx, o.ListID, p.Lang); err != nil {
			return d, err
		}
		by = t.Account.Name
		link, err := t.link(tx, token.Question, "/q/", c.ID, o.ListID)
		if err != nil {
			return d, err
		}
		t.ask(&d, p, what, link)
	}
	tx.Do(written, t.Note.ID, p.Lang, what, by, o.ID)
	return d, nil
}

// stands gives the list a person is written to by, and the basis: the first that holds.
func stands(r store.Reader, contact int64, lang string) (what string, basis consent.Basis, err error) {
	all, err := consent.Standings(r, contact)
	for _, s := range all {
		if s.State == consent.Given && s.ListKind == string(list.Mail) {
			what, err = title(r, s.ListID, lang)
			return what, s.Basis, err
		}
	}
	return "", "", errors.Join(err, nothing())
}

// tell are the words of the mail that tells.
func (t Telling) tell(d *compose.Draft, p locale.Printer, s Source, what string, basis consent.Basis) {
	d.Subject, d.Preview = p.T("once.tell.subject", "account", t.Account.Name), p.T("once.tell.preview")
	d.Blocks = []compose.Block{{Kind: compose.Heading, Text: p.T("once.tell.title")}}
	for _, l := range t.Lines(p, s, what, basis) {
		d.Blocks = append(d.Blocks, compose.Block{Kind: compose.Paragraph, Text: l})
	}
	d.Blocks = append(d.Blocks,
		compose.Block{Kind: compose.Button, Text: p.T("once.tell.no"), URL: d.Leave},
		compose.Block{Kind: compose.Small, Text: t.NoteName(p), URL: t.NoteLink(p.Lang)},
		compose.Block{Kind: compose.Small, Text: p.T("once.tell.once")})
}

// ask are the words of the question.
func (t Telling) ask(d *compose.Draft, p locale.Printer, what, link string) {
	d.Subject, d.Preview = p.T("once.ask.subject", "account", t.Account.Name), p.T("once.ask.preview")
	d.Blocks = []compose.Block{
		{Kind: compose.Heading, Text: p.T("once.ask.title")},
		{Kind: compose.Paragraph, Text: p.T("once.ask.text", "account", t.Account.Name, "what", what)},
		{Kind: compose.Button, Text: p.T("once.ask.yes"), URL: link},
		{Kind: compose.Paragraph, Text: p.T("once.ask.no.text"), URL: link},
		{Kind: compose.Small, Text: p.T("once.ask.silence")},
		{Kind: compose.Small, Text: t.NoteName(p), URL: t.NoteLink(p.Lang)},
	}
}

// asked is what somebody who answers was told, mail and page together, without what differs from one person to the other: its
// hash is part of the evidence.
func (t Telling) asked(p locale.Printer, what string) string {
	var d compose.Draft
	t.ask(&d, p, what, "…")
	return d.Subject + "\n" + plain(d.Blocks) + "\n" + p.T("once.page.title") + "\n[" + p.T("once.ask.yes") + "] [" + p.T("once.ask.no") + "]\n"
}

func plain(blocks []compose.Block) string {
	var b strings.Builder
	for _, x := range blocks {
		if x.Kind == compose.Button {
			x.Text = "[" + x.Text + "]"
		}
		b.WriteString(x.Text + "\n")
	}
	return b.String()
}

// Sample is the mail as it will be, for nobody in particular: for whoever lets it go. Its links lead nowhere.
// Faults: once.no_note.
func Sample(r store.Reader, kind Kind, listID, imp int64, lang string) (compose.Draft, error) {
	t, ok, err := TellingOf(r)
	if err == nil && !ok {
		err = fault.New(fault.Conflict, "once.no_note")
	}
	if err != nil {
		return compose.Draft{}, err
	}
	p := locale.For(lang, t.Account.Location())
	what, err := title(r, listID, lang)
	if err != nil {
		return compose.Draft{}, err
	}
	d := compose.Draft{Language: lang, Leave: "#"}
	if kind == Ask {
		t.ask(&d, p, what, "#")
		return d, nil
	}
	s, basis := Source{Import: imp, Day: legalclock.Day(store.NowOf(r), t.Account.Location()).String()}, consent.ByConsent
	if imp != 0 {
		if s, err = SourceOf(r, imp); err != nil {
			return d, err
		}
		i, err := importer.Get(r, imp)
		if err != nil {
			return d, err
		}
		basis = i.Said().Origin.Why()
	}
	t.tell(&d, p, s, what, basis)
	return d, nil
}

// Link is the page on which somebody answers the question.
func Link(r store.Reader, contact, listID int64) (string, error) {
	t, _, err := TellingOf(r)
	if err != nil {
		return "", err
	}
	return t.link(r, token.Question, "/q/", contact, listID)
}

// link is a page of one person.
func (t Telling) link(r store.Reader, kind token.Kind, path string, objects ...int64) (string, error) {
	key, err := keys.Of(r).MAC(t.Account.ID, kind.Key())
	if err != nil {
		return "", err
	}
	return t.Site.Link(path + token.Make(key, kind, t.Account.ID, objects...)), nil
}
