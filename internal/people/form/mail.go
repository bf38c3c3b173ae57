// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"slices"
	"strings"
	"time"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/contact"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// DraftConfirmation writes the mail that asks whether it was the owner of the mailbox: who
// asked for what, when and where, one button, and a way to say "not me". No advertising, no
// picture, no counted link (compliance T-14). It counts the mail, and the first one sets the
// day of the reminder where the form wants one. Faults: form.nothing when there is nothing to
// ask any more, or the mailbox wants no such mail from anybody: then nothing is to be sent.
func DraftConfirmation(tx *store.Tx, signup int64) (compose.Draft, error) {
	return draft(tx, signup, false)
}

// DraftReminder writes the same mail once more, and says that it is the last.
func DraftReminder(tx *store.Tx, signup int64) (compose.Draft, error) { return draft(tx, signup, true) }

func draft(tx *store.Tx, signup int64, last bool) (compose.Draft, error) {
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
	if shut, err := shutSince(tx, c.Email, w.RequestedAt); err != nil || shut {
		if err == nil {
			err = nothing
		}
		return compose.Draft{}, err
	}
	if err := w.lapse(tx); err != nil {
		return compose.Draft{}, err
	}
	if len(w.Kept()) == 0 { // the person said no to all of it since
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
	remind := legalclock.Moment(0)
	// A version may be older than a shorter rule: then the reminder comes sooner, never too late.
	if n := min(w.Version.Definition.Remind, mostRemind(lasts)); n > 0 && w.Asked == 0 && !last {
		remind = tx.Now.Add(time.Duration(n) * 24 * time.Hour)
	}
	tx.Do(askedNow, remind, w.Choices, w.ID)
	out := w.letter(a, link, lasts, last)
	out.To, out.Signup = compose.Mailbox{Addr: c.Email.RawWire()}, w.ID
	return out, nil
}

// letter is the confirmation mail, to nobody yet.
func (w Waiting) letter(a account.Account, link string, days int, last bool) compose.Draft {
	d := w.Version.Definition
	p := d.voice(w.Language)
	p.Printer = locale.For(d.Speaks(w.Language), a.Location())
	why := ""
	if w.Way() != "" {
		why = p.T("form.mail.back.why", "account", a.Name)
	}
	return compose.Draft{
		Class: "confirmation", Language: p.Lang, Why: why,
		Subject: d.MailSubject(w.Language, a.Name),
		Preview: p.T("form.mail.preview"),
		Blocks:  w.blocks(p, a.Name, p.DateTime(w.RequestedAt), link, days, last),
		Secret:  true,
	}
}

// MailSubject is the subject of the confirmation mail.
func (d Definition) MailSubject(lang, account string) string {
	if own := d.Subject.In(lang); own != "" {
		return own
	}
	return d.voice(lang).T("form.mail.subject", "account", account)
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

// Asks is what a sign-up asks for, in the words that were shown: what its one button confirms.
type Asks struct {
	Mails     []string // lists that carry mail
	Measures  []string // lists that measure: a yes of its own
	Expressly []string // sentences about what is sensitive (GDPR 9(2)(a))
}

// Asks tells what the sign-up still asks for.
func (w Waiting) Asks() (a Asks) {
	d := w.Version.Definition
	for _, id := range w.Kept() {
		if c, ok := d.choice(id); ok && c.Grant {
			a.Measures = append(a.Measures, c.Label.In(w.Language))
		} else if ok {
			a.Mails = append(a.Mails, c.Label.In(w.Language))
		}
		for _, f := range d.Fields {
			if f.Grant == id && id != 0 {
				a.Expressly = append(a.Expressly, f.Explicit.In(w.Language))
			}
		}
	}
	return a
}

// blocks are the words of the confirmation mail.
func (w Waiting) blocks(p voice, name, when, link string, days int, last bool) []compose.Block {
	d := w.Version.Definition
	a := w.Asks()
	text := p.T("form.mail.text", "form", d.Title.In(w.Language), "account", name, "when", when)
	if w.Way() != "" {
		text = p.T("form.mail.back", "account", name, "when", when)
	}
	press := p.T("form.mail.only")
	if len(a.Mails) > 0 {
		press = p.T("form.mail.what", "what", p.Join(a.Mails))
	}
	out := []compose.Block{{Kind: compose.Heading, Text: p.T("form.mail.title")}, {Kind: compose.Paragraph, Text: text}, {Kind: compose.Paragraph, Text: press}}
	if len(a.Measures) > 0 {
		out = append(out, compose.Block{Kind: compose.Paragraph, Text: p.T("form.mail.measures", "what", p.Join(a.Measures))})
	}
	for _, x := range a.Expressly {
		out = append(out, compose.Block{Kind: compose.Paragraph, Text: p.T("form.mail.expressly", "words", x)})
	}
	out = append(out,
		compose.Block{Kind: compose.Button, Text: p.T("form.mail.button"), URL: link},
		compose.Block{Kind: compose.Small, Text: p.N("form.mail.until", days)},
		compose.Block{Kind: compose.Small, Text: p.T("form.mail.not_me")})
	if own := d.Greeting.In(w.Language); own != "" {
		out = slices.Insert(out, 1, compose.Block{Kind: compose.Paragraph, Text: own})
	}
	if last {
		out = append(out, compose.Block{Kind: compose.Small, Text: p.T("form.mail.last")})
	}
	return out
}

// confirmText is what a person who confirms was told, mail and page together, without what
// differs from one to the other: its hash is part of the evidence. account is the name they bore.
func confirmText(w Waiting, account string, days int) string {
	p := w.Version.Definition.voice(w.Language)
	var b strings.Builder
	for _, x := range w.blocks(p, account, "…", "…", days, false) {
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

// Ages lists the age asked in each country of the EEA, and elsewhere, as the rules have them now.
func Ages(r store.Reader) ([]Aged, error) {
	rules, err := rulepack.For(r)
	if err != nil {
		return nil, err
	}
	var out []Aged
	for _, c := range notice.EEA() {
		out = append(out, Aged{c, rules.CountryNumber(rulepack.ConsentAge, c)})
	}
	return append(out, Aged{Elsewhere, rules.CountryNumber(rulepack.ConsentAge, Elsewhere)}), nil
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
