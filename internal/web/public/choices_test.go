// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/merge"
	"consend/internal/sending/relay"
	"consend/internal/testhouse"
)

// Whatever keeps mail from a person for now, a yes that stands can be taken back (GDPR 7(3)).
func TestAYesThatStandsCanAlwaysBeTakenBack(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		prefs := "/p/" + w.token(token.Preferences, c.ID)
		offers := func(want consent.Reason, do string, all bool) {
			t.Helper()
			page := w.get(prefs)
			if _, s := w.person("lea@example.org"); s[w.news].Reason != want {
				t.Errorf("stands at %q, not %q", s[w.news].Reason, want)
			}
			if !strings.Contains(page, fmt.Sprintf(`name="list" value="%d"><button type="submit" class="btn" name="do" value="%s">`, w.news, do)) {
				t.Errorf("%q: no %s", want, do)
			}
			if strings.Contains(page, `name="do" value="all"`) != all {
				t.Errorf("%q: stop everything is not %v", want, all)
			}
		}
		offers("", "leave", true)
		w.write(func(tx *store.Tx) error { return contact.Restrict(tx, c.ID, "claims") })
		offers(consent.Frozen, "leave", true)
		w.write(func(tx *store.Tx) error { return contact.Unrestrict(tx, c.ID, "claims") })
		under, known := contact.AgeUnder, 0
		w.write(func(tx *store.Tx) error { return contact.Correct(tx, c.ID, 0, contact.Change{Age: &under}) })
		offers(consent.UnderAge, "leave", true)
		w.write(func(tx *store.Tx) error { return contact.Correct(tx, c.ID, 0, contact.Change{Age: &known}) })
		w.write(func(tx *store.Tx) error { return list.Retire(tx, w.news) })
		offers(consent.ListRetired, "leave", true)
		w.write(func(tx *store.Tx) error { return list.Restore(tx, w.news) })

		w.write(func(tx *store.Tx) error { return consent.Suppress(tx, c.ID, consent.ByMember, consent.Everything) })
		offers(consent.DoNotMail, "back", true)

		w.write(func(tx *store.Tx) error { return contact.Restrict(tx, c.ID, "claims") })
		offers(consent.Frozen, "leave", true)
		w.ask("POST", prefs, url.Values{"do": {"leave"}, "list": {fmt.Sprint(w.news)}})
		if _, s := w.person("lea@example.org"); s[w.news].State != consent.Withdrawn {
			t.Errorf("left while frozen, and stands at %q", s[w.news].State)
		}
		w.ask("POST", prefs, url.Values{"do": {"all"}})
		offers(consent.Frozen, "back", false)
	})
}

// A link that did its work says so, and leaves nothing again: not the list, not everything. What stands can be left
// at once, also of whom the person was merged into (compliance T-12).
func TestALinkThatLeftSaysSoAtTheNextVisit(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		one, all := "/u/"+w.token(token.Unsubscribe, c.ID, w.news), "/u/"+w.token(token.Unsubscribe, c.ID, 0)
		events := func() (n int) {
			must(t, h.Main.View(context.Background(), w.member, func(v *store.View) error {
				all, err := consent.Events(v, c.ID)
				n = len(all)
				return err
			}))
			return n
		}
		shows := func(when, link, en, fr string, leave, more bool) {
			t.Helper()
			before := events()
			for lang, words := range map[string]string{"en": en, "fr": fr} {
				page := w.get(link+"?lang="+lang, "Accept-Language", lang)
				if !strings.Contains(page, words) || strings.Contains(page, `value="leave"`) != leave || strings.Contains(page, `value="all"`) != more {
					t.Errorf("%s, %s: %s", when, lang, page)
				}
			}
			if events() != before {
				t.Errorf("%s: a look changed something", when)
			}
		}
		button := func(when, link string) {
			t.Helper()
			shows(when, link, "You will receive no more", "Vous ne recevrez plus", true, false)
		}
		never := func(when, link string) {
			t.Helper()
			shows(when, link, "done already. Maison Exemple 1 sends you no more", "déjà fait. Maison Exemple 1 ne vous envoie plus", false, false)
		}
		button("subscribed", one)
		w.ask("POST", one, url.Values{"do": {"leave"}})
		shows("left", one, "This is done already. You receive no more", "C’est déjà fait. Vous ne recevez plus", false, true)
		button("left one list", all)
		w.ask("POST", one, url.Values{"do": {"back"}})
		button("asked to come back", one)

		var kept int64
		w.write(func(tx *store.Tx) error {
			if _, err := consent.Apply(tx, []consent.Event{{Contact: c.ID, List: w.news, Kind: consent.Withdraw, Source: "member"}}); err != nil {
				return err
			}
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("lea.new@example.org"), Source: "member"}})
			if err != nil {
				return err
			}
			kept = rows[0].ID
			return merge.Merge(tx, c.ID, kept, "")
		})
		shows("merged", one, "This is done already", "C’est déjà fait", false, true)
		herself := actor.Actor{Kind: actor.Subject, Account: w.acct, ID: kept, Request: "test"}
		must(t, h.Main.Write(context.Background(), herself, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: kept, List: w.news, Kind: consent.Request, Source: "form"}})
			return err
		}))
		button("the other contact asked for it", one)
		w.ask("POST", all, url.Values{"List-Unsubscribe": {"One-Click"}})
		never("left everything", all)
		never("left everything", one)
	})
}

// Who was merged into another contact has no language of their own: the page offers none, and the rest works.
func TestThePageOfChoicesOfAMergedContact(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "fr")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		c, _ := w.person("lea@example.org")
		prefs := "/p/" + w.token(token.Preferences, c.ID)
		if !strings.Contains(w.get(prefs), `name="language"`) {
			t.Fatal("no language to choose before")
		}
		if !strings.Contains(w.get(prefs), prefs+"/address") {
			t.Fatal("no address to change before")
		}
		w.write(func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("lea.new@example.org"), Source: "member"}})
			if err != nil {
				return err
			}
			return merge.Merge(tx, c.ID, rows[0].ID, "")
		})
		if page := w.get(prefs); strings.Contains(page, "/address") {
			t.Error("an address to change that can't be changed")
		}
		// The proof of what they said at this mailbox is owed to it still; other mail goes to the kept contact.
		w.write(func(tx *store.Tx) error {
			for class, want := range map[gate.Class]gate.Reason{gate.Receipt: gate.OK, gate.Notice: "merged"} {
				_, out, err := gate.Decide(tx, gate.Batch{Class: class, Relay: relay.MailboxID}, []gate.Candidate{{Contact: c.ID}})
				if err != nil || out[0].Reason != want {
					t.Errorf("%s: %v, %v", class, out, err)
				}
			}
			return nil
		})
		if page := w.get(prefs); strings.Contains(page, `name="language"`) || !strings.Contains(page, `value="pace"`) {
			t.Error("a language that can't be chosen, or no pace")
		}
		if code, _, _ := w.ask("POST", prefs, url.Values{"language": {"en"}}); code == http.StatusOK || code >= 500 {
			t.Errorf("a page that was open before: %d", code)
		}
	})
}
