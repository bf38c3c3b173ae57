// SPDX-License-Identifier: AGPL-3.0-or-later

package duty_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/duty"
	"consend/internal/web/shell"
)

func TestTheRegisterIsFilteredByItsAddressAndTracedAsALook(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, lang := range []string{"en", "fr"} {
			o := open(t, h, lang)
			s, err := shell.New(shell.Options{Sessions: o, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
				Sections: []shell.Section{{Key: "privacy", Path: "/privacy/register", Icon: "shield-lock"}}})
			must(t, err)
			o.web, err = s.Handler(append((&duty.RegisterPages{DB: h.Main}).Routes(), (&duty.ExportPages{DB: h.Main}).Routes()...))
			must(t, err)
			var list, purpose int64
			must(t, h.Main.View(ctx, o.who, func(v *store.View) error {
				all, err := consent.Standings(v, o.person)
				list, purpose = all[0].ListID, all[0].PurposeID
				return err
			}))
			must(t, h.Main.Write(ctx, o.who, func(tx *store.Tx) error {
				_, err := consent.Leave(tx, consent.Leaving{Contact: o.person, Scope: consent.Scope{Reach: consent.OneList, ID: list}, Kind: consent.Withdraw, Source: "member", Method: "mail"})
				return err
			}))
			looks := func() int { return len(o.entries(trace.Question{Action: trace.LookAction})) }
			before := looks()
			body := o.get("/privacy/register")
			at := fmt.Sprintf("/contacts/%d/", o.person)
			for _, part := range []string{"lea@example.org", "max@example.org", at + "consent", at + "proof", "News", map[string]string{"en": "Export these proofs", "fr": "Exporter ces preuves"}[lang]} {
				if !strings.Contains(body, part) {
					t.Errorf("%s: the page lacks %q", lang, part)
				}
			}
			if looks() != before+1 {
				t.Error("the look is not traced")
			}
			fits := url.Values{"list": {fmt.Sprint(list)}, "purpose": {fmt.Sprint(purpose)}, "kind": {"withdraw"}, "state": {"withdrawn"}, "source": {"member"}, "from": {"2026-03-01"}, "to": {"2026-03-02"}}
			body = o.get("/privacy/register?" + fits.Encode())
			if !strings.Contains(body, "lea@example.org") || strings.Contains(body, "max@example.org") {
				t.Error("the filters don't filter")
			}
			if !strings.Contains(body, map[string]string{"en": "Export all proofs of this list", "fr": "Exporter toutes les preuves"}[lang]) {
				t.Error("the export is said to hold these people alone")
			}
			leads := fmt.Sprintf("/privacy/exports?from=2026-03-01&list=%d&to=2026-03-02", list)
			if !strings.Contains(body, leads) {
				t.Error("the export isn't asked for the same list and days")
			}
			for _, part := range []string{fmt.Sprintf(`value="%d" selected`, list), `value="2026-03-01"`, `value="2026-03-02"`} {
				if b := o.get(leads); !strings.Contains(b, part) {
					t.Errorf("the export page lacks %s", part)
				}
			}
			before = looks()
			for _, q := range []string{"grade=A", "basis=b2b", "from=2099-01-01", "import=7", "kind=nonsense", "from=x", "list=x", "from=2026-03-02&to=2026-03-01"} {
				if b := o.get("/privacy/register?" + q); strings.Contains(b, "@example.org") {
					t.Errorf("%s shows somebody", q)
				}
			}
			if looks() != before {
				t.Error("a look at nobody is traced")
			}
			for _, after := range []string{"x", "1.2", "1.2.x", "-1.0.0"} {
				if code, _, _ := o.ask("GET", "/privacy/register?after="+after); code != 404 {
					t.Errorf("a broken cursor %s: %d", after, code)
				}
			}
			o.role = "viewer"
			if b := o.get("/privacy/register"); strings.Contains(b, "/privacy/exports") || strings.Contains(b, at+"proof") {
				t.Error("a viewer is led to what they may not do")
			}
		}
	})
}
