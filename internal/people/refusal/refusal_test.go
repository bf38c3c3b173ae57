// SPDX-License-Identifier: AGPL-3.0-or-later

package refusal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/refusal"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var ctx = context.Background()

// refuse notes n refusals in one act and carries them over as the fact's handler does.
func refuse(t *testing.T, h *testhouse.House, l *refusal.Ledger, account int64, n int) {
	t.Helper()
	must(t, h.Main.Write(ctx, h.Member(account), func(tx *store.Tx) error {
		var some []refusal.Refusal
		for i := range n {
			some = append(some, refusal.Refusal{EntryID: tx.ID(), FP: []byte(strings.Repeat(string(rune('a'+i%26)), 16)), Kind: "withdraw", Scope: "list", ScopeID: 7, ContactID: 9})
		}
		return refusal.Note(tx, some)
	}))
	must(t, h.Main.Write(ctx, actor.Worker("facts", account), func(tx *store.Tx) error { return l.Carry(tx, 0) }))
}

func held(t *testing.T, l *refusal.Ledger) int {
	t.Helper()
	rows, err := l.Since(ctx, 0, refusal.Refusal{})
	must(t, err)
	return len(rows)
}

func TestARefusalIsInTheLedgerOnceHoweverOftenItIsCarriedOver(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, l := h.Account(t), refusal.New(h.Keys, "")
		refuse(t, h, l, a, 3)
		if n := held(t, l); n != 3 {
			t.Fatalf("%d lines", n)
		}
		// A kill between the two stores: the keys store has the lines, main still says they wait.
		killed := errors.New("killed")
		must(t, h.Main.Write(ctx, h.Member(a), func(tx *store.Tx) error {
			return refusal.Note(tx, []refusal.Refusal{{EntryID: 1, FP: make([]byte, 16), Kind: "object", Scope: "all"}})
		}))
		err := h.Main.Write(ctx, actor.Worker("facts", a), func(tx *store.Tx) error {
			if err := l.Carry(tx, 0); err != nil {
				return err
			}
			return killed
		})
		if !errors.Is(err, killed) || held(t, l) != 4 {
			t.Fatalf("%v, %d lines", err, held(t, l))
		}
		must(t, h.Main.Write(ctx, actor.Worker("facts", a), func(tx *store.Tx) error { return l.Carry(tx, 0) }))
		if n := held(t, l); n != 4 {
			t.Errorf("%d lines after it was carried over twice", n)
		}
		if err := h.Keys.Write(ctx, actor.Worker("test", a), func(tx *store.Tx) error {
			_, err := tx.Exec(store.Account("test.forget", `DELETE FROM refusal WHERE account_id = :account`))
			return err
		}); err == nil {
			t.Error("a line was deleted")
		}
	})
}

func TestTheFileOutsideLosesNothingToAKill(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		path := filepath.Join(t.TempDir(), "ledger")
		a, b := h.Account(t), h.Account(t)
		l := refusal.New(h.Keys, path)
		refuse(t, h, l, a, 2)
		refuse(t, h, l, b, 1)
		// A kill after the lines are on the disk and before they are struck off.
		h.Keys.SetHook(func(q string) error {
			if q == "refusal.outside" {
				return errors.New("killed")
			}
			return nil
		})
		if _, err := l.Append(ctx); err == nil {
			t.Fatal("nothing failed")
		}
		h.Keys.SetHook(nil)
		// And one in the middle of a line.
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString(`{"id":1,"acc`)
		must(t, err)
		must(t, f.Close())
		again := refusal.New(h.Keys, path)
		if n, err := again.Append(ctx); err != nil || n != 3 {
			t.Fatalf("%d lines, %v", n, err)
		}
		if n, err := again.Append(ctx); err != nil || n != 0 {
			t.Errorf("%d lines more, %v", n, err)
		}
		text, err := os.ReadFile(path)
		must(t, err)
		if strings.Contains(string(text), "@") {
			t.Error("the file holds an address")
		}
		// Another keys store, which lost its ledger, takes all of it back from the file.
		empty := refusal.New(h.Archive, "")
		if _, err := empty.Take(ctx, path); err == nil {
			t.Fatal("the archive has no ledger")
		}
		other := testhouse.SQLite(t)
		fresh := refusal.New(other.Keys, "")
		if n, err := fresh.Take(ctx, path); err != nil || n != 6 {
			t.Fatalf("%d lines read, %v", n, err)
		}
		want, err := l.Since(ctx, 0, refusal.Refusal{})
		must(t, err)
		got, err := fresh.Since(ctx, 0, refusal.Refusal{})
		must(t, err)
		if len(got) != 3 || len(want) != 3 {
			t.Fatalf("%d lines of %d", len(got), len(want))
		}
		for i := range got {
			if got[i].ID != want[i].ID || got[i].At != want[i].At || string(got[i].FP) != string(want[i].FP) || got[i].AccountID != want[i].AccountID {
				t.Errorf("%+v is not %+v", got[i], want[i])
			}
		}
		must(t, os.WriteFile(path, []byte(`{"id":5,"account":2,"at":"yesterday"}`+"\n"), 0o600))
		if _, err := fresh.Take(ctx, path); err == nil {
			t.Error("a line that is none was taken")
		}
	})
}

// A hash of another tool comes back from the file as it went; one of another length is no line of the ledger.
func TestALineMayHoldAHashOfAnotherTool(t *testing.T) {
	h := testhouse.SQLite(t)
	l := refusal.New(h.Keys, "")
	path := filepath.Join(t.TempDir(), "ledger")
	line := func(digits int, kind string) string {
		return `{"id":5,"account":2,"at":"2026-03-02T09:00:00Z","entry":4,"fp":"` + strings.Repeat("a", digits) + `","kind":"` + kind + `","scope":"all"}` + "\n"
	}
	for text, ok := range map[string]bool{line(64, "hashed.unsubscribe"): true, line(40, "hashed.objection"): true, line(64, "withdraw"): false, line(30, "hashed.unsubscribe"): false} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := l.Take(ctx, path); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
