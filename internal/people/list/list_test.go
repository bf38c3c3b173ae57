// SPDX-License-Identifier: AGPL-3.0-or-later

package list_test

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	. "consend/internal/people/list"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if !fault.Is(err, kind) || fault.All(err)[0].Key != key {
		t.Fatalf("err = %v, want %s", err, key)
	}
}

func each(t *testing.T, f func(t *testing.T, write func(fn func(tx *store.Tx) error) error)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := h.Member(h.Account(t))
		f(t, func(fn func(tx *store.Tx) error) error { return h.Main.Write(context.Background(), who, fn) })
	})
}

func TestAListKeepsItsPurposeForEver(t *testing.T) {
	each(t, func(t *testing.T, write func(fn func(tx *store.Tx) error) error) {
		var id, same int64
		must(t, write(func(tx *store.Tx) (err error) {
			if id, err = EnsureNamed(tx, "Newsletter", "Monthly  news"); err != nil {
				return err
			}
			same, err = EnsureNamed(tx, "  NEWSLETTER ", "monthly news")
			return err
		}))
		if id != same {
			t.Errorf("%d and %d are one list", id, same)
		}
		wants(t, write(func(tx *store.Tx) error { _, err := EnsureNamed(tx, "Events", "Monthly news"); return err }), fault.Conflict, "list.other_purpose")
		must(t, write(func(tx *store.Tx) error {
			if err := Rename(tx, id, "", "Other words", Words{"en": "Once a month", "fr": "Une fois par mois"}); err != nil {
				return err
			}
			l, err := Get(tx, id)
			if l.Name != "Other words" || l.PurposeName != "Newsletter" || l.Title("fr") != "Une fois par mois" || l.Title("de") != "Once a month" {
				t.Errorf("%+v", l)
			}
			return err
		}))
	})
}

func TestPublicWordsStandInAnyLanguageOfAFewAndAreToldWithIt(t *testing.T) {
	each(t, func(t *testing.T, write func(fn func(tx *store.Tx) error) error) {
		var id int64
		must(t, write(func(tx *store.Tx) (err error) {
			if id, err = EnsureNamed(tx, "Newsletter", "News"); err != nil {
				return err
			}
			if err = Rename(tx, id, "", "News", Words{"fr": "Nouvelles", "de": "Neues", "pt-BR": "Novidades"}); err != nil {
				return err
			}
			l, err := Get(tx, id)
			for _, x := range []struct{ asked, title, lang string }{{"de", "Neues", "de"}, {"pt-BR", "Novidades", "pt-BR"}, {"it", "Nouvelles", "fr"}} {
				if title, lang := l.Titled(x.asked, "fr"); title != x.title || lang != x.lang {
					t.Errorf("%s: %q in %q", x.asked, title, lang)
				}
			}
			l.Public = Words{"de": "Neues"}
			if title, lang := l.Titled("fr"); title != "News" || lang != "" {
				t.Errorf("a name: %q in %q", title, lang)
			}
			return err
		}))
		for _, code := range []string{"", "no such", "DE", "pt_BR", "x", strings.Repeat("x", 30)} {
			wants(t, write(func(tx *store.Tx) error { return Rename(tx, id, "", "News", Words{code: "x"}) }), fault.Invalid, "list.public.language")
		}
		many := Words{}
		for _, code := range []string{"de", "es", "it", "nl", "pl", "pt", "sv", "da", "fi"} {
			many[code] = "x"
		}
		wants(t, write(func(tx *store.Tx) error { _, err := MakePurpose(tx, NewPurpose{Name: "P", Public: many}); return err }), fault.Invalid, "list.public.languages")
		delete(many, "fi")
		must(t, write(func(tx *store.Tx) error { _, err := MakePurpose(tx, NewPurpose{Name: "P", Public: many}); return err }))
	})
}

func TestNamesAreUniqueAmongWhatIsInUse(t *testing.T) {
	each(t, func(t *testing.T, write func(fn func(tx *store.Tx) error) error) {
		var p, l int64
		must(t, write(func(tx *store.Tx) (err error) {
			if p, err = MakePurpose(tx, NewPurpose{Name: "Offers"}); err == nil {
				l, err = Make(tx, New{Name: "Été", Purpose: p})
			}
			return err
		}))
		wants(t, write(func(tx *store.Tx) error { _, err := MakePurpose(tx, NewPurpose{Name: "offers"}); return err }), fault.Conflict, "list.purpose.taken")
		wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, New{Name: "ÉTÉ", Purpose: p}); return err }), fault.Conflict, "list.taken")
		wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, New{Name: " ", Purpose: p}); return err }), fault.Invalid, "list.name.missing")
		wants(t, write(func(tx *store.Tx) error {
			_, err := Make(tx, New{Name: strings.Repeat("x", MaxName+1), Purpose: p})
			return err
		}), fault.Invalid, "list.name.long")
		wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, New{Name: "x", Purpose: 1}); return err }), fault.NotFound, "list.purpose.none")
		wants(t, write(func(tx *store.Tx) error { return Rename(tx, l, "", "x", Words{"en": strings.Repeat("x", MaxPublic+1)}) }), fault.Invalid, "list.public.long")
		wants(t, write(func(tx *store.Tx) error { return RetirePurpose(tx, p) }), fault.Conflict, "list.purpose.used")
		must(t, write(func(tx *store.Tx) error {
			if err := Retire(tx, l); err != nil {
				return err
			}
			return RetirePurpose(tx, p)
		}))
		var other int64
		must(t, write(func(tx *store.Tx) (err error) { // the names are free again
			other, err = EnsureNamed(tx, "Offers", "Été")
			return err
		}))
		wants(t, write(func(tx *store.Tx) error { return Restore(tx, l) }), fault.Conflict, "list.purpose.taken")
		must(t, write(func(tx *store.Tx) error {
			if err := Rename(tx, other, "", "Winter", nil); err != nil {
				return err
			}
			x, err := Get(tx, other)
			if err != nil {
				return err
			}
			if err := EditPurpose(tx, x.PurposeID, "", "Cold", nil, false); err != nil {
				return err
			}
			if err := Restore(tx, l); err != nil {
				return err
			}
			used, err := InUse(tx)
			if len(used) != 2 {
				t.Errorf("%d lists in use", len(used))
			}
			return err
		}))
	})
}

func TestMeasuringHasOneListThatCarriesNoMail(t *testing.T) {
	each(t, func(t *testing.T, write func(fn func(tx *store.Tx) error) error) {
		must(t, write(func(tx *store.Tx) error {
			p, err := MakePurpose(tx, NewPurpose{Name: "Measuring"})
			if err == nil {
				_, err = Make(tx, New{Name: "Clicks", Purpose: p, Kind: Grant})
			}
			return err
		}))
		wants(t, write(func(tx *store.Tx) error {
			l, _, err := Named(tx, "clicks")
			if err != nil {
				return err
			}
			_, err = Make(tx, New{Name: "Opens", Purpose: l.PurposeID, Kind: Grant})
			return err
		}), fault.Conflict, "list.grant.one")
	})
}

func TestAListOfAnotherAccountIsNotFound(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		mine, theirs := h.Member(h.Account(t)), h.Member(h.Account(t))
		var id int64
		must(t, h.Main.Write(context.Background(), mine, func(tx *store.Tx) (err error) { id, err = EnsureNamed(tx, "P", "L"); return err }))
		for _, act := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { _, err := Get(tx, id); return err },
			func(tx *store.Tx) error { return Rename(tx, id, "", "x", nil) },
			func(tx *store.Tx) error { return Retire(tx, id) },
			func(tx *store.Tx) error { return Restore(tx, id) },
		} {
			wants(t, h.Main.Write(context.Background(), theirs, act), fault.NotFound, "list.none")
		}
	})
}
