// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"errors"
	"maps"
	"slices"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// UndoKind is the kind of the task that takes an import back.
const UndoKind job.Kind = "importer.undo"

const (
	undoRule = "undo.import"
	undoRows = 250 // people a step looks at: few, for others wait while it lasts
)

// Holding tells of whom, among at most 1,000 people, upper rooms have sent or are sending
// something: why it was sent must stay provable (GDPR 5(2)). The house attaches it to the main store.
type Holding func(r store.Reader, ids []int64) ([]int64, error)

// Why people stay when an import is taken back.
const (
	StayBefore = "before" // they were here before it
	StaySaid   = "said"   // they, or another import, said something of their own since
	StayMailed = "mailed" // a mail was written to them
	StayFrozen = "frozen" // they asked that nothing be done with their data (GDPR 18)
)

// Stays lists them in the order pages show them.
func Stays() []string { return []string{StayBefore, StaySaid, StayMailed, StayFrozen} }

// UndoUntil is until when an import can be taken back (rule undo.import after its end); 0: it
// can't: it never ran, was taken back, or holds refusals, which are the people's and stay.
func UndoUntil(r store.Reader, i Import) (legalclock.Moment, error) {
	if i.Refusing() || i.State.Editable() || i.State == Running || i.UndoTask != 0 || i.EndedAt == 0 {
		return 0, nil
	}
	zone, rules, err := rulesOf(r)
	if err != nil {
		return 0, err
	}
	return rules.After(rulepack.UndoImport, i.EndedAt, zone), nil
}

// Undo asks for an import to be taken back, as far as that is right:
//
//	off the list   whom this import alone put there; what another import claimed that was, or is being,
//	               taken back too is no claim
//	deleted        of these, who came by it, of whom nothing else is known and to whom nothing was sent
//	stays          everybody else, what was filled in about people who were here, evidence, the trace,
//	               and every no that the file told: it is the person's
//
// The work is a task. Faults: import.undo.running, import.undo.nothing, import.undo.twice,
// import.undo.late, import.releasing.
func Undo(tx *store.Tx, id int64) error {
	i, err := lock(tx, id)
	if err != nil {
		return err
	}
	until, err := UndoUntil(tx, i)
	switch {
	case err != nil:
		return err
	case i.State == Running:
		return fault.New(fault.Conflict, "import.undo.running")
	case i.UndoTask != 0:
		return fault.New(fault.Conflict, "import.undo.twice")
	case until == 0:
		return fault.New(fault.Conflict, "import.undo.nothing")
	case until <= tx.Now:
		return fault.New(fault.Gone, "import.undo.late")
	}
	if err := notReleasing(tx, id); err != nil {
		return err
	}
	if _, err := trace.Append(tx, trace.Act{Action: "import.undo", Object: "import", ObjectID: id}); err != nil {
		return err
	}
	tx.Do(setUndoing, job.Start(tx, UndoKind, id), id)
	return nil
}

// notReleasing refuses while proof is being added to rows that waited: that counts too.
func notReleasing(tx *store.Tx, id int64) error {
	t, err := job.Of(tx, ReleaseKind, id)
	if err == nil && t.Open() {
		return fault.New(fault.Conflict, "import.releasing")
	}
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	return err
}

// UndoWork takes an import back: a job.Work. Each step looks at some people of the list and
// writes how far it came, so that a kill leaves the rest to the next time.
func UndoWork(ctx context.Context, r *job.Run) error {
	var total, done int64
	err := r.DB.PurgeBulk(ctx, r.Who, undoRule, func(tx *store.Tx) (bool, error) {
		i, err := lock(tx, r.Ref)
		if err != nil || i.UndoneAt != 0 {
			return false, err
		}
		total, done = i.Counts.Fresh+i.Counts.Known, i.Counts.Undone()
		return undoStep(tx, &i)
	})
	if err == nil {
		err = r.Progress(max(done, total), max(done, total))
	}
	return errors.Join(err, contact.Forget(ctx, r.DB))
}

func undoStep(tx *store.Tx, i *Import) (more bool, err error) {
	ids, err := consent.Listed(tx, i.List, i.UndoAfter, undoRows)
	if err != nil {
		return false, err
	}
	if len(ids) == 0 {
		tx.Do(setSettled, i.ID)
		tx.Do(setUndone, i.ID)
		if err := forgetFile(tx, i.ID, i.Blob); err != nil { // nobody of it is left to be looked up, and it can't go on
			return false, err
		}
		f := proof.Fields{"rule": undoRule, "off": dec(i.Counts.Off), "deleted": dec(i.Counts.Gone)}
		for why, n := range i.Counts.Stay {
			f["stay."+why] = dec(n)
		}
		_, err = trace.Append(tx, trace.Act{Action: "import.undone", Object: "import", ObjectID: i.ID, Clear: f})
		return false, err
	}
	if _, err := contact.Lock(tx, ids); err != nil {
		return false, err
	}
	void, err := store.All[int64](tx, takenBack)
	if err != nil {
		return false, err
	}
	came, err := cameBy(tx, i, i.List, void, ids)
	if err != nil {
		return false, err
	}
	if len(came) > 0 {
		if err := unmeasure(tx, i, void, ids); err != nil { // before anybody is deleted
			return false, err
		}
		if err := takeBack(tx, i, void, came); err != nil {
			return false, err
		}
	}
	tx.Do(setUndoAfter, ids[len(ids)-1], text(i.Counts), i.ID)
	return true, nil
}

// cameBy gives what imports that are taken back wrote about those of some people who came by this one.
func cameBy(tx *store.Tx, i *Import, onto int64, void, ids []int64) ([]consent.Came, error) {
	all, err := consent.CameBy(tx, onto, void, ids)
	here := map[int64]bool{}
	for _, c := range all {
		here[c.ContactID] = here[c.ContactID] || c.ImportID == i.ID
	}
	return slices.DeleteFunc(all, func(c consent.Came) bool { return !here[c.ContactID] }), err
}

// unmeasure takes back the yes to measuring that the import told of some people, and nobody else; a no stays.
func unmeasure(tx *store.Tx, i *Import, void, ids []int64) error {
	if i.Mapping.Index(Measures) < 0 {
		return nil
	}
	lists, err := list.Measuring(tx)
	if err != nil {
		return err
	}
	var events []consent.Event
	for _, what := range list.Measured() {
		l := lists[what].ID
		if l == 0 {
			continue
		}
		came, err := cameBy(tx, i, l, void, ids)
		if err != nil {
			return err
		}
		off, err := removals(tx, i, l, void, came)
		if err != nil {
			return err
		}
		events = append(events, off...)
	}
	_, err = consent.Apply(tx, events)
	return err
}

// removals take those off a list whom this import, and others that are taken back, alone put there.
func removals(tx *store.Tx, i *Import, onto int64, void []int64, came []consent.Came) (events []consent.Event, err error) {
	var rests []int64
	for _, c := range came { // in the order of their numbers
		if slices.Contains(void, c.RestsOn) && (c.State == consent.Given || c.State == consent.Waiting) {
			rests = append(rests, c.ContactID)
		}
	}
	rests = slices.Compact(rests)
	stood, err := consent.StoodBefore(tx, onto, void, rests)
	for _, id := range rests {
		if !stood[id] {
			events = append(events, consent.Event{Contact: id, List: onto, Kind: consent.Remove, Source: "import", Method: "undo", Import: i.ID})
		}
	}
	return events, err
}

// takeBack takes some people off the list and deletes those who came by this import alone.
func takeBack(tx *store.Tx, i *Import, void []int64, came []consent.Came) error {
	entries := map[int64][]int64{} // of each person
	for _, c := range came {
		entries[c.ContactID] = append(entries[c.ContactID], c.EntryID)
	}
	ids := slices.Sorted(maps.Keys(entries))
	events, err := removals(tx, i, i.List, void, came)
	if err != nil {
		return err
	}
	if len(events) > 0 {
		if _, err := consent.Apply(tx, events); err != nil {
			return err
		}
	}
	tx.Do(endWaiting, i.ID, ids)
	i.Counts.Off += int64(len(events))
	leaving, err := whoGoes(tx, i, void, ids, entries)
	if err != nil {
		return err
	}
	gone, err := contact.Drop(tx, leaving, undoRule)
	if err != nil {
		return err
	}
	i.Counts.Gone += int64(len(gone))
	i.Counts.stays(StayFrozen, len(leaving)-len(gone))
	return nil
}

// whoGoes gives those who came by this import, or by others that are taken back, of whom nothing else is known and to whom nothing
// was sent, and counts the others by why they stay.
func whoGoes(tx *store.Tx, i *Import, void, ids []int64, entries map[int64][]int64) ([]int64, error) {
	people, err := contact.Some(tx, ids)
	if err != nil {
		return nil, err
	}
	var made []int64
	for _, p := range people {
		if p.Source == "import" && slices.Contains(entries[p.ID], p.EntryID) {
			made = append(made, p.ID)
		}
	}
	i.Counts.stays(StayBefore, len(people)-len(made))
	if len(made) == 0 {
		return nil, nil
	}
	holding, ok := store.Attached[Holding](tx)
	if !ok {
		return nil, errors.New("importer: nobody says to whom something was sent")
	}
	known, err := consent.KnownOtherwise(tx, void, made)
	if err != nil {
		return nil, err
	}
	lonely, err := contact.Lonely(tx, made, "import")
	if err != nil {
		return nil, err
	}
	held, err := holding(tx, made)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(made, func(id int64) bool {
		switch {
		case slices.Contains(held, id):
			i.Counts.stays(StayMailed, 1)
		case known[id] || !slices.Contains(lonely, id):
			i.Counts.stays(StaySaid, 1)
		default:
			return false
		}
		return true
	}), nil
}
