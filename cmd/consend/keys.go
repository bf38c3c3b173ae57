// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"consend/internal/app"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/trace"
)

type keyring struct {
	Renew keysRenew `cmd:"" help:"Seal everything under a new root key and drop the old one, where a copy of it may be in wrong hands. With PostgreSQL, stop the other nodes first."`
}

type keysRenew struct{}

func (*keysRenew) run(ctx context.Context, h *app.House, std app.Std) error {
	if err := h.Ring.RotateRoot(ctx); err != nil {
		return err
	}
	err := h.Main.Write(ctx, operator("keys"), func(tx *store.Tx) error {
		_, err := trace.Append(tx, trace.Act{Action: "keys.renew_root"})
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(std.Out, locale.For(std.Language, nil).T("app.root_key_renewed", "Path", h.Ring.Path()))
	return nil
}
