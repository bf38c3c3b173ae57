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
		stands := func(p demo.Person, on int64) (out consent.Status, c contact.Contact) {
			err := h.Main.View(context.Background(), testhouse.Owner(f.Account, f.Member), func(v *store.View) (err error) {
				var found bool
				if c, found, err = contact.Find(v, p.Address()); err != nil || !found {
					return err
				}
				all, err := consent.Standings(v, c.ID)
				for _, s := range all {
					if s.ListID == on {
						out = s.State
					}
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			return out, c
		}
		for _, want := range []struct {
			who  demo.Person
			list int64
			is   consent.Status
		}{
			{demo.Lea, f.News, consent.Given}, {demo.Oliver, f.News, consent.Given},
			{demo.Chloe, f.News, consent.Withdrawn}, {demo.Chloe, f.Club, consent.Given},
			{demo.Tom, f.News, consent.Withdrawn}, {demo.Ingrid, f.News, consent.Withdrawn},
			{demo.Nadia, f.News, consent.Requested}, {demo.Yusuf, f.News, consent.Given},
		} {
			if got, _ := stands(want.who, want.list); got != want.is {
				t.Errorf("%s is %q on list %d, not %q: %s", want.who.Name, got, want.list, want.is, want.who.Story)
			}
		}
		if _, c := stands(demo.Yusuf, f.News); c.State != contact.StateRestricted {
			t.Errorf("Yusuf is %q", c.State)
		}
		v, err := h.Log.Verify(context.Background(), trace.Check{Salts: contact.Salts})
		if err != nil || !v.Holds() {
			t.Errorf("the log of the past holds: %v, %v", err, v.Found)
		}
	})
}
