// SPDX-License-Identifier: AGPL-3.0-or-later

package report

import (
	"context"
	"encoding/json"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/evidence"
	"consend/internal/sending/campaign"
	"consend/internal/trace"
)

// Sample completes an auditor's draw (its campaign, number, seed and language are given) with everybody the
// campaign was made for and with why each mail to those drawn was sent. The look at them is traced before
// it returns. Faults: campaign.none, evidence.draw.n, evidence.draw.none.
func Sample(ctx context.Context, db *store.DB, who actor.Actor, d evidence.Drawing) (evidence.Drawing, error) {
	var err error
	if d.From, err = everybody(ctx, db, who, d.Campaign); err != nil {
		return d, err
	}
	ids, err := d.Draw()
	if err != nil {
		return d, err
	}
	if d.Sent, err = sentWhy(ctx, db, who, d.Campaign, ids); err != nil {
		return d, err
	}
	return d, trace.Look(ctx, db, who, trace.Looked{Object: "campaign", ObjectID: d.Campaign, Contacts: ids, Filter: "sample", Closed: string(d.Closed)})
}

// everybody gives the numbers of all a campaign was made for, in pages.
func everybody(ctx context.Context, db *store.DB, who actor.Actor, id int64) (out []int64, err error) {
	const page = 1000
	for after := int64(0); ; {
		var list []campaign.Recipient
		err := db.View(ctx, who, func(v *store.View) (err error) {
			if _, err = campaign.Get(v, id); err == nil {
				list, err = campaign.Recipients(v, id, after, "", "", page)
			}
			return err
		})
		if err != nil || len(list) == 0 {
			return out, err
		}
		for _, r := range list {
			out, after = append(out, r.ContactID), r.ContactID
		}
	}
}

// sentWhy tells why each mail was sent, or not: what the person's row and the send check rested on.
func sentWhy(ctx context.Context, db *store.DB, who actor.Actor, id int64, people []int64) ([]byte, error) {
	type why struct {
		Contact, List, Event, Permit, Entry               int64
		State, Reason, Basis, Grade, At, Rules, Agreement string
	}
	list := []why{}
	err := db.View(ctx, who, func(v *store.View) error {
		for _, p := range people {
			r, g, err := campaign.Why(v, id, p)
			if err != nil {
				return err
			}
			w := why{Contact: p, List: r.ListID, Event: r.EventID, Permit: r.PermitID, Entry: g.EntryID, State: string(r.State), Reason: r.Reason,
				Basis: string(r.Basis), Grade: string(r.Grade), Rules: g.Rulepack, Agreement: g.DPA}
			if g.At != 0 {
				w.At = g.At.String()
			}
			list = append(list, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(list, "", " ")
	return append(b, '\n'), err
}
