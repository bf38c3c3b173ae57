// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"

	"consend/internal/ground/locale"
)

// Welcome gives what the terminal says when the server starts: at the first start where the
// root key lies and how it must be kept, and how to come in.
func (h *House) Welcome(ctx context.Context, p locale.Printer) ([]string, error) {
	var say []string
	if h.First {
		say = append(say, "", p.T("app.root_key", "Path", rootKeyFile(h.Config)))
	}
	return say, nil
}
