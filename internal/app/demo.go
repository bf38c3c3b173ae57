// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"consend/internal/demo"
	"consend/internal/ground/config"
)

// Fresh tells, before a house is opened, whether its data folder has no main store yet.
func Fresh(c *config.Config) bool {
	_, err := os.Stat(filepath.Join(c.Data, "main.db"))
	return c.Database.IsZero() && errors.Is(err, fs.ErrNotExist)
}

// FillDemo makes the demo's house and its past, under a clock that the house was opened with,
// and lets that clock tell the present afterwards.
func (h *House) FillDemo(ctx context.Context, clock *demo.Clock) (demo.Filled, error) {
	defer clock.Present()
	clock.Past()
	return demo.Fill(ctx, demo.Hands{Main: h.Main, Desk: h.Desk, Forms: h.Forms, Furnish: h.Furnish, Settle: h.Settle, Forward: clock.Forward})
}

// Settle does all that waits, in the caller's goroutine: facts, long work, mail, the seal.
// For the demo, tests, and commands that leave when their work is done.
func (h *House) Settle(ctx context.Context) error {
	for range 3 { // mail follows from facts, and facts from mail
		if err := h.Jobs.Settle(ctx); err != nil {
			return err
		}
		if err := h.Service.Settle(ctx); err != nil {
			return err
		}
		if err := h.Campaigns.Settle(ctx); err != nil {
			return err
		}
	}
	return h.Log.Seal(ctx)
}
