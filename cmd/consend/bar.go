// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/schollz/progressbar/v3"

	"consend/internal/app"
)

// bar shows how far something is: drawn on a terminal, a plain line per tenth elsewhere.
type bar struct {
	std   app.Std
	what  string
	drawn *progressbar.ProgressBar
	tenth int64
}

func newBar(std app.Std, what string) *bar { return &bar{std: std, what: what} }

func (b *bar) at(done, total int64) {
	if total <= 0 {
		return
	}
	if b.std.Terminal {
		if b.drawn == nil {
			b.drawn = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.std.Err), progressbar.OptionSetDescription(b.what),
				progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
		}
		b.drawn.ChangeMax64(total)
		b.drawn.Set64(done)
		return
	}
	if t := done * 10 / total; t > b.tenth {
		b.tenth = t
		fmt.Fprintf(b.std.Err, "%s %d/%d\n", b.what, done, total)
	}
}

func (b *bar) end() {
	if b.drawn != nil {
		b.drawn.Finish()
	}
}

func sorted[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
