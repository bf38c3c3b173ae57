// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"errors"
	"strconv"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/refusal"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Pace is how often a person wants campaigns of the account, whatever the list.
type Pace int

// The paces.
const (
	PaceAll   Pace = 0
	PaceWeek  Pace = 7
	PaceMonth Pace = 30
)

// Paces lists them in the order pages show them.
func Paces() []Pace { return []Pace{PaceAll, PaceWeek, PaceMonth} }

// Gap is how long after a campaign's mail the next one is left out. It is half a day short of a
// week, and of the shortest month: a letter that goes out every Tuesday, or on the first of
// every month, doesn't miss a turn because it left an hour earlier.
func (p Pace) Gap() time.Duration {
	switch p {
	case PaceWeek:
		return 6*24*time.Hour + 12*time.Hour
	case PaceMonth:
		return 27*24*time.Hour + 12*time.Hour
	}
	return 0
}

// Pauses are for how many months a person may ask for quiet.
func Pauses() []int { return []int{1, 3, 6} }

// Pause keeps campaigns from a person for some months, and 0 ends it. It ends by itself; it is
// less than a no, and changes none (GDPR 7(3): what is easy to give must be easy to bend). At a
// contact that went into another one it holds for that one too, and so does less mail.
// Faults: contact.none, contact.ending, contact.not_yours, contact.pause.
func Pause(tx *store.Tx, id int64, months int, zone *time.Location) error {
	var until legalclock.Moment
	switch months {
	case 0:
	case 1, 3, 6:
		until = legalclock.Day(tx.Now, zone).AddMonths(months).Start(zone)
	default:
		return fault.New(fault.Invalid, "contact.pause").At("pause")
	}
	was, err := own(tx, id)
	if err != nil || was.PausedUntil == until || until == 0 && was.PausedUntil <= tx.Now {
		return err
	}
	if err := quiet(tx, was, until); err != nil {
		return err
	}
	if err := Active(tx, []Activity{{Contact: id, Kind: Chose}}); err != nil || until == 0 || !was.Merged() {
		return err
	}
	kept, err := Get(tx, was.MergedInto)
	if err != nil || kept.State.Ending() || kept.PausedUntil >= until {
		return err
	}
	return Pause(tx, kept.ID, months, zone)
}

// Slow sets how often a person wants campaigns.
// Faults: contact.none, contact.ending, contact.not_yours, contact.pace.
func Slow(tx *store.Tx, id int64, p Pace) error {
	if p != PaceAll && p.Gap() == 0 {
		return fault.New(fault.Invalid, "contact.pace").At("pace")
	}
	was, err := own(tx, id)
	if err != nil || was.Pace == p {
		return err
	}
	if err := slow(tx, was, p); err != nil {
		return err
	}
	if err := Active(tx, []Activity{{Contact: id, Kind: Chose}}); err != nil || !was.Merged() {
		return err
	}
	kept, err := Get(tx, was.MergedInto)
	if err != nil || kept.State.Ending() || kept.Pace >= p {
		return err
	}
	return Slow(tx, kept.ID, p)
}

// own locks a person for an act that is theirs alone.
func own(tx *store.Tx, id int64) (Contact, error) {
	if tx.Who.Kind != actor.Subject {
		return Contact{}, fault.New(fault.Forbidden, "contact.not_yours")
	}
	was, err := store.One[Contact](tx, lock, id)
	if errors.Is(err, store.ErrNone) {
		return was, none()
	}
	if err == nil && was.State.Ending() {
		err = fault.New(fault.Gone, "contact.ending")
	}
	return was, err
}

// quiet writes until when a person wants no campaigns, 0: they want them again.
func quiet(tx *store.Tx, was Contact, until legalclock.Moment) error {
	tx.Do(setPause, until, was.ID)
	if until == 0 {
		return chose(tx, was, "contact.resume", nil, refusal.Paused, 0)
	}
	return chose(tx, was, "contact.pause", proof.Fields{"until": until.String()}, refusal.Paused, int64(until))
}

// slow writes how often a person wants campaigns.
func slow(tx *store.Tx, was Contact, p Pace) error {
	tx.Do(setPace, int(p), was.ID)
	return chose(tx, was, "contact.pace", proof.Fields{"from": strconv.Itoa(int(was.Pace)), "to": strconv.Itoa(int(p))}, refusal.Paced, int64(p))
}

// chose traces what a person chose, and tells the ledger of refusals.
func chose(tx *store.Tx, was Contact, action string, clear proof.Fields, kind string, value int64) error {
	p, err := Person(tx, was.ID)
	if err != nil {
		return err
	}
	fp, err := FP(tx, was.Email)
	if err != nil {
		return err
	}
	entry, err := trace.Append(tx, trace.Act{Action: action, Object: "contact", ObjectID: was.ID, Person: p, Clear: clear})
	if err != nil {
		return err
	}
	return refusal.Note(tx, []refusal.Refusal{{EntryID: entry, FP: fp[:], Kind: kind, Scope: "all", ScopeID: value, ContactID: was.ID}})
}

// HoldAgain lets a pause or a pace of the ledger hold again after a restore, and tells whether it changed anything: what
// was taken back later is taken back again, a pause that has ended since doesn't come back, and who is not here or is
// being erased has none. Lines of a person come in their order.
func HoldAgain(tx *store.Tx, r refusal.Refusal) (bool, error) {
	was, err := store.One[Contact](tx, lock, r.ContactID)
	if errors.Is(err, store.ErrNone) || err == nil && was.State.Ending() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if r.Kind == refusal.Paced {
		p := Pace(r.ScopeID)
		if p == was.Pace || p != PaceAll && p.Gap() == 0 {
			return false, nil
		}
		return true, slow(tx, was, p)
	}
	until := legalclock.Moment(r.ScopeID)
	if until == was.PausedUntil || until <= tx.Now && was.PausedUntil <= tx.Now {
		return false, nil
	}
	return true, quiet(tx, was, until)
}

var (
	setPause = store.Account("contact.set_pause", `UPDATE contact SET paused_until = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	setPace  = store.Account("contact.set_pace", `UPDATE contact SET pace = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
)
