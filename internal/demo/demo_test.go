// SPDX-License-Identifier: AGPL-3.0-or-later

package demo_test

import (
	"context"
	"testing"

	"consend/internal/app"
	"consend/internal/demo"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

// filled is the demo's house on one of the databases.
func filled(t *testing.T, h *app.House, clock *demo.Clock) demo.Filled {
	t.Helper()
	f, err := h.FillDemo(context.Background(), clock)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEverybodyInTheDemoStandsWhereTheirStoryEnds(t *testing.T) {
	testhouse.Apps(t, func(t *testing.T, open func(app.Options) *app.House) {
		clock := &demo.Clock{}
		clock.Past()
		h := open(app.Options{Clock: clock.Now})
		f := filled(t, h, clock)
		stands := func(p demo.Person, on int64) (s consent.Standing, c contact.Contact) {
			err := h.Main.View(context.Background(), testhouse.Owner(f.Account, f.Member), func(v *store.View) (err error) {
				var found bool
				if c, found, err = contact.Find(v, p.Address()); err != nil || !found {
					return err
				}
				all, err := consent.Standings(v, c.ID)
				for _, x := range all {
					if x.ListID == on {
						s = x
					}
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			return s, c
		}
		for _, want := range []struct {
			who   demo.Person
			list  int64
			is    consent.Status
			grade consent.Grade
		}{
			{demo.Lea, f.News, consent.Given, "A"}, {demo.Oliver, f.News, consent.Given, "A"},
			{demo.Chloe, f.News, consent.Withdrawn, ""}, {demo.Chloe, f.Club, consent.Given, "A"},
			{demo.Tom, f.News, consent.Withdrawn, ""}, {demo.Ingrid, f.News, consent.Withdrawn, ""},
			{demo.Nadia, f.News, consent.Requested, ""}, {demo.Sofia, f.News, consent.Refused, ""},
			{demo.Amelie, f.News, consent.Given, "B"}, {demo.Mehmet, f.News, consent.Given, "C"}, {demo.Greta, f.News, consent.Given, "D"},
			{demo.Hugo, f.News, consent.Waiting, ""}, {demo.Yusuf, f.News, consent.Given, "A"},
		} {
			if got, _ := stands(want.who, want.list); got.State != want.is || want.is == consent.Given && got.Grade != want.grade {
				t.Errorf("%s is %q, grade %q, on list %d, not %q, %q: %s", want.who.Name, got.State, got.Grade, want.list, want.is, want.grade, want.who.Story)
			}
		}
		if _, c := stands(demo.Yusuf, f.News); c.State != contact.StateRestricted {
			t.Errorf("Yusuf is %q", c.State)
		}
		if _, c := stands(demo.Ingrid, f.News); c.State != contact.StateObjected {
			t.Errorf("Ingrid is %q", c.State)
		}
		v, err := h.Log.Verify(context.Background(), trace.Check{Salts: contact.Salts})
		if err != nil || !v.Holds() {
			t.Errorf("the log of the past holds: %v, %v", err, v.Found)
		}
	})
}
