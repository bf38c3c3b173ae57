// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// asked is a preview's question: as whom, in which footer language, how wide.
type asked struct {
	id     int64
	person int64
	email  string // as typed, when nobody has it
	lang   string
	view   string // desktop, phone or text
}

func (a asked) with(name, value string) string {
	v := url.Values{}
	set := func(n, x string) {
		if n == name {
			x = value
		}
		if x != "" && x != "0" {
			v.Set(n, x)
		}
	}
	set("contact", strconv.FormatInt(a.person, 10))
	set("footer", a.lang)
	set("view", a.view)
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// ask reads a preview's question. A typed address is looked up; the person is then named by number.
func (p *CampaignPages) ask(r *shell.Request) (a asked, err error) {
	if a.id, err = r.ID("id"); err != nil {
		return a, err
	}
	if l := r.Q("footer"); locale.Known(l) {
		a.lang = l
	}
	switch a.view = r.Q("view"); a.view {
	case "phone", "text":
	default:
		a.view = ""
	}
	a.person, _ = strconv.ParseInt(r.Q("contact"), 10, 64)
	typed := r.Q("as")
	if typed == "" || a.person != 0 {
		return a, nil
	}
	a.email = typed
	e, err := address.Parse(typed)
	if err != nil {
		return a, nil // shown as "nobody has this address"
	}
	err = p.view(r, func(v *store.View) error {
		c, ok, err := contact.Find(v, e)
		if ok {
			a.person, a.email = c.ID, ""
		}
		return err
	})
	return a, err
}

// shown makes the preview, with the look at the person noted before.
func (p *CampaignPages) shown(r *shell.Request, a asked) (out campaign.Preview, err error) {
	if a.person != 0 {
		if err := p.view(r, func(v *store.View) error { _, err := contact.Get(v, a.person); return err }); err != nil {
			return out, err
		}
		if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "campaign.preview", ObjectID: a.id, Contacts: []int64{a.person}}); err != nil {
			return out, err
		}
	}
	err = p.view(r, func(v *store.View) (err error) { out, err = campaign.PreviewFor(v, a.id, a.person, a.lang); return err })
	return out, err
}

func (p *CampaignPages) campaignPreview(r *shell.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	c, err := p.get(r)
	if err != nil {
		return err
	}
	out, err := p.shown(r, a)
	f := shell.NewForm("as", r.Q("as"))
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, campaignPreviewPage(r, c, a, campaign.Preview{}, f))
	}
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignPreviewPage(r, c, a, out, f))
}

// campaignMail is the message alone, for the frame of a preview.
func (p *CampaignPages) campaignMail(r *shell.Request) error {
	a, err := p.ask(r)
	if err != nil {
		return err
	}
	out, err := p.shown(r, a)
	if fault.KindOf(err) == fault.Invalid || errors.Is(err, store.ErrNone) {
		return r.Mail([]byte("<!DOCTYPE html><html lang=\"" + r.P.Lang + "\"><title>" + r.P.T("web_campaign.preview") + "</title><body style=\"font:16px Arial,sans-serif;padding:24px\"><p>" + r.P.T("web_campaign.preview.not_yet") + "</p></body></html>"))
	}
	if err != nil {
		return err
	}
	return r.Mail([]byte(out.Message.HTML))
}

func (p *CampaignPages) campaignCheck(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	var l campaign.Checklist
	if err := p.view(r, func(v *store.View) (err error) { l, err = campaign.Check(v, c.ID); return err }); err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignCheckPage(r, c, l))
}

func levelTone(l campaign.Level) shell.Tone {
	switch l {
	case campaign.Fine:
		return shell.Good
	case campaign.Warn:
		return shell.Waiting
	case campaign.Stop:
		return shell.Bad
	}
	return shell.Info
}

// team lists who a test may go to.
func (p *CampaignPages) team(r *shell.Request) (out []member.Member, err error) {
	err = p.view(r, func(v *store.View) error {
		all, err := member.All(v)
		for _, m := range all {
			if m.State == member.Active {
				out = append(out, m)
			}
		}
		return err
	})
	return out, err
}

func (p *CampaignPages) campaignTest(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	team, err := p.team(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignTestPage(r, c, team, shell.NewForm("member", strconv.FormatInt(r.Member.ID, 10))))
}

func (p *CampaignPages) campaignTestPost(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	team, err := p.team(r)
	if err != nil {
		return err
	}
	var to []campaign.Member
	for _, m := range team {
		if f.Has("member", strconv.FormatInt(m.ID, 10)) {
			to = append(to, campaign.Member{ID: m.ID, Email: m.Email})
		}
	}
	if len(to) == 0 {
		f.Fail("member", "web_campaign.test.nobody")
	} else {
		_, err = p.Engine.TestTo(r.Context(), r.Who, c.ID, 0, "", to)
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, campaignTestPage(r, c, team, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(c.ID), "web_campaign.tested", "n", len(to))
}
