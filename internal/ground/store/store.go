// SPDX-License-Identifier: AGPL-3.0-or-later

// Package store promises one way to write and one way to read: an act with an actor, an
// account and one fixed moment, on SQLite and PostgreSQL alike, from one SQL text.
// It alone imports a database driver.
//
// It leaves to rooms what their tables mean, and to datamap what their columns hold.
//
// What a crash leaves: an act is in the database whole, or not at all. Write returns nil
// only after the commit is on disk (SQLite: synchronous=FULL; PostgreSQL: its own WAL).
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/legalclock"
)

// DB is one of the three stores: main, keys or archive.
type DB struct {
	kind       datamap.Store
	dialect    dialect
	engine     engine
	clock      legalclock.Clock
	accounts   map[string]bool
	appendOnly map[string]bool
	dataMap    datamap.Map
	ids        ids
	attached   map[reflect.Type]any
	hook       func(query string) error
	unhurried  bool
	identity   Identity
	steps      func(dialect string) []Step
	compiles   sync.Map // *Query → *compiled
	composing  sync.Mutex
	composed   map[string]*compiled // by the text
}

// Identity is the row every store carries: which of the three it is, and of which installation.
type Identity struct {
	Kind         string
	ID           string // random, of this store alone
	Installation string // random, the same in the three stores
}

// Options say how a store is opened.
type Options struct {
	Kind         datamap.Store
	URL          string // postgres://…, or the path of an SQLite file
	Map          datamap.Map
	Clock        legalclock.Clock
	Connections  int    // PostgreSQL: the largest number of connections; 0 means 16
	Installation string // keys and archive: the main store's; "" makes or takes what is there
	Steps        func(dialect string) []Step
}

// Step is a migration of a library's own tables. It runs once, after the store's.
type Step struct {
	Number int64 // 1 and up, among the library's
	Name   string
	SQL    string
}

type options struct{ purge, bulk bool }

type engine interface {
	write(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) error
	view(ctx context.Context, who actor.Actor, fn func(*View) error) error
	close()
}

// Errors of opening a store. Each has its remedy in the words of `consend doctor`.
var (
	ErrSwapped  = errors.New("store: this database is another of the three stores")
	ErrStranger = errors.New("store: this database belongs to another installation")
)

// Open opens a store, brings its tables up to date and checks that it is the one meant.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Clock == nil {
		o.Clock = legalclock.System
	}
	db := &DB{kind: o.Kind, clock: o.Clock, dataMap: o.Map, steps: o.Steps, accounts: map[string]bool{}, appendOnly: map[string]bool{},
		attached: map[reflect.Type]any{}}
	for _, t := range o.Map {
		if t.Store == o.Kind {
			db.accounts[t.Name] = t.Account
			db.appendOnly[t.Name] = t.AppendOnly
		}
	}
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		db.dialect = postgres
	}
	if db.dialect == postgres {
		if err := db.migratePG(ctx, o.URL); err != nil {
			return nil, err
		}
		conns := o.Connections
		if conns == 0 {
			conns = 16
		}
		e, err := openPG(ctx, db, o.URL, conns)
		if err != nil {
			return nil, err
		}
		db.engine = e
	} else {
		path, err := filepath.Abs(file(o.URL))
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("store: the folder of %s can't be made: %w", path, err)
		}
		e, err := openSQLite(db, path)
		if err != nil {
			return nil, err
		}
		db.engine = e
		if err := db.migrateSQLite(ctx, e.wr); err != nil {
			e.close()
			return nil, err
		}
	}
	if err := db.identify(ctx, o.Installation); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Close ends what runs and closes the connections. Acts still queued get ErrClosed.
func (db *DB) Close() { db.engine.close() }

// Kind tells which of the three stores it is.
func (db *DB) Kind() datamap.Store { return db.kind }

// Dialect is "sqlite" or "postgres", for doctor, logs and benchmarks. No room decides by it.
func (db *DB) Dialect() string { return db.dialect.String() }

// Identity is the store's row about itself.
func (db *DB) Identity() Identity { return db.identity }

// Attach gives verbs a companion to find with Attached. Before the first act only.
func (db *DB) Attach(v any) { db.attached[reflect.TypeOf(v)] = v }

// Clock is the clock of the house.
func (db *DB) Clock() legalclock.Clock { return db.clock }

// SetHook calls f before every statement with the query's name; an error fails the
// statement, ErrAgain the whole try. For tests of what a fault at the n-th statement leaves.
func (db *DB) SetHook(f func(query string) error) { db.hook = f }

// Unhurried has no step of a bulk act end by the clock, for tests that compare what houses hold:
// how often an act is cut would hang on the machine. Before the first act only.
func (db *DB) Unhurried() { db.unhurried = true }

// Write runs an act: all of it or nothing. fn may run again from the start, and so has no
// effect outside the transaction.
func (db *DB) Write(ctx context.Context, who actor.Actor, fn func(*Tx) error) error {
	return db.write(ctx, who, options{}, fn)
}

// Bulk runs a long act in steps, each a transaction, until fn says there is no more. Between
// steps others have their turn; fn ends its step when tx.Yield says so, with its cursor
// written in the same step, so that a kill anywhere resumes at the cursor.
func (db *DB) Bulk(ctx context.Context, who actor.Actor, fn func(*Tx) (more bool, err error)) error {
	return db.inSteps(ctx, who, options{bulk: true}, fn)
}

func (db *DB) inSteps(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) (more bool, err error)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		more := false
		err := db.write(ctx, who, opt, func(tx *Tx) (err error) {
			tx.step = &step{legalclock.Start()}
			more, err = fn(tx)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// Purge runs an act that may delete from append-only tables, for a retention rule.
func (db *DB) Purge(ctx context.Context, who actor.Actor, rule string, fn func(*Tx) error) error {
	if rule == "" {
		return errors.New("store: Purge needs the id of the rule it follows")
	}
	return db.write(ctx, who, options{purge: true}, fn)
}

// PurgeBulk is Purge for many, in steps as Bulk has them.
func (db *DB) PurgeBulk(ctx context.Context, who actor.Actor, rule string, fn func(*Tx) (more bool, err error)) error {
	if rule == "" {
		return errors.New("store: PurgeBulk needs the id of the rule it follows")
	}
	return db.inSteps(ctx, who, options{purge: true, bulk: true}, fn)
}

func (db *DB) write(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) error {
	if !who.Valid() {
		return fmt.Errorf("store: a write without an actor is refused (kind %q)", who.Kind)
	}
	return db.engine.write(ctx, who, opt, fn)
}

// View runs fn on one unchanging moment of the database.
func (db *DB) View(ctx context.Context, who actor.Actor, fn func(*View) error) error {
	if !who.Valid() {
		return fmt.Errorf("store: a read without an actor is refused (kind %q)", who.Kind)
	}
	return db.engine.view(ctx, who, fn)
}

func (db *DB) newView(ctx context.Context, who actor.Actor, run runner) *View {
	return &View{Now: legalclock.MomentOf(db.clock()), Who: who, db: db, ctx: ctx, run: run}
}

func (db *DB) newTx(ctx context.Context, who actor.Actor, opt options, run runner) *Tx {
	v := db.newView(ctx, who, run)
	v.writes = true
	return &Tx{View: v, purge: opt.purge}
}

func (db *DB) waiting() bool {
	if e, ok := db.engine.(*embedded); ok {
		return e.writer.waiting()
	}
	return false
}

func (db *DB) compile(q *Query) (*compiled, error) {
	if c, ok := db.compiles.Load(q); ok {
		return c.(*compiled), nil
	}
	if q.made {
		return db.compose(q)
	}
	c, err := compile(q, db.dialect, db.accounts)
	if err != nil {
		return nil, err
	}
	db.compiles.Store(q, c)
	return c, nil
}

// maxComposed is how many statements made by Where are remembered; then they are forgotten all at once.
const maxComposed = 512

// compose is compile for what Where made: by its text, since the same conditions with other values are one statement.
func (db *DB) compose(q *Query) (*compiled, error) {
	db.composing.Lock()
	defer db.composing.Unlock()
	if c := db.composed[q.text]; c != nil {
		return c, nil
	}
	c, err := compile(q, db.dialect, db.accounts)
	if err != nil {
		return nil, err
	}
	if db.composed == nil || len(db.composed) >= maxComposed {
		db.composed = map[string]*compiled{}
	}
	db.composed[q.text] = c
	return c, nil
}

// DatabaseNow is the database's own clock: leases need it, since nodes' clocks differ.
func (db *DB) DatabaseNow(ctx context.Context) (legalclock.Moment, error) {
	if p, ok := db.engine.(*pg); ok {
		return p.now(ctx)
	}
	return legalclock.MomentOf(db.clock()), nil
}

// Pool is the installation's pool on PostgreSQL, nil on SQLite; Handle is the write handle on
// SQLite, nil on PostgreSQL. Only the room job takes them, for the queue of long work.
func (db *DB) Pool() *pgxpool.Pool {
	if p, ok := db.engine.(*pg); ok {
		return p.system
	}
	return nil
}

// Handle is the one write connection of SQLite, shared with the queue of long work.
func (db *DB) Handle() *sql.DB {
	if e, ok := db.engine.(*embedded); ok {
		return e.wr
	}
	return nil
}

// Path is the file of an SQLite store, "" on PostgreSQL.
func (db *DB) Path() string {
	if e, ok := db.engine.(*embedded); ok {
		return e.path
	}
	return ""
}

const slowQuery = 500 * time.Millisecond

func slow(name string, began legalclock.Watch) {
	if d := began.Elapsed(); d > slowQuery {
		slog.Warn("slow query", "query", name, "ms", d.Milliseconds())
	}
}
