// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"fmt"
	"strings"
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

var arrays = map[Type]string{Int: "bigint[]", Text: "text[]", Bytes: "bytea[]", JSON: "jsonb[]", Bool: "boolean[]"}

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
	many, rest  map[int]*Query
	pg          *Query
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
		casts[i] = "CAST(? AS " + arrays[c.Type] + ")"
	}
	head := "INSERT INTO " + table + " (account_id, " + strings.Join(names, ", ") + ") "
	for n := 1; n <= loadChunk; n++ {
		row := "(:account, " + strings.Join(marks, ", ") + ")"
		l.many[n] = Account(name, head+"VALUES "+strings.Repeat(row+", ", n-1)+row+" "+conflict)
	}
	l.pg = Account(name, head+"SELECT :account, u.* FROM unnest("+strings.Join(casts, ", ")+") AS u("+strings.Join(names, ", ")+") WHERE true "+conflict)
	return l
}

// Load inserts rows, each with the values of the loader's columns in order, and tells how
// many went in.
func (t *Tx) Load(l *Loader, rows [][]any) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	for i, r := range rows {
		if len(r) != len(l.columns) {
			return 0, t.broken(fmt.Errorf("store: %s: row %d has %d values for %d columns", l.name, i, len(r), len(l.columns)))
		}
	}
	if t.db.dialect == postgres {
		return t.loadArrays(l, rows)
	}
	var total int64
	args := make([]any, 0, loadChunk*len(l.columns))
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

func (t *Tx) loadArrays(l *Loader, rows [][]any) (int64, error) {
	args := make([]any, len(l.columns))
	for i, c := range l.columns {
		var err error
		if args[i], err = column(c, rows, i); err != nil {
			return 0, t.broken(fmt.Errorf("store: %s: column %s: %w", l.name, c.Name, err))
		}
	}
	c, err := t.db.compile(l.pg)
	if err == nil {
		err = c.refuse(t.Who.Account, t.purge, t.db.appendOnly)
	}
	if err == nil && t.db.hook != nil {
		err = t.db.hook(l.name)
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
	n, err := t.run.exec(c, full)
	return n, t.broken(err)
}

// column gathers one column of the rows into an array that PostgreSQL takes in one piece.
func column(c Column, rows [][]any, i int) (any, error) {
	bad := func(v any) error { return fmt.Errorf("%T does not fit", v) }
	switch c.Type {
	case Int:
		out := make([]int64, len(rows))
		for k, r := range rows {
			v, err := plain(r[i])
			n, ok := v.(int64)
			if err != nil || !ok {
				return nil, bad(r[i])
			}
			out[k] = n
		}
		return out, nil
	case Text, JSON:
		out := make([]string, len(rows))
		for k, r := range rows {
			v, err := plain(r[i])
			s, ok := v.(string)
			if err != nil || !ok {
				return nil, bad(r[i])
			}
			out[k] = s
		}
		return out, nil
	case Bytes:
		out := make([][]byte, len(rows))
		for k, r := range rows {
			v, err := plain(r[i])
			if err != nil {
				return nil, err
			}
			out[k], _ = v.([]byte)
		}
		return out, nil
	case Bool:
		out := make([]bool, len(rows))
		for k, r := range rows {
			v, ok := r[i].(bool)
			if !ok {
				return nil, bad(r[i])
			}
			out[k] = v
		}
		return out, nil
	}
	return nil, fmt.Errorf("unknown type %d", c.Type)
}
