// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"context"
	"errors"
	"slices"

	"consend/internal/ground/actor"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/team/account"
)

// Soft opt-in ends where a country gives it a term since the last sale or use (rule
// soft_opt_in.term): EndSoftOptIn writes an event of kind expire, which names the rule. A sale that
// is claimed afterwards gives it again.

// ByRule is the source of what a rule ended by itself; the event's method names the rule.
const ByRule = "rule"

// endStep is how many people one step ends: few, for others wait while it lasts.
const endStep = 250

// EndSoftOptIn ends the subscriptions of existing customers whose last sale or use is too long ago,
// in every account. Again is harmless, and a kill leaves the rest to the next time. What goes wrong
// in one account holds up no other's.
func EndSoftOptIn(ctx context.Context, db *store.DB) error {
	return eachAccount(ctx, db, "consent.term", endSoft)
}

// eachAccount does something as a worker of every account, one after the other: what goes wrong in one holds up no other's.
func eachAccount(ctx context.Context, db *store.DB, worker string, do func(context.Context, *store.DB, actor.Actor) error) (err error) {
	for last := int64(0); ; {
		var page []account.Name
		bad := db.View(ctx, actor.System(worker), func(v *store.View) (err error) { page, err = account.Page(v, last); return err })
		if bad != nil || len(page) == 0 {
			return errors.Join(err, bad)
		}
		for _, a := range page {
			if ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			err, last = errors.Join(err, do(ctx, db, actor.Worker(worker, a.ID))), a.ID
		}
	}
}

// endSoft goes through one account: the term of its own country for everybody, and that of each
// other country for those who stated it.
func endSoft(ctx context.Context, db *store.DB, who actor.Actor) error {
	var stated []string
	err := db.View(ctx, who, func(v *store.View) error {
		g, err := GroundOf(v)
		if err != nil {
			return err
		}
		for _, c := range append([]string{""}, g.rules.Countries(rulepack.SoftOptInTerm)...) {
			months, before := g.Term(c, v.Now)
			if months == 0 {
				continue
			}
			due, err := store.All[seat](v, softDue, 0, 0, c, c, before, before, 1)
			if err != nil {
				return err
			}
			if len(due) > 0 {
				stated = append(stated, c)
			}
		}
		return nil
	})
	for _, c := range stated {
		var at seat
		err = errors.Join(err, db.Bulk(ctx, who, func(tx *store.Tx) (bool, error) {
			next, err := endSome(tx, c, at)
			if err != nil {
				return false, err
			}
			tx.AfterCommit(func() { at = next })
			return next != seat{}, nil
		}))
	}
	return err
}

// seat is a subscription, in the order of lists and people.
type seat struct{ ListID, ContactID int64 }

// endSome ends some subscriptions after a place, and gives the last of them; the zero place is the end.
func endSome(tx *store.Tx, country string, after seat) (seat, error) {
	g, err := GroundOf(tx)
	if err != nil {
		return seat{}, err
	}
	_, before := g.Term(country, tx.Now)
	due, err := store.All[seat](tx, softDue, after.ListID, after.ContactID, country, country, before, before, endStep)
	if err != nil || len(due) == 0 {
		return seat{}, err
	}
	ids := make([]int64, len(due))
	for i, d := range due {
		ids[i] = d.ContactID
	}
	slices.Sort(ids)
	if _, err := contact.Lock(tx, slices.Compact(ids)); err != nil {
		return seat{}, err
	}
	// Locked and asked again: who bought since the list was made stays.
	still, err := store.All[seat](tx, softDue, after.ListID, after.ContactID, country, country, before, before, endStep)
	if err != nil {
		return seat{}, err
	}
	var events []Event
	for _, d := range still {
		if slices.Contains(due, d) {
			events = append(events, Event{Contact: d.ContactID, List: d.ListID, Kind: Expire, Source: ByRule, Method: string(rulepack.SoftOptInTerm)})
		}
	}
	_, err = Apply(tx, events)
	return due[len(due)-1], err
}

// soldAt is when the sale was that a subscription s leans on, by the latest claim. What was released
// from waiting was claimed before.
const soldAt = `COALESCE((SELECT MAX(e.occurred_at) FROM consent_event e WHERE e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id
	AND e.kind = 'give' AND e.basis IN ('soft_opt_in', '') AND e.verdict IN ('applied', 'recorded')), s.since)`

var (
	sales = store.Account("consent.sales", `SELECT s.contact_id, `+soldAt+` AS at FROM subscription s
		WHERE s.account_id = :account AND s.list_id = ? AND s.contact_id IN ?*`)
	softDue = store.Account("consent.soft_due", `SELECT s.list_id, s.contact_id FROM subscription s JOIN contact c ON c.account_id = :account AND c.id = s.contact_id
		WHERE s.account_id = :account AND s.basis = 'soft_opt_in' AND s.state = 'given' AND (s.list_id, s.contact_id) > (?, ?)
		AND (CAST(? AS {text}) = '' OR c.country = CAST(? AS {text})) AND c.state NOT IN ('restricted', 'erasing', 'erased')
		AND `+soldAt+` < ? AND NOT EXISTS (SELECT 1 FROM contact_activity a WHERE a.account_id = :account AND a.contact_id = s.contact_id
			AND `+contact.Used+` AND a.last_at >= ?)
		ORDER BY s.list_id, s.contact_id LIMIT ?`)
)
