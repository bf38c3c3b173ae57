// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"errors"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// KillAt lets a test kill the process at a point: "frozen", "claimed", "started", "answered", "between", "booked".
func KillAt(e *Engine, point func(at string) bool) { e.point = point }

// Dead tells whether it was.
func Dead(e *Engine) bool { return e.dead.Load() }

// Dir is where the process's journal lies.
func Dir(e *Engine) string { return e.journal.dir }

// Wait is the pause before the next try.
func Wait(tries int, seed int64) time.Duration { return wait(tries, seed) }

// OnBegin tells of each message whose content is about to leave, and of which moment the last look at its permit was.
func OnBegin(e *Engine, f func(contact int64, at legalclock.Moment)) { e.begins = f }

// Orphan claims people who wait for another try, as a lane does whose claim comes through without an answer.
func Orphan(ctx context.Context, e *Engine, who actor.Actor, id int64) (people int, err error) {
	r := &run{Engine: e, who: worker(who.Account), id: id}
	if ok, err := r.hold(ctx); err != nil || !ok {
		return 0, errors.Join(err, errors.New("not held"))
	}
	err = e.db.Write(ctx, r.who, func(tx *store.Tx) error {
		b, _, _, err := claim(tx, id, e.node, 0, nil, true)
		people = len(b.people)
		return err
	})
	return people, err
}

// Hang claims people of a campaign who wait for their first try, as a process does that then stands still: the first
// skip are passed over, as by a claim of its own that did not come through. late is its word when it wakes: all accepted.
func Hang(ctx context.Context, e *Engine, who actor.Actor, id int64, skip, n int) (late func() error, err error) {
	if err := e.open(ctx); err != nil {
		return nil, err
	}
	r := &run{Engine: e, who: worker(who.Account), id: id}
	if ok, err := r.hold(ctx); err != nil || !ok {
		return nil, errors.Join(err, errors.New("not held"))
	}
	if err := freeze(ctx, e.db, r.who, id, func() {}); err != nil {
		return nil, err
	}
	var b batch
	err = e.db.Write(ctx, r.who, func(tx *store.Tx) error {
		tx.Do(begin, id)
		rows, err := store.All[row](tx, nextPending, id, 0, skip+n)
		if err != nil {
			return err
		}
		b, _, _, err = claim(tx, id, e.node, 0, rows[skip:], false)
		return err
	})
	return func() error {
		return e.db.Write(ctx, r.who, func(tx *store.Tx) error {
			var results []result
			for _, t := range b.people {
				results = append(results, result{contact: t.ID, outcome: accepted, code: 250})
			}
			return book(tx, id, b.id, results)
		})
	}, err
}

// Lost tells that somebody else was faster, or the campaign is no longer sent.
func Lost(err error) bool { return errors.Is(err, errLost) }

// Take claims people who wait for their first try, as a lane does, without asking first whether the campaign is its process's.
func Take(ctx context.Context, e *Engine, who actor.Actor, id int64) (people int, err error) {
	err = e.db.Write(ctx, worker(who.Account), func(tx *store.Tx) error {
		rows, err := store.All[row](tx, nextPending, id, 0, MaxBatch)
		if err != nil {
			return err
		}
		b, _, _, err := claim(tx, id, e.node, 0, rows, false)
		people = len(b.people)
		return err
	})
	return people, err
}
