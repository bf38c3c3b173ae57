// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"context"

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

type unconfirmed struct{ AccountID, ID int64 }

// Sweep ends what nobody confirmed in time (GDPR 5(1)(e); rulepack doi.purge): the request
// expires in the ledger, and what was typed is gone. Periodic; a kill in between loses nothing.
func Sweep(ctx context.Context, db *store.DB) error {
	var shorter []int64 // accounts that chose a term of their own
	err := db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
		shorter, err = rulepack.Chose(v, rulepack.DOIPurge)
		return err
	})
	for _, account := range append([]int64{0}, shorter...) {
		if err == nil {
			err = sweep(ctx, db, account)
		}
	}
	return err
}

// sweep ends what is too old by the rules of an account; of account 0, by the installation's in
// every account, since a choice only shortens.
func sweep(ctx context.Context, db *store.DB, account int64) error {
	const step = 200
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var before legalclock.Moment
		err := db.View(ctx, actor.System("form").In(account), func(v *store.View) error {
			rules, err := rulepack.For(v)
			if err == nil {
				before = v.Now - legalclock.Moment(int64(rules.Number(rulepack.DOIPurge))*dayLength)
			}
			return err
		})
		if err != nil {
			return err
		}
		var rows []unconfirmed
		err = db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
			if account == 0 {
				rows, err = store.All[unconfirmed](v, stale, before, step)
			} else {
				rows, err = store.All[unconfirmed](v, staleIn, account, before, step)
			}
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := 0; i < len(rows); {
			n := i
			for n < len(rows) && rows[n].AccountID == rows[i].AccountID {
				n++
			}
			part, at := rows[i:n], 0
			err := db.Bulk(ctx, actor.Worker("form.sweep", rows[i].AccountID), func(tx *store.Tx) (bool, error) {
				k := at
				for ; k < len(part); k++ {
					if err := expire(tx, part[k].ID); err != nil {
						return false, err
					}
					if tx.Yield() {
						k++
						break
					}
				}
				tx.AfterCommit(func() { at = k })
				return k < len(part), nil
			})
			if err != nil {
				return err
			}
			i = n
		}
	}
}

func expire(tx *store.Tx, signup int64) error {
	w, err := locked(tx, signup)
	if err != nil || w.State != pending {
		return err
	}
	var events []consent.Event
	for _, c := range w.chosen() {
		events = append(events, consent.Event{Contact: w.ContactID, List: c.List, Kind: consent.Expire, Source: "form", Method: "sweep",
			FormVersion: w.VersionID, NoteVersion: w.Note.ID})
	}
	person, err := contact.Get(tx, w.ContactID)
	if err != nil {
		return err
	}
	if !person.State.Ending() {
		if events, err = stillAsked(tx, w, events); err != nil {
			return err
		}
		if len(events) > 0 {
			if _, err := consent.Apply(tx, events); err != nil {
				return err
			}
		}
	}
	tx.Do(endSignup, expired, 0, w.ID)
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
