// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/testhouse"
)

// ways are the ways to say no to a campaign, each with what the report then says.
var ways = []struct {
	name   string
	own    bool
	reason consent.Reason
	say    func(tx *store.Tx, p *place, person int64) error
}{
	{"one click", true, consent.HasLeft, leave(consent.Withdraw, "one_click", false)},
	{"the page", true, consent.HasLeft, leave(consent.Withdraw, "page", true)},
	{"an objection", true, consent.HasObjected, leave(consent.Object, "page", true)},
	{"a member's button", false, consent.HasLeft, leave(consent.Withdraw, "member", false)},
	{"not me", true, consent.HasLeft, leave(consent.NotMe, "doi_post", false)},
	{"the do-not-mail list", false, consent.DoNotMail, func(tx *store.Tx, _ *place, person int64) error {
		return consent.Suppress(tx, person, consent.ByMember, consent.Everything)
	}},
	{"an authority", false, consent.Ordered, func(tx *store.Tx, _ *place, person int64) error {
		return consent.Suppress(tx, person, consent.AuthorityOrder, consent.Everything)
	}},
}

func leave(kind consent.Kind, method string, all bool) func(*store.Tx, *place, int64) error {
	return func(tx *store.Tx, p *place, person int64) error {
		scope := consent.Scope{Reach: consent.OneList, ID: p.list}
		if all {
			scope = consent.Everything
		}
		_, err := consent.Leave(tx, consent.Leaving{Contact: person, Scope: scope, Kind: kind, Source: "page", Method: method})
		return err
	}
}

// no says no for a person in the k-th way, on a database of a process.
func (p *place) no(t testing.TB, db *store.DB, k int, person int64) consent.Reason {
	t.Helper()
	way := ways[k%len(ways)]
	who := p.who
	if way.own {
		who = actor.Actor{Kind: actor.Subject, Account: p.account, Request: "test"}
	}
	if err := db.Write(context.Background(), who, func(tx *store.Tx) error { return way.say(tx, p, person) }); err != nil {
		t.Errorf("%s: %v", way.name, err)
	}
	return way.reason
}

// noes notes who said no and when, and every message that begins later than the promise.
type noes struct {
	mu   sync.Mutex
	at   map[int64]legalclock.Moment
	why  map[int64]consent.Reason
	late []int64
}

func (n *noes) said(person int64, at legalclock.Moment, why consent.Reason) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.at[person]; !ok {
		n.at[person], n.why[person] = at, why
	}
}

func (n *noes) has(person int64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.at[person]
	return ok
}

func (n *noes) watch(e *campaign.Engine) {
	campaign.OnBegin(e, func(contact int64, at legalclock.Moment) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if no, ok := n.at[contact]; ok && at.Sub(no) > 2*time.Second {
			n.late = append(n.late, contact)
		}
	})
}

func newNoes() *noes {
	return &noes{at: map[int64]legalclock.Moment{}, why: map[int64]consent.Reason{}}
}

// honoured checks what a campaign says of those who said no: left out, with the reason, or sent before it could count.
func (p *place) honoured(t testing.TB, id int64, n *noes) (out int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.late) > 0 {
		t.Errorf("%d messages began more than 2 s after a no", len(n.late))
	}
	for person, why := range n.why {
		row, _ := p.why(t, id, person)
		switch {
		case row.State == campaign.Out && row.Reason == string(why):
			out++
		case row.State == campaign.Out:
			t.Errorf("left out for %q, and it was %q", row.Reason, why)
		case row.State != campaign.Accepted && row.State != campaign.InDoubt:
			t.Errorf("%+v", row)
		}
	}
	return out
}

// A no at each step of a campaign, in each way: while people are frozen, after a claim, when a message is about to
// begin, has begun, was answered, between two, after the booking; from somebody whose turn is next, soon or late.
func TestANoAtEachStepOfACampaignIsHonoured(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		const people = 230
		ids := p.people(t, p.list, consent.GradeB, people)
		rounds, said, out := testhouse.Trials(1, 20), 0, 0
		k := 0
		for round := range rounds {
			r := rand.New(rand.NewPCG(uint64(round), 5))
			for _, step := range []string{"frozen", "claimed", "started", "answered", "between", "booked"} {
				n := newNoes()
				p.engine = p.start(t)
				n.watch(p.engine)
				var mu sync.Mutex
				hits, turn := 0, 0
				p.sink.before = func(string) { h.Clock.Advance(200 * time.Millisecond) }
				campaign.KillAt(p.engine, func(at string) bool {
					mu.Lock()
					defer mu.Unlock()
					if at == "answered" {
						turn++
					}
					if at != step {
						return false
					}
					if hits++; len(n.at) < 6 && (step == "claimed" || step == "frozen" || step == "booked" || hits%9 == 1) {
						who := ids[min(turn+r.IntN(1+10*(hits%4)), len(ids)-1)]
						if !n.has(who) {
							why := p.no(t, h.Main, k, who)
							k++
							n.said(who, h.Now(), why)
						}
					}
					return false
				})
				id := p.approved(t, []int64{p.list}, nil)
				p.settle(t)
				p.settle(t)
				c := p.counts(t, id)
				if c.Of(campaign.Accepted)+c.Of(campaign.Out) != int64(p.n) || p.get(t, id).State != campaign.Sent {
					t.Errorf("%s: %+v", step, c.By)
				}
				out += p.honoured(t, id, n)
				said += len(n.at)
				if len(n.at) == 0 {
					t.Errorf("%s: nobody could say no", step)
				}
				for who := range n.at { // they stay on the list, and are left out from the beginning
					ids = append(ids[:index(ids, who)], ids[index(ids, who)+1:]...)
				}
				ids = append(ids, p.people(t, p.list, consent.GradeB, len(n.at))...)
			}
		}
		t.Logf("%d campaigns of %d people, %d said no at 6 steps in %d ways: %d left out with the right reason, the rest had begun before; 0 began later than 2 s after", 6*rounds, people, said, len(ways), out)
	})
}

func index(ids []int64, id int64) int {
	for i, x := range ids {
		if x == id {
			return i
		}
	}
	return -1
}

// A no between two tries of a message that the service put off.
func TestANoBetweenTwoTriesIsHonoured(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		p := settle(t, h)
		ids := p.people(t, p.list, consent.GradeB, len(ways)+1)
		later := true
		p.sink.answer = func(string) error {
			if later {
				return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
			}
			return nil
		}
		id := p.approved(t, []int64{p.list}, nil)
		p.settle(t)
		n := newNoes()
		for k := range ways {
			n.said(ids[k], h.Now(), p.no(t, h.Main, k, ids[k]))
		}
		p.sink.mu.Lock()
		later = false
		p.sink.mu.Unlock()
		h.Clock.Advance(time.Hour)
		p.settle(t)
		if out := p.honoured(t, id, n); out != len(ways) || p.sink.count() != 1 {
			t.Errorf("%d left out, %d sent", out, p.sink.count())
		}
	})
}

// process is a sender on a database as another process has it open, as on a machine of its own.
func (p *place) process(db *store.DB, name string) *campaign.Engine {
	return campaign.NewEngine(db, relay.Open(db, name+".example"), p.Dir+"/"+name)
}

// Two processes on one PostgreSQL, people saying no, and a member who pauses, goes on and now and then stops: each person
// gets one message at most, and the ledger knows of all.
func TestTwoProcessesAndManyHandsSendToEachOnce(t *testing.T) {
	h := testhouse.Postgres(t)
	p := settle(t, h)
	const people = 500
	trials, refused, out, paused, stopped := testhouse.Trials(2, 60), 0, 0, 0, 0
	ids := p.people(t, p.list, consent.GradeB, people)
	k := 0
	dbs := []*store.DB{p.Process(t), p.Process(t)}
	for trial := range trials {
		r := rand.New(rand.NewPCG(uint64(trial), 13))
		clear(p.sink.ids)
		n := newNoes()
		ctx, end := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for i, db := range dbs {
			e := p.process(db, fmt.Sprintf("node%d-%d", i, trial))
			n.watch(e)
			all.Go(func() {
				if err := e.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		var mu sync.Mutex
		count := 0
		tick := make(chan int, 10*people)
		p.sink.before = func(string) {
			h.Clock.Advance(50 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			count++
			tick <- count
		}
		id := p.approved(t, []int64{p.list}, nil)
		stop := trial%3 == 2
		member := func(f func(*store.Tx, int64) error) {
			err := h.Main.Write(context.Background(), p.who, func(tx *store.Tx) error { return f(tx, id) })
			if err != nil && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		}
		for over := false; !over; {
			select {
			case c := <-tick:
				switch {
				case c%40 == 7:
					who := ids[r.IntN(len(ids))]
					if !n.has(who) {
						why := p.no(t, h.Main, k, who)
						n.said(who, h.Now(), why)
						k++
					}
				case c == 100 || c == 210:
					member(campaign.Pause)
					paused++
					member(campaign.Resume)
				case c == 300 && stop:
					member(campaign.StopIt)
				}
			default:
				over = p.get(t, id).State.Over()
			}
		}
		end()
		all.Wait()
		c, state := p.counts(t, id), p.get(t, id).State
		if c.Total() != int64(p.n) || c.Of(campaign.Waiting)+c.Of(campaign.Deferred)+c.Of(campaign.InDoubt) != 0 || int(c.Of(campaign.Accepted)) != len(p.sink.ids) {
			t.Fatalf("trial %d: %s, %d arrived, %+v", trial, state, len(p.sink.ids), c.By)
		}
		for m, times := range p.sink.ids {
			if times > 1 {
				t.Fatalf("trial %d: %s came %d times", trial, m, times)
			}
		}
		if state == campaign.Stopped {
			stopped++
		} else {
			out += p.honoured(t, id, n)
		}
		refused += len(n.at)
		for who := range n.at {
			i := index(ids, who)
			ids = append(ids[:i], ids[i+1:]...)
		}
		ids = append(ids, p.people(t, p.list, consent.GradeB, len(n.at))...)
	}
	t.Logf("%d campaigns by two processes, %d pauses, %d stopped, %d said no, %d left out: 0 twice, 0 lost, 0 later than 2 s", trials, paused, stopped, refused, out)
}

// arrived counts how often each message has come.
func arrived(p *place) map[string]int {
	p.sink.mu.Lock()
	defer p.sink.mu.Unlock()
	return maps.Clone(p.sink.ids)
}

// One of two processes dies at a random step, or stands still until its lease has passed: the other takes over, nobody
// gets it twice, and only what the first had claimed is in doubt. Where a member then has those sent to, the first begins
// none of them when it wakes.
func TestAnotherProcessTakesOver(t *testing.T) {
	h := testhouse.Postgres(t)
	p := settle(t, h)
	const people = 450
	p.people(t, p.list, consent.GradeB, people)
	trials, doubt, died, still := testhouse.Trials(6, 200), int64(0), 0, 0
	r := rand.New(rand.NewPCG(17, 17))
	dbs := []*store.DB{p.Process(t), p.Process(t)}
	for trial := range trials {
		clear(p.sink.ids)
		id := p.approved(t, []int64{p.list}, nil)
		a, b := p.process(dbs[0], fmt.Sprintf("a%d", trial)), p.process(dbs[1], fmt.Sprintf("b%d", trial))
		var mu sync.Mutex
		left := 1 + r.IntN(2*people)
		stands, wakes := trial%2 == 1, make(chan struct{})
		reached := make(chan struct{})
		var once sync.Once
		campaign.KillAt(a, func(at string) bool {
			mu.Lock()
			left--
			now := left <= 0 && at != "frozen"
			mu.Unlock()
			if !now || !stands {
				return now
			}
			once.Do(func() { close(reached) })
			<-wakes // all of its lanes, one after the other
			return false
		})
		done := make(chan error, 1)
		go func() { done <- a.Settle(context.Background()) }()
		if stands {
			select {
			case <-reached:
			case err := <-done:
				done <- err
			}
			still++
		} else {
			<-done
			died++
			done <- nil
		}
		must(t, b.Settle(context.Background())) // its lease still holds: nothing to do
		h.Clock.Advance(2 * time.Minute)
		must(t, b.Settle(context.Background()))
		before := arrived(p)
		if n := p.counts(t, id).Of(campaign.InDoubt); stands && n > 0 { // and a member says "send to these"
			doubt += n
			p.write(t, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, id, nil) })
			must(t, b.Settle(context.Background()))
		}
		close(wakes)
		must(t, <-done)
		must(t, b.Settle(context.Background()))
		c := p.counts(t, id)
		if s := p.get(t, id).State; s != campaign.Sent || c.Of(campaign.Accepted)+c.Of(campaign.InDoubt) != people || c.Of(campaign.InDoubt) > 3*campaign.MaxBatch {
			t.Fatalf("trial %d: %s %+v", trial, s, c.By)
		}
		doubt += c.Of(campaign.InDoubt)
		after := arrived(p)
		for m, times := range after {
			if times > 1+before[m] || !stands && times > 1 {
				t.Fatalf("trial %d: %s came %d times, %d of them before somebody said so", trial, m, times, before[m])
			}
		}
		if int64(len(after)) < c.Of(campaign.Accepted) {
			t.Fatalf("trial %d: %d arrived, %+v", trial, len(after), c.By)
		}
	}
	t.Logf("%d takeovers (%d died, %d stood still): 0 lost, 0 twice by themselves, %d in doubt", trials, died, still, doubt)
}

// Every order of the statements of a campaign to one person and of their no that can be forced: it is left out with the
// reason, or had begun before the no was two seconds old.
func TestANoAndACampaignInEveryOrderOfTheirStatements(t *testing.T) {
	h := testhouse.Postgres(t)
	p := settle(t, h)
	orders, k, out := 0, 0, 0
	for way := range testhouse.Trials(1, len(ways)) {
		var n *noes
		var id int64
		var one []int64
		orders += h.Overtake(t, func(int) (first, second func(*store.DB) error) {
			n = newNoes()
			k++
			one = p.people(t, p.list, consent.GradeB, 1)
			id = p.approved(t, []int64{p.list}, nil)
			first = func(db *store.DB) error {
				e := campaign.NewEngine(db, relay.Open(db, "one.example"), fmt.Sprintf("%s/order%d", p.Dir, k))
				defer e.Close()
				n.watch(e)
				if err := e.Settle(context.Background()); err != nil {
					return err
				}
				return e.Settle(context.Background())
			}
			second = func(db *store.DB) error {
				why := p.no(t, db, way, one[0])
				n.said(one[0], h.Now(), why)
				h.Clock.Advance(3 * time.Second)
				return nil
			}
			return first, second
		}, func(order int) {
			if c := p.get(t, id); c.State != campaign.Sent {
				t.Errorf("order %d: %s", order, c.State)
			}
			out += p.honoured(t, id, n)
			if t.Failed() {
				t.Fatalf("order %d of %s", order, ways[way].name)
			}
		})
	}
	t.Logf("%d orders: %d left out, the rest had begun before", orders, out)
}

// A process that stood still while it froze people adds nobody to a campaign that another has stopped meanwhile, or that
// was taken back: whoever is in the ledger of what is over has a fate.
func TestNobodyIsFrozenIntoACampaignThatIsOver(t *testing.T) {
	h := testhouse.Postgres(t)
	p := settle(t, h)
	p.people(t, p.list, consent.GradeB, 5)
	var id int64
	k := 0
	orders := h.Overtake(t, func(int) (first, second func(*store.DB) error) {
		k++
		id = p.approved(t, []int64{p.list}, nil)
		first = func(db *store.DB) error {
			if err := campaign.Freeze(context.Background(), db, p.who, id); !campaign.Lost(err) {
				return err
			}
			return nil
		}
		second = func(db *store.DB) error {
			if err := db.Write(context.Background(), p.who, func(tx *store.Tx) error { return campaign.StopIt(tx, id) }); err != nil {
				return err
			}
			e := campaign.NewEngine(db, relay.Open(db, "two.example"), fmt.Sprintf("%s/stop%d", p.Dir, k))
			defer e.Close()
			return e.Settle(context.Background())
		}
		return first, second
	}, func(order int) {
		if c, n := p.get(t, id), p.counts(t, id); c.State != campaign.Stopped || n.Of(campaign.Waiting) != 0 {
			t.Fatalf("order %d: %s %+v", order, c.State, n.By)
		}
	})
	t.Logf("%d orders", orders)
}
