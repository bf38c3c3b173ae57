// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/refusal"
	"consend/internal/trace"
)

// Who floods a mailbox types its address into the forms of many accounts. So what the victim
// says counts in all of them: after "not me" twice, or once "from nobody here", no account of
// this installation sends a confirmation mail there (GDPR 21, 25, 32). Accounts learn nothing
// of it: to their visitors the form answers as always. Only the mailbox itself takes it back.
const noTwice = 2

type shut struct {
	Said   int64
	ShutAt legalclock.Moment
}

// mailbox is the name of an address over all accounts: a hash under the installation's key.
func mailbox(r store.Reader, a address.Address) ([]byte, error) {
	key, err := keys.Of(r).MAC(keys.Installation, "mailbox")
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(a.Norm()))
	return h.Sum(nil)[:16], nil
}

// Shuts tells whether a mailbox wants no confirmation mail that was asked for by then, from
// nobody of this installation.
func Shuts(r store.Reader, a address.Address, asked legalclock.Moment) (bool, error) {
	return shutSince(r, a, asked)
}

// shutSince tells whether a mailbox wants no confirmation mail that was asked for by then. What
// its owner asked for since, with a link from the mailbox, goes out.
func shutSince(r store.Reader, a address.Address, asked legalclock.Moment) (bool, error) {
	fp, err := mailbox(r, a)
	if err != nil {
		return false, err
	}
	s, err := store.One[shut](r, findShut, fp)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	return s.ShutAt != 0 && asked <= s.ShutAt, err
}

// saidNo counts a "not me" of a mailbox over all accounts, and shuts it when it is the second,
// or when its owner wants it at once.
func saidNo(tx *store.Tx, a address.Address, at bool) error {
	fp, err := mailbox(tx, a)
	if err != nil {
		return err
	}
	n, since := int64(1), legalclock.Moment(0)
	if at {
		n, since = noTwice, tx.Now
	}
	tx.Do(addShut, fp, n, tx.Now, since, n, noTwice)
	return nil
}

// Shut is "not me" for every account of this installation: no confirmation mail goes to that
// mailbox any more, whoever types its address wherever. Again is harmless.
func Shut(tx *store.Tx, signup int64, o consent.Origin) (Stage, error) {
	w, err := locked(tx, signup)
	if err != nil || w.ID == 0 {
		return Vanished, err
	}
	if w.State != notMe && w.State != confirmed {
		if st, err := NotMe(tx, signup, o); err != nil || st != SaidNo {
			return st, err
		}
	}
	c, err := contact.Get(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	if err := saidNo(tx, c.Email, true); err != nil {
		return "", err
	}
	fp, err := contact.FP(tx, c.Email)
	if err != nil {
		return "", err
	}
	tx.Do(addBlock, fp[:])
	p, err := contact.Person(tx, w.ContactID)
	if err != nil {
		return "", err
	}
	entry, err := trace.Append(tx, trace.Act{Action: "form.shut", Object: "signup", ObjectID: w.ID, Person: p})
	if err != nil {
		return "", err
	}
	all, err := mailbox(tx, c.Email)
	if err != nil {
		return "", err
	}
	return SaidNo, refusal.Note(tx, []refusal.Refusal{blockLine(entry, fp, w.ContactID), {EntryID: entry, FP: all, Kind: refusal.Shut, Scope: refusal.Mailbox}})
}

// Reconsider asks who said "not me" whether they want what that sign-up asked for after all:
// whoever holds the link holds the mailbox. It is a new sign-up with its own confirmation
// mail, and what was shut opens when that is confirmed. Faults: budget.spent.
func Reconsider(tx *store.Tx, signup int64, shown string, o consent.Origin) (Stage, error) {
	w, err := locked(tx, signup)
	if err != nil || w.ID == 0 {
		return Vanished, err
	}
	if w.State != notMe {
		if err := w.lapse(tx); err != nil {
			return "", err
		}
		if st, err := w.Stage(tx, tx.Now); err != nil || st != SaidNo {
			return st, err
		}
	}
	c, err := contact.Get(tx, w.ContactID)
	if err != nil || c.State.Ending() {
		return Vanished, err
	}
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return "", err
	}
	if err := budget.Spend(tx, key, perAddress.For(dec(tx.Account())+" "+c.Email.Norm())); err != nil {
		return "", err
	}
	d := w.Version.Definition
	s := Submission{Live: Live{Form: Form{ID: w.FormID}, Version: w.Version, Note: w.Note}, Language: w.Language, Way: wayAfterAll, Shown: shown, Spoken: tx.Who.Language, Origin: o, Email: c.Email}
	for _, id := range w.Lists() {
		if x, ok := d.choice(id); ok && !x.Closed && (!d.ButtonActs() || x.Grant) {
			s.Ticked = append(s.Ticked, id)
		}
		for _, f := range d.Fields {
			if f.Grant == id {
				s.Explicit = append(s.Explicit, f.Name)
			}
		}
	}
	if len(s.lists()) == 0 {
		return Vanished, nil
	}
	results, err := consent.Apply(tx, s.events(contact.Row{ID: w.ContactID}, consent.Request, 0))
	if err != nil {
		return "", err
	}
	var chosen []asked
	for i, id := range s.lists() {
		chosen = append(chosen, asked{List: id, Event: results[i].Event, Way: wayAfterAll})
	}
	choices, err := json.Marshal(chosen)
	if err != nil {
		return "", err
	}
	id := tx.ID()
	tx.Do(addSignup, id, w.FormID, w.VersionID, w.ContactID, pending, w.Language, string(choices), nil, 0)
	job.Post(tx, Requested, id)
	return Ready, nil
}

// reopen takes back what a mailbox shut: its owner confirmed a sign-up that was asked for since.
func reopen(tx *store.Tx, w Waiting) error {
	c, err := contact.Get(tx, w.ContactID)
	if err != nil {
		return err
	}
	fp, err := mailbox(tx, c.Email)
	if err != nil {
		return err
	}
	own, err := contact.FP(tx, c.Email)
	if err != nil {
		return err
	}
	shut, blocked := store.Ask[bool](tx, isShut, fp, w.RequestedAt), store.Ask[bool](tx, isBlocked, own[:])
	all, err := shut.One()
	if err != nil {
		return err
	}
	ours, err := blocked.One()
	if err != nil {
		return err
	}
	var open []refusal.Refusal
	if all {
		tx.Do(openShut, fp, w.RequestedAt)
		open = append(open, refusal.Refusal{FP: fp, Kind: refusal.Open, Scope: refusal.Mailbox})
	}
	if ours {
		tx.Do(dropBlock, own[:])
		open = append(open, refusal.Refusal{FP: own[:], Kind: refusal.Open, Scope: refusal.Confirm, ContactID: w.ContactID})
	}
	return opened(tx, open)
}

// opened traces that a mailbox took back what it had shut, and tells the ledger.
func opened(tx *store.Tx, open []refusal.Refusal) error {
	if len(open) == 0 {
		return nil
	}
	entry, err := trace.Append(tx, trace.Act{Action: "form.reopen", Object: "mailbox"})
	for i := range open {
		open[i].EntryID = entry
	}
	if err != nil {
		return err
	}
	return refusal.Note(tx, open)
}

// HoldAgain lets a line of the ledger about confirmation mails hold again after a restore, and tells whether it changed
// anything. Those of one mailbox come in their order, over all accounts.
func HoldAgain(tx *store.Tx, r refusal.Refusal) (bool, error) {
	switch {
	case r.Scope == refusal.Confirm && r.Kind == refusal.Open:
		n, err := tx.Exec(dropBlock, r.FP)
		if err != nil || n == 0 {
			return false, err
		}
		return true, opened(tx, []refusal.Refusal{{FP: r.FP, Kind: r.Kind, Scope: r.Scope}})
	case r.Scope == refusal.Confirm:
		return true, Block(tx, [16]byte(r.FP))
	case r.Kind == refusal.Open:
		n, err := tx.Exec(openShut, r.FP, r.At)
		if err != nil || n == 0 {
			return false, err
		}
		return true, opened(tx, []refusal.Refusal{{FP: r.FP, Kind: r.Kind, Scope: r.Scope}})
	}
	n, since := int64(1), legalclock.Moment(0)
	if r.Kind == refusal.Shut {
		n, since = noTwice, r.At
	}
	if done, err := tx.Exec(shutAgain, r.FP, n, r.At, since, noTwice); err != nil || done == 0 {
		return false, err
	}
	s, err := store.One[shut](tx, findShut, r.FP)
	if err != nil {
		return false, err
	}
	kind := r.Kind
	if s.ShutAt != 0 { // should this copy be put back once more, it needs no counting
		kind = refusal.Shut
	}
	entry, err := trace.Append(tx, trace.Act{Action: "form.shut", Object: "mailbox"})
	if err != nil {
		return false, err
	}
	return true, refusal.Note(tx, []refusal.Refusal{{EntryID: entry, FP: r.FP, Kind: kind, Scope: refusal.Mailbox}})
}

// Remind asks once more where a form wants it and nobody answered (compliance T-14: one
// reminder at most). Periodic. A kill loses nothing: the fact and the end of the wait commit together.
func Remind(ctx context.Context, db *store.DB) error {
	const page = 200
	for {
		var rows []unconfirmed
		err := db.View(ctx, actor.System("form"), func(v *store.View) (err error) {
			rows, err = store.All[unconfirmed](v, remindable, v.Now, page)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		slices.SortStableFunc(rows, func(a, b unconfirmed) int { return cmp.Compare(a.AccountID, b.AccountID) })
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].AccountID == rows[0].AccountID {
				n++
			}
			if err := remind(ctx, db, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
}

// remind asks some of one account.
func remind(ctx context.Context, db *store.DB, rows []unconfirmed) error {
	at := 0
	return db.Bulk(ctx, actor.Worker("form.remind", rows[0].AccountID), func(tx *store.Tx) (bool, error) {
		lasts, err := days(tx)
		if err != nil {
			return false, err
		}
		k := at
		for ; k < len(rows) && (k == at || !tx.Yield()); k++ {
			w, err := locked(tx, rows[k].ID)
			if err != nil {
				return false, err
			}
			if w.ID == 0 {
				continue
			}
			tx.Do(remindedNow, w.ID)
			if w.stage(lasts, tx.Now) == Ready {
				job.Post(tx, Reminded, w.ID)
			}
		}
		tx.AfterCommit(func() { at = k })
		return k < len(rows), nil
	})
}

// forgetShut ends what mailboxes said longer ago than the do-not-mail list is kept
// (rulepack retention.suppression).
func forgetShut(ctx context.Context, db *store.DB) error {
	return db.Bulk(ctx, actor.System("form.shut"), func(tx *store.Tx) (bool, error) {
		rules, err := rulepack.For(tx)
		if err != nil {
			return false, err
		}
		before := legalclock.MomentOf(tx.Now.Time().AddDate(0, -rules.Number(rulepack.SuppressionKept), 0))
		old, err := store.All[[]byte](tx, oldShut, before, 500)
		if err != nil || len(old) == 0 {
			return false, err
		}
		for _, fp := range old {
			tx.Do(dropShut, fp)
		}
		return len(old) == 500, nil
	})
}
