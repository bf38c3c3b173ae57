// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"fmt"
	"testing"

	"consend/internal/ground/legalclock"
	. "consend/internal/people/consent"

	"pgregory.net/rapid"
)

// line is one thing that happens in a made-up life: an event, or a suppression.
type line struct {
	ev   Event
	bar  Cause
	at   legalclock.Moment
	ends bool // the contact starts being erased
}

func (l line) String() string {
	if l.bar != "" {
		return fmt.Sprintf("%d bar %s", l.at, l.bar)
	}
	if l.ends {
		return fmt.Sprintf("%d erasing", l.at)
	}
	return fmt.Sprintf("%d %s %s/%s lacks=%q asked=%d", l.at, l.ev.Kind, l.ev.Basis, l.ev.Grade, l.ev.Lacks, l.ev.RequestedAt)
}

func lives() *rapid.Generator[[]line] {
	return rapid.Custom(func(t *rapid.T) []line {
		n := rapid.IntRange(0, 14).Draw(t, "n")
		out := make([]line, 0, n)
		for i := 0; i < n; i++ {
			at := legalclock.Moment(10 * (i + 1))
			what := rapid.IntRange(0, 19).Draw(t, "what")
			if what == 0 {
				bar := rapid.SampledFrom([]Cause{Unsubscribed, Objected, HardBounce, Imported, AuthorityOrder}).Draw(t, "bar")
				out = append(out, line{bar: bar, at: at})
				continue
			}
			if what == 1 && i > n/2 {
				out = append(out, line{ends: true, at: at})
				continue
			}
			e := Event{Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"), RecordedAt: at, OccurredAt: at}
			switch e.Kind {
			case Confirm:
				e.RequestedAt = at - legalclock.Moment(rapid.IntRange(0, int(at)).Draw(t, "asked"))
			case Request:
				e.OccurredAt = at - legalclock.Moment(rapid.IntRange(0, int(at)-1).Draw(t, "ago"))
			case Give, Release:
				e.Basis = rapid.SampledFrom(append(Bases(), "", "implied")).Draw(t, "basis")
				e.Grade = rapid.SampledFrom([]Grade{GradeA, GradeB, GradeC, GradeD, Ungraded}).Draw(t, "grade")
				e.Lacks = rapid.SampledFrom([]string{"", "", "", "partner_unnamed"}).Draw(t, "lacks")
				e.Past = e.Kind == Give && rapid.IntRange(0, 3).Draw(t, "past") == 0
			}
			out = append(out, line{ev: e, at: at})
		}
		return out
	})
}

func live(s State, ls []line) State {
	for _, l := range ls {
		s = step(s, l)
	}
	return s
}

func step(s State, l line) State {
	switch {
	case l.bar != "":
		if s.Bar.Cause != AuthorityOrder {
			s.Bar = Bar{Cause: l.bar, Since: l.at}
		}
	case l.ends:
		s.Ending = true
	default:
		s, _ = Next(s, l.ev)
	}
	return s
}

func mailable(s State) bool { return s.Status == Given && !s.Barred() && !s.Ending && !s.Grant }

// story is an independent reading of a life: it keeps nothing from line to line, but
// looks back from a moment and asks what holds then.
type story []line

// barAt gives the moment of the suppression in force before line n, and whether an authority ordered it.
func (h story) barAt(n int) (at legalclock.Moment, order bool) {
	for k := 0; k < n; k++ {
		if h[k].bar == AuthorityOrder {
			return h[k].at, true
		}
		if h[k].bar != "" {
			at = h[k].at
		}
	}
	return at, false
}

func (h story) ending(n int) bool {
	for k := 0; k < n; k++ {
		if h[k].ends {
			return true
		}
	}
	return false
}

// word is the person's last word before line n, and when it was said.
func (h story) word(n int) (Said, legalclock.Moment) {
	for k := n - 1; k >= 0; k-- {
		e := h[k].ev
		if e.Kind.No() {
			return SaidNo, h[k].at
		}
		if (e.Kind == Confirm || e.Kind == Accept) && h.counts(k) {
			return SaidYes, h[k].at
		}
		if e.Kind == Expire || e.Kind == Remove {
			if said, at := h.word(k); said == SaidNo {
				return said, at
			}
			return SaidNothing, 0
		}
	}
	return SaidNothing, 0
}

func (h story) barred(n int) bool {
	at, order := h.barAt(n)
	said, said_at := h.word(n)
	return at > 0 && (order || said != SaidYes || at > said_at)
}

// stands is the last line before n that decided the status: its index, or -1.
func (h story) stands(n int) int {
	for k := n - 1; k >= 0; k-- {
		switch e := h[k].ev; {
		case e.Kind == "":
		case e.Kind.No(), e.Kind == Expire, e.Kind == Remove:
			return k
		case h.counts(k):
			return k
		}
	}
	return -1
}

func (h story) status(n int) Status {
	k := h.stands(n)
	if k < 0 {
		return None
	}
	said, _ := h.word(n)
	switch e := h[k].ev; e.Kind {
	case Request:
		return Requested
	case Confirm, Accept, Release:
		return Given
	case Give:
		if e.Grade == Ungraded || e.Lacks != "" {
			return Waiting
		}
		return Given
	case Remove:
		if said == SaidNo {
			return h.lastNo(k)
		}
		return None
	case Expire:
		if said == SaidNo {
			return h.lastNo(k)
		}
		if h.status(k) == None {
			return None
		}
		return Expired
	default:
		return h.lastNo(n)
	}
}

// lastNo tells how the person's no reads: as they last said it, or plainly "withdrawn"
// once a request made after it came to nothing.
func (h story) lastNo(n int) Status {
	for k := n - 1; k >= 0; k-- {
		switch e := h[k].ev; {
		case e.Kind == NotMe || e.Kind == Refuse:
			return Refused
		case e.Kind.No():
			return Withdrawn
		case e.Kind == Request && h.counts(k):
			return Withdrawn
		}
	}
	return None
}

// counts tells whether the positive event at line k changed what stands.
func (h story) counts(k int) bool {
	e := h[k].ev
	if h.ending(k) {
		return false
	}
	bar, order := h.barAt(k)
	said, saidAt := h.word(k)
	was := h.status(k)
	fresh := func(asked legalclock.Moment) bool {
		return !order && !(said == SaidNo && asked < saidAt) && !(h.barred(k) && asked < bar)
	}
	claim := e.Basis.Known() && (e.Grade == GradeB || e.Grade == GradeC || e.Grade == GradeD) && e.Lacks == ""
	waits := e.Grade == Ungraded || e.Lacks != ""
	if h[k].ev.Past {
		return false
	}
	switch e.Kind {
	case Request:
		return fresh(e.OccurredAt) && was != Given && was != Requested
	case Confirm:
		return e.RequestedAt > 0 && fresh(e.RequestedAt) && (was == Requested || was == Given)
	case Accept:
		return said != SaidNo && !h.barred(k) && (was != Given || said != SaidYes)
	case Give:
		if said == SaidNo || h.barred(k) || (said == SaidYes && was == Given) {
			return false
		}
		if waits {
			return (e.Basis.Known() || e.Basis == "") && (was == None || was == Expired)
		}
		return claim && (was != Given || gradeAt(h, k) > e.Grade)
	case Release:
		return claim && said != SaidNo && !h.barred(k) && was == Waiting
	}
	return false
}

func gradeAt(h story, n int) Grade {
	e := h[h.stands(n)].ev
	if e.Kind == Confirm || e.Kind == Accept {
		return GradeA
	}
	return e.Grade
}

func TestNextAgreesWithAReadingOfTheWholeLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := lives().Draw(t, "life")
		s, h := live(State{}, ls), story(ls)
		said, _ := h.word(len(h))
		if got, want := s.Status, h.status(len(h)); got != want && !(got == "" && want == None) {
			t.Fatalf("status %q, the story says %q\n%v", got, want, ls)
		}
		if s.Said != said {
			t.Fatalf("said %v, the story says %v\n%v", s.Said, said, ls)
		}
		if s.Barred() != h.barred(len(h)) {
			t.Fatalf("barred %v, the story says %v\n%v", s.Barred(), h.barred(len(h)), ls)
		}
		if s.Status == Given && s.Grade != gradeAt(h, len(h)) {
			t.Fatalf("grade %q, the story says %q\n%v", s.Grade, gradeAt(h, len(h)), ls)
		}
	})
}

func TestOnlyTheirOwnConfirmationTurnsANo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := live(State{}, lives().Draw(t, "before"))
		no := rapid.SampledFrom([]Kind{Withdraw, Object, Complain, NotMe, Refuse}).Draw(t, "no")
		s, v := Next(s, Event{Kind: no, RecordedAt: 1000, OccurredAt: 1000})
		if !v.OK() || mailable(s) || s.Said != SaidNo {
			t.Fatalf("a no was not heard: %s %+v", v, s)
		}
		after := lives().Draw(t, "after")
		confirmed := false
		for _, l := range after {
			l.at += 2000
			l.ev.RecordedAt += 2000
			if rapid.Bool().Draw(t, "asked again") {
				l.ev.OccurredAt += 2000
				if l.ev.RequestedAt > 0 {
					l.ev.RequestedAt += 2000
				}
			}
			s = step(s, l)
			if l.ev.Kind == Confirm && l.ev.RequestedAt >= 1000 {
				confirmed = true
			}
			if mailable(s) && !confirmed {
				t.Fatalf("mailable after a no without a confirmation asked for later: %v", l)
			}
		}
	})
}

func TestWhatIsGivenHasABasisAndAGrade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls := lives().Draw(t, "life")
		s := live(State{Grant: rapid.Bool().Draw(t, "grant")}, ls)
		if s.Status == Given && (!s.Basis.Known() || s.Grade == Ungraded) {
			t.Fatalf("given without basis or grade: %+v\n%v", s, ls)
		}
		if s.Status != Given && s.Grade != Ungraded {
			t.Fatalf("%s with grade %q", s.Status, s.Grade)
		}
		if s.Grant && s.Status == Given && s.Grade != GradeA { // lives tell no words and no place
			t.Fatalf("a grant given by somebody else, with nothing to show: %+v", s)
		}
		for _, l := range ls {
			if l.bar == AuthorityOrder && mailable(s) {
				t.Fatalf("mailable against an order: %v", ls)
			}
		}
	})
}

func TestNextByExample(t *testing.T) {
	type E = Event
	for _, c := range []struct {
		name   string
		start  State
		events []Event
		status Status
		last   Verdict
	}{
		{"a form and its confirmation give", State{}, []E{{Kind: Request, OccurredAt: 5}, {Kind: Confirm, RequestedAt: 5}}, Given, Applied},
		{"a confirmation without a request gives nothing", State{}, []E{{Kind: Confirm, RequestedAt: 5}}, None, NoRequest},
		{"a withdrawal between request and confirmation holds", State{},
			[]E{{Kind: Request, OccurredAt: 5, RecordedAt: 5}, {Kind: Withdraw, RecordedAt: 6}, {Kind: Confirm, RequestedAt: 5, RecordedAt: 7}}, Withdrawn, NoRequest},
		{"a request older than the no does not turn it", State{Status: Withdrawn, Said: SaidNo, SaidAt: 9}, []E{{Kind: Request, OccurredAt: 8, RecordedAt: 10}}, Withdrawn, OlderThanNo},
		{"a no said twice counts from the second", State{Status: Withdrawn, Said: SaidNo, SaidAt: 2},
			[]E{{Kind: Withdraw, RecordedAt: 9}, {Kind: Request, OccurredAt: 8, RecordedAt: 10}}, Withdrawn, OlderThanNo},
		{"an import after a no is refused", State{Status: Withdrawn, Said: SaidNo}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB}}, Withdrawn, SaidNoBefore},
		{"an import of a suppressed address is refused", State{Bar: Bar{Objected, 3}}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB}}, None, Suppressed},
		{"nobody but us sees grade A", State{}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeA}}, None, BadGrade},
		{"no grade waits", State{}, []E{{Kind: Give, Basis: ByConsent}}, Waiting, Applied},
		{"proof releases", State{Status: Waiting}, []E{{Kind: Release, Basis: ByConsent, Grade: GradeC}}, Given, Applied},
		{"proof does not release a no", State{Status: Withdrawn, Said: SaidNo}, []E{{Kind: Release, Basis: ByConsent, Grade: GradeC}}, Withdrawn, SaidNoBefore},
		{"a worse grade leaves a better one", State{Status: Given, Basis: ByConsent, Grade: GradeB}, []E{{Kind: Give, Basis: Contract, Grade: GradeD}}, Given, Recorded},
		{"choosing on a page does not turn a no", State{Status: Withdrawn, Said: SaidNo}, []E{{Kind: Accept}}, Withdrawn, ConfirmFirst},
		{"while erasing nothing is given", State{Ending: true}, []E{{Kind: Accept}}, None, BeingErased},
		{"while erasing a no is heard", State{Ending: true, Status: Given, Basis: ByConsent, Grade: GradeA}, []E{{Kind: Withdraw}}, Withdrawn, Applied},
		{"nobody's bare word lets us measure", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, OccurredAt: 5}}, None, BadGrade},
		{"a yes to measuring without its words shows nothing", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, OccurredAt: 5, Page: "shop"}}, None, BadGrade},
		{"a yes to measuring without its place shows nothing", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, OccurredAt: 5, Text: "yes"}}, None, BadGrade},
		{"a yes to measuring without its moment shows nothing", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, Page: "shop", Text: "yes"}}, None, BadGrade},
		{"a group's yes measures nobody", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeC, OccurredAt: 5, Page: "shop", Text: "yes"}}, None, BadGrade},
		{"a yes to measuring that is shown holds", State{Grant: true}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, OccurredAt: 5, Page: "shop", Text: "yes"}}, Given, Applied},
		{"a yes to measuring told after a no is refused", State{Grant: true, Status: Refused, Said: SaidNo}, []E{{Kind: Give, Basis: ByConsent, Grade: GradeB, OccurredAt: 5, Page: "shop", Text: "yes"}}, Refused, SaidNoBefore},
		{"no other basis measures", State{Grant: true}, []E{{Kind: Give, Basis: SoftOptIn, Grade: GradeB, OccurredAt: 5, Page: "shop", Text: "yes"}}, None, BadBasis},
		{"a request that ends leaves the no", State{Status: Withdrawn, Said: SaidNo}, []E{{Kind: Request, OccurredAt: 5}, {Kind: Expire}}, Withdrawn, Applied},
		{"taking off the list leaves the no", State{Status: Refused, Said: SaidNo}, []E{{Kind: Remove}}, Refused, Recorded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, v := c.start, Verdict("")
			if s.Status == "" {
				s.Status = None
			}
			for _, e := range c.events {
				s, v = Next(s, e)
			}
			if s.Status != c.status || v != c.last {
				t.Errorf("%s, %s; want %s, %s", s.Status, v, c.status, c.last)
			}
		})
	}
}
