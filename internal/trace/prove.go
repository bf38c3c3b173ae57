// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// Prover proves entries of one account under one checkpoint, in one unchanging view.
type Prover struct {
	*store.View
	log  *Log
	ring *keys.Ring
	head head
	tree *tiles
}

// Prove seals what waits and opens a Prover. Everything that fn proves stands under the
// same checkpoint, and its own reads see the same moment.
func Prove(ctx context.Context, db *store.DB, who actor.Actor, fn func(*Prover) error) error {
	l, err := find(ctx, db)
	if err != nil {
		return err
	}
	if err := l.Seal(ctx); err != nil {
		return err
	}
	return db.View(ctx, who, func(v *store.View) error {
		p, err := ProverIn(v)
		if err != nil {
			return err
		}
		return fn(p)
	})
}

// ProverIn proves inside an act or a view that is open already. It seals nothing: an entry
// that still waits is a fault of kind Busy, "trace.unsealed"; two seconds later it is there.
func ProverIn(r store.Reader) (*Prover, error) {
	l, err := Of(r)
	if err != nil {
		return nil, err
	}
	v, ok := r.(*store.View)
	if tx, in := r.(*store.Tx); in {
		v, ok = tx.View, true
	}
	if !ok {
		return nil, errors.New("trace: a Prover needs a View or a Tx")
	}
	h, err := store.One[head](v, findHead)
	return &Prover{View: v, log: l, ring: l.ring, head: h, tree: treeOf(v, h.Size)}, err
}

// Shown is what a proof shows of an entry.
type Shown struct {
	Member  int               // index in a set act, or proof.Whole
	Person  Person            // whom the record is about; of one without Salt only the clear part is shown
	Clear   proof.Fields      // a member's clear fields, as they were given to AppendSet
	Private proof.Fields      // values to show; nil takes those the entry keeps sealed
	Removed map[string]string // why a committed value is not shown
}

type entryRow struct {
	Clear, Private string
	C2, Sealed     []byte
}

// Entry proves one entry, or one member of a set act. A value that is not the one that was
// committed is a fault "trace.prove.differs".
func (p *Prover) Entry(entry int64, s Shown) (proof.Entry, error) {
	out := proof.Entry{ID: entry}
	row, err := store.One[entryRow](p, findEntry.of(p), entry)
	if errors.Is(err, store.ErrNone) {
		return out, fault.New(fault.NotFound, "trace.entry.none")
	}
	if err != nil {
		return out, err
	}
	leaf, err := store.One[leafRow](p, findLeaf.of(p), entry)
	if errors.Is(err, store.ErrNone) || err == nil && leaf.LeafIndex >= p.head.Size {
		return out, fault.New(fault.Busy, "trace.unsealed")
	}
	if err != nil {
		return out, err
	}
	outer := s
	if s.Member != proof.Whole {
		if out.Member, err = p.member(entry, s); err != nil {
			return out, err
		}
		outer = Shown{}
	}
	if out.Record, err = p.record(entry, row, outer); err != nil {
		return out, err
	}
	path, err := tlog.ProveRecord(p.head.Size, leaf.LeafIndex, p.tree)
	out.Leaf, out.Path = leaf.LeafIndex, proof.Path(path)
	return out, err
}

// record shows an entry's own record.
func (p *Prover) record(entry int64, row entryRow, s Shown) (proof.Record, error) {
	key, none, err := log(p.ring, p.Account())
	if err != nil {
		return proof.Record{}, err
	}
	s1 := proof.Salt(&key, entry, proof.Whole)
	r := proof.Record{Clear: row.Clear, S1: proof.Hex(s1)}
	if !s.Person.IsZero() && len(s.Person.Salt) == 0 || row.Private == "" {
		r.C2 = fmt.Sprintf("%x", row.C2)
		return r, nil
	}
	c, err := proof.ParseCommitments(row.Private)
	if err != nil {
		return r, err
	}
	salt, err := s.Person.salt(none, len(c))
	if err != nil {
		return r, err
	}
	if s.Private == nil {
		if s.Private, err = Values(p.ring, p.Account(), entry, s.Person, row.Sealed); err != nil {
			return r, err
		}
	}
	s2 := proof.Salt(&salt, entry, proof.Whole)
	r.S2All = proof.Hex(proof.All(&s2))
	r.Private, err = shown(&s2, c, s)
	return r, err
}

// shown keeps of the values those that were committed.
func shown(s2 *proof.Hash, c proof.Commitments, s Shown) ([]proof.Field, error) {
	values := proof.Fields{}
	for n, v := range s.Private {
		if _, ok := c[n]; ok && s.Removed[n] == "" {
			values[n] = v
		}
	}
	f, err := proof.Shown(s2, c, values, s.Removed)
	if err != nil {
		return nil, fault.New(fault.Conflict, "trace.prove.differs").Because(err)
	}
	return f, nil
}

// Values opens the private values an entry keeps: none when the person has no key or was
// forgotten.
func Values(ring *keys.Ring, account, entry int64, p Person, sealed []byte) (proof.Fields, error) {
	if len(sealed) == 0 {
		return proof.Fields{}, nil
	}
	var text []byte
	var err error
	if p.IsZero() {
		text, err = ring.Open(account, sealedAt(entry), sealed)
	} else {
		var s keys.Subject
		if s, err = p.subject(ring, account); err == nil {
			text, err = s.Open(sealedAt(entry), sealed)
		}
	}
	if errors.Is(err, errNoKey) || errors.Is(err, keys.ErrForgotten) {
		return proof.Fields{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("trace: the values of entry %d do not open: %w", entry, err)
	}
	return proof.Parse(string(text))
}

type membersRow struct {
	N      int
	Leaves []byte
	Names  string
	Kept   []byte
}

func (m membersRow) hashes() ([]proof.Hash, error) {
	if len(m.Leaves) != m.N*32 || m.N < 1 {
		return nil, errors.New("trace: the members of the set are not whole")
	}
	out := make([]proof.Hash, m.N)
	for i := range out {
		out[i] = proof.Hash(m.Leaves[i*32:])
	}
	return out, nil
}

// commitments finds those of one member.
func (m membersRow) commitments(index int) (proof.Commitments, error) {
	names := strings.Fields(m.Names)
	at := m.Kept
	for i := 0; ; i++ {
		if len(at) < 4 {
			return nil, errors.New("trace: the members of the set are not whole")
		}
		bits := binary.BigEndian.Uint32(at)
		at = at[4:]
		c := proof.Commitments{}
		for k, n := range names {
			if bits&(1<<k) == 0 {
				continue
			}
			if len(at) < 32 {
				return nil, errors.New("trace: the members of the set are not whole")
			}
			c[n] = proof.Hash(at)
			at = at[32:]
		}
		if i == index {
			return c, nil
		}
	}
}

// member shows one member of a set act, and checks that it is the one that was committed.
func (p *Prover) member(entry int64, s Shown) (*proof.Member, error) {
	m, err := store.One[membersRow](p, findMembers.of(p), entry)
	if err != nil {
		return nil, err
	}
	leaves, err := m.hashes()
	if err != nil {
		return nil, err
	}
	if s.Member < 0 || s.Member >= m.N {
		return nil, fault.New(fault.NotFound, "trace.entry.none")
	}
	key, none, err := log(p.ring, p.Account())
	if err != nil {
		return nil, err
	}
	c, err := m.commitments(s.Member)
	if err != nil {
		return nil, err
	}
	salt, err := s.Person.salt(none, len(c))
	if err != nil {
		return nil, err
	}
	clear := maps.Clone(s.Clear)
	if clear == nil {
		clear = proof.Fields{}
	}
	s.Person.name(clear)
	text, err := proof.Canonical(clear)
	if err != nil {
		return nil, err
	}
	s1, s2 := proof.Salt(&key, entry, s.Member), proof.Salt(&salt, entry, s.Member)
	all := proof.All(&s2)
	if proof.Leaf(proof.MAC(&s1, []byte(text)), proof.MAC(&all, []byte(c.Text()))) != leaves[s.Member] {
		return nil, fault.New(fault.Conflict, "trace.prove.differs").Because(fmt.Errorf("entry %d, member %d", entry, s.Member))
	}
	fields, err := shown(&s2, c, s)
	if err != nil {
		return nil, err
	}
	tree, err := proof.Grow(leaves)
	if err != nil {
		return nil, err
	}
	path, err := tree.Inclusion(int64(m.N), int64(s.Member))
	return &proof.Member{Index: s.Member, Path: proof.Path(path),
		Record: proof.Record{Clear: text, S1: proof.Hex(s1), S2All: proof.Hex(all), Private: fields}}, err
}

// Log gives where the entries stand: key, checkpoint, and paths from the checkpoints of the
// last days, so that who kept one of them can link it. A log that does not go on from what this
// node signed last is not signed here either; one that the view sees as it was before that is.
func (p *Prover) Log() (proof.Log, error) {
	if err := continues(p.tree, p.head, p.log.signed()); err != nil {
		return proof.Log{}, err
	}
	cp, err := p.log.checkpoint(p.head)
	if err != nil {
		return proof.Log{}, err
	}
	note, err := cp.Sign(p.log.signer)
	if err != nil {
		return proof.Log{}, err
	}
	out := proof.Log{Key: p.log.key, Checkpoint: string(note)}
	sizes, err := store.All[int64](p, dailySizes, earlierDays)
	if err != nil {
		return out, err
	}
	slices.Sort(sizes)
	for _, n := range slices.Compact(sizes) {
		if n < 1 || n >= p.head.Size {
			continue
		}
		path, err := tlog.ProveTree(p.head.Size, n, p.tree)
		if err != nil {
			return out, err
		}
		out.Earlier = append(out.Earlier, proof.Earlier{Size: n, Path: proof.Path(path)})
	}
	return out, nil
}

// Pack signs a bundle with the log's key, and ends it.
func (p *Prover) Pack(k *proof.Packer, b proof.Bundle) error { return k.Close(b, p.log.signer) }

// From leads from the log as it was with so many entries to its checkpoint.
func (p *Prover) From(size int64) (proof.Earlier, error) {
	if size < 1 || size > p.head.Size {
		return proof.Earlier{}, fault.New(fault.NotFound, "trace.bridge.size", "size", p.head.Size)
	}
	path, err := tlog.ProveTree(p.head.Size, size, p.tree)
	return proof.Earlier{Size: size, Path: proof.Path(path)}, err
}

// Size is how many entries the log has under the checkpoint that everything is proved with.
func (p *Prover) Size() int64 { return p.head.Size }

const earlierDays = 14

// Sign signs a proof with the log's key; what it gives was verified.
func (p *Prover) Sign(f proof.File) ([]byte, error) { return proof.Sign(f, p.log.signer) }

// Bridge links the log of an older size to the newest checkpoint, for `--against`.
func (l *Log) Bridge(ctx context.Context, from int64) ([]byte, error) {
	cp, note, err := l.sign(ctx)
	if err != nil {
		return nil, err
	}
	if from < 1 || from > cp.Size {
		return nil, fault.New(fault.NotFound, "trace.bridge.size", "size", cp.Size)
	}
	b := proof.Bridge{From: from, Checkpoint: note}
	err = l.main.View(ctx, sealer, func(v *store.View) (err error) {
		b.Path, err = tlog.ProveTree(cp.Size, from, treeOf(v, cp.Size))
		return err
	})
	return b.Bytes(), err
}
