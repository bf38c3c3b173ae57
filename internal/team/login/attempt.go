// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"math"
	"net/netip"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
)

// How guessing is slowed. Tries are counted for 15 minutes, under keyed hashes, per person and
// network, per network, and per person from anywhere.
//
//	person and network   freeTries at once; then 1, 2, 4 … seconds apart, at most a minute
//	person               under attack from many networks each network gets fewTries at once
//	network              above wideTries, one every two seconds
//
// Nobody is locked out: from a network of one's own fewTries are always free, whatever others
// do. A link by mail has counts of its own (AdmitMail). Tries that had to wait aren't counted.
const (
	tryWindow  = 15 // minutes
	freeTries  = 5
	fewTries   = 2
	underFire  = 30
	wideTries  = 100
	wideWait   = 2 * time.Second
	longestTry = time.Minute
)

// try is one try at something, by the hashes it is counted under.
type try struct{ pair, person, network []byte }

func (k *Keeper) try(who actor.Actor, what, name string) try {
	net := network(who.IP)
	t := try{pair: k.hash("pair", what, name, net), person: k.hash("person", what, name)}
	if net != "" {
		t.network = k.hash("network", net)
	}
	return t
}

func (k *Keeper) hash(parts ...string) []byte {
	m := hmac.New(sha256.New, k.key[:])
	for _, p := range parts {
		m.Write([]byte(p))
		m.Write([]byte{0})
	}
	return m.Sum(nil)[:16]
}

// network is what one household or machine has: an IPv4 address, an IPv6 /56.
func network(ip netip.Addr) string {
	switch {
	case !ip.IsValid():
		return ""
	case ip.Is4():
		return ip.String()
	}
	p, err := ip.Prefix(56)
	if err != nil {
		return ""
	}
	return p.String()
}

type tried struct {
	Hash   []byte
	N      int64
	LastAt legalclock.Moment
}

// admit counts a try, or says how long it has to wait.
func (k *Keeper) admit(ctx context.Context, who actor.Actor, t try) error {
	_, err := k.count(ctx, who, t, math.MaxInt64)
	return err
}

// count is admit, and tells how often this was tried for the person before, from anywhere: it
// counts so far for the person, and no further.
func (k *Keeper) count(ctx context.Context, who actor.Actor, t try, most int64) (before int64, err error) {
	var wait time.Duration
	err = k.db.Write(ctx, atDoor(who), func(tx *store.Tx) error {
		minute := int64(tx.Now) / int64(time.Minute/time.Microsecond)
		hashes := [][]byte{t.pair, t.person}
		if t.network != nil {
			hashes = append(hashes, t.network)
		}
		rows, err := store.All[tried](tx, tries, hashes, minute-tryWindow)
		if err != nil {
			return err
		}
		if before, wait = t.wait(rows, tx.Now); wait > 0 {
			return nil
		}
		for _, h := range hashes {
			if before < most || !bytes.Equal(h, t.person) {
				tx.Do(countTry, h, minute)
			}
		}
		return nil
	})
	if err == nil && wait > 0 {
		seconds := int((wait + time.Second - 1) / time.Second)
		return before, fault.New(fault.Busy, "login.slow", "seconds", seconds).At("password")
	}
	return before, err
}

// wait is how often the person was tried before, and how long from now the try has to wait.
func (t try) wait(rows []tried, now legalclock.Moment) (int64, time.Duration) {
	var pair, person, wide tried
	for _, r := range rows {
		switch string(r.Hash) {
		case string(t.pair):
			pair = r
		case string(t.person):
			person = r
		case string(t.network):
			wide = r
		}
	}
	free := int64(freeTries)
	if person.N >= underFire {
		free = fewTries
	}
	var wait time.Duration
	if over := pair.N - free; over >= 0 {
		wait = pair.LastAt.Add(min(time.Second<<min(over, 10), longestTry)).Sub(now)
	}
	if wide.N >= wideTries {
		wait = max(wait, wide.LastAt.Add(wideWait).Sub(now))
	}
	return person.N, max(wait, 0)
}

// pass forgets the tries of who has proved themselves.
func (k *Keeper) pass(ctx context.Context, who actor.Actor, t try) error {
	return k.db.Write(ctx, atDoor(who), func(tx *store.Tx) error {
		tx.Do(forgive, t.pair)
		return nil
	})
}

// mailsAtOnce is how many links go to one mailbox in a quarter of an hour, whoever asks.
const mailsAtOnce = 5

// AdmitMail counts a wish for a link by mail. It says how long whoever asks has to wait, and
// whether the mailbox has had enough of them: nobody's is filled by a stranger. Wishes beyond
// that aren't counted for the person, so that who goes on asking keeps nobody's link away.
func (k *Keeper) AdmitMail(ctx context.Context, who actor.Actor, a address.Address) (enough bool, err error) {
	before, err := k.count(ctx, who, k.try(who, "mail", a.Norm()), mailsAtOnce)
	return before >= mailsAtOnce, err
}
