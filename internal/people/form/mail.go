// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"strings"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/contact"
	"consend/internal/team/account"
)

// DraftConfirmation writes the mail that asks whether it was the owner of the mailbox: who
// asked for what, when and where, one button, and a way to say "not me". No advertising, no
// picture, no counted link (compliance T-14). It counts the mail. Faults: form.nothing when
// there is nothing to ask any more: then nothing is to be sent.
func DraftConfirmation(tx *store.Tx, signup int64) (compose.Draft, error) {
	w, err := locked(tx, signup)
	if err != nil {
		return compose.Draft{}, err
	}
	nothing := fault.New(fault.Gone, "form.nothing")
	if w.ID == 0 || w.State != pending {
		return compose.Draft{}, nothing
	}
	c, err := contact.Get(tx, w.ContactID)
	if err != nil {
		return compose.Draft{}, err
	}
	if c.State.Ending() {
		return compose.Draft{}, nothing
	}
	link, err := ConfirmLink(tx, signup)
	if err != nil {
		return compose.Draft{}, err
	}
	a, err := account.Get(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	lasts, err := days(tx)
	if err != nil {
		return compose.Draft{}, err
	}
	tx.Do(askedNow, w.ID)
	p := locale.For(w.Language, a.Location())
	return compose.Draft{
		Class: "confirmation", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: 0, Signup: w.ID, Language: p.Lang,
		Subject: p.T("form.mail.subject", "account", a.Name),
		Preview: p.T("form.mail.preview"),
		Blocks:  w.blocks(p, a.Name, p.DateTime(w.RequestedAt), link, lasts),
		Secret:  true,
	}, nil
}

// ConfirmLink is the address behind the button of the confirmation mail.
func ConfirmLink(r store.Reader, signup int64) (string, error) {
	acct := accountOf(r)
	key, err := keys.Of(r).MAC(acct, token.Confirm.Key())
	if err != nil {
		return "", err
	}
	site, ok := store.Attached[*config.Site](r)
	if !ok {
		return "", fault.New(fault.Internal, "fault.internal")
	}
	return site.Link("/c/" + token.Make(key, token.Confirm, acct, signup)), nil
}

// blocks are the words of the confirmation mail.
func (w Waiting) blocks(p locale.Printer, name, when, link string, days int) []compose.Block {
	d := w.Version.Definition
	var what []string
	for _, c := range w.chosen() {
		if x, ok := d.choice(c.List); ok {
			what = append(what, x.Label.In(w.Language))
		}
	}
	return []compose.Block{
		{Kind: compose.Heading, Text: p.T("form.mail.title")},
		{Kind: compose.Paragraph, Text: p.T("form.mail.text", "form", d.Title.In(w.Language), "account", name, "when", when)},
		{Kind: compose.Paragraph, Text: p.T("form.mail.what", "what", p.Join(what))},
		{Kind: compose.Button, Text: p.T("form.mail.button"), URL: link},
		{Kind: compose.Small, Text: p.N("form.mail.until", days)},
		{Kind: compose.Small, Text: p.T("form.mail.not_me")},
	}
}

// confirmText is what a person who confirms was told, mail and page together, without what
// differs from one to the other: its hash is part of the evidence.
func confirmText(w Waiting, days int) string {
	p := locale.For(w.Language, nil)
	var b strings.Builder
	for _, x := range w.blocks(p, w.Note.Content.Controller.Name, "…", "…", days) {
		if x.Kind == compose.Button {
			x.Text = "[" + x.Text + "]"
		}
		b.WriteString(x.Text + "\n")
	}
	b.WriteString("\n" + p.T("form.confirm.title") + "\n[" + p.T("form.confirm.do") + "] [" + p.T("form.confirm.not_me") + "]\n")
	return b.String()
}

// days is how long the link of a confirmation mail lasts.
func days(r store.Reader) (int, error) {
	rules, err := rulepack.For(r)
	if err != nil {
		return 0, err
	}
	return rules.Number(rulepack.DOIToken), nil
}

// Age is what a form asks about in the account's country (GDPR 8(1)): the controller's, never
// one guessed from the visitor (compliance L13).
func Age(r store.Reader, a account.Account) (int, error) {
	country := a.Rules
	if country == "" {
		country = a.Country
	}
	rules, err := rulepack.For(r)
	if err != nil {
		return 0, err
	}
	return rules.CountryNumber(rulepack.ConsentAge, country), nil
}
