// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"consend/internal/app"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/sender"
)

type campaigns struct {
	Send campaignSend `cmd:"" help:"Send one HTML mail to a list: to those it may go to."`
}

type campaignSend struct {
	Account int64         `required:"" help:"The account's number." placeholder:"ID"`
	List    string        `required:"" help:"The list's name."`
	From    string        `required:"" help:"Sender: an address, or Name <address>." placeholder:"ADDR"`
	Subject string        `required:"" help:"Subject; may use the merge language."`
	HTML    string        `required:"" name:"html" help:"The body; may use the merge language." placeholder:"FILE"`
	Name    string        `help:"What the campaign is called here; the subject if it is left out."`
	Wait    bool          `help:"Wait until it is sent, and show how it goes."`
	Undo    time.Duration `help:"How long it can be taken back before it begins." default:"0s"`
	JSON    bool          `name:"json" help:"Print the result as JSON."`
}

func (c *campaignSend) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := within(ctx, h, "campaign send", c.Account)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(std.Path(c.HTML))
	if err != nil {
		return fault.New(fault.Invalid, "app.file", "Path", c.HTML).Because(err)
	}
	from, err := parseSender(c.From)
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = c.Subject
	}
	var l list.List
	var audience campaign.Audience
	err = h.Main.View(ctx, who, func(v *store.View) (err error) {
		found := false
		if l, found, err = list.Named(v, c.List); err == nil && !found {
			err = fault.New(fault.NotFound, "app.no_list", "List", c.List)
		}
		if err == nil {
			audience, err = campaign.For(v, []int64{l.ID}, nil)
		}
		return err
	})
	if err != nil {
		return err
	}
	var id int64
	err = h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		id, err = campaign.SendQuick(tx, campaign.Quick{List: l.ID, Name: name, Sender: from, Subject: c.Subject, HTML: string(body), Undo: c.Undo, People: audience.People})
		return err
	})
	if err != nil {
		return err
	}
	p := locale.For(std.Language, nil)
	if !c.Wait {
		return c.say(std, p, id, nil)
	}
	var at campaign.Campaign
	var n campaign.Counts
	err = h.Working(ctx, func(ctx context.Context) error {
		b := newBar(std, p.T("app.campaign.sending"))
		defer b.end()
		for {
			err := h.Main.View(ctx, who, func(v *store.View) (err error) {
				if at, err = campaign.Get(v, id); err == nil {
					n, err = campaign.Count(v, id)
				}
				return err
			})
			if err != nil {
				return err
			}
			if at.Hold != "" && !at.State.Over() {
				return fault.New(fault.Conflict, "app.campaign.held", "Campaign", fmt.Sprint(id), "Why", p.Or("campaign.hold."+at.Hold, p.Or("gate.reason."+at.Hold, at.Hold)))
			}
			b.at(n.Done(), n.Total())
			if at.State.Over() {
				return nil
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	if err != nil {
		return err
	}
	return c.say(std, p, id, &n)
}

// say tells what became of it: the people of the list by fate, those left out by reason.
func (c *campaignSend) say(std app.Std, p locale.Printer, id int64, n *campaign.Counts) error {
	if n == nil {
		if c.JSON {
			return json.NewEncoder(std.Out).Encode(map[string]any{"campaign": id})
		}
		_, err := fmt.Fprintln(std.Out, p.T("app.campaign.begun", "Campaign", fmt.Sprint(id)))
		return err
	}
	fates, reasons := map[string]int64{}, map[string]int64{}
	for _, t := range n.By {
		fates[string(t.State)] += t.People
		if t.State == campaign.Out {
			reasons[t.Reason] += t.People
		}
	}
	if c.JSON {
		return json.NewEncoder(std.Out).Encode(map[string]any{"campaign": id, "people": n.Total(), "accepted": fates["accepted"], "deferred": fates["deferred"],
			"failed": fates["failed"], "in_doubt": fates["in_doubt"], "left_out": fates["left_out"], "reasons": reasons})
	}
	fmt.Fprintln(std.Out, p.T("app.campaign.done", "Campaign", fmt.Sprint(id), "People", n.Total(), "Accepted", fates["accepted"], "Out", fates["left_out"], "Failed", fates["failed"], "Doubt", fates["in_doubt"]))
	for _, r := range sorted(reasons) {
		fmt.Fprintf(std.Out, "  %6d  %s\n", reasons[r], p.Or("gate.reason."+r, p.Or("consent.reason."+r, r)))
	}
	return nil
}

// parseSender reads "Name <address>" or an address alone.
func parseSender(s string) (n sender.New, err error) {
	mail := strings.TrimSpace(s)
	if i := strings.LastIndexByte(mail, '<'); i >= 0 && strings.HasSuffix(mail, ">") {
		n.Name, mail = strings.Trim(strings.TrimSpace(mail[:i]), `"`), mail[i+1:len(mail)-1]
	}
	n.Email, err = address.Parse(mail)
	return n, err
}
