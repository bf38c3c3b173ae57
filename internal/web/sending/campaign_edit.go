// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/sending/campaign"
	"consend/internal/sending/report"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// campaign shows a campaign as it stands: its four cards, its progress, or its report.
func (p *CampaignPages) campaign(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	if c.State != campaign.Draft {
		return p.campaignReport(r, c)
	}
	var d drafted
	err = p.view(r, func(v *store.View) (err error) {
		d, err = draftOf(v, c)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignPage(r, d))
}

// drafted is a draft with what its cards say.
type drafted struct {
	campaign.Campaign
	sender   sender.Sender
	plus     []list.List
	minus    []list.List
	segment  segment.Segment
	audience campaign.Audience
	broken   error // what the segment asks for can't be asked any more
}

func (d drafted) writes() bool  { return d.sender.ID != 0 && d.sender.RetiredAt == 0 }
func (d drafted) reaches() bool { return d.audience.People > 0 }
func (d drafted) named() bool   { return d.Subject != "" }
func (d drafted) says() bool    { return strings.TrimSpace(d.Body) != "" }
func (d drafted) ready() bool   { return d.writes() && d.reaches() && d.named() && d.says() }

func draftOf(v *store.View, c campaign.Campaign) (d drafted, err error) {
	d.Campaign = c
	if c.SenderID != 0 {
		if d.sender, err = sender.Get(v, c.SenderID); err != nil {
			return d, err
		}
	}
	plus, minus, err := campaign.Lists(v, c.ID)
	if err != nil {
		return d, err
	}
	if c.SegmentID != 0 {
		if d.segment, err = segment.Get(v, c.SegmentID); err != nil {
			return d, err
		}
	}
	if d.audience, err = campaign.AudienceOf(v, c.ID); fault.KindOf(err) == fault.Invalid {
		d.broken = err
	} else if err != nil {
		return d, err
	}
	all, err := list.All(v)
	for _, l := range all {
		if slices.Contains(plus, l.ID) {
			d.plus = append(d.plus, l)
		}
		if slices.Contains(minus, l.ID) {
			d.minus = append(d.minus, l)
		}
	}
	return d, err
}

func listNames(all []list.List) string {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.Name
	}
	return strings.Join(names, ", ")
}

// editing is a card's own page.
func (p *CampaignPages) editing(r *shell.Request, show func(campaign.Campaign) (shell.Component, error)) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	if c.State != campaign.Draft {
		return r.RedirectWarning(campaignURL(c.ID), "campaign.not_draft")
	}
	page, err := show(c)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, page)
}

// changed posts a card: do acts, again shows it once more with what is wrong.
func (p *CampaignPages) changed(r *shell.Request, do func(tx *store.Tx, c campaign.Campaign, f *shell.Form) error, again func(c campaign.Campaign, f *shell.Form) (shell.Component, error)) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	f, err := r.Form(designBody)
	if err != nil {
		return err
	}
	err = p.write(r, func(tx *store.Tx) error { return do(tx, c, f) })
	if f.Take(err) {
		page, err := again(c, f)
		if err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, page)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(c.ID), "web_campaign.saved")
}

// version is the draft's version the form was made from.
func version(f *shell.Form) int64 {
	n, _ := f.Int("version")
	return n
}

func (p *CampaignPages) senders(r *shell.Request) (all []sender.Sender, err error) {
	err = p.view(r, func(v *store.View) (err error) { all, err = sender.All(v); return err })
	return all, err
}

func (p *CampaignPages) campaignSender(r *shell.Request) error {
	return p.editing(r, func(c campaign.Campaign) (shell.Component, error) {
		all, err := p.senders(r)
		return campaignSenderPage(r, c, all, shell.NewForm("sender", strconv.FormatInt(c.SenderID, 10))), err
	})
}

func (p *CampaignPages) campaignSenderPost(r *shell.Request) error {
	return p.changed(r, func(tx *store.Tx, c campaign.Campaign, f *shell.Form) error {
		id, _ := f.Int("sender")
		return campaign.SetSender(tx, c.ID, version(f), id)
	}, func(c campaign.Campaign, f *shell.Form) (shell.Component, error) {
		all, err := p.senders(r)
		return campaignSenderPage(r, c, all, f), err
	})
}

// choices are the lists that can be chosen, with how many of each may be written to.
type listChoice struct {
	list.List
	given int64
}

func (p *CampaignPages) lists(r *shell.Request) (out []listChoice, err error) {
	err = p.view(r, func(v *store.View) error {
		all, err := list.InUse(v)
		if err != nil {
			return err
		}
		counts, err := consent.Counts(v)
		given := map[int64]int64{}
		for _, n := range counts {
			if n.State == consent.Given {
				given[n.ListID] = n.People
			}
		}
		for _, l := range all {
			if l.Kind == list.Mail {
				out = append(out, listChoice{l, given[l.ID]})
			}
		}
		return err
	})
	return out, err
}

// segments are those that can be chosen: in use, and the one that is chosen.
func (p *CampaignPages) segments(r *shell.Request, c campaign.Campaign) (out []segment.Segment, err error) {
	err = p.view(r, func(v *store.View) error {
		all, err := segment.All(v)
		out = slices.DeleteFunc(all, func(s segment.Segment) bool { return s.RetiredAt != 0 && s.ID != c.SegmentID })
		return err
	})
	return out, err
}

// listsPage is the card of whom it is for, with what was typed.
func (p *CampaignPages) listsPage(r *shell.Request, c campaign.Campaign, f *shell.Form) (shell.Component, error) {
	all, err := p.lists(r)
	if err != nil {
		return nil, err
	}
	some, err := p.segments(r, c)
	return campaignListsPage(r, c, all, some, f), err
}

func (p *CampaignPages) campaignLists(r *shell.Request) error {
	return p.editing(r, func(c campaign.Campaign) (shell.Component, error) {
		f := shell.NewForm()
		err := p.view(r, func(v *store.View) error {
			plus, minus, err := campaign.Lists(v, c.ID)
			for _, id := range plus {
				f.Values.Add("list", strconv.FormatInt(id, 10))
			}
			for _, id := range minus {
				f.Values.Add("minus", strconv.FormatInt(id, 10))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if c.SegmentID != 0 {
			f.Values.Set("segment", strconv.FormatInt(c.SegmentID, 10))
		}
		return p.listsPage(r, c, f)
	})
}

func (p *CampaignPages) campaignListsPost(r *shell.Request) error {
	return p.changed(r, func(tx *store.Tx, c campaign.Campaign, f *shell.Form) error {
		if err := campaign.SetLists(tx, c.ID, version(f), f.IDs("list"), f.IDs("minus")); err != nil {
			return err
		}
		only, _ := f.Int("segment")
		return campaign.SetSegment(tx, c.ID, 0, only)
	}, func(c campaign.Campaign, f *shell.Form) (shell.Component, error) { return p.listsPage(r, c, f) })
}

func (p *CampaignPages) campaignSubject(r *shell.Request) error {
	return p.editing(r, func(c campaign.Campaign) (shell.Component, error) {
		return campaignSubjectPage(r, c, shell.NewForm("name", c.Name, "subject", c.Subject, "preheader", c.Preheader)), nil
	})
}

func (p *CampaignPages) campaignSubjectPost(r *shell.Request) error {
	return p.changed(r, func(tx *store.Tx, c campaign.Campaign, f *shell.Form) error {
		w := c.Words()
		w.Name, w.Subject, w.Preheader = f.Get("name"), f.Get("subject"), f.Get("preheader")
		return campaign.SetWords(tx, c.ID, version(f), w)
	}, func(c campaign.Campaign, f *shell.Form) (shell.Component, error) {
		return campaignSubjectPage(r, c, f), nil
	})
}

// designing is what the page of the text needs beside the campaign: the values that a text can
// name, and the account, whose name and address stand at the foot.
type designing struct {
	found   []template.Finding
	names   []string
	account account.Account
}

func (p *CampaignPages) designing(r *shell.Request, id int64) (d designing, err error) {
	d.names = []string{"EMAIL", "NAME"}
	err = p.view(r, func(v *store.View) error {
		all, err := contact.AllAttributes(v)
		for _, a := range all {
			d.names = append(d.names, a.Name)
		}
		if err == nil {
			d.account, err = account.Get(v)
		}
		if err == nil {
			d.found, err = campaign.Findings(v, id)
		}
		return err
	})
	return d, err
}

// why says what is wrong with this very text, or else what its footer will say of who writes.
func (d designing) why(r *shell.Request) shell.Why {
	w := shell.Why{Step: "template", Article: "templates", Tone: shell.Good,
		State: r.P.T("web_campaign.why.footer", "name", d.account.Name, "address", strings.Join(strings.Fields(d.account.Postal), " "))}
	if strings.TrimSpace(d.account.Postal) == "" {
		w.Tone, w.State = shell.Bad, r.P.T("web_campaign.why.no_address")
	} else if n := len(d.found); n > 0 {
		w.Tone, w.State = shell.Waiting, r.P.N("web_campaign.why.found", n, "n", r.P.Number(int64(n)))+" "+r.P.T(d.found[0].Key, "detail", d.found[0].Detail)
	}
	return w
}

// whyChecked says how many of this campaign's people may be written to.
func whyChecked(r *shell.Request, l campaign.Checklist) shell.Why {
	w := shell.Why{Step: "campaign", Article: "campaign-check", Tone: shell.Good,
		State: r.P.N("web_campaign.why.reaches", int(l.Audience.People), "n", r.P.Number(l.Audience.People)) + " " +
			r.P.N("web_campaign.why.out", int(l.Audience.OutTotal()), "n", r.P.Number(l.Audience.OutTotal()))}
	if l.Audience.People == 0 || !l.Ready() {
		w.Tone = shell.Waiting
	}
	return w
}

func (p *CampaignPages) campaignDesign(r *shell.Request) error {
	return p.editing(r, func(c campaign.Campaign) (shell.Component, error) {
		d, err := p.designing(r, c.ID)
		return campaignDesignPage(r, c, d, shell.NewForm("kind", string(c.Kind), "body", c.Body, "logo", c.Logo, "colour", c.Colour, "language", c.Language)), err
	})
}

func (p *CampaignPages) campaignDesignPost(r *shell.Request) error {
	return p.changed(r, func(tx *store.Tx, c campaign.Campaign, f *shell.Form) error {
		w := c.Words()
		w.Kind, w.Body, w.Logo, w.Colour, w.Language = template.Kind(f.Get("kind")), f.Raw("body"), f.Get("logo"), f.Get("colour"), f.Get("language")
		return campaign.SetWords(tx, c.ID, version(f), w)
	}, func(c campaign.Campaign, f *shell.Form) (shell.Component, error) {
		d, err := p.designing(r, c.ID)
		return campaignDesignPage(r, c, d, f), err
	})
}

// outRows is who is left out and why.
func outRows(r *shell.Request, a campaign.Audience) [][]shell.Component {
	var rows [][]shell.Component
	for _, o := range a.Out {
		rows = append(rows, []shell.Component{shell.Str(report.Words(r.P, string(o.Reason))), shell.Num(o.People)})
	}
	return rows
}

// basisRows is the audience by why they may be written to.
func basisRows(r *shell.Request, a campaign.Audience) [][]shell.Component {
	var rows [][]shell.Component
	for _, b := range consent.Bases() {
		if n := a.Bases[b]; n > 0 {
			rows = append(rows, []shell.Component{shell.Str(r.P.T("web_campaign.basis." + string(b))), shell.Num(n)})
		}
	}
	return rows
}

// gradeRows is the audience by how well it is shown that they may be written to.
func gradeRows(r *shell.Request, a campaign.Audience) [][]shell.Component {
	var rows [][]shell.Component
	for _, g := range []consent.Grade{consent.GradeA, consent.GradeB, consent.GradeC, consent.GradeD} {
		if n := a.Grades[g]; n > 0 {
			rows = append(rows, []shell.Component{shell.Str(string(g) + " · " + r.P.T("web_campaign.grade."+strings.ToLower(string(g)))), shell.Num(n)})
		}
	}
	return rows
}
