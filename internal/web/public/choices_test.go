// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/merge"
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
		w.write(func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("lea.new@example.org"), Source: "member"}})
			if err != nil {
				return err
			}
			return merge.Merge(tx, c.ID, rows[0].ID, "")
		})
		if page := w.get(prefs); strings.Contains(page, `name="language"`) || !strings.Contains(page, `value="pace"`) {
			t.Error("a language that can't be chosen, or no pace")
		}
		if code, _, _ := w.ask("POST", prefs, url.Values{"language": {"en"}}); code == http.StatusOK || code >= 500 {
			t.Errorf("a page that was open before: %d", code)
		}
	})
}
