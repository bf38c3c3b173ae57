// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack

import (
	"math"
	"slices"
	"sync"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Adopted is the rule by which the installation adopts a version of the rules: its value is
// the version. Until somebody adopts one, the newest that the program knows holds.
const Adopted Key = "pack"

// Book is the rules in force by account, remembered between acts; app attaches one to the
// main store. Each act asks the database for the head of the decisions and reads them again
// only when it moved, so that no node works by old rules.
type Book struct {
	packs []*Pack

	mu       sync.Mutex
	house    page
	accounts map[int64]page
}

// page is rules as of a head, and the moments between which no decision begins to hold.
type page struct {
	head        head
	from, until legalclock.Moment
	rules       *Rules
}

// head is the number of the last decision of the installation, and of the account's last choice.
type head struct{ House, Own int64 }

func (p page) holds(h head, now legalclock.Moment) bool {
	return p.rules != nil && p.head == h && p.from <= now && now < p.until
}

// maxPages bounds the memory of a Book: only accounts with choices of their own have a page.
const maxPages = 10_000

// NewBook makes a book over packs, the oldest first.
func NewBook(packs []*Pack) *Book { return &Book{packs: packs, accounts: map[int64]page{}} }

// Packs are the versions of the rules the house knows, the oldest first.
func (b *Book) Packs() []*Pack { return b.packs }

// asked is what a transaction remembers: the question for the head, and the rules once known.
type asked struct {
	head  *store.Answer[head]
	rules *Rules
	own   bool // the act decided: what it reads may yet be rolled back, and no Book remembers it
}

// Ask asks for the head without waiting: it travels with the next question of the
// transaction, so that For costs no round trip of its own.
func Ask(r store.Reader) {
	k := store.Kept[asked](r)
	if k.head != nil || k.rules != nil {
		return
	}
	if store.AccountOf(r) == 0 {
		k.head = store.Ask[head](r, headsHouse)
	} else {
		k.head = store.Ask[head](r, heads)
	}
}

// For gives the rules in force for the transaction's account (of account 0: for the
// installation) at its moment. It asks the database once in a transaction.
func For(r store.Reader) (*Rules, error) {
	k := store.Kept[asked](r)
	if k.rules != nil {
		return k.rules, nil
	}
	Ask(r)
	h, err := k.head.One()
	if err != nil {
		return nil, err
	}
	b, ok := store.Attached[*Book](r)
	switch {
	case !ok:
		b = NewBook(Packs()) // nothing is remembered
	case k.own:
		b = NewBook(b.packs)
	}
	k.rules, err = b.rules(r, h)
	return k.rules, err
}

func (b *Book) rules(r store.Reader, h head) (*Rules, error) {
	account, now := store.AccountOf(r), store.NowOf(r)
	b.mu.Lock()
	below, own := b.house, b.accounts[account]
	b.mu.Unlock()
	if h.Own > 0 && own.holds(h, now) {
		return own.rules, nil
	}
	if hh := (head{House: h.House}); !below.holds(hh, now) {
		all, err := store.All[Decision](r, decisions)
		if err != nil {
			return nil, err
		}
		all, from, until := inForce(all, now)
		below = page{hh, from, until, Published(b.adopted(all)).With(0, all)}
		b.mu.Lock()
		b.house = below
		b.mu.Unlock()
	}
	if h.Own == 0 {
		return below.rules, nil
	}
	all, err := store.All[Decision](r, choices)
	if err != nil {
		return nil, err
	}
	all, from, until := inForce(all, now)
	own = page{h, max(from, below.from), min(until, below.until), below.rules.With(account, all)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.accounts) >= maxPages {
		clear(b.accounts)
	}
	b.accounts[account] = own
	return own.rules, nil
}

// inForce keeps the decisions that hold at a moment, and says between which moments they do.
func inForce(all []Decision, now legalclock.Moment) (out []Decision, from, until legalclock.Moment) {
	until = math.MaxInt64
	for _, d := range all {
		if d.ValidFrom > now {
			until = min(until, d.ValidFrom)
			continue
		}
		from = max(from, d.ValidFrom)
		out = append(out, d)
	}
	return out, from, until
}

// adopted is the pack the installation's decisions name, or the newest.
func (b *Book) adopted(all []Decision) *Pack {
	for _, d := range slices.Backward(all) {
		if d.Key != Adopted {
			continue
		}
		if p := b.pack(d.Value); p != nil {
			return p
		}
	}
	return b.packs[len(b.packs)-1]
}

func (b *Book) pack(version string) *Pack {
	for _, p := range b.packs {
		if p.Version == version {
			return p
		}
	}
	return nil
}

// Chose lists the accounts that ever chose about a rule, for sweeps over all accounts: their
// term may be shorter than the installation's.
func Chose(r store.Reader, k Key) ([]int64, error) { return store.All[int64](r, chose, k) }
