// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
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
	"consend/internal/people/list"
	"consend/internal/people/once"
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
	marks    *contact.Marks
	types    map[string]contact.Type
	all      bool // every value of a person is wanted, not only those the text names
	privacy  string
	words    locale.Printer
	feedback string
	telling  *once.Telling    // what those hear who are owed word of their data; nil: no privacy note is published
	titles   map[int64]string // of lists, as people read them

	mu   sync.Mutex
	told map[heard]template.Opening // the same for everybody of an import
}

// heard is what the words of an opening differ by.
type heard struct {
	from  once.Source
	list  int64
	basis consent.Basis
}

// note is the version of the privacy note that this press names; 0 is none.
func (p *press) note() int64 {
	if p.telling == nil {
		return 0
	}
	return p.telling.Note.ID
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
	p := &press{c: c, mints: map[token.Kind]*token.Mint{}, types: map[string]contact.Type{}, titles: map[int64]string{}, told: map[heard]template.Opening{}}
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
	if p.marks, err = contact.NewMarks(r); err != nil {
		return nil, err
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
	t, ok, err := once.TellingOf(r)
	if err != nil {
		return nil, err
	}
	if ok {
		p.telling = &t
	}
	lists, err := list.All(r)
	if err != nil {
		return nil, err
	}
	for _, l := range lists {
		p.titles[l.ID] = l.Title(p.words.Lang)
	}
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
func (p *press) links(c contact.Contact, list int64) template.Links {
	return template.Links{
		Unsubscribe: p.site.Link("/u/" + p.mints[token.Unsubscribe].Make(p.account.ID, c.ID, list, p.c.ID)),
		Preferences: p.site.Link("/p/" + p.mints[token.Preferences].Make(p.account.ID, c.ID, p.marks.Of(c.Email))),
		Privacy:     p.privacy,
	}
}

// asksWhy tells whether a first mail has to say why it comes.
func (t *target) asksWhy() bool { return t.grade == consent.GradeD || t.basis.Objectable() }

// opening says why somebody gets a first mail that rests on the account's word (kind.md, grade D) or on anything they may
// object to (GDPR 21(4)), and tells those who are owed it where their address comes from (GDPR 14(3)(b)).
func (p *press) opening(t *target) template.Opening {
	var out template.Opening
	if t.NoticeDueAt != 0 && p.telling != nil {
		out = p.tell(heard{t.from, t.list, t.basis})
	}
	if !t.first || !t.asksWhy() {
		return out
	}
	if t.grade == consent.GradeD {
		out.Why = p.words.T("campaign.opening."+string(t.basis), "name", p.account.Name)
	} else if t.basis.Objectable() {
		out.Why = p.words.T("campaign.opening.shown."+string(t.basis), "name", p.account.Name)
	}
	if t.basis.Objectable() {
		out.Why += " " + p.words.T("campaign.opening.object")
	}
	return out
}

// tell are the words of GDPR 14, made once for everybody to whom they are the same.
func (p *press) tell(h heard) template.Opening {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, ok := p.told[h]
	if !ok {
		out = template.Opening{Told: p.telling.Lines(p.words, h.from, p.titles[h.list], h.basis), Note: p.telling.NoteName(p.words), Link: p.telling.NoteLink(p.words.Lang)}
		p.told[h] = out
	}
	return out
}

// printed is a message on its way to one person.
type printed struct {
	raw []byte
	to  string // envelope
}

// print makes one person's message into b.
func (p *press) print(b []byte, m *template.Message, t *target, at legalclock.Moment) (printed, error) {
	who := template.Person{Values: p.values(t.Contact), Links: p.links(t.Contact, t.list), Opening: p.opening(t)}
	make := p.tpl.Render
	if p.html != nil {
		make = p.tpl.Fill
	}
	if err := make(m, who); err != nil {
		return printed{}, err
	}
	return p.letter(b, m, t.Email, who.Links.Unsubscribe, p.messageID(t.ID), dec(t.list)+".list."+p.domain, at)
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
