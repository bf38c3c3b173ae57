// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"hash/maphash"
	"io"

	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
)

// batch is what one set act writes: some rows, what the report says of others, and where
// the next row begins.
type batch struct {
	rows    []row
	notes   []note
	from    int64 // the octet where its first row begins: the same at every reading
	read    int64 // rows of the file it covers: accepted, refused and doubled
	refused int64
	doubled int64
	next    sheet.Position
	first   bool // nothing of the file was written before it
	last    bool
}

// batchRows is how many people one set act holds: details.md allows 4,096; half of that
// keeps sign-ups that wait behind it under 50 ms.
const batchRows = 2048

// batchOctets ends a batch of long rows, which would else be held by the thousand: 2,048 rows may
// be 2 GiB. A row more may stand behind it.
const batchOctets = 4 << 20

// ahead is how many batches are parsed before they can be written. It bounds memory.
const ahead = 2

// stream reads a file in a goroutine of its own, so that parsing and writing use two cores.
// Rows before from were written by an earlier run: they are only remembered, so that an
// address of theirs that comes again counts as a duplicate. It ends when ctx does.
func stream(ctx context.Context, src io.Reader, i Import, rd *reader, l sheet.Limits, from Cursor) (<-chan batch, func() error) {
	out := make(chan batch, ahead)
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(out)
		failed = parse(ctx, src, i, rd, l, from, out)
	}()
	return out, func() error { <-done; return failed }
}

func parse(ctx context.Context, src io.Reader, i Import, rd *reader, l sheet.Limits, from Cursor, out chan<- batch) error {
	r := sheet.NewReader(src, i.Format, l, sheet.Position{})
	r.Names = rd.names
	if i.Format.Header {
		if _, err := r.Next(); err != nil && err != io.EOF {
			return err
		}
	}
	seen := newSeen(i.Survey.Rows)
	var b batch
	begin := func() { b = batch{rows: b.rows[:0], from: r.Position().Offset} }
	// attributes is the map of the next row's place, left there by a batch that is written.
	attributes := func() contact.Attributes {
		if n := len(b.rows); n < cap(b.rows) {
			a := b.rows[:n+1][n].attributes
			clear(a)
			return a
		}
		return nil
	}
	send := func() error {
		if b.next = r.Position(); !from.ahead(b.from) {
			select {
			case out <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
			b.rows = rd.room()
		}
		begin()
		return nil
	}
	b.rows = rd.room()
	begin()
	b.first = from.Offset == 0
	for {
		old := r.Position().Offset < from.Offset
		in, err := r.Next()
		if err == io.EOF {
			b.last = true
			return send()
		}
		if err != nil {
			return err
		}
		if old {
			if in.Fault == nil {
				if got, _, bad := rd.read(in, attributes()); bad == nil {
					seen.add(got.key())
				}
			}
			begin()
			continue
		}
		b.read++
		if in.Fault != nil {
			b.refused++
			b.notes = append(b.notes, note{refused, in.Fault.Line, in.Fault.Key, in.Fault.Field, in.Fault.Args})
		} else if got, notes, bad := rd.read(in, attributes()); bad != nil {
			b.refused++
			b.notes = append(b.notes, note{refused, bad.Line, bad.Key, bad.Field, bad.Args})
		} else {
			b.notes = append(b.notes, notes...)
			if !seen.add(got.key()) {
				b.doubled++
				b.notes = append(b.notes, note{kind: duplicate, line: got.line, key: "import.row.duplicate", column: rd.column(i.Mapping.Index(Email))})
				if got.again = true; got.said != nothing || rd.refusing { // a no counts, whichever of two rows says it
					b.rows = append(b.rows, got)
				}
			} else {
				b.rows = append(b.rows, got)
			}
		}
		if len(b.rows) >= rd.batch || b.read >= int64(4*rd.batch) || len(b.notes) >= 4*rd.batch || r.Position().Offset-b.from >= batchOctets {
			if err := send(); err != nil {
				return err
			}
		}
	}
}

// room gives a place for the rows of a batch: that of one that is written, if there is one.
func (r *reader) room() []row {
	if old, ok := r.spare.Get().(*[]row); ok {
		return (*old)[:0]
	}
	return make([]row, 0, r.batch)
}

// seen is the set of addresses met in the file, as 64-bit hashes under a random seed: 8 to
// 16 octets a row. Of a million rows two different addresses share one with a chance of 3e-8;
// the later row would then be called a duplicate.
type seen struct {
	seed maphash.Seed
	slot []uint64
	n    int
}

func newSeen(rows int64) *seen {
	size := 1024
	for int64(size)*3/4 < rows && size < 1<<23 {
		size *= 2
	}
	return &seen{seed: maphash.MakeSeed(), slot: make([]uint64, size)}
}

// add tells whether the address is new.
func (s *seen) add(norm string) bool {
	h := maphash.String(s.seed, norm)
	if h == 0 {
		h = 1
	}
	if s.n*4 >= len(s.slot)*3 {
		old := s.slot
		s.slot = make([]uint64, 2*len(old))
		for _, v := range old {
			if v != 0 {
				s.put(v)
			}
		}
	}
	if s.put(h) {
		s.n++
		return true
	}
	return false
}

func (s *seen) put(h uint64) bool {
	mask := uint64(len(s.slot) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slot[i] {
		case 0:
			s.slot[i] = h
			return true
		case h:
			return false
		}
	}
}
