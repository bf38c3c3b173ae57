// SPDX-License-Identifier: AGPL-3.0-or-later

package message

import (
	"cmp"
	"math"
	"slices"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Of lists the service mail to a person and to their sign-ups (at most 1,000), newest first, made
// before a moment and a message (0, 0: from the newest).
func Of(r store.Reader, contact int64, signups []int64, before legalclock.Moment, id int64, limit int) ([]Message, error) {
	if id == 0 {
		before = math.MaxInt64
	}
	out, err := store.All[Message](r, ofContact, contact, before, id, limit)
	if err != nil || len(signups) == 0 {
		return out, err
	}
	more, err := store.All[Message](r, ofSignups, signups, before, id, limit)
	out = append(out, more...)
	slices.SortFunc(out, func(a, b Message) int { return cmp.Or(cmp.Compare(b.MadeAt, a.MadeAt), cmp.Compare(b.ID, a.ID)) })
	return out[:min(len(out), limit)], err
}
