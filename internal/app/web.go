// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/job"
	"consend/internal/people/importer"
	"consend/internal/web/duty"
	"consend/internal/web/forms"
	webimporter "consend/internal/web/importer"
	webpeople "consend/internal/web/people"
	"consend/internal/web/public"
	"consend/internal/web/sending"
	"consend/internal/web/shell"
)

// Routes is the access table of all pages.
func (h *House) Routes() []shell.Route {
	return slices.Concat(
		h.wellKnown(),
		(&public.Pages{DB: h.Main, Ring: h.Ring, Desk: h.Forms}).Routes(),
		(&forms.Pages{DB: h.Main, Site: h.Site}).Routes(),
		(&webpeople.Pages{DB: h.Main}).Routes(),
		(&webimporter.Pages{DB: h.Main}).Routes(),
		(&sending.RelayPages{DB: h.Main, Service: h.Service}).Routes(),
		(&duty.JobPages{DB: h.Main, Place: place}).Routes(),
	)
}

// place is the page of what a kind of long work is about.
func place(kind job.Kind, ref int64) string {
	switch kind {
	case importer.RunKind, importer.ReleaseKind:
		return fmt.Sprintf("/import/%d", ref)
	}
	return ""
}

// pages serves the routes of all rooms.
func (h *House) pages() (http.Handler, error) {
	s, err := shell.New(shell.Options{
		Sessions: nobody{},
		Clock:    h.Clock,
		Trusted:  h.Config.TrustedProxies,
		Secure:   h.Config.Secure(),
		Sections: sections(),
	})
	if err != nil {
		return nil, err
	}
	return s.Handler(h.Routes())
}

// sections is the navigation: what is built, and no more.
func sections() []shell.Section { return nil }

// nobody knows no session.
type nobody struct{}

func (nobody) Find(context.Context, string) (shell.Member, error) {
	return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
}

// wellKnown tells every stranger the log's key and newest checkpoint, so that there are
// witnesses outside (docs/formats/checkpoint.md).
func (h *House) wellKnown() []shell.Route {
	plain := func(f func(context.Context) ([]byte, error)) func(*shell.Request) error {
		return func(r *shell.Request) error {
			b, err := f(r.Context())
			if err != nil {
				return err
			}
			r.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
			r.W.WriteHeader(http.StatusOK)
			r.W.Write(b)
			return nil
		}
	}
	return []shell.Route{
		{Method: "GET", Pattern: "/.well-known/consend/key", Public: true, Handler: plain(func(context.Context) ([]byte, error) { return []byte(h.Log.Key() + "\n"), nil })},
		{Method: "GET", Pattern: "/.well-known/consend/checkpoint", Public: true, Handler: plain(h.Log.Checkpoint)},
	}
}
