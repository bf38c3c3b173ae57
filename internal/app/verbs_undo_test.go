// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/importer"
)

// undo takes an import back, of somebody it made and somebody who was here.
func (r *run) undo(do verb, own, steps ownVerb, o importer.Origin) {
	r.bring(do, own, "back", "Email\ntricesima@exemple.example\ndecima@exemple.example\n", o, true)
	steps("write an import to take back", func(ctx context.Context, _ actor.Actor) error {
		return importer.Work(ctx, &job.Run{DB: r.Main, Ref: r.n["back"], Who: actor.Worker("importer.run", r.Account)})
	})
	do("take an import back", func(tx *store.Tx) error { return importer.Undo(tx, r.n["back"]) })
	steps("write what is taken back", func(ctx context.Context, _ actor.Actor) error {
		return importer.UndoWork(ctx, &job.Run{DB: r.Main, Ref: r.n["back"], Who: actor.Worker("importer.undo", r.Account)})
	})
}
