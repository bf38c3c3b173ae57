// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"slices"
	"strconv"

	"consend/internal/ground/envelope"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/trace/proof"
)

// Person is one of a segment's people as a file names them.
type Person struct {
	contact.Contact
	Barred bool // on the do-not-mail list for everything
	On     bool // a list that carries mail has them
	Left   bool // none has, and one heard their no
}

// Export tells the trace that a segment's people are taken out of the house, how many, and how the file is closed. Call it before
// the first of them is read; people is counted before the act (Count), since it looks at everybody. Faults: segment.none, and those of Where.
func Export(tx *store.Tx, id, people int64, how envelope.How) (Segment, error) {
	s, err := Get(tx, id)
	if err != nil {
		return s, err
	}
	if _, err := Where(tx, s.Definition); err != nil { // changed meanwhile
		return s, err
	}
	_, err = told(tx, "segment.export", id, proof.Fields{"people": strconv.FormatInt(people, 10), "encrypted": string(how)})
	return s, err
}

// People gives a segment's people in the order of their numbers, those after one, at most limit (1,000). Who asked
// that nothing be done with their data (GDPR 18(2)) is left out. Faults: those of Where.
func People(r store.Reader, d Definition, after int64, limit int) ([]Person, error) {
	p, err := Where(r, d)
	if err != nil {
		return nil, err
	}
	type row struct {
		ID     int64
		Barred int64
		Stands int64
	}
	rows, err := store.All[row](r, p.Into(exported), append(slices.Clone(p.Args), after, min(limit, 1000))...)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(rows))
	of := make(map[int64]row, len(rows))
	for i, x := range rows {
		ids[i], of[x.ID] = x.ID, x
	}
	people, err := contact.Some(r, ids)
	slices.SortFunc(people, func(a, b contact.Contact) int { return int(a.ID - b.ID) })
	out := make([]Person, len(people))
	for i, c := range people {
		x := of[c.ID]
		out[i] = Person{c, x.Barred != 0, x.Stands == 2, x.Stands == 1}
	}
	return out, err
}
