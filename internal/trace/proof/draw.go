// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"
)

// Draw draws n of the ids, so that nobody can choose who is among them once the seed is told,
// and everybody can repeat it (docs/formats/bundle.md): those with the smallest
// SHA-256(seed, line feed, id in decimal). They come in order of id.
func Draw(ids []int64, n int, seed string) []int64 {
	type ticket struct {
		id  int64
		sum Hash
	}
	all := make([]ticket, len(ids))
	for i, id := range ids {
		all[i] = ticket{id, sha256.Sum256(strconv.AppendInt([]byte(seed+"\n"), id, 10))}
	}
	slices.SortFunc(all, func(a, b ticket) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	all = all[:min(max(n, 0), len(all))]
	out := make([]int64, 0, len(all))
	for _, t := range all {
		out = append(out, t.id)
	}
	slices.Sort(out)
	return out
}
