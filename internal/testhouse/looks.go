// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"cmp"
	"math"
	"slices"

	"consend/internal/ground/store"
	"consend/internal/trace"
)

// Looks finds every look at a contact, newest first, as the person's page does: at the person alone, and at pages
// that showed them among others.
func Looks(r store.Reader, contact int64) ([]trace.Entry, error) {
	out, err := trace.Search(r, trace.Question{Contact: contact, Action: trace.LookAction, Limit: 1000})
	for at := (trace.Cursor{}); err == nil; {
		var some []trace.Entry
		some, at, err = trace.LookedAmong(r, contact, 0, at, math.MaxInt)
		if out = append(out, some...); at.ID == 0 {
			break
		}
	}
	slices.SortFunc(out, func(a, b trace.Entry) int { return cmp.Compare(b.At, a.At) })
	return out, err
}
