// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

// raw reads rows of text from a store as its owner: catalogues, for tests of what the migrations made.
func raw(t *testing.T, h *testhouse.House, db *store.DB, sql string, columns int, each func(row []string)) {
	t.Helper()
	ctx := t.Context()
	var rows interface {
		Next() bool
		Scan(...any) error
		Err() error
	}
	if h.Dialect == "postgres" {
		c, err := pgx.Connect(ctx, h.URLs[db.Kind()])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(context.Background())
		rows, err = c.Query(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		r, err := db.Handle().QueryContext(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		rows = r
	}
	for rows.Next() {
		row := make([]string, columns)
		to := make([]any, columns)
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		each(row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// ours are the tables of a store that no library made.
func ours(db *store.DB) map[string]datamap.Table {
	m := map[string]datamap.Table{}
	for _, t := range app.DataMap().Tables(db.Kind()) {
		if !t.Foreign {
			m[t.Name] = t
		}
	}
	return m
}

// The keys of the schema are the same text on both databases: SQLite's catalogue tells of both.
const (
	indexesSQL = `SELECT m.name, l.name, l."unique", l.partial, COALESCE(i.name, '') FROM sqlite_schema m JOIN pragma_index_list(m.name) l
		JOIN pragma_index_info(l.name) i WHERE m.type = 'table' ORDER BY m.name, l.name, i.seqno`
	foreignSQL = `SELECT m.name, f.id, f."table", f."from" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
		WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq`
)

type key struct {
	table   string
	columns []string
	unique  bool
	partial bool
	to      string // of a foreign key
}

func keysOf(t *testing.T, h *testhouse.House, db *store.DB) (indexes, foreign map[string]*key) {
	indexes, foreign = map[string]*key{}, map[string]*key{}
	raw(t, h, db, indexesSQL, 5, func(r []string) {
		if indexes[r[1]] == nil {
			indexes[r[1]] = &key{table: r[0], unique: r[2] == "1", partial: r[3] == "1"}
		}
		indexes[r[1]].columns = append(indexes[r[1]].columns, r[4])
	})
	raw(t, h, db, foreignSQL, 4, func(r []string) {
		id := r[0] + " " + r[1]
		if foreign[id] == nil {
			foreign[id] = &key{table: r[0], to: r[2]}
		}
		foreign[id].columns = append(foreign[id].columns, r[3])
	})
	return indexes, foreign
}

// Without one, deleting a parent reads all its children's table, and on PostgreSQL locks them
// for as long (details.md "Plans and statistics").
func TestEveryForeignKeyHasAnIndexThatBeginsWithIt(t *testing.T) {
	h := testhouse.SQLite(t)
	n := 0
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		mine := ours(db)
		indexes, foreign := keysOf(t, h, db)
		for _, f := range foreign {
			if _, ok := mine[f.table]; !ok {
				continue
			}
			n++
			found := false
			for _, i := range indexes {
				if i.table == f.table && !i.partial && len(i.columns) >= len(f.columns) {
					first := slices.Clone(i.columns[:len(f.columns)])
					want := slices.Clone(f.columns)
					slices.Sort(first)
					slices.Sort(want)
					found = found || slices.Equal(first, want)
				}
			}
			if !found {
				t.Errorf("%s.%s: no index begins with %v, which refers to %s", db.Kind(), f.table, f.columns, f.to)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d foreign keys were found", n)
	}
}

// Keys that hold over all accounts, because nothing else would.
var overAll = map[string]string{
	"trace_leaf_index": "the log has one order for the installation",
}

// So no key of one account can stand in another's way, and rows of an account lie together.
func TestEveryKeyOfAnAccountTableBeginsWithTheAccountToo(t *testing.T) {
	h := testhouse.SQLite(t)
	used := map[string]bool{}
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		mine := ours(db)
		indexes, foreign := keysOf(t, h, db)
		for name, i := range indexes {
			if !mine[i.table].Account || !i.unique || i.columns[0] == "account_id" {
				continue
			}
			if used[name] = overAll[name] != ""; !used[name] && !(i.table == "account" && i.columns[0] == "") {
				t.Errorf("%s.%s: %s begins with %s", db.Kind(), i.table, name, i.columns[0])
			}
		}
		for _, f := range foreign {
			if mine[f.table].Account && mine[f.to].Account && f.columns[0] != "account_id" {
				t.Errorf("%s.%s: its reference to %s begins with %s", db.Kind(), f.table, f.to, f.columns[0])
			}
		}
	}
	for name := range overAll {
		if !used[name] {
			t.Errorf("%s is an exception nobody needs", name)
		}
	}
}

// Else order, ranges and the keyset of pages differ from SQLite's, and from server to server.
func TestEveryTextOfPostgreSQLIsComparedByItsBytes(t *testing.T) {
	h := testhouse.Postgres(t)
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		mine, n := ours(db), 0
		raw(t, h, db, `SELECT c.relname::text, a.attname::text, COALESCE(l.collname::text, 'none') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND y.typcategory = 'S'`, 3, func(r []string) {
			if _, ok := mine[r[0]]; !ok {
				return
			}
			if n++; r[2] != "C" {
				t.Errorf(`%s.%s.%s: COLLATE %s; write {text} in its migration`, db.Kind(), r[0], r[1], r[2])
			}
		})
		if n == 0 {
			t.Errorf("no text in %s was looked at", db.Kind())
		}
	}
}

// Forced: so the tables' owner, should a connection ever be left in its role, sees no account either.
func TestEveryAccountTableIsBehindTheSecondWall(t *testing.T) {
	h := testhouse.Postgres(t)
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		walls := map[string]string{}
		raw(t, h, db, `SELECT relname::text, concat(relrowsecurity::text, ' ', relforcerowsecurity::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`, 2, func(r []string) {
			walls[r[0]] = r[1]
		})
		for name, table := range ours(db) {
			if want := fmt.Sprint(table.Account, table.Account); walls[name] != want {
				t.Errorf("%s.%s: row-level security enabled, forced: %s; want %s", db.Kind(), name, walls[name], want)
			}
		}
	}
}
