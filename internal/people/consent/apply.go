// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Result is what became of one event.
type Result struct {
	Verdict       Verdict
	Before, After State
	Event         int64 // its number in the ledger
	Entry         int64 // its entry in the trace
	Index         int   // the member of that entry, proof.Whole for all of it
}

// skew is how far ahead of ours the clock of somebody who tells a moment may run.
const skew = 5 * time.Minute

// Apply writes events into the ledger, in their order, and what follows from them: one for
// a sign-up, thousands for a batch of an import. It locks the people in the order of their
// numbers, so that what it decides on stands until the act commits; people whom this act
// made (Event.Row) have nothing to be read but the do-not-mail list. Every event is
// written, with its verdict; one event is one entry of the trace, more are members of one.
//
// Faults: consent.kind, consent.not_yours (somebody acts for the person), consent.future,
// contact.none, list.none.
func Apply(tx *store.Tx, events []Event) ([]Result, error) { return (*Ahead)(nil).Apply(tx, events) }

// Ahead is what an act on people who may be new asked before it knew them, so that the
// questions left together with what makes them.
type Ahead struct {
	lists *store.Answer[list.List]
	bars  *store.Answer[barRow]
}

// Ask asks without waiting for the lists and the do-not-mail list, for an Apply on these
// lists and addresses in the same act; at most 1,000 of each.
func Ask(tx *store.Tx, lists []int64, fps ...[16]byte) *Ahead {
	b := make([][]byte, len(fps))
	for i := range fps {
		b[i] = fps[i][:]
	}
	return &Ahead{list.Some(tx, lists), store.Ask[barRow](tx, bars, b)}
}

// Apply is Apply, which leans on the answers where everybody was made by this act. Whoever
// was here before is locked first, and asked about then.
func (a *Ahead) Apply(tx *store.Tx, events []Event) ([]Result, error) {
	if len(events) > proof.MaxMembers && events[0].Entry != 0 {
		return nil, fmt.Errorf("consent: %d events do not fit into one entry of %d", len(events), proof.MaxMembers)
	}
	out := make([]Result, 0, len(events))
	for part := range slices.Chunk(events, proof.MaxMembers) {
		b := &batch{tx: tx, events: part, results: make([]Result, len(part)), later: len(out) > 0, ahead: a}
		for _, step := range []func() error{b.check, b.read, b.decide, b.number, b.write, b.tell} {
			if err := step(); err != nil {
				return nil, err
			}
		}
		out = append(out, b.results...)
	}
	return out, nil
}

type key struct{ contact, list int64 }

// sub is a subscription of the batch.
type sub struct {
	key
	State
	met bool
}

// batch is one Apply on its way.
type batch struct {
	tx      *store.Tx
	events  []Event
	later   bool // an earlier part of the same slice is written: whom it met has a state now
	ahead   *Ahead
	people  map[int64]*contact.Row
	lists   map[int64]list.List
	bars    map[[16]byte][]barRow
	states  map[key]*sub
	order   []*sub // those the events are about, as they were met
	records []Record
	results []Result
	set     *trace.Set // what the trace commits meanwhile; nil for one event
}

type barRow struct {
	FP      []byte `db:"fp"`
	Scope   Reach
	ScopeID int64
	Reason  Cause
	Since   legalclock.Moment
}

type stateRow struct {
	ContactID int64
	ListID    int64
	State     Status
	Basis     Basis
	Grade     Grade
	Said      Said
	SaidAt    legalclock.Moment
	Seq       int64
	EventID   int64
	Since     legalclock.Moment
}

func (b *batch) check() error {
	kinds := Kinds()
	subject := b.tx.Who.Kind == actor.Subject
	for i := range b.events {
		e := &b.events[i]
		switch {
		case !slices.Contains(kinds, e.Kind):
			return fault.New(fault.Invalid, "consent.kind", "kind", string(e.Kind))
		case e.Kind.Own() && !subject:
			return fault.New(fault.Forbidden, "consent.not_yours", "kind", string(e.Kind))
		case e.OccurredAt > b.tx.Now.Add(skew):
			return fault.New(fault.Invalid, "consent.future").At("occurred_at")
		case e.Entry != b.events[0].Entry:
			return fmt.Errorf("consent: the events of one act name different entries")
		}
	}
	return nil
}

// read locks the people and reads where they stand.
func (b *batch) read() error {
	b.people = make(map[int64]*contact.Row, len(b.events))
	b.lists = map[int64]list.List{}
	var lists, known []int64
	for i := range b.events {
		e := &b.events[i]
		if _, ok := b.lists[e.List]; !ok {
			b.lists[e.List] = list.List{}
			lists = append(lists, e.List)
		}
		if e.Row.Created && e.Row.ID == e.Contact && !b.later {
			b.people[e.Contact] = &e.Row
		}
	}
	for i := range b.events {
		e := &b.events[i]
		if _, ok := b.people[e.Contact]; !ok {
			b.people[e.Contact] = nil
			known = append(known, e.Contact)
		}
	}
	slices.Sort(known)
	slices.Sort(lists)
	for part := range slices.Chunk(known, 1000) {
		rows, err := contact.Lock(b.tx, part)
		if err != nil {
			return err
		}
		if len(rows) < len(part) {
			return b.gone(rows)
		}
		for i := range rows {
			b.people[rows[i].ID] = &rows[i]
		}
	}
	return b.readStates(known, lists)
}

// gone tells what it means that some people aren't here. Who was found in this act was deleted
// by another since: the act begins again, and makes them anew.
func (b *batch) gone(rows []contact.Row) error {
	for i := range b.events {
		e := &b.events[i]
		here := slices.ContainsFunc(rows, func(r contact.Row) bool { return r.ID == e.Contact })
		if e.Row.ID == e.Contact && e.Row.Salt != nil && !here && b.people[e.Contact] == nil {
			return fmt.Errorf("consent: a person who was here is gone: %w", store.ErrConflict)
		}
	}
	return fault.New(fault.NotFound, "contact.none")
}

// readStates asks everything else at once: one round trip for an act on few people.
func (b *batch) readStates(known, lists []int64) error {
	var stood []*store.Answer[stateRow]
	var barred []*store.Answer[barRow]
	if b.ahead != nil && len(known) == 0 && !b.later {
		return b.take(b.ahead.lists, lists, nil, []*store.Answer[barRow]{b.ahead.bars})
	}
	for part := range slices.Chunk(known, 1000) {
		stood = append(stood, store.Ask[stateRow](b.tx, states, part, lists))
	}
	fps := make([][]byte, 0, len(b.people))
	for _, p := range b.people {
		fps = append(fps, p.FP[:])
	}
	for part := range slices.Chunk(fps, 1000) {
		barred = append(barred, store.Ask[barRow](b.tx, bars, part))
	}
	return b.take(list.Some(b.tx, lists), lists, stood, barred)
}

// take reads the answers.
func (b *batch) take(of *store.Answer[list.List], lists []int64, stood []*store.Answer[stateRow], barred []*store.Answer[barRow]) error {
	found, err := of.All()
	if err != nil {
		return err
	}
	if len(found) < len(lists) {
		return fault.New(fault.NotFound, "list.none")
	}
	for _, l := range found {
		b.lists[l.ID] = l
	}
	b.states = make(map[key]*sub, len(b.events))
	for _, a := range stood {
		rows, err := a.All()
		if err != nil {
			return err
		}
		for _, r := range rows {
			k := key{r.ContactID, r.ListID}
			b.states[k] = &sub{key: k, State: State{Status: r.State, Basis: r.Basis, Grade: r.Grade, Said: r.Said, SaidAt: r.SaidAt,
				Event: r.EventID, Since: r.Since, Seq: r.Seq}}
		}
	}
	for _, a := range barred {
		rows, err := a.All()
		if err != nil {
			return err
		}
		for _, r := range rows {
			if b.bars == nil {
				b.bars = map[[16]byte][]barRow{}
			}
			fp := [16]byte(r.FP)
			b.bars[fp] = append(b.bars[fp], r)
		}
	}
	return nil
}

// bar gives the suppression that covers a subscription: an order if there is one, else the latest.
func bar(rows []barRow, l list.List) (out Bar) {
	for _, r := range rows {
		if !(Scope{r.Scope, r.ScopeID}).covers(l) {
			continue
		}
		if r.Reason == AuthorityOrder || out.Cause != AuthorityOrder && r.Since > out.Since || out.Cause == "" {
			out = Bar{r.Reason, r.Since}
		}
	}
	return out
}

// decide judges each event by Next, in the order of the slice.
func (b *batch) decide() error {
	b.records = make([]Record, len(b.events))
	b.order = make([]*sub, 0, len(b.events))
	fresh := make([]sub, 0, len(b.events)) // one piece for all new states
	for i := range b.events {
		e := &b.events[i]
		l := b.lists[e.List]
		k := key{e.Contact, e.List}
		s := b.states[k]
		if s == nil {
			fresh = append(fresh, sub{key: k, State: State{Status: None}})
			s = &fresh[len(fresh)-1]
			b.states[k] = s
		}
		if !s.met {
			s.met = true
			b.stand(&s.State, l, b.people[e.Contact])
			b.order = append(b.order, s)
		}
		b.judge(i, e, l, &s.State)
	}
	return nil
}

// stand gives a state what doesn't come from its own row.
func (b *batch) stand(s *State, l list.List, p *contact.Row) {
	s.Grant = l.Kind == list.Grant
	s.Ending = p.State.Ending()
	if b.bars != nil {
		s.Bar = bar(b.bars[p.FP], l)
	}
}

func (b *batch) judge(i int, e *Event, l list.List, s *State) {
	now := b.tx.Now
	e.RecordedAt = now
	if e.OccurredAt == 0 {
		e.OccurredAt = now
	}
	if e.Kind == Give || e.Kind == Release {
		e.Lacks = lacking(*e, l.PurposeFamily)
	}
	if e.Kind == Confirm && e.Request == 0 && s.Status == Requested {
		e.Request = s.Event
	}
	res := &b.results[i]
	res.Before = *s
	after, verdict := Next(*s, *e)
	after.Seq++
	res.Event = b.tx.ID()
	if verdict == Applied {
		after.Event, after.Since = res.Event, now
	}
	*s = after
	res.After, res.Verdict = after, verdict
	r := &b.records[i]
	*r = Record{ContactID: e.Contact, ListID: e.List, PurposeID: l.PurposeID, Seq: after.Seq, ID: res.Event, Kind: e.Kind, Verdict: verdict, State: after.Status,
		Basis: e.Basis, BasisRef: e.BasisRef, BasisFamily: e.BasisFamily, OptoutOffered: e.OptOutOffered, Grade: e.Grade, Lacks: e.Lacks,
		Source: e.Source, Method: e.Method, OccurredAt: e.OccurredAt, RecordedAt: now, RequestEvent: e.Request,
		FormVersionID: e.FormVersion, NoteVersionID: e.NoteVersion, NoteSHA256: e.Note, EvidenceSHA256: e.EvidenceHash, Language: e.Language, Page: e.Page,
		ImportID: e.Import, ImportRow: e.ImportRow, DeclaredBy: e.DeclaredBy, EvidenceID: e.Evidence,
		ActorKind: string(b.tx.Who.Kind), ActorID: b.tx.Who.ID, IPSource: e.Origin.Source}
	if e.Kind == Confirm {
		r.ConfirmedAt = now
	}
	switch {
	case e.Kind == Confirm, e.Kind == Accept: // what the person does on our page we have seen
		r.Basis, r.Grade = ByConsent, GradeA
	case verdict == Applied && after.Status == Waiting:
		r.Grade = Ungraded
	}
	if e.Text != "" {
		h := sha256.Sum256([]byte(e.Text))
		r.TextSHA256 = h[:]
	}
}

// number names the entry and each event's place in it. From here on the trace commits a set
// on another processor, while its rows are written.
func (b *batch) number() error {
	entry := b.events[0].Entry
	if entry == 0 {
		entry = b.tx.ID()
	}
	for i := range b.records {
		r := &b.records[i]
		r.EntryID, r.EntryIndex = entry, i
		if len(b.records) == 1 {
			r.EntryIndex = proof.Whole
		}
		b.results[i].Entry, b.results[i].Index = r.EntryID, r.EntryIndex
	}
	if len(b.records) == 1 {
		return nil
	}
	return b.begin()
}

// write puts the batch into the database: few statements, whatever its size.
func (b *batch) write() error {
	const width = 34
	rows := make([][]any, len(b.records))
	cells := make([]any, 0, width*len(b.records))
	for i := range b.records {
		r := &b.records[i]
		cells = append(cells, r.ContactID, r.ListID, r.Seq, r.ID, string(r.Kind), string(r.Verdict), string(r.State), string(r.Basis),
			r.BasisRef, r.BasisFamily, r.OptoutOffered, string(r.Grade), r.Lacks, r.Source, r.Method, r.OccurredAt, r.RecordedAt, r.ConfirmedAt,
			r.RequestEvent, r.FormVersionID, r.NoteVersionID, r.TextSHA256, r.NoteSHA256, r.EvidenceSHA256, r.Language, r.Page,
			r.ImportID, r.ImportRow, r.DeclaredBy, r.EvidenceID, r.ActorKind, r.ActorID, r.EntryID, r.EntryIndex)
		rows[i] = cells[width*i : width*(i+1)]
	}
	if err := b.tx.Put(addEvents, rows); err != nil {
		return err
	}
	var fresh, stood [][]any
	cells = make([]any, 0, 10*len(b.order))
	for i, s := range b.order {
		cells = append(cells, s.list, s.contact, string(s.Status), string(s.Basis), string(s.Grade), int(s.Said), s.SaidAt, s.Seq, s.Event, s.Since)
		if b.people[s.contact].Created {
			fresh = append(fresh, cells[10*i:10*(i+1)])
		} else {
			stood = append(stood, cells[10*i:10*(i+1)])
		}
	}
	if err := b.tx.Put(begin, fresh); err != nil {
		return err
	}
	if err := b.tx.Put(project, stood); err != nil {
		return err
	}
	if err := b.writeOrigins(); err != nil {
		return err
	}
	if err := b.writeRefusals(); err != nil {
		return err
	}
	return b.writePeople()
}

// writeRefusals tells the ledger outside of every no.
func (b *batch) writeRefusals() error {
	var lines []refusal.Refusal
	for i := range b.events {
		if e, r := &b.events[i], &b.records[i]; e.Kind.No() && r.Verdict.OK() {
			lines = append(lines, refusal.Refusal{EntryID: r.EntryID, FP: b.people[e.Contact].FP[:], Kind: string(e.Kind), Scope: string(OneList), ScopeID: e.List, ContactID: e.Contact})
		}
	}
	return refusal.Note(b.tx, lines)
}

// writeOrigins keeps where acts came from under each person's key, and the words shown once by their hash.
func (b *batch) writeOrigins() error {
	var rows [][]any
	words := map[string]bool{}
	for i := range b.events {
		e := &b.events[i]
		if e.Text != "" && !words[e.Text] {
			words[e.Text] = true
			b.tx.Do(addText, b.records[i].TextSHA256, e.Text)
		}
		if e.Origin.IsZero() {
			continue
		}
		key, err := b.people[e.Contact].Unlock(b.tx)
		if err != nil {
			return err
		}
		var ip, agent []byte
		if !e.Origin.IP.IsZero() {
			if ip, err = key.Seal(originAt("ip_ct", b.records[i].ID), []byte(e.Origin.IP.Raw().String())); err != nil {
				return err
			}
		}
		if !e.Origin.Agent.IsZero() {
			if agent, err = key.Seal(originAt("ua_ct", b.records[i].ID), []byte(e.Origin.Agent.Raw())); err != nil {
				return err
			}
		}
		rows = append(rows, []any{e.Contact, b.records[i].ID, ip, e.Origin.Source, agent, b.tx.Now})
	}
	return b.tx.Put(addOrigins, rows)
}

// writePeople notes what the events say about the people themselves: a sign of life, and
// that somebody who had objected or whose mailbox had failed is back by their own yes.
func (b *batch) writePeople() error {
	var alive, back []int64
	for i := range b.events {
		e, p := &b.events[i], b.people[b.events[i].Contact]
		own := e.Kind == Confirm || e.Kind == Accept || e.Kind == Request && b.tx.Who.Kind == actor.Subject
		if own && !p.Created && b.results[i].Verdict.OK() {
			alive = append(alive, e.Contact)
		}
		if (e.Kind == Confirm || e.Kind == Accept) && b.results[i].Verdict.OK() && (p.State == contact.StateObjected || p.State == contact.StateBounced) {
			back = append(back, e.Contact)
		}
	}
	contact.Revive(b.tx, back)
	if len(alive) == 0 {
		return nil
	}
	return contact.Lived(b.tx, alive, b.tx.Now)
}

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
	members := make([]trace.Member, len(b.records))
	for i := range b.records {
		r := &b.records[i]
		p := b.people[r.ContactID]
		members[i] = trace.Member{Person: p.Person(), Private: r.private(p.Email, b.events[i].Origin)}
		if len(differ) > 0 {
			clear := make(proof.Fields, len(differ))
			for _, c := range differ {
				if v := c.text(r); v != "" {
					clear[c.name] = v
				}
			}
			members[i].Clear = clear
		}
	}
	b.set, err = trace.BeginSet(b.tx, act, members)
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
