// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// What SQLite's planner is told of our tables, since without statistics it takes any index that
// begins with the account, and then reads the whole account (details.md M7). It is told of a big
// house from the first day, and never of the real one: so a statement has one plan, which a test
// looks at, whatever an installation holds and whenever it last counted.
const (
	manyRows = 1_000_000
	fewRows  = 1_000 // of tables the data map says have few
)

// distinct is how many values a column is believed to have in an account; a column that is not
// here has one for every third row.
var distinct = map[string]int{
	"account_id": 4, "list_id": 20, "campaign_id": 50, "import_id": 50, "form_id": 20, "purpose_id": 10, "version_id": 50,
	"state": 4, "kind": 5, "action": 40, "owner": 4, "scope": 3, "level": 4, "part": 8, "minute": 1000,
}

// believe writes these statistics where they are missing or others.
func (db *DB) believe(ctx context.Context, h *sql.DB) error {
	few, ours := map[string]bool{}, map[string]bool{}
	for _, t := range db.dataMap.Tables(db.kind) {
		ours[t.Name], few[t.Name] = !t.Foreign, t.Few
	}
	rows, err := h.QueryContext(ctx, `SELECT m.name, l.name, l."unique", l.partial, COALESCE(i.name, '') FROM sqlite_schema m JOIN pragma_index_list(m.name) l
		JOIN pragma_index_info(l.name) i WHERE m.type = 'table' ORDER BY m.name, l.name, i.seqno`)
	if err != nil {
		return fmt.Errorf("store: indexes: %w", err)
	}
	defer rows.Close()
	type index struct{ table, name string }
	columns, unique, partial := map[index][]string{}, map[index]bool{}, map[index]bool{}
	for rows.Next() {
		var i index
		var u, p bool
		var c string
		if err := rows.Scan(&i.table, &i.name, &u, &p, &c); err != nil {
			return err
		}
		if ours[i.table] {
			columns[i], unique[i], partial[i] = append(columns[i], c), u, p
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	want := map[index]string{}
	for i, cols := range columns {
		n := manyRows
		if few[i.table] {
			n = fewRows
		}
		if partial[i] {
			n /= 10
		}
		stat, each := []string{strconv.Itoa(n)}, n
		for k, c := range cols {
			d := distinct[c]
			if d == 0 {
				d = n / 3
			}
			each = max(each/d, 1)
			if unique[i] && k == len(cols)-1 {
				each = 1
			}
			stat = append(stat, strconv.Itoa(each))
		}
		want[i] = strings.Join(stat, " ")
	}
	if _, err := h.ExecContext(ctx, "ANALYZE sqlite_schema"); err != nil { // makes the table, counts nothing
		return fmt.Errorf("store: statistics: %w", err)
	}
	had, err := h.QueryContext(ctx, "SELECT tbl, COALESCE(idx, ''), stat FROM sqlite_stat1")
	if err != nil {
		return fmt.Errorf("store: statistics: %w", err)
	}
	defer had.Close()
	have := map[index]string{}
	for had.Next() {
		var i index
		var s string
		if err := had.Scan(&i.table, &i.name, &s); err != nil {
			return err
		}
		if i.table != "sqlite_schema" {
			have[i] = s
		}
	}
	if err := had.Err(); err != nil || maps.Equal(have, want) {
		return err
	}
	tx, err := h.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "DELETE FROM sqlite_stat1"); err != nil {
		return err
	}
	for i, s := range want {
		if _, err := tx.ExecContext(ctx, "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", i.table, i.name, s); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if _, err := h.ExecContext(ctx, "ANALYZE sqlite_schema"); err != nil { // reads them
		return fmt.Errorf("store: statistics: %w", err)
	}
	return nil
}
