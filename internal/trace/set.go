// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// AppendSet writes one entry for an act on many people, at most proof.MaxMembers: their
// records make a sub-tree whose root stands in the entry. A member's index is its place in
// the slice; the room's row keeps (entry, index) and the values.
func AppendSet(tx *store.Tx, a Act, members []Member) (int64, error) {
	s, err := BeginSet(tx, a, members)
	if err != nil {
		return 0, err
	}
	return s.Append()
}

// Set is a set act that is being committed beside the act that writes its rows.
type Set struct {
	tx    *store.Tx
	act   Act
	id    int64
	clear proof.Fields
	set   set
	err   error
	done  chan struct{} // closed when every member is committed, or one can't be
}

// BeginSet begins to commit the members of a set act on another processor, while the act goes
// on writing their rows; Append writes the entry. Members, and what they lead to, are left alone
// until Append, or Rest where the act goes wrong, has returned.
func BeginSet(tx *store.Tx, a Act, members []Member) (*Set, error) {
	if len(members) == 0 || len(members) > proof.MaxMembers {
		return nil, fmt.Errorf("trace: %s: a set has 1 to %d members, not %d", a.Action, proof.MaxMembers, len(members))
	}
	id := a.ID
	if id == 0 {
		id = tx.ID()
	}
	clear, err := a.clear(tx, id)
	if err != nil {
		return nil, err
	}
	key, none, err := log(keys.Of(tx), tx.Account())
	if err != nil {
		return nil, err
	}
	s := &Set{tx: tx, act: a, id: id, clear: clear, done: make(chan struct{}),
		set: set{entry: id, key: key, none: none, members: members, leaves: make([]proof.Hash, len(members))}}
	go func() {
		defer close(s.done)
		s.err = s.set.commit()
	}()
	return s, nil
}

// Rest waits until nothing looks at the members any more. Again is harmless.
func (s *Set) Rest() { <-s.done }

// Append writes the entry and what its members' proofs need.
func (s *Set) Append() (int64, error) {
	if s.Rest(); s.err != nil {
		return 0, fmt.Errorf("trace: %s: %w", s.act.Action, s.err)
	}
	leaves := s.set.leaves
	tree, err := proof.Grow(leaves)
	if err != nil {
		return 0, err
	}
	root, err := tree.Root(tree.Size())
	if err != nil {
		return 0, err
	}
	s.clear["members"], s.clear["root"] = dec(int64(len(leaves))), proof.Hex(root)
	if err := write(s.tx, s.id, s.act, s.clear); err != nil {
		return 0, err
	}
	blob := make([]byte, 0, len(leaves)*32)
	for i := range leaves {
		blob = append(blob, leaves[i][:]...)
	}
	s.tx.Do(addMembers.of(s.tx), s.id, len(leaves), blob, strings.Join(s.set.names, " "), s.set.kept)
	return s.id, nil
}

// set is a set act while its members are committed.
type set struct {
	entry     int64
	key, none proof.Hash
	members   []Member
	names     []string // of the members' private fields, sorted
	leaves    []proof.Hash
	kept      []byte
}

// alone is how many members one goroutine commits before another is worth its start.
const alone = 256

// commit commits every member, on as many processors as there are.
func (s *set) commit() error {
	if err := s.name(); err != nil {
		return err
	}
	n := min(runtime.GOMAXPROCS(0), 1+len(s.members)/alone)
	parts := make([]part, n)
	each := (len(s.members) + n - 1) / n
	var work sync.WaitGroup
	for i := range parts {
		from, to := i*each, min((i+1)*each, len(s.members))
		if i == n-1 {
			parts[i].commit(s, from, to)
			continue
		}
		work.Go(func() { parts[i].commit(s, from, to) })
	}
	work.Wait()
	for i := range parts {
		if parts[i].err != nil {
			return parts[i].err
		}
		s.kept = append(s.kept, parts[i].kept...)
	}
	return nil
}

// name lists the names of the members' private fields.
func (s *set) name() error {
	for i := range s.members {
		s.members[i].private(func(n, _ string) {
			if !slices.Contains(s.names, n) {
				s.names = append(s.names, n)
			}
		})
		if len(s.names) > 32 {
			return fmt.Errorf("a set has at most 32 names of private fields")
		}
	}
	slices.Sort(s.names)
	return nil
}

// private gives the private fields; in order of name where they are facts.
func (m *Member) private(yield func(name, value string)) {
	if m.Facts != nil {
		m.Facts.EachPrivate(yield)
		return
	}
	for n, v := range m.Private {
		yield(n, v)
	}
}

// part is a run of members that one goroutine commits, with what it needs again and again.
type part struct {
	set    *set
	kept   []byte
	text   []byte
	lines  []byte
	hashes [32]proof.Hash
	s2     proof.Hash // of the member at hand
	bits   uint32     // the names it has
	bad    bool       // one of them is no name
	err    error
}

func (p *part) commit(s *set, from, to int) {
	p.set = s
	p.kept = make([]byte, 0, (to-from)*(4+32*len(s.names)))
	field := p.field // one function for all members
	for i := from; i < to && p.err == nil; i++ {
		if p.err = p.member(i, field); p.err != nil {
			p.err = fmt.Errorf("member %d: %w", i, p.err)
		}
	}
}

// field commits one private field of the member at hand.
func (p *part) field(n, v string) {
	if p.bad = p.bad || !proof.GoodName(n); p.bad {
		return
	}
	at := slices.Index(p.set.names, n)
	k := proof.FieldKey(&p.s2, n)
	p.hashes[at], p.bits = proof.Commit(&k, v), p.bits|1<<at
}

// member commits one member: its leaf, and its commitments appended to what is kept.
func (p *part) member(i int, field func(n, v string)) error {
	s := p.set
	m := &s.members[i]
	if err := p.clear(m); err != nil {
		return err
	}
	salt := &s.none
	if len(m.Person.Salt) == 32 {
		salt = (*proof.Hash)(m.Person.Salt)
	}
	p.s2, p.bits, p.bad = proof.Salt(salt, s.entry, i), 0, false
	m.private(field)
	if p.bad {
		return fmt.Errorf("a private field has a bad name")
	}
	if p.bits != 0 && !m.Person.IsZero() && len(m.Person.Salt) != 32 {
		return fmt.Errorf("person %d comes without the 32 bytes of salt of its row", m.Person.ID)
	}
	p.kept = binary.BigEndian.AppendUint32(p.kept, p.bits)
	p.lines = p.lines[:0]
	for at, n := range s.names {
		if p.bits&(1<<at) == 0 {
			continue
		}
		h := &p.hashes[at]
		p.kept = append(p.kept, h[:]...)
		p.lines = append(append(p.lines, n...), ' ')
		p.lines = append(hex.AppendEncode(p.lines, h[:]), '\n')
	}
	s1, all := proof.Salt(&s.key, s.entry, i), proof.All(&p.s2)
	s.leaves[i] = proof.Leaf(proof.MAC(&s1, p.text), proof.MAC(&all, p.lines))
	return nil
}

// clear writes the member's clear text, with the number of its person.
func (p *part) clear(m *Member) error {
	if m.Facts != nil {
		name := ""
		var number [20]byte
		var id []byte
		if m.Person.ID != 0 {
			name, id = "contact", strconv.AppendInt(number[:0], m.Person.ID, 10)
			if m.Person.Member {
				name = "member"
			}
		}
		p.text = m.Facts.AppendClear(p.text[:0], name, string(id))
		return nil
	}
	clear := make(proof.Fields, len(m.Clear)+1)
	for n, v := range m.Clear {
		if reserved[n] {
			return fmt.Errorf("the field %s is the trace's own", n)
		}
		clear[n] = v
	}
	m.Person.name(clear)
	text, err := proof.Canonical(clear)
	p.text = append(p.text[:0], text...)
	return err
}
