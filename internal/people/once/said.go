// SPDX-License-Identifier: AGPL-3.0-or-later

package once

import (
	"errors"
	"slices"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// ToldBy writes down that a campaign's messages told people at their top, with the note they name: one set act
// for all. It takes at most proof.MaxMembers of them, whose messages the sending service took (GDPR 14(3)(b), 5(2)). Who was told before, or is gone, stays as they are.
func ToldBy(tx *store.Tx, campaign, note int64, people []int64) error {
	people = slices.Compact(slices.Sorted(slices.Values(people)))
	var here []contact.Row
	for part := range slices.Chunk(people, 1000) {
		rows, err := contact.Lock(tx, part)
		if err != nil {
			return err
		}
		here = append(here, rows...)
	}
	if len(here) == 0 {
		return nil
	}
	ids := make([]int64, len(here))
	for i, p := range here {
		ids[i] = p.ID
	}
	var known []contact.Contact
	for part := range slices.Chunk(ids, 1000) {
		some, err := contact.Some(tx, part)
		if err != nil {
			return err
		}
		known = append(known, some...)
	}
	known = slices.DeleteFunc(known, func(c contact.Contact) bool { return c.NoticeDueAt == 0 })
	if len(known) == 0 {
		return nil
	}
	from, err := Sources(tx, known)
	if err != nil {
		return err
	}
	owed := map[int64]bool{}
	for _, c := range known {
		owed[c.ID] = true
	}
	here = slices.DeleteFunc(here, func(r contact.Row) bool { return !owed[r.ID] })
	entry := tx.ID()
	members, load := make([]trace.Member, len(here)), make([][]any, len(here))
	ids = ids[:0]
	for i, p := range here {
		imp := from[p.ID].Import
		members[i] = trace.Member{Person: p.Person()}
		if imp != 0 {
			members[i].Clear = proof.Fields{"import": dec(imp)}
		}
		load[i] = []any{p.ID, 0, tx.ID(), string(Done), imp, campaign, note, "", tx.Now, tx.Now, entry, i}
		ids = append(ids, p.ID)
	}
	if _, err := tx.Load(tellAll, load); err != nil {
		return err
	}
	for part := range slices.Chunk(ids, 1000) {
		contact.Told(tx, part)
	}
	_, err = trace.AppendSet(tx, trace.Act{ID: entry, Action: "once.told", Object: "campaign", ObjectID: campaign, Clear: proof.Fields{"note_version": dec(note)}}, members)
	return err
}

// Ended hears what became of a mail, in the act that books it: state is Done where the sending service took it.
// A word that was taken counts, also one that a member sent again.
func Ended(tx *store.Tx, id, message int64, state State, reason string) error {
	o, err := store.One[Row](tx, lockID, id)
	if errors.Is(err, store.ErrNone) || err == nil && o.State == Done {
		return nil // gone, or told otherwise meanwhile
	}
	if err != nil {
		return err
	}
	if state != Done {
		tx.Do(setEnded, state, reason, message, 0, 0, o.ID)
		return nil
	}
	p, err := contact.Person(tx, o.ContactID)
	if err != nil {
		return err
	}
	a := trace.Act{Action: "once.told", Object: "message", ObjectID: message, Person: p, Clear: proof.Fields{"note_version": dec(o.NoteVersionID), "language": o.Language}}
	if o.ImportID != 0 {
		a.Clear["import"] = dec(o.ImportID)
	}
	if o.Kind() == Ask {
		a.Action, a.Clear["list"] = "once.asked", dec(o.ListID)
	}
	entry, err := trace.Append(tx, a)
	if err != nil {
		return err
	}
	tx.Do(setEnded, Done, "", message, tx.Now, entry, o.ID)
	if o.Kind() == Ask { // it is marketing, and counts as such
		return contact.Active(tx, []contact.Activity{{Contact: o.ContactID, Kind: contact.Sent}})
	}
	contact.Told(tx, []int64{o.ContactID})
	return nil
}
