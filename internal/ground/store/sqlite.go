// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"strings"

	lite "modernc.org/sqlite"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
)

// embedded is a store on SQLite: one write connection behind the writer's queue, several
// that can only read.
type embedded struct {
	db     *DB
	path   string
	wr, rd *sql.DB
	writer *writer
}

// Results codes of SQLite that we tell apart.
const (
	liteUnique     = 2067
	litePrimaryKey = 1555
	liteRowID      = 2579
	liteReference  = 787
)

func openSQLite(db *DB, path string) (*embedded, error) {
	dsn := func(readonly bool) string {
		q := url.Values{}
		pragma := func(s string) { q.Add("_pragma", s) }
		pragma("busy_timeout(5000)")
		pragma("journal_mode(WAL)")
		pragma("synchronous(FULL)") // acknowledged means durable
		pragma("secure_delete(1)")  // what is erased is overwritten
		pragma("foreign_keys(1)")
		pragma("cache_size(-65536)")       // 64 MiB for the writer
		pragma("wal_autocheckpoint(4000)") // 16 MiB: a tenth less work for bulk acts than SQLite's 4 MiB
		pragma("temp_store(2)")            // no personal data in temporary files
		pragma("trusted_schema(0)")
		if readonly {
			q.Del("_pragma")
			pragma("busy_timeout(5000)")
			pragma("query_only(1)")
			pragma("cache_size(-8192)")
			pragma("temp_store(2)")
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	wr := sql.OpenDB(connector{dsn(false)})
	wr.SetMaxOpenConns(1)
	wr.SetMaxIdleConns(1)
	if err := wr.Ping(); err != nil {
		wr.Close()
		return nil, fmt.Errorf("store: %s can't be opened: %w", path, err)
	}
	rd := sql.OpenDB(connector{dsn(true)})
	n := max(4, 2*runtime.NumCPU())
	rd.SetMaxOpenConns(n)
	rd.SetMaxIdleConns(n)
	e := &embedded{db: db, path: path, wr: wr, rd: rd}
	e.writer = newWriter(e)
	return e, nil
}

func (e *embedded) close() {
	e.writer.stop()
	e.rd.Close()
	e.wr.Close()
}

func (e *embedded) write(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) error {
	return e.writer.act(ctx, who, opt, fn)
}

func (e *embedded) view(ctx context.Context, who actor.Actor, fn func(*View) error) error {
	conn, err := e.rd.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: no connection: %w", err)
	}
	defer conn.Close()
	var own error
	err = conn.Raw(func(dc any) error {
		run := &liteRun{ctx: ctx, conn: dc.(*liteConn)}
		if err := run.plain("BEGIN"); err != nil {
			return err
		}
		defer run.plain("COMMIT")
		own = fn(e.db.newView(ctx, who, run))
		return nil
	})
	if own != nil {
		return own
	}
	return err
}

// liteConn is a driver's connection with the statements prepared on it. The pool throws a
// connection away whose last question was broken off by a visitor who left; its statements end
// with it, since one with open statements closes late, and leaves its log beside the file.
type liteConn struct {
	driverConn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
}

// driverConn is what the pool, and the queue of long work on it, may ask of a connection.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// Close closes the statements first: nobody can once the connection is gone.
func (c *liteConn) Close() error {
	for sql, s := range c.stmts {
		s.Close()
		delete(c.stmts, sql)
	}
	return c.driverConn.Close()
}

// connector opens connections of ours.
type connector struct{ dsn string }

// Driver is SQLite's.
func (c connector) Driver() driver.Driver { return &lite.Driver{} }

// Connect opens a connection.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	d, ok := conn.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("store: %T lacks what a connection must do", conn), conn.Close())
	}
	return &liteConn{driverConn: d, stmts: map[string]driver.Stmt{}}, nil
}

func (c *liteConn) stmt(sql string) (driver.Stmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	s, err := c.driverConn.Prepare(sql)
	if err == nil {
		if len(c.stmts) > 2000 { // composed statements: start over rather than grow
			for k, s := range c.stmts {
				s.Close()
				delete(c.stmts, k)
			}
		}
		c.stmts[sql] = s
	}
	return s, err
}

// liteRun is one transaction on SQLite. A queued statement runs at once, but its error waits
// for the next read or the commit, so that both databases behave alike.
type liteRun struct {
	ctx  context.Context
	conn *liteConn
	late error
}

func (r *liteRun) plain(sql string) error {
	s, err := r.conn.stmt(sql)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), nil)
	return err
}

// named gives the arguments as the driver takes them, in a piece of memory that is used
// again: the driver binds them before it returns.
func (c *liteConn) named(args []any) []driver.NamedValue {
	if cap(c.args) < len(args) {
		c.args = make([]driver.NamedValue, len(args))
	}
	out := c.args[:len(args)]
	for i, a := range args {
		if b, ok := a.(bool); ok {
			n := int64(0)
			if b {
				n = 1
			}
			a = n
		}
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

func (r *liteRun) do(c *compiled, args []any) {
	if r.late == nil {
		_, r.late = r.run(c, args)
	}
}

func (r *liteRun) flush() error { return r.late }

func (r *liteRun) launch() error { return r.late }

func (r *liteRun) trips() int { return 0 }

// answered is false: an answer is looked at once more for an error that waits, which costs nothing.
func (r *liteRun) answered(int) bool { return false }

func (r *liteRun) exec(c *compiled, args []any) (int64, error) {
	if r.late != nil {
		return 0, r.late
	}
	return r.run(c, args)
}

func (r *liteRun) run(c *compiled, args []any) (int64, error) {
	began := legalclock.Start()
	s, err := r.conn.stmt(c.sql)
	if err != nil {
		return 0, liteError(c.name, err)
	}
	// Not the caller's context: one person's going must not break what is in the group with it.
	res, err := s.(driver.StmtExecContext).ExecContext(context.Background(), r.conn.named(args))
	slow(c.name, began)
	if err != nil {
		return 0, liteError(c.name, err)
	}
	n, err := res.RowsAffected()
	return n, err
}

// ask answers at once; an error waits, as that of a queued statement does.
func (r *liteRun) ask(c *compiled, args []any, each reading) {
	if r.late == nil {
		r.late = r.query(c, args, each)
	}
}

func (r *liteRun) query(c *compiled, args []any, each reading) error {
	if r.late != nil {
		return r.late
	}
	began := legalclock.Start()
	s, err := r.conn.stmt(c.sql)
	if err != nil {
		return liteError(c.name, err)
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(r.ctx, r.conn.named(args))
	if err != nil {
		return liteError(c.name, err)
	}
	defer rows.Close()
	columns := rows.Columns()
	row := make([]driver.Value, len(columns))
	scan := func(dest ...any) error {
		if len(dest) != len(row) {
			return fmt.Errorf("%d fields for %d columns", len(dest), len(row))
		}
		for i, d := range dest {
			if err := assign(d, row[i]); err != nil {
				return fmt.Errorf("column %s: %w", columns[i], err)
			}
		}
		return nil
	}
	for {
		err := rows.Next(row)
		if err == io.EOF {
			slow(c.name, began)
			return nil
		}
		if err != nil {
			return liteError(c.name, err)
		}
		more, err := each(scan, columns)
		if err != nil {
			return fmt.Errorf("store: %s: %w", c.name, err)
		}
		if !more {
			return nil
		}
	}
}

func (r *liteRun) native() any { return nil }

func liteError(name string, err error) error {
	var l *lite.Error
	if errors.As(err, &l) {
		switch l.Code() {
		case liteUnique, litePrimaryKey, liteRowID:
			return fmt.Errorf("store: %s: %w", name, ErrUnique)
		case liteReference:
			return fmt.Errorf("store: %s: %w", name, ErrReference)
		}
	}
	return fmt.Errorf("store: %s: %w", name, err)
}

// file gives the path inside a SQLite URL: a bare path, file:path or sqlite:path.
func file(u string) string {
	for _, p := range []string{"sqlite://", "sqlite:", "file://", "file:"} {
		if rest, ok := strings.CutPrefix(u, p); ok {
			return rest
		}
	}
	return u
}
