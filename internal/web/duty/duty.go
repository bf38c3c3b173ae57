// SPDX-License-Identifier: AGPL-3.0-or-later

// Package duty holds the pages of what the law asks and of what the house does by itself:
// the trace, proofs, and long work. It decides nothing.
package duty

import (
	"errors"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// missing turns "no such row" into the page that says so.
func missing(err error) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "shell.not_found")
	}
	return err
}

// refreshWhile loads a page again every three seconds while something runs.
func refreshWhile(runs bool) int {
	if runs {
		return 3
	}
	return 0
}
