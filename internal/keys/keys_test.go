// SPDX-License-Identifier: AGPL-3.0-or-later

package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/keys"
	"consend/internal/testhouse"
)

var at = keys.AAD{Table: "message", Column: "body", Row: 7}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAForgottenPersonIsForgottenEvenAfterARestart(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a := h.Account(t)
		ctx := context.Background()
		ref, who, err := h.Ring.Take(a)
		must(t, err)
		other, neighbour, err := h.Ring.Take(a)
		must(t, err)
		sealed, err := who.Seal(at, []byte("203.0.113.9"))
		must(t, err)
		kept, err := neighbour.Seal(at, []byte("198.51.100.1"))
		must(t, err)
		again, err := h.OpenRing(t, false).Subject(a, ref)
		must(t, err)
		if plain, err := again.Open(at, sealed); err != nil || string(plain) != "203.0.113.9" {
			t.Fatalf("another start opens %q, %v", plain, err)
		}
		must(t, h.Ring.Forget(ctx, a, ref))
		must(t, h.Ring.Forget(ctx, a, ref))
		for _, ring := range []*keys.Ring{h.Ring, h.OpenRing(t, false)} {
			if _, err := ring.Subject(a, ref); !errors.Is(err, keys.ErrForgotten) {
				t.Fatalf("err = %v, want forgotten", err)
			}
			n, err := ring.Subject(a, other)
			must(t, err)
			if plain, err := n.Open(at, kept); err != nil || string(plain) != "198.51.100.1" {
				t.Fatalf("the neighbour's value: %q, %v", plain, err)
			}
		}
	})
}

func TestASealedValueOpensNowhereElse(t *testing.T) {
	h := testhouse.SQLite(t)
	a, b := h.Account(t), h.Account(t)
	_, s, err := h.Ring.Take(a)
	must(t, err)
	mine, err := h.Ring.Seal(a, at, []byte("x"))
	must(t, err)
	hers, err := s.Seal(at, []byte("x"))
	must(t, err)
	for _, wrong := range []keys.AAD{{Table: "message", Column: "body", Row: 8}, {Table: "message", Column: "raw", Row: 7}, {Table: "messagebody", Row: 7}} {
		if _, err := h.Ring.Open(a, wrong, mine); err == nil {
			t.Errorf("opens at %v", wrong)
		}
		if _, err := s.Open(wrong, hers); err == nil {
			t.Errorf("the person's value opens at %v", wrong)
		}
	}
	if _, err := h.Ring.Open(b, at, mine); err == nil {
		t.Error("opens in another account")
	}
	u, err := s.Under([]byte("bucket key"))
	must(t, err)
	if _, err := u.Open(at, hers); err == nil {
		t.Error("opens under another bucket")
	}
}

func TestMACKeysDifferByKindAndAccountAndStay(t *testing.T) {
	h := testhouse.SQLite(t)
	a, b := h.Account(t), h.Account(t)
	seen := map[[32]byte]string{}
	again := h.OpenRing(t, false)
	for _, id := range []int64{keys.Installation, a, b} {
		for _, kind := range []string{"log", "fp", "token.unsubscribe"} {
			k, err := h.Ring.MAC(id, kind)
			must(t, err)
			if was := seen[k]; was != "" {
				t.Errorf("%d %s is %s", id, kind, was)
			}
			seen[k] = fmt.Sprint(id, kind)
			if k2, err := again.MAC(id, kind); err != nil || k2 != k {
				t.Errorf("%d %s changes over a restart: %v", id, kind, err)
			}
		}
	}
	if _, err := h.Ring.MAC(999, "log"); !errors.Is(err, keys.ErrNoAccount) {
		t.Errorf("err = %v, want no account", err)
	}
}

func TestALostOrWrongRootKeyStopsTheStart(t *testing.T) {
	h := testhouse.SQLite(t)
	path := filepath.Join(h.Dir, "root.key")
	open := func(first bool) error {
		_, err := keys.Open(context.Background(), keys.Settings{Store: h.Keys, Path: path, First: first})
		return err
	}
	expect := func(key string, first bool) {
		t.Helper()
		err := open(first)
		if fault.KindOf(err) != fault.Refused || fault.All(err)[0].Key != key {
			t.Errorf("err = %v, want %s", err, key)
		}
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the root key is %v", info.Mode())
	}
	must(t, os.Chmod(path, 0o640))
	expect("keys.root.readable", false)
	must(t, os.Chmod(path, 0o600))
	must(t, os.Rename(path, path+".lost"))
	expect("keys.root.missing", true)
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused start made a root key")
	}
	must(t, os.WriteFile(path, []byte("{}"), 0o600))
	expect("keys.root.damaged", false)
	must(t, os.Remove(path))
	other := testhouse.SQLite(t)
	b, err := os.ReadFile(filepath.Join(other.Dir, "root.key"))
	must(t, err)
	must(t, os.WriteFile(path, b, 0o600))
	expect("keys.root.wrong", false)
	must(t, os.Rename(path+".lost", path))
	must(t, open(false))
	// The keys store was lost and came back empty beside a main that is not.
	fresh := testhouse.SQLite(t)
	_, err = keys.Open(context.Background(), keys.Settings{Store: fresh.Archive, Path: path})
	if err == nil {
		t.Error("a store without keys is accepted")
	}
}

func TestANewRootOpensAllAndTheOldOneNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		path := filepath.Join(h.Dir, "root.key")
		before, err := os.ReadFile(path)
		must(t, err)
		a := h.Account(t)
		sealed, err := h.Ring.Seal(a, at, []byte("x"))
		must(t, err)
		mac, err := h.Ring.MAC(a, "log")
		must(t, err)
		must(t, h.Ring.RotateRoot(ctx))
		again := h.OpenRing(t, false)
		if p, err := again.Open(a, at, sealed); err != nil || string(p) != "x" {
			t.Fatalf("%q %v", p, err)
		}
		if m, err := again.MAC(a, "log"); err != nil || m != mac {
			t.Fatal("MAC keys changed")
		}
		after, err := os.ReadFile(path)
		must(t, err)
		if bytes.Equal(before, after) || strings.Count(string(after), `"keyId"`) != 1 {
			t.Fatalf("the file holds %d keys", strings.Count(string(after), `"keyId"`))
		}
		must(t, os.WriteFile(path, before, 0o600))
		if _, err := keys.Open(ctx, keys.Settings{Store: h.Keys, Path: path}); fault.KindOf(err) != fault.Refused {
			t.Fatalf("the old root still opens: %v", err)
		}
	})
}

// `consend keys renew` runs beside a server that makes accounts, and may be given twice.
func TestRootsThatAreRenewedAtOnceLoseNoAccount(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := h.Ring.RotateRoot(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		for n := range int64(40) {
			all.Go(func() {
				if err := h.Ring.MakeAccount(ctx, 1+n); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		again := h.OpenRing(t, false)
		for n := range int64(40) {
			if err := again.Account(ctx, 1+n); err != nil {
				t.Errorf("account %d: %v", 1+n, err)
			}
		}
	})
}

func TestKeysAreHandedOutOnceAndUnnamedOnesAreSwept(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		a := h.Account(t)
		seen := map[keys.Ref]bool{}
		named := map[int64][]int{}
		var kept, dropped []keys.Ref
		for i := range 700 {
			ref, _, err := h.Ring.Take(a)
			must(t, err)
			if seen[ref] {
				t.Fatalf("%v is handed out twice", ref)
			}
			seen[ref] = true
			if i%3 == 0 {
				named[ref.Sheet] = append(named[ref.Sheet], ref.Slot)
				kept = append(kept, ref)
			} else {
				dropped = append(dropped, ref)
			}
		}
		find := func(sheet int64) ([]int, error) { return named[sheet], nil }
		if n, err := h.Ring.Sweep(ctx, a, find); err != nil || n != 0 {
			t.Fatalf("young sheets are swept: %d %v", n, err)
		}
		h.Clock.Advance(keys.SweepAge + time.Hour)
		if n, err := h.Ring.Sweep(ctx, a, find); err != nil || n < 3 {
			t.Fatalf("swept %d sheets, %v", n, err)
		}
		for _, ref := range kept {
			if _, err := h.Ring.Subject(a, ref); err != nil {
				t.Fatalf("%v: %v", ref, err)
			}
		}
		for _, ref := range dropped {
			if _, err := h.Ring.Subject(a, ref); !errors.Is(err, keys.ErrForgotten) {
				t.Fatalf("%v: %v", ref, err)
			}
		}
		ref, s, err := h.Ring.Take(a)
		must(t, err)
		sealed, err := s.Seal(at, []byte("x"))
		must(t, err)
		again, err := h.Ring.Subject(a, ref)
		must(t, err)
		if _, err := again.Open(at, sealed); err != nil {
			t.Fatal("a key taken after the sweep comes from a swept sheet")
		}
		must(t, h.Ring.EndAccount(ctx, a))
		if _, err := h.Ring.MAC(a, "log"); !errors.Is(err, keys.ErrNoAccount) {
			t.Fatalf("an ended account has keys: %v", err)
		}
	})
}

func TestAKeyNeverPrintsItself(t *testing.T) {
	h := testhouse.SQLite(t)
	_, s, err := h.Ring.Take(h.Account(t))
	must(t, err)
	if out := fmt.Sprintf("%v %+v %#v %x %s %d", s, s, s, s, s, s); strings.ContainsAny(out, "[{0123456789") {
		t.Errorf("prints %s", out)
	}
}
