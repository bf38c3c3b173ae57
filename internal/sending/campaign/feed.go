// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"os"
	"slices"

	"consend/internal/ground/store"
)

// readAhead is how many rows of the ledger are read at a time for all lanes.
const readAhead = 10 * MaxBatch

// next hands out the next people who have never been tried. Only the process that holds the campaign reads here, and
// each row is handed out once a round; what a lane could not claim waits for the next round.
func (r *run) next(ctx context.Context) ([]row, error) {
	r.feeding.Lock()
	defer r.feeding.Unlock()
	for len(r.waiting) == 0 {
		err := r.db.View(ctx, r.who, func(v *store.View) (err error) {
			r.waiting, err = store.All[row](v, nextPending, r.id, r.cursor, readAhead)
			return err
		})
		if err != nil || len(r.waiting) == 0 {
			return nil, err
		}
		r.last = len(r.waiting) < readAhead && !r.freezes.Load()
		r.cursor = r.waiting[len(r.waiting)-1].ContactID
		r.waiting = slices.DeleteFunc(r.waiting, func(x row) bool {
			return slices.ContainsFunc(r.abroad, func(s span) bool { return s.FirstContact <= x.ContactID && x.ContactID <= s.LastContact })
		})
	}
	n := min(len(r.waiting), MaxBatch)
	if r.last { // the last ones are shared out among the lanes: one slow connection shall not hold them all
		n = min(n, max(MaxBatch/10, (len(r.waiting)+r.lanes-1)/r.lanes))
	}
	// A first try is known by its bounds alone: whoever waits between them would be taken for one of it after a kill.
	for _, s := range r.abroad {
		first := r.waiting[0].ContactID
		if k := slices.IndexFunc(r.waiting[:n], func(x row) bool { return first < s.FirstContact && x.ContactID > s.LastContact }); k > 0 {
			n = k
		}
	}
	out := r.waiting[:n:n]
	r.waiting = r.waiting[n:]
	return out, nil
}

// take claims the next batch: people who have never been tried, and when there are none, those whose time has come again.
func (r *run) take(ctx, wire context.Context) (b batch, got claimed, why string, err error) {
	rows, err := r.next(ctx)
	if err != nil {
		return b, gotHalt, "", err
	}
	try := func(rows []row, again bool) error {
		// Not broken off by a stop: a claim that came through, and that nobody heard of, would hold its people.
		err := r.db.Write(wire, r.who, func(tx *store.Tx) (err error) {
			b, got, why, err = claim(tx, r.id, r.node, r.press.note(), rows, again)
			return err
		})
		if err != nil {
			r.journal.unsure.Store(true)
		}
		return err
	}
	if len(rows) > 0 {
		err = try(rows, false)
		return b, got, why, err
	}
	r.again.Lock()
	defer r.again.Unlock()
	err = try(nil, true)
	return b, got, why, err
}

// orphans books batches of this process that no lane has any more: the database broke off while they were claimed or
// booked, and it was not known whether it had. Their journal tells what they did.
func (r *run) orphans(ctx context.Context) error {
	var ids []int64
	err := r.db.View(ctx, r.who, func(v *store.View) (err error) { ids, err = store.All[int64](v, openOurs, r.id, r.node); return err })
	for _, id := range ids {
		if err != nil {
			break
		}
		lines, trusted := r.journal.read(id)
		err = r.db.Write(ctx, r.who, func(tx *store.Tx) error { return recovered(tx, id, lines, trusted) })
		if err == nil {
			_ = os.Remove(r.journal.path(id))
		}
	}
	return err
}
