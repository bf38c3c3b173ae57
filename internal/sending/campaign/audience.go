// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"context"
	"slices"

	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/segment"
	"consend/internal/trace/proof"
)

// Excluded is the reason of people on a list that the campaign leaves out.
const Excluded gate.Reason = "excluded"

// Audience is whom a campaign would reach, and whom not.
type Audience struct {
	People int64                   // who may get it
	Grades map[consent.Grade]int64 // of those who may get it
	Bases  map[consent.Basis]int64
	Out    []LeftOut // by how many, most first
	Owed   int64     // of those who may get it: how many hear at its top where their address comes from (GDPR 14)
}

// LeftOut is how many people are left out for a reason.
type LeftOut struct {
	Reason gate.Reason
	People int64
}

// OutTotal is how many people are left out.
func (a Audience) OutTotal() (n int64) {
	for _, o := range a.Out {
		n += o.People
	}
	return n
}

// NotInSegment is the reason of people on a list whom the campaign's segment does not describe.
const NotInSegment gate.Reason = "not_in_segment"

// narrowed is whom a campaign's segment describes: that of the approval once there is one, the segment as it is now for
// a draft. Faults: those of segment.Where.
func narrowed(r store.Reader, c Campaign) (segment.Predicate, error) {
	if c.SegmentID == 0 {
		return segment.Everybody, nil
	}
	if c.State == Draft {
		s, err := segment.Get(r, c.SegmentID)
		if err != nil {
			return segment.Predicate{}, err
		}
		return segment.Where(r, s.Definition)
	}
	d, err := segment.Parse(c.SegmentDefinition)
	if err != nil {
		return segment.Predicate{}, err
	}
	return segment.WhereAt(r, d, c.SegmentAt)
}

// For counts the audience of lists as freezing would decide it now: the same text.
func For(r store.Reader, plus, minus []int64) (Audience, error) {
	return audience(r, plus, minus, segment.Everybody)
}

func audience(r store.Reader, plus, minus []int64, in segment.Predicate) (Audience, error) {
	a := Audience{Grades: map[consent.Grade]int64{}, Bases: map[consent.Basis]int64{}}
	if len(plus) == 0 {
		return a, nil
	}
	type row struct {
		Reason gate.Reason
		Basis  consent.Basis
		Grade  consent.Grade
		People int64
		Owed   int64
	}
	g, err := consent.GroundOf(r)
	if err != nil {
		return a, err
	}
	rows, err := store.All[row](r, in.Into(countAudience), slices.Concat([]any{noneIfEmpty(minus)}, in.Args, g.Args(), []any{plus})...)
	out := map[gate.Reason]int64{}
	for _, x := range rows {
		if x.Reason != gate.OK {
			out[x.Reason] += x.People
			continue
		}
		a.People += x.People
		a.Owed += x.Owed
		a.Grades[x.Grade] += x.People
		a.Bases[x.Basis] += x.People
	}
	for reason, n := range out {
		a.Out = append(a.Out, LeftOut{reason, n})
	}
	slices.SortFunc(a.Out, func(x, y LeftOut) int {
		switch {
		case x.People != y.People:
			return int(y.People - x.People)
		case x.Reason < y.Reason:
			return -1
		}
		return 1
	})
	return a, err
}

// noneIfEmpty: no list has the number 0.
func noneIfEmpty(ids []int64) []int64 {
	if len(ids) == 0 {
		return []int64{0}
	}
	return ids
}

// AudienceOf is For with the campaign's own lists and segment. Faults: campaign.none, those of segment.Where.
func AudienceOf(r store.Reader, id int64) (Audience, error) {
	c, err := Get(r, id)
	if err != nil {
		return Audience{}, err
	}
	plus, minus, err := Lists(r, id)
	if err != nil {
		return Audience{}, err
	}
	in, err := narrowed(r, c)
	if err != nil {
		return Audience{}, err
	}
	return audience(r, plus, minus, in)
}

// chunk is how many contacts of a list one step of freezing takes (M3).
const chunk = 2000

// Freeze puts everybody into the ledger of an approved campaign without sending: for measuring. The sender does it beside
// the sending.
func Freeze(ctx context.Context, db *store.DB, who actor.Actor, id int64) error {
	return freeze(ctx, db, who, id, func() {})
}

// freeze puts people into the ledger, chunk by chunk, until all are there or the campaign isn't sent any more. Each
// chunk is a step of its own with its cursor; people who sign up meanwhile wait for it a few milliseconds at most.
func freeze(ctx context.Context, db *store.DB, who actor.Actor, id int64, progress func()) error {
	done, chunks := false, 0
	for first := true; !done; first = false {
		err := db.Bulk(ctx, who, func(tx *store.Tx) (bool, error) {
			more, err := freezeChunk(tx, id)
			if err != nil {
				return false, err
			}
			tx.AfterCommit(func() { done = !more; chunks++; progress() })
			return more && !(first && chunks >= analyzeAfter), nil
		})
		if err != nil {
			return err
		}
		// The ledger has grown from nothing: the planner hears of it early, and again at the end.
		if chunks >= analyzeAfter {
			if err := db.Analyze(ctx, "recipient"); err != nil {
				return err
			}
		}
	}
	return nil
}

// analyzeAfter is how many chunks are worth new statistics.
const analyzeAfter = 3

func freezeChunk(tx *store.Tx, id int64) (more bool, err error) {
	c, err := Get(tx, id)
	if err != nil || !c.State.Running() || c.FrozenAt != 0 {
		return false, err
	}
	plus, minus, err := Lists(tx, id)
	if err != nil {
		return false, err
	}
	// The chunk ends where the first of the lists has given its share, so that each list is read by its key, in order.
	const end = int64(1) << 62
	last := end
	for _, l := range plus {
		ends, err := store.All[int64](tx, chunkEnd, l, c.FreezeCursor, chunk-1)
		if err != nil {
			return false, err
		}
		if len(ends) > 0 {
			last = min(last, ends[0])
		}
	}
	in, err := narrowed(tx, c)
	if err != nil {
		return false, err
	}
	put := freezePeople
	if len(plus) == 1 {
		put = freezeOne
	}
	g, err := consent.GroundOf(tx)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(in.Into(put), slices.Concat([]any{id, noneIfEmpty(minus)}, in.Args, g.Args(), []any{plus, c.FreezeCursor, last, c.FreezeCursor, last})...)
	if err != nil {
		return false, err
	}
	out := int64(0)
	if n > 0 {
		if out, err = store.One[int64](tx, countOut, id, c.FreezeCursor, last); err != nil {
			return false, err
		}
	}
	// The campaign's row is touched last: lanes read it meanwhile. Who froze this chunk before us wins, and
	// whoever paused, ended or took back the campaign.
	var mine int64
	if last != end {
		mine, err = tx.Exec(freezeStep, last, n, out, id, c.FreezeCursor)
	} else if mine, err = tx.Exec(freezeDone, n, out, id, c.FreezeCursor); err == nil && mine > 0 {
		err = told(tx, "campaign.freeze", id, proof.Fields{"people": dec(c.Frozen + n), "left_out": dec(c.FrozenOut + out)}, nil)
	}
	if err == nil && mine == 0 {
		err = errLost
	}
	return last != end, err
}
