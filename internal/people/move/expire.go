// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import (
	"context"
	"errors"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
)

// Expire ends the changes that were not answered in time, in every account, and forgets the
// addresses in them. Periodic; a kill in between leaves the rest to the next time, and what goes
// wrong in one account holds up no other's.
func Expire(ctx context.Context, db *store.DB) (wrong error) {
	type over struct{ AccountID, ID int64 }
	const page = 200
	for {
		var list []over
		err := db.View(ctx, actor.System("move"), func(v *store.View) (err error) { list, err = store.All[over](v, due, page); return err })
		if err != nil {
			return errors.Join(wrong, err)
		}
		failed := 0
		for _, o := range list {
			err := db.Write(ctx, actor.Worker("move.expire", o.AccountID), func(tx *store.Tx) error { return expire(tx, o.ID) })
			if err != nil {
				wrong, failed = errors.Join(wrong, err), failed+1
			}
		}
		if len(list) < page || failed > 0 || ctx.Err() != nil {
			return wrong
		}
	}
}

func expire(tx *store.Tx, id int64) error {
	c, rows, err := locked(tx, id)
	if err != nil || c.State != Asked || tx.Now < c.EndsAt {
		return err
	}
	tx.Do(end, Expired, late, []byte{}, id)
	if len(rows) == 0 {
		return nil
	}
	return tell(tx, c, rows[0], "move.expire", "")
}

// DropPeople deletes the changes of people who are deleted for good, at most 1,000.
func DropPeople(tx *store.Tx, people []int64) { tx.Do(drop, people) }
