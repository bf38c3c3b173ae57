// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// town is an account with a purpose and two lists.
type town struct {
	*testhouse.House
	account       int64
	purpose       int64
	news, offers  int64
	other         int64 // a list of another purpose
	member, voice actor.Actor
}

func settle(t testing.TB, h *testhouse.House) *town {
	t.Helper()
	w := &town{House: h}
	w.account, w.member = h.House(t)
	w.voice = actor.Actor{Kind: actor.Subject, Account: w.account, Request: "test"}
	w.write(t, w.member, func(tx *store.Tx) (err error) {
		if w.news, err = list.EnsureNamed(tx, "Newsletter", "News"); err != nil {
			return err
		}
		if w.offers, err = list.EnsureNamed(tx, "newsletter", "Offers"); err != nil {
			return err
		}
		w.other, err = list.EnsureNamed(tx, "Events", "Concerts")
		return err
	})
	w.view(t, func(v *store.View) error {
		l, err := list.Get(v, w.news)
		w.purpose = l.PurposeID
		return err
	})
	return w
}

func (w *town) write(t testing.TB, who actor.Actor, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, w.Main.Write(context.Background(), who, fn))
}

func (w *town) view(t testing.TB, fn func(v *store.View) error) {
	t.Helper()
	must(t, w.Main.View(context.Background(), w.member, fn))
}

// person makes a contact.
func (w *town) person(t testing.TB, email string) (id int64) {
	t.Helper()
	w.write(t, w.member, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "member"}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	return id
}

func (w *town) apply(t testing.TB, who actor.Actor, events ...Event) (out []Result) {
	t.Helper()
	w.write(t, who, func(tx *store.Tx) (err error) { out, err = Apply(tx, events); return err })
	return out
}

func (w *town) standing(t testing.TB, id, list int64) (out Standing) {
	t.Helper()
	w.view(t, func(v *store.View) error {
		all, err := Standings(v, id)
		for _, s := range all {
			if s.ListID == list {
				out = s
			}
		}
		return err
	})
	return out
}

func (w *town) confirm(t testing.TB, id, list int64) []Result {
	t.Helper()
	asked := legalclock.MomentOf(w.Clock.Now())
	w.Clock.Advance(time.Minute)
	ip, err := pii.ParseIP("203.0.113.9")
	must(t, err)
	o := Origin{IP: ip, Source: "direct", Agent: pii.T("Lynx")}
	return w.apply(t, w.voice, Event{Contact: id, List: list, Kind: Request, OccurredAt: asked, Text: "Yes, write to me", Origin: o, Source: "form", Language: "fr"},
		Event{Contact: id, List: list, Kind: Confirm, RequestedAt: asked, Method: "doi_post", Origin: o, Source: "form"})
}

func TestASignUpIsWrittenWithItsProof(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		id := w.person(t, "lea@example.org")
		res := w.confirm(t, id, w.news)
		if res[0].Verdict != Applied || res[1].Verdict != Applied || res[1].After.Status != Given || res[1].After.Grade != GradeA {
			t.Fatalf("%+v", res)
		}
		if res[0].Entry != res[1].Entry || res[0].Index != 0 || res[1].Index != 1 {
			t.Fatalf("one act, one entry: %+v", res)
		}
		s := w.standing(t, id, w.news)
		if s.State != Given || s.Basis != ByConsent || s.Grade != GradeA || s.Said != SaidYes || s.Reason != "" || s.EventID != res[1].Event {
			t.Fatalf("%+v", s)
		}
		w.view(t, func(v *store.View) error {
			events, err := Events(v, id)
			must(t, err)
			if len(events) != 2 || events[0].Kind != Request || events[1].RequestEvent != events[0].ID || events[1].ConfirmedAt == 0 || events[0].Language != "fr" {
				t.Fatalf("%+v", events)
			}
			words, err := Words(v, events[0].TextSHA256)
			if err != nil || words != "Yes, write to me" {
				t.Fatalf("%q %v", words, err)
			}
			origins, err := Origins(v, id, events)
			if err != nil || origins[0].IP.Raw().String() != "203.0.113.9" || origins[1].Agent.Raw() != "Lynx" || origins[0].Source != "direct" {
				t.Fatalf("%+v %v", origins, err)
			}
			return nil
		})
	})
}

func TestNobodyConfirmsForSomebodyElse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		id := w.person(t, "lea@example.org")
		for _, k := range []Kind{Confirm, Accept, NotMe} {
			err := h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
				_, err := Apply(tx, []Event{{Contact: id, List: w.news, Kind: k, RequestedAt: 1}})
				return err
			})
			if fault.KindOf(err) != fault.Forbidden {
				t.Errorf("%s: %v", k, err)
			}
		}
	})
}
