// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"consend/internal/app"
	"consend/internal/ground/locale"
)

type doctor struct{}

func (doctor) run(ctx context.Context, h *app.House, std app.Std) error {
	p := locale.For(std.Language, nil)
	ill := 0
	for _, f := range h.Doctor(ctx, p) {
		if f.Health == app.Ill {
			ill++
		}
		fmt.Fprintf(std.Out, "%-4s  %s\n", f.Health, f.Says)
	}
	if ill > 0 {
		fmt.Fprintln(std.Out, p.N("app.doctor.ill", ill))
		return errSaid
	}
	fmt.Fprintln(std.Out, p.T("app.doctor.well"))
	return nil
}
