// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"consend/internal/ground/store"
)

// A tile holds up to 256 hashes side by side: tile n of level k those of the subtrees of
// 2^(8k) leaves, from number 256n on. The last tile of a level grows in place; a full one
// never changes again.
const (
	tileBits  = 8
	tileWidth = 1 << tileBits
	tileFull  = tileWidth * tlog.HashSize
)

type tileID struct{ level, n int64 }

// tiles reads the tree out of its tiles, and extends it.
type tiles struct {
	r     store.Reader
	size  int64
	cache map[tileID][]byte
	dirty map[tileID]bool
}

func treeOf(r store.Reader, size int64) *tiles {
	return &tiles{r: r, size: size, cache: map[tileID][]byte{}, dirty: map[tileID]bool{}}
}

func (t *tiles) load(id tileID) ([]byte, error) {
	if b, ok := t.cache[id]; ok {
		return b, nil
	}
	b, err := store.One[[]byte](t.r, findTile, id.level, id.n)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return nil, err
	}
	if len(t.cache) > 4096 && len(t.dirty) == 0 {
		clear(t.cache)
	}
	t.cache[id] = b
	return b, nil
}

// add appends a leaf.
func (t *tiles) add(leaf tlog.Hash) error {
	n := t.size
	for level := int64(0); ; level++ {
		id := tileID{level, n >> tileBits}
		var b []byte
		if n&(tileWidth-1) != 0 {
			var err error
			if b, err = t.load(id); err != nil {
				return err
			}
			if int64(len(b)) < n%tileWidth*tlog.HashSize {
				return fmt.Errorf("trace: tile %d of level %d is missing", id.n, level)
			}
			b = b[:n%tileWidth*tlog.HashSize] // what is beyond the head was never sealed
		}
		b = append(b, leaf[:]...)
		t.cache[id], t.dirty[id] = b, true
		if len(b) < tileFull {
			break
		}
		leaf = subtree(b)
		n >>= tileBits
	}
	t.size++
	return nil
}

// subtree is the hash over a power of two of hashes.
func subtree(b []byte) tlog.Hash {
	if len(b) == tlog.HashSize {
		return tlog.Hash(b)
	}
	half := len(b) / 2
	return tlog.NodeHash(subtree(b[:half]), subtree(b[half:]))
}

// ReadHashes serves tlog.
func (t *tiles) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		level, n := tlog.SplitStoredHashIndex(x)
		up, in := int64(level/tileBits), level%tileBits
		first := n << in
		id := tileID{up, first >> tileBits}
		b, err := t.load(id)
		if err != nil {
			return nil, err
		}
		from := first & (tileWidth - 1) * tlog.HashSize
		to := from + tlog.HashSize<<in
		if int64(len(b)) < to {
			return nil, fmt.Errorf("trace: tile %d of level %d is missing", id.n, up)
		}
		out[i] = subtree(b[from:to])
	}
	return out, nil
}

// root is the hash of the first n leaves.
func (t *tiles) root(n int64) (tlog.Hash, error) { return tlog.TreeHash(n, t) }

// save writes the tiles that changed.
func (t *tiles) save(tx *store.Tx) {
	for id := range t.dirty {
		tx.Do(putTile, id.level, id.n, t.cache[id])
	}
	clear(t.dirty)
}
