// SPDX-License-Identifier: AGPL-3.0-or-later

// Package campaign promises that a campaign goes to each person it may go to, once; to nobody else; and that for every
// person it was about the ledger tells what became of it and why.
//
//	draft → queued (approved; the undo window) → sending ⇄ paused → sent
//	                                                    ↘ stopping → stopped
//
// People are frozen into the ledger in chunks by contact id; the unique key (account, campaign, contact) makes a repeat
// harmless, and sending starts after the first chunk. A row of the ledger goes
//
//	pending → claimed → started → accepted | deferred | failed | left out(reason) | in doubt
//
// Claimed is a batch that names the row, at most 200 rows under a lease and a fencing number; started is a line of the
// flight journal. Both are no columns of the row: each message costs one update.
//
// What a crash leaves, by where it hits:
//
//	before the claim's commit      pending
//	after it, before the content   claimed, nothing in the journal        → pending
//	after that                     started without answer                 → in doubt: shown, sent only when somebody says so
//	after the answer, not booked   answered in the journal                → booked from it
//	after booking                  nothing to do
//	the journal gone (power, node) claimed                                → in doubt
//
// A segment narrows the lists. Its conditions and the moment they count from are those of the approval; what is known of
// a person is what is known when they are frozen.
//
// It leaves to gate who may get it, to relay the permit at the last moment and the wire, to template the words, to
// report the counting.
package campaign

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// State is where a campaign is.
type State string

// The states of a campaign.
const (
	Draft    State = "draft"
	Queued   State = "queued"   // approved: it begins at StartAt, and can be taken back until then
	Sending  State = "sending"  //
	Paused   State = "paused"   //
	Stopping State = "stopping" // what has not begun is being left out
	Stopped  State = "stopped"  //
	Sent     State = "sent"     //
)

// States lists them in the order pages show them.
func States() []State { return []State{Draft, Queued, Sending, Paused, Stopping, Stopped, Sent} }

// Running tells whether the sender works on it.
func (s State) Running() bool { return s == Queued || s == Sending || s == Stopping }

// Over tells whether nothing more happens by itself.
func (s State) Over() bool { return s == Stopped || s == Sent }

// UndoWindow is how long an approved campaign waits, unless somebody says otherwise.
const UndoWindow = time.Minute

// Hold is why nothing goes just now: a reason of gate, or one of these.
const (
	HoldRelayDown     = "relay_down"     // the sending service does not answer
	HoldRelaySettings = "relay_settings" // it refuses our password or certificate: a person has to act
	HoldSender        = "sender"         // the service refuses mail from the sender's address: a person has to act
	HoldTemplate      = "template"       // the text can't be made into messages any more
	HoldSegment       = "segment"        // what the segment asks for may not be asked any more: a person has to act
)

// Campaign is one campaign.
type Campaign struct {
	ID        int64
	Name      string
	State     State
	Version   int64
	SenderID  int64
	Subject   string
	Preheader string
	Kind      template.Kind
	Body      string
	Logo      string
	Colour    string
	Language  string
	MadeBy    int64
	MadeAt    legalclock.Moment
	ChangedAt legalclock.Moment

	FromName      string
	FromEmail     string
	ReplyTo       string
	ApprovedBy    int64
	ApprovedAt    legalclock.Moment
	ApprovalEntry int64
	StartAt       legalclock.Moment
	StartedAt     legalclock.Moment
	EndedAt       legalclock.Moment

	SegmentID         int64  // narrows the lists; 0: everybody on them
	SegmentDefinition string // a copy from the approval: what is changed later does not change whom it goes to
	SegmentAt         legalclock.Moment

	FreezeCursor int64
	FrozenAt     legalclock.Moment
	Frozen       int64
	FrozenOut    int64
	Holder       int64
	HolderUntil  legalclock.Moment
	Hold         string
	HoldAt       legalclock.Moment
}

// Words are what an author sets about a draft.
type Words struct {
	Name      string
	Subject   string
	Preheader string
	Kind      template.Kind
	Body      string
	Logo      string
	Colour    string
	Language  string
}

// Words gives the campaign's.
func (c Campaign) Words() Words {
	return Words{c.Name, c.Subject, c.Preheader, c.Kind, c.Body, c.Logo, c.Colour, c.Language}
}

const maxName = 200

func (w *Words) check() error {
	w.Name, w.Subject, w.Preheader = strings.Join(strings.Fields(w.Name), " "), strings.TrimSpace(w.Subject), strings.TrimSpace(w.Preheader)
	if w.Kind == "" {
		w.Kind = template.Markdown
	}
	var m fault.Many
	bad := func(field, key string, args ...any) {
		m = append(m, fault.New(fault.Invalid, key, args...).At(field))
	}
	text := func(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
	switch {
	case w.Name == "":
		bad("name", "campaign.name.missing")
	case utf8.RuneCountInString(w.Name) > maxName || !text(w.Name):
		bad("name", "campaign.name.long", "limit", maxName)
	}
	if len(w.Subject) > template.MaxLine || !text(w.Subject) {
		bad("subject", "campaign.line.long", "limit", template.MaxLine)
	}
	if len(w.Preheader) > template.MaxLine || !text(w.Preheader) {
		bad("preheader", "campaign.line.long", "limit", template.MaxLine)
	}
	if len(w.Body) > template.MaxSource || !text(w.Body) {
		bad("body", "template.too_large", "max", template.MaxSource>>10)
	}
	if w.Kind != template.HTML && w.Kind != template.Markdown {
		bad("kind", "campaign.kind")
	}
	if w.Logo != "" && (!strings.HasPrefix(w.Logo, "https://") || len(w.Logo) > 1000 || !text(w.Logo) || strings.ContainsAny(w.Logo, " \"<>\n")) {
		bad("logo", "campaign.logo")
	}
	if w.Language != "" && w.Language != "en" && w.Language != "fr" {
		bad("language", "campaign.language")
	}
	if w.Colour != "" && (len(w.Colour) != 7 || w.Colour[0] != '#' || strings.Trim(strings.ToLower(w.Colour[1:]), "0123456789abcdef") != "") {
		bad("colour", "campaign.colour")
	}
	return m.Err()
}

// Make makes a draft. Faults: those of Words, sender.none.
func Make(tx *store.Tx, w Words, senderID int64) (int64, error) {
	if err := w.check(); err != nil {
		return 0, err
	}
	if senderID != 0 {
		if _, err := sender.Get(tx, senderID); err != nil {
			return 0, err
		}
	}
	id := tx.ID()
	tx.Do(add, id, w.Name, senderID, w.Subject, w.Preheader, w.Kind, w.Body, w.Logo, w.Colour, w.Language, tx.Who.ID)
	return id, told(tx, "campaign.make", id, proof.Fields{"kind": string(w.Kind)}, proof.Fields{"name": w.Name})
}

// SetWords changes a draft's words. version is the one that was read. Faults: those of Words, campaign.none,
// campaign.not_draft, campaign.changed.
func SetWords(tx *store.Tx, id, version int64, w Words) error {
	if err := w.check(); err != nil {
		return err
	}
	c, err := draft(tx, id, version)
	if err != nil || c.Words() == w {
		return err
	}
	tx.Do(setWords, w.Name, w.Subject, w.Preheader, w.Kind, w.Body, w.Logo, w.Colour, w.Language, id)
	clear := proof.Fields{}
	for name, same := range map[string]bool{"name": c.Name == w.Name, "subject": c.Subject == w.Subject, "preheader": c.Preheader == w.Preheader,
		"body": c.Body == w.Body && c.Kind == w.Kind, "look": c.Logo == w.Logo && c.Colour == w.Colour, "language": c.Language == w.Language} {
		if !same {
			clear["changed."+name] = "yes"
		}
	}
	return told(tx, "campaign.change", id, clear, nil)
}

// SetSender chooses who writes. Faults: sender.none, and those of SetWords.
func SetSender(tx *store.Tx, id, version, senderID int64) error {
	c, err := draft(tx, id, version)
	if err != nil {
		return err
	}
	s, err := sender.Get(tx, senderID)
	if err != nil {
		return err
	}
	if s.RetiredAt != 0 {
		return fault.New(fault.NotFound, "sender.none").At("sender")
	}
	if c.SenderID == senderID {
		return nil
	}
	tx.Do(setSender, senderID, id)
	return told(tx, "campaign.change", id, proof.Fields{"sender": dec(senderID)}, nil)
}

const maxLists = 100

// SetLists chooses whom it is for: everybody on plus, without those who are on minus. Faults: campaign.lists.none,
// campaign.lists.many, list.none, campaign.lists.grant, and those of SetWords.
func SetLists(tx *store.Tx, id, version int64, plus, minus []int64) error {
	if _, err := draft(tx, id, version); err != nil {
		return err
	}
	plus, minus = unique(plus), unique(minus)
	minus = slices.DeleteFunc(minus, func(l int64) bool { return slices.Contains(plus, l) })
	switch {
	case len(plus) == 0:
		return fault.New(fault.Invalid, "campaign.lists.none").At("list")
	case len(plus)+len(minus) > maxLists:
		return fault.New(fault.Invalid, "campaign.lists.many", "limit", maxLists).At("list")
	}
	tx.Do(clearLists, id)
	clear := proof.Fields{}
	for _, s := range []struct {
		ids   []int64
		minus int
		name  string
	}{{plus, 0, "plus"}, {minus, 1, "minus"}} {
		words := make([]string, len(s.ids))
		for i, l := range s.ids {
			row, err := list.Get(tx, l)
			if err != nil {
				return err
			}
			if row.Kind != list.Mail || row.RetiredAt != 0 {
				return fault.New(fault.Invalid, "campaign.lists.grant", "list", row.Name).At("list")
			}
			tx.Do(addList, id, l, s.minus)
			words[i] = dec(l)
		}
		if len(words) > 0 {
			clear[s.name] = strings.Join(words, " ")
		}
	}
	tx.Do(touch, id)
	return told(tx, "campaign.change", id, clear, nil)
}

// SetSegment narrows the lists to people whom a segment describes; 0 takes everybody on them.
// Faults: segment.none, those of segment.Where, and those of SetWords.
func SetSegment(tx *store.Tx, id, version, segmentID int64) error {
	c, err := draft(tx, id, version)
	if err != nil || c.SegmentID == segmentID {
		return err
	}
	if segmentID != 0 {
		s, err := segment.Get(tx, segmentID)
		if err != nil {
			return err
		}
		if s.RetiredAt != 0 {
			return fault.New(fault.NotFound, "segment.none").At("segment")
		}
		if _, err := segment.Where(tx, s.Definition); err != nil {
			return atSegment(err)
		}
	}
	tx.Do(setSegment, segmentID, id)
	return told(tx, "campaign.change", id, proof.Fields{"segment": dec(segmentID)}, nil)
}

// atSegment puts what is wrong in a segment's conditions where the segment is chosen.
func atSegment(err error) error {
	if fault.KindOf(err) != fault.Invalid {
		return err
	}
	var m fault.Many
	for _, e := range fault.All(err) {
		m = append(m, e.At("segment"))
	}
	return m.Err()
}

func unique(ids []int64) []int64 {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// Lists gives the lists a campaign goes to, and those it leaves out.
func Lists(r store.Reader, id int64) (plus, minus []int64, err error) {
	type row struct {
		ListID int64
		Minus  int64
	}
	rows, err := store.All[row](r, lists, id)
	for _, l := range rows {
		if l.Minus != 0 {
			minus = append(minus, l.ListID)
		} else {
			plus = append(plus, l.ListID)
		}
	}
	return plus, minus, err
}

// DropPeople deletes from every campaign's ledger people who are deleted for good, at most
// 1,000. The campaign's own totals stay.
func DropPeople(tx *store.Tx, people []int64) { tx.Do(dropPeople, people) }

// Held gives those of some people, at most 1,000, whom a campaign wrote to or is about to.
func Held(r store.Reader, people []int64) ([]int64, error) {
	if len(people) == 0 {
		return nil, nil
	}
	return store.All[int64](r, heldPeople, people)
}

// Drop throws a draft away. Faults: campaign.none, campaign.not_draft.
func Drop(tx *store.Tx, id int64) error {
	c, err := lockIt(tx, id)
	if err != nil {
		return err
	}
	if c.State != Draft {
		return fault.New(fault.Conflict, "campaign.not_draft")
	}
	tx.Do(clearLists, id)
	tx.Do(drop, id)
	return told(tx, "campaign.drop", id, nil, nil)
}

// Copy makes a new draft of a campaign's words, sender, lists and segment. Faults: campaign.none.
func Copy(tx *store.Tx, id int64, name string) (int64, error) {
	c, err := Get(tx, id)
	if err != nil {
		return 0, err
	}
	w := c.Words()
	w.Name = name
	to, err := Make(tx, w, 0)
	if err != nil {
		return 0, err
	}
	if s, err := sender.Get(tx, c.SenderID); err == nil && s.RetiredAt == 0 {
		tx.Do(setSender, c.SenderID, to)
	}
	tx.Do(copyLists, to, id)
	if c.SegmentID != 0 {
		s, err := segment.Get(tx, c.SegmentID)
		if err != nil {
			return 0, err
		}
		if s.RetiredAt == 0 {
			tx.Do(setSegment, c.SegmentID, to)
		}
	}
	return to, nil
}

// Get finds a campaign. Faults: campaign.none.
func Get(r store.Reader, id int64) (Campaign, error) {
	c, err := store.One[Campaign](r, get, id)
	return c, missing(err)
}

// Page lists campaigns, newest first: those before a campaign's number (0: from the newest), in a state ("" is any),
// whose name begins with a text ("" is any).
func Page(r store.Reader, before int64, state State, name string, limit int) ([]Campaign, error) {
	if before == 0 {
		before = 1 << 62
	}
	return store.All[Campaign](r, page, before, state, state, name, name, name+"\U0010ffff", limit)
}

// Title is a campaign as a search shows it.
type Title struct {
	ID      int64
	Name    string
	Subject string
	State   State
}

// Names gives the titles of the newest campaigns.
func Names(r store.Reader, limit int) ([]Title, error) { return store.All[Title](r, titles, limit) }

func lockIt(tx *store.Tx, id int64) (Campaign, error) {
	c, err := store.One[Campaign](tx, lock, id)
	return c, missing(err)
}

func draft(tx *store.Tx, id, version int64) (Campaign, error) {
	c, err := lockIt(tx, id)
	switch {
	case err != nil:
	case c.State != Draft:
		err = fault.New(fault.Conflict, "campaign.not_draft")
	case version != 0 && c.Version != version:
		err = fault.New(fault.Conflict, "campaign.changed")
	}
	return c, err
}

func missing(err error) error {
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "campaign.none")
	}
	return err
}

func toldAs(tx *store.Tx, entry int64, action string, id int64, clear proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{ID: entry, Action: action, Object: "campaign", ObjectID: id, Clear: clear})
	return err
}

func told(tx *store.Tx, action string, id int64, clear, private proof.Fields) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "campaign", ObjectID: id, Clear: clear, Private: private})
	return err
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
