// SPDX-License-Identifier: AGPL-3.0-or-later

package apikey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/team/apikey"
	"consend/internal/team/secret"
	"consend/internal/testhouse"
)

func TestAKeyOpensItsAccountUntilItIsRevoked(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		id, owner := h.House(t)
		other, _ := h.House(t)
		var k apikey.Key
		var token secret.Token
		write := func(f func(tx *store.Tx) error) {
			t.Helper()
			if err := h.Main.Write(ctx, owner, f); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *store.Tx) (err error) {
			k, token, err = apikey.Create(tx, apikey.New{Name: " Till  ", Origin: "customer", Basis: "soft"})
			return
		})
		account, found, err := apikey.Find(ctx, h.Main, token.Raw())
		if err != nil || account != id || found.ID != k.ID || found.Name != "Till" || !strings.HasSuffix(token.Raw(), found.Tail) || found.MadeBy != owner.ID {
			t.Fatalf("%d %+v %v", account, found, err)
		}
		used := func() time.Time {
			_, k, err := apikey.Find(ctx, h.Main, token.Raw())
			if err != nil {
				t.Fatal(err)
			}
			return k.UsedAt.Time()
		}
		first := used()
		h.Clock.Advance(4 * time.Minute)
		if used(); used() != first {
			t.Error("a use was noted twice in five minutes")
		}
		h.Clock.Advance(time.Minute)
		if used(); used() != first.Add(5*time.Minute) {
			t.Error("a use after five minutes was not noted")
		}
		forged := strings.Replace(token.Raw(), "_", "_9", 1)
		for _, bad := range []string{"", "ck_1", forged, secret.New(secret.Key, id).Raw(), secret.New(secret.Key, other).Raw(), strings.Replace(token.Raw(), "ck_", "cs_", 1)} {
			if _, _, err := apikey.Find(ctx, h.Main, bad); !fault.Is(err, fault.Refused) {
				t.Errorf("%v for a forged key", err)
			}
		}
		before := h.Entries(t, owner)
		for range 2 {
			write(func(tx *store.Tx) error { return apikey.Revoke(tx, k.ID) })
		}
		if n := h.Entries(t, owner) - before; n != 1 {
			t.Errorf("%d entries of a revocation", n)
		}
		if _, _, err := apikey.Find(ctx, h.Main, token.Raw()); !fault.Is(err, fault.Refused) {
			t.Errorf("a revoked key: %v", err)
		}
		err = h.Main.Write(ctx, h.Member(other), func(tx *store.Tx) error { return apikey.Revoke(tx, k.ID) })
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("another account's key: %v", err)
		}
		err = h.Main.Write(ctx, owner, func(tx *store.Tx) error { _, _, err := apikey.Create(tx, apikey.New{Name: " "}); return err })
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a key without a name: %v", err)
		}
	})
}
