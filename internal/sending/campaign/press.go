// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/team/account"
)

// press is a campaign made ready to be printed for people: compiled once, used by all lanes.
type press struct {
	c        Campaign
	tpl      *template.Template
	html     *compose.Form // what is the same for everybody, encoded once; nil where the body is run for each person
	text     *compose.Form
	account  account.Account
	site     *config.Site
	from     compose.Mailbox
	reply    compose.Mailbox
	domain   string
	signer   []compose.Signer
	mints    map[token.Kind]*token.Mint
	types    map[string]contact.Type
	all      bool // every value of a person is wanted, not only those the text names
	privacy  string
	words    locale.Printer
	feedback string
}

// language is the one of the footer and of our own words.
func language(c Campaign, a account.Account) string {
	if c.Language != "" {
		return c.Language
	}
	return a.Language
}

// identity is who writes, as the footer says it.
func identity(c Campaign, a account.Account, from string) template.Identity {
	lang := language(c, a)
	lines := a.Lines(lang)
	id := template.Identity{Name: a.Name, Postal: strings.Join(lines[1:], "\n"), Language: lang, Contact: a.DataEmail.Raw()}
	if id.Postal == "" && id.Contact == "" {
		id.Contact = from // ePrivacy 13(4): an address to which the person can write
	}
	return id
}

// compileFor compiles a campaign's words.
func compileFor(c Campaign, a account.Account, from string) (*template.Template, error) {
	colour := c.Colour
	if colour == "" {
		colour = a.Colour
	}
	return template.Compile(template.Source{Kind: c.Kind, Subject: c.Subject, Preheader: c.Preheader, Body: c.Body,
		Look: template.Look{Logo: c.Logo, Colour: colour}}, identity(c, a, from))
}

// prepare makes a press. A draft's sender is the one chosen now; later it is the one that was approved.
func prepare(r store.Reader, c Campaign) (*press, error) {
	p := &press{c: c, mints: map[token.Kind]*token.Mint{}, types: map[string]contact.Type{}}
	var err error
	if p.account, err = account.Get(r); err != nil {
		return nil, err
	}
	var ok bool
	if p.site, ok = store.Attached[*config.Site](r); !ok {
		return nil, fault.New(fault.Internal, "campaign.no_site")
	}
	if c.State == Draft {
		s, err := sender.Get(r, c.SenderID)
		if err != nil {
			return nil, err
		}
		p.from, p.reply, p.domain = s.From(), s.Reply(), s.Email.Domain()
	} else {
		a, err := address.Parse(c.FromEmail)
		if err != nil {
			return nil, err
		}
		p.from, p.domain = compose.Mailbox{Name: c.FromName, Addr: a.RawWire()}, a.Domain()
		if c.ReplyTo != "" {
			p.reply = compose.Mailbox{Addr: c.ReplyTo}
		}
	}
	if p.tpl, err = compileFor(c, p.account, p.from.Addr); err != nil {
		return nil, err
	}
	if html, text, ok := p.tpl.Forms(); ok {
		p.html, p.text = compose.NewForm(html), compose.NewForm(text)
	}
	s, ok, err := sender.Signer(r, p.domain)
	if err != nil {
		return nil, err
	}
	if ok {
		p.signer = []compose.Signer{s}
	}
	ring := keys.Of(r)
	for _, k := range []token.Kind{token.Unsubscribe, token.Preferences, token.Bounce} {
		key, err := ring.MAC(p.account.ID, k.Key())
		if err != nil {
			return nil, err
		}
		p.mints[k] = token.NewMint(key, k)
	}
	attributes, err := contact.AllAttributes(r)
	if err != nil {
		return nil, err
	}
	for _, a := range attributes {
		p.types[a.Name] = a.Type
	}
	p.all = strings.Contains(c.Body, "{%")
	p.privacy = p.site.Link("/privacy/" + dec(p.account.ID))
	p.words = locale.For(language(c, p.account), p.account.Location())
	p.feedback = dec(c.ID) + ":" + dec(p.account.ID) + ":campaign:consend"
	return p, nil
}

// known are the names of values that a person of the account can have.
func (p *press) known() map[string]bool {
	out := map[string]bool{"EMAIL": true, "NAME": true, "LANGUAGE": true, "COUNTRY": true, "ID": true}
	for n := range p.types {
		out[n] = true
	}
	return out
}

// values gives what the text may say of a person.
func (p *press) values(c contact.Contact) map[string]any {
	out := make(map[string]any, 8)
	set := func(name string) {
		switch name {
		case "EMAIL":
			out[name] = c.Email.Raw()
		case "NAME":
			out[name] = c.Name.Raw()
		case "LANGUAGE":
			out[name] = c.Language
		case "COUNTRY":
			out[name] = c.Country
		case "ID":
			out[name] = c.ID
		default:
			v, ok := c.Attributes[name]
			if !ok {
				return
			}
			out[name] = typed(p.types[name], v.Raw())
		}
	}
	if p.all {
		for n := range c.Attributes {
			set(n)
		}
		for _, n := range []string{"EMAIL", "NAME", "LANGUAGE", "COUNTRY", "ID"} {
			set(n)
		}
		return out
	}
	for _, n := range p.tpl.Uses() {
		set(n)
	}
	return out
}

func typed(t contact.Type, raw string) any {
	switch t {
	case contact.TypeNumber:
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(raw, 64); err == nil {
			return f
		}
	case contact.TypeBoolean:
		return raw == "true"
	}
	return raw
}

// links are one person's ways out, by a list.
func (p *press) links(person, list int64) template.Links {
	return template.Links{
		Unsubscribe: p.site.Link("/u/" + p.mints[token.Unsubscribe].Make(p.account.ID, person, list, p.c.ID)),
		Preferences: p.site.Link("/p/" + p.mints[token.Preferences].Make(p.account.ID, person)),
		Privacy:     p.privacy,
	}
}

// opening says why somebody gets a first mail that rests on the account's word (kind.md, grade D), or that they are owed
// word of where their address came from (GDPR 14(3)(b)).
func (p *press) opening(c contact.Contact, grade consent.Grade, basis consent.Basis, first bool) template.Opening {
	owed := c.NoticeDueAt != 0
	if !(grade == consent.GradeD && first) && !owed {
		return template.Opening{}
	}
	why := p.words.T("campaign.opening."+string(basis), "name", p.account.Name)
	if owed {
		why += " " + p.words.T("campaign.opening.notice", "day", p.words.Date(c.CreatedAt))
	}
	return template.Opening{Why: why}
}

// printed is a message on its way to one person.
type printed struct {
	raw []byte
	to  string // envelope
}

// print makes one person's message into b. owed tells that the message itself carries what Art. 14 asks for.
func (p *press) print(b []byte, m *template.Message, c contact.Contact, list int64, grade consent.Grade, basis consent.Basis, first bool, at legalclock.Moment) (printed, error) {
	who := template.Person{Values: p.values(c), Links: p.links(c.ID, list), Opening: p.opening(c, grade, basis, first)}
	make := p.tpl.Render
	if p.html != nil {
		make = p.tpl.Fill
	}
	if err := make(m, who); err != nil {
		return printed{}, err
	}
	return p.letter(b, m, c.Email, who.Links.Unsubscribe, p.messageID(c.ID), dec(list)+".list."+p.domain, at)
}

func (p *press) messageID(person int64) string {
	return p.mints[token.Bounce].Make(p.account.ID, p.c.ID, person) + "@" + p.domain
}

func (p *press) letter(b []byte, m *template.Message, to address.Address, unsubscribe, id, list string, at legalclock.Moment) (printed, error) {
	l := compose.Letter{From: p.from, ReplyTo: p.reply, To: compose.Mailbox{Addr: to.RawWire()}, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Date: at.Time().In(time.UTC), MessageID: id, Unsubscribe: unsubscribe, ListID: list, Feedback: p.feedback, Language: p.words.Lang}
	if m.HTML == "" && p.html != nil {
		l.HTMLForm, l.TextForm, l.HTMLFill, l.TextFill = p.html, p.text, m.HTMLFill, m.TextFill
	}
	raw, err := compose.Append(b, &l)
	if err == nil && len(p.signer) > 0 {
		raw, err = compose.Sign(raw, p.signer...)
	}
	return printed{raw: raw, to: l.To.Addr}, err
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// digest names a campaign's words in the trace.
func (c Campaign) digest() string {
	h := sha256.New()
	for _, s := range []string{string(c.Kind), c.Subject, c.Preheader, c.Body, c.Logo, c.Colour, c.Language} {
		h.Write([]byte(strconv.Itoa(len(s)) + "\n" + s))
	}
	return hex.EncodeToString(h.Sum(nil))
}
