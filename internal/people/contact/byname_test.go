// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"context"
	"slices"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/testhouse"
)

func TestPeopleAreFoundByTheWordsOfTheirName(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		who := h.Member(h.Account(t))
		ids := map[string]int64{}
		for _, name := range []string{"Élise Dupont", "Jean-Noël Dupré", "Anne Œuvrard", "", "Dupont fils"} {
			if err := h.Main.Write(ctx, who, func(tx *store.Tx) error {
				rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("p" + string(rune('a'+len(ids))) + "@example.org"), Name: pii.T(name)}})
				if err == nil {
					ids[name] = rows[0].ID
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Main.Write(ctx, who, func(tx *store.Tx) error { return contact.BeginErasing(tx, ids["Dupont fils"], "test") }); err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string][]int64{"dupont": {ids["Élise Dupont"]}, "ELI": {ids["Élise Dupont"]}, "noel du": {ids["Jean-Noël Dupré"]},
			"dup": {ids["Jean-Noël Dupré"], ids["Élise Dupont"]}, "oeuv": {ids["Anne Œuvrard"]}, "pont": nil, "": nil, "élise martin": nil} {
			if err := h.Main.View(ctx, who, func(v *store.View) error {
				got, next, err := contact.ByName(v, locale.Words(q), 0)
				if !slices.Equal(got, want) || next != 0 {
					t.Errorf("%q finds %v and goes on at %d, want %v", q, got, next, want)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
