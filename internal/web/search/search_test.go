// SPDX-License-Identifier: AGPL-3.0-or-later

package search_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/template"
	"consend/internal/team/member"
	"consend/internal/testhouse"
	"consend/internal/web/search"
	"consend/internal/web/shell"
)

// desk is a member's browser on the search page.
type desk struct {
	*testhouse.House
	t          testing.TB
	acct       int64
	who        actor.Actor
	web        http.Handler
	role, lang string
}

func (d *desk) Find(context.Context, string) (shell.Member, error) {
	if d.role == "" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	return shell.Member{ID: d.who.ID, Account: shell.Account{ID: d.acct, Name: "Maison", Language: "fr", Zone: time.UTC}, Role: d.role, Language: d.lang}, nil
}

func settle(t testing.TB, h *testhouse.House) *desk {
	d := &desk{House: h, t: t, role: shell.Owner, lang: "en"}
	d.acct, d.who = h.House(t)
	s, err := shell.New(shell.Options{Sessions: d, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Search: search.Path})
	d.must(err)
	d.web, err = s.Handler((&search.Pages{DB: h.Main, Nav: []shell.Section{
		{Key: "settings", Path: "/settings", Permission: shell.SettingsRead, Items: []shell.Section{
			{Key: "senders", Path: "/settings/senders", Permission: shell.SettingsRead}, {Key: "keys", Path: "/settings/apikeys", Permission: shell.KeysWrite}}},
	}}).Routes())
	d.must(err)
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) write(fn func(tx *store.Tx) error) {
	d.t.Helper()
	d.must(d.Main.Write(context.Background(), d.who, fn))
}

func (d *desk) person(email, name string) (id int64) {
	d.write(func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Name: pii.T(name)}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	return id
}

var bare = regexp.MustCompile(`[>"](web_search|nav|forms|importer|people)\.[a-z][a-z_.]*[a-z][<"]`)

// find asks, and gives the page's main part.
func (d *desk) find(q string, more ...string) string {
	d.t.Helper()
	r := httptest.NewRequest("GET", search.Path+"?q="+url.QueryEscape(q)+strings.Join(more, ""), nil)
	r.AddCookie(&http.Cookie{Name: "consend", Value: "x"})
	w := httptest.NewRecorder()
	d.web.ServeHTTP(w, r)
	if w.Code != 200 {
		d.t.Fatalf("%q: %d\n%s", q, w.Code, w.Body)
	}
	body := html.UnescapeString(w.Body.String())
	if k := bare.FindString(body); k != "" {
		d.t.Errorf("%q shows the key %s", q, k)
	}
	_, main, _ := strings.Cut(body, "<main")
	return main
}

func (d *desk) has(q string, want ...string) {
	d.t.Helper()
	body := d.find(q)
	for _, w := range want {
		not := strings.HasPrefix(w, "!")
		if strings.Contains(body, strings.TrimPrefix(w, "!")) == not {
			d.t.Errorf("%q as %s: %q\n%s", q, d.role, w, body)
		}
	}
}

func TestEachKindIsFoundByNameAndByNumber(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h)
		lea := d.person("lea.roux@example.org", "Léa Roux")
		var news, sale int64
		var friend member.Member
		d.write(func(tx *store.Tx) (err error) {
			if news, err = list.EnsureNamed(tx, "Conseils de saison", "Lettre du printemps"); err != nil {
				return err
			}
			if sale, err = campaign.Make(tx, campaign.Words{Name: "Soldes d’été", Kind: template.Markdown}, 0); err != nil {
				return err
			}
			friend, err = member.Invite(tx, member.New{Email: address.Must("noe@example.org"), Name: pii.T("Noé Printemps"), Role: member.Editor})
			return err
		})
		at := func(p string, id int64) string { return fmt.Sprintf(`href="%s/%d"`, p, id) }
		d.has("LEA.R", at("/contacts", lea), "Léa Roux")
		d.has("roux", at("/contacts", lea))
		d.has(fmt.Sprint(lea), at("/contacts", lea))
		d.has(fmt.Sprintf("#%d", lea), at("/contacts", lea))
		d.has("printemps", at("/lists", news), at("/settings/team", friend.ID), "!"+at("/contacts", lea))
		d.has("conseils", at("/purposes", 0)[:16], at("/lists", news))
		d.has("ete sold", at("/campaigns", sale))
		d.has(fmt.Sprint(sale), at("/campaigns", sale), "!"+at("/lists", news))
		d.has("dkim", `href="/settings/senders"`, "Senders & domains")
		d.has("nobody at all", "Nothing found", "!href=\"/contacts")
		d.has("x' OR 1=1 --<script>", "Nothing found", "!<script>al")
		d.has(strings.Repeat("x", 300), "What can be found")
		d.has("", "What can be found", "dupont")
		d.lang = "fr"
		d.has("printemps", at("/lists", news), "Listes et finalités")
		d.has("domaine", `href="/settings/senders"`)

		other := settle(t, h) // another account finds nothing of it
		if other.acct == d.acct {
			t.Fatal("one account")
		}
		for _, q := range []string{"lea", "roux", fmt.Sprint(lea), "printemps", "soldes", fmt.Sprint(sale)} {
			other.has(q, "!Roux", "!"+at("/contacts", lea), "!"+at("/lists", news), "!"+at("/campaigns", sale), "!"+at("/settings/team", friend.ID))
		}
	})
}

func TestOnlyWhatARoleMaySeeIsFound(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h)
		var m member.Member
		d.write(func(tx *store.Tx) (err error) {
			m, err = member.Invite(tx, member.New{Email: address.Must("noe@example.org"), Name: pii.T("Noé"), Role: member.Editor})
			return err
		})
		team, keys, invite := fmt.Sprintf(`href="/settings/team/%d"`, m.ID), `href="/settings/apikeys"`, `href="/settings/team/invite"`
		d.has("noe", team)
		d.has("key", keys)
		d.has("invite", invite)
		d.role = shell.Viewer
		d.has("noe", "!"+team)
		d.has("key", "!"+keys)
		d.has("invite", "!"+invite)
		d.has("dkim", `href="/settings/senders"`)
	})
}

func TestEightOfAKindAreShownAndTheRestIsALinkAway(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h)
		for i := range 6 {
			d.person(fmt.Sprintf("marie%d@example.org", i), "")
		}
		for i := range 6 { // found by name after those found by address
			d.person(fmt.Sprintf("p%d@example.org", i), "Marie Roux")
		}
		d.person("marie.twice@example.org", "Marie Deux")
		body := d.find("marie")
		if n := strings.Count(body, `href="/contacts/`); n != 8 {
			t.Errorf("%d people are shown", n)
		}
		if !strings.Contains(body, `href="/search?kind=contacts&q=marie"`) {
			t.Errorf("no way to the rest: %s", body)
		}
		all := d.find("marie", "&kind=contacts")
		if n := strings.Count(all, `href="/contacts/`); n != 13 || strings.Count(all, "marie.twice@") != 1 {
			t.Errorf("%d of 13 people are shown", n)
		}
	})
}

func TestWhoSearchesPeopleIsWrittenDown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := settle(t, h)
		lea, max := d.person("lea@example.org", "Léa Roux"), d.person("max@example.org", "Max Roux")
		looks := func(id int64) (n int) {
			d.must(h.Main.View(context.Background(), d.who, func(v *store.View) error {
				all, err := testhouse.Looks(v, id)
				n = len(all)
				return err
			}))
			return n
		}
		d.find("lea")
		d.find("dkim")
		d.find("nobody")
		if looks(lea) != 1 || looks(max) != 0 {
			t.Errorf("looks: %d at Léa, %d at Max", looks(lea), looks(max))
		}
		d.find("roux")
		if looks(lea) != 2 || looks(max) != 1 {
			t.Errorf("looks: %d at Léa, %d at Max", looks(lea), looks(max))
		}
	})
}
