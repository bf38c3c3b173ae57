// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import "sync"

// idBlock is how many ids a node takes from the counter at a time.
const idBlock int64 = 1 << 16

// ids is a node's block. Ids that a crash leaves unused are never given again.
type ids struct {
	mu        sync.Mutex
	next, end int64
}

func (i *ids) take() (int64, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.next >= i.end {
		return 0, false
	}
	i.next++
	return i.next - 1, true
}

func (i *ids) give(first int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.next, i.end = first, first+idBlock
}

// left is how many ids of the block are still free.
func (i *ids) left() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.end - i.next
}
