// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

var (
	askCount  = store.Account("test.ask_count", `SELECT count(*) FROM fact f WHERE f.account_id = :account`)
	askBroken = store.Account("test.ask_broken", `INSERT INTO fact (account_id, id, kind, ref, at) VALUES (:account, ?, 'x', 1, :now) RETURNING id`)
	keysOfPG  = store.Installation("test.keys", "reads the catalogue, not rows",
		`SELECT CAST(c.relname AS {text}) AS relation, CAST(a.attname AS {text}) AS attribute FROM pg_catalog.pg_index i
		 JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indisprimary`)
	keysOfSQLite = store.Installation("test.keys", "reads the catalogue, not rows",
		`SELECT m.name AS relation, p.name AS attribute FROM sqlite_schema m JOIN pragma_table_info(m.name) p ON true WHERE m.type = 'table' AND p.pk = 1`)
)

func TestQuestionsThatTravelTogetherAreAnsweredInOrder(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		if err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error {
			before := store.Ask[int64](tx, askCount)
			a := tx.ID()
			tx.Do(put, a, "a", 1)
			after := store.Ask[int64](tx, askCount)
			row := store.Ask[fact](tx, some, []int64{a})
			none := store.Ask[fact](tx, some, []int64{-1})
			if n, err := after.One(); n != 1 || err != nil {
				t.Errorf("after = %d, %v; want 1", n, err)
			}
			if n, err := before.One(); n != 0 || err != nil {
				t.Errorf("before = %d, %v; want 0", n, err)
			}
			if f, err := row.One(); f.Kind != "a" || err != nil {
				t.Errorf("row = %+v, %v", f, err)
			}
			if _, err := none.One(); !errors.Is(err, store.ErrNone) {
				t.Errorf("no row: %v, want ErrNone", err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		err := h.Main.Write(t.Context(), who(7), func(tx *store.Tx) error {
			id := tx.ID()
			tx.Do(put, id, "b", 1)
			_, err := store.Ask[int64](tx, askBroken, id).All()
			if err == nil || !strings.Contains(err.Error(), "test.ask_broken") {
				t.Errorf("err = %v; want it by the query's name", err)
			}
			return nil // swallowed: the act must fail all the same
		})
		if err == nil || counted(t, h, 7) != 1 {
			t.Fatalf("an act whose question failed was committed: %v, %d rows", err, counted(t, h, 7))
		}
	})
}

func TestEveryKeyOfAnAccountTableBeginsWithTheAccount(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		q := keysOfSQLite
		if h.Dialect == "postgres" {
			q = keysOfPG
		}
		type key struct{ Relation, Attribute string }
		for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
			first := map[string]string{}
			if err := db.View(t.Context(), actor.System("test"), func(v *store.View) error {
				rows, err := store.All[key](v, q)
				for _, r := range rows {
					first[r.Relation] = r.Attribute
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for _, name := range app.DataMap().Accounts(db.Kind()) {
				if first[name] != "account_id" {
					t.Errorf("the primary key of %s.%s begins with %q", db.Kind(), name, first[name])
				}
			}
		}
	})
}

// Of two nodes that start on an empty database one writes what the store is; the other believes it.
func TestNodesThatStartTogetherAgreeOnWhatTheStoreIs(t *testing.T) {
	ctx := t.Context()
	url := testhouse.Databases(t)[datamap.Main]
	first, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(ctx)
	tx, err := first.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO store (kind, id, installation) VALUES ('main', 'one', 'house')"); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		o := app.Stores(datamap.Main)
		o.URL = url
		db, err := store.Open(context.Background(), o)
		if err != nil {
			got <- err.Error()
			return
		}
		defer db.Close()
		got <- db.Identity().Installation
	}()
	see, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer see.Close(ctx)
	for waits := 0; waits == 0; {
		if err := see.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "house" {
		t.Errorf("the second node works as %q", s)
	}
}

// Each wall is tried with the other one gone. Here the first wall (the store's check of
// every statement) is gone, since we speak to PostgreSQL ourselves; the other way round is
// TestAStatementThatForgetsTheAccountIsRefused, which needs no database.
func TestRowLevelSecurityHoldsAlone(t *testing.T) {
	h := testhouse.Postgres(t)
	ctx := t.Context()
	for _, account := range []int64{7, 8} {
		if err := h.Main.Write(ctx, who(account), func(tx *store.Tx) error { tx.Do(put, tx.ID(), "a", 1); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	c, err := pgx.Connect(ctx, h.URLs[datamap.Main])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	as := func(role, account, sql string) (n int64, err error) {
		tx, err := c.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(ctx)
		if _, err := tx.Exec(ctx, "SET LOCAL ROLE "+role); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, "SELECT set_config('consend.account', $1, true)", account); err != nil {
			t.Fatal(err)
		}
		err = tx.QueryRow(ctx, sql).Scan(&n)
		return n, err
	}
	for _, x := range []struct {
		role, account, sql string
		want               int64
	}{
		{"consend_app", "7", "SELECT count(*) FROM fact", 1},
		{"consend_app", "9", "SELECT count(*) FROM fact", 0},
		{"consend_app", "", "SELECT count(*) FROM fact", 0},
		{"consend_app", "7", "WITH d AS (DELETE FROM fact RETURNING 1) SELECT count(*) FROM d", 1},
		{"consend_app", "7", "WITH d AS (UPDATE fact SET ref = 2 WHERE account_id = 8 RETURNING 1) SELECT count(*) FROM d", 0},
		{"consend_system", "", "SELECT count(*) FROM fact", 2},
	} {
		if n, err := as(x.role, x.account, x.sql); err != nil || n != x.want {
			t.Errorf("%s for account %q: %s gives %d, %v; want %d", x.role, x.account, x.sql, n, err, x.want)
		}
	}
	if _, err := as("consend_app", "7", "WITH i AS (INSERT INTO fact (account_id, id, kind, ref, at) VALUES (8, 1, 'x', 1, 1) RETURNING 1) SELECT count(*) FROM i"); err == nil {
		t.Error("account 7 wrote a row of account 8")
	}
	// The owner of the tables is no superuser where a house is run for real.
	owner := fmt.Sprintf("c_owner_%d_%x", os.Getpid(), rand.Uint32())
	for _, sql := range []string{"CREATE ROLE " + owner, "GRANT consend_app, consend_system, consend_purge TO " + owner, "ALTER TABLE fact OWNER TO " + owner} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := as(owner, "", "SELECT count(*) FROM fact"); err != nil || n != 0 {
		t.Errorf("the tables' owner sees %d rows, %v", n, err)
	}
	if _, err := c.Exec(ctx, "ALTER TABLE fact OWNER TO CURRENT_USER; DROP ROLE "+owner); err != nil {
		t.Error(err)
	}
	for _, t2 := range app.DataMap().Tables(datamap.Main) {
		if !t2.AppendOnly || t2.Foreign {
			continue
		}
		for _, role := range []string{"consend_app", "consend_system"} {
			if _, err := as(role, "7", "WITH d AS (DELETE FROM "+t2.Name+" RETURNING 1) SELECT count(*) FROM d"); err == nil {
				t.Errorf("%s deletes from %s, which is append-only", role, t2.Name)
			}
		}
	}
}
