// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"math"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Tally is how many sign-ups of a form stand where.
type Tally struct{ Pending, Confirmed, NotMe, Expired int64 }

// All is every sign-up.
func (t Tally) All() int64 { return t.Pending + t.Confirmed + t.NotMe + t.Expired }

type stateCount struct {
	FormID int64
	State  string
	N      int64
}

// Tallies counts the sign-ups of every form, those that are no more among them.
func Tallies(r store.Reader) (map[int64]Tally, error) {
	rows, err := store.All[stateCount](r, countStates)
	if err != nil {
		return nil, err
	}
	return tallied(r, rows, 0)
}

// TallyOf counts the sign-ups of one form.
func TallyOf(r store.Reader, form int64) (Tally, error) {
	rows, err := store.All[stateCount](r, countOf, form)
	if err != nil {
		return Tally{}, err
	}
	all, err := tallied(r, rows, form)
	return all[form], err
}

func tallied(r store.Reader, rows []stateCount, form int64) (map[int64]Tally, error) {
	gone, err := store.All[stateCount](r, goneOf, form, form)
	out := map[int64]Tally{}
	for _, x := range append(rows, gone...) {
		t := out[x.FormID]
		switch x.State {
		case pending:
			t.Pending += x.N
		case confirmed, goneKind + confirmed:
			t.Confirmed += x.N
		case notMe, goneKind + notMe:
			t.NotMe += x.N
		case expired, goneKind + expired, goneKind + pending:
			t.Expired += x.N
		}
		out[x.FormID] = t
	}
	return out, err
}

// States lists the states of a sign-up in the order pages show them.
func States() []string { return []string{pending, confirmed, notMe, expired} }

// Which chooses sign-ups; the zero value is all of them.
type Which struct {
	State    string
	Language string
	From     legalclock.Moment // asked at or after
	To       legalclock.Moment // asked before; 0 is no end
}

// Signups lists the sign-ups of a form, the newest first, older than one (0: from the
// newest), of those that were chosen.
func Signups(r store.Reader, form, before int64, w Which, limit int) ([]Signup, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	if w.To == 0 {
		w.To = math.MaxInt64
	}
	return store.All[Signup](r, signupPage, form, before, w.State, w.State, w.Language, w.Language, w.From, w.To, limit)
}

// Daily is what became of the sign-ups that were asked for on one day of the account's.
type Daily struct {
	Day legalclock.Date
	Tally
}

type quarterCount struct {
	Quarter int64 // of an hour, since 1970 UTC: days of every zone begin with one
	State   string
	N       int64
}

const quarter = legalclock.Moment(15 * 60 * 1_000_000)

// ByDay counts the sign-ups of a form that are still kept, by the day they were asked for, of
// the last 30 days, the newest first.
func ByDay(r store.Reader, form int64, now legalclock.Moment, zone *time.Location) ([]Daily, error) {
	rows, err := store.All[quarterCount](r, byDay, form, 0, legalclock.Day(now, zone).AddDays(-29).Start(zone))
	var out []Daily
	for _, x := range rows {
		day := legalclock.Day(legalclock.Moment(x.Quarter)*quarter, zone)
		if len(out) == 0 || out[len(out)-1].Day != day {
			out = append(out, Daily{Day: day})
		}
		t := &out[len(out)-1].Tally
		switch x.State {
		case pending:
			t.Pending += x.N
		case confirmed:
			t.Confirmed += x.N
		case notMe:
			t.NotMe += x.N
		case expired:
			t.Expired += x.N
		}
	}
	return out, err
}

// Of lists the sign-ups of a contact, the newest first.
func Of(r store.Reader, contact int64) ([]Signup, error) {
	return store.All[Signup](r, signupsOf, contact)
}

// Count is what never became a sign-up, of one kind.
type Count struct {
	Kind   string
	Detail string
	N      int64
}

// Counts gives what never became a sign-up in the last 30 days: "robot"; and "proxy", sign-ups
// behind a machine nobody trusts.
func Counts(r store.Reader, form int64, now legalclock.Moment) ([]Count, error) {
	return store.All[Count](r, counts, form, int64(now)/dayLength-30)
}
