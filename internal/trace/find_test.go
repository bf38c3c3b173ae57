// SPDX-License-Identifier: AGPL-3.0-or-later

package trace_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

func TestALookIsFoundFromThePersonWhoWasShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		who := h.Member(acc)
		for _, l := range []trace.Looked{
			{Object: "contact", ObjectID: 1001, Contacts: []int64{1001}},
			{Object: "contacts", Contacts: []int64{7, 1001, 9}, Filter: "q=lea%40example.org"},
			{Object: "contacts", Contacts: []int64{7, 8, 9}},
			{Object: "contact", ObjectID: 7, Contacts: []int64{7}},
			{Object: "contacts"},
		} {
			must(t, trace.Look(ctx, h.Main, who, l))
			h.Clock.Advance(time.Second)
		}
		must(t, h.Main.View(ctx, who, func(v *store.View) error {
			list, err := testhouse.Looks(v, 1001)
			must(t, err)
			if len(list) != 2 || list[0].Object != "contacts" || list[1].Object != "contact" {
				t.Errorf("looks: %+v", list)
			}
			// A page at a time, without those at the person alone.
			among, at, err := trace.LookedAmong(v, 7, 0, trace.Cursor{}, 1)
			must(t, err)
			if len(among) != 1 || at != among[0].Cursor() {
				t.Errorf("the newest of them: %+v up to %+v", among, at)
			}
			among, at, err = trace.LookedAmong(v, 7, 0, at, 9)
			must(t, err)
			if len(among) != 1 || at.ID != 0 {
				t.Errorf("those before: %+v up to %+v", among, at)
			}
			all, err := trace.Search(v, trace.Question{})
			if len(all) != 4 {
				t.Errorf("%d looks written, want 4", len(all))
			}
			return err
		}))
		must(t, trace.SealNow(ctx, h.Main))
		v, err := h.Log.Verify(ctx, trace.Check{Salts: salts})
		if err != nil || !v.Holds() {
			t.Errorf("%v %+v", err, v.Found)
		}
	})
}

func TestALookThatCannotBeWrittenIsAnError(t *testing.T) {
	h := testhouse.SQLite(t)
	acc := h.Account(t)
	broken := errors.New("disk full")
	h.Main.SetHook(func(q string) error {
		if q == "trace.add_entry" {
			return broken
		}
		return nil
	})
	if err := trace.Look(ctx, h.Main, h.Member(acc), trace.Looked{Object: "contact", Contacts: []int64{1}}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestTheTraceIsSearchedPageByPage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc, other := h.Account(t), h.Account(t)
		var want []int64
		for i := range 25 {
			who := h.Member(acc)
			if i == 3 {
				who = h.Member(other)
			}
			who.ID = int64(i%2 + 1)
			must(t, h.Main.Write(ctx, who, func(tx *store.Tx) error {
				a := trace.Act{Action: fmt.Sprintf("list.make%d", i%3), Object: "list"}
				if i%5 == 0 {
					a.Person = trace.Person{ID: 1001}
				}
				id, err := trace.Append(tx, a)
				if i != 3 {
					want = append(want, id)
				}
				return err
			}))
			if i%2 == 0 {
				h.Clock.Advance(time.Second) // two at the same moment
			}
		}
		slices.Reverse(want)
		must(t, trace.SealNow(ctx, h.Main))
		must(t, h.Main.View(ctx, h.Member(acc), func(v *store.View) error {
			var got []int64
			q := trace.Question{Limit: 7}
			for {
				page, err := trace.Search(v, q)
				must(t, err)
				for _, e := range page {
					got = append(got, e.ID)
					if e.Place < 0 || e.SealedAt == 0 {
						t.Error("sealed, and not shown so")
					}
				}
				if len(page) < 7 {
					break
				}
				q.After = page[6].Cursor()
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v\nwant %v", got, want)
			}
			for _, c := range []struct {
				q trace.Question
				n int
			}{
				{trace.Question{Contact: 1001}, 5}, {trace.Question{Contact: 1001, Action: "list.make0"}, 2},
				{trace.Question{Action: "list.make1"}, 8}, {trace.Question{ActorID: 1}, 13}, {trace.Question{Actor: "apikey"}, 0},
				{trace.Question{Action: "list.make0", ActorID: 2}, 3},
				{trace.Question{From: v.Now.Add(-3 * time.Second)}, 6},
				{trace.Question{To: v.Now.Add(-11 * time.Second)}, 3},
			} {
				page, err := trace.Search(v, c.q)
				must(t, err)
				if len(page) != c.n {
					t.Errorf("%+v: %d entries, want %d", c.q, len(page), c.n)
				}
			}
			if a, err := trace.Actions(v); err != nil || len(a) != 3 {
				t.Errorf("actions %v %v", a, err)
			}
			if e, err := trace.Find(v, want[0]); err != nil || e.Fields()["action"] != e.Action {
				t.Errorf("%+v %v", e, err)
			}
			return nil
		}))
	})
}
