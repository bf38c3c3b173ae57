// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"consend/internal/ground/legalclock"
)

// Type is the type of a column in a bulk load.
type Type byte

// The types of columns that can be loaded.
const (
	Int Type = iota
	Text
	Bytes
	JSON
	Bool
)

var scalars = map[Type]string{Int: "bigint", Text: "text", Bytes: "bytea", JSON: "jsonb", Bool: "boolean"}

// Column is one column of a bulk load, after account_id, which the store fills.
type Column struct {
	Name string
	Type Type
}

// Loader inserts many rows of one account table at once.
type Loader struct {
	name, table string
	columns     []Column
	conflict    string
	many        map[int]*Query
	pg          *Query
	shaped      sync.Map // shape → *compiled
}

// shape is a statement for rows some of whose columns say the same in every row: an import
// repeats most of what it says, and a value bound once costs nothing more.
type shape struct {
	dialect dialect
	same    uint64 // the columns, by bit
}

// loadChunk is how many rows one INSERT of SQLite takes: more gain nothing (docs/adr).
const loadChunk = 50

// Load describes a bulk insert: rows of an account table, with what to do on a conflict
// ("" or "ON CONFLICT …"). On PostgreSQL it is one statement over arrays; on SQLite one
// statement for each 50 rows.
func Load(name, table string, columns []Column, conflict string) *Loader {
	l := &Loader{name: name, table: table, columns: columns, conflict: conflict, many: map[int]*Query{}}
	names := make([]string, len(columns))
	marks := make([]string, len(columns))
	casts := make([]string, len(columns))
	for i, c := range columns {
		names[i], marks[i] = c.Name, "?"
		casts[i] = "CAST(? AS " + scalars[c.Type] + "[])"
	}
	head := "INSERT INTO " + table + " (account_id, " + strings.Join(names, ", ") + ") "
	for n := 1; n <= loadChunk; n++ {
		row := "(:account, " + strings.Join(marks, ", ") + ")"
		l.many[n] = made(name, head+"VALUES "+strings.Repeat(row+", ", n-1)+row+" "+conflict)
	}
	named(l.many[1]) // for all of them
	l.pg = Account(name, head+"SELECT :account, u.* FROM unnest("+strings.Join(casts, ", ")+") AS u("+strings.Join(names, ", ")+") WHERE true "+conflict)
	return l
}

// made is a statement that is not in the list of all.
func made(name, text string) *Query { return &Query{name: name, text: text, account: true} }

// Load inserts rows, each with the values of the loader's columns in order, and tells how
// many went in.
func (t *Tx) Load(l *Loader, rows [][]any) (int64, error) { return t.load(l, rows, true) }

// load waits for the number of rows that went in, or does not (PostgreSQL alone).
func (t *Tx) load(l *Loader, rows [][]any, wait bool) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	for i, r := range rows {
		if len(r) != len(l.columns) {
			return 0, t.broken(fmt.Errorf("store: %s: row %d has %d values for %d columns", l.name, i, len(r), len(l.columns)))
		}
	}
	if len(rows) >= loadChunk {
		if same := l.same(rows); same != 0 {
			return t.loadShaped(l, rows, same, wait)
		}
	}
	return t.loadPlain(l, rows, wait)
}

// Put inserts rows as Load does, when nobody needs to know how many went in: one row travels
// with what is queued, as a statement of Do does; of many rows the server begins to work at
// once, while the act goes on.
func (t *Tx) Put(l *Loader, rows [][]any) error {
	if t.db.dialect != postgres || len(rows) == 0 {
		_, err := t.Load(l, rows)
		return err
	}
	if len(rows) > 1 {
		_, err := t.load(l, rows, false)
		return err
	}
	if len(rows[0]) != len(l.columns) {
		return t.broken(fmt.Errorf("store: %s: %d values for %d columns", l.name, len(rows[0]), len(l.columns)))
	}
	t.Do(l.many[1], rows[0]...)
	return t.fail
}

// loadPlain binds every value of every row.
func (t *Tx) loadPlain(l *Loader, rows [][]any, wait bool) (int64, error) {
	if t.db.dialect == postgres && len(rows) == 1 {
		return t.Exec(l.many[1], rows[0]...) // arrays of one cost more than they carry
	}
	if t.db.dialect == postgres {
		return t.loadArrays(l, rows, wait)
	}
	var total int64
	args := make([]any, 0, min(len(rows), loadChunk)*len(l.columns))
	for len(rows) > 0 {
		n := min(len(rows), loadChunk)
		args = args[:0]
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		rows = rows[n:]
		k, err := t.Exec(l.many[n], args...)
		if err != nil {
			return total, err
		}
		total += k
	}
	return total, nil
}

// same finds the columns that say the same in every row; 0 when there are none, or no others.
func (l *Loader) same(rows [][]any) (mask uint64) {
	if len(l.columns) > 64 {
		return 0
	}
	varied := false
	for i := range l.columns {
		first, differs := rows[0][i], false
		for _, r := range rows[1:] {
			if differs = !equal(first, r[i]); differs {
				break
			}
		}
		if varied = varied || differs; !differs {
			mask |= 1 << i
		}
	}
	if !varied {
		return 0
	}
	return mask
}

// equal compares the values that rows usually hold; of others it says no.
func equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && x == y
	case int64:
		y, ok := b.(int64)
		return ok && x == y
	case int:
		y, ok := b.(int)
		return ok && x == y
	case legalclock.Moment:
		y, ok := b.(legalclock.Moment)
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case []byte:
		y, ok := b.([]byte)
		return ok && (x == nil) == (y == nil) && bytes.Equal(x, y)
	}
	return false
}

// loadShaped binds what all rows say once.
func (t *Tx) loadShaped(l *Loader, rows [][]any, same uint64, wait bool) (int64, error) {
	c, err := t.db.shaped(l, same)
	if err == nil {
		err = c.refuse(t.Who.Account, t.purge, t.db.appendOnly)
	}
	if err == nil {
		err = t.hooked(l.name)
	}
	if err == nil {
		err = t.fail
	}
	if err != nil {
		return 0, t.broken(err)
	}
	args := []any{t.Who.Account}
	var varied []int
	for i := range l.columns {
		if same&(1<<i) == 0 {
			varied = append(varied, i)
			continue
		}
		v, err := plain(rows[0][i])
		if err != nil {
			return 0, t.broken(fmt.Errorf("store: %s: column %s: %w", l.name, l.columns[i].Name, err))
		}
		args = append(args, v)
	}
	if t.db.dialect == postgres {
		return t.sendArrays(c, append(args, l.cells(rows, varied)...), wait)
	}
	var total int64
	once := len(args)
	for len(rows) >= loadChunk {
		args = args[:once]
		for _, r := range rows[:loadChunk] {
			for _, i := range varied {
				v, err := plain(r[i])
				if err != nil {
					return 0, t.broken(fmt.Errorf("store: %s: column %s: %w", l.name, l.columns[i].Name, err))
				}
				args = append(args, v)
			}
		}
		rows = rows[loadChunk:]
		n, err := t.run.exec(c, args)
		if err != nil {
			return total, t.broken(err)
		}
		total += n
	}
	n, err := t.loadPlain(l, rows, wait)
	return total + n, err
}

// shaped renders the statement of a shape. Its scope is that of the plain statement, which
// was checked: the same table and columns, in another order.
func (db *DB) shaped(l *Loader, same uint64) (*compiled, error) {
	key := shape{db.dialect, same}
	if c, ok := l.shaped.Load(key); ok {
		return c.(*compiled), nil
	}
	q := l.many[1]
	if db.dialect == postgres {
		q = l.pg
	}
	checked, err := db.compile(q)
	if err != nil {
		return nil, err
	}
	var once, each []Column
	for i, c := range l.columns {
		if same&(1<<i) != 0 {
			once = append(once, c)
		} else {
			each = append(each, c)
		}
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + l.table + " (account_id")
	for _, c := range append(once[:len(once):len(once)], each...) {
		b.WriteString(", " + c.Name)
	}
	if db.dialect == postgres {
		b.WriteString(") SELECT CAST($1 AS bigint)")
		for i, c := range once {
			fmt.Fprintf(&b, ", CAST($%d AS %s)", i+2, scalars[c.Type])
		}
		b.WriteString(", u.* FROM unnest(")
		for i, c := range each {
			fmt.Fprintf(&b, "%sCAST($%d AS %s[])", comma(i), len(once)+i+2, scalars[c.Type])
		}
		b.WriteString(") AS u(")
		for i, c := range each {
			b.WriteString(comma(i) + c.Name)
		}
		b.WriteString(") WHERE true " + l.conflict)
	} else {
		// What is said once has a number, the rest takes the next one: so that is first.
		row := "(?1"
		for i := range once {
			row += fmt.Sprintf(", ?%d", i+2)
		}
		row += strings.Repeat(", ?", len(each)) + ")"
		b.WriteString(") VALUES " + strings.Repeat(row+", ", loadChunk-1) + row + " " + l.conflict)
	}
	c := *checked
	c.sql = strings.TrimSpace(b.String())
	l.shaped.Store(key, &c)
	return &c, nil
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

func (t *Tx) loadArrays(l *Loader, rows [][]any, wait bool) (int64, error) {
	all := make([]int, len(l.columns))
	for i := range all {
		all[i] = i
	}
	args := l.cells(rows, all)
	c, err := t.db.compile(l.pg)
	if err == nil {
		err = c.refuse(t.Who.Account, t.purge, t.db.appendOnly)
	}
	if err == nil {
		err = t.hooked(l.name)
	}
	if err == nil && t.fail != nil {
		err = t.fail
	}
	if err != nil {
		return 0, t.broken(err)
	}
	full := make([]any, len(c.args))
	for i, a := range c.args {
		if a.from == argAccount {
			full[i] = t.Who.Account
		} else {
			full[i] = args[a.from]
		}
	}
	return t.sendArrays(c, full, wait)
}

func (t *Tx) sendArrays(c *compiled, args []any, wait bool) (int64, error) {
	if wait {
		n, err := t.run.exec(c, args)
		return n, t.broken(err)
	}
	t.run.do(c, args)
	return 0, t.broken(t.run.launch())
}

// cells gives columns of the rows as arrays, each in one piece.
func (l *Loader) cells(rows [][]any, columns []int) []any {
	out := make([]any, len(columns))
	more := 0
	for k := len(columns) - 1; k >= 0; k-- {
		c := &cells{of: l.columns[columns[k]], rows: rows, i: columns[k], more: more}
		more += c.size()
		out[k] = c
	}
	return out
}
