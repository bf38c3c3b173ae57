// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// Reason is why somebody may not be written to about a list; "" means they may, as far
// as people are concerned.
type Reason string

// The reasons, in the order in which they are asked.
const (
	ListRetired  Reason = "list_retired"
	NoMail       Reason = "no_mail"        // the list carries no mail
	ErasingNow   Reason = "erasing"        // GDPR 17
	MergedAway   Reason = "merged"         // is the same person as another contact, to whom mail goes now
	Frozen       Reason = "frozen"         // GDPR 18
	HasObjected  Reason = "objected"       // GDPR 21(2)
	HasBounced   Reason = "bounced"        // the mailbox does not exist
	Ordered      Reason = "ordered"        // an authority said so
	HasLeft      Reason = "withdrawn"      // GDPR 7(3)
	HasRefused   Reason = "refused"        //
	Complaining  Reason = "complained"     //
	ErasedBefore Reason = "erased_before"  // asked to be forgotten: only a keyed hash remembers
	DoNotMail    Reason = "do_not_mail"    // put on the list by a member or an import
	NotOnList    Reason = "not_on_list"    //
	Unconfirmed  Reason = "unconfirmed"    // the mailbox has not answered
	Unproved     Reason = "waiting"        // waiting for proof
	HasEnded     Reason = "expired"        //
	NotService   Reason = "not_service"    // they stand on a contract, and the list's purpose isn't needed for it (GDPR 6(1)(b))
	NotHere      Reason = "basis_not_here" // what they stand on doesn't hold in the account's country or theirs (rules basis.*)
	Paused       Reason = "paused"         // the person asked for quiet until a day
	TooWeak      Reason = "proof_weak"     // proved, but by less than the account's rules ask for (rule evidence.mailable)
	UnderAge     Reason = "under_age"      // GDPR 8
	NoticeDue    Reason = "notice_due"     // GDPR 14(3): should have been told by now
	TooOften     Reason = "frequency"      // the person wants at most one a week or a month, and has had it
)

// Reasons lists them in the order in which they are asked.
func Reasons() []Reason {
	return []Reason{ListRetired, NoMail, ErasingNow, MergedAway, Frozen, HasObjected, HasBounced, Ordered, HasLeft, HasRefused, Complaining,
		ErasedBefore, DoNotMail, NotOnList, Unconfirmed, Unproved, HasEnded, NotService, NotHere, Paused, TooWeak, UnderAge, NoticeDue, TooOften}
}

// What speaks against mail to a contact c whatever the list, as the words of a Reason: what they are, and the
// lines of the do-not-mail list, of which the first one counts.
const (
	personSQL = `	WHEN c.state IN ('erasing', 'erased') THEN 'erasing'
	WHEN c.merged_into <> 0 THEN 'merged'
	WHEN c.state = 'restricted' THEN 'frozen'
	WHEN c.state = 'objected' THEN 'objected'
	WHEN c.state = 'bounced' THEN 'bounced'
`
	barSQL = `SELECT CASE x.reason WHEN 'authority_order' THEN 'ordered' WHEN 'unsubscribe' THEN 'withdrawn' WHEN 'objection' THEN 'objected'
			WHEN 'complaint' THEN 'complained' WHEN 'hard_bounce' THEN 'bounced' WHEN 'erasure' THEN 'erased_before' ELSE 'do_not_mail' END
		FROM suppression x WHERE x.account_id = :account AND x.fp = c.fp
`
	firstBarSQL = `		ORDER BY CASE WHEN x.reason = 'authority_order' THEN 0 ELSE 1 END, x.since DESC, x.scope, x.scope_id LIMIT 1`
)

// ReasonSQL gives the first failing reason (” when there is none) for a contact c, a list
// l and their subscription s (LEFT JOIN), in the order of the house: state, do-not-mail
// list unless the person said yes after it, basis, the person's pause, proof, age, notice, and
// last how often the person wants mail (compliance L19). The one text for one id, a
// batch and a count; a test holds it equal to Why. Only of people who chose a pace it is asked
// when they were last written to, and only of those who stand on neither consent nor a contract in
// which country. Its arguments, before all that follow it in the text, are Ground.Args.
const ReasonSQL = `CASE
	WHEN l.retired_at <> 0 THEN 'list_retired'
	WHEN l.kind <> 'mail' THEN 'no_mail'
` + personSQL + `	ELSE COALESCE((` + barSQL + `			AND (x.scope = 'all' OR x.scope = 'purpose' AND x.scope_id = l.purpose_id OR x.scope = 'list' AND x.scope_id = l.id)
			AND (x.reason = 'authority_order' OR COALESCE(s.said, 0) <> 1 OR x.since > s.said_at)
` + firstBarSQL + `),
	CASE WHEN s.state IS NULL OR s.state = 'none' THEN 'not_on_list'
		WHEN s.state = 'requested' THEN 'unconfirmed'
		WHEN s.state = 'waiting' THEN 'waiting'
		WHEN s.state <> 'given' THEN s.state
		WHEN s.basis = 'contract' AND NOT EXISTS (SELECT 1 FROM purpose u WHERE u.account_id = :account AND u.id = l.purpose_id AND u.service = 1)
			THEN 'not_service'
		WHEN s.basis NOT IN ('consent', 'contract')
			AND s.basis || ' ' || CASE WHEN c.country IN ?* THEN c.country ELSE '*' END NOT IN ?* THEN 'basis_not_here'
		WHEN c.paused_until > :now THEN 'paused'
		WHEN s.grade NOT IN ?* THEN 'proof_weak'
		WHEN c.age = 2 THEN 'under_age'
		WHEN c.notice_due_at > 0 AND c.notice_due_at <= :now THEN 'notice_due'
		WHEN c.pace <> 0 AND EXISTS (SELECT 1 FROM contact_activity a WHERE a.account_id = :account AND a.contact_id = c.id AND a.kind = 'sent'
			AND a.last_at > :now - CASE c.pace WHEN 7 THEN 561600000000 ELSE 2376000000000 END) THEN 'frequency'
		ELSE '' END) END`

// Why is ReasonSQL in Go: the same order, from what was read. sent is when the person last got a
// campaign of the account, 0 for never.
func Why(l list.List, c contact.Contact, s State, g Ground, sent, now legalclock.Moment) Reason {
	switch {
	case l.RetiredAt != 0:
		return ListRetired
	case l.Kind != list.Mail:
		return NoMail
	case c.State.Ending():
		return ErasingNow
	case c.Merged():
		return MergedAway
	case c.State == contact.StateRestricted:
		return Frozen
	case c.State == contact.StateObjected:
		return HasObjected
	case c.State == contact.StateBounced:
		return HasBounced
	case s.Barred():
		return s.Bar.Cause.reason()
	}
	switch s.Status {
	case None, "":
		return NotOnList
	case Requested:
		return Unconfirmed
	case Waiting:
		return Unproved
	case Withdrawn, Refused, Expired:
		return Reason(s.Status)
	}
	switch {
	case s.Basis == Contract && !l.Service:
		return NotService
	case !g.Holds(s.Basis, c.Country):
		return NotHere
	case c.PausedUntil > now:
		return Paused
	case !slices.Contains(g.Mailable(), string(s.Grade)):
		return TooWeak
	case c.Age == contact.AgeUnder:
		return UnderAge
	case c.NoticeDueAt > 0 && c.NoticeDueAt <= now:
		return NoticeDue
	case c.Pace != contact.PaceAll && sent != 0 && now.Sub(sent) < c.Pace.Gap():
		return TooOften
	}
	return ""
}

func (c Cause) reason() Reason {
	switch c {
	case AuthorityOrder:
		return Ordered
	case Unsubscribed:
		return HasLeft
	case Objected:
		return HasObjected
	case Complained:
		return Complaining
	case HardBounce:
		return HasBounced
	case Erased:
		return ErasedBefore
	}
	return DoNotMail
}

// ReasonsFor gives the reason for each of the people, at most 1,000; those who aren't here are left out.
func ReasonsFor(r store.Reader, listID int64, people []int64) (map[int64]Reason, error) {
	type row struct {
		Contact int64
		Reason  Reason
	}
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	rows, err := store.All[row](r, reasonsFor, append(g.Args(), listID, people)...)
	out := make(map[int64]Reason, len(rows))
	for _, x := range rows {
		out[x.Contact] = x.Reason
	}
	return out, err
}

// Tally is how many people of a list have a reason; "" are those who may be written to.
type Tally struct {
	Reason Reason
	People int64
}

// CountReasons counts the people of a list by reason, those that CountsOf counts.
func CountReasons(r store.Reader, listID int64) ([]Tally, error) {
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	return store.All[Tally](r, reasonsCount, append(g.Args(), listID)...)
}

// Count is how many people stand at a status on a list.
type Count struct {
	ListID int64
	State  Status
	People int64
}

// Counts counts the people of every list by status; who was merged into another contact is counted there alone.
func Counts(r store.Reader) ([]Count, error) { return store.All[Count](r, counts) }

// CountsOf counts the people of one list by status.
func CountsOf(r store.Reader, list int64) ([]Count, error) {
	return store.All[Count](r, countsOf, list)
}
