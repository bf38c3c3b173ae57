// SPDX-License-Identifier: AGPL-3.0-or-later

package forms_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/move"
	"consend/internal/testhouse"
)

// published makes a form that takes sign-ups, and gives its page in the office and how it is served.
func (o *office) published() (string, form.Live) {
	o.t.Helper()
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	note := o.post("/privacy/notices", url.Values{})
	v := read(o.raw(note))
	v.Set("contact", "rosalie@cafe.example")
	o.post(note, v)
	o.post(note+"/publish", url.Values{"version": {"2"}})
	f := read(o.raw(at))
	f.Set("notice", note[strings.LastIndex(note, "/")+1:])
	o.post(at, f)
	o.post(at+"/publish", url.Values{"version": {"2"}})
	var slug string
	must(o.t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := form.All(v)
		slug = all[0].Slug
		return err
	}))
	live, err := form.NewDesk(o.Main).At(context.Background(), slug)
	must(o.t, err)
	return at, live
}

// signup asks on the form.
func (o *office) signup(live form.Live, email string) {
	o.t.Helper()
	sub, err := form.Read(live, "en", url.Values{"email": {email}})
	must(o.t, err)
	_, err = form.Take(context.Background(), o.Main, actor.Actor{Kind: actor.Subject, Account: o.acct}, sub)
	must(o.t, err)
}

// Who is written to at another address since did not sign up with it.
func TestASignUpIsNotPutOnAnAddressThatCameLater(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		o := settle(t, h, "en")
		at, live := o.published()
		o.signup(live, "lea@example.org")
		o.signup(live, "max@example.org")
		shown := func() (page, file string) {
			code, file, _ := o.ask("POST", at+"/signups/file", "member", url.Values{"how": {"none"}})
			if code != http.StatusOK {
				t.Fatalf("the file: %d", code)
			}
			return o.get(at + "/signups"), file
		}
		for _, s := range first(shown()) {
			if !strings.Contains(s, "lea@example.org") || strings.Contains(s, "An earlier address") {
				t.Errorf("before\n%s", s)
			}
		}
		must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
			c, _, err := contact.Find(tx, address.Must("lea@example.org"))
			must(t, err)
			id, err := move.Ask(tx, c.ID, address.Must("zoe@home.example"))
			must(t, err)
			_, err = move.Say(tx, id, move.Old, true)
			must(t, err)
			_, err = move.Say(tx, id, move.New, true)
			return err
		}))
		for _, s := range first(shown()) {
			if strings.Contains(s, "zoe@home.example") || !strings.Contains(s, "An earlier address (changed since)") || !strings.Contains(s, "max@example.org") {
				t.Errorf("after\n%s", s)
			}
		}
	})
}

func first(page, file string) []string { return []string{page, file} }
