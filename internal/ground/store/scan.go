// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

type valuer = driver.Valuer

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// One reads the single row of a query into T: a struct, whose fields take the columns of
// their name in snake_case (or of the tag `db:"name"`), or one plain value. No row is ErrNone.
func One[T any](r Reader, q *Query, args ...any) (T, error) {
	var out T
	found := false
	err := read(r, q, args, func(t T) (bool, error) {
		out, found = t, true
		return false, nil
	})
	if err == nil && !found {
		err = ErrNone
	}
	return out, err
}

// All reads every row. Ask with a LIMIT: reads of more than 10,000 rows page by key.
func All[T any](r Reader, q *Query, args ...any) ([]T, error) {
	var out []T
	err := read(r, q, args, func(t T) (bool, error) {
		out = append(out, t)
		return true, nil
	})
	return out, err
}

// Each hands every row to f as it is read; f may not use the transaction.
func Each[T any](r Reader, q *Query, f func(T) error, args ...any) error {
	return read(r, q, args, func(t T) (bool, error) { return true, f(t) })
}

// Answer is what a question of Ask finds.
type Answer[T any] struct {
	v    *View
	rows []T
	err  error
	here bool // every row is read
	trip int  // what was queued had left so often when the question was queued
}

// Ask asks without waiting: on PostgreSQL the question travels with what is queued, so that
// several take one round trip, and the answer is there when it is looked at. Questions that
// need each other's answers can't travel together.
func Ask[T any](r Reader, q *Query, args ...any) *Answer[T] {
	v := r.view()
	a := &Answer[T]{v: v, trip: v.run.trips()}
	c, full, err := v.prepare(q, args, purging(r))
	if err != nil {
		a.err = v.broken(err)
		return a
	}
	if v.fail != nil {
		a.err = v.fail
		return a
	}
	v.run.ask(c, full, rowsOf(q, func(t T) (bool, error) {
		a.rows = append(a.rows, t)
		return true, nil
	}, &a.err))
	return a
}

// All gives the rows.
func (a *Answer[T]) All() ([]T, error) {
	if !a.here && a.err == nil {
		a.here = true
		// Answered already when it left together with another question: what is queued since may wait on.
		if a.err = a.v.fail; a.err == nil && !a.v.run.answered(a.trip) {
			a.err = a.v.broken(a.v.run.flush())
		}
	}
	return a.rows, a.err
}

// One gives the first row; no row is ErrNone.
func (a *Answer[T]) One() (T, error) {
	rows, err := a.All()
	if err == nil && len(rows) == 0 {
		err = ErrNone
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return rows[0], nil
}

func purging(r Reader) bool {
	t, ok := r.(*Tx)
	return ok && t.purge
}

func read[T any](r Reader, q *Query, args []any, each func(T) (bool, error)) error {
	v := r.view()
	c, full, err := v.prepare(q, args, purging(r))
	if err != nil {
		return v.broken(err)
	}
	if v.fail != nil {
		return v.fail
	}
	var own error
	v.open = true
	err = v.run.query(c, full, rowsOf(q, each, &own))
	v.open = false
	if own != nil {
		return own
	}
	return v.broken(err)
}

// rowsOf makes rows into values of T and hands them to each; each's own error lands in own.
func rowsOf[T any](q *Query, each func(T) (bool, error), own *error) reading {
	plan := planOf(reflect.TypeFor[T]())
	var index [][]int
	dest := make([]any, 0, 16)
	return func(scan func(...any) error, columns []string) (bool, error) {
		var t T
		rv := reflect.ValueOf(&t).Elem()
		if plan == nil {
			if len(columns) != 1 {
				return false, fmt.Errorf("store: %s gives %d columns for one value", q.name, len(columns))
			}
			dest = append(dest[:0], &t)
		} else {
			if index == nil {
				var err error
				if index, err = plan.index(q.name, columns); err != nil {
					return false, err
				}
			}
			dest = dest[:0]
			for _, i := range index {
				dest = append(dest, rv.FieldByIndex(i).Addr().Interface())
			}
		}
		if err := scan(dest...); err != nil {
			return false, err
		}
		more, err := each(t)
		if err != nil {
			*own = err // the reader's own error, not the database's: the transaction goes on
			return false, nil
		}
		return more, nil
	}
}

type plan struct{ fields map[string][]int }

var plans sync.Map // reflect.Type → *plan: a cache of what types look like, never of data

func planOf(t reflect.Type) *plan {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]()) {
		return nil
	}
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{map[string][]int{}}
	p.add(t, nil)
	plans.Store(t, p)
	return p
}

func (p *plan) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		here := append(append([]int{}, at...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			p.add(f.Type, here)
			continue
		}
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("db")
		if name == "" {
			name = snake(f.Name)
		}
		if name != "-" {
			p.fields[name] = here
		}
	}
}

func (p *plan) index(query string, columns []string) ([][]int, error) {
	out := make([][]int, len(columns))
	for i, c := range columns {
		at, ok := p.fields[c]
		if !ok {
			return nil, fmt.Errorf("store: %s gives a column %q that has no field", query, c)
		}
		out[i] = at
	}
	return out, nil
}

// snake turns a field's name into its column's: EmailNorm → email_norm, IPSource → ip_source,
// TextSHA256 → text_sha256.
func snake(s string) string {
	var b strings.Builder
	r := []rune(s)
	for i, c := range r {
		if unicode.IsUpper(c) {
			if i > 0 && (!unicode.IsUpper(r[i-1]) && r[i-1] != '_' || i+1 < len(r) && unicode.IsLower(r[i+1])) {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}

// assign puts a driver's value into a field. NULL leaves the zero value on both databases.
func assign(dest any, v driver.Value) error {
	if v == nil {
		return nil
	}
	switch d := dest.(type) {
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *string:
		switch s := v.(type) {
		case string:
			*d = s
			return nil
		case []byte:
			*d = string(s)
			return nil
		}
	case *[]byte:
		switch s := v.(type) {
		case []byte:
			*d = append([]byte{}, s...)
			return nil
		case string:
			*d = []byte(s)
			return nil
		}
	case sql.Scanner:
		return d.Scan(v)
	}
	rv := reflect.ValueOf(dest).Elem()
	if rv.Kind() == reflect.Pointer {
		n := reflect.New(rv.Type().Elem())
		if err := assign(n.Interface(), v); err != nil {
			return err
		}
		rv.Set(n)
		return nil
	}
	switch x := v.(type) {
	case int64:
		switch rv.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			rv.SetInt(x)
			return nil
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			rv.SetUint(uint64(x))
			return nil
		case reflect.Bool:
			rv.SetBool(x != 0)
			return nil
		case reflect.Float64:
			rv.SetFloat(float64(x))
			return nil
		}
	case float64:
		if rv.Kind() == reflect.Float64 {
			rv.SetFloat(x)
			return nil
		}
	case bool:
		if rv.Kind() == reflect.Bool {
			rv.SetBool(x)
			return nil
		}
	case string:
		if rv.Kind() == reflect.String {
			rv.SetString(x)
			return nil
		}
		if rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8 {
			rv.SetBytes([]byte(x))
			return nil
		}
	case []byte:
		switch {
		case rv.Kind() == reflect.String:
			rv.SetString(string(x))
			return nil
		case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
			rv.SetBytes(append([]byte{}, x...))
			return nil
		case rv.Kind() == reflect.Array && rv.Type().Elem().Kind() == reflect.Uint8 && rv.Len() == len(x):
			reflect.Copy(rv, reflect.ValueOf(x))
			return nil
		}
	}
	return fmt.Errorf("store: %T does not fit a %s", v, rv.Type())
}
