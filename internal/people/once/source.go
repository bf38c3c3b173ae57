// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"fmt"
	"slices"
	"strings"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
)

// Source is where an address comes from, as its owner is told (GDPR 14(2)(f)). It is the same for everybody of an import.
type Source struct {
	Import  int64
	How     string // bought, rented, collected, inherited, found; "" where nothing more is known
	Where   string // found: where
	Partner string // who passed it on
	Day     string // when it came, YYYY-MM-DD
	Holds   string // categories of data, by comma: name, language, country, attribute.LABEL (GDPR 14(1)(d))
}

// Sources tells where the addresses of some people come from, at most 1,000. Of whom nothing else is known
// it tells the day they came.
func Sources(r store.Reader, people []contact.Contact) (map[int64]Source, error) {
	out := make(map[int64]Source, len(people))
	if len(people) == 0 {
		return out, nil
	}
	a, err := account.Get(r)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	came, err := consent.Arrivals(r, ids)
	if err != nil {
		return nil, err
	}
	imports := map[int64]Source{}
	for _, p := range people {
		c, known := came[p.ID]
		if !known { // perhaps who was merged into them came by an import
			if c, known, err = stubs(r, p.ID); err != nil {
				return nil, err
			}
		}
		day := legalclock.Day(p.CreatedAt, a.Location()).String()
		switch {
		case !known:
			out[p.ID] = Source{Day: day}
		case c.ImportID == 0:
			out[p.ID] = typed(c, day)
		default:
			s, met := imports[c.ImportID]
			if !met {
				if s, err = sourceOf(r, a, c.ImportID); err != nil {
					return nil, err
				}
				imports[c.ImportID] = s
			}
			if s.Day == "" {
				s.Day = day
			}
			out[p.ID] = s
		}
	}
	return out, nil
}

func stubs(r store.Reader, id int64) (consent.Arrival, bool, error) {
	all, err := contact.MergedInto(r, id)
	if err != nil || len(all) == 0 {
		return consent.Arrival{}, false, err
	}
	ids := make([]int64, len(all))
	for i, c := range all {
		ids[i] = c.ID
	}
	came, err := consent.Arrivals(r, ids)
	for _, i := range ids {
		if a, ok := came[i]; ok {
			return a, true, err
		}
	}
	return consent.Arrival{}, false, err
}

// typed is the source of somebody whom a member typed in, as importer.Add writes it down.
func typed(c consent.Arrival, day string) Source {
	s := Source{Day: day, Holds: "name"}
	_, s.Where, _ = strings.Cut(c.Page, ": ")
	switch importer.Kind(c.Method) {
	case importer.Business:
		s.How = "found"
	case importer.Acquired:
		s.How, s.Partner = "collected", c.BasisRef
	case importer.Inherited:
		s.How, s.Partner = "inherited", c.BasisRef
	}
	return s
}

// SourceOf is the source of an import's people.
func SourceOf(r store.Reader, imp int64) (Source, error) {
	a, err := account.Get(r)
	if err != nil {
		return Source{}, err
	}
	return sourceOf(r, a, imp)
}

func sourceOf(r store.Reader, a account.Account, imp int64) (Source, error) {
	i, err := importer.Get(r, imp)
	if fault.Is(err, fault.NotFound) {
		return Source{Import: imp}, nil
	}
	if err != nil {
		return Source{}, err
	}
	o := i.Said().Origin
	s := Source{Import: imp, Partner: o.Partner, Day: o.Obtained(i.MadeAt, a.Location()).String()}
	switch o.Kind {
	case importer.Acquired:
		s.How = o.How
	case importer.Inherited:
		s.How = "inherited"
	case importer.Business:
		if o.How == "found" {
			s.How, s.Where = "found", o.Where
		}
	}
	labels := map[string]string{}
	attributes, err := contact.AllAttributes(r)
	if err != nil {
		return Source{}, err
	}
	for _, x := range attributes {
		if labels[x.Name] = x.Label; x.Label == "" {
			labels[x.Name] = x.Name
		}
	}
	var holds []string
	for _, c := range i.Mapping {
		h := ""
		switch c.To {
		case importer.FullName, importer.FirstName, importer.LastName:
			h = "name"
		case importer.Language, importer.Country:
			h = string(c.To)
		case importer.Attribute:
			h = "attribute." + strings.ReplaceAll(labels[c.Attribute], ",", " ")
		}
		if h != "" && !slices.Contains(holds, h) {
			holds = append(holds, h)
		}
	}
	s.Holds = strings.Join(holds, ",")
	return s, nil
}

// Telling is what GDPR 14 asks to be said, the same for everybody of an account: who, which note, and where that is read.
type Telling struct {
	Account account.Account
	Note    notice.Version
	Site    *config.Site
}

// TellingOf reads it. ok is false where no privacy note was ever published: then nobody can be told.
func TellingOf(r store.Reader) (t Telling, ok bool, err error) {
	if t.Account, err = account.Get(r); err != nil {
		return t, false, err
	}
	if t.Site, ok = store.Attached[*config.Site](r); !ok {
		return t, false, fault.New(fault.Internal, "fault.internal")
	}
	t.Note, ok, err = notice.Current(r)
	return t, ok, err
}

// NoteLink is the note's page, in the version that is named.
func (t Telling) NoteLink(lang string) string {
	return t.Site.Link(fmt.Sprintf("/privacy/%d/%d/%d?lang=%s", t.Account.ID, t.Note.NoticeID, t.Note.Number, lang))
}

// NoteName is what the link to the note says.
func (t Telling) NoteName(p locale.Printer) string {
	return p.T("once.note", "number", t.Note.Number, "when", p.Date(t.Note.PublishedAt))
}

// Lines says it in whole sentences: who we are; where the address comes from and since when; what is
// kept, for what and by which right; what the person can do (GDPR 14(1)(a)–(d), (2)(b), (c), (e), (f)). The rest stands in the note.
func (t Telling) Lines(p locale.Printer, s Source, what string, basis consent.Basis) []string {
	who := t.Account.Name
	if t.Note.Content.Controller.Name != "" {
		who = t.Note.Content.Controller.Name
	}
	out := []string{p.T("once.who", "account", who, "contact", t.Note.Content.Contact.Email), s.words(p)}
	out = append(out, p.T("once.holds", "what", p.Join(s.categories(p)))+" "+p.T("once.use", "what", what, "why", p.Or("notice.basis."+string(basis), string(basis))))
	return append(out, p.T("once.rights"))
}

// words says where the address comes from.
func (s Source) words(p locale.Printer) string {
	day := s.Day
	if d, err := legalclock.ParseDate(s.Day); err == nil {
		day = p.Date(d.Start(p.Zone))
	}
	how := s.How
	switch {
	case how == "found" && s.Where == "", how != "found" && s.Partner == "", how == "" && s.Partner != "":
		how = "other"
		if s.Partner != "" {
			how = "partner"
		}
	}
	return p.T("once.source."+how, "partner", s.Partner, "where", s.Where, "day", day)
}

// categories are the kinds of data that are kept.
func (s Source) categories(p locale.Printer) []string {
	out := []string{p.T("once.data.email")}
	for _, h := range strings.Split(s.Holds, ",") {
		if label, ok := strings.CutPrefix(h, "attribute."); ok {
			out = append(out, label)
		} else if h != "" {
			out = append(out, p.T("once.data."+h))
		}
	}
	return out
}

// title is the public name of a list.
func title(r store.Reader, id int64, lang string) (string, error) {
	l, err := list.Get(r, id)
	return l.Title(lang), err
}
