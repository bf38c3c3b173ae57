// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/move"
	"consend/internal/testhouse"
)

func TestAPersonMovesToAnotherMailboxByTwoButtonsAndLookingMovesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "en")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		lea, _ := w.person("lea@example.org")
		choices := "/p/" + w.token(token.Preferences, lea.ID)
		if !strings.Contains(w.get(choices), choices+"/address") {
			t.Error("the choices lead to no change of address")
		}
		page := w.get(choices + "/address")
		for _, words := range []string{"Write to another address", "lea@example.org", "sign up anew"} {
			if !strings.Contains(page, words) {
				t.Errorf("%q is missing in\n%s", words, page)
			}
		}
		if code, body, _ := w.ask("POST", choices+"/address", url.Values{"address": {"no address"}}); code != http.StatusUnprocessableEntity || !strings.Contains(body, `id="f-address-error"`) {
			t.Errorf("no address: %d\n%s", code, body)
		}
		if code, body, _ := w.ask("POST", choices+"/address", url.Values{"address": {"lea.martin@example.org"}}); code != http.StatusOK || !strings.Contains(body, "both mailboxes") {
			t.Fatalf("asked: %d\n%s", code, body)
		}
		if w.facts(string(move.AskedOld)) != 1 || w.facts(string(move.AskedNew)) != 1 {
			t.Error("not both mailboxes are asked")
		}
		var change move.Change
		must(t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { change, err = move.Open(v, lea.ID); return err }))
		old, other := "/a/"+w.token(token.MoveOld, change.ID), "/a/"+w.token(token.MoveNew, change.ID)
		for range 2 { // scanners look, and look again
			if body := w.get(old); !strings.Contains(body, "lea.martin@example.org") {
				t.Error("the old mailbox isn't told which address")
			}
			if body := w.get(other); strings.Contains(body, "lea@example.org") {
				t.Error("the new mailbox is told the old address")
			}
			w.ask("HEAD", old, nil)
		}
		for _, bad := range []string{w.token(token.MoveOld, change.ID, 2), w.token(token.Confirm, change.ID), forged(old)[3:]} {
			if code, _, _ := w.ask("POST", "/a/"+bad, url.Values{"do": {"yes"}}); code != http.StatusNotFound {
				t.Errorf("a forged link: %d", code)
			}
		}
		if code, body, _ := w.ask("POST", other, url.Values{"do": {"yes"}}); code != http.StatusOK || !strings.Contains(body, "We now wait") {
			t.Errorf("one yes: %d\n%s", code, body)
		}
		if c, _ := w.person("lea@example.org"); c.ID != lea.ID {
			t.Fatal("one yes moved the address")
		}
		if code, body, _ := w.ask("POST", old, url.Values{"do": {"yes"}}); code != http.StatusOK || !strings.Contains(body, "now writes to the new address") {
			t.Errorf("both yes: %d\n%s", code, body)
		}
		c, stands := w.person("lea.martin@example.org")
		if c.ID != lea.ID || stands[w.news].Reason != "" {
			t.Errorf("after both: %d, %+v", c.ID, stands[w.news])
		}
		// Another one ends by itself.
		w.ask("POST", choices+"/address", url.Values{"address": {"third@example.org"}})
		must(t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { change, err = move.Open(v, lea.ID); return err }))
		w.Clock.Advance(move.Term + time.Second)
		if code, body, _ := w.ask("GET", "/a/"+w.token(token.MoveNew, change.ID), nil); code != http.StatusGone || !strings.Contains(body, "This link has ended") {
			t.Errorf("too late: %d\n%s", code, body)
		}
	})
}

// A confirmation link that lies in the old mailbox gives no yes for the new one.
func TestWhatWaitsForTheOldMailboxEndsWithTheMove(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "en")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		lea, _ := w.person("lea@example.org")
		choices := "/p/" + w.token(token.Preferences, lea.ID)
		w.ask("POST", choices, url.Values{"do": {"leave"}, "list": {fmt.Sprint(w.news)}})
		w.ask("POST", choices, url.Values{"do": {"back"}, "list": {fmt.Sprint(w.news)}})
		_, path = w.last()
		if _, s := w.person("lea@example.org"); s[w.news].State != consent.Requested {
			t.Fatalf("%+v", s[w.news])
		}
		w.ask("POST", choices+"/address", url.Values{"address": {"lea.martin@example.org"}})
		var change move.Change
		must(t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { change, err = move.Open(v, lea.ID); return err }))
		for _, kind := range []token.Kind{token.MoveNew, token.MoveOld} {
			w.ask("POST", "/a/"+w.token(kind, change.ID), url.Values{"do": {"yes"}})
		}
		if code, body, _ := w.ask("POST", path, url.Values{"do": {"confirm"}}); code != http.StatusGone {
			t.Errorf("the old link: %d\n%s", code, body)
		}
		if c, s := w.person("lea.martin@example.org"); c.ID != lea.ID || s[w.news].State != consent.Withdrawn {
			t.Errorf("the new mailbox: %+v", s[w.news])
		}
	})
}
