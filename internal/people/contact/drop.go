// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Parting deletes what the other rooms know of people, at most 1,000 of them, in the act that
// deletes the people. The house knows all rooms and attaches it to the main store.
type Parting func(tx *store.Tx, ids []int64) error

// Drop deletes people for good, by a retention rule (in db.Purge), with everything the data
// map lists of them, and with who was merged into them. What stays is the do-not-mail list (INV-12), a number that leads to
// nobody, and their commitments in the trace, which open no more. Who asked that nothing be
// done with their data (GDPR 18(2)) or is being erased is left as they are. It tells who went.
//
// The keys are destroyed by Forget, once the act is durable: until then key_end lists them.
func Drop(tx *store.Tx, ids []int64, rule string) (gone []int64, err error) {
	part, ok := store.Attached[Parting](tx)
	if !ok {
		return nil, errors.New("contact: nobody says what other rooms know of people who go")
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for len(ids) > 0 {
		some := ids[:min(len(ids), 1000)]
		ids = ids[len(some):]
		rows, err := Lock(tx, some)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(r Row) bool { return r.State == StateRestricted || r.State.Ending() })
		if len(rows) == 0 {
			continue
		}
		leaving := make([]int64, len(rows))
		for i, r := range rows {
			leaving[i] = r.ID
			if !r.Key.IsZero() {
				tx.Do(endKey, r.Key.Sheet, r.Key.Slot)
			}
		}
		with, err := parted(tx, leaving)
		if err != nil {
			return nil, err
		}
		ids = append(ids, with...)
		entry, err := tellDropped(tx, rows, rule)
		if err != nil {
			return nil, err
		}
		lines := make([]refusal.Refusal, len(rows))
		for i := range rows {
			lines[i] = refusal.Refusal{EntryID: entry, Kind: refusal.Dropped, Scope: "all", ContactID: rows[i].ID}
		}
		if err := refusal.Note(tx, lines); err != nil {
			return nil, err
		}
		if err := part(tx, leaving); err != nil {
			return nil, err
		}
		tx.Do(dropActivity, leaving)
		tx.Do(dropNoted, leaving)
		tx.Do(dropWas, leaving)
		tx.Do(drop, leaving)
		gone = append(gone, leaving...)
	}
	return gone, nil
}

// tellDropped traces that people went, and by which rule.
func tellDropped(tx *store.Tx, rows []Row, rule string) (int64, error) {
	act := trace.Act{Action: "contact.drop", Object: "contact", Clear: proof.Fields{"rule": rule}}
	if len(rows) == 1 {
		act.Person = rows[0].Person()
		act.Person.Key = keys.Ref{}
		return trace.Append(tx, act)
	}
	members := make([]trace.Member, len(rows))
	for i, r := range rows {
		members[i] = trace.Member{Person: r.Person()}
	}
	return trace.AppendSet(tx, act, members)
}

// Lonely gives those of some people, at most 1,000, who came from a source and never showed a
// sign of life to the account: no order, no reply, no choice, no visit.
func Lonely(r store.Reader, ids []int64, source string) ([]int64, error) {
	return store.All[int64](r, lonely, ids, source)
}

// Forget destroys the keys of people who were deleted, over all accounts, and strikes them
// off. Again is harmless, and a kill in between leaves the rest to the next time. What goes wrong
// in one account is told and holds up no other's.
func Forget(ctx context.Context, db *store.DB) error {
	var accounts []int64
	err := db.View(ctx, actor.System("contact.forget"), func(v *store.View) (err error) {
		accounts, err = store.All[int64](v, keyEnds)
		return err
	})
	for _, a := range accounts {
		for more := true; more; {
			var wrong error
			more, wrong = forgetSome(ctx, db, actor.Worker("contact.forget", a))
			err = errors.Join(err, wrong)
			more = more && wrong == nil
		}
	}
	return err
}

func forgetSome(ctx context.Context, db *store.DB, who actor.Actor) (more bool, err error) {
	type due struct {
		Sheet int64
		Slot  int
	}
	const some = 500
	var list []due
	var ring *keys.Ring
	err = db.View(ctx, who, func(v *store.View) (err error) {
		ring = keys.Of(v)
		list, err = store.All[due](v, keysDue, some)
		return err
	})
	if err != nil || len(list) == 0 {
		return false, err
	}
	refs := make([]keys.Ref, len(list))
	for i, d := range list {
		refs[i] = keys.Ref{Sheet: d.Sheet, Slot: d.Slot}
	}
	if err := ring.Forget(ctx, who.Account, refs...); err != nil {
		return false, err
	}
	return len(list) == some, db.Write(ctx, who, func(tx *store.Tx) error {
		for _, d := range list {
			tx.Do(keyEnded, d.Sheet, d.Slot)
		}
		_, err := trace.Append(tx, trace.Act{Action: "contact.forget", Clear: proof.Fields{"keys": strconv.Itoa(len(list))}})
		return err
	})
}
