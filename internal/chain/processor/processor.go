// SPDX-License-Identifier: AGPL-3.0-or-later

// Package processor promises that whoever carries mail for us stands in a record with its
// agreement and its country (GDPR 28(1), 28(3), 30(1)(d), 44), and that one question, Holds,
// answers from facts alone whether we may hand it anything today: facts stop, paperwork
// limits or reminds (docs/flow.md). The gate asks it for every batch (INV-07, INV-09).
//
// A record belongs to the house, for every account, or to one account. The built-in mailbox
// and our own server are records too: they show that no agreement is needed, and why.
//
// It leaves to gate what a stop does to a batch, and to sending/relay the wires.
package processor

import (
	"slices"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
)

// MailboxID is the record of the built-in mailbox. It is there from the first start.
const MailboxID int64 = 1

// Kind is what sort of carrier it is.
type Kind string

// The kinds.
const (
	Mailbox  Kind = "mailbox"  // built in: mail stays on this machine
	Own      Kind = "own"      // our own server
	Provider Kind = "provider" // somebody else's service
)

// Role is what the carrier is in law.
type Role string

// The roles. Nobody is a processor of itself.
const (
	NoRole       Role = "none"
	ForUs        Role = "processor"     // GDPR 28: of the account that is controller
	ForProcessor Role = "sub_processor" // GDPR 28(4): the operator's, for accounts that aren't its own
)

// Place is where it stands; "our own server" may stand at a hoster, who then is a processor.
type Place string

// The places.
const (
	Here       Place = "here"     // in this program
	Premises   Place = "premises" // our own rooms
	Hoster     Place = "hoster"   // rented
	AtProvider Place = "provider"
)

// Contract is how the agreement of GDPR 28(3) came about.
type Contract string

// The states of an agreement. Only the two in force bind; a published text binds nobody.
const (
	NotNeeded             Contract = "not_needed" // no contract with oneself
	NoContract            Contract = "none"
	Published             Contract = "published_not_binding"
	IncorporatedByTerms   Contract = "incorporated_by_terms"
	NeedsCountersignature Contract = "needs_countersignature"
	Executed              Contract = "executed"
	ContractExpired       Contract = "expired"
	ContractTerminated    Contract = "terminated"
)

// Contracts lists what a person can choose.
func Contracts() []Contract {
	return []Contract{IncorporatedByTerms, Executed, NeedsCountersignature, Published, NoContract}
}

// Mechanism is the tool of GDPR chapter V. The words are those of the rulepack, which says
// which of them hold.
type Mechanism string

// The mechanisms we know. The last three never hold for sending.
const (
	NoTransfer    Mechanism = ""
	Adequacy      Mechanism = "adequacy_45"
	DPF           Mechanism = "adequacy_dpf_us"
	SCC           Mechanism = "scc_914"
	BCR           Mechanism = "bcr_47"
	Code          Mechanism = "code_46_2_e"
	Certified     Mechanism = "cert_46_2_f"
	AdHoc         Mechanism = "adhoc_46_3"
	Derogation    Mechanism = "derogation_49"
	SafeHarbor    Mechanism = "safe_harbor"
	PrivacyShield Mechanism = "privacy_shield"
)

// Mechanisms lists what a person can choose; void ones are shown, and don't hold.
func Mechanisms() []Mechanism {
	return []Mechanism{Adequacy, DPF, SCC, BCR, Code, Certified, AdHoc, Derogation, PrivacyShield, SafeHarbor}
}

// DPA is the agreement with its dates. Until 0: it has no end, as most that are part of terms.
type DPA struct {
	Status  Contract          `db:"dpa"`
	Version string            `db:"dpa_version"`
	URL     string            `db:"dpa_url"`
	From    legalclock.Moment `db:"dpa_from"`
	Until   legalclock.Moment `db:"dpa_until"`
	// PaperUntil is set by "renewed, paper follows": the agreement holds until then.
	PaperUntil legalclock.Moment `db:"paper_until"`
}

// Transfer is what carries data outside the EEA.
type Transfer struct {
	Mechanism Mechanism         `db:"mechanism"`
	From      legalclock.Moment `db:"mechanism_from"`
	Until     legalclock.Moment `db:"mechanism_until"`
	Checked   legalclock.Moment `db:"mechanism_checked"` // when somebody looked whether it still stands
}

// Status is what a person decided about the carrier.
type Status string

// The statuses.
const (
	Active     Status = "active"
	Suspended  Status = "suspended"
	Terminated Status = "terminated"
)

// Record is one carrier.
type Record struct {
	ID        int64
	Owner     int64 `db:"owner_id"` // 0: the house's
	Kind      Kind
	Name      string // of a company; "" for the built-in mailbox
	Country   string
	Role      Role
	Place     Place
	DPA       DPA      `db:"-"`
	Transfer  Transfer `db:"-"`
	ReviewDue legalclock.Moment
	State     Status
	StateAt   legalclock.Moment
	StateBy   int64
	StateWhy  string
	Catalogue string // where our catalogue filled it in: "id date"
	Version   int64
	MadeAt    legalclock.Moment
}

// Reason is why nothing may be handed to a carrier; "" when it may. Each has its words, and
// what to do: "processor.stop.<reason>", "processor.todo.<reason>".
type Reason string

// The facts that stop.
const (
	None          Reason = ""
	Missing       Reason = "unknown"
	IsTerminated  Reason = "terminated"
	IsSuspended   Reason = "suspended"
	NotContracted Reason = "not_contracted"
	DPAEnded      Reason = "dpa_ended"
	TransferVoid  Reason = "transfer_void"
)

// Reasons lists the facts that stop, in the order they are asked.
func Reasons() []Reason {
	return []Reason{Missing, IsTerminated, IsSuspended, NotContracted, DPAEnded, TransferVoid}
}

// Holds tells whether the carrier may be handed mail at a moment, and the first fact that
// speaks against it. Nothing is judged here but facts: no overdue paper stops mail.
func (p Record) Holds(rules *rulepack.Rules, now legalclock.Moment) (bool, Reason) {
	switch p.State {
	case Terminated:
		return false, IsTerminated
	case Suspended:
		return false, IsSuspended
	}
	if p.NeedsContract() {
		if r := p.DPA.stop(now); r != None {
			return false, r
		}
	}
	if p.leaves() && !p.Transfer.holds(p.Country, rules, now) {
		return false, TransferVoid
	}
	return true, None
}

// NeedsContract tells whether GDPR 28(3) asks for one: not for what we run in our own rooms.
func (p Record) NeedsContract() bool {
	return p.Kind == Provider || p.Kind == Own && p.Place == Hoster
}

func (d DPA) stop(now legalclock.Moment) Reason {
	switch d.Status {
	case IncorporatedByTerms, Executed:
		if d.From > now {
			return NotContracted // signed for a later day
		}
	case ContractExpired, ContractTerminated:
		if d.Status == ContractExpired && d.PaperUntil > now {
			return None
		}
		return DPAEnded
	default:
		return NotContracted
	}
	if d.Until != 0 && d.Until <= now && d.PaperUntil <= now {
		return DPAEnded
	}
	return None
}

// leaves tells whether data goes to somebody else at all (EDPB 05/2021: what stays in our own
// rooms, wherever they are, is no transfer).
func (p Record) leaves() bool { return p.Place != Here && p.Place != Premises }

// holds: GDPR 44 asks for a tool only outside the EEA; a country found adequate is one.
func (t Transfer) holds(country string, rules *rulepack.Rules, now legalclock.Moment) bool {
	if rules.Has(rulepack.TransferEEA, country) {
		return true
	}
	if country == "" || !rules.Has(rulepack.TransferMeans, string(t.Mechanism)) || t.From > now || t.Until != 0 && t.Until <= now {
		return false
	}
	switch t.Mechanism {
	case Adequacy:
		return rules.Has(rulepack.TransferGood, country)
	case DPF:
		return country == "US"
	}
	return true
}

// Reminder is paperwork: it is shown, and stops nothing.
type Reminder struct {
	Key string // "processor.remind.<what>"
	At  legalclock.Moment
}

// The reminders.
const (
	RemindDPAEnds  = "processor.remind.dpa_ends"
	RemindPaper    = "processor.remind.paper"
	RemindReview   = "processor.remind.review"
	RemindTransfer = "processor.remind.transfer"
)

// dpaWarning is how long before its end an agreement is spoken of (GDPR 28; house).
const dpaWarning = 90 * 24 * time.Hour

// Reminders lists the paperwork that is due.
func (p Record) Reminders(rules *rulepack.Rules, now legalclock.Moment) []Reminder {
	var out []Reminder
	if p.State == Terminated {
		return nil
	}
	if d := p.DPA; p.NeedsContract() {
		switch {
		case d.PaperUntil > now:
			out = append(out, Reminder{RemindPaper, d.PaperUntil})
		case d.Until != 0 && d.Until > now && d.Until.Sub(now) <= dpaWarning:
			out = append(out, Reminder{RemindDPAEnds, d.Until})
		}
	}
	if p.ReviewDue != 0 && p.ReviewDue <= now {
		out = append(out, Reminder{RemindReview, p.ReviewDue})
	}
	if t := p.Transfer; t.Mechanism != NoTransfer && t.Mechanism != Adequacy && t.Checked != 0 {
		if due := rules.After(rulepack.TransferReview, t.Checked, time.UTC); due <= now {
			out = append(out, Reminder{RemindTransfer, due})
		}
	}
	return out
}

// Limited tells whether paperwork is overdue, so that nothing new may begin with the carrier:
// no further sending service, no new purpose. What runs goes on.
func (p Record) Limited(rules *rulepack.Rules, now legalclock.Moment) bool {
	return slices.ContainsFunc(p.Reminders(rules, now), func(r Reminder) bool {
		return r.Key == RemindReview || r.Key == RemindTransfer
	})
}
