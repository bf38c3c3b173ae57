// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consend/internal/app"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/sending/campaign"
)

// fates are what became of each person of a campaign, by address.
type fates map[string]campaign.Fate

// mailing is one campaign of a node.
type mailing struct {
	n      *node
	id     int64
	people int
	sum    map[string]int // copies that came before it, by recipient
}

// send approves a campaign from the command line, beside the running server.
func (n *node) send(people int) *mailing {
	n.Helper()
	m := &mailing{n: n, people: people, sum: n.sink.tally()}
	html := filepath.Join(n.dir, "mail.html")
	must(n, os.WriteFile(html, []byte("<p>Dear {{ contact.EMAIL }},</p><p>News of the house.</p>"), 0o600))
	out := n.run("campaign", "send", "--account", fmt.Sprint(n.account), "--list", "Newsletter", "--from", "Maison <news@example.org>", "--subject", "News", "--html", html, "--json")
	var said struct{ Campaign int64 }
	must(n, json.Unmarshal([]byte(out), &said))
	m.id = said.Campaign
	return m
}

// tally is how many messages came to each address.
func (s *sink) tally() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.to))
	for to, ids := range s.to {
		out[to] = len(ids)
	}
	return out
}

func (m *mailing) over() bool {
	var c campaign.Campaign
	m.n.main(func(v *store.View) (err error) { c, err = campaign.Get(v, m.id); return err })
	if c.Hold != "" {
		m.n.Fatalf("the campaign is held: %s", c.Hold)
	}
	return c.State.Over()
}

// broken ends the process while it sends, again and again, until the campaign is over; at most
// so many times. A break comes after a random number of messages, and a little.
func (m *mailing) broken(most int, end func()) (breaks int) {
	n := m.n
	n.Helper()
	for breaks < most {
		goal, over := n.sink.taken.Load()+n.rand.Int64N(int64(m.people)/2), false
		for n.sink.taken.Load() < goal && !over {
			time.Sleep(time.Millisecond)
			if over = n.rand.IntN(100) == 0 && m.over(); over {
				return breaks
			}
		}
		time.Sleep(time.Duration(n.rand.Int64N(int64(3 * time.Millisecond))))
		end()
		breaks++
		n.start()
		if m.over() {
			return breaks
		}
	}
	n.until("the campaign is over", m.over)
	return breaks
}

// fates reads the ledger.
func (m *mailing) fates() fates {
	m.n.Helper()
	out := fates{}
	m.n.main(func(v *store.View) error {
		for after := int64(0); ; {
			rows, err := campaign.Recipients(v, m.id, after, "", "", 1000)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, r := range rows {
				after = r.ContactID
				c, err := contact.Get(v, r.ContactID)
				if err != nil {
					return err
				}
				out[c.Email.RawWire()] = r.State
			}
		}
	})
	return out
}

// holds compares the ledger with what the mail server took: accepted came once, in doubt came
// once or not; there is nobody else. It gives how many are in doubt, and how many of them had arrived.
func (m *mailing) holds(copies int) (doubt, arrived int) {
	m.n.Helper()
	ledger, came := m.fates(), m.n.sink.tally()
	if len(ledger) != m.people {
		m.n.Errorf("the ledger knows %d of %d people", len(ledger), m.people)
	}
	for to, fate := range ledger {
		k := came[to] - m.sum[to]
		switch {
		case fate == campaign.Accepted && (k < 1 || k > copies):
			m.n.Errorf("%s: accepted, and %d came", to, k)
		case fate == campaign.InDoubt && k > copies:
			m.n.Errorf("%s: in doubt, and %d came", to, k)
		case fate == campaign.InDoubt:
			doubt++
			arrived += min(k, 1)
		case fate != campaign.Accepted:
			m.n.Errorf("%s: %s", to, fate)
		}
	}
	for to := range came {
		if _, ok := ledger[to]; !ok && came[to] > m.sum[to] {
			m.n.Errorf("%s got it, and is not in the ledger", to)
		}
	}
	return doubt, arrived
}

// A campaign whose process is killed again and again goes to everybody once. Who was started
// and not answered is shown as in doubt: at most one for each open connection and kill, and not
// sent again by itself; when somebody says so it is, and everybody has it.
func TestAKillLosesNobodyOfACampaignAndSendsNothingTwice(t *testing.T) { sending(t, true, 3, 120) }

// A process that is asked to stop lets what has begun arrive: nobody is in doubt.
func TestACampaignAskedToStopEndsInTimeWithNobodyInDoubt(t *testing.T) { sending(t, false, 1, 30) }

func sending(t *testing.T, hard bool, few, many int) {
	each(t, func(t *testing.T, n *node) {
		const people, lanes = 600, 4
		trials := kills(few, many)
		n.members(people)
		n.sink.stall = func() { time.Sleep(time.Millisecond) } // an answer takes its time: kills come in between
		end := n.kill
		if !hard {
			end = func() { n.stop() }
		}
		campaigns, doubt, arrived := 0, 0, 0
		n.start()
		for breaks := 0; breaks < trials; campaigns++ {
			m := n.send(people)
			k := m.broken(trials-breaks, end)
			breaks += k
			d, a := m.holds(1)
			if d > k*lanes || !hard && d > 0 {
				t.Errorf("%d in doubt after %d ends of a process with %d connections", d, k, lanes)
			}
			doubt, arrived = doubt+d, arrived+a
			if d == 0 {
				continue
			}
			n.stop()
			n.inside(func(h *app.House) {
				must(t, h.Main.Write(context.Background(), n.owner, func(tx *store.Tx) error { return campaign.SendDoubtful(tx, m.id, nil) }))
			})
			n.start()
			n.until("who was in doubt is sent", m.over)
			if d, _ := m.holds(2); d != 0 {
				t.Errorf("%d are still in doubt after they were sent by hand", d)
			}
		}
		n.stop()
		if most := n.sink.most.Load(); most > lanes+1 {
			t.Errorf("%d connections at a time", most)
		}
		if left, _ := filepath.Glob(filepath.Join(n.dir, "flight", "*", "*.flight")); len(left) != 0 {
			t.Errorf("journals are left: %s", strings.Join(left, " "))
		}
		n.whole()
		how := fmt.Sprintf("%d kills", n.kills)
		if !hard {
			how = fmt.Sprintf("%d stops, each within %s", n.stops, within)
		}
		summary.add(t, "%s in %d campaigns to %d people: lost 0, twice 0; %d in doubt (%d of them had arrived), sent by hand and then none", how, campaigns, people, doubt, arrived)
	})
}
