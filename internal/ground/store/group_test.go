// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

// together lets acts wait for one turn, in their order, and gives what each was told.
func together(t *testing.T, h *testhouse.House, acts ...func(tx *store.Tx) error) []error {
	t.Helper()
	lease(t, h)
	inside, out := make(chan bool), make(chan bool)
	go h.Main.Write(context.Background(), who(7), func(*store.Tx) error { inside <- true; <-out; return nil })
	<-inside
	told := make([]error, len(acts))
	ended := make(chan bool)
	for i, act := range acts {
		go func() {
			defer func() {
				if p := recover(); p != nil {
					told[i] = fmt.Errorf("%v", p)
				}
				ended <- true
			}()
			told[i] = h.Main.Write(context.Background(), who(7), act)
		}()
		for h.Main.Waiting() <= i {
			runtime.Gosched()
		}
	}
	out <- true
	for range acts {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("an act of the group never ends")
		}
	}
	return told
}

// lease sees to it that the house has ids, so that no act runs again for want of them.
func lease(t *testing.T, h *testhouse.House) {
	t.Helper()
	if err := h.Main.Write(context.Background(), who(7), func(tx *store.Tx) error { tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
}

func puts(tx *store.Tx) error { tx.Do(put, tx.ID(), "a", 1); return nil }

func TestAnActThatPanicsInAGroupTakesNobodyAlong(t *testing.T) {
	h := testhouse.SQLite(t)
	told := together(t, h, puts, func(*store.Tx) error { panic("a mistake") }, puts, func(*store.Tx) error { runtime.Goexit(); return nil }, puts)
	if told[0] != nil || told[1] == nil || told[2] != nil || told[4] != nil {
		t.Errorf("told %v", told)
	}
	if n := counted(t, h, 7); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// What an act of a group was refused for may be another's act, which is undone with the group.
func TestARefusalInAGroupIsToldWithItsCommit(t *testing.T) {
	h := testhouse.SQLite(t)
	tries, broken := 0, false
	told := together(t, h,
		func(tx *store.Tx) error {
			if tries++; tries > 1 {
				return fault.New(fault.Invalid, "test.no")
			}
			return puts(tx)
		},
		func(tx *store.Tx) error {
			n, err := store.One[int64](tx, count)
			if err == nil && n > 0 {
				err = fault.New(fault.Conflict, "test.there")
			}
			return err
		},
		func(tx *store.Tx) error {
			if !broken { // out of ids: the group is undone, and each runs alone
				broken = true
				return store.ErrDry
			}
			return nil
		})
	if !fault.Is(told[0], fault.Invalid) || told[1] != nil || told[2] != nil || tries != 2 {
		t.Errorf("told %v after %d tries: the second was refused for a row that never was", told, tries)
	}
}

// broke ends the transaction under an act, and with it the group's, as a full disk may.
func broke(tx *store.Tx) error { _, err := tx.Exec(rollback); return err }

var rollback = store.Installation("store_test.rollback", "a test breaks its transaction", "ROLLBACK")

func TestAGroupWhoseTransactionEndsUnderItIsDoneOnce(t *testing.T) {
	h := testhouse.SQLite(t)
	full := errors.New("the disk is full")
	told := together(t, h, puts, func(tx *store.Tx) error { return errors.Join(full, broke(tx)) }, puts, puts)
	if told[0] != nil || !errors.Is(told[1], full) || told[2] != nil || told[3] != nil {
		t.Errorf("told %v", told)
	}
	if n := counted(t, h, 7); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// An error that no rule of the house gave may be the group's: the act has another try alone.
func TestAnActThatADatabaseErrorEndsInAGroupRunsAgainAlone(t *testing.T) {
	h := testhouse.SQLite(t)
	tries, ruled := 0, 0
	told := together(t, h, puts,
		func(tx *store.Tx) error {
			if tries++; tries == 1 {
				return errors.New("disk I/O error")
			}
			return puts(tx)
		},
		func(*store.Tx) error { ruled++; return fault.New(fault.Invalid, "test.no") })
	if told[0] != nil || told[1] != nil || tries != 2 || ruled != 1 {
		t.Errorf("told %v after %d tries, %d of what a rule refused", told, tries, ruled)
	}
	if n := counted(t, h, 7); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// Retry by replay: nothing of the first try is left, and what waits for the commit runs once.
func TestAnActThatMetAnotherRunsAgainFromTheStart(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		lease(t, h)
		defer h.Main.SetHook(nil)
		for at := 1; at <= 3; at++ {
			left, tries, after := at, 0, 0
			h.Main.SetHook(func(string) error {
				if left--; left == 0 {
					return store.ErrAgain
				}
				return nil
			})
			before := counted(t, h, 7)
			left = at
			if err := h.Main.Write(context.Background(), who(7), func(tx *store.Tx) error {
				tries++
				tx.AfterCommit(func() { after++ })
				tx.Do(put, tx.ID(), "a", 1)
				tx.Do(put, tx.ID(), "b", 1)
				_, err := store.One[int64](tx, count)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			h.Main.SetHook(nil)
			if n := counted(t, h, 7) - before; n != 2 || tries != 2 || after != 1 {
				t.Errorf("again at statement %d: %d rows, %d tries, %d after the commit", at, n, tries, after)
			}
		}
	})
}
