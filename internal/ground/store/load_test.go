// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"fmt"
	"testing"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

var readFacts = store.Account("test.read_facts", `SELECT f.id, f.kind, f.ref, f.at FROM fact f WHERE f.account_id = :account ORDER BY f.id`)

func TestWhatAllRowsSayIsLoadedLikeAnyOtherValue(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		type row struct {
			ID   int64
			Kind string
			Ref  int64
			At   legalclock.Moment
		}
		for same := range 8 { // which of kind, ref and at are the same in every row
			for _, n := range []int{1, 49, 50, 51, 120} {
				account := int64(1000*(same+1) + n)
				var want []row
				if err := h.Main.Write(context.Background(), who(account), func(tx *store.Tx) error {
					want = want[:0]
					var rows [][]any
					for i := range n {
						r := row{tx.ID(), "kind", 7, 99}
						if same&1 == 0 {
							r.Kind = fmt.Sprint("kind", i)
						}
						if same&2 == 0 {
							r.Ref = int64(i)
						}
						if same&4 == 0 && i == n-1 { // the last row alone differs
							r.At = 100
						}
						want = append(want, r)
						rows = append(rows, []any{r.ID, r.Kind, r.Ref, r.At})
					}
					made, err := tx.Load(load, rows)
					if err == nil && made != int64(n) {
						err = fmt.Errorf("%d rows of %d", made, n)
					}
					return err
				}); err != nil {
					t.Fatal(same, n, err)
				}
				if err := h.Main.View(context.Background(), who(account), func(v *store.View) error {
					got, err := store.All[row](v, readFacts)
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("same %03b, %d rows: %v", same, n, got)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
