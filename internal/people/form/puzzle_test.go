// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/people/form"
	"consend/internal/testhouse"
)

// solve does what a browser does.
func solve(t *testing.T, c form.Challenge) string {
	t.Helper()
	for n := range c.MaxNumber + 1 {
		if s := sha256.Sum256([]byte(c.Salt + strconv.Itoa(n))); hex.EncodeToString(s[:]) == c.Challenge {
			b, err := json.Marshal(map[string]any{"algorithm": c.Algorithm, "challenge": c.Challenge, "number": n, "salt": c.Salt, "signature": c.Signature})
			must(t, err)
			return base64.StdEncoding.EncodeToString(b)
		}
	}
	t.Fatal("no number solves it")
	return ""
}

func TestAPuzzleIsSolvedByWorkForItsFormAndForAWhile(t *testing.T) {
	key, now := [32]byte{1}, legalclock.MomentOf(time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC))
	c := form.NewChallenge(key, 7, now)
	good := solve(t, c)
	forged := c
	forged.Salt = "x?expires=99999999999&form=7"
	s := sha256.Sum256([]byte(forged.Salt + "1"))
	forged.Challenge = hex.EncodeToString(s[:])
	for name, x := range map[string]struct {
		key     [32]byte
		form    int64
		after   time.Duration
		payload string
		want    bool
	}{
		"solved":              {key, 7, 0, good, true},
		"for another form":    {key, 8, 0, good, false},
		"of another account":  {[32]byte{2}, 7, 0, good, false},
		"too late":            {key, 7, 31 * time.Minute, good, false},
		"nothing":             {key, 7, 0, "", false},
		"no base64":           {key, 7, 0, "%%%", false},
		"a challenge made up": {key, 7, 0, solve(t, forged), false},
	} {
		if got := form.Solved(x.key, x.form, now.Add(x.after), x.payload); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhoSolvesNoPuzzleIsBoundMoreTightlyAndAMailboxOverAllAccounts(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a := settle(t, h, func(d *form.Definition, _ *stall) { d.Puzzle = true })
		take := func(w *stall, email string, solved bool) (form.Outcome, error) {
			s := w.submission(email)
			s.Solved = solved
			return form.Take(context.Background(), h.Main, w.visitor, s)
		}
		var busy error
		n := 0
		for ; n < 20 && busy == nil; n++ {
			_, busy = take(a, fmt.Sprintf("p%d@example.org", n), false)
		}
		if !fault.Is(busy, fault.Busy) || n != 11 {
			t.Errorf("unsolved: %d, %v", n, busy)
		}
		if _, err := take(a, "solved@example.org", true); err != nil {
			t.Errorf("solved: %v", err)
		}
		quiet := 0
		for range 4 { // two mails of each of four accounts: over the mailbox's own limit
			w := settle(t, h, nil)
			for range 2 {
				out, err := take(w, "many@example.org", false)
				must(t, err)
				if out.Signup == 0 {
					quiet++
				}
			}
		}
		if quiet != 4 {
			t.Errorf("%d of 8 mails to one mailbox within an hour were left out, want 4", quiet)
		}
	})
}
