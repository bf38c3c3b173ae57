// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/sending/message"
)

// person is somebody at our pages, and what they were told.
type person struct {
	email  string
	member bool   // was on the list before; only leaves
	leave  string // the one-click link

	asked, confirmed, left bool // answered
}

// crowd is people at the pages of a node that comes and goes. Whoever got no answer to a form
// walks away; whoever got none to a button presses it again.
type crowd struct {
	*node
	client  http.Client
	mu      sync.Mutex
	people  []*person
	leaving []*person     // who will leave, one after the other
	waiting []*person     // who signed up and looks into their mailbox
	up      chan struct{} // closed while the node answers
	over    atomic.Bool
	acks    atomic.Int64
	cut     atomic.Int64 // requests without an answer
	working sync.WaitGroup
}

const visitors = 4

func visit(n *node, members []*person) *crowd {
	c := &crowd{node: n, people: members, leaving: append([]*person(nil), members...), up: make(chan struct{})}
	c.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.client.Timeout = time.Minute
	for i := range visitors {
		r := rand.New(rand.NewPCG(n.rand.Uint64(), uint64(i)))
		c.working.Go(func() {
			for !c.over.Load() {
				c.act(r)
			}
		})
	}
	return c
}

func (c *crowd) opened() { c.mu.Lock(); defer c.mu.Unlock(); close(c.up) }
func (c *crowd) closed() { c.mu.Lock(); defer c.mu.Unlock(); c.up = make(chan struct{}) }

// await waits for a node that answers.
func (c *crowd) await() {
	c.mu.Lock()
	up := c.up
	c.mu.Unlock()
	<-up
}

// act is what one visitor does next.
func (c *crowd) act(r *rand.Rand) {
	switch k := r.IntN(10); {
	case k < 4:
		if p := c.confirming(); p != nil {
			for !c.post(r, c.sink.link(p.email), url.Values{"do": {"confirm"}}, http.StatusOK) {
			}
			c.note(func() { p.confirmed = true })
			return
		}
	case k < 5:
		if p := take(c, &c.leaving); p != nil {
			for !c.post(r, p.leave, url.Values{"List-Unsubscribe": {"One-Click"}}, http.StatusOK) {
			}
			c.note(func() { p.left = true })
			return
		}
	}
	if c.impatient() {
		time.Sleep(5 * time.Millisecond)
		return
	}
	p := &person{email: fmt.Sprintf("visitor%d@example.org", r.Uint64())}
	c.note(func() { c.people = append(c.people, p) })
	if c.post(r, c.url+"/f/"+c.slug, url.Values{"email": {p.email}}, http.StatusSeeOther) {
		c.note(func() { p.asked = true; c.waiting = append(c.waiting, p) })
	}
}

func (c *crowd) note(f func()) { c.mu.Lock(); defer c.mu.Unlock(); f() }

func take(c *crowd, from *[]*person) (p *person) {
	c.note(func() {
		if len(*from) > 0 {
			p, *from = (*from)[0], (*from)[1:]
		}
	})
	return p
}

// impatient tells whether so many wait for their mail that nobody else comes.
func (c *crowd) impatient() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.over.Load() && len(c.waiting) > 30
}

// confirming finds somebody whose confirmation mail has come.
func (c *crowd) confirming() *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.waiting {
		if c.sink.link(p.email) != "" {
			c.waiting = append(c.waiting[:i:i], c.waiting[i+1:]...)
			return p
		}
	}
	return nil
}

// post presses a button; it tells whether an answer came. Another answer than the one wanted is a fault.
func (c *crowd) post(r *rand.Rand, to string, f url.Values, want int) bool {
	c.await()
	q, err := http.NewRequest(http.MethodPost, to, strings.NewReader(f.Encode()))
	must(c, err)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", c.url)
	q.Header.Set("X-Forwarded-For", fmt.Sprintf("%d.%d.%d.%d", 11+r.IntN(80), r.IntN(256), r.IntN(256), 1+r.IntN(254))) // a network of their own
	a, err := c.client.Do(q)
	if err != nil {
		c.cut.Add(1)
		return false
	}
	b, _ := io.ReadAll(a.Body)
	a.Body.Close()
	if a.StatusCode != want {
		c.Errorf("POST %s: %s\n%.600s", to, a.Status, b)
	}
	c.acks.Add(1)
	return true
}

// goOn lets the crowd act until some more were answered.
func (c *crowd) goOn(more int64) {
	for goal := c.acks.Load() + more; c.acks.Load() < goal && !c.Failed(); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(c.rand.Int64N(int64(20 * time.Millisecond))))
}

// end lets everybody finish what they are at.
func (c *crowd) end() { c.over.Store(true); c.working.Wait() }

// anybody finds somebody who was told that they signed up.
func (c *crowd) anybody() *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.people {
		if p.asked {
			return p
		}
	}
	return nil
}

// missing counts people who were told something and whom the store does not know.
func (c *crowd) missing() (lost int) {
	c.Helper()
	c.main(func(v *store.View) error {
		for _, p := range c.people {
			if !p.asked {
				continue
			}
			if _, ok, err := contact.Find(v, address.Must(p.email)); err != nil {
				return err
			} else if !ok {
				c.Errorf("lost: %+v", p)
				lost++
			}
		}
		return nil
	})
	return lost
}

// members puts people on the list before anything is killed, and gives them with their one-click links.
func (n *node) members(count int) (out []*person) {
	n.Helper()
	var b strings.Builder
	b.WriteString("email\n")
	for i := range count {
		fmt.Fprintf(&b, "member%d@example.org\n", i)
		out = append(out, &person{email: fmt.Sprintf("member%d@example.org", i), member: true})
	}
	file := filepath.Join(n.dir, "members.csv")
	must(n, os.WriteFile(file, []byte(b.String()), 0o600))
	n.run("import", "--account", fmt.Sprint(n.account), "--list", "Newsletter", "--source", "site", "--basis", "consent", "--purpose", "Newsletter", "--collected", "2026-01-01..2026-06-30", file)
	n.inside(func(h *app.House) {
		key, err := h.Ring.MAC(n.account, token.Unsubscribe.Key())
		must(n, err)
		must(n, h.Main.View(context.Background(), n.owner, func(v *store.View) error {
			for _, p := range out {
				c, ok, err := contact.Find(v, address.Must(p.email))
				if err != nil || !ok {
					return fmt.Errorf("%s is not here: %w", p.email, err)
				}
				p.leave = n.url + "/u/" + token.Make(key, token.Unsubscribe, n.account, c.ID, n.list)
			}
			return nil
		}))
	})
	return out
}

var (
	unsettled = store.Account("test.unsettled", `SELECT (SELECT count(*) FROM message m WHERE m.account_id = :account AND m.state IN ('pending', 'claimed', 'deferred'))
		+ (SELECT count(*) FROM fact f WHERE f.account_id = :account) + (SELECT count(*) FROM fact_late l WHERE l.account_id = :account)
		+ (SELECT count(*) FROM trace_pending p WHERE p.account_id = :account)`)
	uncertain = store.Account("test.uncertain", `SELECT m.id FROM message m WHERE m.account_id = :account AND m.state = 'uncertain' ORDER BY m.id`)
	// A confirmation that has come is asked for no second time: who has pressed its button has nothing to be told.
	unsent = store.Account("test.unsent", `SELECT count(*) FROM message m WHERE m.account_id = :account AND m.state <> 'accepted' AND NOT
		(m.state = 'left_out' AND m.reason = 'nothing_to_say' AND m.kind = 'form.requested' AND EXISTS
			(SELECT 1 FROM signup s WHERE s.account_id = :account AND s.id = m.ref AND s.state = 'confirmed'))`)
)

// leases lets the claims of service mail that dead processes hold come to their end. Where one
// process alone works on a database they end at its start; where several may, after two minutes,
// which the test doesn't wait for.
func (n *node) leases() {
	n.Helper()
	if n.dialect != "postgres" {
		return
	}
	ctx := context.Background()
	c, err := pgx.Connect(ctx, n.flags["database_url"])
	must(n, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "UPDATE message SET next_at = 1 WHERE state = 'claimed'")
	must(n, err)
}

// Who was answered is in the store, once, with everything that belongs to it; and whoever signed
// up has their confirmation mail. Service mail is sent once more when a kill leaves it in doubt
// (docs/adr/0012), with the same Message-ID; a second time it is shown as uncertain, and goes
// when somebody says so.
func TestAKillLosesNoSignUpThatWasAnswered(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		trials := kills(3, 120)
		c := visit(n, n.members(40*trials))
		for range trials {
			n.start()
			c.opened()
			c.goOn(n.rand.Int64N(80))
			c.closed()
			n.kill()
			n.leases()
		}
		n.start()
		c.opened()
		c.end()
		n.until("all mail is sent, all entries are sealed", func() bool { return number(n, unsettled) == 0 })
		n.stop()
		twice := 0
		for id, k := range n.sink.copies {
			if k > 2 {
				t.Errorf("%s came %d times", id, k)
			}
			twice += k - 1
		}
		if twice > n.kills*20 {
			t.Errorf("%d second copies after %d kills", twice, n.kills)
		}
		// What two kills left uncertain goes when somebody says so.
		doubt := 0
		n.inside(func(h *app.House) {
			must(t, h.Main.Write(context.Background(), n.owner, func(tx *store.Tx) error {
				ids, err := store.All[int64](tx, uncertain)
				for _, id := range ids {
					if err == nil {
						err = message.Again(tx, id)
					}
				}
				doubt = len(ids)
				return err
			}))
		})
		if doubt > 0 {
			n.start()
			n.until("uncertain mail is sent", func() bool { return number(n, unsettled) == 0 })
			n.stop()
		}
		n.noneOf(unsent)
		asked, confirmed, left, unheard := 0, 0, 0, 0
		n.inside(func(h *app.House) {
			must(t, h.Main.View(context.Background(), n.owner, func(v *store.View) error {
				for _, p := range c.people {
					x, ok, err := contact.Find(v, address.Must(p.email))
					if err != nil {
						return err
					}
					switch {
					case !ok && (p.asked || p.member):
						t.Errorf("lost: %+v", p)
						continue
					case !ok:
						continue // never heard of, and never told otherwise
					case !p.asked && !p.member:
						unheard++
					}
					if err := c.holds(v, x, p); err != nil {
						return err
					}
					asked, confirmed, left = asked+count(p.asked), confirmed+count(p.confirmed), left+count(p.left)
				}
				return nil
			}))
		})
		n.whole()
		summary.add(t, "%d kills, %d requests cut: acknowledged %d sign-ups, %d confirmations, %d withdrawals; lost 0, twice 0; %d sign-ups done without an answer; mail: %d second copies, %d uncertain, then sent by hand",
			n.kills, c.cut.Load(), asked, confirmed, left, unheard, twice, doubt)
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// holds compares what a person was told with the ledger and their mailbox.
func (c *crowd) holds(v *store.View, x contact.Contact, p *person) error {
	events, err := consent.Events(v, x.ID)
	if err != nil {
		return err
	}
	n := map[consent.Kind]int{}
	for _, e := range events {
		if e.Verdict == consent.Applied { // who presses a button again is written down again, and changes nothing
			n[e.Kind]++
		}
	}
	all, err := consent.Standings(v, x.ID)
	if err != nil || len(all) != 1 {
		c.Errorf("%s stands on %d lists, %v", p.email, len(all), err)
		return err
	}
	state, want := all[0].State, consent.Requested
	switch {
	case p.member && p.left:
		want = consent.Withdrawn
	case p.confirmed, p.member:
		want = consent.Given
	}
	if state != want {
		c.Errorf("%+v stands as %s", p, state)
	}
	if p.member {
		if n[consent.Withdraw] != count(p.left) {
			c.Errorf("%+v: %v", p, n)
		}
		return nil
	}
	if n[consent.Request] != 1 || n[consent.Confirm] != count(p.confirmed) {
		c.Errorf("%+v: %v", p, n)
	}
	if mails, _ := c.sink.mails(p.email); mails != 1+count(p.confirmed) {
		c.Errorf("%+v got %d different mails", p, mails)
	}
	return nil
}
