// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"context"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
)

// PartPeople is how many people stand in one piece.
const PartPeople = partPeople

// Piece writes the next piece of an export and no more, as a run does that is killed after it.
func Piece(ctx context.Context, r *job.Run) error {
	var ring *keys.Ring
	err := r.DB.View(ctx, r.Who, func(v *store.View) error { ring = keys.Of(v); return nil })
	if err == nil {
		_, err = exporting{r}.piece(ctx, ring)
	}
	return err
}
