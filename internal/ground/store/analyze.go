// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"errors"
	"fmt"
)

// Analyze refreshes what the planner knows of tables that have just grown by many rows: after an import, or a campaign's
// freezing. Without it PostgreSQL plans for an empty table until its own daemon comes by, and a look by key becomes a
// scan of the account. SQLite plans by the statistics its migrations seed: nothing is done there.
func (db *DB) Analyze(ctx context.Context, tables ...string) error {
	p, ok := db.engine.(*pg)
	if !ok {
		return nil
	}
	conn, err := p.system.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("store: no connection: %w", err)
	}
	defer conn.Release()
	// Only an owner may analyze, and the role of the connection's URL is one.
	if _, err := conn.Exec(ctx, "RESET ROLE"); err != nil {
		return err
	}
	for _, t := range tables {
		if _, known := db.accounts[t]; !known {
			err = errors.Join(err, fmt.Errorf("store: no table %q", t))
			continue
		}
		if _, e := conn.Exec(ctx, "ANALYZE "+t); e != nil {
			err = errors.Join(err, pgError("store.analyze", e))
		}
	}
	if _, e := conn.Exec(context.WithoutCancel(ctx), "SET ROLE "+roleSystem); e != nil {
		conn.Conn().Close(context.WithoutCancel(ctx)) // never back into the pool as an owner
		err = errors.Join(err, e)
	}
	return err
}
