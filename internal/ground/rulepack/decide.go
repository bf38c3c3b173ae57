// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack

import (
	"errors"
	"strings"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Decision is one decision or choice, never changed: a later one replaces it.
type Decision struct {
	ID        int64 `db:"seq"` // counts from 1: the installation's, or the account's
	At        legalclock.Moment
	ValidFrom legalclock.Moment // when it begins to hold; 0 is at once
	Key       Key               `db:"rule"`
	Value     string            // "" = back to what holds without it
	Reason    string
	ByKind    actor.Kind
	ByID      int64
	ByName    string
}

const maxReason = 500

// Decide adds a decision of the transaction's account, or of the installation where it is bound
// to none, and gives it with its number. country is the account's, whose own value of a rule
// is what a choice is held against. The trace of it is the caller's.
//
// Faults: those of Check; rulepack.past for one that would have held before it was made;
// rulepack.long; rulepack.pack; rulepack.meanwhile when two decide at the same moment.
func Decide(tx *store.Tx, d Decision, country string) (Decision, error) {
	d.Value, d.Reason = strings.TrimSpace(d.Value), strings.TrimSpace(d.Reason)
	if d.ValidFrom == 0 {
		d.ValidFrom = tx.Now
	}
	switch {
	case d.ValidFrom < tx.Now:
		return d, fault.New(fault.Invalid, "rulepack.past").At("from")
	case utf8.RuneCountInString(d.Reason) > maxReason:
		return d, fault.New(fault.Invalid, "rulepack.long", "Max", maxReason).At("reason")
	}
	rules, err := For(tx)
	if err != nil {
		return d, err
	}
	account := tx.Account()
	if account == 0 && d.Key == Adopted {
		err = adoptable(tx, d)
	} else {
		err = d.Check(rules.under(account), account, country)
	}
	if err != nil {
		return d, err
	}
	h, err := store.Kept[asked](tx).head.One()
	if err != nil {
		return d, err
	}
	d.At, d.ByKind, d.ByID, d.ID = tx.Now, tx.Who.Kind, tx.Who.ID, h.House+1
	if k := tx.Who.Kind; k == actor.Sys || k == actor.Job || k == actor.Command {
		d.ByName = tx.Who.Name
	}
	add := addDecision
	if account != 0 {
		add, d.ID = addChoice, h.Own+1
	}
	_, err = tx.Exec(add, d.ID, d.ValidFrom, d.Key, d.Value, d.Reason, string(d.ByKind), d.ByID, d.ByName)
	if errors.Is(err, store.ErrUnique) {
		return d, fault.New(fault.Conflict, "rulepack.meanwhile")
	}
	*store.Kept[asked](tx) = asked{own: true} // the head moved, for this act alone as yet
	return d, err
}

func adoptable(r store.Reader, d Decision) error {
	packs := Packs()
	if b, ok := store.Attached[*Book](r); ok {
		packs = b.packs
	}
	if d.Reason == "" {
		return fault.New(fault.Invalid, "rulepack.reason", "Rule", string(d.Key)).At("reason")
	}
	if (&Book{packs: packs}).pack(d.Value) == nil {
		return fault.New(fault.Invalid, "rulepack.pack", "Version", d.Value).At("value")
	}
	return nil
}

// Decisions lists what the installation decided, the oldest first.
func Decisions(r store.Reader) ([]Decision, error) { return store.All[Decision](r, decisions) }

// Choices lists what the transaction's account chose, the oldest first.
func Choices(r store.Reader) ([]Decision, error) { return store.All[Decision](r, choices) }

// Check tells whether an account (or, 0, the installation) may decide so over the
// rules below. Faults: rulepack.unknown, rulepack.value, rulepack.fixed,
// rulepack.looser, rulepack.reason, rulepack.by_country (what some country's law forbids can't
// be allowed for all of them at once: that is a pack's, with its source).
func (d Decision) Check(below *Rules, account int64, country string) error {
	rl, ok := below.pack.Rule(d.Key)
	bad := func(key, field string) error {
		return fault.New(fault.Invalid, key, "Rule", string(d.Key), "Now", below.Country(d.Key, country), "Unit", rl.Unit).At(field)
	}
	switch {
	case !ok:
		return fault.New(fault.Invalid, "rulepack.unknown", "Rule", string(d.Key)).At("value")
	case account == 0 && strings.TrimSpace(d.Reason) == "":
		return bad("rulepack.reason", "reason")
	case d.Value == "":
		return nil
	case rl.Stricter == "fixed":
		return bad("rulepack.fixed", "value")
	case !rl.fits(d.Value):
		return bad("rulepack.value", "value")
	case account == 0 && rl.Unit == "bool" && len(rl.Country) > 0 && d.Value != rl.Stricter:
		return bad("rulepack.by_country", "value")
	case account == 0:
	case !rl.tightens(below.Country(d.Key, country), d.Value, d.Reason):
		if rl.Stricter == "reasoned" {
			return bad("rulepack.reason", "reason")
		}
		return bad("rulepack.looser", "value")
	}
	return nil
}

// fits is Check on reading, where the account's country isn't known: a choice that is stricter
// than the value of some country stays, and Country holds it against the right one.
func (d Decision) fits(below *Rules, account int64) bool {
	if d.Check(below, account, "") == nil {
		return true
	}
	if rl, ok := below.pack.Rule(d.Key); ok && account != 0 {
		for c := range rl.Country {
			if d.Check(below, account, c) == nil {
				return true
			}
		}
	}
	return false
}
