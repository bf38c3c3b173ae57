// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
	"consend/internal/testhouse"
)

// trials is how often a kill is tried: CONSEND_TRIALS, or as often as fits into a test run.
func trials(t *testing.T, usual int) int {
	if n, err := strconv.Atoi(os.Getenv("CONSEND_TRIALS")); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 3
	}
	return usual
}

func TestAKillLosesNobodyAndSendsToNobodyTwice(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		const people, lanes = 260, 3
		p.people(t, p.list, consent.GradeB, people)
		n := trials(t, 25)
		at := map[string]int{}
		doubt, arrived, kills := 0, 0, 0
		random := rand.New(rand.NewPCG(7, uint64(len(h.Dialect))))
		for trial := range n {
			before := p.sink.count()
			id := p.approved(t, []int64{p.list}, nil)
			// Killed again and again until it gets through, each time at a random step.
			for range 20 {
				var step atomic.Int64
				// At any step, or at one of those that are rare.
				kind, last := "", random.Int64N(3*people)
				if k := random.IntN(6); k < 3 {
					kind, last = []string{"claimed", "booked", "frozen"}[k], random.Int64N(2)
				}
				var point string
				campaign.KillAt(p.engine, func(where string) bool {
					if kind != "" && where != kind || step.Add(1) != last+1 {
						return false
					}
					point = where
					return true
				})
				err := p.engine.Settle(context.Background())
				if !campaign.Dead(p.engine) {
					must(t, err)
					break
				}
				kills++
				at[point]++
				p.engine = p.start(t)
			}
			c := p.counts(t, id)
			sent := p.sink.count() - before
			if state := p.get(t, id).State; state != campaign.Sent || c.Total() != people || c.Of(campaign.Accepted)+c.Of(campaign.InDoubt) != people {
				t.Fatalf("trial %d: %s %+v", trial, state, c.By)
			}
			if int64(sent) < c.Of(campaign.Accepted) || int64(sent) > people {
				t.Fatalf("trial %d: %d sent, %+v", trial, sent, c.By)
			}
			doubt += int(c.Of(campaign.InDoubt))
			arrived += sent - int(c.Of(campaign.Accepted))
			if left, _ := filepath.Glob(filepath.Join(p.Dir, "flight", "*", "*.flight")); len(left) != 0 {
				t.Fatalf("journals are left: %v", left)
			}
		}
		// Every Message-ID is of one campaign and one person, so a second copy of any would show here.
		for id, k := range p.sink.ids {
			if k > 1 {
				t.Errorf("%s came %d times", id, k)
			}
		}
		if doubt > kills*lanes {
			t.Errorf("%d in doubt after %d kills of %d connections", doubt, kills, lanes)
		}
		t.Logf("%d campaigns, %d kills at %v: 0 lost, 0 twice, %d in doubt (%d of them had arrived)", n, kills, at, doubt, arrived)
	})
}

func TestDoubtfulOnesGoOnlyWhenSomebodySaysSo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 20)
		id := p.approved(t, []int64{p.list}, nil)
		campaign.KillAt(p.engine, func(at string) bool { return at == "started" })
		_ = p.engine.Settle(context.Background())
		p.engine = p.start(t)
		p.settle(t)
		n := p.counts(t, id)
		doubt := n.Of(campaign.InDoubt)
		if doubt < 1 || doubt > 3 || n.Of(campaign.Accepted) != 20-doubt {
			t.Fatalf("%+v", n.By)
		}
		p.settle(t)
		if p.counts(t, id).Of(campaign.InDoubt) != doubt {
			t.Error("sent by itself")
		}
		var chosen []int64 // however many others are named with them
		for i := range 1200 {
			chosen = append(chosen, int64(1<<40+i))
		}
		for _, r := range view(t, p, func(v *store.View) ([]campaign.Recipient, error) {
			return campaign.Recipients(v, id, 0, campaign.InDoubt, "", 10)
		}) {
			chosen = append(chosen, r.ContactID)
		}
		p.write(t, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, id, chosen) })
		p.settle(t)
		p.is(t, id, "accepted 20")
		if p.get(t, id).State != campaign.Sent {
			t.Error("not ended again")
		}
	})
}

// The journal of another start of the machine, or none: what was claimed is in doubt, all of it.
func TestWithoutItsJournalABatchIsInDoubt(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"rebooted": func(dir string) error { return os.WriteFile(filepath.Join(dir, "boot"), []byte("another"), 0o600) },
		"damaged": func(dir string) error {
			files, _ := filepath.Glob(filepath.Join(dir, "*.flight"))
			for _, f := range files {
				if err := os.WriteFile(f, make([]byte, 24), 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				p := settle(t, h)
				p.people(t, p.list, consent.GradeB, 20)
				id := p.approved(t, []int64{p.list}, nil)
				campaign.KillAt(p.engine, func(at string) bool { return at == "answered" })
				_ = p.engine.Settle(context.Background())
				must(t, spoil(campaign.Dir(p.engine)))
				p.engine = p.start(t)
				p.settle(t)
				n := p.counts(t, id)
				if n.Of(campaign.InDoubt) == 0 || n.Of(campaign.InDoubt)+n.Of(campaign.Accepted) != 20 || p.sink.twice() != 0 {
					t.Errorf("%+v, %d twice", n.By, p.sink.twice())
				}
			})
		})
	}
}

// A process of another machine that shows no sign of life: its claims end with their lease, and its late word books nothing.
func TestAProcessWithoutASignOfLifeIsTakenOver(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 20)
		id := p.approved(t, []int64{p.list}, nil)
		other := campaign.NewEngine(h.Main, p.relays, h.Dir+"/elsewhere")
		campaign.KillAt(other, func(at string) bool { return at == "claimed" })
		_ = other.Settle(context.Background())
		p.settle(t)
		if n := p.counts(t, id); n.Of(campaign.Accepted) != 0 || n.Claimed != 20 {
			t.Fatalf("taken before the lease ended: %+v", n)
		}
		h.Clock.Advance(2 * time.Minute)
		p.settle(t)
		p.is(t, id, "in_doubt 20")
		p.write(t, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, id, nil) })
		p.settle(t)
		p.is(t, id, "accepted 20")
	})
}

// Refusals while a campaign runs: no content leaves on a word that is older than the promise. What is held against it is
// the moment of the last look, which the sender tells: a clock read by the server, while other connections let time pass,
// would measure how busy the machine is.
func TestARefusalWhileItRunsIsHonoured(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		const people = 600
		ids := p.people(t, p.list, consent.GradeB, people)
		var mu sync.Mutex
		refused := map[int64]legalclock.Moment{} // when it was committed, at the latest
		late, n := 0, 0
		random := rand.New(rand.NewPCG(3, 3))
		campaign.OnBegin(p.engine, func(contact int64, at legalclock.Moment) {
			mu.Lock()
			defer mu.Unlock()
			if no, ok := refused[contact]; ok && at.Sub(no) > 2*time.Second {
				late++
			}
		})
		p.sink.before = func(to string) {
			h.Clock.Advance(300 * time.Millisecond) // time passes as mail goes
			mu.Lock()
			n++
			// Somebody whose turn comes in the next seconds.
			var at int
			_, err := fmt.Sscanf(to, "person%d@", &at)
			who, due := ids[min(at+1+random.IntN(8), people-1)], n%5 == 0 && err == nil
			mu.Unlock()
			if !due {
				return
			}
			p.refuse(t, who)
			mu.Lock()
			defer mu.Unlock()
			if _, again := refused[who]; !again {
				refused[who] = legalclock.MomentOf(h.Clock.Now())
			}
		}
		id := p.approved(t, []int64{p.list}, nil)
		for range 4 {
			p.settle(t)
		}
		c := p.counts(t, id)
		if late != 0 || c.Of(campaign.Out) == 0 || c.Of(campaign.Accepted)+c.Of(campaign.Out) != people {
			t.Errorf("%d messages began more than 2 s after a refusal; %+v", late, c.By)
		}
		t.Logf("%d refusals in a campaign of %d: %d left out, %d began too late", len(refused), people, c.Of(campaign.Out), late)
	})
}

// refuse says no for a person, to everything.
func (p *place) refuse(t testing.TB, who int64) {
	t.Helper()
	p.write(t, func(tx *store.Tx) error {
		_, err := consent.Leave(tx, consent.Leaving{Contact: who, Scope: consent.Everything, Kind: consent.Object})
		return err
	})
}

// A process that is asked to stop while an answer is due waits for it, books it, and begins nothing more.
func TestAStopLetsWhatHasBegunArrive(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 60)
		id := p.approved(t, []int64{p.list}, nil)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		p.sink.before = func(string) { stop() }
		_ = p.engine.Settle(ctx)
		n := p.counts(t, id)
		if n.Of(campaign.InDoubt) != 0 || n.Of(campaign.Accepted) == 0 || n.Of(campaign.Accepted) > 3 || int(n.Of(campaign.Accepted)) != p.sink.count() {
			t.Errorf("%+v, %d arrived", n.By, p.sink.count())
		}
		// A claim that came through without an answer holds nobody for good.
		if k, err := campaign.Orphan(context.Background(), p.engine, p.who, id); k == 0 || err != nil {
			t.Fatalf("%d claimed, %v", k, err)
		}
		p.settle(t)
		p.is(t, id, "accepted 60")
	})
}

// A claim that came through and that nobody heard of does not keep a stopped campaign from ending: no other process books
// the batches of one that lives.
func TestAStoppedCampaignEndsThoughAClaimOfItWasNeverHeardOf(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 60)
		id := p.approved(t, []int64{p.list}, nil)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		p.sink.before = func(string) { stop() }
		_ = p.engine.Settle(ctx)
		if k, err := campaign.Orphan(context.Background(), p.engine, p.who, id); k == 0 || err != nil {
			t.Fatalf("%d claimed, %v", k, err)
		}
		p.write(t, func(tx *store.Tx) error { return campaign.StopIt(tx, id) })
		p.settle(t)
		n := p.counts(t, id)
		if s := p.get(t, id).State; s != campaign.Stopped || n.Claimed != 0 || n.Of(campaign.Out) == 0 || n.Of(campaign.Accepted)+n.Of(campaign.Out) != 60 {
			t.Errorf("%s %+v", s, n)
		}
	})
}

// Whom a process of another machine has claimed is in doubt, whatever happens meanwhile to the one that takes over: they
// stand between people of its batches, and are none of them.
func TestAKillOfTheProcessThatTookOverSendsToNobodyTheFirstHasClaimed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 60)
		id := p.approved(t, []int64{p.list}, nil)
		_, err := campaign.Hang(context.Background(), campaign.NewEngine(h.Main, p.relays, h.Dir+"/elsewhere"), p.who, id, 10, 10)
		must(t, err)
		h.Clock.Advance(40 * time.Second) // it holds the campaign no longer, and still its batch
		campaign.KillAt(p.engine, func(at string) bool { return at == "claimed" })
		_ = p.engine.Settle(context.Background())
		if !campaign.Dead(p.engine) {
			t.Fatal("it did not take over")
		}
		p.engine = p.start(t)
		p.settle(t)
		p.is(t, id, "accepted 50, pending 10")
		h.Clock.Advance(2 * time.Minute)
		p.settle(t)
		p.is(t, id, "accepted 50, in_doubt 10")
	})
}

// What an answer means for the person is booked from the journal as it would have been without the kill.
func TestWhatWasAnsweredBeforeAKillIsBookedWhole(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, c := range map[string]struct {
			says  *smtp.SMTPError
			fate  campaign.Fate
			why   string
			state contact.State
		}{
			"no mailbox": {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no"}, campaign.Failed, "no_mailbox", contact.StateBounced},
			"policy":     {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no"}, campaign.Failed, "server_refused", contact.StateActive},
			"later":      {&smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "full"}, campaign.Deferred, "later", contact.StateActive},
			"taken":      {nil, campaign.Accepted, "", contact.StateActive},
		} {
			p := settle(t, h)
			p.note(t)
			who := p.owed(t, "new@example.org")
			if c.says != nil {
				p.sink.answer = func(string) error { return c.says }
			}
			id := p.approved(t, []int64{p.list}, nil)
			campaign.KillAt(p.engine, func(at string) bool { return at == "answered" })
			_ = p.engine.Settle(context.Background())
			p.engine = p.start(t)
			p.settle(t)
			row, _ := p.why(t, id, who)
			k := view(t, p, func(v *store.View) (contact.Contact, error) { return contact.Get(v, who) })
			if row.State != c.fate || row.Reason != c.why || row.Tries != 1 || k.State != c.state || (k.NoticeDueAt == 0) != (c.says == nil) {
				t.Errorf("%s: %+v, %s, owed %v", name, row, k.State, k.NoticeDueAt)
			}
		}
	})
}

// One of two processes of a machine dies: the other has its journal, and waits for no lease.
func TestAProcessThatDiesOnTheSameMachineIsTakenOverFromItsJournal(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.settle(t) // it lives before the other dies
		p.people(t, p.list, consent.GradeB, 60)
		id := p.approved(t, []int64{p.list}, nil)
		other := p.start(t)
		var step atomic.Int64
		campaign.KillAt(other, func(at string) bool { return at == "started" && step.Add(1) == 9 })
		_ = other.Settle(context.Background())
		p.settle(t)
		n := p.counts(t, id)
		if s := p.get(t, id).State; s != campaign.Sent || n.Of(campaign.InDoubt) > 3 || n.Of(campaign.Accepted)+n.Of(campaign.InDoubt) != 60 || p.sink.twice() != 0 {
			t.Errorf("%s %+v, %d twice", s, n, p.sink.twice())
		}
		if left, _ := filepath.Glob(filepath.Join(p.Dir, "flight", "*")); len(left) != 1 {
			t.Errorf("folders are left: %v", left)
		}
	})
}

// A process that has lost a campaign to another, or whose campaign was paused, and does not know it yet, claims nobody.
func TestNobodyIsClaimedByAProcessThatHasLostTheCampaign(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.settle(t)
		p.people(t, p.list, consent.GradeB, 20)
		id := p.approved(t, []int64{p.list}, nil)
		other := campaign.NewEngine(h.Main, p.relays, h.Dir+"/elsewhere")
		_, err := campaign.Hang(context.Background(), other, p.who, id, 0, 5)
		must(t, err)
		take := func(e *campaign.Engine) int {
			n, err := campaign.Take(context.Background(), e, p.who, id)
			must(t, err)
			return n
		}
		if n := take(p.engine); n != 0 {
			t.Errorf("%d claimed of another's campaign", n)
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Pause(tx, id) })
		if n := take(other); n != 0 {
			t.Errorf("%d claimed of a paused campaign", n)
		}
		p.write(t, func(tx *store.Tx) error { return campaign.Resume(tx, id) })
		if n := take(other); n == 0 {
			t.Error("nobody is claimed by whoever holds it")
		}
	})
}

// A process that stood still past its lease: what it says late books nothing, also of people who are waiting again.
func TestALateWordOfACampaignBooksNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		p.people(t, p.list, consent.GradeB, 20)
		id := p.approved(t, []int64{p.list}, nil)
		late, err := campaign.Hang(context.Background(), campaign.NewEngine(h.Main, p.relays, h.Dir+"/elsewhere"), p.who, id, 0, 20)
		must(t, err)
		h.Clock.Advance(2 * time.Minute)
		p.settle(t)
		p.is(t, id, "in_doubt 20")
		p.write(t, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, id, nil) })
		if err := late(); !campaign.Lost(err) {
			t.Errorf("it was believed: %v", err)
		}
		p.is(t, id, "pending 20")
		p.settle(t)
		if p.is(t, id, "accepted 20"); p.sink.count() != 20 {
			t.Errorf("%d sent", p.sink.count())
		}
	})
}

// While a batch of another process is open nobody knows what became of its people: a campaign neither is sent nor stopped.
func TestACampaignIsNotOverWhileABatchOfAnotherProcessIsOpen(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		other := campaign.NewEngine(h.Main, p.relays, h.Dir+"/elsewhere")
		must(t, other.Settle(context.Background()))
		p.people(t, p.list, consent.GradeB, 20)
		for name, c := range map[string]struct {
			act  func(tx *store.Tx, id int64) error
			open campaign.State
			over campaign.State
		}{
			"sent":    {func(*store.Tx, int64) error { return nil }, campaign.Sending, campaign.Sent},
			"stopped": {campaign.StopIt, campaign.Stopping, campaign.Stopped},
		} {
			p.sink.answer = func(string) error {
				return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "full"}
			}
			id := p.approved(t, []int64{p.list}, nil)
			p.settle(t)
			h.Clock.Advance(time.Hour)
			if n, err := campaign.Orphan(context.Background(), other, p.who, id); n != 20 || err != nil {
				t.Fatalf("%d claimed, %v", n, err)
			}
			h.Clock.Advance(40 * time.Second) // it holds the campaign no longer, and still its batch
			p.write(t, func(tx *store.Tx) error { return c.act(tx, id) })
			p.settle(t)
			if s := p.get(t, id).State; s != c.open {
				t.Errorf("%s: %s", name, s)
			}
			p.is(t, id, "deferred 20")
			h.Clock.Advance(2 * time.Minute)
			p.settle(t)
			if s := p.get(t, id).State; s != c.over {
				t.Errorf("%s: %s in the end", name, s)
			}
			p.is(t, id, "in_doubt 20")
		}
	})
}
