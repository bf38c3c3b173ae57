// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"consend/internal/ground/store"
	. "consend/internal/people/contact"
	"consend/internal/testhouse"
)

func on(t *testing.T) *desk {
	h := testhouse.Postgres(t)
	return &desk{h, t, h.Member(h.Account(t))}
}

// A person may be deleted after Ensure met them and before it has read their row: they are made anew then.
func TestWhoIsDeletedWhileTheyAreMetIsMadeAnew(t *testing.T) {
	d := on(t)
	d.ensure(person("met@example.org"))
	gone := false
	d.Main.SetHook(func(q string) error {
		if q == "contact.known" && !gone {
			gone = true
			d.Raw(t, "DELETE FROM contact WHERE email_norm = 'met@example.org'")
		}
		return nil
	})
	rows := d.ensure(person("met@example.org"))
	d.Main.SetHook(nil)
	if c := d.get(rows[0].ID); !gone || c.ID != rows[0].ID || !rows[0].Created {
		t.Errorf("%v %+v", gone, rows[0])
	}
}

func TestOfTwoActsThatAddChoicesNeitherLosesTheOthers(t *testing.T) {
	d := on(t)
	for _, known := range []bool{true, false} {
		name := ""
		orders := d.Overtake(t, func(n int) (first, second func(*store.DB) error) {
			name = fmt.Sprintf("PLAN_%d_%t", n, known)
			add := func(choice string) func(*store.DB) error {
				return func(db *store.DB) error {
					return db.Write(context.Background(), d.who, func(tx *store.Tx) error {
						_, err := EnsureAttributes(tx, []Attribute{{Name: name, Type: TypeChoice, Choices: Choices{choice}}})
						return err
					})
				}
			}
			if known {
				must(t, add("Basic")(d.Main))
			}
			return add("Gold"), add("Silver")
		}, func(n int) {
			d.view(func(v *store.View) error {
				all, err := AllAttributes(v)
				for _, a := range all {
					if a.Name == AttributeName(name) && !(slices.Contains(a.Choices, "Gold") && slices.Contains(a.Choices, "Silver")) {
						t.Errorf("known %t, order %d: %v", known, n, a.Choices)
					}
				}
				return err
			})
		})
		t.Logf("known %t: %d orders", known, orders)
	}
}

// What is wrong with the keys of one account keeps no other's from being destroyed.
func TestAKeyThatCannotBeDestroyedHoldsUpNoOthers(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		first, second := &desk{h, t, h.Member(h.Account(t))}, &desk{h, t, h.Member(h.Account(t))}
		h.Raw(t, fmt.Sprintf("INSERT INTO key_end (account_id, sheet, slot, at) VALUES (%d, 999999, 1, 1), (%d, %d, 1, 1)",
			first.who.Account, second.who.Account, second.keyed()))
		if err := Forget(context.Background(), h.Main); err == nil {
			t.Error("nobody hears of it")
		}
		second.view(func(v *store.View) error {
			if n, err := store.One[int64](v, keysLeft); err != nil || n != 0 {
				t.Errorf("%d keys of the other account are left: %v", n, err)
			}
			return nil
		})
	})
}

var keysLeft = store.Account("test.keys_left", `SELECT COUNT(*) FROM key_end k WHERE k.account_id = :account`)

// keyed takes a key, and gives its sheet.
func (d *desk) keyed() (sheet int64) {
	d.t.Helper()
	n := person("keyed@example.org")
	n.Keyed = true
	return d.ensure(n)[0].Key.Sheet
}
