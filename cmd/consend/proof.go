// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"consend/internal/app"
	"consend/internal/ground/envelope"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/sending/campaign"
	"consend/internal/sending/report"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

type proofs struct {
	Export proofExport `cmd:"" help:"Write what one person said, as a file that consend-verify checks offline."`
	Sample proofSample `cmd:"" help:"Draw people of a campaign by a seed, and write their proofs and why each mail was sent, as one bundle."`
}

type proofSample struct {
	Account  int64  `help:"The account's number; that of the campaign if it is left out." placeholder:"ID"`
	Campaign int64  `required:"" help:"The campaign's number." placeholder:"ID"`
	N        int    `default:"50" help:"How many people to draw." placeholder:"N"`
	Seed     string `required:"" help:"What the draw depends on, told by the auditor: docs/formats/bundle.md says how to repeat it." placeholder:"TEXT"`
	Out      string `short:"o" help:"Where to write the bundle, a zip; campaign-ID-sample.zip if it is left out, with .age where it is encrypted." placeholder:"FILE"`
	Language string `help:"en or fr: of the words beside the facts; the account's if it is left out." placeholder:"LANG"`
	Age      string `help:"Encrypt the file for a public key of age, age1…" placeholder:"RECIPIENT"`
}

// closed is whom a file is for: the key of age that was named, or whoever has it.
func closed(key string) (envelope.For, error) {
	if key == "" {
		return envelope.For{}, nil
	}
	return envelope.Choose(envelope.ByKey, "", key)
}

func (c *proofSample) run(ctx context.Context, h *app.House, std app.Std) error {
	to, err := closed(c.Age)
	if err != nil {
		return err
	}
	if c.Account == 0 {
		if c.Account, err = ofCampaign(ctx, h, c.Campaign); err != nil {
			return err
		}
	}
	who, err := within(ctx, h, "proof sample", c.Account)
	if err != nil {
		return err
	}
	if c.Out == "" {
		c.Out = to.Name(fmt.Sprintf("campaign-%d-sample.zip", c.Campaign))
	}
	d, err := report.Sample(ctx, h.Main, who, evidence.Drawing{Campaign: c.Campaign, N: c.N, Seed: c.Seed, Language: c.Language, Closed: to.How})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(std.Path(c.Out), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fault.Wrap(err, "app.proof.not_written", "Path", c.Out)
	}
	w, err := to.Writer(f)
	if err == nil {
		if err = d.Pack(ctx, h.Main, who, w); err == nil {
			err = w.Close()
		}
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(std.Path(c.Out)) // half a bundle is none
		return err
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.proof.written", "Path", c.Out, "Fingerprint", proof.Fingerprint(h.Log.Key())))
	return nil
}

// ofCampaign finds the account of a campaign: numbers are one counter's, so no two accounts have the same.
func ofCampaign(ctx context.Context, h *app.House, id int64) (int64, error) {
	for after := int64(0); ; {
		var some []account.Name
		err := h.Main.View(ctx, operator("proof sample"), func(v *store.View) (err error) { some, err = account.Page(v, after); return err })
		if err != nil {
			return 0, err
		}
		if len(some) == 0 {
			return 0, fault.New(fault.NotFound, "campaign.none")
		}
		for _, a := range some {
			after = a.ID
			err := h.Main.View(ctx, operator("proof sample").In(a.ID), func(v *store.View) error { _, err := campaign.Get(v, id); return err })
			if !fault.Is(err, fault.NotFound) {
				return a.ID, err
			}
		}
	}
}

type proofExport struct {
	Account  int64  `required:"" help:"The account's number." placeholder:"ID"`
	Contact  string `required:"" help:"Whose proof it is." placeholder:"EMAIL"`
	Out      string `short:"o" help:"Where to write it; the terminal if it is left out." placeholder:"FILE"`
	Language string `help:"en or fr: of the words beside the facts; the account's if it is left out." placeholder:"LANG"`
	Age      string `help:"Encrypt the file for a public key of age, age1…" placeholder:"RECIPIENT"`
}

func (c *proofExport) run(ctx context.Context, h *app.House, std app.Std) error {
	to, err := closed(c.Age)
	if err != nil {
		return err
	}
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
	if err := trace.Look(ctx, h.Main, who, trace.Looked{Object: "proof.json", ObjectID: id, Contacts: []int64{id}, Closed: string(to.How)}); err != nil {
		return err
	}
	b, err := io.ReadAll(to.Reader(bytes.NewReader(made.Bytes)))
	if err != nil {
		return err
	}
	if c.Out == "" {
		_, err := std.Out.Write(b)
		return err
	}
	if err := os.WriteFile(std.Path(c.Out), b, 0o600); err != nil {
		return fault.Wrap(err, "app.proof.not_written", "Path", c.Out)
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.proof.written", "Path", c.Out, "Fingerprint", proof.Fingerprint(h.Log.Key())))
	return nil
}
