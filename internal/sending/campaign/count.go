// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"consend/internal/gate"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/trace/proof"
	"math"
)

// Fate is where one person of a campaign is, in the ledger's words.
type Fate string

// The fates.
const (
	Waiting  Fate = "pending"
	Deferred Fate = "deferred"
	Accepted Fate = "accepted"
	Failed   Fate = "failed"
	Out      Fate = "left_out"
	InDoubt  Fate = "in_doubt"
)

// Fates lists them in the order pages show them.
func Fates() []Fate { return []Fate{Accepted, Waiting, Deferred, InDoubt, Failed, Out} }

// Tally is how many people share a fate, a reason and a grade.
type Tally struct {
	State  Fate
	Reason string
	Grade  consent.Grade
	People int64
}

// Counts is a campaign in numbers.
type Counts struct {
	By      []Tally
	Claimed int64 // of those who wait: how many are in flight just now
}

// Of is how many people have a fate.
func (n Counts) Of(f Fate) (out int64) {
	for _, t := range n.By {
		if t.State == f {
			out += t.People
		}
	}
	return out
}

// Total is how many people the campaign is about.
func (n Counts) Total() (out int64) {
	for _, t := range n.By {
		out += t.People
	}
	return out
}

// Done is how many nothing more happens to by itself.
func (n Counts) Done() int64 { return n.Total() - n.Of(Waiting) - n.Of(Deferred) }

func (n Counts) fields() proof.Fields {
	out := proof.Fields{}
	for _, f := range Fates() {
		if k := n.Of(f); k > 0 {
			out[string(f)] = dec(k)
		}
	}
	return out
}

// Count counts a campaign's people.
func Count(r store.Reader, id int64) (Counts, error) {
	by, err := store.All[Tally](r, tally, id)
	if err != nil {
		return Counts{}, err
	}
	flying, err := store.One[int64](r, flyingNow, id)
	return Counts{by, flying}, err
}

// Recipient is one row of the ledger.
type Recipient struct {
	ContactID int64
	ListID    int64
	State     Fate
	Reason    string
	Basis     consent.Basis
	Grade     consent.Grade
	EventID   int64
	PermitID  int64
	BatchID   int64
	Tries     int
	Code      int
	Enhanced  string
	NextAt    legalclock.Moment
	EndedAt   legalclock.Moment
}

// Recipients lists people of a campaign by number, after one of them: with a fate ("" is any) and a reason ("" is any).
func Recipients(r store.Reader, id, after int64, f Fate, reason string, limit int) ([]Recipient, error) {
	return store.All[Recipient](r, recipients, id, after, f, f, reason, reason, limit)
}

// RecipientOf finds one person's row; store.ErrNone when the campaign isn't about them.
func RecipientOf(r store.Reader, id, person int64) (Recipient, error) {
	return store.One[Recipient](r, recipientOf, id, person)
}

// Message is a campaign's row of one person, for the person's own page.
type Message struct {
	CampaignID int64
	Name       string
	At         legalclock.Moment // when it came to what it is
	Recipient
}

// MessagesOf lists what campaigns wrote to a person, or why not, newest first, those before a
// moment and a campaign (0, 0: from the newest).
func MessagesOf(r store.Reader, person int64, before legalclock.Moment, campaign int64, limit int) ([]Message, error) {
	if campaign == 0 {
		before = math.MaxInt64
	}
	return store.All[Message](r, messagesOf, person, before, campaign, limit)
}

// Point is how many messages the sending service took in a span of time.
type Point struct {
	At     int64 // start of the span, microseconds
	People int64
}

// OverTime counts accepted messages by spans of so many microseconds.
func OverTime(r store.Reader, id, span int64) ([]Point, error) {
	return store.All[Point](r, overTime, span, span, id)
}

// Why answers "why was this sent?": the row, and the permit it went under.
func Why(r store.Reader, id, person int64) (Recipient, gate.Given, error) {
	x, err := RecipientOf(r, id, person)
	if err != nil || x.PermitID == 0 {
		return x, gate.Given{}, err
	}
	g, err := gate.Get(r, x.PermitID)
	return x, g, err
}

// Member is a member of the team a test goes to.
type Member struct {
	ID    int64
	Email address.Address
}

func toldTest(tx *store.Tx, id int64, members []Member) error {
	ids := make([]int64, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return told(tx, "campaign.test", id, proof.Fields{"to_members": spaced(ids)}, nil)
}

// LeftSince is how many of those it was taken for said no to a list of the campaign since it began.
func LeftSince(r store.Reader, id int64) (int64, error) { return store.One[int64](r, leftSince, id) }
