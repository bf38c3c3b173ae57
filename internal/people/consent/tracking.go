// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"slices"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/list"
	"consend/internal/team/account"
)

// Measured is what may be measured of one person now. The zero Measured is a person of whom
// nothing is known, and of whom nothing is measured: no setting changes that (compliance,
// section 0 fact 2; ePrivacy 5(3)).
type Measured struct{ Opens, Clicks bool }

// Tracking tells what may be measured of people, at most 1,000, in one question; who isn't in
// the answer isn't measured. The mail path asks it when it writes a mail and again when a pixel
// or a link is hit: a withdrawal counts for what was sent before it (INV-26).
func Tracking(r store.Reader, people []int64) (map[int64]Measured, error) {
	out := map[int64]Measured{}
	if len(people) == 0 {
		return out, nil
	}
	type row struct {
		ContactID int64
		Measures  string
	}
	informed, err := informedIn(r)
	if err != nil {
		return nil, err
	}
	rows, err := store.All[row](r, tracking, people, informed)
	for _, x := range rows {
		m := out[x.ContactID]
		m.Opens = m.Opens || x.Measures == list.Opens
		m.Clicks = m.Clicks || x.Measures == list.Clicks
		out[x.ContactID] = m
	}
	return out, err
}

// Answer is where a person stands on one kind of measuring.
type Answer struct {
	What  string // list.Opens or list.Clicks
	List  int64  // 0: the account has never asked anybody
	Live  bool   // measured now
	Basis Basis  // ByConsent or Informed, when live
	Since legalclock.Moment
	Event int64
	NoAt  legalclock.Moment // the last no that holds; 0: none
	// Ask tells whether the question may be shown: not while it is answered yes, and not within
	// the rules' term after a no (tracking.ask_again).
	Ask     bool
	AskFrom legalclock.Moment // when it may be shown again after a no
}

// Answers gives where a person stands on opens and on clicks, in that order.
func Answers(r store.Reader, id int64) ([]Answer, error) {
	rules, err := rulepack.For(r)
	if err != nil {
		return nil, err
	}
	lists, err := list.Measuring(r)
	if err != nil {
		return nil, err
	}
	live, err := Tracking(r, []int64{id})
	if err != nil {
		return nil, err
	}
	type row struct {
		ListID  int64
		State   Status
		Basis   Basis
		Said    Said
		SaidAt  legalclock.Moment
		EventID int64
		Since   legalclock.Moment
		BarAt   legalclock.Moment
	}
	rows, err := store.All[row](r, answers, id)
	if err != nil {
		return nil, err
	}
	now := store.NowOf(r)
	var out []Answer
	for _, what := range list.Measured() {
		a := Answer{What: what, List: lists[what].ID, Live: live[id].Opens}
		if what == list.Clicks {
			a.Live = live[id].Clicks
		}
		for _, x := range rows {
			if a.List == 0 || x.ListID != a.List {
				continue
			}
			if a.Live {
				a.Basis, a.Since, a.Event = x.Basis, x.Since, x.EventID
				continue
			}
			if x.Said == SaidNo {
				a.NoAt = x.SaidAt
			}
			a.NoAt = max(a.NoAt, x.BarAt)
		}
		if a.NoAt != 0 {
			a.AskFrom = rules.After(rulepack.TrackAskAgain, a.NoAt, time.UTC)
		}
		a.Ask = !a.Live && a.AskFrom <= now
		out = append(out, a)
	}
	return out, nil
}

// Grant is the person's own yes to one kind of measuring, on their page of choices. A no is
// turned by asking and confirming in one act, and only once the question may be asked again, or when
// they came to change their mind themselves (turn): the term binds who asks, not the person. Else
// nothing changes and ok is false. e says what was shown.
func Grant(tx *store.Tx, what string, e Event, turn bool) (ok bool, err error) {
	all, err := Answers(tx, e.Contact)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(all, func(a Answer) bool { return a.What == what })
	if i < 0 || all[i].Live || !all[i].Ask && !turn {
		return false, nil
	}
	e.List = all[i].List
	events := []Event{e}
	if events[0].Kind = Accept; all[i].NoAt != 0 {
		events = append(events, e)
		events[0].Kind, events[1].Kind, events[1].RequestedAt = Request, Confirm, tx.Now
	}
	res, err := Apply(tx, events)
	if err != nil {
		return false, err
	}
	return res[len(res)-1].Verdict.OK(), nil
}

// Answered writes down what another program heard the person answer about one kind of measuring: at the till, in
// an app. A no needs nobody's proof. A yes needs what shows it (GDPR 7(1)): e.OccurredAt, when; e.Page,
// where; e.Text, the words; it never turns a no, within the term or after it. Verdicts that refuse it
// are in the result. Faults: those of Apply, consent.told.at, consent.told.where, consent.told.words.
func Answered(tx *store.Tx, what string, yes bool, e Event) (Result, error) {
	if yes {
		var missing fault.Many
		for _, m := range []struct {
			lacks bool
			name  string
		}{{e.OccurredAt == 0, "at"}, {e.Page == "", "where"}, {e.Text == "", "words"}} {
			if m.lacks {
				missing = append(missing, fault.New(fault.Invalid, "consent.told."+m.name).At("said."+m.name))
			}
		}
		if err := missing.Err(); err != nil {
			return Result{}, err
		}
	}
	a, err := account.Get(tx)
	if err != nil {
		return Result{}, err
	}
	lists, err := list.EnsureMeasuring(tx, a.Language)
	if err != nil {
		return Result{}, err
	}
	e.List = lists[what].ID
	switch live, err := Tracking(tx, []int64{e.Contact}); {
	case err != nil:
		return Result{}, err
	case yes:
		e.Kind, e.Basis, e.Grade = Give, ByConsent, GradeB
	case what == list.Opens && live[e.Contact].Opens, what == list.Clicks && live[e.Contact].Clicks:
		e.Kind = Withdraw
	default:
		e.Kind = Refuse
	}
	res, err := Apply(tx, []Event{e})
	if err != nil {
		return Result{}, err
	}
	return res[0], nil
}

// ExemptOpen tells whether the date of the last open may be kept without the person's yes: the
// date alone, overwritten each time, to find mailboxes nobody reads. Only on service mail that
// carries no secret, and on mail the person consented to; never on soft opt-in or B2B, and only
// where the rules allow it (tracking.open_date; CNIL 2026-042, compliance L5).
//
// class is a class of the gate.
func ExemptOpen(basis Basis, class string, rules *rulepack.Rules) bool {
	if !rules.Bool(rulepack.TrackOpenDate) {
		return false
	}
	switch class {
	case "campaign":
		return basis == ByConsent
	case "receipt", "notice":
		return true
	}
	return false // mail that carries a secret, or goes to a member: nothing at all
}

// readEarly asks for the day before which being informed counts, when somebody claims it.
func (b *batch) readEarly() error {
	if !slices.ContainsFunc(b.events, func(e Event) bool { return e.Basis == Informed }) {
		return nil
	}
	rules, err := rulepack.For(b.tx)
	if err != nil {
		return err
	}
	a, err := account.Get(b.tx)
	if err != nil {
		return err
	}
	g := GroundFor(rules, a)
	b.early = g.informedBefore
	return nil
}

// informedBefore is the moment before which being informed counts of somebody who stated a country, or
// none; 0: it doesn't. It counts where the account's country and the stated one both know such a thing
// (compliance L5, L13), and before the earlier of their days.
func (g Ground) informedBefore(stated string) (before legalclock.Moment, err error) {
	if g.law == "" {
		return 0, nil
	}
	for _, c := range g.Countries(stated) {
		v := g.rules.Country(rulepack.TrackInformed, c)
		if v == "" {
			return 0, nil
		}
		day, err := legalclock.ParseDate(v)
		if err != nil {
			return 0, err
		}
		if at := day.Start(g.zone); before == 0 || at < before {
			before = at
		}
	}
	return before, nil
}

// informedIn lists the stated countries, "" for none, of those of whom being informed counts now.
func informedIn(r store.Reader) ([]string, error) {
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	out := []string{anyOther} // nobody states that
	for _, c := range append([]string{""}, g.rules.Countries(rulepack.TrackInformed)...) {
		if at, err := g.informedBefore(c); err != nil {
			return nil, err
		} else if at != 0 {
			out = append(out, c)
		}
	}
	return out, nil
}
