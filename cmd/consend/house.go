// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"consend/internal/app"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/trace"
)

type showConfig struct{}

func (showConfig) run(_ context.Context, c *config.Config, std app.Std) error {
	return c.Print(std.Out)
}

type migrate struct{}

// run has nothing left to do: who opens a house brings its stores up to date.
func (migrate) run(_ context.Context, h *app.House, std app.Std) error {
	p := locale.For(std.Language, nil)
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		fmt.Fprintln(std.Out, p.T("app.migrated", "Store", string(db.Kind()), "Database", db.Dialect()))
	}
	return nil
}

type dataMaps struct {
	Check mapCheck `cmd:"" help:"Hold the map against the three databases; exit 1 if a column is missing."`
	Print mapPrint `cmd:"" help:"Print every column: what it holds, of whom, why, how long."`
}

type mapCheck struct{}

func (mapCheck) run(ctx context.Context, h *app.House, std app.Std) error {
	p := locale.For(std.Language, nil)
	all, tables, columns := app.DataMap(), 0, 0
	bad := 0
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		live, err := db.Live(ctx)
		if err != nil {
			return err
		}
		for _, say := range all.Check(db.Kind(), live) {
			bad++
			fmt.Fprintln(std.Out, say)
		}
		for _, c := range live {
			tables++
			columns += len(c)
		}
	}
	if bad > 0 {
		fmt.Fprintln(std.Err, p.N("app.datamap_bad", bad))
		return errSaid
	}
	fmt.Fprintln(std.Out, p.T("app.datamap_good", "Tables", tables, "Columns", columns))
	return nil
}

type mapPrint struct{}

func (mapPrint) run(_ context.Context, _ *config.Config, std app.Std) error {
	w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "store\ttable\tcolumn\tholds\tof\tbasis\tretention\terasure\texport\tlies")
	for _, s := range []datamap.Store{datamap.Main, datamap.Keys, datamap.Archive} {
		for _, t := range app.DataMap().Tables(s) {
			for _, c := range t.Columns {
				if c.PD == nil {
					fmt.Fprintf(w, "%s\t%s\t%s\tnothing personal: %s\t\t\t\t\t\t\n", s, t.Name, c.Name, c.Reason)
					continue
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s, t.Name, c.Name, c.PD.Category, c.PD.Whose, c.PD.Basis, c.PD.Retention, c.PD.Erasure, c.PD.Export, c.PD.Key)
			}
		}
	}
	return w.Flush()
}

type traces struct {
	Key    traceKey    `cmd:"" help:"Print the log's public key, for consend-verify --key."`
	Verify traceVerify `cmd:"" help:"Hold every entry against the sealed tree; exit 1 if anything was changed."`
}

type traceKey struct{}

func (traceKey) run(_ context.Context, h *app.House, std app.Std) error {
	fmt.Fprintln(std.Out, h.Log.Key())
	return nil
}

type traceVerify struct{}

func (traceVerify) run(ctx context.Context, h *app.House, std app.Std) error {
	p := locale.For(std.Language, nil)
	unsealed := h.Log.Seal(ctx) // a log that was changed can't be sealed on: the check says what was changed
	bar := newBar(std, p.T("app.verify.doing"))
	v, err := h.Log.Verify(ctx, trace.Check{Salts: contact.Salts, Progress: bar.at})
	bar.end()
	if err != nil {
		return err
	}
	for _, r := range v.Restores {
		fmt.Fprintln(std.Out, p.T("app.verify.restored", "When", r.At.UTC().Format("2006-01-02 15:04:05 UTC"), "From", r.From, "To", r.To, "Lost", r.From-r.To, "Proved", r.Proved))
	}
	for _, f := range v.Found {
		fmt.Fprintln(std.Out, p.Fault(f))
	}
	if !v.Holds() {
		fmt.Fprintln(std.Out, p.N("app.verify.bad", len(v.Found)))
		return errSaid
	}
	if unsealed != nil {
		return unsealed
	}
	fmt.Fprintln(std.Out, p.T("app.verify.good", "Entries", v.Entries, "Members", v.Members, "Pending", v.Pending, "Copies", v.Copies))
	fmt.Fprintln(std.Out)
	std.Out.Write(v.Checkpoint)
	return nil
}
