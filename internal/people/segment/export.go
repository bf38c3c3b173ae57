// SPDX-License-Identifier: AGPL-3.0-or-later

package segment

import (
	"cmp"
	"slices"
	"strconv"

	"consend/internal/ground/envelope"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/trace/proof"
)

// Person is one of a segment's people as a file names them.
type Person struct {
	contact.Contact
	Barred bool // on the do-not-mail list for everything, for another reason than a mailbox that is gone
	On     bool // may be written to on a list: the one the segment names, or any
	Left   bool // a list they aren't on heard their no, and no request since: the one the segment names, or any

	Onto, From []string // the lists that have them, and those that heard their no
}

// Named is the one list a segment speaks of; 0 when it speaks of none or of several. A file of its people then says
// how they stand on that list.
func (d Definition) Named() int64 {
	named := map[int64]bool{}
	var look func(g Group)
	look = func(g Group) {
		for _, c := range g.Conditions {
			if c.Field == List {
				named[c.Of] = true
			}
		}
		for _, in := range g.Groups {
			look(in)
		}
	}
	if look(Group(d)); len(named) != 1 {
		return 0
	}
	for id := range named {
		return id
	}
	return 0
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
	if err != nil {
		return nil, err
	}
	slices.SortFunc(people, func(a, b contact.Contact) int { return int(a.ID - b.ID) })
	out := make([]Person, len(people))
	for i, c := range people {
		x := of[c.ID]
		out[i] = Person{Contact: c, Barred: x.Barred != 0}
	}
	return out, stand(r, d.Named(), ids, out)
}

// stand says on which lists people are, in the order of their numbers.
func stand(r store.Reader, named int64, ids []int64, people []Person) error {
	if len(ids) == 0 {
		return nil
	}
	ground, err := consent.GroundOf(r)
	if err != nil {
		return err
	}
	type row struct {
		ContactID int64
		ListID    int64
		Name      string
		State     consent.Status
		Said      consent.Said
		Reason    consent.Reason
	}
	rows, err := store.All[row](r, stands, append(ground.Args(), ids)...)
	for _, x := range rows {
		i, _ := slices.BinarySearchFunc(people, x.ContactID, func(p Person, id int64) int { return cmp.Compare(p.ID, id) })
		p := &people[i]
		on := x.Reason == "" || x.Reason == consent.TooOften // how often they want it doesn't end it
		left := !on && (x.Said == consent.SaidNo || x.State == consent.Withdrawn || x.State == consent.Refused ||
			x.Reason == consent.HasLeft || x.Reason == consent.Complaining || x.Reason == consent.DoNotMail)
		if named == 0 || named == x.ListID {
			p.On, p.Left = p.On || on, p.Left || left && x.State != consent.Requested
		}
		if on {
			p.Onto = append(p.Onto, x.Name)
		} else if left {
			p.From = append(p.From, x.Name)
		}
	}
	return err
}
