// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Result is what became of one event.
type Result struct {
	Verdict       Verdict
	Before, After State
	Event         int64  // its number in the ledger
	Entry         int64  // its entry in the trace
	Index         int    // the member of that entry, proof.Whole for all of it
	Lacks         string // of a claim: why it waits
}

// skew is how far ahead of ours the clock of somebody who tells a moment may run.
const skew = 5 * time.Minute

// Apply writes events into the ledger, in their order, and what follows from them: one for
// a sign-up, thousands for a batch of an import. It locks the people in the order of their
// numbers, so that what it decides on stands until the act commits; people whom this act
// made (Event.Row) have nothing to be read but the do-not-mail list. Every event is
// written, with its verdict; one event is one entry of the trace, more are members of one. What is
// said of somebody who was merged into another person reaches that one too, if it is a no; the
// person's own yes makes the contact its own again.
//
// Faults: consent.kind, consent.not_yours (somebody acts for the person), consent.future,
// contact.none, list.none.
func Apply(tx *store.Tx, events []Event) ([]Result, error) { return (*Ahead)(nil).Apply(tx, events) }

// Desk is memory that Applies one after another use again: an import applies thousands of
// events five hundred times.
type Desk struct {
	people  map[int64]*contact.Row
	states  map[key]*sub
	fresh   []sub
	order   []*sub
	records []Record
	results []Result
	members []trace.Member
	told    []told
	events  store.Rows
	begun   store.Rows
	stood   store.Rows
	origins store.Rows
}

// Apply is Apply for at most proof.MaxMembers events. The results are valid until the next one.
func (d *Desk) Apply(tx *store.Tx, events []Event) ([]Result, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if len(events) > proof.MaxMembers {
		return nil, fmt.Errorf("consent: %d events do not fit into one entry of %d", len(events), proof.MaxMembers)
	}
	clear(d.people)
	clear(d.states)
	d.results = slices.Grow(d.results[:0], len(events))[:len(events)]
	clear(d.results)
	b := &batch{tx: tx, events: events, desk: d, results: d.results}
	err := b.apply()
	return d.results, err
}

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
		b := &batch{tx: tx, events: part, desk: &Desk{}, results: make([]Result, len(part)), later: len(out) > 0, ahead: a}
		if err := b.apply(); err != nil {
			return nil, err
		}
		out = append(out, b.results...)
	}
	return out, nil
}

// ConfirmFirst tells whether an Apply of these events would leave one of them to be confirmed first, since
// its person said no before. It locks the people as that does, and writes nothing.
func (a *Ahead) ConfirmFirst(tx *store.Tx, events []Event) (bool, error) {
	b := &batch{tx: tx, events: events, desk: &Desk{}, ahead: a}
	if err := b.check(); err != nil {
		return false, err
	}
	if err := b.read(); err != nil {
		return false, err
	}
	for i := range events {
		e := events[i]
		s := State{Status: None}
		if k := b.states[key{e.Contact, e.List}]; k != nil {
			s = k.State
		}
		b.stand(&s, b.lists[e.List], b.people[e.Contact])
		if _, v := Next(s, e); v == ConfirmFirst {
			return true, nil
		}
	}
	return false, nil
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
	desk    *Desk
	people  map[int64]*contact.Row
	lists   map[int64]list.List
	bars    map[[16]byte][]barRow
	states  map[key]*sub
	order   []*sub // those the events are about, as they were met
	records []Record
	results []Result
	early   func(country string) (legalclock.Moment, error) // see State.Early; nil: nobody claims it
	claims  claims
	set     *trace.Set // what the trace commits meanwhile; nil for one event
}

func (b *batch) apply() error {
	defer func() {
		if b.set != nil {
			b.set.Rest() // an act that goes wrong runs again on the same memory
		}
	}()
	for _, step := range []func() error{b.check, b.read, b.decide, b.number, b.write, b.tell, b.mirror, b.takeBack} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
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
	if b.desk.people == nil {
		b.desk.people, b.desk.states = make(map[int64]*contact.Row, len(b.events)), make(map[key]*sub, len(b.events))
	}
	b.people, b.states = b.desk.people, b.desk.states
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
	if b.ahead != nil && len(known) == 0 && !b.later && !b.barred() {
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

// barred tells whether this act put somebody on the do-not-mail list after it was asked about.
func (b *batch) barred() bool {
	return slices.ContainsFunc(b.events, func(e Event) bool { return e.Row.Barred })
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
	if err := b.readEarly(); err != nil {
		return err
	}
	var err error
	if b.claims, err = claimsOf(b.tx, b.events, func(e *Event) string { return b.people[e.Contact].Country }); err != nil {
		return err
	}
	d, n := b.desk, len(b.events)
	d.records = slices.Grow(d.records[:0], n)[:n]
	d.fresh, d.order = slices.Grow(d.fresh[:0], n), slices.Grow(d.order[:0], n)
	b.records, b.order = d.records, d.order
	fresh := d.fresh // one piece for all new states: it does not grow
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
		if err := b.judge(i, e, l, &s.State); err != nil {
			return err
		}
	}
	return nil
}

// stand gives a state what doesn't come from its own row.
func (b *batch) stand(s *State, l list.List, p *contact.Row) {
	s.Grant = l.Kind == list.Grant
	s.Ending, s.Merged = p.State.Ending(), p.Into != 0
	if b.bars != nil {
		s.Bar = bar(b.bars[p.FP], l)
	}
}

func (b *batch) judge(i int, e *Event, l list.List, s *State) (err error) {
	now := b.tx.Now
	e.RecordedAt = now
	if e.OccurredAt == 0 {
		e.OccurredAt = now
	}
	if e.Kind == Give || e.Kind == Release {
		e.Lacks = b.claims.lacking(e, l, b.people[e.Contact].Country, now)
		b.results[i].Lacks = e.Lacks
	}
	if e.Kind == Confirm && e.Request == 0 && s.Status == Requested {
		e.Request = s.Event
	}
	if e.Basis == Informed && s.Grant && b.early != nil {
		if s.Early, err = b.early(b.people[e.Contact].Country); err != nil {
			return err
		}
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
	return nil
}

// takeBack deletes what people took back their express yes to (GDPR 7(3), 9(2)(a)).
func (b *batch) takeBack() error {
	var by map[int64][]int64
	for i := range b.records {
		r := &b.records[i]
		a := b.lists[r.ListID].AttributeID
		if a == 0 || r.Verdict != Applied || r.State != Withdrawn && r.State != Refused {
			continue
		}
		if by == nil {
			by = map[int64][]int64{}
		}
		by[a] = append(by[a], r.ContactID)
	}
	for _, a := range slices.Sorted(maps.Keys(by)) {
		for part := range slices.Chunk(by[a], 1000) {
			if err := contact.TakeBack(b.tx, a, part); err != nil {
				return err
			}
		}
	}
	return nil
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
