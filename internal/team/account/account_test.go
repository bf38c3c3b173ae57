// SPDX-License-Identifier: AGPL-3.0-or-later

package account_test

import (
	"context"
	"slices"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/testhouse"
)

var command = actor.Actor{Kind: actor.Command, Name: "test"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, h *testhouse.House, who actor.Actor) (a account.Account) {
	t.Helper()
	must(t, h.Main.View(context.Background(), who, func(v *store.View) (err error) { a, err = account.Get(v); return err }))
	return a
}

func TestAnAccountIsMadeWithItsKeysLanguageAndZone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		id, owner := h.House(t)
		a := read(t, h, owner)
		if a.ID != id || a.Language != "fr" || a.Zone != "Europe/Paris" || a.Rules != "FR" || a.Kind != account.Customer || !a.Complete() || a.Suspended() {
			t.Fatalf("%+v", a)
		}
		if a.MadeAt.Time() != testhouse.Start || a.Location().String() != "Europe/Paris" {
			t.Fatalf("made %v in %v", a.MadeAt, a.Location())
		}
		if got := a.Lines("fr"); len(got) != 4 || got[3] != "France" || got[1] != "1 rue de l’Exemple" {
			t.Fatalf("lines %q", got)
		}
		if _, err := h.Ring.MAC(id, "log"); err != nil {
			t.Fatal("no keys: ", err)
		}
	})
}

func TestOneAccountIsTheHousesOwn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		h.House(t)
		h.House(t)
		own := account.New{Kind: account.Own, Details: account.Details{Name: "Us"}}
		id, err := account.Create(ctx, h.Main, h.Ring, command, own)
		must(t, err)
		if _, err := account.Create(ctx, h.Main, h.Ring, command, own); !fault.Is(err, fault.Conflict) {
			t.Fatalf("a second house account: %v", err)
		}
		var found int64
		must(t, h.Main.View(ctx, actor.System("test"), func(v *store.View) (err error) { found, err = account.House(v); return err }))
		if found != id {
			t.Fatalf("house is %d, want %d", found, id)
		}
		if a := read(t, h, command.In(id)); a.Complete() || a.Zone != "UTC" || a.Language != "en" {
			t.Fatalf("made with a name only: %+v", a)
		}
	})
}

func TestAChangeIsCheckedAndTraced(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		_, owner := h.House(t)
		d := read(t, h, owner).Details
		change := func(d account.Details) error {
			return h.Main.Write(ctx, owner, func(tx *store.Tx) error { return account.Change(tx, "", d) })
		}
		bad := d
		bad.Name, bad.Postal, bad.Country, bad.Zone, bad.Language, bad.Colour = " ", "\n", "ZZ", "Mars/Base", "de", "red"
		fields := map[string]bool{}
		for _, f := range fault.All(change(bad)) {
			fields[f.Field] = true
		}
		for _, want := range []string{"name", "postal", "country", "zone", "language", "colour"} {
			if !fields[want] {
				t.Errorf("%s is not refused: %v", want, fields)
			}
		}
		before := h.Entries(t, owner)
		must(t, change(d))
		if n := h.Entries(t, owner); n != before {
			t.Errorf("a change of nothing wrote %d entries", n-before)
		}
		d.Name, d.Zone = "  Librairie   du Port ", "Indian/Reunion"
		must(t, change(d))
		if a := read(t, h, owner); a.Name != "Librairie du Port" || a.Zone != "Indian/Reunion" {
			t.Fatalf("%+v", a)
		}
		if n := h.Entries(t, owner); n != before+1 {
			t.Errorf("%d entries, want one", n-before)
		}
	})
}

func TestASuspensionHoldsUntilItIsEnded(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		id, owner := h.House(t)
		before := h.Entries(t, owner)
		for range 2 {
			must(t, h.Main.Write(ctx, command.In(id), func(tx *store.Tx) error { return account.Suspend(tx, "account.suspended.abuse") }))
		}
		if a := read(t, h, owner); !a.Suspended() || a.SuspendedWhy != "account.suspended.abuse" {
			t.Fatalf("%+v", a)
		}
		must(t, h.Main.Write(ctx, command.In(id), account.Resume))
		if a := read(t, h, owner); a.Suspended() || a.SuspendedWhy != "" {
			t.Fatalf("%+v", a)
		}
		if n := h.Entries(t, owner); n != before+2 {
			t.Errorf("%d entries, want two", n-before)
		}
	})
}

func TestCountriesHaveNamesInBothLanguages(t *testing.T) {
	en, fr := account.Countries("en"), account.Countries("fr")
	if len(en) != 250 || len(en) != len(fr) { // the 249 of ISO 3166-1, and Kosovo
		t.Fatalf("%d and %d countries", len(en), len(fr))
	}
	for _, c := range en {
		if slices.Contains([]string{"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB", "AC", "IC"}, c.Code) {
			t.Errorf("%s is no country: %s", c.Code, c.Name)
		}
	}
	if got := account.CountryName("DE", "fr"); got != "Allemagne" {
		t.Error(got)
	}
	if len(account.Zones("")) < 40 {
		t.Error("few zones")
	}
}
