// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gate promises that nothing is sent without a permit (INV-03), and that the first
// reason against a mail is the same whether one asks for one person, a batch, a count or a
// million: one SQL CASE, read by Decide, by counting and by freezing.
//
// The order (L19): the person's own no first, then what else speaks against this person, then
// the account, the campaign, the sending service, the transfer. What speaks against the
// person leaves the person out; what speaks against the batch holds the batch, and it goes on
// when the fact has changed. A permit lives ten minutes at most (rulepack permit.life) and
// names what it rested on; its row stays.
//
// It leaves to sending who asks, when, and what becomes of a batch that is held; and to
// people, team and chain the facts themselves.
package gate

import (
	"slices"
	"sync"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/people/consent"
)

// Class is what a mail is, and with that what is asked before it goes.
type Class string

// The classes. Only a campaign and the question need a basis; each of the others answers somebody's
// own act, or is owed to them.
const (
	Campaign     Class = "campaign"
	Confirmation Class = "confirmation" // to a pending sign-up, or to a new address: was this you?
	Receipt      Class = "receipt"      // to a contact: what you said, and its proof
	Invitation   Class = "invitation"   // to a member
	SignIn       Class = "sign_in"      // to a member
	Checkpoint   Class = "checkpoint"   // to an owner: the trace's head
	Notice       Class = "notice"       // to a member or a contact: what the law or the house owes them
	Source       Class = "source"       // to a contact, once ever: where their address comes from (GDPR 14)
	Question     Class = "question"     // to a contact of a list, once ever: may we go on? Direct marketing itself (compliance L1)
)

// Classes lists all of them.
func Classes() []Class {
	return []Class{Campaign, Confirmation, Receipt, Invitation, SignIn, Checkpoint, Notice, Source, Question}
}

// Service tells whether mail of the class is service mail: written by a room of ours in fixed words,
// and no paperwork of the account stops it. Only the question needs a basis.
func (c Class) Service() bool { return c != Campaign }

// Once tells whether nobody may get mail of the class twice: one that may have arrived is not sent again by itself.
func (c Class) Once() bool { return c == Source || c == Question }

// Reason is the first fact against a mail; "" is none. Each has its words: "gate.reason.<reason>".
type Reason string

// What gate adds to the reasons of consent, which come first and keep their names.
const (
	OK Reason = ""

	// against the person: left out
	Gone       Reason = "gone"        // there is no such contact, sign-up or member (any more)
	SaidNotMe  Reason = "said_not_me" // "I did not ask for this": no further confirmation mail
	NotPending Reason = "not_pending" // the sign-up was answered or is too old
	NotOwner   Reason = "not_owner"   // the mail is an owner's
	Told       Reason = "told"        // nothing is owed (any more): they were told where their address comes from
	OwnYes     Reason = "own_yes"     // they said yes themselves: there is nothing to ask
	Untold     Reason = "untold"      // has to hear first where the address comes from

	// against this mail: decided anew
	NoPermit     Reason = "no_permit"     // none, or one of another service or account
	PermitOver   Reason = "permit_over"   // its ten minutes have passed
	NotCovered   Reason = "not_covered"   // the permit is about other people
	OtherAddress Reason = "other_address" // the person's address is another now

	// against the batch: held
	AccountSuspended  Reason = "account_suspended"
	TermsMissing      Reason = "terms_missing"
	NotApproved       Reason = "not_approved"
	RelayUnknown      Reason = "relay_unknown"
	RelayTerminated   Reason = "relay_terminated"
	RelaySuspended    Reason = "relay_suspended"
	RelayUncontracted Reason = "relay_not_contracted"
	RelayDPAEnded     Reason = "relay_dpa_ended"
	RelayTransferVoid Reason = "relay_transfer_void"
)

// held are the reasons that speak against the batch, in the order they are asked.
var held = []Reason{AccountSuspended, TermsMissing, NotApproved, RelayUnknown, RelayTerminated, RelaySuspended, RelayUncontracted, RelayDPAEnded, RelayTransferVoid}

// Reasons lists every reason a decision can carry: consent's first, then the gate's.
func Reasons() []Reason {
	var out []Reason
	for _, r := range consent.Reasons() {
		out = append(out, Reason(r))
	}
	return append(append(out, Gone, SaidNotMe, NotPending, NotOwner, Told, OwnYes, Untold, NoPermit, PermitOver, NotCovered, OtherAddress), held...)
}

// Again tells whether the mail is to be decided anew: nothing speaks against the person, but
// the permit at hand doesn't cover this mail.
func (r Reason) Again() bool {
	return r == NoPermit || r == PermitOver || r == NotCovered || r == OtherAddress
}

// Holds tells whether the reason speaks against the batch, not the person: the mail waits
// until the fact has changed, and is not left out.
func (r Reason) Holds() bool { return slices.Contains(held, r) }

// Batch is what a decision is about.
type Batch struct {
	Class    Class
	Campaign int64 // of a campaign's batch
	List     int64 // the list the people are written to by; 0: each candidate names its own
	Relay    int64 // the sending service
	// Approval is who let the campaign go: the entry in the trace, or the member. 0 is nobody,
	// and a campaign's batch is then held.
	Approval int64
}

// Candidate is one person a mail may go to. Exactly one of Contact, Signup and Member is set.
// Change names, beside the Contact, the change of address whose new mailbox is asked.
type Candidate struct{ Contact, List, Signup, Member, Change int64 }

// Decision is what was decided about one candidate.
type Decision struct {
	Candidate
	Reason Reason // "" : may go
	Basis  consent.Basis
	Grade  consent.Grade
	Event  int64 // the consent event it rests on
}

// Permit lets one batch go. Only Decide makes one; the zero Permit lets nobody go.
type Permit struct{ p *permit }

type permit struct {
	id      int64
	account int64
	batch   Batch
	until   legalclock.Moment

	mu      sync.Mutex
	people  map[Candidate]covered
	checked legalclock.Moment // when it was last asked whether they still may be written to
}

// covered is what was decided about one person of a permit: the list, the address (norm_v1),
// and what has come up since.
type covered struct {
	list   int64
	norm   string
	reason Reason
}

// No mail begins later than two seconds after a refusal or erasure was committed (details.md): a
// word on the people is asked for again after one, and not believed after two, should the database
// take that long to give a new one.
const (
	recheckAfter = time.Second
	staleAfter   = 2 * time.Second
)

// ID is the number of the permit's row; 0 for the zero Permit.
func (p Permit) ID() int64 { return p.get().id }

// IsZero tells whether the permit lets nobody go.
func (p Permit) IsZero() bool { return p.p == nil }

// Account is the account it was given to.
func (p Permit) Account() int64 { return p.get().account }

// Relay is the sending service it was given for.
func (p Permit) Relay() int64 { return p.get().batch.Relay }

// Class is what the mail is.
func (p Permit) Class() Class { return p.get().batch.Class }

// Until is the moment it ends.
func (p Permit) Until() legalclock.Moment { return p.get().until }

var nobody permit

func (p Permit) get() *permit {
	if p.p == nil {
		return &nobody
	}
	return p.p
}

// Covers tells what speaks against writing to a person under the permit, at an address in
// norm_v1: OK when nothing does. Who it is, Contact, Signup or Member says; the list doesn't matter.
func (p Permit) Covers(c Candidate, norm string) Reason {
	if p.p == nil {
		return NoPermit
	}
	c.List = 0
	p.p.mu.Lock()
	defer p.p.mu.Unlock()
	of, ok := p.p.people[c]
	switch {
	case !ok:
		return NotCovered
	case of.reason != OK:
		return of.reason
	case of.norm != norm:
		return OtherAddress
	}
	return OK
}

// Due tells whether Recheck is to be called before the next message.
func (p Permit) Due(now legalclock.Moment) bool { return p.p != nil && p.older(now, recheckAfter) }

// Stale tells whether the word on the people is so old that no message may begin on it.
func (p Permit) Stale(now legalclock.Moment) bool { return p.p == nil || p.older(now, staleAfter) }

func (p Permit) older(now legalclock.Moment, than time.Duration) bool {
	p.p.mu.Lock()
	defer p.p.mu.Unlock()
	return now.Sub(p.p.checked) >= than || now < p.p.checked
}
