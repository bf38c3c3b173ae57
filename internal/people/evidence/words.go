// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

func dec(n int64) string { return strconv.FormatInt(n, 10) }

// gone tells whether an error only says that a thing isn't there any more.
func gone(err error) bool {
	return fault.Is(err, fault.NotFound) || errors.Is(err, store.ErrNone)
}

// sentence tells one event in words; they are the controller's statement, beside the facts.
func (g *gathering) sentence(r *consent.Record) (string, error) {
	p := g.say
	event := "evidence.event." + string(r.Kind)
	s := p.Or(event+"."+r.Source, p.Or(event, string(r.Kind)))
	if v := string(r.Verdict); r.Verdict != consent.Applied {
		s += " " + p.Or("evidence.verdict."+v, v)
	}
	if r.FormVersionID != 0 && r.Source == form.Source { // else the mail had words of it, and nobody was shown it
		f, err := form.Get(g.View, r.FormVersionID)
		if err != nil && !gone(err) {
			return "", err
		}
		if err == nil {
			s += " " + p.T("evidence.form", "form", f.Definition.Title.In(g.lang(f.Definition)), "number", dec(f.Number), "when", p.Date(f.PublishedAt))
		}
	}
	if r.ImportID != 0 {
		i, err := importer.Get(g.View, r.ImportID)
		if err != nil && !gone(err) {
			return "", err
		}
		if err == nil {
			s += " " + p.T("evidence.import", "file", i.Name, "row", dec(r.ImportRow))
		}
	}
	return s, nil
}

func (g *gathering) lang(d form.Definition) string { return d.Language(g.say.Lang) }

// rests says in words what the yes to a list rests on: its evidence grade, and whose word or
// which file it is.
func (g *gathering) rests(state, grade string, records []consent.Record) (string, error) {
	p := g.say
	if state != string(consent.Given) && state != string(consent.Waiting) {
		return p.Or("evidence.state."+state, state), nil
	}
	if grade == "" {
		return p.T("evidence.grade.waiting"), nil
	}
	said := "evidence.grade." + strings.ToLower(grade)
	words := []string{p.T(said)}
	for i := len(records) - 1; i >= 0; i-- {
		r := &records[i]
		if r.Verdict != consent.Applied || string(r.Grade) != grade {
			continue
		}
		files := g.filesOf(r)
		if grade == string(consent.GradeD) && len(files) > 0 { // their word, and a document
			words[0] = p.T(said + ".files")
		}
		more, err := g.leans(r)
		words = append(words, files...)
		return strings.Join(append(words, more...), " "), err
	}
	return words[0], nil
}

// leans tells more about the event that gave the grade.
func (g *gathering) leans(r *consent.Record) (words []string, err error) {
	p := g.say
	if r.EvidenceID != 0 {
		e, err := importer.GetEvidence(g.View, r.EvidenceID)
		switch {
		case err == nil:
			words = append(words, p.T("evidence.file", "file", e.Name, "when", p.Date(e.MadeAt)))
		case !gone(err):
			return nil, err
		}
	}
	if r.DeclaredBy != 0 {
		m, err := member.Get(g.View, r.DeclaredBy)
		switch {
		case err == nil:
			words = append(words, p.T("evidence.declared", "name", m.Called().Raw(), "role", p.Or("role."+string(m.Role), string(m.Role)), "when", p.Date(r.RecordedAt)))
		case !gone(err):
			return nil, err
		}
	}
	if r.ImportID != 0 {
		i, err := importer.Get(g.View, r.ImportID)
		switch {
		case err == nil:
			o := i.Origin
			if r.Kind == consent.Release {
				o = i.OriginAt(r.RecordedAt)
			}
			words = append(words, p.T("evidence.origin", "origin", p.Or("evidence.origin."+string(o.Kind), string(o.Kind)), "from", o.From, "to", o.To))
		case !gone(err):
			return nil, err
		}
	}
	if r.BasisRef != "" {
		words = append(words, p.T("evidence.leans", "what", r.BasisRef))
	}
	why, err := consent.Conditions(g.View, g.contact, *r)
	for _, c := range why {
		name, stands := c.Words(p)
		words = append(words, p.T("evidence.condition", "name", name, "stands", stands))
	}
	return words, err
}

// processing tells what the privacy note says about the list (27560: pii_processing): the
// note the person was shown last, else nothing but what holds for every list of ours.
func (g *gathering) processing(l list.List, records []consent.Record) (proof.Processing, error) {
	p := g.say
	out := proof.Processing{Service: l.PurposeName, Withdrawal: p.T("evidence.withdrawal"), Law: g.account.Country,
		Rights:     []string{p.T("evidence.right.access"), p.T("evidence.right.correct"), p.T("evidence.right.erase"), p.T("evidence.right.restrict"), p.T("evidence.right.take"), p.T("evidence.right.object"), p.T("evidence.right.complain")},
		Categories: []string{p.T("evidence.category.address"), p.T("evidence.category.proof")}}
	if !g.contact.Name.IsZero() {
		out.Categories = append(out.Categories, p.T("evidence.category.name"))
	}
	if len(g.contact.Attributes) > 0 {
		out.Categories = append(out.Categories, p.T("evidence.category.more"))
	}
	if a, ok := notice.AuthorityOf(g.account.Country); ok {
		out.Authority = a.Name + ", " + a.URL
	}
	for i := len(records) - 1; i >= 0; i-- {
		n, ok := g.notes[records[i].NoteVersionID]
		if !ok {
			continue
		}
		out.Notice = p.T("evidence.note", "number", dec(n.Number), "when", p.Date(n.PublishedAt))
		out.Retention = p.T("evidence.kept", "months", dec(int64(n.Content.Kept.Months)), "proof", dec(int64(n.Content.Kept.ProofMonths)))
		for _, r := range n.Content.Recipients {
			out.Recipients = append(out.Recipients, fmt.Sprintf("%s (%s)", r.Name, account.CountryName(r.Country, p.Lang)))
			if c := account.CountryName(r.Country, p.Lang); !slices.Contains(out.Storage, c) {
				out.Storage = append(out.Storage, c)
			}
		}
		break
	}
	return out, nil
}

// actWords says what another entry is.
func (g *gathering) actWords(e trace.Entry) string {
	return strings.TrimSpace(g.say.Or("trace.action."+e.Action, e.Action) + " " + g.named(e))
}
