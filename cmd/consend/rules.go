// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/team/account"
)

type rules struct {
	Print  rulesPrint  `cmd:"" default:"withargs" help:"Print the rules in force, with their sources and who decided."`
	Decide rulesDecide `cmd:"" help:"Decide about a rule, for the installation or for one account; an account only tightens."`
	Adopt  rulesAdopt  `cmd:"" help:"Adopt a version of the rules that this program knows."`
}

type rulesPrint struct {
	Account int64 `help:"As they hold for this account." placeholder:"ID"`
}

func (c *rulesPrint) run(ctx context.Context, h *app.House, std app.Std) error {
	who, err := c.who(ctx, h)
	if err != nil {
		return err
	}
	return h.Main.View(ctx, who, func(v *store.View) error {
		country := ""
		if who.Account != 0 {
			a, err := account.Get(v)
			if err != nil {
				return err
			}
			country = a.Law()
		}
		r, err := rulepack.For(v)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "# rules %s of %s\n", r.Version(), r.Pack().Date)
		for _, x := range r.Pack().Rules {
			by := ""
			if c, ok := r.Changed(x.Key); ok {
				by = fmt.Sprintf("decided %s", c.From)
				if c.Account != 0 {
					by = fmt.Sprintf("chosen by account %d, %s", c.Account, c.From)
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", x.Key, r.Country(x.Key, country), x.Unit, by, x.Source)
		}
		return w.Flush()
	})
}

func (c *rulesPrint) who(ctx context.Context, h *app.House) (actor.Actor, error) {
	if c.Account == 0 {
		return operator("rules"), nil
	}
	return within(ctx, h, "rules", c.Account)
}

type rulesDecide struct {
	Rule    string `arg:"" help:"Such as doi.token; consend rules lists them."`
	Value   string `arg:"" optional:"" help:"The value; a list with commas. Without it the published rule holds again."`
	Reason  string `required:"" help:"Why; kept and shown."`
	Account int64  `help:"The choice of this account, not the installation's decision." placeholder:"ID"`
	From    string `help:"The day from which it holds; else at once." placeholder:"YYYY-MM-DD"`
}

func (c *rulesDecide) run(ctx context.Context, h *app.House, std app.Std) error {
	d := rulepack.Decision{Key: rulepack.Key(c.Rule), Value: c.Value, Reason: c.Reason}
	if c.From != "" {
		day, err := legalclock.ParseDate(c.From)
		if err != nil {
			return fault.New(fault.Invalid, "app.rules_day", "Day", c.From).Because(err)
		}
		d.ValidFrom = day.Start(h.Clock().Location())
	}
	if d.Key == rulepack.Adopted {
		return fault.New(fault.Invalid, "rulepack.unknown")
	}
	who, err := (&rulesPrint{c.Account}).who(ctx, h)
	if err != nil {
		return err
	}
	return decide(ctx, h, std, who, d)
}

type rulesAdopt struct {
	Version string `arg:"" help:"Such as 2026-11."`
	Reason  string `required:"" help:"Why; kept and shown."`
}

func (c *rulesAdopt) run(ctx context.Context, h *app.House, std app.Std) error {
	return decide(ctx, h, std, operator("rules"), rulepack.Decision{Key: rulepack.Adopted, Value: c.Version, Reason: c.Reason})
}

func decide(ctx context.Context, h *app.House, std app.Std, who actor.Actor, d rulepack.Decision) error {
	err := h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
		d, err = account.SetRule(tx, d)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.rules_decided", "Rule", string(d.Key), "Number", d.ID, "From", d.ValidFrom.String()))
	return nil
}
