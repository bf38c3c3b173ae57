// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"fmt"
)

// Tidy takes what was deleted out of SQLite's log: the log is copied into the file, where
// secure_delete has overwritten it, and emptied. Whoever reads for longer than a moment makes
// it wait for the next time. On PostgreSQL that is vacuum's work, which runs by itself.
func (db *DB) Tidy(ctx context.Context) error {
	e, ok := db.engine.(*embedded)
	if !ok {
		return nil
	}
	conn, err := e.wr.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: tidy: %w", err)
	}
	defer conn.Close()
	// The write connection is ours meanwhile: nobody is kept for the usual five seconds.
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout=200"); err != nil {
		return fmt.Errorf("store: tidy: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA busy_timeout=5000")
	var busy, pages, copied int64
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &copied); err != nil {
		return fmt.Errorf("store: tidy: %w", err)
	}
	return nil
}
