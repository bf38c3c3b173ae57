// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"testing"

	"consend/internal/testhouse"
)

func TestAnalyzeKnowsItsTablesAndLeavesTheRoleAsItWas(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		for range 20 { // every connection of the pool comes by
			if err := h.Main.Analyze(ctx, "fact", "contact"); err != nil {
				t.Fatal(err)
			}
		}
		h.House(t) // acts as before
		if h.Dialect == "postgres" {
			if err := h.Main.Analyze(ctx, "fact; DROP TABLE fact"); err == nil {
				t.Error("an unknown table was analyzed")
			}
		}
	})
}
