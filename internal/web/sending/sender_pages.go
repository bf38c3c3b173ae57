// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"fmt"
	"net/http"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/sending/sender"
	"consend/internal/web/shell"
)

func (p *CampaignPages) senderRoutes() []shell.Route {
	get := func(pattern string, perm shell.Permission, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodGet, Pattern: pattern, Permission: perm, Handler: h}
	}
	post := func(pattern, action string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodPost, Pattern: pattern, Permission: shell.SettingsWrite, Trace: []string{action}, Handler: h}
	}
	return []shell.Route{
		get("/settings/senders", shell.SettingsRead, p.senderList),
		get("/settings/senders/new", shell.SettingsWrite, p.senderNew),
		post("/settings/senders/new", "sender.make", p.senderNewPost),
		get("/settings/senders/{id}", shell.SettingsWrite, p.senderEdit),
		post("/settings/senders/{id}", "sender.change", p.senderEditPost),
		post("/settings/senders/{id}/retire", "sender.retire", p.senderRetirePost),
		get("/settings/domains", shell.SettingsRead, p.domainList),
		get("/settings/domains/new", shell.SettingsWrite, p.domainNew),
		post("/settings/domains/new", "sender.domain.add", p.domainNewPost),
		get("/settings/domains/{id}", shell.SettingsRead, p.domain),
		post("/settings/domains/{id}/look", "sender.domain.look", p.domainLookPost),
		post("/settings/domains/{id}/retire", "sender.domain.retire", p.domainRetirePost),
	}
}

// signed is a sender with the domain whose key signs its mail, if any.
type signed struct {
	sender.Sender
	domain sender.Domain
}

func (p *CampaignPages) senderList(r *shell.Request) error {
	var list []signed
	err := p.view(r, func(v *store.View) error {
		all, err := sender.All(v)
		if err != nil {
			return err
		}
		for _, s := range all {
			d, _, err := sender.ForDomain(v, s.Email.Domain())
			if err != nil {
				return err
			}
			list = append(list, signed{s, d})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, sendersPage(r, sendersTable(r, list)))
}

func sendersTable(r *shell.Request, list []signed) shell.Table {
	t := shell.Table{Caption: r.P.T("web_sender.title"), List: r.List(shell.ListSpec{Size: 200}), Total: int64(len(list)),
		Columns: []shell.Column{{Label: r.P.T("web_sender.name")}, {Label: r.P.T("web_sender.email")}, {Label: r.P.T("web_sender.signed")}},
		Empty: shell.EmptyState{Icon: "signature", Title: r.P.T("web_sender.none"), Text: r.P.T("web_sender.none.text"),
			Action: shell.Link{Label: r.P.T("web_sender.new"), URL: "/settings/senders/new", Icon: "plus"}}}
	for _, s := range list {
		row := shell.Row{ID: strconv.FormatInt(s.ID, 10), Label: s.Name, Cells: []shell.Component{shell.Str(s.Name), shell.Str(s.Email.Raw()), domainBadge(r, s.domain)}}
		if r.May(shell.SettingsWrite) {
			row.Link = fmt.Sprintf("/settings/senders/%d", s.ID)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func domainBadge(r *shell.Request, d sender.Domain) shell.Component {
	switch {
	case d.ID == 0:
		return shell.Badge(shell.Quiet, r.P.T("web_sender.signed.no"))
	case d.FoundAt == 0:
		return shell.Badge(shell.Waiting, r.P.T("web_sender.signed.unseen"))
	}
	return shell.Badge(shell.Good, r.P.T("web_sender.signed.yes", "domain", d.Name))
}

func (p *CampaignPages) senderNew(r *shell.Request) error {
	return r.Render(http.StatusOK, senderFormPage(r, 0, shell.NewForm("name", r.Brand.Name)))
}

// readSender reads the form. Faults land at their fields.
func readSender(f *shell.Form) sender.New {
	n := sender.New{Name: f.Get("name")}
	read := func(field string, to *address.Address, need bool) {
		s := f.Get(field)
		if s == "" && !need {
			return
		}
		a, err := address.Parse(s)
		if err != nil {
			for _, e := range fault.All(err) {
				f.Faults = append(f.Faults, e.At(field))
			}
		}
		*to = a
	}
	read("email", &n.Email, true)
	read("reply_to", &n.ReplyTo, false)
	return n
}

func (p *CampaignPages) senderNewPost(r *shell.Request) error {
	return p.senderSaved(r, 0, func(tx *store.Tx, _ *shell.Form, n sender.New) error { _, err := sender.Make(tx, n); return err })
}

func (p *CampaignPages) senderSaved(r *shell.Request, id int64, do func(*store.Tx, *shell.Form, sender.New) error) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	n := readSender(f)
	if f.OK() {
		err = p.write(r, func(tx *store.Tx) error { return do(tx, f, n) })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, senderFormPage(r, id, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/senders", "web_sender.saved")
}

func (p *CampaignPages) senderEdit(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var s sender.Sender
	if err := p.view(r, func(v *store.View) (err error) { s, err = sender.Get(v, id); return err }); err != nil {
		return err
	}
	return r.Render(http.StatusOK, senderFormPage(r, id, shell.NewForm("version", strconv.FormatInt(s.Version, 10), "name", s.Name, "email", s.Email.Raw(), "reply_to", s.ReplyTo.Raw())))
}

func (p *CampaignPages) senderEditPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	return p.senderSaved(r, id, func(tx *store.Tx, f *shell.Form, n sender.New) error { return sender.Change(tx, id, version(f), n) })
}

func (p *CampaignPages) senderRetirePost(r *shell.Request) error {
	return p.settle(r, sender.Retire, "/settings/senders", "web_sender.retired")
}

func (p *CampaignPages) settle(r *shell.Request, verb func(*store.Tx, int64) error, to, said string) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return verb(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, to, said)
}

func (p *CampaignPages) domainList(r *shell.Request) error {
	var list []sender.Domain
	if err := p.view(r, func(v *store.View) (err error) { list, err = sender.Domains(v); return err }); err != nil {
		return err
	}
	t := shell.Table{Caption: r.P.T("web_domain.title"), List: r.List(shell.ListSpec{Size: 200}), Total: int64(len(list)),
		Columns: []shell.Column{{Label: r.P.T("web_domain.name")}, {Label: r.P.T("web_domain.state")}, {Label: r.P.T("web_domain.looked"), Quiet: true}},
		Empty: shell.EmptyState{Icon: "world", Title: r.P.T("web_domain.none"), Text: r.P.T("web_domain.none.text"),
			Action: shell.Link{Label: r.P.T("web_domain.new"), URL: "/settings/domains/new", Icon: "plus"}}}
	for _, d := range list {
		t.Rows = append(t.Rows, shell.Row{ID: strconv.FormatInt(d.ID, 10), Label: d.Name, Link: fmt.Sprintf("/settings/domains/%d", d.ID), Cells: []shell.Component{
			shell.Str(d.Name), domainBadge(r, d), shell.When(d.CheckedAt)}})
	}
	return r.Render(http.StatusOK, domainsPage(r, t))
}

func (p *CampaignPages) domainNew(r *shell.Request) error {
	return r.Render(http.StatusOK, domainNewPage(r, shell.NewForm()))
}

func (p *CampaignPages) domainNewPost(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	made, err := sender.Prepare(f.Get("domain")) // the key is made before the transaction: it takes a while
	var id int64
	if err == nil {
		err = p.write(r, func(tx *store.Tx) (err error) { id, err = sender.AddDomain(tx, made); return err })
	}
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, domainNewPage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, fmt.Sprintf("/settings/domains/%d", id), "web_domain.added")
}

func (p *CampaignPages) findDomain(r *shell.Request) (d sender.Domain, err error) {
	id, err := r.ID("id")
	if err != nil {
		return d, err
	}
	err = p.view(r, func(v *store.View) (err error) { d, err = sender.GetDomain(v, id); return err })
	return d, err
}

func (p *CampaignPages) domain(r *shell.Request) error {
	d, err := p.findDomain(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, domainPage(r, d))
}

// domainLookPost asks DNS, and notes what it said.
func (p *CampaignPages) domainLookPost(r *shell.Request) error {
	d, err := p.findDomain(r)
	if err != nil {
		return err
	}
	found, err := sender.Look(r.Context(), p.Resolver, d)
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return sender.Looked(tx, d.ID, found) }); err != nil {
		return err
	}
	to := fmt.Sprintf("/settings/domains/%d", d.ID)
	if found {
		return r.Redirect(http.StatusSeeOther, to, "web_domain.found")
	}
	return r.RedirectWarning(to, "web_domain.not_found")
}

func (p *CampaignPages) domainRetirePost(r *shell.Request) error {
	return p.settle(r, sender.RetireDomain, "/settings/domains", "web_domain.retired")
}
