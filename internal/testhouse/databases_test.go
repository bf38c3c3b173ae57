// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"consend/internal/ground/datamap"
	"consend/internal/testhouse"
)

func rows(t *testing.T, url, sql string) (n int) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if err := c.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestADatabaseThatIsLentAgainHoldsNothingOfTheTestBefore(t *testing.T) {
	const all = `SELECT count(*)::int FROM trace_leaf`
	const head = `SELECT (SELECT count(*) FROM trace_head)::int`
	var first string
	var begin int
	t.Run("first", func(t *testing.T) {
		h := testhouse.Postgres(t)
		first = h.URLs[datamap.Main]
		begin = rows(t, first, head)
		h.Raw(t, `INSERT INTO purpose (account_id, id, name, folded, public, created_at) VALUES (1, 1, 'a', 'a', '{}', 1)`)
		if rows(t, first, `SELECT count(*)::int FROM purpose`) != 1 {
			t.Fatal("nothing was written")
		}
	})
	t.Run("second", func(t *testing.T) {
		h := testhouse.Postgres(t)
		if h.URLs[datamap.Main] != first {
			t.Errorf("another database was made")
		}
		if n := rows(t, first, `SELECT count(*)::int FROM purpose`); n != 0 {
			t.Errorf("%d rows of the test before", n)
		}
		if n := rows(t, first, head); n != begin || rows(t, first, all) != 0 {
			t.Errorf("it begins with %d heads instead of %d", n, begin)
		}
		h.Raw(t, `ALTER TABLE purpose DISABLE ROW LEVEL SECURITY`)
	})
	t.Run("third", func(t *testing.T) {
		if testhouse.Postgres(t).URLs[datamap.Main] == first {
			t.Error("a database without its wall was lent again")
		}
	})
}
