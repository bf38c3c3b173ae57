// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"net/http"
	"strconv"

	"consend/internal/ground/store"
	"consend/internal/sending/campaign"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/web/shell"
)

func (p *CampaignPages) campaigns(r *shell.Request) error {
	l := r.List(shell.ListSpec{Sorts: []string{"-made"}, Filters: []string{"state"}, Size: 50})
	before, _ := strconv.ParseInt(l.After, 10, 64)
	var rows []campaign.Campaign
	err := p.view(r, func(v *store.View) (err error) {
		rows, err = campaign.Page(v, before, campaign.State(l.Filter("state")), l.Search, l.Size+1)
		return err
	})
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > l.Size {
		rows = rows[:l.Size]
		next = strconv.FormatInt(rows[len(rows)-1].ID, 10)
	}
	return r.Render(http.StatusOK, campaignsPage(r, campaignsTable(r, l, rows, next)))
}

func campaignsTable(r *shell.Request, l shell.List, list []campaign.Campaign, next string) shell.Table {
	t := shell.Table{Caption: r.P.T("web_campaign.title"), List: l, Total: -1, Next: next, Search: r.P.T("web_campaign.search"),
		Columns: []shell.Column{{Label: r.P.T("web_campaign.name")}, {Label: r.P.T("web_campaign.state")}, {Label: r.P.T("web_campaign.people"), End: true}, {Label: r.P.T("web_campaign.when"), Quiet: true}},
		Filters: []shell.Filter{{Name: "state", Label: r.P.T("web_campaign.state")}},
		Empty: shell.EmptyState{Icon: "mail-fast", Title: r.P.T("web_campaign.none"), Text: r.P.T("web_campaign.none.text"),
			Action: shell.Link{Label: r.P.T("web_campaign.new"), URL: "/campaigns/new", Icon: "plus"}}}
	for _, s := range campaign.States() {
		t.Filters[0].Choices = append(t.Filters[0].Choices, shell.Choice{Value: string(s), Label: r.P.T("campaign.state." + string(s))})
	}
	for _, c := range list {
		when := c.ChangedAt
		if c.StartedAt != 0 {
			when = c.StartedAt
		}
		people := shell.Soft("–")
		if c.Frozen > 0 {
			people = shell.Num(c.Frozen - c.FrozenOut)
		}
		t.Rows = append(t.Rows, shell.Row{ID: strconv.FormatInt(c.ID, 10), Label: c.Name, Link: campaignURL(c.ID), Cells: []shell.Component{
			shell.Str(c.Name), shell.Badge(campaignTone(c.State), r.P.T("campaign.state."+string(c.State))), people, shell.When(when)}})
	}
	return t
}

func (p *CampaignPages) campaignNew(r *shell.Request) error {
	return r.Render(http.StatusOK, campaignNewPage(r, shell.NewForm("kind", "markdown")))
}

// campaignNewPost makes a draft; who writes is chosen already where there is only one.
func (p *CampaignPages) campaignNewPost(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	var id int64
	err = p.write(r, func(tx *store.Tx) error {
		all, err := sender.All(tx)
		if err != nil {
			return err
		}
		from := int64(0)
		if len(all) == 1 {
			from = all[0].ID
		}
		id, err = campaign.Make(tx, campaign.Words{Name: f.Get("name"), Kind: template.Kind(f.Get("kind"))}, from)
		return err
	})
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, campaignNewPage(r, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(id))
}

func (p *CampaignPages) campaignCopyPost(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	var id int64
	err = p.write(r, func(tx *store.Tx) (err error) {
		id, err = campaign.Copy(tx, c.ID, r.P.T("web_campaign.copy.name", "name", cut(c.Name, 180)))
		return err
	})
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, campaignURL(id), "web_campaign.copied")
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

func (p *CampaignPages) campaignDropPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.write(r, func(tx *store.Tx) error { return campaign.Drop(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/campaigns", "web_campaign.dropped")
}
