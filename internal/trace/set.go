// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// AppendSet writes one entry for an act on many people, at most proof.MaxMembers: their
// records make a sub-tree whose root stands in the entry. A member's index is its place in
// the slice; the room's row keeps (entry, index) and the values.
func AppendSet(tx *store.Tx, a Act, members []Member) (int64, error) {
	if len(members) == 0 || len(members) > proof.MaxMembers {
		return 0, fmt.Errorf("trace: %s: a set has 1 to %d members, not %d", a.Action, proof.MaxMembers, len(members))
	}
	id := a.ID
	if id == 0 {
		id = tx.ID()
	}
	clear, err := a.clear(tx, id)
	if err != nil {
		return 0, err
	}
	key, none, err := log(keys.Of(tx), tx.Account())
	if err != nil {
		return 0, err
	}
	names, err := privateNames(members)
	if err != nil {
		return 0, fmt.Errorf("trace: %s: %w", a.Action, err)
	}
	leaves := make([]proof.Hash, len(members))
	kept := make([]byte, 0, len(members)*36)
	for i := range members {
		if leaves[i], kept, err = members[i].record(&key, &none, id, i, names, kept); err != nil {
			return 0, fmt.Errorf("trace: %s: member %d: %w", a.Action, i, err)
		}
	}
	tree, err := proof.Grow(leaves)
	if err != nil {
		return 0, err
	}
	root, err := tree.Root(tree.Size())
	if err != nil {
		return 0, err
	}
	clear["members"], clear["root"] = dec(int64(len(members))), proof.Hex(root)
	if err := write(tx, id, a, clear); err != nil {
		return 0, err
	}
	blob := make([]byte, 0, len(leaves)*32)
	for i := range leaves {
		blob = append(blob, leaves[i][:]...)
	}
	tx.Do(addMembers.of(tx), id, len(members), blob, strings.Join(names, " "), kept)
	return id, nil
}

// privateNames lists the names of the members' private fields, sorted.
func privateNames(members []Member) ([]string, error) {
	var names []string
	for i := range members {
		for n := range members[i].Private {
			if !slices.Contains(names, n) {
				if names = append(names, n); len(names) > 32 {
					return nil, fmt.Errorf("a set has at most 32 names of private fields")
				}
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// record commits one member: its leaf, and its commitments appended to kept.
func (m *Member) record(key, none *proof.Hash, entry int64, index int, names []string, kept []byte) (proof.Hash, []byte, error) {
	salt, err := m.Person.salt(*none, len(m.Private))
	if err != nil {
		return proof.Hash{}, nil, err
	}
	clear := make(proof.Fields, len(m.Clear)+1)
	for n, v := range m.Clear {
		if reserved[n] {
			return proof.Hash{}, nil, fmt.Errorf("the field %s is the trace's own", n)
		}
		clear[n] = v
	}
	m.Person.name(clear)
	text, err := proof.Canonical(clear)
	if err != nil {
		return proof.Hash{}, nil, err
	}
	s1, s2 := proof.Salt(key, entry, index), proof.Salt(&salt, entry, index)
	all := proof.All(&s2)
	c, err := proof.CommitAll(&s2, m.Private)
	if err != nil {
		return proof.Hash{}, nil, err
	}
	bits := uint32(0)
	at := len(kept)
	kept = append(kept, 0, 0, 0, 0)
	for i, n := range names {
		if h, ok := c[n]; ok {
			bits |= 1 << i
			kept = append(kept, h[:]...)
		}
	}
	binary.BigEndian.PutUint32(kept[at:], bits)
	return proof.Leaf(proof.MAC(&s1, []byte(text)), proof.MAC(&all, []byte(c.Text()))), kept, nil
}
