// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"consend/internal/app"
	"consend/internal/duty/restore"
	"consend/internal/ground/locale"
)

type restores struct {
	Look   restoreLook   `cmd:"" help:"Say what the main database lacks; nothing is changed."`
	Accept restoreAccept `cmd:"" help:"Let a main database that was put back go on: refusals and erasures since are replayed first."`
}

type restoreLook struct{}

func (restoreLook) restore(ctx context.Context, h *app.House, std app.Std) error {
	s, err := restore.Look(ctx, h.Restore())
	if err != nil {
		return err
	}
	sayState(std, s)
	return nil
}

func sayState(std app.Std, s restore.State) {
	p := locale.For(std.Language, nil)
	say := func(key string, args ...any) { fmt.Fprintln(std.Out, p.T("restore."+key, args...)) }
	if !s.Behind() {
		say("whole", "Main", s.Head.Size)
	} else {
		from := s.Lost[0]
		say("behind", "Main", s.Head.Size, "Copy", from.Size, "When", from.At.UTC().Format("2006-01-02 15:04:05 UTC"), "Lost", from.Size-s.Head.Size)
		if s.Proved == s.Head.Size {
			say("proved", "Proved", s.Proved)
		} else {
			say("partly", "Proved", s.Proved, "Rest", s.Head.Size-s.Proved)
		}
		say("limit")
	}
	say("ledger", "Refused", s.Refused)
	if s.Strange > 0 {
		say("strange", "Strange", s.Strange)
	}
}

type restoreAccept struct {
	By     string `required:"" help:"Who accepts the restore; kept in the trace." placeholder:"NAME"`
	Reason string `required:"" help:"Why a copy was put back; kept in the trace."`
	Ledger string `help:"The ledger's file outside, when the keys database is older than it." placeholder:"FILE"`
}

func (c *restoreAccept) restore(ctx context.Context, h *app.House, std app.Std) error {
	p := locale.For(std.Language, nil)
	if c.Ledger != "" {
		n, err := h.Ledger.Take(ctx, std.Path(c.Ledger))
		if err != nil {
			return err
		}
		fmt.Fprintln(std.Out, p.T("restore.taken", "Lines", n))
	}
	d, err := restore.Accept(ctx, h.Restore(), c.By, c.Reason)
	if err != nil {
		return err
	}
	sayState(std, d.State)
	fmt.Fprintln(std.Out, p.T("restore.done", "Replayed", d.Replayed, "Erased", d.Erased, "Entry", d.Entry))
	return nil
}
