// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
)

// Errors of the store that rooms look for with errors.Is.
var (
	ErrNone      = errors.New("store: no such row")
	ErrUnique    = errors.New("store: a row with this key exists")
	ErrReference = errors.New("store: a row it refers to is missing, or still referred to")
	ErrClosed    = errors.New("store: closed")

	ErrConflict = errors.New("store: conflict with another transaction") // the act runs again, as often as is reasonable

	// ErrAgain is for a hook: the act runs again from the start, as it does after a conflict on
	// PostgreSQL, or when the block of ids is used up on SQLite. A view goes on: nothing is in its way.
	ErrAgain = errors.New("store: again")

	again = map[dialect]error{postgres: ErrConflict, sqlite: ErrDry}
)

// View is a read-only look at one moment of the database, for one actor.
type View struct {
	Now    legalclock.Moment // fixed for the whole transaction
	Who    actor.Actor
	db     *DB
	ctx    context.Context
	run    runner
	writes bool // of a Tx
	open   bool // rows of Each are being read: no other statement now
	fail   error
	kept   map[reflect.Type]any
}

// Reader is what reads take: a View or a Tx.
type Reader interface{ view() *View }

func (v *View) view() *View { return v }

// Account is the account the transaction is bound to; 0 is the installation.
func (v *View) Account() int64 { return v.Who.Account }

// Context is the caller's context, for what a verb calls outside the store.
func (v *View) Context() context.Context { return v.ctx }

// DB is the database the transaction is in.
func (v *View) DB() *DB { return v.db }

// Tx is a write transaction. Verbs take it first, and never begin or commit. The closure
// that got it may run again from the start: it has no effect outside the database, but
// through AfterCommit.
type Tx struct {
	*View
	after []func()
	step  *step
	purge bool
}

// AfterCommit runs f once the transaction is durable, in the caller's goroutine.
func (t *Tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// ID takes the next id of the installation: unique over accounts and kinds, below 2^53,
// never reused.
func (t *Tx) ID() int64 {
	id, ok := t.db.ids.take()
	if !ok {
		panic(dry{}) // rolled back, a new block is leased, and the act runs again
	}
	return id
}

type dry struct{}

// Yield tells a bulk act to end its step at the next safe point: somebody waits and 8 ms
// have passed, or 250 ms have, or the block of ids is nearly used. Ask at least once in
// 4,096 ids.
func (t *Tx) Yield() bool {
	if t.step == nil {
		return false
	}
	if t.db.ids.left() < idBlock/8 {
		return true
	}
	if t.db.unhurried {
		return false
	}
	d := t.step.began.Elapsed()
	return d > stepLongest || d > stepShortest && t.db.waiting()
}

// A step of a bulk act gives way after stepShortest when people wait, and after stepLongest always.
const (
	stepShortest = 8 * time.Millisecond
	stepLongest  = 250 * time.Millisecond
)

type step struct{ began legalclock.Watch }

// reading takes one row: scan puts it into fields. It says whether it wants more.
type reading func(scan func(dest ...any) error, columns []string) (bool, error)

// runner is one transaction of one database.
type runner interface {
	do(c *compiled, args []any)
	exec(c *compiled, args []any) (int64, error)
	query(c *compiled, args []any, each reading) error
	ask(c *compiled, args []any, each reading)
	launch() error          // sends what is queued, and waits for nothing
	trips() int             // how many times what was queued has left
	answered(trip int) bool // whether what was queued after so many times has left and come back
	flush() error
	native() any
}

// Do runs a statement whose result nobody needs. On PostgreSQL it travels with the next
// read or with the commit, so its error shows up there, under its name.
func (t *Tx) Do(q *Query, args ...any) {
	c, full, err := t.prepare(q, args)
	if err != nil {
		t.broken(err)
		return
	}
	if t.fail == nil {
		t.run.do(c, full)
	}
}

// Exec runs a statement and tells how many rows it touched.
func (t *Tx) Exec(q *Query, args ...any) (int64, error) {
	c, full, err := t.prepare(q, args)
	if err != nil {
		return 0, t.broken(err)
	}
	if t.fail != nil {
		return 0, t.fail
	}
	n, err := t.run.exec(c, full)
	return n, t.broken(err)
}

// Flush sends what Do queued, to see its errors now.
func (t *Tx) Flush() error {
	if t.fail != nil {
		return t.fail
	}
	return t.broken(t.run.flush())
}

// Native is the transaction of the driver, for libraries that join it: a pgx.Tx on
// PostgreSQL, nil on SQLite. What was queued is sent first.
func (t *Tx) Native() (any, error) {
	if err := t.Flush(); err != nil {
		return nil, err
	}
	return t.run.native(), nil
}

// broken remembers the first database error: as on PostgreSQL, nothing after it can succeed.
func (v *View) broken(err error) error {
	if err != nil && v.fail == nil {
		v.fail = err
	}
	return err
}

func (t *Tx) prepare(q *Query, args []any) (*compiled, []any, error) {
	return t.View.prepare(q, args, t.purge)
}

func (v *View) prepare(q *Query, args []any, purge bool) (*compiled, []any, error) {
	if v.open {
		return nil, nil, fmt.Errorf("store: %s inside Each of another statement: collect the rows first", q.name)
	}
	c, err := v.db.compile(q)
	if err != nil {
		return nil, nil, err
	}
	if err := c.refuse(v.Who.Account, purge, v.db.appendOnly); err != nil {
		return nil, nil, err
	}
	if len(args) != c.given {
		return nil, nil, fmt.Errorf("store: %s takes %d arguments, got %d", q.name, c.given, len(args))
	}
	if err := v.hooked(q.name); err != nil {
		return nil, nil, err
	}
	return v.prepared(c, args)
}

// hooked asks the hook before a statement.
func (v *View) hooked(name string) error {
	if v.db.hook == nil {
		return nil
	}
	err := v.db.hook(name)
	if errors.Is(err, ErrAgain) {
		if !v.writes {
			return nil
		}
		err = again[v.db.dialect]
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", name, err)
	}
	return nil
}

// prepared fills in what the store binds itself.
func (v *View) prepared(c *compiled, args []any) (_ *compiled, _ []any, err error) {
	full := make([]any, len(c.args))
	for i, a := range c.args {
		switch {
		case a.from == argAccount:
			full[i] = v.Who.Account
		case a.from == argNow:
			full[i] = int64(v.Now)
		case a.list != 0:
			if full[i], err = v.db.list(args[a.from], a.list); err != nil {
				return nil, nil, fmt.Errorf("store: %s: %w", c.name, err)
			}
		default:
			if full[i], err = plain(args[a.from]); err != nil {
				return nil, nil, fmt.Errorf("store: %s: argument %d: %w", c.name, a.from+1, err)
			}
		}
	}
	return c, full, nil
}

// plain turns a value into one both drivers bind alike: int64, float64, bool, string, []byte or nil.
func plain(a any) (any, error) {
	switch v := a.(type) {
	case nil:
		return nil, nil
	case int64, string, float64, bool:
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case int:
		return int64(v), nil
	case legalclock.Moment:
		return int64(v), nil
	}
	if v, ok := a.(valuer); ok {
		x, err := v.Value()
		return x, err
	}
	rv := reflect.ValueOf(a)
	switch rv.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return rv.Int(), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(rv.Uint()), nil
	case reflect.String:
		return rv.String(), nil
	case reflect.Bool:
		return rv.Bool(), nil
	case reflect.Float32, reflect.Float64:
		return rv.Float(), nil
	case reflect.Slice:
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			if rv.IsNil() {
				return nil, nil
			}
			return rv.Bytes(), nil
		}
	case reflect.Array:
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, rv.Len())
			reflect.Copy(reflect.ValueOf(b), rv)
			return b, nil
		}
	case reflect.Pointer:
		if rv.IsNil() {
			return nil, nil
		}
		return plain(rv.Elem().Interface())
	}
	return nil, fmt.Errorf("cannot be bound: %T", a)
}

// list makes one argument of a slice: an array on PostgreSQL, JSON on SQLite.
func (db *DB) list(a any, kind byte) (any, error) {
	rv := reflect.ValueOf(a)
	if rv.Kind() != reflect.Slice {
		return nil, fmt.Errorf("IN ?%c takes a slice, got %T", kind, a)
	}
	if kind == '#' {
		out := make([][]byte, rv.Len())
		for i := range out {
			v, err := plain(rv.Index(i).Interface())
			if err != nil {
				return nil, err
			}
			out[i], _ = v.([]byte)
		}
		if db.dialect == postgres {
			return out, nil
		}
		hex := make([]string, len(out))
		for i, b := range out {
			hex[i] = fmt.Sprintf("%x", b)
		}
		j, err := json.Marshal(hex)
		return string(j), err
	}
	if rv.Type().Elem().Kind() == reflect.String {
		out := make([]string, rv.Len())
		for i := range out {
			out[i] = rv.Index(i).String()
		}
		if db.dialect == postgres {
			return out, nil
		}
		j, err := json.Marshal(out)
		return string(j), err
	}
	if !rv.Type().Elem().ConvertibleTo(reflect.TypeFor[int64]()) {
		return nil, fmt.Errorf("IN ?* takes int64 or string, got %T", a)
	}
	out := make([]int64, rv.Len())
	for i := range out {
		out[i] = rv.Index(i).Convert(reflect.TypeFor[int64]()).Int()
	}
	if db.dialect == postgres {
		return out, nil
	}
	b := make([]byte, 1, 2+8*len(out))
	b[0] = '['
	for i, n := range out {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendInt(b, n)
	}
	return string(append(b, ']')), nil
}

// Attached finds what the house attached to the database, such as the ring of keys, so that
// verbs need nothing but their transaction.
func Attached[T any](r Reader) (T, bool) {
	v, ok := r.view().db.attached[reflect.TypeFor[T]()]
	if !ok {
		var zero T
		return zero, false
	}
	return v.(T), true
}

// Kept gives the one T of the transaction, zero at first: what a room below remembers for as
// long as the transaction lasts, so that many callers ask the database once.
func Kept[T any](r Reader) *T {
	v := r.view()
	k := reflect.TypeFor[T]()
	if x, ok := v.kept[k]; ok {
		return x.(*T)
	}
	if v.kept == nil {
		v.kept = map[reflect.Type]any{}
	}
	x := new(T)
	v.kept[k] = x
	return x
}

// AccountOf is the account a reader is bound to, NowOf its moment.
func AccountOf(r Reader) int64 { return r.view().Who.Account }

// NowOf is the reader's moment, fixed for the whole transaction.
func NowOf(r Reader) legalclock.Moment { return r.view().Now }

// lost tells whether an error comes from the database, not from a rule of the house.
func lost(err error) bool {
	var f *fault.Error
	var m fault.Many
	return err != nil && !errors.As(err, &f) && !errors.As(err, &m)
}
