// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"errors"
	"slices"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/once"
	"consend/internal/sending/relay"
)

// MaxBatch is how many people are claimed at a time.
const MaxBatch = 200

// lease is how long a claim is believed without a sign of life.
const lease = time.Minute

// target is one person of a batch.
type target struct {
	contact.Contact
	list  int64
	basis consent.Basis
	grade consent.Grade
	tries int
	first bool        // never got a campaign before; known only where it matters
	from  once.Source // where their address comes from; known only of those who are owed word of it
}

// batch is a claim.
type batch struct {
	id     int64
	permit gate.Permit
	relay  relay.Relay
	people []target
	at     legalclock.Moment
	held   bool  // something held the campaign before: it does no longer
	note   int64 // the version of the privacy note that those hear of who are owed word; 0: nobody can be told
}

// claimed is what an attempt to claim found.
type claimed int

const (
	gotBatch claimed = iota // of nobody, where all of this claim were left out: ask again
	gotNone                 // nobody is waiting now
	gotHeld                 // something holds the campaign
	gotHalt                 // paused, stopped, or another process sends it
)

type row struct {
	ContactID int64
	ListID    int64
	Basis     consent.Basis
	Grade     consent.Grade
	EventID   int64
	Tries     int
}

// claim takes people of a campaign: those handed to it, or with again those whose time has come again. It decides about
// them as a set, and writes who is left out and why. What holds the batch changes nothing. note is the version that its
// messages name to those who are owed word of where their address comes from.
func claim(tx *store.Tx, id, node, note int64, rows []row, again bool) (batch, claimed, string, error) {
	var b batch
	c, err := store.One[stands](tx, ours, id)
	if err != nil {
		return b, gotHalt, "", missing(err)
	}
	if c.State != Sending || c.Holder != node {
		return b, gotHalt, "", nil
	}
	if b.relay, err = relay.Default(tx); err != nil {
		return b, gotHalt, "", err
	}
	if again {
		rows, err = store.All[row](tx, dueAgain, id, MaxBatch)
	}
	if err != nil || len(rows) == 0 {
		return b, gotNone, "", err
	}
	who := make([]gate.Candidate, len(rows))
	for i, r := range rows {
		who[i] = gate.Candidate{Contact: r.ContactID, List: r.ListID}
	}
	permit, decisions, err := gate.Decide(tx, gate.Batch{Class: gate.Campaign, Campaign: id, Relay: b.relay.ID, Approval: c.ApprovalEntry}, who)
	if err != nil {
		return b, gotHalt, "", err
	}
	if permit.IsZero() {
		for _, d := range decisions {
			if d.Reason.Holds() {
				return b, gotHeld, string(d.Reason), nil
			}
		}
	}
	b.id, b.permit, b.at, b.held, b.note = tx.ID(), permit, tx.Now, c.Hold != "", note
	return b, gotBatch, "", b.take(tx, id, node, rows, decisions, again)
}

// stands is what a claim needs to know of its campaign.
type stands struct {
	State         State
	Holder        int64
	ApprovalEntry int64
	Hold          string
}

// take writes the claim.
func (b *batch) take(tx *store.Tx, id, node int64, rows []row, decisions []gate.Decision, again bool) error {
	out := map[gate.Reason][]int64{}
	var go_ []int64
	of := make(map[int64]int, len(rows))
	for i, d := range decisions {
		r := rows[i]
		if d.Reason != gate.OK {
			out[d.Reason] = append(out[d.Reason], r.ContactID)
			continue
		}
		of[r.ContactID] = i
		go_ = append(go_, r.ContactID)
		if d.Event != r.EventID || d.Grade != r.Grade || d.Basis != r.Basis {
			tx.Do(rebase, d.Basis, d.Grade, d.Event, id, r.ContactID)
		}
	}
	for _, reason := range sortedReasons(out) {
		tx.Do(leaveOut, reason, b.permit.ID(), id, out[reason])
	}
	if len(go_) == 0 {
		return nil
	}
	if again {
		tx.Do(hold200, b.id, id, go_)
	}
	slices.Sort(go_)
	kind := 0
	if again {
		kind = 1
	}
	tx.Do(addBatch, b.id, id, node, kind, go_[0], go_[len(go_)-1], len(go_), b.permit.ID(), tx.Now.Add(lease), b.note)
	people, err := contact.Some(tx, go_)
	if err != nil {
		return err
	}
	slices.SortFunc(people, func(x, y contact.Contact) int { return int(x.ID - y.ID) })
	var why []int64
	b.people = make([]target, 0, len(people))
	for _, p := range people {
		i := of[p.ID]
		b.people = append(b.people, target{Contact: p, list: rows[i].ListID, basis: decisions[i].Basis, grade: decisions[i].Grade, tries: rows[i].Tries})
		if b.people[len(b.people)-1].asksWhy() {
			why = append(why, p.ID)
		}
	}
	before, err := contact.Did(tx, contact.Sent, why)
	if err != nil {
		return err
	}
	from, err := once.Sources(tx, owed(people))
	for i := range b.people {
		b.people[i].first = b.people[i].asksWhy() && !before[b.people[i].ID]
		b.people[i].from = from[b.people[i].ID]
	}
	return err
}

// owed are those who are still to be told where their address comes from (GDPR 14).
func owed(people []contact.Contact) (out []contact.Contact) {
	for _, p := range people {
		if p.NoticeDueAt != 0 {
			out = append(out, p)
		}
	}
	return out
}

func sortedReasons(m map[gate.Reason][]int64) []gate.Reason {
	var out []gate.Reason
	for r := range m {
		out = append(out, r)
	}
	slices.Sort(out)
	return out
}

// outcome is what became of one message of a batch.
type outcome string

// The outcomes of a batch's messages. returned is no state: nothing was begun, and the person waits again.
const (
	accepted outcome = "accepted"
	deferred outcome = "deferred"
	failed   outcome = "failed"
	leftOut  outcome = "left_out"
	inDoubt  outcome = "in_doubt"
	returned outcome = "returned"
)

// result is an outcome with what it rests on.
type result struct {
	contact  int64
	outcome  outcome
	reason   string
	code     int
	enhanced string
	tries    int  // before this one
	bounced  bool // the mailbox does not exist
	told     bool // the message carried what GDPR 14 asks for
}

// Tries and the waits between them: a service that says later is asked again for about 16 hours.
var waits = []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

// wait gives the pause before the next try, spread by ±20 % so that not all come back at once; 0 is no more tries.
func wait(tries int, seed int64) time.Duration {
	if tries >= len(waits) {
		return 0
	}
	spread := time.Duration(seed%41 - 20) // percent
	return waits[tries] + waits[tries]*spread/100
}

// errLost tells that the batch was ended by somebody else: its lease had passed. What it says now books nothing.
var errLost = errors.New("campaign: the batch is no longer ours")

// book writes a batch's outcomes, all at once, and ends it. Outcomes that came too late book nothing: errLost.
func book(tx *store.Tx, campaign, id int64, results []result) error {
	b, err := store.One[batchRow](tx, lockBatch, id)
	if err != nil {
		return err
	}
	if b.EndedAt != 0 {
		return errLost
	}
	type group struct {
		outcome  outcome
		reason   string
		code     int
		enhanced string
		next     legalclock.Moment
	}
	groups := map[group][]int64{}
	var order []group
	n := map[outcome]int{}
	var sent []contact.Activity
	var told, bounced []int64
	for _, r := range results {
		g := group{r.outcome, r.reason, r.code, r.enhanced, 0}
		switch r.outcome {
		case deferred:
			if d := wait(r.tries, id); d > 0 {
				g.next = tx.Now.Add(d)
			} else {
				g.outcome, g.reason = failed, "gave_up"
			}
		case returned:
			g.next = tx.Now
		case accepted:
			sent = append(sent, contact.Activity{Contact: r.contact, Kind: contact.Sent})
			if r.told {
				told = append(told, r.contact)
			}
		case failed:
			if r.bounced {
				bounced = append(bounced, r.contact)
			}
		}
		n[g.outcome]++
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], r.contact)
	}
	for _, g := range order {
		switch g.outcome {
		case returned:
			tx.Do(giveBack, g.next, campaign, groups[g])
		case deferred:
			tx.Do(defer_, g.reason, g.code, g.enhanced, g.next, id, campaign, groups[g])
		default:
			tx.Do(settle, g.outcome, g.reason, b.PermitID, id, g.code, g.enhanced, campaign, groups[g])
		}
	}
	tx.Do(endBatch, n[accepted], n[deferred], n[failed], n[leftOut], n[inDoubt], id)
	if err := contact.Active(tx, sent); err != nil {
		return err
	}
	if len(told) > 0 && b.NoteVersionID != 0 {
		if err := once.ToldBy(tx, campaign, b.NoteVersionID, told); err != nil {
			return err
		}
	}
	slices.Sort(bounced)
	for _, p := range bounced {
		err := consent.Suppress(tx, p, consent.HardBounce, consent.Everything)
		if err != nil && !fault.Is(err, fault.NotFound) { // who was erased meanwhile is written to by nobody
			return err
		}
	}
	return nil
}

type batchRow struct {
	ID           int64
	CampaignID   int64
	Node         int64
	Again        int64
	FirstContact int64
	LastContact  int64
	PermitID     int64
	EndedAt      legalclock.Moment
	// The note named by the messages of those who were told at their top.
	NoteVersionID int64
}

// recovered books what a dead process left: answered messages as the journal has them, started ones as in doubt, the
// rest back to waiting; all of it in doubt where the journal can't be believed.
func recovered(tx *store.Tx, id int64, lines map[int64]line, trusted bool) error {
	b, err := store.One[batchRow](tx, lockBatch, id)
	if err != nil || b.EndedAt != 0 {
		return err
	}
	var rows []row
	if b.Again != 0 {
		rows, err = store.All[row](tx, heldBy, b.CampaignID, b.FirstContact, b.LastContact, id)
	} else {
		rows, err = store.All[row](tx, between, b.CampaignID, b.FirstContact, b.LastContact)
	}
	if err != nil {
		return err
	}
	results := make([]result, 0, len(rows))
	for _, r := range rows {
		x := result{contact: r.ContactID, tries: r.Tries, outcome: returned}
		l, known := lines[r.ContactID]
		switch {
		case known && l.answered:
			x = l.result
			x.contact, x.tries = r.ContactID, r.Tries
		case known || !trusted:
			x.outcome = inDoubt
		}
		results = append(results, x)
	}
	return book(tx, b.CampaignID, id, results)
}
