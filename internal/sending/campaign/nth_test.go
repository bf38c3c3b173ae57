// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"consend/internal/people/consent"
	"consend/internal/sending/campaign"
	"consend/internal/testhouse"
)

// A database that fails once, at the n-th statement of a sending, for every n: nobody is lost,
// nobody gets it twice, who was refused stays refused, and only a message whose answer could not
// be booked is in doubt. The sending goes on by itself.
func TestAFaultAtAnyStatementOfASendingLosesNobodyAndSendsToNobodyTwice(t *testing.T) {
	old := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	defer slog.SetDefault(old)
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, 6)
		never, later := p.email(t, ids[1]), p.email(t, ids[2])
		var mu sync.Mutex
		asked := map[string]int{}
		p.sink.answer = func(to string) error {
			mu.Lock()
			defer mu.Unlock()
			asked[to]++
			switch {
			case strings.Contains(to, never):
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "policy"}
			case strings.Contains(to, later) && asked[to] == 1:
				return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
			}
			return nil
		}
		fault := errors.New("the disk is gone")
		doubt, faults := int64(0), map[string]bool{}
		for n := 1; ; n++ {
			before := p.sink.count()
			clear(asked)
			id := p.approved(t, []int64{p.list}, nil)
			count, hit, sending := 0, "", false
			h.Main.SetHook(func(q string) error {
				mu.Lock()
				defer mu.Unlock()
				if !sending || strings.HasPrefix(q, "store.") { // a lease of ids is the store's own
					return nil
				}
				if count++; count != n {
					return nil
				}
				hit = q
				return fault
			})
			for range 12 {
				mu.Lock()
				sending = true
				mu.Unlock()
				err := p.engine.Settle(context.Background())
				mu.Lock()
				sending = false
				mu.Unlock()
				if err != nil && !errors.Is(err, fault) {
					t.Fatalf("fault at %s: %v", hit, err)
				}
				if p.get(t, id).State == campaign.Sent {
					break
				}
				h.Clock.Advance(time.Hour)
			}
			h.Main.SetHook(nil)
			c := p.counts(t, id)
			sent := int64(p.sink.count() - before)
			if state := p.get(t, id).State; state != campaign.Sent || c.Total() != 6 || c.Of(campaign.Accepted)+c.Of(campaign.InDoubt)+c.Of(campaign.Failed) != 6 {
				t.Fatalf("a fault at statement %d, %s: %s %+v", n, hit, state, c.By)
			}
			if sent < c.Of(campaign.Accepted) || sent > c.Of(campaign.Accepted)+c.Of(campaign.InDoubt) {
				t.Fatalf("a fault at statement %d, %s: %d arrived, %+v", n, hit, sent, c.By)
			}
			doubt += c.Of(campaign.InDoubt)
			if hit == "" {
				if c.Of(campaign.InDoubt) != 0 || c.Of(campaign.Failed) != 1 || sent != 5 {
					t.Fatalf("undisturbed: %d arrived, %+v", sent, c.By)
				}
				break
			}
			faults[hit] = true
		}
		for id, k := range p.sink.ids {
			if k > 1 {
				t.Errorf("%s came %d times", id, k)
			}
		}
		var names []string
		for q := range faults {
			names = append(names, q)
		}
		slices.Sort(names)
		t.Logf("%d kinds of statements failed once, %d people in doubt: %v", len(names), doubt, names)
	})
}
