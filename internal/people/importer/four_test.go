// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// Where a yes stands after a no: in the ledger, the person's own comes later than any no.
var (
	lastOwnYes = store.Account("test.last_yes", `SELECT COALESCE(MAX(e.seq), 0) FROM consent_event e WHERE e.account_id = :account AND e.contact_id = ? AND e.list_id = ?
		AND e.kind IN ('accept', 'confirm') AND e.verdict IN ('applied', 'recorded')`)
	lastNo = store.Account("test.last_no", `SELECT COALESCE(MAX(e.seq), 0) FROM consent_event e WHERE e.account_id = :account AND e.contact_id = ? AND e.list_id = ?
		AND e.kind IN ('withdraw', 'refuse', 'object', 'complain') AND e.verdict IN ('applied', 'recorded')`)
	// What leads nowhere: rows of people who went.
	orphans = []*store.Query{
		store.Account("test.orphan_events", `SELECT COUNT(*) FROM consent_event e WHERE e.account_id = :account AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = e.contact_id)`),
		store.Account("test.orphan_subscriptions", `SELECT COUNT(*) FROM subscription s WHERE s.account_id = :account AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = s.contact_id)`),
		store.Account("test.orphan_origins", `SELECT COUNT(*) FROM consent_origin o WHERE o.account_id = :account AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = o.contact_id)`),
		store.Account("test.orphan_waiting", `SELECT COUNT(*) FROM import_waiting w WHERE w.account_id = :account AND w.contact_id <> 0 AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = w.contact_id)`),
		store.Account("test.orphan_activity", `SELECT COUNT(*) FROM contact_activity a WHERE a.account_id = :account AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = a.contact_id)`),
	}
)

// Sign-ups, refusals, two imports and deletions at once, on overlapping people. Whatever the order: a no that nobody's own yes
// followed holds, also through the deletion of the person; nobody is here twice; each ledger is unbroken; of who went nothing is left.
func TestSignUpsRefusalsImportsAndDeletionsAtOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		trials := testhouse.Trials(3, 100)
		var yes, no, gone, early atomic.Int64
		for trial := range trials {
			s := open(t, h)
			visitor := actor.Actor{Kind: actor.Subject, Account: s.account, Request: "test"}
			const all, known = 120, 60
			s.run(t, s.order(people(0, known)))
			r := rand.New(rand.NewPCG(uint64(trial), 4))
			var group sync.WaitGroup
			begin := make(chan struct{})
			act := func(f func()) { group.Go(func() { <-begin; f() }) }
			for _, file := range []string{people(0, 90), people(30, all)} {
				o := s.order(file)
				o.Name, o.Batch = fmt.Sprintf("%d.csv", len(file)), 8+r.IntN(24)
				o.Options.Existing = importer.Replace
				act(func() {
					if sum, err := importer.Run(ctx, s.Main, s.owner, o, nil); err != nil || sum.State != importer.Done {
						t.Errorf("import: %s %v", sum.State, err)
					}
				})
			}
			var mu sync.Mutex
			refused, agreed := map[int]string{}, map[int]bool{}
			for range 2 {
				pick, ways := r.Perm(all)[:20], r.Perm(20)
				act(func() {
					for k, i := range pick {
						way := refusals[ways[k]%len(refusals)]
						done := false
						err := h.Main.Write(ctx, way.by(s), func(tx *store.Tx) error {
							c, ok, err := contact.Find(tx, address.Must(email(i)))
							done = ok || way.name == "an address alone"
							if err != nil || !done {
								return err
							}
							return way.say(tx, s, c.ID, email(i))
						})
						if fault.Is(err, fault.NotFound) { // deleted between the look and the lock
							done, err = false, nil
						}
						if err != nil {
							t.Errorf("%s: %v", way.name, err)
						}
						mu.Lock()
						if done {
							refused[i] = way.name
							no.Add(1)
						} else {
							early.Add(1)
						}
						mu.Unlock()
					}
				})
				hope := r.Perm(all)[:20]
				act(func() {
					for _, i := range hope {
						mu.Lock()
						agreed[i] = true
						mu.Unlock()
						err := h.Main.Write(ctx, visitor, func(tx *store.Tx) error {
							rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email(i)), Source: "form", Keyed: true}})
							if err != nil {
								return err
							}
							_, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: s.list, Kind: consent.Accept, Source: "form", Method: "form", Row: rows[0]}})
							return err
						})
						if err != nil {
							t.Errorf("sign-up: %v", err)
						}
						yes.Add(1)
					}
				})
			}
			away := r.Perm(all)[:25]
			act(func() {
				for _, i := range away {
					err := h.Main.Purge(ctx, actor.Worker("test", s.account), "test", func(tx *store.Tx) error {
						c, ok, err := contact.Find(tx, address.Must(email(i)))
						if err != nil || !ok {
							return err
						}
						went, err := contact.Drop(tx, []int64{c.ID}, "test")
						tx.AfterCommit(func() { gone.Add(int64(len(went))) })
						return err
					})
					if err != nil {
						t.Errorf("deletion: %v", err)
					}
				}
			})
			close(begin)
			group.Wait()
			for i := range all {
				p, ok := s.person(t, email(i))
				if !ok {
					continue
				}
				s.view(t, func(v *store.View) error {
					why, err := consent.ReasonsFor(v, s.list, []int64{p.ID})
					if err != nil || why[p.ID] != "" {
						return err
					}
					y, err := store.One[int64](v, lastOwnYes, p.ID, s.list)
					n, wrong := store.One[int64](v, lastNo, p.ID, s.list)
					if how := refused[i]; n > y || how != "" && !agreed[i] {
						t.Errorf("%s may be written to after a no (%s; yes %d, no %d)", email(i), how, y, n)
					}
					return errors.Join(err, wrong)
				})
			}
			s.whole(t)
			s.view(t, func(v *store.View) error {
				for _, q := range orphans {
					if n, err := store.One[int64](v, q); err != nil || n != 0 {
						t.Errorf("%s: %d, %v", q.Name(), n, err)
					}
				}
				return nil
			})
			if t.Failed() {
				t.Fatalf("trial %d", trial)
			}
		}
		t.Logf("%d trials of two imports at once: %d sign-ups, %d refusals (%d came before the person), %d deletions; 0 revived, 0 twice, 0 left over", trials, yes.Load(), no.Load(), early.Load(), gone.Load())
	})
}
