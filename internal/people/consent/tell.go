// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"
	"strings"

	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// tell traces the batch. One event is one entry; a set that was begun is finished.
func (b *batch) tell() error {
	if b.set != nil {
		_, err := b.set.Append()
		return err
	}
	first := &b.records[0]
	act := trace.Act{ID: first.EntryID, Action: "consent." + string(first.Kind), Clear: proof.Fields{}}
	for _, c := range columns {
		if v := c.text(first); v != "" {
			act.Clear[c.name] = v
		}
	}
	p := b.people[first.ContactID]
	act.Object, act.ObjectID, act.Person = "list", first.ListID, p.Person()
	act.Private = first.private(p.Email, b.events[0].Origin)
	_, err := trace.Append(b.tx, act)
	return err
}

// begin begins the set act. What all events have in common stands in the entry, what differs
// in its member; addresses and origins are committed, never written.
func (b *batch) begin() (err error) {
	first := &b.records[0]
	act := trace.Act{ID: first.EntryID, Action: "consent." + string(first.Kind), Clear: proof.Fields{}}
	var differ []column
	for _, c := range columns {
		if b.differs(c) {
			differ = append(differ, c)
			if c.name == "event" {
				act.Action = "consent.apply"
			}
			continue
		}
		if v := c.text(first); v != "" {
			act.Clear[c.name] = v
		}
	}
	switch {
	case act.Clear["import"] != "":
		act.Object, act.ObjectID = "import", first.ImportID
	case act.Clear["list"] != "":
		act.Object, act.ObjectID = "list", first.ListID
	}
	slices.SortFunc(differ, func(a, b column) int { return strings.Compare(a.name, b.name) })
	d, n := b.desk, len(b.records)
	d.members, d.told = slices.Grow(d.members[:0], n)[:n], slices.Grow(d.told[:0], n)[:n]
	for i := range b.records {
		r := &b.records[i]
		p := b.people[r.ContactID]
		d.told[i] = told{r, p, &b.events[i].Origin, differ}
		d.members[i] = trace.Member{Person: p.Person(), Facts: &d.told[i]}
	}
	b.set, err = trace.BeginSet(b.tx, act, d.members)
	return err
}

// differs tells whether a fact is not the same for all events of the batch.
func (b *batch) differs(c column) bool {
	for i := range b.records {
		if !c.same(&b.records[0], &b.records[i]) {
			return true
		}
	}
	return false
}

// told is one event as its member of the set act tells it: what differs from the others, and
// the values about the person.
type told struct {
	record *Record
	person *contact.Row
	origin *Origin
	differ []column // by name
}

func (t *told) AppendClear(b []byte, name, value string) []byte {
	for _, c := range t.differ {
		if name != "" && name < c.name {
			b = proof.AppendLine(b, name, value)
			name = ""
		}
		if v := c.text(t.record); v != "" {
			b = proof.AppendLine(b, c.name, v)
		}
	}
	if name != "" {
		b = proof.AppendLine(b, name, value)
	}
	return b
}

func (t *told) EachPrivate(yield func(name, value string)) {
	t.record.eachPrivate(t.person.Email, *t.origin, yield)
}
