// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/report"
	"consend/internal/sending/sender"
	"consend/internal/web/team"
)

// state counts what Home shows: what only the room that knows all others can gather.
func (h *House) state(ctx context.Context, who actor.Actor) (s team.State, err error) {
	err = h.Main.View(ctx, who, func(v *store.View) error {
		senders, err := sender.All(v)
		if err != nil {
			return err
		}
		s.Sender = len(senders) > 0
		all, err := form.All(v)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.State() == form.Published {
				s.Forms++
			}
		}
		if s.Contacts, err = contact.Count(v); err != nil {
			return err
		}
		if s.Confirmed, err = consent.Consenting(v); err != nil {
			return err
		}
		counts, err := consent.Counts(v)
		if err != nil {
			return err
		}
		for _, c := range counts {
			if c.State == consent.Waiting {
				s.Waiting += c.People
			}
		}
		imports, err := importer.All(v, 100)
		if err != nil {
			return err
		}
		for _, i := range imports {
			if i.State == importer.Done {
				s.Imports++
			}
		}
		tasks, err := job.All(v, 100)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if t.Open() {
				s.Running++
			}
		}
		in, err := relay.Default(v)
		if err != nil {
			return err
		}
		s.Service = in.Kind != relay.Mailbox
		sent, err := campaign.Page(v, 0, campaign.Sent, "", 100)
		if err != nil || len(sent) == 0 {
			return err
		}
		s.Campaigns = int64(len(sent))
		r, err := report.Of(v, sent[0].ID)
		if err != nil {
			return err
		}
		s.Last = &team.Campaign{ID: sent[0].ID, Name: sent[0].Name, At: sent[0].StartedAt, Accepted: r.Counts.Of(campaign.Accepted), LeftOut: r.Counts.Of(campaign.Out), Left: r.Left}
		return nil
	})
	return s, err
}
