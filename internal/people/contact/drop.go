// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"slices"

	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Drop deletes people for good, by a retention rule (in db.Purge), with what this room knows
// of them. Other rooms delete theirs first, in the same act. The keys that were named are
// given: the caller forgets them once the act is durable (a crash before it leaves slots that
// nobody names, which keys.Sweep destroys). What stays is a number that leads to nobody, and
// their commitments in the trace, which open no more.
func Drop(tx *store.Tx, ids []int64, rule string) ([]keys.Ref, error) {
	var refs []keys.Ref
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for part := range slices.Chunk(ids, 1000) {
		rows, err := Lock(tx, part)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			continue
		}
		members := make([]trace.Member, len(rows))
		for i, r := range rows {
			members[i] = trace.Member{Person: r.Person()}
			if !r.Key.IsZero() {
				refs = append(refs, r.Key)
			}
		}
		act := trace.Act{Action: "contact.drop", Object: "contact", Clear: proof.Fields{"rule": rule}}
		if len(rows) == 1 {
			act.Person = rows[0].Person()
			act.Person.Key = keys.Ref{}
			_, err = trace.Append(tx, act)
		} else {
			_, err = trace.AppendSet(tx, act, members)
		}
		if err != nil {
			return nil, err
		}
		tx.Do(dropActivity, part)
		tx.Do(drop, part)
	}
	return refs, nil
}
