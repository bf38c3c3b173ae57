// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"sync"

	"consend/internal/ground/actor"
)

// idBlock is how many ids a node takes from the counter at a time.
const idBlock int64 = 1 << 16

// firstID is where the counter begins (common/0001_store.sql).
const firstID int64 = 1000

// ids is a node's block. Ids that a crash leaves unused are never given again.
type ids struct {
	mu        sync.Mutex
	next, end int64
}

func (i *ids) take() (int64, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.next >= i.end {
		return 0, false
	}
	i.next++
	return i.next - 1, true
}

func (i *ids) give(first int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next, i.end = first, first+idBlock
}

// left is how many ids of the block are still free.
func (i *ids) left() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.end - i.next
}

// Untouched tells whether no act ever took an id here: the installation has yet to begin.
func (db *DB) Untouched(ctx context.Context) (bool, error) {
	var next int64
	err := db.View(ctx, actor.System("ids"), func(v *View) (err error) {
		next, err = One[int64](v, nextID)
		return err
	})
	return next == firstID, err
}

// Answers asks the database something small.
func (db *DB) Answers(r Reader) error {
	_, err := One[int64](r, nextID)
	return err
}

// NextID is the counter's next block: every id given so far is below it.
func NextID(r Reader) (int64, error) { return One[int64](r, nextID) }

// SkipIDs lets the counter jump to a number, and drops the node's block: a database that was
// put back from a copy must not give the numbers again that were given since. A smaller number
// changes nothing.
func (db *DB) SkipIDs(ctx context.Context, to int64) error {
	err := db.Write(ctx, actor.System("ids"), func(tx *Tx) error {
		_, err := tx.Exec(skipIDs, to, to)
		return err
	})
	if err == nil {
		db.ids.mu.Lock()
		db.ids.next, db.ids.end = 0, 0
		db.ids.mu.Unlock()
	}
	return err
}
