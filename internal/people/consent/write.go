// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/refusal"
)

// write puts the batch into the database: few statements, whatever its size.
func (b *batch) write() error {
	n := len(b.records)
	events := &b.desk.events
	events.Begin(len(addEventColumns), n)
	for i := range b.records {
		b.records[i].row(events)
	}
	if err := b.tx.Put(addEvents, events.All()); err != nil {
		return err
	}
	begun, stood := &b.desk.begun, &b.desk.stood
	begun.Begin(len(subscription), n)
	stood.Begin(len(subscription), 0)
	for _, s := range b.order {
		if b.people[s.contact].Created {
			s.row(begun)
		} else {
			s.row(stood)
		}
	}
	if err := b.tx.Put(begin, begun.All()); err != nil {
		return err
	}
	if err := b.tx.Put(project, stood.All()); err != nil {
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

// writeRefusals tells the ledger outside of every no that stands.
func (b *batch) writeRefusals() error {
	var lines []refusal.Refusal
	for i := range b.events {
		if e, r := &b.events[i], &b.records[i]; e.Kind.No() && r.Verdict.OK() && b.results[i].After.Said == SaidNo {
			lines = append(lines, refusal.Refusal{EntryID: r.EntryID, FP: b.people[e.Contact].FP[:], Kind: string(e.Kind), Scope: string(OneList), ScopeID: e.List, ContactID: e.Contact})
		}
	}
	return refusal.Note(b.tx, lines)
}

// row writes the record in the order of addEventColumns.
func (r *Record) row(w *store.Rows) {
	w.Int(r.ContactID)
	w.Int(r.ListID)
	w.Int(r.Seq)
	w.Int(r.ID)
	w.Text(string(r.Kind))
	w.Text(string(r.Verdict))
	w.Text(string(r.State))
	w.Text(string(r.Basis))
	w.Text(r.BasisRef)
	w.Text(r.BasisFamily)
	w.Bool(r.OptoutOffered)
	w.Text(string(r.Grade))
	w.Text(r.Lacks)
	w.Text(r.Source)
	w.Text(r.Method)
	w.Int(int64(r.OccurredAt))
	w.Int(int64(r.RecordedAt))
	w.Int(int64(r.ConfirmedAt))
	w.Int(r.RequestEvent)
	w.Int(r.FormVersionID)
	w.Int(r.NoteVersionID)
	w.Bytes(r.TextSHA256)
	w.Bytes(r.NoteSHA256)
	w.Bytes(r.EvidenceSHA256)
	w.Text(r.Language)
	w.Text(r.Page)
	w.Int(r.ImportID)
	w.Int(r.ImportRow)
	w.Int(r.DeclaredBy)
	w.Int(r.EvidenceID)
	w.Text(r.ActorKind)
	w.Int(r.ActorID)
	w.Int(r.EntryID)
	w.Int(int64(r.EntryIndex))
}

// row writes the subscription in the order of its columns.
func (s *sub) row(w *store.Rows) {
	w.Int(s.list)
	w.Int(s.contact)
	w.Text(string(s.Status))
	w.Text(string(s.Basis))
	w.Text(string(s.Grade))
	w.Int(int64(s.Said))
	w.Int(int64(s.SaidAt))
	w.Int(s.Seq)
	w.Int(s.Event)
	w.Int(int64(s.Since))
}

// writeOrigins keeps where acts came from under each person's key, and the words shown once by their hash.
func (b *batch) writeOrigins() error {
	words := map[string]bool{}
	origins := &b.desk.origins
	origins.Begin(len(addOriginColumns), 0)
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
		origins.Int(e.Contact)
		origins.Int(b.records[i].ID)
		origins.Bytes(ip)
		origins.Text(e.Origin.Source)
		origins.Bytes(agent)
		origins.Int(int64(b.tx.Now))
	}
	return b.tx.Put(addOrigins, origins.All())
}

// writePeople notes what the events say about the people themselves: a sign of life, and
// that somebody who had objected or whose mailbox had failed is back by their own yes to mail; a yes
// to being measured asks for no mail. Who was merged into another contact and says yes to mail from the
// merged address has another mailbox than that one: the contact is its own again.
func (b *batch) writePeople() error {
	var alive, back []int64
	apart := map[int64]bool{}
	for i := range b.events {
		e, p := &b.events[i], b.people[b.events[i].Contact]
		own := e.Kind == Confirm || e.Kind == Accept || e.Kind == Request && b.tx.Who.Kind == actor.Subject
		if own && !p.Created && b.results[i].Verdict.OK() {
			alive = append(alive, e.Contact)
		}
		if (e.Kind == Confirm || e.Kind == Accept) && b.results[i].Verdict.OK() && b.lists[e.List].Kind == list.Mail && (p.State == contact.StateObjected || p.State == contact.StateBounced) {
			back = append(back, e.Contact)
		}
		if (e.Kind == Confirm || e.Kind == Accept) && b.results[i].Verdict.OK() && b.lists[e.List].Kind == list.Mail && p.Into != 0 && !apart[e.Contact] {
			apart[e.Contact] = true
			if err := contact.Part(b.tx, *p); err != nil {
				return err
			}
		}
	}
	contact.Revive(b.tx, back)
	if len(alive) == 0 {
		return nil
	}
	return contact.Lived(b.tx, alive, b.tx.Now)
}
