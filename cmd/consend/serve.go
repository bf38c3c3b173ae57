// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"

	"consend/internal/app"
	"consend/internal/demo"
	"consend/internal/ground/config"
	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
)

type serve struct {
	Listen string `help:"Address and port of the web server." placeholder:"ADDR"`
	Demo   bool   `help:"Fill an empty installation with a small fictional house; all mail stays inside."`
	Role   string `help:"What this node does: web, worker, or both." placeholder:"web,worker"`
}

// flags adds what the command line says to the settings.
func (s *serve) flags(to map[string]string) {
	if s.Listen != "" {
		to["listen"] = s.Listen
	}
	if s.Demo {
		to["demo"] = "true"
	}
	switch strings.ReplaceAll(s.Role, " ", "") {
	case "":
	case "web,worker", "worker,web", "all":
		to["role"] = "all"
	default:
		to["role"] = s.Role
	}
}

func (s *serve) run(ctx context.Context, c *config.Config, std app.Std) error {
	p := locale.For(std.Language, nil)
	clock := &demo.Clock{}
	if c.Demo && app.Fresh(c) {
		clock.Past() // the demo's house is as old as its past
	}
	h, err := app.Open(ctx, c, app.Options{Clock: clock.Now})
	if app.Owned(err) {
		return fault.New(fault.Conflict, "app.owned", "Path", c.Data)
	}
	if err != nil {
		return err
	}
	defer h.Close()
	words, err := h.Welcome(ctx, p, clock)
	if err != nil {
		return err
	}
	return h.Serve(ctx, sent, func(address string) {
		fmt.Fprintf(std.Out, "%s\n", p.T("app.serving", "URL", c.BaseURL(), "Address", address))
		for _, w := range words {
			fmt.Fprintln(std.Out, w)
		}
	})
}
