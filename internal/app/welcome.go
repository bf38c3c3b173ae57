// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/locale"
	"consend/internal/team/secret"
)

// Welcome gives what the terminal says when the server starts: at the first start where the
// root key lies and how it must be kept, and as long as nobody has set the house up, the
// one-time link to do so.
func (h *House) Welcome(ctx context.Context, p locale.Printer) ([]string, error) {
	var say []string
	if h.First {
		say = append(say, "", p.T("app.root_key", "Path", rootKeyFile(h.Config)))
	}
	link, ok, err := h.Desk.SetupLink(ctx, actor.Actor{Kind: actor.Command, Name: "serve"})
	if err != nil {
		return nil, err
	}
	if ok {
		say = append(say, "", p.T("app.set_up", "URL", h.Site.Link("/setup/"+link.Raw())))
	}
	return say, nil
}

// SignInLink is the address of a one-time link that signs somebody in.
func (h *House) SignInLink(t secret.Token) string { return h.Site.Link("/login/link/" + t.Raw()) }
