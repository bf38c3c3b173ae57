// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// refusal is one way to say no.
type refusal struct {
	name string
	own  bool // the person's own act, not a member's
	say  func(tx *store.Tx, s *shop, person int64, email string) error
}

func leaves(kind consent.Kind, method string, scope func(s *shop) consent.Scope) func(*store.Tx, *shop, int64, string) error {
	return func(tx *store.Tx, s *shop, person int64, _ string) error {
		_, err := consent.Leave(tx, consent.Leaving{Contact: person, Scope: scope(s), Kind: kind, Source: "page", Method: method})
		return err
	}
}

func thisList(s *shop) consent.Scope { return consent.Scope{Reach: consent.OneList, ID: s.list} }
func everything(*shop) consent.Scope { return consent.Everything }

func suppressed(cause consent.Cause) func(*store.Tx, *shop, int64, string) error {
	return func(tx *store.Tx, _ *shop, person int64, _ string) error {
		return consent.Suppress(tx, person, cause, consent.Everything)
	}
}

var refusals = []refusal{
	{"one click", true, leaves(consent.Withdraw, "one_click", thisList)},
	{"the page", true, leaves(consent.Withdraw, "page", everything)},
	{"an objection", true, leaves(consent.Object, "page", everything)},
	{"a member's button", false, leaves(consent.Withdraw, "member", thisList)},
	{"the do-not-mail list", false, suppressed(consent.ByMember)},
	{"a complaint", false, suppressed(consent.Complained)},
	{"a mailbox that is gone", false, suppressed(consent.HardBounce)},
	{"an address alone", false, func(tx *store.Tx, _ *shop, _ int64, email string) error {
		return consent.SuppressAddresses(tx, []address.Address{address.Must(email)}, consent.AuthorityOrder, consent.Everything)
	}},
}

func (r refusal) by(s *shop) actor.Actor {
	if r.own {
		return actor.Actor{Kind: actor.Subject, Account: s.account, Request: "test"}
	}
	return s.owner
}

// people is a file of addresses from one number up to another.
func people(from, to int) string {
	var b strings.Builder
	b.WriteString("email;name;city\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "r%d@example.org;R%d;Lyon\n", i, i)
	}
	return b.String()
}

func email(i int) string { return fmt.Sprintf("r%d@example.org", i) }

// refused checks that somebody who said no may not be written to on the list, whatever else happened.
func (s *shop) refused(t *testing.T, i int, how string) {
	t.Helper()
	p, ok := s.person(t, email(i))
	if !ok {
		t.Errorf("%s: %s is not here", how, email(i))
		return
	}
	s.view(t, func(v *store.View) error {
		why, err := consent.ReasonsFor(v, s.list, []int64{p.ID})
		if why[p.ID] == "" {
			t.Errorf("%s: %s may be written to again", how, email(i))
		}
		return err
	})
}

var (
	twiceHere = store.Account("test.twice", `SELECT COUNT(*) FROM (SELECT c.email_norm FROM contact c WHERE c.account_id = :account GROUP BY c.email_norm HAVING COUNT(*) > 1) x`)
	gaps      = store.Account("test.gaps", `SELECT COUNT(*) FROM (SELECT e.contact_id, e.list_id FROM consent_event e WHERE e.account_id = :account
		GROUP BY e.contact_id, e.list_id HAVING COUNT(*) <> MAX(e.seq)) x`)
	behind = store.Account("test.behind", `SELECT COUNT(*) FROM subscription s WHERE s.account_id = :account AND s.seq <>
		(SELECT MAX(e.seq) FROM consent_event e WHERE e.account_id = :account AND e.list_id = s.list_id AND e.contact_id = s.contact_id)`)
)

// whole checks that nobody is here twice, and that each subscription's ledger is one unbroken row that its state ends.
func (s *shop) whole(t *testing.T) {
	t.Helper()
	s.view(t, func(v *store.View) error {
		for _, q := range []*store.Query{twiceHere, gaps, behind, countEntries} {
			if n, err := store.One[int64](v, q); err != nil || n != 0 {
				t.Errorf("%s: %d, %v", q.Name(), n, err)
			}
		}
		return nil
	})
}

// Two imports of overlapping files, and people who say no in every way meanwhile, to people the account had and to those
// who are being made. Whoever said no stays so, in whatever order it came; a sign-up of their own alone brings them back.
func TestARefusalStandsWhateverIsImportedMeanwhile(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		n, said, early := testhouse.Trials(4, 150), 0, 0
		for trial := range n {
			s := open(t, h)
			const all, known = 120, 60
			s.run(t, s.order(people(0, known)))
			r := rand.New(rand.NewPCG(uint64(trial), 11))
			var both sync.WaitGroup
			begin := make(chan struct{})
			for _, file := range []string{people(0, 90), people(30, all)} {
				o := s.order(file)
				o.Name, o.Batch = fmt.Sprintf("%d.csv", len(file)), 8+r.IntN(24)
				o.Options.Existing = importer.Replace
				both.Go(func() {
					<-begin
					if sum, err := importer.Run(context.Background(), s.Main, s.owner, o, nil); err != nil || sum.State != importer.Done {
						t.Errorf("import: %s %v", sum.State, err)
					}
				})
			}
			var mu sync.Mutex
			no := map[int]string{}
			for range 3 {
				pick := r.Perm(all)[:14]
				ways := r.Perm(len(pick))
				both.Go(func() {
					<-begin
					for k, i := range pick {
						way := refusals[ways[k]%len(refusals)]
						done := false
						err := h.Main.Write(context.Background(), way.by(s), func(tx *store.Tx) error {
							c, ok, err := contact.Find(tx, address.Must(email(i)))
							done = ok || way.name == "an address alone"
							if err != nil || !done {
								return err // nobody yet who could say it
							}
							return way.say(tx, s, c.ID, email(i))
						})
						if err != nil {
							t.Errorf("%s: %v", way.name, err)
						}
						mu.Lock()
						if done {
							no[i] = way.name
							said++
						} else {
							early++
						}
						mu.Unlock()
					}
				})
			}
			close(begin)
			both.Wait()
			for i, how := range no {
				s.refused(t, i, how)
			}
			s.whole(t)
			if t.Failed() {
				t.Fatalf("trial %d", trial)
			}
			for i := range all {
				if _, ok := s.person(t, email(i)); !ok {
					t.Fatalf("trial %d: %s was lost", trial, email(i))
				}
			}
		}
		t.Logf("%d trials of two imports at once, %d refusals meanwhile (%d came before the person): 0 revived, 0 lost, 0 twice", n, said, early)
	})
}

// Every order of the statements of a refusal and of a claim on the same person that can be forced.
func TestARefusalAndAClaimInEveryOrderOfTheirStatements(t *testing.T) {
	h := testhouse.Postgres(t)
	s := open(t, h)
	n := 0
	ctx := context.Background()
	claims := map[string]func(db *store.DB, i int, person int64) error{
		"an import": func(db *store.DB, i int, _ int64) error {
			o := s.order(people(i, i+1))
			o.Name = email(i)
			o.Options.Existing = importer.Replace
			_, err := importer.Run(ctx, db, s.owner, o, nil)
			return err
		},
		"an event": func(db *store.DB, _ int, person int64) error {
			return db.Write(ctx, s.owner, func(tx *store.Tx) error {
				_, err := consent.Apply(tx, []consent.Event{{Contact: person, List: s.list, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB, Source: "api"}})
				return err
			})
		},
		"a confirmation": func(db *store.DB, _ int, person int64) error { // asked for before the no
			return db.Write(ctx, actor.Actor{Kind: actor.Subject, Account: s.account, Request: "test"}, func(tx *store.Tx) error {
				_, err := consent.Apply(tx, []consent.Event{{Contact: person, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now() - 1_000_000, Source: "form"}})
				return err
			})
		},
	}
	orders, ways := 0, refusals
	if testhouse.Trials(0, 1) == 0 {
		ways = []refusal{refusals[0], refusals[7]}
	}
	for name, claim := range claims {
		for _, way := range ways {
			for _, refusalFirst := range []bool{true, false} {
				at := 0
				begin := func(int) (first, second func(*store.DB) error) {
					at = n
					n++
					s.run(t, s.order(people(at, at+1)))
					p, _ := s.person(t, email(at))
					h.Clock.Advance(1)
					no := func(db *store.DB) error {
						return db.Write(ctx, way.by(s), func(tx *store.Tx) error { return way.say(tx, s, p.ID, email(at)) })
					}
					yes := func(db *store.DB) error { return claim(db, at, p.ID) }
					if refusalFirst {
						return no, yes
					}
					return yes, no
				}
				orders += h.Overtake(t, begin, func(k int) {
					s.refused(t, at, fmt.Sprintf("%s and %s, order %d", way.name, name, k))
				})
			}
		}
	}
	s.whole(t)
	t.Logf("%d orders of %d ways to say no and %d claims: the no stands in all", orders, len(ways), len(claims))
}
