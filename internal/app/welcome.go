// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"

	"consend/internal/demo"
	"consend/internal/ground/actor"
	"consend/internal/ground/locale"
	"consend/internal/team/secret"
)

// Welcome gives what the terminal says when the server starts: at the first start where the
// root key lies and how it must be kept; and how to come in: to the demo, or, as long as
// nobody has set the house up, by the one-time link to do so.
func (h *House) Welcome(ctx context.Context, p locale.Printer, clock *demo.Clock) ([]string, error) {
	var say []string
	if h.First && !h.Config.Demo {
		say = append(say, "", p.T("app.root_key", "Path", rootKeyFile(h.Config)))
	}
	link, empty, err := h.Desk.SetupLink(ctx, actor.Actor{Kind: actor.Command, Name: "serve"})
	if err != nil {
		return nil, err
	}
	switch {
	case h.Config.Demo && empty:
		if _, err := h.FillDemo(ctx, clock); err != nil {
			return nil, err
		}
		fallthrough
	case h.Config.Demo:
		say = append(say, "", p.T("app.demo", "URL", h.Site.URL, "Email", demo.OwnerEmail, "Password", demo.OwnerPassword))
	case empty:
		say = append(say, "", p.T("app.set_up", "URL", h.Site.Link("/setup/"+link.Raw())))
	}
	return say, nil
}

// SignInLink is the address of a one-time link that signs somebody in.
func (h *House) SignInLink(t secret.Token) string { return h.Site.Link("/signin/" + t.Raw()) }
