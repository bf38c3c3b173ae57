// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/envelope"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/evidence"
)

// proofs are the verbs of exports of many proofs, here of a list of few people.
func (r *run) proofs(do verb, steps ownVerb) {
	do("ask for one's own proof", func(tx *store.Tx) error { return evidence.AskFor(tx, r.n["receipt of"]) })
	do("ask for an export", func(tx *store.Tx) error {
		id, err := evidence.Ask(tx, evidence.Wanted{List: r.n["wines"]})
		return r.keep("export", id, err)
	})
	steps("write an export", func(ctx context.Context, who actor.Actor) error {
		return evidence.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["export"], Who: actor.Worker("evidence.export", who.Account)})
	})
	do("take an export out", func(tx *store.Tx) error { return evidence.Taken(tx, r.n["export"], envelope.ByKey) })
	do("drop an export", func(tx *store.Tx) error { return evidence.Drop(tx, r.n["export"]) })
}
