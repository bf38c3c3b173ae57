// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"errors"
	"slices"
	"strings"

	"consend/internal/gate"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/people/segment"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
)

// Level is what an item of the checklist asks for.
type Level string

// The levels.
const (
	Fine Level = "fine" // as it should be
	Note Level = "note" // worth knowing; sending so is fine
	Warn Level = "warn" // somebody should look
	Stop Level = "stop" // there is no sending while it stands
)

// Item is one line of the checklist. Key has its words in the catalogue; Args are their values.
type Item struct {
	Level Level
	Key   string
	Args  []any
}

// Checklist is everything an author and an approver should know before a campaign goes.
type Checklist struct {
	Items    []Item
	Audience Audience
	Missing  map[string]int // of the people looked at: how many lack a value the text names
	Looked   int
	Size     int // bytes of the HTML
}

// Ready tells whether nothing stops the campaign.
func (l Checklist) Ready() bool {
	for _, i := range l.Items {
		if i.Level == Stop {
			return false
		}
	}
	return true
}

func (l *Checklist) add(level Level, key string, args ...any) {
	l.Items = append(l.Items, Item{level, "campaign.check." + key, args})
}

// look is how many people are looked at for values they lack.
const look = 500

// Check looks at a campaign as it is now.
func Check(r store.Reader, id int64) (Checklist, error) {
	var l Checklist
	c, err := Get(r, id)
	if err != nil {
		return l, err
	}
	if err := l.people(r, c); err != nil {
		return l, err
	}
	p, err := l.words(r, c)
	if err != nil {
		return l, err
	}
	if p != nil {
		if err := l.sending(r, p); err != nil {
			return l, err
		}
		if err := l.values(r, p); err != nil {
			return l, err
		}
	}
	l.add(Fine, "untracked") // sending without measuring is fine
	return l, nil
}

// Findings are what the author should know of a campaign's text, as Check has it; nothing while there is
// no sender, or no text that can be made.
func Findings(r store.Reader, id int64) ([]template.Finding, error) {
	c, err := Get(r, id)
	if err != nil || c.SenderID == 0 {
		return nil, err
	}
	p, err := prepare(r, c)
	if err != nil {
		return nil, new(Checklist).wrong(err)
	}
	var m template.Message
	if err := p.tpl.Render(&m, p.nobody()); err != nil {
		return nil, new(Checklist).wrong(err)
	}
	return slices.DeleteFunc(p.tpl.Check(m, p.known()), func(f template.Finding) bool { return f.Stops }), nil // the subject has a step of its own
}

func (l *Checklist) people(r store.Reader, c Campaign) (err error) {
	if c.State == Draft && c.SegmentID != 0 {
		s, err := segment.Get(r, c.SegmentID)
		if err != nil {
			return err
		}
		if s.RetiredAt != 0 {
			l.add(Stop, "segment_retired", "name", s.Name)
		}
	}
	if l.Audience, err = AudienceOf(r, c.ID); err != nil {
		return l.wrong(err) // the segment asks for what may not be asked any more
	}
	switch {
	case l.Audience.People == 0:
		l.add(Stop, "nobody")
	default:
		l.add(Fine, "people", "n", l.Audience.People)
	}
	if n := l.Audience.OutTotal(); n > 0 {
		l.add(Note, "left_out", "n", n)
	}
	if n := l.Audience.Owed; n > 0 { // GDPR 14(3)(b)
		if _, ok, err := notice.Current(r); err != nil {
			return err
		} else if ok {
			l.add(Note, "tells", "n", n)
		} else {
			l.add(Warn, "no_note", "n", n)
		}
	}
	if n := l.Audience.Grades[consent.GradeD]; n > 0 {
		l.add(Note, "word_only", "n", n) // kind.md: counted in every review
	}
	return nil
}

// words checks sender and text. The press is nil when there is none to make.
func (l *Checklist) words(r store.Reader, c Campaign) (*press, error) {
	if c.SenderID == 0 {
		l.add(Stop, "no_sender")
		return nil, nil
	}
	if s, err := sender.Get(r, c.SenderID); err != nil {
		return nil, err
	} else if s.RetiredAt != 0 {
		l.add(Stop, "no_sender")
		return nil, nil
	}
	p, err := prepare(r, c)
	if err != nil {
		return nil, l.wrong(err)
	}
	var m template.Message
	if err := p.tpl.Render(&m, p.nobody()); err != nil {
		return nil, l.wrong(err)
	}
	l.Size = len(m.HTML)
	l.add(Fine, "unsubscribe")
	for _, f := range p.tpl.Check(m, p.known()) {
		level := Warn
		if f.Stops {
			level = Stop
		}
		l.Items = append(l.Items, Item{level, f.Key, []any{"detail", f.Detail}})
	}
	if len(m.HTML) <= template.ClipSize {
		l.add(Fine, "size", "kb", (len(m.HTML)+1023)/1024)
	}
	return p, nil
}

// wrong turns what an author can mend into items; other errors stay errors.
func (l *Checklist) wrong(err error) error {
	for _, f := range fault.All(err) {
		if f.Kind == fault.Internal {
			return err
		}
		l.Items = append(l.Items, Item{Stop, f.Key, f.Args})
	}
	return nil
}

func (l *Checklist) sending(r store.Reader, p *press) error {
	if !p.account.Complete() {
		l.add(Warn, "no_postal")
	}
	if u := p.site.URL; !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://localhost") && !strings.HasPrefix(u, "http://127.0.0.1") {
		l.add(Stop, "not_https") // RFC 8058 3.1
	}
	d, ok, err := sender.ForDomain(r, p.domain)
	switch {
	case err != nil:
		return err
	case !ok:
		l.add(Note, "no_dkim", "domain", p.domain)
	case d.FoundAt == 0:
		l.add(Warn, "dkim_unseen", "domain", d.Name)
	default:
		l.add(Fine, "dkim", "domain", d.Name)
	}
	way, err := relay.Default(r)
	if err != nil {
		return err
	}
	why, err := gate.Hold(r, gate.Campaign, way.ID)
	switch {
	case err != nil:
		return err
	case why != gate.OK:
		l.Items = append(l.Items, Item{Warn, "gate.reason." + string(why), nil})
	case way.Kind == relay.Mailbox:
		l.add(Note, "mailbox")
	}
	return nil
}

// values counts whom the text's values are missing for, among some of the audience.
func (l *Checklist) values(r store.Reader, p *press) error {
	uses := p.tpl.Uses()
	if len(uses) == 0 {
		return nil
	}
	plus, _, err := Lists(r, p.c.ID)
	if err != nil || len(plus) == 0 {
		return err
	}
	ids, err := store.All[int64](r, someGiven, plus, look)
	if err != nil {
		return err
	}
	if p.c.SegmentID != 0 && len(ids) > 0 { // of the first people on the lists, those in the segment
		in, err := narrowed(r, p.c)
		if fault.KindOf(err) == fault.Invalid {
			return nil // said already
		}
		if err != nil {
			return err
		}
		if ids, err = store.All[int64](r, in.Into(within), append([]any{ids}, in.Args...)...); err != nil {
			return err
		}
	}
	people, err := contact.Some(r, ids)
	if err != nil {
		return err
	}
	l.Looked, l.Missing = len(people), map[string]int{}
	for _, c := range people {
		for _, n := range p.tpl.Missing(template.Person{Values: p.values(c)}) {
			l.Missing[n]++
		}
	}
	known := p.known()
	for _, n := range uses {
		if k := l.Missing[n]; k > 0 && known[n] {
			l.add(Warn, "empty_value", "value", n, "n", k, "of", l.Looked)
		}
	}
	return nil
}

// nobody is a person of whom nothing is known, with links that lead to nobody.
func (p *press) nobody() template.Person {
	return template.Person{Values: map[string]any{}, Links: template.Links{Unsubscribe: p.site.Link("/u/preview"), Preferences: p.site.Link("/p/preview"), Privacy: p.privacy}}
}

// Preview is a campaign as one person would get it.
type Preview struct {
	Message template.Message
	From    string
	Missing []string // values the text names and the person lacks
	Reason  gate.Reason
	Grade   consent.Grade
	Told    bool // it tells the person at its top where their address comes from
}

// PreviewFor makes a campaign's message as a contact would get it; 0 is nobody in particular. Its ways out lead nowhere:
// pressed by whoever looks, they would be that person's own no. The caller traces the look.
func PreviewFor(r store.Reader, id, person int64, language string) (Preview, error) {
	c, err := Get(r, id)
	if err != nil {
		return Preview{}, err
	}
	if language != "" {
		c.Language = language
	}
	p, err := prepare(r, c)
	if err != nil {
		return Preview{}, err
	}
	out := Preview{From: p.from.Name + " <" + p.from.Addr + ">"}
	if person == 0 {
		return out, p.tpl.Render(&out.Message, p.nobody())
	}
	k, err := contact.Get(r, person)
	if err != nil {
		return Preview{}, err
	}
	plus, _, err := Lists(r, id)
	if err != nil {
		return Preview{}, err
	}
	t := target{Contact: k}
	if t.list, t.basis, t.first, err = standing(r, c, person, plus, &out); err != nil {
		return Preview{}, err
	}
	from, err := once.Sources(r, owed([]contact.Contact{k}))
	if err != nil {
		return Preview{}, err
	}
	t.grade, t.from = out.Grade, from[k.ID]
	who := template.Person{Values: p.values(k), Links: p.nobody().Links, Opening: p.opening(&t)}
	out.Told = len(who.Opening.Told) > 0
	out.Missing = p.tpl.Missing(who)
	return out, p.tpl.Render(&out.Message, who)
}

// standing tells by which list and on what a person would be written to, or what speaks against it, and whether for the first time.
func standing(r store.Reader, c Campaign, person int64, lists []int64, out *Preview) (list int64, basis consent.Basis, first bool, err error) {
	out.Reason = gate.Reason(consent.NotOnList)
	g, err := consent.GroundOf(r)
	if err != nil {
		return 0, "", false, err
	}
	in, err := narrowed(r, c)
	if err != nil {
		return 0, "", false, err
	}
	found := false
	for _, l := range lists {
		type row struct {
			Reason gate.Reason
			Basis  consent.Basis
			Grade  consent.Grade
		}
		x, err := store.One[row](r, in.Into(standsOn), slices.Concat(in.Args, g.Args(), []any{l, person})...)
		if errors.Is(err, store.ErrNone) {
			continue
		}
		if err != nil {
			return 0, "", false, err
		}
		if !found || x.Reason == gate.OK {
			found, list, basis, out.Reason, out.Grade = true, l, x.Basis, x.Reason, x.Grade
		}
		if x.Reason == gate.OK {
			break
		}
	}
	before, err := contact.Did(r, contact.Sent, []int64{person})
	return list, basis, !before[person], err
}
