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

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
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
		w.ask("POST", w.choices(c)+"/address", url.Values{"address": {"third@example.org"}})
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

// Mails that came before a change of address lie in a mailbox that may be somebody else's by now.
func TestALinkInTheMailboxSomebodyLeftStopsMailAndShowsNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		_, path := w.signup("lea@example.org", "en")
		w.ask("POST", path, url.Values{"do": {"confirm"}})
		lea, _ := w.person("lea@example.org")
		name := pii.T("Léa Martin")
		must(t, w.Main.Write(context.Background(), w.member, func(tx *store.Tx) error { return contact.Correct(tx, lea.ID, 0, contact.Change{Name: &name}) }))
		was, bare := w.choices(lea), "/p/"+w.token(token.Preferences, lea.ID)
		for _, at := range []string{was, bare} {
			if page := w.get(at); !strings.Contains(page, "lea@example.org") || !strings.Contains(page, "Léa Martin") || !strings.Contains(page, "/address") {
				t.Errorf("before the move\n%s", page)
			}
		}
		_, stands := w.person("lea@example.org")
		receipt := "/r/" + w.token(token.Receipt, lea.ID, stands[w.news].EventID)
		if page := w.get(receipt); !strings.Contains(page, "l…@example.org") {
			t.Errorf("the receipt\n%s", page)
		}
		w.move(lea.ID, was, "private.zoe@home.example")
		if page := w.get(receipt); strings.Contains(page, "home.example") || !strings.Contains(page, "An earlier address (changed since)") {
			t.Errorf("the yes of the old mailbox is put on the new one\n%s", page)
		}
		c, _ := w.person("private.zoe@home.example")
		if page := w.get(w.choices(c)); !strings.Contains(page, "private.zoe@home.example") || !strings.Contains(page, "Léa Martin") || !strings.Contains(page, "/address") || !strings.Contains(page, "/r/") {
			t.Errorf("the new mailbox\n%s", page)
		}
		for _, at := range []string{was, bare} {
			page := w.get(at)
			for _, told := range []string{"home", "zoe", "Martin", "/r/", "/address", `name="language"`, `value="pause"`} {
				if strings.Contains(page, told) {
					t.Errorf("the old mailbox is told %q\n%s", told, page)
				}
			}
			if code, _, _ := w.ask("GET", at+"/address", nil); code != http.StatusForbidden {
				t.Errorf("a page to move on: %d", code)
			}
			for _, v := range []url.Values{{"language": {"fr"}}, {"do": {"pause"}, "months": {"1"}}, {"do": {"agree"}, "what": {"opens"}}, {"do": {"back"}, "list": {fmt.Sprint(w.news)}}, {"do": {"leave"}, "language": {"fr"}}} {
				if code, _, _ := w.ask("POST", at, v); code != http.StatusForbidden {
					t.Errorf("%v: %d", v, code)
				}
			}
			if code, _, _ := w.ask("POST", at+"/address", url.Values{"address": {"boss@oldfirm.example"}}); code != http.StatusForbidden {
				t.Errorf("moved on: %d", code)
			}
		}
		if got, _ := w.person("private.zoe@home.example"); got.Language != c.Language || got.PausedUntil != 0 {
			t.Errorf("the old mailbox changed %+v", got)
		}
		for _, at := range []string{was, bare} {
			if page := w.get(at); !strings.Contains(page, `value="leave"`) {
				t.Errorf("nothing can be left\n%s", page)
			}
		}
		w.ask("POST", bare, url.Values{"do": {"leave"}, "list": {fmt.Sprint(w.news)}})
		if _, s := w.person("private.zoe@home.example"); s[w.news].State != consent.Withdrawn {
			t.Errorf("%+v", s[w.news])
		}
		// Back at the old address: its links are good again.
		w.move(lea.ID, w.choices(c), "lea@example.org")
		if page := w.get(was); !strings.Contains(page, "lea@example.org") {
			t.Errorf("back again\n%s", page)
		}
	})
}

// choices is the link that a mail to somebody leads to.
func (w *counter) choices(c contact.Contact) string {
	w.t.Helper()
	var marks *contact.Marks
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { marks, err = contact.NewMarks(v); return err }))
	return "/p/" + w.token(token.Preferences, c.ID, marks.Of(c.Email))
}

// move changes an address, with the yes of both mailboxes.
func (w *counter) move(person int64, choices, to string) {
	w.t.Helper()
	w.ask("POST", choices+"/address", url.Values{"address": {to}})
	var change move.Change
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { change, err = move.Open(v, person); return err }))
	for _, kind := range []token.Kind{token.MoveNew, token.MoveOld} {
		w.ask("POST", "/a/"+w.token(kind, change.ID), url.Values{"do": {"yes"}})
	}
}
