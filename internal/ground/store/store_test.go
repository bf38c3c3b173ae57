// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

var (
	put    = store.Account("test.put", `INSERT INTO fact (account_id, id, kind, ref, at) VALUES (:account, ?, ?, ?, :now)`)
	count  = store.Account("test.count", `SELECT count(*) FROM fact f WHERE f.account_id = :account`)
	some   = store.Account("test.some", `SELECT f.id, f.kind, f.ref, f.at FROM fact f WHERE f.account_id = :account AND f.id IN ?* ORDER BY f.id :lock(f)`)
	others = store.Account("test.others", `SELECT f.id FROM fact f WHERE f.account_id = :account AND f.kind NOT IN ?* ORDER BY f.id`)
	all    = store.Installation("test.all", "the drainer goes over all accounts", `SELECT count(*) FROM fact`)
	load   = store.Load("test.load", "fact", []store.Column{{Name: "id", Type: store.Int}, {Name: "kind", Type: store.Text}, {Name: "ref", Type: store.Int}, {Name: "at", Type: store.Int}},
		"ON CONFLICT (account_id, id) DO NOTHING")
)

type fact struct {
	ID   int64
	Kind string
	Ref  int64
	At   int64
}

func who(account int64) actor.Actor { return actor.Worker("test", account) }

func counted(t *testing.T, h *testhouse.House, account int64) int64 {
	t.Helper()
	var n int64
	if err := h.Main.View(t.Context(), who(account), func(v *store.View) (err error) {
		n, err = store.One[int64](v, count)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnActIsWholeOrNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := t.Context()
		boom := fault.New(fault.Invalid, "test.boom")
		err := h.Main.Write(ctx, who(7), func(tx *store.Tx) error {
			tx.Do(put, tx.ID(), "a", 1)
			return boom
		})
		if !errors.Is(err, boom) || counted(t, h, 7) != 0 {
			t.Fatalf("err = %v, rows = %d; want the act's own error and no row", err, counted(t, h, 7))
		}
		// An error of a queued statement shows up at the end, with the query's name.
		err = h.Main.Write(ctx, who(7), func(tx *store.Tx) error {
			id := tx.ID()
			tx.Do(put, id, "a", 1)
			tx.Do(put, id, "a", 1)
			return nil
		})
		if !errors.Is(err, store.ErrUnique) || !strings.Contains(err.Error(), "test.put") || counted(t, h, 7) != 0 {
			t.Fatalf("err = %v, rows = %d; want ErrUnique by name and no row", err, counted(t, h, 7))
		}
		var got []fact
		if err := h.Main.Write(ctx, who(7), func(tx *store.Tx) (err error) {
			a, b := tx.ID(), tx.ID()
			tx.Do(put, a, "a", 1)
			tx.Do(put, b, "b", 2)
			got, err = store.All[fact](tx, some, []int64{a, b, 99})
			if int64(tx.Now) != got[0].At {
				t.Errorf("at = %d, want the act's moment %d", got[0].At, tx.Now)
			}
			return err
		}); err != nil || len(got) != 2 || got[1].Kind != "b" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if err := h.Main.View(ctx, who(7), func(v *store.View) error {
			ids, err := store.All[int64](v, others, []string{"a", "c"})
			if len(ids) != 1 {
				t.Errorf("others = %v", ids)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnAccountNeverSeesAnother(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		if err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error { tx.Do(put, tx.ID(), "a", 1); return nil }); err != nil {
			t.Fatal(err)
		}
		if n := counted(t, h, 8); n != 0 {
			t.Fatalf("account 8 sees %d rows of account 7", n)
		}
		err := h.Main.View(t.Context(), who(8), func(v *store.View) error {
			_, err := store.One[int64](v, all)
			return err
		})
		if err == nil {
			t.Fatal("an installation query ran over account tables for one account")
		}
		var n int64
		if err := h.Main.View(t.Context(), actor.System("test"), func(v *store.View) (err error) {
			n, err = store.One[int64](v, all)
			return err
		}); err != nil || n != 1 {
			t.Fatalf("the installation sees %d rows, %v; want 1", n, err)
		}
	})
}

func TestAStatementThatForgetsTheAccountIsRefused(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, text := range []string{
			`SELECT f.id FROM fact f`,
			`SELECT f.id FROM fact f JOIN fact g ON g.id = f.id WHERE f.account_id = :account`,
			`SELECT f.id FROM fact f WHERE f.account_id = ?`,
			`SELECT f.id FROM fact AS f, fact g WHERE f.account_id = :account`,
			`DELETE FROM fact WHERE id = ?`,
			`UPDATE fact SET ref = ? WHERE id = 4`,
			`INSERT INTO fact (id, account_id) VALUES (?, :account)`,
			`INSERT INTO fact (account_id, id) VALUES (?, 1)`,
			`INSERT INTO fact (account_id, id) VALUES (:account, 1), (?, 2)`,
			`INSERT INTO fact (account_id, id) SELECT 3, f.id FROM fact f WHERE f.account_id = :account`,
			`SELECT id FROM counter c WHERE c.next IN (SELECT f.id FROM fact f)`,
			`SELECT f.id FROM "fact" f`,
			`SELECT f.id FROM main.fact f`,
			`SELECT f.id FROM (fact f)`,
			`SELECT f.id FROM counter c, (fact f)`,
			`SELECT f.id FROM counter c, public.fact f`,
			`DELETE FROM main.fact`,
		} {
			q := store.Account("test.bad", text)
			args := make([]any, strings.Count(text, "?"))
			for i := range args {
				args[i] = 1
			}
			err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error {
				_, err := tx.Exec(q, args...)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "account") {
				t.Errorf("%s\n  err = %v, want a refusal naming the account", text, err)
			}
		}
	})
}

// Where the two databases say the same in other words, each reads its own, with the same arguments; the account
// is asked for in both.
func TestEachDatabaseReadsItsOwnWords(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		own := store.Account("test.own", `SELECT {sqlite:'sqlite ' || CAST(? AS {text})}{postgres:concat('postgres ', CAST(? AS {text}))} AS said, CAST(? AS BIGINT) AS n
			WHERE NOT EXISTS (SELECT 1 FROM fact f WHERE f.account_id = :account)`)
		type row struct {
			Said string
			N    int64
		}
		var got row
		err := h.Main.View(t.Context(), who(7), func(v *store.View) (err error) { got, err = store.One[row](v, own, "says", int64(7)); return err })
		if want := (row{h.Main.Dialect() + " says", 7}); err != nil || got != want {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
		other := map[string]string{"sqlite": "postgres", "postgres": "sqlite"}[h.Main.Dialect()]
		for text, want := range map[string]string{
			`SELECT 1 WHERE {sqlite:true`: "closed",
			`SELECT f.id FROM fact f WHERE {` + other + `:f.account_id = :account AND} true`: "account",
		} {
			q := store.Account("test.own_bad", text)
			if err := h.Main.View(t.Context(), who(7), func(v *store.View) error { _, err := store.All[int64](v, q); return err }); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// The store refuses it whatever the database is: on SQLite nothing else does.
func TestAnAppendOnlyTableIsChangedByNoStatement(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, text := range []string{
			`DELETE FROM trace_leaf WHERE account_id = :account`,
			`UPDATE trace_leaf SET at = 1 WHERE account_id = :account`,
			`INSERT INTO trace_leaf (account_id, entry_id, leaf_index, at) VALUES (:account, 1, 1, 1) ON CONFLICT (account_id, entry_id) DO UPDATE SET at = excluded.at`,
		} {
			q := store.Account("test.change", text)
			err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error { _, err := tx.Exec(q); return err })
			if err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", text, err)
			}
			if err := h.Main.Purge(t.Context(), who(7), "test", func(tx *store.Tx) error { _, err := tx.Exec(q); return err }); err != nil {
				t.Errorf("in Purge: %s: %v", text, err)
			}
		}
	})
}

func TestIDsAreNeverGivenTwiceEvenWhenABlockRunsOut(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		seen := map[int64]bool{}
		for range 3 {
			var got []int64
			if err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error {
				got = got[:0]
				for range 40_000 {
					got = append(got, tx.ID())
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, id := range got {
				if seen[id] {
					t.Fatalf("id %d was given twice", id)
				}
				seen[id] = true
			}
		}
	})
}

func TestActsThatWaitTogetherFailAlone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		var wg sync.WaitGroup
		errs := make([]error, 60)
		for i := range errs {
			wg.Add(1)
			go func() {
				defer wg.Done()
				errs[i] = h.Main.Write(context.Background(), who(7), func(tx *store.Tx) error {
					tx.Do(put, tx.ID(), "a", i)
					switch i % 6 {
					case 1:
						return fault.New(fault.Invalid, "test.no")
					case 2:
						tx.Do(put, 5, "same", i) // one of them may have it
					}
					return nil
				})
			}()
		}
		wg.Wait()
		fine, unique := 0, 0
		for i, err := range errs {
			switch {
			case err == nil:
				fine++
			case errors.Is(err, store.ErrUnique):
				unique++
			case i%6 != 1:
				t.Errorf("act %d: %v", i, err)
			}
		}
		if fine != 41 || unique != 9 || counted(t, h, 7) != 42 {
			t.Fatalf("fine = %d, unique = %d, rows = %d; want 41, 9, 42", fine, unique, counted(t, h, 7))
		}
	})
}

func TestABulkActGivesWayToPeople(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		done := make(chan error, 1)
		var steps atomic.Int64
		stop := make(chan struct{})
		go func() {
			done <- h.Main.Bulk(context.Background(), who(7), func(tx *store.Tx) (bool, error) {
				steps.Add(1)
				for !tx.Yield() {
					rows := make([][]any, 100)
					for i := range rows {
						rows[i] = []any{tx.ID(), "bulk", 1, tx.Now}
					}
					if _, err := tx.Load(load, rows); err != nil {
						return false, err
					}
				}
				select {
				case <-stop:
					return false, nil
				default:
					return true, nil
				}
			})
		}()
		for range 20 {
			if err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error { tx.Do(put, tx.ID(), "person", 1); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for deadline := time.Now().Add(5 * time.Second); steps.Load() < 2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the bulk act had no second step while people were served")
			}
		}
		close(stop)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAWaiterWhoLeavesBeforeItsTurnIsDropped(t *testing.T) {
	h := testhouse.SQLite(t)
	inside, out := make(chan struct{}), make(chan struct{})
	go h.Main.Write(context.Background(), who(7), func(tx *store.Tx) error { close(inside); <-out; return nil })
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := h.Main.Write(ctx, who(7), func(tx *store.Tx) error { tx.Do(put, tx.ID(), "late", 1); return nil })
	close(out)
	if !errors.Is(err, context.DeadlineExceeded) || counted(t, h, 7) != 0 {
		t.Fatalf("err = %v, rows = %d", err, counted(t, h, 7))
	}
}

func TestAWriteWithoutAnActorIsRefused(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		if err := h.Main.Write(t.Context(), actor.Actor{}, func(*store.Tx) error { return nil }); err == nil {
			t.Fatal("it ran")
		}
	})
}

func TestSwappedAndForeignStoresRefuseToOpen(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		open := func(kind, of datamap.Store, installation string) error {
			db, err := store.Open(t.Context(), store.Options{Kind: kind, URL: h.URLs[of], Map: app.DataMap(), Installation: installation})
			if err == nil {
				db.Close()
			}
			return err
		}
		if err := open(datamap.Keys, datamap.Keys, "another"); !errors.Is(err, store.ErrStranger) {
			t.Errorf("a foreign store: %v", err)
		}
		if err := open(datamap.Keys, datamap.Archive, ""); !errors.Is(err, store.ErrSwapped) {
			t.Errorf("a swapped store: %v", err)
		}
	})
}

func TestAFaultAtEveryStatementLeavesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for n := range 3 {
			i := 0
			h.Main.SetHook(func(string) error {
				if i++; i == n+1 {
					return fmt.Errorf("statement %d fails", i)
				}
				return nil
			})
			err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error {
				tx.Do(put, tx.ID(), "a", 1)
				tx.Do(put, tx.ID(), "b", 1)
				_, _ = store.One[int64](tx, count)
				return nil
			})
			h.Main.SetHook(nil)
			if err == nil || counted(t, h, 7) != 0 {
				t.Fatalf("fault at %d: err = %v, rows = %d", n, err, counted(t, h, 7))
			}
		}
	})
}

func TestTheDataMapKnowsEveryColumn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for kind, db := range map[datamap.Store]*store.DB{datamap.Main: h.Main, datamap.Keys: h.Keys, datamap.Archive: h.Archive} {
			live, err := db.Live(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, say := range app.DataMap().Check(kind, live) {
				if h.Dialect == "sqlite" || !strings.Contains(say, "river") {
					t.Error(say)
				}
			}
		}
	})
}

// A visitor who leaves in the middle of an answer costs the connection they were served on: its
// statements end with it, and the store still closes.
// endless takes seconds unless it is broken off, which SQLite doesn't hear before the first step.
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000000) SELECT count(*) FROM n"

func TestAConnectionThatIsBrokenOffEndsWithItsStatements(t *testing.T) {
	h := testhouse.SQLite(t)
	who := actor.System("test")
	for range 20 {
		ctx, leave := context.WithCancel(context.Background())
		_ = h.Main.View(ctx, who, func(v *store.View) error {
			conn, err := h.Main.Handle().Conn(ctx) // the queue of long work shares the writer's connection
			if err != nil {
				return err
			}
			defer conn.Close()
			time.AfterFunc(time.Millisecond, leave)
			_, err = conn.ExecContext(ctx, endless)
			return err
		})
		leave()
		if err := h.Main.Write(context.Background(), who, func(tx *store.Tx) error { tx.ID(); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	h.Main.Close()
	if left, _ := filepath.Glob(filepath.Join(h.Dir, "main.db-*")); len(left) != 0 {
		t.Errorf("a connection was left open: %v", left)
	}
}
