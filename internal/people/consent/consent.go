// SPDX-License-Identifier: AGPL-3.0-or-later

// Package consent promises that what a person said is written down once, never
// overwritten, and never outvoted by a file, a program or a member: a no beats any
// import, API call, sync or merge, and only the person's own new act turns it (INV-04).
//
// The unit is the subscription: one contact and one list (so one purpose). Its
// events are a ledger in the order of seq, taken under the lock of the contact's
// row; time never orders. Next is the whole rule, as one pure function; Apply is
// the one verb, for one event or a million; Reason is the one text that says why
// somebody may not be written to, read by counting, freezing and deciding alike.
//
// It leaves to gate whether a message may leave, to form and importer what was
// shown and which file said it.
package consent

import (
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/people/contact"
)

// Status is where a subscription stands. Only Given can be mailed.
type Status string

// The statuses of a subscription.
const (
	None      Status = "none"      // nothing stands: never asked, or taken off the list by the account
	Requested Status = "requested" // asked for on a form, not yet confirmed from the mailbox
	Waiting   Status = "waiting"   // claimed by somebody, waiting for proof
	Given     Status = "given"     // there is a basis and a grade of evidence
	Withdrawn Status = "withdrawn" // the person left, objected or complained
	Refused   Status = "refused"   // the person said no when asked, or "this was not me"
	Expired   Status = "expired"   // never confirmed, never proved, or ended by its term
)

// Statuses lists them in the order pages show them.
func Statuses() []Status {
	return []Status{Given, Requested, Waiting, Withdrawn, Refused, Expired, None}
}

// Basis is why one may write (GDPR 6(1), ePrivacy 13 as each country took it over).
type Basis string

// The bases. Soft opt-in is not consent.
const (
	ByConsent     Basis = "consent"           // GDPR 6(1)(a), ePrivacy 13(1)
	SoftOptIn     Basis = "soft_opt_in"       // ePrivacy 13(2): own customers, similar products, opt-out offered when collecting
	B2B           Basis = "b2b"               // business contact at work, where the country allows it
	Contract      Basis = "contract"          // GDPR 6(1)(b): needed for the service
	Member        Basis = "member"            // association and its members
	PublicTask    Basis = "public_task"       // GDPR 6(1)(e)
	NonCommercial Basis = "non_commercial_li" // GDPR 6(1)(f), no advertising

	// Informed is no consent and no basis to write: the person was told that opens or clicks are
	// measured and had not objected, with dated evidence from before the day the rules name
	// (tracking.informed_before; CNIL 2026-042). Only a list that measures can rest on it.
	Informed Basis = "informed_no_objection"
)

// Bases lists them in the order pages show them.
func Bases() []Basis {
	return []Basis{ByConsent, SoftOptIn, B2B, Contract, Member, PublicTask, NonCommercial}
}

// Known tells whether the basis is one of ours.
func (b Basis) Known() bool {
	for _, k := range Bases() {
		if b == k {
			return true
		}
	}
	return false
}

// Grade is how well it is shown, "A" best. The empty grade waits for proof and is not mailed.
type Grade string

// The grades of evidence.
const (
	GradeA   Grade = "A" // seen by us: our form, page or confirmation
	GradeB   Grade = "B" // documented per person: moment and source with text or form
	GradeC   Grade = "C" // documented for the group: one file for the batch
	GradeD   Grade = "D" // the word of a named member
	Ungraded Grade = ""  // waiting for proof
)

// Grades lists those that evidence has, the best first.
func Grades() []Grade { return []Grade{GradeA, GradeB, GradeC, GradeD} }

// claimable tells whether somebody else than the person can claim the grade: A is only ever seen.
func (g Grade) claimable() bool { return g == GradeB || g == GradeC || g == GradeD }

// Better tells whether g is stronger evidence than o.
func (g Grade) Better(o Grade) bool { return g != Ungraded && (o == Ungraded || g < o) }

// Kind is what happened.
type Kind string

// The kinds of event. Those of the person come first.
const (
	Request  Kind = "request"  // the person asked on a form; the mailbox has not answered yet
	Confirm  Kind = "confirm"  // the mailbox answered the request, by a button (POST)
	Accept   Kind = "accept"   // the person chose it on our page: form without confirmation, own choices
	Withdraw Kind = "withdraw" // GDPR 7(3): as easy as to give
	Object   Kind = "object"   // GDPR 21(2): to marketing, absolute
	Complain Kind = "complain" // a feedback loop or an authority passed on a complaint
	NotMe    Kind = "not_me"   // "I did not ask for this"
	Refuse   Kind = "refuse"   // asked, and said no
	Give     Kind = "give"     // import, API or member recorded a basis with its grade
	Release  Kind = "release"  // proof arrived for what was waiting
	Expire   Kind = "expire"   // a term ended
	Remove   Kind = "remove"   // the account took the person off the list; it says nothing about the person
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{Request, Confirm, Accept, Withdraw, Object, Complain, NotMe, Refuse, Give, Release, Expire, Remove}
}

// No tells whether the kind is a no of the person.
func (k Kind) No() bool {
	switch k {
	case Withdraw, Object, Complain, NotMe, Refuse:
		return true
	}
	return false
}

// Own tells whether only the person can do it: nobody confirms or chooses for another.
func (k Kind) Own() bool {
	switch k {
	case Confirm, Accept, NotMe:
		return true
	}
	return false
}

// Said is the person's own last word on a subscription.
type Said int

// The person's last word.
const (
	SaidNothing Said = 0
	SaidYes     Said = 1
	SaidNo      Said = 2
)

// Cause is why an address is on the do-not-mail list.
type Cause string

// The causes of a suppression.
const (
	Unsubscribed   Cause = "unsubscribe"
	Objected       Cause = "objection"
	Erased         Cause = "erasure"
	Complained     Cause = "complaint"
	HardBounce     Cause = "hard_bounce"
	AuthorityOrder Cause = "authority_order" // the only one no later yes of the person turns
	ByMember       Cause = "member"
	Imported       Cause = "import"
)

// Bar is the suppression that covers a subscription: the order of an authority if
// there is one, else the latest. The zero Bar is none.
type Bar struct {
	Cause Cause
	Since legalclock.Moment
}

// State is everything the next event is judged by.
type State struct {
	Status Status
	Basis  Basis
	Grade  Grade
	Said   Said
	SaidAt legalclock.Moment // when that word was recorded, by our clock
	Event  int64             // the event the status rests on
	Since  legalclock.Moment
	Seq    int64
	Bar    Bar
	Grant  bool              // the list measures and carries no mail: the person gives it, or who can show that they did
	Early  legalclock.Moment // evidence of Informed must be older; 0: the account's rules know no such thing
	Ending bool              // the contact is being erased: nothing new is given, a no is still heard (INV-17)
	Merged bool              // the contact went into another one: nobody but the person gives it anything
}

// Barred tells whether a suppression binds: it does unless the person said yes after it.
func (s State) Barred() bool {
	if s.Bar.Cause == "" {
		return false
	}
	return s.Said != SaidYes || s.Bar.Since > s.SaidAt || s.Bar.Cause == AuthorityOrder
}

// Verdict is what became of an event. Every event is written, whatever its verdict.
type Verdict string

// The verdicts. All but the first two leave the subscription as it was.
const (
	Applied      Verdict = "applied"
	Recorded     Verdict = "recorded"       // true, and changes nothing
	SaidNoBefore Verdict = "person_said_no" // the person's no beats it
	Suppressed   Verdict = "suppressed"     // the address is on the do-not-mail list
	ConfirmFirst Verdict = "confirm_first"  // a no turns only by form and confirmation
	OlderThanNo  Verdict = "older_than_no"  // asked before the no was said
	NoRequest    Verdict = "no_request"     // nothing to confirm
	NotWaiting   Verdict = "not_waiting"    // nothing waits for this proof
	BadBasis     Verdict = "bad_basis"      // no such basis, or not for this list
	BadGrade     Verdict = "bad_grade"      // not a grade others than the person can claim
	BeingErased  Verdict = "erasing"        // the person is being erased
	MergedInto   Verdict = "merged"         // the contact went into another one
	Unknown      Verdict = "unknown"        // no such kind of event
)

// OK tells whether the event was accepted, with or without a change.
func (v Verdict) OK() bool { return v == Applied || v == Recorded }

// Origin is where an act of the person came from. It is kept under the contact's key.
type Origin struct {
	IP     pii.IP
	Source string // "direct", "trusted_hop:n", "proxy_untrusted"
	Agent  pii.Text
}

// IsZero tells whether there is nothing to keep.
func (o Origin) IsZero() bool { return o.IP.IsZero() && o.Agent.IsZero() }

// Event is one thing that was said, shown or claimed about one subscription.
// Contact, List and Kind are always needed; Basis and Grade for Give and Release;
// RequestedAt for Confirm; the rest is evidence and is written as it is told.
type Event struct {
	Contact int64
	List    int64
	Kind    Kind
	Basis   Basis
	Grade   Grade
	Past    bool   // of a Give: it ended before it was told, with a no that is told too; it is proof, and changes nothing
	Lacks   string // why the claim can't be used yet ("partner_unnamed"); it then waits for proof

	BasisRef      string // sale, contract, membership or assessment it leans on
	BasisFamily   string // product family of that sale (ePrivacy 13(2): similar products)
	OptOutOffered bool   // ePrivacy 13(2): a free way to refuse was offered when collecting

	Source string // form, import, api, member, preferences, mail, feedback
	Method string // doi_post, one_click, mailto, paper, phone, csv …

	OccurredAt  legalclock.Moment // when it happened, perhaps years ago; 0 means now
	RequestedAt legalclock.Moment // Confirm: when the request was made
	RecordedAt  legalclock.Moment // when we wrote it down; Apply sets it
	Request     int64             // Confirm: id of the request event; 0 takes the one before it in the same slice

	FormVersion int64
	NoteVersion int64
	Text        string // the words and box as shown; kept once by hash
	Note        []byte // SHA-256 of the note as shown
	Language    string
	Page        string // without query

	Import       int64
	ImportRow    int64
	DeclaredBy   int64  // the member whose word it is
	Evidence     int64  // file of evidence
	EvidenceHash []byte // its SHA-256

	Origin Origin

	Row   contact.Row // from contact.Ensure in the same act: the person isn't read again
	Entry int64       // tx.ID() taken before, when rows name the entry; the same for the whole slice; 0: Apply takes it
}
