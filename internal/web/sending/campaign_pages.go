// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"fmt"
	"net/http"

	"consend/internal/ground/store"
	"consend/internal/sending/campaign"
	"consend/internal/sending/sender"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// CampaignPages are campaigns from draft to report, and who writes them.
type CampaignPages struct {
	DB       *store.DB
	Engine   *campaign.Engine
	Resolver sender.Resolver // asks DNS for the record of a domain
}

const designBody = 2 << 20 // bytes of a form with a whole body in it

// Routes is the part of the access table for campaigns, senders and domains.
func (p *CampaignPages) Routes() []shell.Route {
	read := func(pattern string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodGet, Pattern: pattern, Permission: shell.CampaignsRead, Handler: h}
	}
	write := func(pattern string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodGet, Pattern: pattern, Permission: shell.CampaignsWrite, Handler: h}
	}
	change := func(pattern, action string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodPost, Pattern: pattern, Permission: shell.CampaignsWrite, Trace: []string{action}, Body: designBody, Handler: h}
	}
	act := func(pattern, action string, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: http.MethodPost, Pattern: pattern, Permission: shell.CampaignsSend, Trace: []string{action}, Handler: h}
	}
	person := func(r shell.Route) shell.Route { r.Shows = shell.ShowsPerson; return r }
	out := []shell.Route{
		read("/campaigns", p.campaigns),
		write("/campaigns/new", p.campaignNew),
		change("/campaigns/new", "campaign.make", p.campaignNewPost),
		read("/campaigns/{id}", p.campaign),
		write("/campaigns/{id}/sender", p.campaignSender),
		change("/campaigns/{id}/sender", "campaign.change", p.campaignSenderPost),
		write("/campaigns/{id}/lists", p.campaignLists),
		change("/campaigns/{id}/lists", "campaign.change", p.campaignListsPost),
		write("/campaigns/{id}/subject", p.campaignSubject),
		change("/campaigns/{id}/subject", "campaign.change", p.campaignSubjectPost),
		write("/campaigns/{id}/design", p.campaignDesign),
		change("/campaigns/{id}/design", "campaign.change", p.campaignDesignPost),
		person(read("/campaigns/{id}/preview", p.campaignPreview)),
		person(shell.Route{Method: http.MethodGet, Pattern: "/campaigns/{id}/mail", Permission: shell.CampaignsRead, Frame: shell.FrameOwn, Handler: p.campaignMail}),
		read("/campaigns/{id}/check", p.campaignCheck),
		write("/campaigns/{id}/test", p.campaignTest),
		{Method: http.MethodPost, Pattern: "/campaigns/{id}/test", Permission: shell.CampaignsWrite, Trace: []string{"campaign.test", "gate.permit"}, Handler: p.campaignTestPost},
		{Method: http.MethodGet, Pattern: "/campaigns/{id}/send", Permission: shell.CampaignsSend, Handler: p.campaignSend},
		act("/campaigns/{id}/send", "campaign.approve", p.campaignSendPost),
		act("/campaigns/{id}/undo", "campaign.undo", p.acts(campaign.Undo, "web_campaign.undone")),
		act("/campaigns/{id}/pause", "campaign.pause", p.acts(campaign.Pause, "web_campaign.paused")),
		act("/campaigns/{id}/resume", "campaign.resume", p.acts(campaign.Resume, "web_campaign.resumed")),
		{Method: http.MethodGet, Pattern: "/campaigns/{id}/stop", Permission: shell.CampaignsSend, Handler: p.campaignStop},
		act("/campaigns/{id}/stop", "campaign.stop", p.acts(campaign.StopIt, "web_campaign.stopped")),
		act("/campaigns/{id}/doubtful", "campaign.send_doubtful", p.campaignDoubtfulPost),
		change("/campaigns/{id}/copy", "campaign.make", p.campaignCopyPost),
		change("/campaigns/{id}/drop", "campaign.drop", p.campaignDropPost),
		person(read("/campaigns/{id}/recipients", p.campaignRecipients)),
		person(read("/campaigns/{id}/recipients/{contact}", p.campaignRecipient)),
		{Method: http.MethodGet, Pattern: "/campaigns/{id}/sample", Permission: shell.ContactsExport, Handler: p.campaignSample},
		{Method: http.MethodPost, Pattern: "/campaigns/{id}/sample", Permission: shell.ContactsExport, Shows: shell.ShowsPerson, Trace: []string{trace.LookAction}, Handler: p.campaignSamplePost},
		{Method: http.MethodGet, Pattern: "/campaigns/{id}/export", Permission: shell.ContactsExport, Handler: p.campaignExport},
		{Method: http.MethodPost, Pattern: "/campaigns/{id}/export", Permission: shell.ContactsExport, Shows: shell.ShowsPerson, Trace: []string{"campaign.export", trace.LookAction}, Body: 4 << 10, Handler: p.campaignExportPost},
	}
	return append(out, p.senderRoutes()...)
}

func campaignURL(id int64) string { return fmt.Sprintf("/campaigns/%d", id) }

func (p *CampaignPages) view(r *shell.Request, f func(v *store.View) error) error {
	return p.DB.View(r.Context(), r.Who, f)
}

func (p *CampaignPages) write(r *shell.Request, f func(tx *store.Tx) error) error {
	return p.DB.Write(r.Context(), r.Who, f)
}

// get finds the campaign of the address.
func (p *CampaignPages) get(r *shell.Request) (c campaign.Campaign, err error) {
	id, err := r.ID("id")
	if err != nil {
		return c, err
	}
	err = p.view(r, func(v *store.View) (err error) { c, err = campaign.Get(v, id); return err })
	return c, err
}

// acts makes a handler of a verb that needs nothing but the campaign.
func (p *CampaignPages) acts(verb func(*store.Tx, int64) error, said string) func(*shell.Request) error {
	return func(r *shell.Request) error {
		id, err := r.ID("id")
		if err != nil {
			return err
		}
		if err := p.write(r, func(tx *store.Tx) error { return verb(tx, id) }); err != nil {
			return err
		}
		return r.Redirect(http.StatusSeeOther, campaignURL(id), said)
	}
}

func campaignTone(s campaign.State) shell.Tone {
	switch s {
	case campaign.Sent:
		return shell.Good
	case campaign.Sending, campaign.Queued:
		return shell.Info
	case campaign.Paused, campaign.Stopping:
		return shell.Waiting
	case campaign.Stopped:
		return shell.Bad
	}
	return shell.Quiet
}

func fateTone(f campaign.Fate) shell.Tone {
	switch f {
	case campaign.Accepted:
		return shell.Good
	case campaign.Waiting, campaign.Deferred:
		return shell.Info
	case campaign.InDoubt:
		return shell.Waiting
	case campaign.Failed:
		return shell.Bad
	}
	return shell.Quiet
}
