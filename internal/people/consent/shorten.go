// SPDX-License-Identifier: AGPL-3.0-or-later

package consent

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// shortenStep is how many origins are read at once: few, for others wait while it lasts.
const shortenStep = 250

// ShortenOrigins leaves of where acts came from the network alone, in every account, once the term of
// its rule retention.ip is over: the whole address and the browser go (GDPR 5(1)(e)). Who asked that
// nothing be done with their data (GDPR 18(2)) keeps theirs until the freeze ends. Again is harmless,
// and a kill leaves the rest to the next time. What goes wrong in one account holds up no other's.
func ShortenOrigins(ctx context.Context, db *store.DB) error {
	return eachAccount(ctx, db, "consent.origin", shorten)
}

// origin is where an act came from, as it lies in the store.
type origin struct {
	ContactID  int64
	EventID    int64
	IPCT       []byte `db:"ip_ct"`
	RecordedAt legalclock.Moment
}

// shorten goes through one account, some at a time.
func shorten(ctx context.Context, db *store.DB, who actor.Actor) error {
	var due []origin
	err := db.View(ctx, who, func(v *store.View) (err error) { due, err = whole(v, origin{}, 1); return err })
	if err != nil || len(due) == 0 { // most days: nothing is written
		return err
	}
	var last origin
	return db.Bulk(ctx, who, func(tx *store.Tx) (bool, error) {
		at, n, more := last, 0, true
		for first := true; more && (first || !tx.Yield()); first = false {
			due, err := whole(tx, at, shortenStep)
			if err != nil {
				return false, err
			}
			if more = len(due) == shortenStep; len(due) == 0 {
				break
			}
			at = due[len(due)-1]
			done, err := shortenSome(tx, due)
			if err != nil {
				return false, err
			}
			n += done
		}
		tx.AfterCommit(func() { last = at })
		if n == 0 {
			return more, nil
		}
		_, err := trace.Append(tx, trace.Act{Action: "consent.origin.shorten", Object: "account", ObjectID: tx.Account(),
			Clear: proof.Fields{"rule": string(rulepack.FullIP), "origins": strconv.Itoa(n)}})
		return more, err
	})
}

// whole are origins after one whose term is over, the oldest first.
func whole(r store.Reader, after origin, limit int) ([]origin, error) {
	g, err := GroundOf(r)
	if err != nil {
		return nil, err
	}
	before := g.rules.Before(rulepack.FullIP, store.NowOf(r), g.zone).Start(g.zone)
	return store.All[origin](r, originsDue, before, after.RecordedAt, after.ContactID, after.EventID, limit)
}

// shortenSome shortens origins, but of people who are frozen, and tells how many.
func shortenSome(tx *store.Tx, due []origin) (n int, err error) {
	ids := make([]int64, len(due))
	for i, o := range due {
		ids[i] = o.ContactID
	}
	slices.Sort(ids)
	people, err := locked(tx, slices.Compact(ids))
	if err != nil {
		return 0, err
	}
	for _, o := range due {
		p, here := people[o.ContactID]
		if !here || p.State == contact.StateRestricted {
			continue
		}
		network, err := networkOf(tx, &p, o)
		if err != nil {
			return 0, err
		}
		tx.Do(shortenOrigin, network, o.ContactID, o.EventID)
		n++
	}
	return n, nil
}

// networkOf is the network of an origin's address; "" where there was none, or its key is destroyed.
func networkOf(tx *store.Tx, p *contact.Row, o origin) (string, error) {
	if len(o.IPCT) == 0 || p.Key.IsZero() {
		return "", nil
	}
	key, err := p.Unlock(tx)
	if errors.Is(err, keys.ErrForgotten) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	b, err := key.Open(originAt("ip_ct", o.EventID), o.IPCT)
	if err != nil {
		return "", err
	}
	ip, err := pii.ParseIP(string(b))
	return ip.Truncated(), err
}

var (
	originsDue = store.Account("consent.origins_due", `SELECT o.contact_id, o.event_id, o.ip_ct, o.recorded_at FROM consent_origin o
		WHERE o.account_id = :account AND o.shortened_at = 0 AND o.recorded_at < ? AND (o.recorded_at, o.contact_id, o.event_id) > (?, ?, ?)
		ORDER BY o.recorded_at, o.contact_id, o.event_id LIMIT ?`)
	shortenOrigin = store.Account("consent.shorten_origin", `UPDATE consent_origin SET ip_ct = NULL, ua_ct = NULL, ip_network = ?, shortened_at = :now
		WHERE account_id = :account AND contact_id = ? AND event_id = ?`)
)
