// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// On PostgreSQL a Put of many rows is under way while the act goes on: what is asked meanwhile,
// before or after it, is answered rightly, and what it did wrong fails the act.
func TestWhatIsPutIsWorkedOnWhileTheActGoesOn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		rows := func(tx *store.Tx, n int) (out [][]any) {
			for i := range n {
				out = append(out, []any{tx.ID(), "kind", int64(i), int64(1)})
			}
			return out
		}
		strict := store.Load("test.strict", "fact", []store.Column{{Name: "id"}, {Name: "kind", Type: store.Text}, {Name: "ref"}, {Name: "at"}}, "")
		count := store.Account("test.count_facts", `SELECT COUNT(*) FROM fact f WHERE f.account_id = :account`)
		const account = 77
		if err := h.Main.Write(context.Background(), who(account), func(tx *store.Tx) error {
			before := store.Ask[int64](tx, count)
			if err := tx.Put(load, rows(tx, 300)); err != nil {
				return err
			}
			if n, err := before.One(); err != nil || n != 0 { // it left with the rows
				t.Errorf("before: %d, %v", n, err)
			}
			between := store.Ask[int64](tx, count)
			if err := tx.Put(load, rows(tx, 100)); err != nil {
				return err
			}
			after := store.Ask[int64](tx, count)
			for i, a := range []*store.Answer[int64]{after, between} {
				if n, err := a.One(); err != nil || n != []int64{400, 300}[i] {
					t.Errorf("%d: %d, %v", i, n, err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, read := range []bool{false, true} {
			var twice [][]any
			err := h.Main.Write(context.Background(), who(account), func(tx *store.Tx) error {
				twice = rows(tx, 60)
				if err := tx.Put(strict, append(twice, twice[59])); err != nil {
					return err
				}
				if read {
					_, err := store.One[int64](tx, count)
					return err
				}
				return nil
			})
			if !errors.Is(err, store.ErrUnique) || !strings.Contains(err.Error(), "test.strict") {
				t.Errorf("read %t: %v", read, err)
			}
		}
		if err := h.Main.View(context.Background(), who(account), func(v *store.View) error {
			n, err := store.One[int64](v, count)
			if n != 400 {
				t.Errorf("%d facts are left", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRowsKeepWhatRepeatsOnceAndGiveEachItsOwn(t *testing.T) {
	var r store.Rows
	for round := range 3 {
		r.Begin(4, 2)
		var want [][]any
		for i := range 5 {
			id, name := int64(1000*round+i), fmt.Sprint("name", i/2)
			r.Int(id)
			r.Text(name)
			r.Bool(i > 2)
			r.Bytes(nil)
			want = append(want, []any{id, name, i > 2, nil})
		}
		if got := r.All(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("round %d\ngot  %v\nwant %v", round, got, want)
		}
	}
}
