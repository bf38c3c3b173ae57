// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"errors"
	"slices"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/segment"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/team/account"
	"consend/internal/trace/proof"
)

// Approve lets a campaign go after the undo window. What goes out is fixed now: words, sender, lists, the segment's conditions; whom it reaches
// is decided when people are frozen and again for each batch. expected is the audience the approver was shown.
// Faults: campaign.none, campaign.not_draft, campaign.changed, campaign.no_sender, campaign.lists.none,
// campaign.segment.retired, those of segment.Where, and the template's own.
func Approve(tx *store.Tx, id, version, expected int64, undo time.Duration) error {
	c, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	if c.SenderID == 0 {
		return fault.New(fault.Invalid, "campaign.no_sender").At("sender")
	}
	s, err := sender.Get(tx, c.SenderID)
	if err != nil {
		return err
	}
	if s.RetiredAt != 0 {
		return fault.New(fault.Invalid, "campaign.no_sender").At("sender")
	}
	plus, minus, err := Lists(tx, id)
	if err != nil {
		return err
	}
	if len(plus) == 0 {
		return fault.New(fault.Invalid, "campaign.lists.none").At("list")
	}
	if c.Subject == "" {
		return fault.New(fault.Invalid, "template.check.no_subject").At("subject")
	}
	p, err := prepare(tx, c)
	if err != nil {
		return err
	}
	var m template.Message
	if err := p.tpl.Render(&m, p.nobody()); err != nil { // R04: no way out, no message
		return err
	}
	if _, err := p.letter(nil, &m, s.Email, p.nobody().Links.Unsubscribe, p.messageID(0), "", tx.Now); err != nil {
		return fault.New(fault.Invalid, "campaign.cannot_be_mailed").Because(err)
	}
	definition, at, err := approvedSegment(tx, c)
	if err != nil {
		return err
	}
	entry := tx.ID()
	start := tx.Now.Add(undo)
	tx.Do(approve, s.Name, s.Email.Raw(), s.ReplyTo.RawWire(), tx.Who.ID, entry, start, definition, at, id)
	clear := proof.Fields{"words_sha256": c.digest(), "sender": dec(s.ID), "start": start.String(), "expected": dec(expected)}
	for name, ids := range map[string][]int64{"plus": plus, "minus": minus} {
		if len(ids) > 0 {
			clear[name] = spaced(ids)
		}
	}
	if c.SegmentID != 0 {
		clear["segment"], clear["segment_sha256"] = dec(c.SegmentID), digestOf(definition)
	}
	if err := toldAs(tx, entry, "campaign.approve", id, clear); err != nil {
		return err
	}
	wake(tx)
	return nil
}

// approvedSegment is what an approval copies of a segment. Faults: campaign.segment.retired, those of segment.Where.
func approvedSegment(tx *store.Tx, c Campaign) (definition string, at legalclock.Moment, err error) {
	if c.SegmentID == 0 {
		return "", 0, nil
	}
	s, err := segment.Get(tx, c.SegmentID)
	if err != nil {
		return "", 0, err
	}
	if s.RetiredAt != 0 {
		return "", 0, fault.New(fault.Invalid, "campaign.segment.retired", "name", s.Name).At("segment")
	}
	_, err = segment.Where(tx, s.Definition)
	return s.Definition.Text(), tx.Now, atSegment(err)
}

// Undo takes an approval back before the first message. Faults: campaign.none, campaign.begun.
func Undo(tx *store.Tx, id int64) error {
	c, err := lockIt(tx, id)
	if err != nil {
		return err
	}
	if c.State != Queued || tx.Now >= c.StartAt {
		return fault.New(fault.Conflict, "campaign.begun")
	}
	tx.Do(undo, id)
	return told(tx, "campaign.undo", id, nil, nil)
}

// Pause holds a campaign; messages that have begun end. Faults: campaign.none, campaign.not_running.
func Pause(tx *store.Tx, id int64) error {
	return become(tx, id, Paused, "campaign.pause", Sending, Queued)
}

// Resume goes on. Faults: campaign.none, campaign.not_paused.
func Resume(tx *store.Tx, id int64) error {
	return become(tx, id, Sending, "campaign.resume", Paused)
}

// StopIt ends a campaign: whoever has not been written to is left out. It can't be taken back.
// Faults: campaign.none, campaign.not_running.
func StopIt(tx *store.Tx, id int64) error {
	return become(tx, id, Stopping, "campaign.stop", Queued, Sending, Paused)
}

func become(tx *store.Tx, id int64, to State, action string, from ...State) error {
	c, err := lockIt(tx, id)
	if err != nil || c.State == to {
		return err
	}
	ok := false
	for _, s := range from {
		ok = ok || c.State == s
	}
	if !ok {
		if to == Sending {
			return fault.New(fault.Conflict, "campaign.not_paused")
		}
		return fault.New(fault.Conflict, "campaign.not_running")
	}
	if to == Paused && c.State == Queued && tx.Now < c.StartAt {
		return fault.New(fault.Conflict, "campaign.not_running") // Undo is the way then
	}
	tx.Do(setState, to, id)
	if c.StartedAt == 0 && to != Paused {
		tx.Do(started, id)
	}
	wake(tx)
	return told(tx, action, id, nil, nil)
}

// SendDoubtful sends again to people whose message may or may not have arrived: somebody decided that a second copy
// does less harm than none. No ids means all of them. Faults: campaign.none, campaign.no_doubt.
func SendDoubtful(tx *store.Tx, id int64, ids []int64) error {
	c, err := lockIt(tx, id)
	if err != nil {
		return err
	}
	if c.State == Draft || c.State == Stopping || c.State == Stopped {
		return fault.New(fault.Conflict, "campaign.not_running")
	}
	var n int64
	if len(ids) == 0 {
		n, err = tx.Exec(doubtfulAll, id)
	}
	for some := range slices.Chunk(ids, 1000) {
		k, e := tx.Exec(doubtful, id, some)
		n, err = n+k, errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "campaign.no_doubt")
	}
	if c.State == Sent {
		tx.Do(reopen, id)
	}
	wake(tx)
	return told(tx, "campaign.send_doubtful", id, proof.Fields{"people": dec(n)}, nil)
}

// Holding tells whether a batch under way holds a person: an erasure is done only when none does.
func Holding(r store.Reader, person int64) (bool, error) {
	n, err := store.One[int64](r, holding, person)
	return n > 0, err
}

// Quick is a campaign in one act: what the command line asks for.
type Quick struct {
	List    int64
	Name    string
	Sender  sender.New
	Subject string
	HTML    string
	Undo    time.Duration
	People  int64 // whom For counted before the act: over a long list it takes seconds
}

// SendQuick makes a campaign to one list and approves it: the same verbs as the pages.
func SendQuick(tx *store.Tx, q Quick) (int64, error) {
	a, err := account.Get(tx)
	if err != nil {
		return 0, err
	}
	if q.Sender.Name == "" {
		q.Sender.Name = a.Name
	}
	from, err := sender.Ensure(tx, q.Sender)
	if err != nil {
		return 0, err
	}
	if q.Name == "" {
		q.Name = q.Subject
	}
	id, err := Make(tx, Words{Name: q.Name, Subject: q.Subject, Kind: template.HTML, Body: q.HTML}, from)
	if err != nil {
		return 0, err
	}
	if err := SetLists(tx, id, 0, []int64{q.List}, nil); err != nil {
		return 0, err
	}
	return id, Approve(tx, id, 0, q.People, q.Undo)
}

func spaced(ids []int64) string {
	s := ""
	for i, id := range ids {
		if i > 0 {
			s += " "
		}
		s += dec(id)
	}
	return s
}
