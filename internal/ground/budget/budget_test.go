// SPDX-License-Identifier: AGPL-3.0-or-later

package budget_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

var (
	ctx     = context.Background()
	key     = [32]byte{1}
	address = budget.Limit{Name: "form.address", Max: 3, Per: 10 * time.Minute}
	all     = budget.Limit{Name: "form.all", Max: 100, Per: time.Hour, Wide: true}
)

func spend(h *testhouse.House, c ...budget.Charge) error {
	return h.Main.Write(ctx, h.Member(1), func(tx *store.Tx) error { return budget.Spend(tx, key, c...) })
}

func TestABudgetIsSpentAndComesBackAsTheWindowSlides(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for range 3 {
			if err := spend(h, address.For("lea@example.org"), all.For("")); err != nil {
				t.Fatal(err)
			}
		}
		if err := spend(h, address.For("lea@example.org")); !fault.Is(err, fault.Busy) {
			t.Errorf("a fourth time: %v", err)
		}
		if err := spend(h, address.For("max@example.org")); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		h.Clock.Advance(10 * time.Minute)
		if err := spend(h, address.For("lea@example.org")); !fault.Is(err, fault.Busy) {
			t.Errorf("the first minute still lies in the window: %v", err)
		}
		h.Clock.Advance(40 * time.Second) // a third of the first minute is left: 3 × ⅓ = 1
		if err := spend(h, address.For("lea@example.org")); err != nil {
			t.Errorf("after the window slid on: %v", err)
		}
	})
}

func TestAnActThatIsRefusedOrFailsCostsNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		one := budget.Limit{Name: "form.ip", Max: 1, Per: time.Minute}
		if err := spend(h, one.For("net")); err != nil {
			t.Fatal(err)
		}
		if err := spend(h, address.For("x"), one.For("net")); !fault.Is(err, fault.Busy) {
			t.Fatal("over one limit, and done")
		}
		must := func(n int64, err error, want int64) {
			t.Helper()
			if err != nil || n != want {
				t.Errorf("%d left (%v), want %d", n, err, want)
			}
		}
		if err := h.Main.View(ctx, h.Member(1), func(v *store.View) error {
			n, err := budget.Left(v, v.Now, key, address.For("x"))
			must(n, err, 3)
			n, err = budget.Left(v, v.Now, key, one.For("net"))
			must(n, err, 0)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatNoWindowReachesIsSwept(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		day := budget.Limit{Name: "day", Max: 2, Per: budget.Longest}
		if err := spend(h, day.For("a"), day.For("a")); err != nil {
			t.Fatal(err)
		}
		left := func() (n int64) {
			if err := h.Main.View(ctx, h.Member(1), func(v *store.View) (err error) {
				n, err = budget.Left(v, v.Now, key, budget.Limit{Name: "day", Max: 2, Per: 1000 * time.Hour}.For("a"))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, want := range []int64{0, 2} {
			if err := budget.Sweep(ctx, h.Main); err != nil {
				t.Fatal(err)
			}
			if n := left(); n != want {
				t.Errorf("%d left, want %d", n, want)
			}
			h.Clock.Advance(25 * time.Hour)
		}
	})
}

// What a process takes ahead serves the acts of its minute; it never lets through more than the limit.
func TestAWideBudgetIsTakenFromInAdvances(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Main.Attach(budget.NewAdvance())
		house := budget.Limit{Name: "form.house", Max: 3000, Per: 2 * time.Minute, Wide: true}
		statements := 0
		h.Main.SetHook(func(string) error { statements++; return nil })
		defer h.Main.SetHook(nil)
		went := 0
		for range 3100 {
			if err := spend(h, house.For("")); err == nil {
				went++
			} else if !fault.Is(err, fault.Busy) {
				t.Fatal(err)
			}
		}
		if went != 3000 {
			t.Errorf("%d went through, of %d", went, house.Max)
		}
		if statements > 2*1000+100 {
			t.Errorf("%d statements for 3,100 acts: nothing was taken ahead", statements)
		}
		h.Clock.Advance(3 * time.Minute)
		if err := spend(h, house.For("")); err != nil {
			t.Errorf("after the window: %v", err)
		}
		h.Clock.Advance(time.Minute)
		if statements = 0; spend(h, house.For("")) != nil || statements == 0 {
			t.Error("what was taken in another minute is used in this one")
		}
	})
}
