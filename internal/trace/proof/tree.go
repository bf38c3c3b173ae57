// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxMembers is how many members one set act may have.
const MaxMembers = 4096

// Tree is a Merkle tree held in memory (RFC 6962 through tlog), for the members of a
// set act and for tests; the log itself lives in tiles.
type Tree struct {
	n      int64
	hashes []tlog.Hash
}

// Grow makes a tree over leaves.
func Grow(leaves []Hash) (*Tree, error) {
	t := &Tree{hashes: make([]tlog.Hash, 0, 2*len(leaves))}
	for _, l := range leaves {
		if err := t.Add(l); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Add appends a leaf.
func (t *Tree) Add(leaf Hash) error {
	hs, err := tlog.StoredHashesForRecordHash(t.n, leaf, t)
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, hs...)
	t.n++
	return nil
}

// ReadHashes serves tlog.
func (t *Tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		if x < 0 || x >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("proof: no hash %d in a tree of %d", x, t.n)
		}
		out[i] = t.hashes[x]
	}
	return out, nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.n }

// Root is the hash of the first n leaves; the empty tree has the hash of nothing.
func (t *Tree) Root(n int64) (Hash, error) { return tlog.TreeHash(n, t) }

// Inclusion proves that leaf i stands in the first n.
func (t *Tree) Inclusion(n, i int64) ([]tlog.Hash, error) { return tlog.ProveRecord(n, i, t) }

// Consistency proves that the first old leaves begin the first n.
func (t *Tree) Consistency(n, old int64) ([]tlog.Hash, error) { return tlog.ProveTree(n, old, t) }
