// SPDX-License-Identifier: AGPL-3.0-or-later

// Package budget promises that nobody can have an act done more often than the house allows:
// per address, network, account or for the whole installation, counted per minute over a
// sliding window. What is counted is a keyed hash, never the address or network itself
// (GDPR 5(1)(c), 32).
//
// It leaves to rooms which acts have which limits and what an outcome over the limit looks
// like. Acts at the same moment may each see the same rest: a limit can be passed by as many
// as run at once, no more. A wide limit (the whole house's) is taken from in advances, so that
// its acts don't wait for each other: it is exact to a thousandth for each act at once.
package budget

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Limit is how often something may be done within a time.
type Limit struct {
	Name string        // "form.address": what is limited, by what
	Max  int64         // how often
	Per  time.Duration // whole minutes, at most Longest
	Wide bool          // many spend from it at once, such as the installation's
	Then []Window      // further windows over the same count
}

// Window is how often within how long.
type Window struct {
	Max int64
	Per time.Duration
}

func (l Limit) windows() []Window { return append([]Window{{l.Max, l.Per}}, l.Then...) }

// Longest is the longest window: rows older than it are swept.
const Longest = 24 * time.Hour

// parts is in how many rows a wide budget is counted.
const parts = 16

// Advance is what one process has taken of wide budgets ahead of the acts it is for. Attached
// to the store, it serves the acts of the same minute without a question; what is left of an
// old minute lapses, and an act that fails doesn't give its one back. Without it every act asks.
type Advance struct {
	mu   sync.Mutex
	left map[string]advanced // by budget
}

type advanced struct{ minute, n int64 }

// NewAdvance is empty.
func NewAdvance() *Advance { return &Advance{left: map[string]advanced{}} }

// take uses one of the minute's.
func (a *Advance) take(hash []byte, minute int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.left[string(hash)]
	if l.minute != minute || l.n == 0 {
		return false
	}
	l.n--
	a.left[string(hash)] = l
	return true
}

// put adds what an act took beyond its own.
func (a *Advance) put(hash []byte, minute, n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.left[string(hash)]
	if l.minute != minute {
		l = advanced{minute: minute}
	}
	l.n += n
	a.left[string(hash)] = l
}

// Charge is one use of a limit by somebody.
type Charge struct {
	limit Limit
	whom  string
}

// For charges the limit to somebody: an address, a network, a number.
func (l Limit) For(whom string) Charge { return Charge{l, whom} }

// hash names a budget: 16 bytes of HMAC-SHA-256 under a key of the caller's.
func (c Charge) hash(key [32]byte) []byte {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(c.limit.Name))
	h.Write([]byte{0})
	h.Write([]byte(c.whom))
	return h.Sum(nil)[:16]
}

const minute = int64(time.Minute / time.Microsecond)

func (c Charge) ask(r store.Reader, key [32]byte, now legalclock.Moment, per time.Duration) *store.Answer[float64] {
	from := int64(now) - per.Microseconds()
	oldest := from / minute
	// The oldest minute counts as far as the window still covers it.
	share := 1 - float64(from%minute)/float64(minute)
	return store.Ask[float64](r, spent, oldest, share, c.hash(key), oldest)
}

// Spend counts every charge, or refuses all of them with fault.Busy "budget.spent" (value
// minutes: after how long to come back) when one is over its limit. It counts in the act's
// own transaction: an act that fails costs nothing; what must count even then, such as a
// wrong password, is spent in a transaction of its own.
func Spend(tx *store.Tx, key [32]byte, charges ...Charge) error {
	return Ask(tx, key, charges...).Pay()
}

// Bill is charges that were asked about and not yet counted.
type Bill struct {
	tx      *store.Tx
	key     [32]byte
	charges []Charge
	asked   [][]*store.Answer[float64] // one a window; nil: served in advance
}

// Ask asks without waiting, so that the question travels with the act's others (store.Ask).
func Ask(tx *store.Tx, key [32]byte, charges ...Charge) *Bill {
	b := &Bill{tx, key, charges, make([][]*store.Answer[float64], len(charges))}
	ahead, ok := store.Attached[*Advance](tx)
	for i, c := range charges {
		if c.limit.Wide && ok && ahead.take(c.hash(key), int64(tx.Now)/minute) {
			continue
		}
		for _, w := range c.limit.windows() {
			b.asked[i] = append(b.asked[i], c.ask(tx, key, tx.Now, w.Per))
		}
	}
	return b
}

// Pay counts every charge of the bill, or refuses all of them, as Spend does.
func (b *Bill) Pay() error {
	takes := make([]int64, len(b.charges))
	ahead, ok := store.Attached[*Advance](b.tx)
	for i, c := range b.charges {
		if b.asked[i] == nil {
			continue
		}
		for k, w := range c.limit.windows() {
			n, err := b.asked[i][k].One()
			if err != nil {
				return err
			}
			if n+1 > float64(w.Max) {
				return fault.New(fault.Busy, "budget.spent", "minutes", max(1, int64(w.Per/time.Minute)), "limit", c.limit.Name)
			}
			most := int64(1)
			if c.limit.Wide && ok {
				most = max(1, min(w.Max/1000, w.Max-int64(n+0.999999)))
			}
			if takes[i] == 0 || most < takes[i] {
				takes[i] = most
			}
		}
	}
	for i, c := range b.charges {
		if takes[i] == 0 {
			continue
		}
		part, hash, at := 0, c.hash(b.key), int64(b.tx.Now)/minute
		if c.limit.Wide {
			part = rand.IntN(parts)
		}
		b.tx.Do(spend, hash, at, part, takes[i], takes[i])
		if takes[i] > 1 {
			b.tx.AfterCommit(func() { ahead.put(hash, at, takes[i]-1) })
		}
	}
	return nil
}

// Left tells how often it may still be done now.
func Left(r store.Reader, now legalclock.Moment, key [32]byte, c Charge) (int64, error) {
	n, err := c.ask(r, key, now, c.limit.Per).One()
	return max(0, c.limit.Max-int64(n+0.999999)), err
}

// Sweep ends what no window reaches any more. Periodic, hourly.
func Sweep(ctx context.Context, db *store.DB) error {
	return db.Bulk(ctx, actor.System("budget"), func(tx *store.Tx) (bool, error) {
		n, err := tx.Exec(sweep, (int64(tx.Now)-Longest.Microseconds())/minute-1, sweepStep)
		return n == sweepStep, err
	})
}

const sweepStep = 2000
