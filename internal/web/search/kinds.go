// SPDX-License-Identifier: AGPL-3.0-or-later

package search

import (
	"fmt"
	"slices"
	"strings"

	"consend/internal/chain/processor"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

const contacts = "contacts"

// kinds are all that can be found, in the order of the page.
func (p *Pages) kinds() []kind {
	return []kind{
		{contacts, "user", shell.ContactsRead, people},
		{"lists", "list", shell.ListsRead, lists},
		{"forms", "forms", shell.FormsRead, forms},
		{"campaigns", "send", shell.CampaignsRead, campaigns},
		{"imports", "upload", shell.ContactsRead, imports},
		{"services", "server", shell.SettingsRead, services},
		{"members", "users", shell.TeamWrite, members},
		{"messages", "mail", shell.ServiceRead, messages},
		{"entries", "timeline", shell.TraceRead, entries},
		{"pages", "layout-list", shell.HomeRead, p.pages},
	}
}

// people finds people by number or by the beginning of their address.
func people(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	var out []hit
	if q.id != 0 {
		c, err := contact.Get(v, q.id)
		if none(err) != nil {
			return nil, err
		}
		if err == nil && !c.State.Ending() {
			out = append(out, person(r, c))
		}
	}
	page, err := consent.Search(v, consent.Query{Prefix: q.text, Order: consent.ByEmail, Size: limit + 1})
	for _, c := range page.People {
		out = append(out, person(r, c))
	}
	return out, err
}

func person(r *shell.Request, c contact.Contact) hit {
	h := hit{Title: c.Email.Raw(), Note: c.Name.Raw(), URL: fmt.Sprintf("/contacts/%d", c.ID), person: c.ID}
	switch c.State {
	case contact.StateActive:
	case contact.StateRestricted:
		h.Badge = shell.Badge(shell.Info, r.P.T("people.contact.restricted"))
	default:
		h.Badge = shell.Badge(shell.Bad, r.P.T("people.contact."+string(c.State)))
	}
	return h
}

// named adds people by the words of their name, and tells whether it stopped before the oldest.
// It reads in stretches, each a short look of its own: none keeps the store from its work.
func (p *Pages) named(r *shell.Request, q question, limit int, out *[]hit) (stopped bool, err error) {
	if strings.Contains(q.text, "@") || len(strings.Join(q.words, "")) < 2 {
		return false, nil
	}
	have := map[int64]bool{}
	for _, h := range *out {
		have[h.person] = true
	}
	before := int64(0)
	for looked := 0; len(*out) <= limit; looked += contact.Stretch {
		if looked >= Depth {
			return true, nil
		}
		err := p.DB.View(r.Context(), r.Who, func(v *store.View) error {
			ids, next, err := contact.ByName(v, q.words, before)
			before = next
			if err != nil {
				return err
			}
			ids = slices.DeleteFunc(ids, func(id int64) bool { return have[id] })
			ids = ids[:min(len(ids), limit+1-len(*out))]
			found, err := contact.Some(v, ids)
			slices.SortFunc(found, func(a, b contact.Contact) int { return strings.Compare(a.Email.Norm(), b.Email.Norm()) })
			for _, c := range found {
				*out = append(*out, person(r, c))
			}
			return err
		})
		if err != nil || before == 0 {
			return false, err
		}
	}
	return false, nil
}

// lists finds lists by their name, and purposes.
func lists(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := list.All(v)
	if err != nil {
		return nil, err
	}
	var out []hit
	for _, l := range all {
		if l.Kind == list.Mail && q.matches(l.ID, l.Name, l.PurposeName) {
			out = append(out, hit{Title: l.Name, Note: l.PurposeName, URL: fmt.Sprintf("/lists/%d", l.ID), Badge: retired(r, l.RetiredAt != 0)})
		}
	}
	purposes, err := list.Purposes(v)
	for _, x := range purposes {
		if q.matches(x.ID, x.Name) {
			out = append(out, hit{Title: x.Name, Note: r.P.T("web_search.purpose"), URL: fmt.Sprintf("/purposes/%d", x.ID), Badge: retired(r, x.RetiredAt != 0)})
		}
	}
	return first(out, limit), err
}

func retired(r *shell.Request, yes bool) shell.Component {
	if !yes {
		return nil
	}
	return shell.Badge(shell.Quiet, r.P.T("web_search.retired"))
}

func first(all []hit, limit int) []hit { return all[:min(len(all), limit+1)] }

func forms(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := form.All(v)
	var out []hit
	for _, f := range all {
		if q.matches(f.ID, f.Name, f.Slug) {
			out = append(out, hit{Title: f.Name, Note: "/f/" + f.Slug, URL: fmt.Sprintf("/forms/%d", f.ID), Badge: shell.Badge(shell.Quiet, r.P.T("forms.state."+string(f.State())))})
		}
	}
	return first(out, limit), err
}

func campaigns(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := campaign.Names(v, newest)
	var out []hit
	for _, c := range all {
		if q.matches(c.ID, c.Name, c.Subject) {
			out = append(out, hit{Title: c.Name, Note: c.Subject, URL: fmt.Sprintf("/campaigns/%d", c.ID), Badge: shell.Badge(shell.Quiet, r.P.T("campaign.state."+string(c.State)))})
		}
	}
	return first(out, limit), err
}

func imports(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := importer.Names(v, newest)
	var out []hit
	for _, i := range all {
		if q.matches(i.ID, i.Name) {
			out = append(out, hit{Title: i.Name, Note: r.P.DateTime(i.MadeAt), URL: fmt.Sprintf("/import/%d", i.ID), Badge: shell.Badge(shell.Quiet, r.P.T("importer.state."+string(i.State)))})
		}
	}
	return first(out, limit), err
}

// services finds sending services, and the companies behind them.
func services(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := relay.All(v)
	if err != nil {
		return nil, err
	}
	var out []hit
	for _, x := range all {
		name := x.Name
		if x.Kind == relay.Mailbox {
			name = r.P.T("web_sending.mailbox")
		}
		if q.matches(x.ID, name, x.Addr) {
			out = append(out, hit{Title: name, Note: r.P.T("web_search.service"), URL: fmt.Sprintf("/settings/sending/service/%d", x.ID)})
		}
	}
	companies, err := processor.All(v)
	for _, c := range companies {
		if c.Name != "" && q.matches(c.ID, c.Name) {
			out = append(out, hit{Title: c.Name, Note: r.P.T("web_search.provider"), URL: fmt.Sprintf("/settings/sending/provider/%d", c.ID)})
		}
	}
	return first(out, limit), err
}

func members(r *shell.Request, v *store.View, q question, limit int) ([]hit, error) {
	all, err := member.All(v)
	var out []hit
	for _, m := range all {
		if q.matches(m.ID, m.Name.Raw(), m.Email.Raw()) {
			note := m.Email.Raw()
			if note == m.Called().Raw() { // who has no name yet is called by the address
				note = ""
			}
			out = append(out, hit{Title: m.Called().Raw(), Note: note, URL: fmt.Sprintf("/settings/team/%d", m.ID), Badge: shell.Badge(shell.Quiet, r.P.T("role."+string(m.Role)))})
		}
	}
	return first(out, limit), err
}

// messages finds a service mail by its number alone: who it is for stands on its page.
func messages(r *shell.Request, v *store.View, q question, _ int) ([]hit, error) {
	if q.id == 0 {
		return nil, nil
	}
	m, err := message.Get(v, q.id)
	if err != nil {
		return nil, none(err)
	}
	return []hit{{Title: r.P.T("web_search.message", "id", fmt.Sprint(m.ID)), Note: r.P.DateTime(m.MadeAt), URL: fmt.Sprintf("/service/%d", m.ID)}}, nil
}

// entries finds an entry of the trace by its number.
func entries(r *shell.Request, v *store.View, q question, _ int) ([]hit, error) {
	if q.id == 0 {
		return nil, nil
	}
	e, err := trace.Find(v, q.id)
	if err != nil {
		return nil, none(err)
	}
	return []hit{{Title: r.P.T("web_search.entry", "id", fmt.Sprint(q.id)), Note: r.P.DateTime(e.At), URL: fmt.Sprintf("/privacy/trace/%d", q.id)}}, nil
}

// doors are pages that make something, which the navigation doesn't name.
var doors = []shell.Section{
	{Key: "contact", Path: "/contacts/new", Permission: shell.ContactsWrite},
	{Key: "import", Path: "/import/new", Permission: shell.ImportWrite},
	{Key: "list", Path: "/lists/new", Permission: shell.ListsWrite},
	{Key: "purpose", Path: "/purposes/new", Permission: shell.ListsWrite},
	{Key: "form", Path: "/forms/new", Permission: shell.FormsWrite},
	{Key: "campaign", Path: "/campaigns/new", Permission: shell.CampaignsWrite},
	{Key: "sender", Path: "/settings/senders/new", Permission: shell.SettingsWrite},
	{Key: "domain", Path: "/settings/domains", Permission: shell.SettingsRead},
	{Key: "relay", Path: "/settings/sending/new", Permission: shell.ProvidersWrite},
	{Key: "terms", Path: "/settings/terms", Permission: shell.SettingsRead},
	{Key: "invite", Path: "/settings/team/invite", Permission: shell.TeamWrite},
}

// pages finds pages of Consend by their name, and by other words people call them.
func (p *Pages) pages(r *shell.Request, _ *store.View, q question, limit int) ([]hit, error) {
	var out []hit
	add := func(s shell.Section, title, note, also string) {
		if (s.Permission == "" || r.May(s.Permission)) && locale.Begins(title+" "+note+" "+r.P.Or(also, ""), q.words) &&
			!slices.ContainsFunc(out, func(h hit) bool { return h.URL == s.Path }) {
			out = append(out, hit{Title: title, Note: note, URL: s.Path})
		}
	}
	for _, s := range p.Nav {
		for _, i := range s.Items {
			add(i, r.P.T("nav."+i.Key), r.P.T("nav."+s.Key), "web_search.also."+i.Key)
		}
		add(s, r.P.T("nav."+s.Key), "", "web_search.also."+s.Key)
	}
	for _, d := range doors {
		add(d, r.P.T("web_search.door."+d.Key), "", "web_search.also.door_"+d.Key)
	}
	return first(out, limit), nil
}
