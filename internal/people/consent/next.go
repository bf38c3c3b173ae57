// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

// Next is the whole rule of the ledger: what an event makes of a subscription. It
// reads nothing but its arguments. Seq, Event, Since and what a claim
// lacks that isn't consent (see claims) are left to Apply.
//
//	             said nothing          said yes           said no
//	request      requested             (stays given)      requested, the no still stands
//	confirm      given A, said yes     given A            given A, if asked after the no
//	accept       given A, said yes     recorded           confirm_first
//	give         given or waiting      recorded           person_said_no
//	release      waiting → given       –                  person_said_no
//	             (neither for a contact that was merged into another: merged; on a list that
//	             measures: given B with moment, place and words, or informed, else bad_grade;
//	             give: recorded where it ended before it was told)
//	a no         withdrawn or refused, said no: always, from everywhere, also while erasing
//	             (but recorded where a file dates it before the person's own yes here)
//	expire       expired               expired            back to withdrawn
//	remove       none                  none               back to withdrawn
func Next(s State, e Event) (State, Verdict) {
	if s.Status == "" {
		s.Status = None
	}
	switch e.Kind {
	case Withdraw, Object, Complain:
		return s.no(Withdrawn, e)
	case NotMe, Refuse:
		return s.no(Refused, e)
	case Expire:
		return s.end(Expired)
	case Remove:
		return s.end(None)
	}
	if s.Ending {
		return s, BeingErased
	}
	if e.Past {
		return s, Recorded
	}
	if s.Merged && (e.Kind == Give || e.Kind == Release) {
		return s, MergedInto
	}
	switch e.Kind {
	case Request:
		return s.request(e)
	case Confirm:
		return s.confirm(e)
	case Accept:
		return s.accept(e)
	case Give:
		return s.give(e)
	case Release:
		return s.release(e)
	}
	return s, Unknown
}

// no is never refused (GDPR 7(3), 21(3); INV-17).
func (s State) no(to Status, e Event) (State, Verdict) {
	if s.outlives(e) {
		return s, Recorded
	}
	if s.Said == SaidNo && (s.Status == Withdrawn || s.Status == Refused) {
		if e.Import != 0 { // a file knows less of what kind of no it was
			to = s.Status
		}
		s.Status, s.SaidAt = to, e.RecordedAt // said again: a request made in between is older than this
		return s, Recorded
	}
	s.SaidAt = e.RecordedAt
	s.Status, s.Basis, s.Grade, s.Said = to, "", Ungraded, SaidNo
	return s, Applied
}

// outlives tells whether the person said yes here, themselves, after a no that a file tells with its date
// (GDPR 7(1)). One without a date is said now.
func (s State) outlives(e Event) bool {
	return e.Import != 0 && e.OccurredAt < e.RecordedAt && s.Said == SaidYes && e.OccurredAt <= s.SaidAt
}

// end takes a yes or a claim away, by its term or by the account. It forgets a yes,
// so that an older suppression binds again, and never a no.
func (s State) end(to Status) (State, Verdict) {
	if s.Said == SaidNo {
		to = Withdrawn
		if s.Status == Refused {
			to = Refused
		}
	} else if s.Status == None || (s.Status == Expired && to == Expired) {
		return s, Recorded
	}
	if s.Status == to {
		return s, Recorded
	}
	s.Status, s.Basis, s.Grade = to, "", Ungraded
	if s.Said == SaidYes {
		s.Said, s.SaidAt = SaidNothing, 0
	}
	return s, Applied
}

// after tells whether the person asked after every no that stands.
func (s State) after(e Event) bool {
	m := e.OccurredAt
	if e.Kind == Confirm {
		m = e.RequestedAt
	}
	if s.Said == SaidNo && m < s.SaidAt {
		return false
	}
	return !s.Barred() || m >= s.Bar.Since
}

func (s State) request(e Event) (State, Verdict) {
	if s.Bar.Cause == AuthorityOrder {
		return s, Suppressed
	}
	if !s.after(e) {
		return s, OlderThanNo
	}
	if s.Status == Given || s.Status == Requested {
		return s, Recorded // what stands is not made weaker by asking again
	}
	s.Status, s.Basis, s.Grade = Requested, "", Ungraded
	return s, Applied
}

func (s State) confirm(e Event) (State, Verdict) {
	if s.Bar.Cause == AuthorityOrder {
		return s, Suppressed
	}
	if e.RequestedAt == 0 || (s.Status != Requested && s.Status != Given) {
		return s, NoRequest
	}
	if !s.after(e) {
		return s, OlderThanNo
	}
	s.Status, s.Basis, s.Grade = Given, ByConsent, GradeA
	s.Said, s.SaidAt = SaidYes, e.RecordedAt
	return s, Applied
}

func (s State) accept(e Event) (State, Verdict) {
	if s.Said == SaidNo || s.Barred() {
		return s, ConfirmFirst
	}
	if s.Status == Given && s.Said == SaidYes {
		return s, Recorded
	}
	s.Status, s.Basis, s.Grade = Given, ByConsent, GradeA
	s.Said, s.SaidAt = SaidYes, e.RecordedAt
	return s, Applied
}

func (s State) give(e Event) (State, Verdict) {
	if s.Said == SaidNo {
		return s, SaidNoBefore
	}
	if s.Barred() {
		return s, Suppressed
	}
	if s.Grant {
		if e.Basis == ByConsent {
			return s.measured(e)
		}
		return s.informed(e)
	}
	waits := e.Grade == Ungraded || e.Lacks != ""
	if !waits && !e.Grade.claimable() {
		return s, BadGrade
	}
	if !e.Basis.Known() && !(waits && e.Basis == "") {
		return s, BadBasis
	}
	if s.Said == SaidYes && s.Status == Given {
		return s, Recorded
	}
	if waits {
		if s.Status != None && s.Status != Expired {
			return s, Recorded
		}
		s.Status, s.Basis, s.Grade = Waiting, e.Basis, Ungraded
		return s, Applied
	}
	if s.Status == Given && !e.Grade.Better(s.Grade) {
		return s, Recorded
	}
	s.Status, s.Basis, s.Grade = Given, e.Basis, e.Grade
	return s, Applied
}

// measured is a yes to measuring that the person gave elsewhere: it holds with what shows it, the moment, the
// place and the words (GDPR 7(1)), and with nothing less.
func (s State) measured(e Event) (State, Verdict) {
	switch {
	case e.Grade != GradeB || e.Lacks != "" || e.OccurredAt == 0 || e.Page == "" || e.Text == "":
		return s, BadGrade
	case s.Status == Given && s.Basis == ByConsent:
		return s, Recorded
	}
	s.Status, s.Basis, s.Grade = Given, ByConsent, GradeB
	return s, Applied
}

// informed is the one other thing others may say about a list that measures: that the person was told
// before the day of the rules and had not objected. Nobody's bare word is enough.
func (s State) informed(e Event) (State, Verdict) {
	switch {
	case e.Basis != Informed || s.Early == 0 || e.OccurredAt == 0 || e.OccurredAt >= s.Early:
		return s, BadBasis
	case e.Lacks != "" || e.Grade != GradeB && e.Grade != GradeC:
		return s, BadGrade
	case s.Status == Given:
		return s, Recorded
	}
	s.Status, s.Basis, s.Grade = Given, Informed, e.Grade
	return s, Applied
}

func (s State) release(e Event) (State, Verdict) {
	if s.Said == SaidNo {
		return s, SaidNoBefore
	}
	if s.Barred() {
		return s, Suppressed
	}
	if s.Status != Waiting {
		return s, NotWaiting
	}
	if !e.Grade.claimable() || e.Lacks != "" {
		return s, BadGrade
	}
	if s.Grant || !e.Basis.Known() {
		return s, BadBasis
	}
	s.Status, s.Basis, s.Grade = Given, e.Basis, e.Grade
	return s, Applied
}
