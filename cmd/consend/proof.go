// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/sending/campaign"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

type proofs struct {
	Export proofExport `cmd:"" help:"Write what one person said, as a file that consend-verify checks offline."`
	Sample proofSample `cmd:"" help:"Draw people of a campaign by a seed, and write their proofs and why each mail was sent, as one bundle."`
}

type proofSample struct {
	Account  int64  `required:"" help:"The account's number." placeholder:"ID"`
	Campaign int64  `required:"" help:"The campaign's number." placeholder:"ID"`
	N        int    `default:"50" help:"How many people to draw." placeholder:"N"`
	Seed     string `required:"" help:"What the draw depends on, told by the auditor: docs/formats/bundle.md says how to repeat it." placeholder:"TEXT"`
	Out      string `short:"o" required:"" help:"Where to write the bundle, a zip." placeholder:"FILE"`
	Language string `help:"en or fr: of the words beside the facts; the account's if it is left out." placeholder:"LANG"`
}

func (c *proofSample) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := within(ctx, h, "proof sample", c.Account)
	if err != nil {
		return err
	}
	d := evidence.Drawing{Campaign: c.Campaign, N: c.N, Seed: c.Seed, Language: c.Language}
	if d.From, err = recipients(ctx, h, who, c.Campaign); err != nil {
		return err
	}
	ids, err := d.Draw()
	if err != nil {
		return err
	}
	if d.Sent, err = sentWhy(ctx, h, who, c.Campaign, ids); err != nil {
		return err
	}
	if err := trace.Look(ctx, h.Main, who, trace.Looked{Object: "campaign", ObjectID: c.Campaign, Contacts: ids, Filter: "sample"}); err != nil {
		return err
	}
	f, err := os.OpenFile(std.Path(c.Out), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.Wrap(err, "app.proof.not_written", "Path", c.Out)
	}
	if err := errors.Join(d.Pack(ctx, h.Main, who, f), f.Close()); err != nil {
		os.Remove(std.Path(c.Out)) // half a bundle is none
		return err
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.proof.written", "Path", c.Out, "Fingerprint", proof.Fingerprint(h.Log.Key())))
	return nil
}

// recipients are the numbers of everybody a campaign was made for, in pages.
func recipients(ctx context.Context, h *app.House, who actor.Actor, id int64) (out []int64, err error) {
	const page = 1000
	for after := int64(0); ; {
		var list []campaign.Recipient
		err := h.Main.View(ctx, who, func(v *store.View) (err error) {
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
func sentWhy(ctx context.Context, h *app.House, who actor.Actor, id int64, people []int64) ([]byte, error) {
	type why struct {
		Contact, List, Event, Permit, Entry               int64
		State, Reason, Basis, Grade, At, Rules, Agreement string
	}
	list := []why{}
	err := h.Main.View(ctx, who, func(v *store.View) error {
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

type proofExport struct {
	Account  int64  `required:"" help:"The account's number." placeholder:"ID"`
	Contact  string `required:"" help:"Whose proof it is." placeholder:"EMAIL"`
	Out      string `short:"o" help:"Where to write it; the terminal if it is left out." placeholder:"FILE"`
	Language string `help:"en or fr: of the words beside the facts; the account's if it is left out." placeholder:"LANG"`
}

func (c *proofExport) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := within(ctx, h, "proof export", c.Account)
	if err != nil {
		return err
	}
	a, err := address.Parse(c.Contact)
	if err != nil {
		return err
	}
	var id int64
	err = h.Main.View(ctx, who, func(v *store.View) error {
		x, ok, err := contact.Find(v, a)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "contact.none")
		}
		id = x.ID
		return err
	})
	if err != nil {
		return err
	}
	made, err := evidence.Build(ctx, h.Main, who, id, c.Language)
	if err != nil {
		return err
	}
	// Who takes it out leaves a look, before a byte is written.
	if err := trace.Look(ctx, h.Main, who, trace.Looked{Object: "proof.json", ObjectID: id, Contacts: []int64{id}}); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := std.Out.Write(made.Bytes)
		return err
	}
	if err := os.WriteFile(std.Path(c.Out), made.Bytes, 0o600); err != nil {
		return fault.Wrap(err, "app.proof.not_written", "Path", c.Out)
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.proof.written", "Path", c.Out, "Fingerprint", proof.Fingerprint(h.Log.Key())))
	return nil
}
