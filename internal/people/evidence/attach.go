// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Attached is a file that a member brought as further evidence of one event that we didn't see
// ourselves: another tool's receipt, a letter, a mail. It changes neither state nor grade; the
// proof names it by its hash, sealed at the moment it was attached.
type Attached struct {
	ID        int64
	ContactID int64
	EventID   int64
	ListID    int64
	BlobID    int64
	Name      string
	Type      string
	Size      int64
	SHA256    []byte `db:"sha256"`
	MadeBy    int64
	MadeAt    legalclock.Moment
	EndsAt    legalclock.Moment
	EntryID   int64
}

const (
	ownerEvent = "event_evidence"

	// MostAttached is how many files one event may have.
	MostAttached = 10
)

// Attachable tells whether an event may have files: one of an import or a declaration. What we
// saw ourselves needs none, and a no needs no evidence.
func Attachable(r consent.Record) bool {
	return r.Kind == consent.Give || r.Kind == consent.Release // what others claim of the person, never grade A
}

// Attach keeps a file for an event of a person, sealed, as long as evidence of an import is
// kept. Faults: contact.none, contact.ending, evidence.attach.event, evidence.attach.seen,
// evidence.attach.many, import.evidence.empty, import.evidence.type, blob.too_large.
func Attach(ctx context.Context, db *store.DB, who actor.Actor, person, event int64, name string, file io.Reader) (Attached, error) {
	a := Attached{ContactID: person, EventID: event}
	var ring *keys.Ring
	err := db.View(ctx, who, func(v *store.View) (err error) {
		ring = keys.Of(v)
		a.ListID, err = attachable(v, person, event)
		return err
	})
	if err != nil {
		return a, err
	}
	a.Name, a.Type, file, err = importer.EvidenceIs(name, file)
	if err != nil {
		return a, err
	}
	_, err = blob.Store(ctx, db, who, ring.Box(who.Account), blob.New{Owner: ownerEvent, OwnerID: event, Type: a.Type}, file, importer.MaxEvidence,
		func(tx *store.Tx, b blob.Info) error { return a.keep(tx, b) })
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Kind == fault.TooLarge {
		return a, f.At("evidence")
	}
	return a, err
}

// keep notes the file whose last piece was written.
func (a *Attached) keep(tx *store.Tx, b blob.Info) error {
	if _, err := contact.Lock(tx, []int64{a.ContactID}); err != nil { // whoever erases the person comes before or after
		return err
	}
	if _, err := attachable(tx, a.ContactID, a.EventID); err != nil {
		return err
	}
	who, err := contact.Person(tx, a.ContactID)
	if err != nil {
		return err
	}
	a.ID, a.BlobID, a.Size, a.SHA256, a.MadeAt, a.MadeBy = tx.ID(), b.ID, b.Size, b.SHA256, tx.Now, 0
	if tx.Who.Kind == actor.Member {
		a.MadeBy = tx.Who.ID
	}
	if a.EndsAt, err = importer.EvidenceEnds(tx); err != nil {
		return err
	}
	if err := blob.Keep(tx, b.ID, a.EndsAt); err != nil {
		return err
	}
	a.EntryID, err = trace.Append(tx, trace.Act{Action: "evidence.attach", Object: "evidence", ObjectID: a.ID, Person: who, Clear: proof.Fields{
		"event": dec(a.EventID), "list": dec(a.ListID), "sha256": hex.EncodeToString(a.SHA256), "size": dec(a.Size), "type": a.Type}, Private: proof.Fields{"name": a.Name}})
	if err != nil {
		return err
	}
	tx.Do(addAttached, a.ID, a.ContactID, a.EventID, a.ListID, a.BlobID, a.Name, a.Type, a.Size, a.SHA256, a.MadeBy, a.EndsAt, a.EntryID)
	return nil
}

// attachable finds the event and gives its list.
func attachable(r store.Reader, person, event int64) (list int64, err error) {
	c, err := contact.Get(r, person)
	if err != nil {
		return 0, err
	}
	if c.State.Ending() {
		return 0, fault.New(fault.Gone, "contact.ending")
	}
	events, err := consent.Events(r, person)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(events, func(e consent.Record) bool { return e.ID == event })
	if i < 0 {
		return 0, fault.New(fault.NotFound, "evidence.attach.event")
	}
	if !Attachable(events[i]) {
		return 0, fault.New(fault.Conflict, "evidence.attach.seen").At("evidence")
	}
	all, err := AttachedTo(r, person)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, a := range all {
		if a.EventID == event {
			n++
		}
	}
	if n >= MostAttached {
		return 0, fault.New(fault.Conflict, "evidence.attach.many", "most", MostAttached).At("evidence")
	}
	return events[i].ListID, nil
}

// AttachedTo lists the files of a person's events, oldest first.
func AttachedTo(r store.Reader, person int64) ([]Attached, error) {
	return store.All[Attached](r, attachedTo, person)
}

// attachedOf finds one file of a person. Fault: evidence.attach.none.
func attachedOf(r store.Reader, person, id int64) (Attached, error) {
	a, err := store.One[Attached](r, getAttached, id, person)
	if errors.Is(err, store.ErrNone) {
		return a, fault.New(fault.NotFound, "evidence.attach.none")
	}
	return a, err
}

// OpenAttached opens a file for reading. Who calls it has traced the look.
func OpenAttached(ctx context.Context, db *store.DB, who actor.Actor, person, id int64) (Attached, io.Reader, error) {
	var a Attached
	var ring *keys.Ring
	err := db.View(ctx, who, func(v *store.View) (err error) {
		ring = keys.Of(v)
		a, err = attachedOf(v, person, id)
		return err
	})
	if err != nil {
		return a, nil, err
	}
	f, err := blob.Open(ctx, db, who, ring.Box(who.Account), a.BlobID)
	return a, f, err
}

// Detach deletes a file before its end: a wrong one holds what isn't needed (GDPR 5(1)(c)). That
// it was there, and its hash, stay in the trace.
func Detach(tx *store.Tx, person, id int64) error {
	a, err := attachedOf(tx, person, id)
	if err != nil {
		return err
	}
	if _, err := trace.Append(tx, trace.Act{Action: "evidence.detach", Object: "evidence", ObjectID: id, Person: trace.Person{ID: person}, Clear: proof.Fields{
		"event": dec(a.EventID), "list": dec(a.ListID), "sha256": hex.EncodeToString(a.SHA256)}}); err != nil {
		return err
	}
	return a.drop(tx)
}

func (a Attached) drop(tx *store.Tx) error {
	tx.Do(dropAttached, a.ID)
	return blob.Delete(tx, a.BlobID)
}

// DropPeople deletes the files of people who are deleted for good, at most 1,000.
func DropPeople(tx *store.Tx, people []int64) error {
	all, err := store.All[Attached](tx, attachedOfMany, people)
	if err != nil {
		return err
	}
	for _, a := range all {
		if err := a.drop(tx); err != nil {
			return err
		}
	}
	return nil
}

// SweepAttached deletes the files whose time has ended.
func SweepAttached(ctx context.Context, db *store.DB) error {
	type ended struct{ AccountID, ID, ContactID int64 }
	for {
		var list []ended
		err := db.View(ctx, actor.System("evidence.sweep"), func(v *store.View) (err error) {
			list, err = store.All[ended](v, dueAttached, v.Now)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, x := range list {
			err := db.Write(ctx, actor.Worker("evidence.sweep", x.AccountID), func(tx *store.Tx) error {
				a, err := attachedOf(tx, x.ContactID, x.ID)
				if fault.Is(err, fault.NotFound) {
					return nil
				}
				if err != nil {
					return err
				}
				return a.drop(tx)
			})
			if err != nil {
				return err
			}
		}
	}
}

// named says in a proof which file was attached, as long as it is here.
func (g *gathering) named(e trace.Entry) string {
	for _, a := range g.attached {
		if a.EntryID == e.ID {
			return g.say.T("evidence.attached", "name", a.Name, "sha256", hex.EncodeToString(a.SHA256), "until", g.say.Date(a.EndsAt))
		}
	}
	return ""
}

// filesOf names the files of an event that are here.
func (g *gathering) filesOf(r *consent.Record) (out []string) {
	for _, a := range g.attached {
		if a.EventID == r.ID {
			out = append(out, g.say.T("evidence.attached.to", "name", a.Name, "when", g.say.Date(a.MadeAt), "sha256", hex.EncodeToString(a.SHA256)))
		}
	}
	return out
}

// about tells whether an entry of a file belongs to a list that the proof is about.
func (g *gathering) about(e trace.Entry) bool {
	return strings.HasPrefix(e.Action, "evidence.") && slices.ContainsFunc(g.order, func(id int64) bool { return e.Fields()["list"] == dec(id) })
}
