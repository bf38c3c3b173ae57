// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
)

// The roles of a PostgreSQL store. The role of the connection URL owns the tables, migrates
// and dumps, and is a member of the three others; the server works as one of these:
const (
	roleApp    = "consend_app"    // one account at a time, held by row-level security
	roleSystem = "consend_system" // installation queries; a small pool of its own
	rolePurge  = "consend_purge"  // entered by db.Purge alone; may delete from append-only tables
)

// pg is a store on PostgreSQL.
type pg struct {
	db     *DB
	app    *pgxpool.Pool
	system *pgxpool.Pool
}

func openPG(ctx context.Context, db *DB, url string, conns int) (*pg, error) {
	pool := func(role string, size int) (*pgxpool.Pool, error) {
		cfg, err := pgxpool.ParseConfig(url)
		if err != nil {
			return nil, fmt.Errorf("store: the database URL can't be read: %w", err)
		}
		cfg.MaxConns = int32(size)
		if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
			cfg.ConnConfig.RuntimeParams["application_name"] = "consend"
		}
		cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
			takeCells(c)
			_, err := c.Exec(ctx, "SET ROLE "+role)
			return err
		}
		return pgxpool.NewWithConfig(ctx, cfg)
	}
	app, err := pool(roleApp, conns)
	if err != nil {
		return nil, err
	}
	system, err := pool(roleSystem, max(4, conns/4))
	if err != nil {
		app.Close()
		return nil, err
	}
	return &pg{db, app, system}, nil
}

func (p *pg) close() { p.app.Close(); p.system.Close() }

func (p *pg) pool(account int64) *pgxpool.Pool {
	if account == 0 {
		return p.system
	}
	return p.app
}

// write runs an act, and runs it again when another transaction was in its way.
func (p *pg) write(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) error {
	if opt.bulk && p.db.ids.left() < idBlock/2 {
		if err := p.lease(ctx); err != nil {
			return err
		}
	}
	var err error
	for try := range 8 {
		if try > 0 {
			wait := time.Duration(rand.Int64N(int64(5*time.Millisecond) << min(try, 5)))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
		}
		err = p.once(ctx, who, opt, fn)
		switch {
		case errors.Is(err, ErrDry):
			if err = p.lease(ctx); err != nil {
				return err
			}
			err = ErrDry
		case !errors.Is(err, ErrConflict):
			return err
		}
	}
	return err
}

// lease takes a block of ids in a transaction of its own.
func (p *pg) lease(ctx context.Context) error {
	var first int64
	err := p.once(ctx, actor.System("ids"), options{}, func(tx *Tx) (err error) {
		first, err = One[int64](tx, leaseIDs, idBlock)
		return err
	})
	if err == nil {
		p.db.ids.give(first)
	}
	return err
}

// within runs the closure and turns running out of ids into an error.
func within(tx *Tx, fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(dry); !ok {
				panic(p)
			}
			err = ErrDry
		}
	}()
	return fn(tx)
}

func (p *pg) once(ctx context.Context, who actor.Actor, opt options, fn func(*Tx) error) (err error) {
	conn, err := p.pool(who.Account).Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: no connection: %w", err)
	}
	defer conn.Release()
	run := &pgRun{ctx: ctx, conn: conn.Conn()}
	run.queue("begin", "BEGIN")
	if who.Account != 0 {
		run.queue("account", "SELECT set_config('consend.account', $1, true)", strconv.FormatInt(who.Account, 10))
	}
	if opt.purge {
		run.queue("purge", "SET LOCAL ROLE "+rolePurge)
	}
	if opt.bulk {
		run.queue("bulk", "SET LOCAL plan_cache_mode = force_custom_plan")
	}
	tx := p.db.newTx(ctx, who, opt, run)
	finished := false
	defer func() {
		if !finished {
			run.rollback()
		}
	}()
	if err := within(tx, fn); err != nil {
		return err
	}
	if tx.fail != nil {
		return tx.fail
	}
	run.queue("commit", "COMMIT")
	if err := run.flush(); err != nil {
		return err
	}
	finished = true
	for _, f := range tx.after {
		f()
	}
	return nil
}

func (p *pg) view(ctx context.Context, who actor.Actor, fn func(*View) error) error {
	conn, err := p.pool(who.Account).Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: no connection: %w", err)
	}
	defer conn.Release()
	run := &pgRun{ctx: ctx, conn: conn.Conn()}
	run.queue("begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	if who.Account != 0 {
		run.queue("account", "SELECT set_config('consend.account', $1, true)", strconv.FormatInt(who.Account, 10))
	}
	defer run.rollback()
	return fn(p.db.newView(ctx, who, run))
}

// pgRun is one transaction: what is queued leaves in one round trip with the next read, or
// with the commit (BEGIN, the account and the statements all together).
type pgRun struct {
	ctx   context.Context
	conn  *pgx.Conn
	batch *pgx.Batch
	names []string
	asked map[int]func(pgx.Rows) error // questions among the queued, by their place
	began bool
	sent  int // how often the queue has left
	here  int // how often all its answers had come
	under *underway
}

// underway is what the server works on while the act goes on: what was sent, and whose
// answers nobody waited for yet.
type underway struct {
	res   pgx.BatchResults
	names []string
	asked map[int]func(pgx.Rows) error
	began legalclock.Watch
}

func (r *pgRun) trips() int { return r.sent }

func (r *pgRun) answered(trip int) bool { return r.here > trip }

func (r *pgRun) queue(name, sql string, args ...any) {
	if r.batch == nil {
		r.batch = &pgx.Batch{}
	}
	r.batch.Queue(sql, args...)
	r.names = append(r.names, name)
}

func (r *pgRun) do(c *compiled, args []any) { r.queue(c.name, c.sql, args...) }

func (r *pgRun) ask(c *compiled, args []any, each reading) {
	r.queue(c.name, c.sql, args...)
	if r.asked == nil {
		r.asked = map[int]func(pgx.Rows) error{}
	}
	r.asked[len(r.names)-1] = func(rows pgx.Rows) error { return readRows(c.name, rows, each) }
}

// launch sends the queue and waits for nothing: the server works while the act prepares
// what comes next. An error shows up as that of a queued statement does.
func (r *pgRun) launch() error {
	if r.batch == nil {
		return nil
	}
	if err := r.land(0); err != nil {
		return err
	}
	u := &underway{names: r.names, asked: r.asked, began: legalclock.Start()}
	b := r.batch
	r.batch, r.names, r.asked, r.began = nil, nil, nil, true
	r.sent++
	u.res = r.conn.SendBatch(r.ctx, b)
	r.under = u
	return nil
}

// land reads the answers to what is under way, but those of the last `keep` statements; then
// the caller reads and closes.
func (r *pgRun) land(keep int) error {
	u := r.under
	if u == nil {
		return nil
	}
	r.under = nil
	r.here++
	for i, n := range u.names[:len(u.names)-keep] {
		var err error
		if take := u.asked[i]; take != nil {
			var rows pgx.Rows
			if rows, err = u.res.Query(); err == nil {
				err = take(rows)
			}
		} else {
			_, err = u.res.Exec()
		}
		if err != nil {
			u.res.Close()
			return pgError(n, err)
		}
	}
	last := u.names[len(u.names)-1]
	slow(last, u.began)
	if keep > 0 {
		return nil
	}
	return pgError(last, u.res.Close())
}

// send sends the queue and reads the results of all but its last statement.
func (r *pgRun) send() (pgx.BatchResults, error) {
	if err := r.launch(); err != nil {
		return nil, err
	}
	res := r.under.res
	return res, r.land(1)
}

func (r *pgRun) flush() error {
	if err := r.launch(); err != nil {
		return err
	}
	return r.land(0)
}

func (r *pgRun) exec(c *compiled, args []any) (int64, error) {
	r.queue(c.name, c.sql, args...)
	res, err := r.send()
	if err != nil {
		return 0, err
	}
	tag, err := res.Exec()
	if e := res.Close(); err == nil {
		err = e
	}
	return tag.RowsAffected(), pgError(c.name, err)
}

func (r *pgRun) query(c *compiled, args []any, each reading) error {
	r.queue(c.name, c.sql, args...)
	res, err := r.send()
	if err != nil {
		return err
	}
	rows, err := res.Query()
	if err == nil {
		err = readRows(c.name, rows, each)
	}
	if e := res.Close(); err == nil {
		err = e
	}
	return pgError(c.name, err)
}

// readRows hands the rows over until each has enough.
func readRows(name string, rows pgx.Rows, each reading) error {
	fields := rows.FieldDescriptions()
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.Name
	}
	scan := func(dest ...any) error {
		for i, raw := range rows.RawValues() {
			if raw == nil && i < len(dest) {
				dest[i] = nil // NULL leaves the zero value, as on SQLite
			}
		}
		return rows.Scan(dest...)
	}
	var own error
	for rows.Next() {
		more, err := each(scan, columns)
		if err != nil {
			own = err
		}
		if !more || err != nil {
			break
		}
	}
	rows.Close()
	if own != nil {
		return own
	}
	return rows.Err()
}

func (r *pgRun) rollback() {
	r.batch, r.names, r.asked = nil, nil, nil
	if r.under != nil {
		r.under.res.Close()
		r.under = nil
	}
	if !r.began {
		return
	}
	// The caller may have gone; the connection must still come back clean.
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.ctx), 5*time.Second)
	defer stop()
	if _, err := r.conn.Exec(ctx, "ROLLBACK"); err != nil {
		r.conn.Close(ctx)
	}
}

func (r *pgRun) native() any { return &joined{r} }

func pgError(name string, err error) error {
	if err == nil {
		return nil
	}
	var p *pgconn.PgError
	if errors.As(err, &p) {
		// The message of PostgreSQL's Detail may hold values: it stays out.
		kind := error(nil)
		switch p.Code {
		case "40001", "40P01":
			kind = ErrConflict
		case "23505":
			kind = ErrUnique
		case "23503":
			kind = ErrReference
		}
		if kind != nil {
			return fmt.Errorf("store: %s: %w (%s, %s)", name, kind, p.Code, p.ConstraintName)
		}
		return fmt.Errorf("store: %s: %s (%s)", name, p.Message, p.Code)
	}
	return fmt.Errorf("store: %s: %w", name, err)
}

// now is the database's own clock, for leases.
func (p *pg) now(ctx context.Context) (legalclock.Moment, error) {
	var us int64
	err := p.system.QueryRow(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").Scan(&us)
	return legalclock.Moment(us), err
}

// joined lets a library that speaks pgx work inside our transaction.
type joined struct{ r *pgRun }

var errNotYours = errors.New("store: the transaction is the store's: it commits and rolls back")

func (j *joined) Begin(ctx context.Context) (pgx.Tx, error) { return nil, errNotYours }
func (j *joined) Commit(context.Context) error              { return errNotYours }
func (j *joined) Rollback(context.Context) error            { return errNotYours }
func (j *joined) Conn() *pgx.Conn                           { return j.r.conn }
func (j *joined) LargeObjects() pgx.LargeObjects            { return pgx.LargeObjects{} }
func (j *joined) CopyFrom(ctx context.Context, t pgx.Identifier, c []string, s pgx.CopyFromSource) (int64, error) {
	return j.r.conn.CopyFrom(ctx, t, c, s)
}
func (j *joined) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return j.r.conn.SendBatch(ctx, b)
}
func (j *joined) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return j.r.conn.Prepare(ctx, name, sql)
}
func (j *joined) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return j.r.conn.Exec(ctx, sql, args...)
}
func (j *joined) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return j.r.conn.Query(ctx, sql, args...)
}
func (j *joined) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return j.r.conn.QueryRow(ctx, sql, args...)
}
