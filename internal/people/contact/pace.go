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
	tx.Do(setPause, until, id)
	if until == 0 {
		return chose(tx, id, "contact.resume", nil)
	}
	if err := chose(tx, id, "contact.pause", proof.Fields{"until": until.String()}); err != nil || !was.Merged() {
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
	tx.Do(setPace, int(p), id)
	if err := chose(tx, id, "contact.pace", proof.Fields{"from": strconv.Itoa(int(was.Pace)), "to": strconv.Itoa(int(p))}); err != nil || !was.Merged() {
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

func chose(tx *store.Tx, id int64, action string, clear proof.Fields) error {
	p, err := Person(tx, id)
	if err != nil {
		return err
	}
	if _, err := trace.Append(tx, trace.Act{Action: action, Object: "contact", ObjectID: id, Person: p, Clear: clear}); err != nil {
		return err
	}
	return Active(tx, []Activity{{Contact: id, Kind: Chose}})
}

var (
	setPause = store.Account("contact.set_pause", `UPDATE contact SET paused_until = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
	setPace  = store.Account("contact.set_pace", `UPDATE contact SET pace = ?, version = version + 1, updated_at = :now WHERE account_id = :account AND id = ?`)
)
