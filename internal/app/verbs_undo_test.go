// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/importer"
)

// undo takes the import back whose rows waited and were released.
func (r *run) undo(do verb, steps ownVerb) {
	do("take an import back", func(tx *store.Tx) error { return importer.Undo(tx, r.n["waiting"]) })
	steps("write what is taken back", func(ctx context.Context, _ actor.Actor) error {
		return importer.UndoWork(ctx, &job.Run{DB: r.Main, Ref: r.n["waiting"], Who: actor.Worker("importer.undo", r.Account)})
	})
}
