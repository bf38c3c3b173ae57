// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Analyze refreshes what the planner knows of tables that have just grown by many rows: after an import, or a campaign's
// freezing. Without it PostgreSQL plans for an empty table until its own daemon comes by, and a look by key becomes a
// scan of the account. It looks at 3,000 rows of each, where the daemon looks at 30,000 later: an import would wait two
// seconds of a million rows' twenty for that. A table at which the daemon is at work is left to it. SQLite plans by the
// statistics of a big house that a start writes (statistics.go): nothing is done there.
func (db *DB) Analyze(ctx context.Context, tables ...string) error {
	p, ok := db.engine.(*pg)
	if !ok {
		return nil
	}
	for _, t := range tables {
		if _, known := db.accounts[t]; !known {
			return fmt.Errorf("store: no table %q", t)
		}
	}
	return p.asOwner(ctx, func(exec func(sql string) error) (err error) {
		if err := exec("SET default_statistics_target = 10"); err != nil {
			return err
		}
		for _, t := range tables {
			err = errors.Join(err, exec("ANALYZE (SKIP_LOCKED) "+t))
		}
		return errors.Join(err, exec("RESET default_statistics_target"))
	})
}

// asOwner runs statements that only an owner may; the role of the connection's URL is one.
func (p *pg) asOwner(ctx context.Context, f func(exec func(sql string) error) error) error {
	conn, err := p.system.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: no connection: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "RESET ROLE"); err != nil {
		return pgError("store.owner", err)
	}
	err = f(func(sql string) error {
		_, err := conn.Exec(ctx, sql)
		return pgError("store.analyze", err)
	})
	if _, e := conn.Exec(context.WithoutCancel(ctx), "SET ROLE "+roleSystem); e != nil {
		conn.Conn().Close(context.WithoutCancel(ctx)) // never back into the pool as an owner
		err = errors.Join(err, e)
	}
	return err
}

// GrowUp keeps the planner of a young database informed, until PostgreSQL's own daemon does:
// of a table it has never looked at, it takes any index that begins with the account for as
// good as the key, and reads the whole account for each row. It looks after 1, 2, 4 … seconds
// and returns after two minutes. On SQLite nothing is done: migrations seed its statistics.
func (db *DB) GrowUp(ctx context.Context) {
	p, ok := db.engine.(*pg)
	if !ok {
		return
	}
	for wait := time.Second; wait <= time.Minute; wait *= 2 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		young, err := p.young(ctx)
		if err == nil {
			err = db.Analyze(ctx, young...)
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("statistics of a young database", "store", db.Kind(), "err", err)
		}
	}
}

// young lists the tables that have grown, and of which the planner knows less than 10,000 rows.
func (p *pg) young(ctx context.Context) (out []string, err error) {
	rows, err := p.system.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.reltuples < 10000 AND s.n_mod_since_analyze > 50 + c.reltuples / 2`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if _, ok := p.db.accounts[name]; ok {
			out = append(out, name)
		}
	}
	return out, rows.Err()
}
