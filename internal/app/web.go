// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"fmt"
	"net"
	"net/http"
	"slices"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/once"
	"consend/internal/web/duty"
	"consend/internal/web/forms"
	"consend/internal/web/help"
	webimporter "consend/internal/web/importer"
	webpeople "consend/internal/web/people"
	"consend/internal/web/public"
	"consend/internal/web/search"
	"consend/internal/web/sending"
	"consend/internal/web/shell"
	"consend/internal/web/team"
)

// Routes is the access table of all pages.
func (h *House) Routes() []shell.Route {
	return slices.Concat(
		(&duty.KnownPages{Log: h.Log}).Routes(),
		h.help.Routes(),
		(&duty.TracePages{DB: h.Main, Log: h.Log}).Routes(),
		(&duty.ProofPages{DB: h.Main}).Routes(),
		(&duty.RegisterPages{DB: h.Main}).Routes(),
		(&duty.ExportPages{DB: h.Main, Ring: h.Ring}).Routes(),
		(&public.Pages{DB: h.Main, Ring: h.Ring, Desk: h.Forms, Log: h.Log}).Routes(),
		(&team.Pages{DB: h.Main, Desk: h.Desk, Furnish: func(tx *store.Tx, _ int64) error { return h.Furnish(tx) }, State: h.state}).Routes(),
		(&forms.Pages{DB: h.Main, Site: h.Site}).Routes(),
		(&webpeople.Pages{DB: h.Main}).Routes(),
		(&webimporter.Pages{DB: h.Main}).Routes(),
		(&sending.CampaignPages{DB: h.Main, Engine: h.Campaigns, Resolver: net.DefaultResolver}).Routes(),
		(&sending.RelayPages{DB: h.Main, Service: h.Service}).Routes(),
		(&search.Pages{DB: h.Main, Nav: slices.Concat(sections(), mine())}).Routes(),
		(&duty.JobPages{DB: h.Main, Place: place}).Routes(),
	)
}

// place is the page of what a kind of long work is about.
func place(kind job.Kind, ref int64) string {
	switch kind {
	case importer.RunKind, importer.ForecastKind, importer.ReleaseKind, importer.UndoKind:
		return fmt.Sprintf("/import/%d", ref)
	case once.RunKind:
		return fmt.Sprintf("/once/%d", ref)
	case evidence.ExportKind:
		return fmt.Sprintf("/privacy/exports/%d", ref)
	}
	return ""
}

// Pages serves the routes of all rooms.
func (h *House) Pages() (http.Handler, error) {
	s, err := shell.New(shell.Options{
		Sessions: team.Sessions{Desk: h.Desk},
		Clock:    h.Clock,
		Prefer:   team.Prefer(h.Main),
		Trusted:  h.Config.TrustedProxies,
		Secure:   h.Config.Secure(),
		Sections: sections(),
		Me:       mine(),
		Switch:   "/switch",
		Search:   search.Path,
		Help:     help.Path,
		Banners:  h.banners,
	})
	if err != nil {
		return nil, err
	}
	return s.Handler(h.Routes())
}

// sections is the navigation: what is built, and no more.
func sections() []shell.Section {
	return []shell.Section{
		{Key: "home", Path: "/", Icon: "home", Permission: shell.HomeRead},
		{Key: "contacts", Path: "/contacts", Icon: "users", Permission: shell.ContactsRead, Items: []shell.Section{
			{Key: "contacts_all", Path: "/contacts", Permission: shell.ContactsRead},
			{Key: "lists", Path: "/lists", Permission: shell.ListsRead},
			{Key: "segments", Path: "/segments", Permission: shell.ListsRead},
			{Key: "attributes", Path: "/attributes", Permission: shell.ListsRead},
			{Key: "import", Path: "/import", Permission: shell.ContactsRead},
			{Key: "do_not_mail", Path: "/suppressions", Permission: shell.ContactsRead},
		}},
		{Key: "forms", Path: "/forms", Icon: "forms", Permission: shell.FormsRead},
		{Key: "campaigns", Path: "/campaigns", Icon: "send", Permission: shell.CampaignsRead},
		{Key: "service", Path: "/service", Icon: "mail", Permission: shell.ServiceRead, Items: []shell.Section{
			{Key: "service_log", Path: "/service", Permission: shell.ServiceRead},
			{Key: "mailbox", Path: "/mailbox", Permission: shell.ServiceRead},
		}},
		{Key: "privacy", Path: "/privacy/notices", Icon: "shield-lock", Permission: shell.PrivacyRead, Items: []shell.Section{
			{Key: "texts", Path: "/privacy/notices", Permission: shell.PrivacyRead},
			{Key: "consents", Path: "/privacy/register", Permission: shell.PrivacyRead},
			{Key: "exports", Path: "/privacy/exports", Permission: shell.ContactsExport},
			{Key: "trace", Path: "/privacy/trace", Permission: shell.TraceRead},
		}},
		{Key: "settings", Path: "/settings", Icon: "settings", Permission: shell.SettingsRead, Items: []shell.Section{
			{Key: "account", Path: "/settings", Permission: shell.SettingsRead},
			{Key: "senders", Path: "/settings/senders", Permission: shell.SettingsRead},
			{Key: "sending", Path: "/settings/sending", Permission: shell.SettingsRead},
			{Key: "team", Path: "/settings/team", Permission: shell.SettingsRead},
			{Key: "rules", Path: "/settings/rules", Permission: shell.SettingsRead},
			{Key: "keys", Path: "/settings/apikeys", Permission: shell.KeysWrite},
			{Key: "jobs", Path: "/jobs", Permission: shell.HomeRead},
		}},
	}
}

// mine are the lines of a person's own menu.
func mine() []shell.Section {
	return []shell.Section{
		{Key: "profile", Path: "/me", Icon: "user", Permission: shell.MeWrite},
		{Key: "security", Path: "/me/security", Icon: "lock", Permission: shell.MeWrite},
		{Key: "sessions", Path: "/me/sessions", Icon: "device-desktop", Permission: shell.MeWrite},
	}
}

// banners says on every page what spoils something until somebody sees to it.
func (h *House) banners(r *shell.Request) []shell.Banner {
	if r.Account == 0 || r.Who.ID == 0 {
		return nil
	}
	var seen []form.Proxy
	err := h.Main.View(r.Context(), r.Who, func(v *store.View) (err error) {
		seen, err = form.Proxies(v, v.Now)
		return err
	})
	if err != nil || len(seen) == 0 {
		return nil // the page itself says when the store does not answer
	}
	return []shell.Banner{{Tone: shell.Bad, Text: r.P.T("app.proxy", "n", seen[0].N, "address", seen[0].Detail)}}
}
