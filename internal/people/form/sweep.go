// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
)

// Proxy is a machine in front of ours whose word about visitors is not believed: every proof
// holds its address instead of theirs until somebody trusts it.
type Proxy struct {
	Detail string // its private address
	N      int64  // about how many sign-ups
	Day    int64  // the last, in days since 1970
}

// ProxiesAnywhere lists such machines over all accounts in the last week, for doctor; in an
// act of the installation.
func ProxiesAnywhere(r store.Reader, now legalclock.Moment) ([]Proxy, error) {
	return store.All[Proxy](r, proxied, int64(now)/dayLength-7)
}

// Proxies lists such machines in the reader's account in the last week, for the banner.
func Proxies(r store.Reader, now legalclock.Moment) ([]Proxy, error) {
	return store.All[Proxy](r, proxiedHere, int64(now)/dayLength-7)
}

const dayLength = int64(24 * 60 * 60 * 1_000_000)

type unconfirmed struct {
	AccountID   int64
	ID          int64
	ContactID   int64
	RequestedAt legalclock.Moment
}

// Sweep ends what nobody confirmed in time (GDPR 5(1)(e); rulepack doi.purge): the request
// expires in the ledger, the sign-up goes, and so does who is known by it alone: for whom no
// list has or had a yes, whom no import, member or program brought, who never did anything
// else here (GDPR 5(1)(c)). "Not me" stays remembered: no mail asks that mailbox again, and no
// import puts it on those lists. How many there were stays as a number.
//
// Periodic. A kill in between loses nothing: each step is whole, and keys that are still to be
// destroyed are listed with it. What goes wrong in one account is told and holds up no other's.
// Who signs up again in the same moment wins: the person is
// locked, and is looked at under the lock.
func Sweep(ctx context.Context, db *store.DB) error {
	var shorter []int64 // accounts that chose a term of their own
	err := db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
		shorter, err = rulepack.Chose(v, rulepack.DOIPurge)
		return err
	})
	for _, account := range append([]int64{0}, shorter...) {
		err = errors.Join(err, sweepBy(ctx, db, account))
	}
	return errors.Join(err, contact.Forget(ctx, db), forgetShut(ctx, db))
}

// sweepBy ends what is too old by the rules of an account; of account 0, by the installation's in
// every account, since a choice only shortens.
func sweepBy(ctx context.Context, db *store.DB, account int64) (wrong error) {
	const page = 200
	var last unconfirmed
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(wrong, err)
		}
		var before legalclock.Moment
		err := db.View(ctx, actor.System("form").In(account), func(v *store.View) (err error) {
			before, err = staleBefore(v)
			return err
		})
		if err != nil {
			return errors.Join(wrong, err)
		}
		var rows []unconfirmed
		err = db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
			rows, err = store.All[unconfirmed](v, stale, before, before, account, account, last.RequestedAt, last.RequestedAt, last.ID, page)
			return err
		})
		if err != nil || len(rows) == 0 {
			return errors.Join(wrong, err)
		}
		last = rows[len(rows)-1]
		slices.SortStableFunc(rows, func(a, b unconfirmed) int {
			return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.ContactID, b.ContactID))
		})
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].AccountID == rows[0].AccountID {
				n++
			}
			wrong = errors.Join(wrong, sweep(ctx, db, rows[:n]))
			rows = rows[n:]
		}
	}
}

// staleBefore is when a sign-up must have been asked about last to go now.
func staleBefore(r store.Reader) (legalclock.Moment, error) {
	rules, err := rulepack.For(r)
	if err != nil {
		return 0, err
	}
	return store.NowOf(r) - legalclock.Moment(int64(rules.Number(rulepack.DOIPurge))*dayLength), nil
}

// sweep ends sign-ups of one account, in the order of the people, some at a time.
func sweep(ctx context.Context, db *store.DB, rows []unconfirmed) error {
	at := 0
	return db.PurgeBulk(ctx, actor.Worker("form.sweep", rows[0].AccountID), string(rulepack.DOIPurge), func(tx *store.Tx) (bool, error) {
		k := at
		var people, ended []int64
		for ; k < len(rows) && (k == at || !tx.Yield()); k++ {
			done, err := expire(tx, rows[k].ID)
			if err != nil {
				return false, err
			}
			if done {
				people, ended = append(people, rows[k].ContactID), append(ended, rows[k].ID)
			}
		}
		if len(ended) > 0 {
			if err := leave(tx, slices.Compact(people)); err != nil {
				return false, err
			}
			if err := count(tx, byID, ended); err != nil { // those of people who stay
				return false, err
			}
			tx.Do(dropSignups, ended)
		}
		tx.AfterCommit(func() { at = k })
		return k < len(rows), nil
	})
}

// leave deletes those of some people for whom nothing speaks any more.
func leave(tx *store.Tx, people []int64) error {
	if _, err := contact.Lock(tx, people); err != nil {
		return err
	}
	alone, err := consent.Unheld(tx, people)
	if err != nil {
		return err
	}
	if alone, err = contact.Lonely(tx, alone, Source); err != nil {
		return err
	}
	before, err := staleBefore(tx)
	if err != nil {
		return err
	}
	waits, err := store.All[int64](tx, stillWaiting, alone, before, before)
	if err != nil {
		return err
	}
	alone = slices.DeleteFunc(alone, func(id int64) bool { return slices.Contains(waits, id) })
	_, err = contact.Drop(tx, alone, string(rulepack.DOIPurge))
	return err
}

type ofForm struct {
	ID     int64
	FormID int64
	State  string
}

// DropPeople deletes the sign-ups of people who are deleted for good, at most 1,000, and gives
// their numbers; how many there were stays in the form's totals.
func DropPeople(tx *store.Tx, people []int64) ([]int64, error) {
	rows, err := store.All[ofForm](tx, byPerson, people)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	totals(tx, rows)
	tx.Do(dropSignupsOf, people)
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, nil
}

// count adds sign-ups that are about to go to the totals of their forms.
func count(tx *store.Tx, q *store.Query, ids []int64) error {
	rows, err := store.All[ofForm](tx, q, ids)
	totals(tx, rows)
	return err
}

func totals(tx *store.Tx, rows []ofForm) {
	n := map[ofForm]int64{}
	for _, r := range rows {
		n[ofForm{0, r.FormID, r.State}]++
	}
	keys := slices.SortedFunc(maps.Keys(n), func(a, b ofForm) int {
		return cmp.Or(cmp.Compare(a.FormID, b.FormID), cmp.Compare(a.State, b.State))
	})
	for _, k := range keys {
		tx.Do(countUp, k.FormID, day(tx), goneKind+k.State, "", n[k], n[k])
	}
}

// goneKind begins the kinds of form_count that tell how sign-ups ended which are no more.
const goneKind = "gone_"

// expire ends one sign-up; false: it was confirmed, or asked about again, and stays.
func expire(tx *store.Tx, signup int64) (bool, error) {
	w, err := locked(tx, signup)
	if err != nil {
		return false, err
	}
	before, err := staleBefore(tx)
	if err != nil || w.ID == 0 || w.State == confirmed || max(w.RequestedAt, w.AskedAt) >= before {
		return false, err
	}
	if w.State != pending {
		return true, nil
	}
	people, err := contact.Lock(tx, []int64{w.ContactID})
	if err != nil || len(people) == 0 {
		return err == nil, err
	}
	var events []consent.Event
	for _, c := range w.chosen() {
		events = append(events, consent.Event{Contact: w.ContactID, List: c.List, Kind: consent.Expire, Source: Source, Method: "sweep",
			FormVersion: w.VersionID, NoteVersion: w.Note.ID})
	}
	if !people[0].State.Ending() {
		if events, err = stillAsked(tx, w, events); err != nil {
			return false, err
		}
		if len(events) > 0 {
			if _, err := consent.Apply(tx, events); err != nil {
				return false, err
			}
		}
	}
	tx.Do(endSignup, expired, w.Choices, 0, w.ID)
	return true, nil
}

// EndPending ends what a person's sign-ups still wait for, as their term would: their links went to a mailbox that the
// person no longer has.
func EndPending(tx *store.Tx, person int64) error {
	all, err := store.All[Signup](tx, pendingOf, person)
	if err != nil || len(all) == 0 {
		return err
	}
	stands, err := consent.Standings(tx, person)
	if err != nil {
		return err
	}
	var events []consent.Event
	for _, s := range stands {
		waits := slices.ContainsFunc(all, func(x Signup) bool { return slices.Contains(x.Lists(), s.ListID) })
		if waits && s.State == consent.Requested {
			events = append(events, consent.Event{Contact: person, List: s.ListID, Kind: consent.Expire, Source: Source, Method: "moved"})
		}
	}
	if len(events) > 0 {
		if _, err := consent.Apply(tx, events); err != nil {
			return err
		}
	}
	for _, s := range all {
		tx.Do(endSignup, expired, s.Choices, 0, s.ID)
	}
	return nil
}

// stillAsked keeps the events of lists for which no newer sign-up waits, and whose state is
// still the request: a yes given meanwhile on another way doesn't expire with it.
func stillAsked(tx *store.Tx, w Waiting, events []consent.Event) ([]consent.Event, error) {
	others, err := store.All[Signup](tx, pendingOf, w.ContactID)
	if err != nil {
		return nil, err
	}
	waits := map[int64]bool{}
	for _, o := range others {
		if o.ID != w.ID {
			for _, id := range o.Lists() {
				waits[id] = true
			}
		}
	}
	stands, err := consent.Standings(tx, w.ContactID)
	if err != nil {
		return nil, err
	}
	requested := map[int64]bool{}
	for _, s := range stands {
		requested[s.ListID] = s.State == consent.Requested
	}
	var out []consent.Event
	for _, e := range events {
		if requested[e.List] && !waits[e.List] {
			out = append(out, e)
		}
	}
	return out, nil
}
