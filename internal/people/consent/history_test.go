// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// Go's decision and the database's agree for any state of a person, a list and what was
// said about it: both are written from the same order of reasons, by different means.
func TestTheReasonInTheDatabaseIsTheReasonInGo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			w.Clock.Advance(time.Hour)
			id := w.person(t, fmt.Sprintf("p%d@example.org", n))
			now := legalclock.MomentOf(w.Clock.Now())
			var want State
			want.Status = None
			set := []string{}
			put := func(format string, a ...any) { set = append(set, fmt.Sprintf(format, a...)) }
			state := rapid.SampledFrom(append(contact.States(), contact.StateActive, contact.StateActive, contact.StateActive, contact.StateActive)).Draw(rt, "state")
			country := rapid.SampledFrom([]string{"", "", "FR", "DE", "IE", "JP"}).Draw(rt, "country")
			put("UPDATE contact SET country = '%s' WHERE account_id = %d AND id = %d", country, w.account, id)
			age := rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(rt, "age")
			due := rapid.SampledFrom([]legalclock.Moment{0, 0, 0, now - 1, now, now + 1}).Draw(rt, "due")
			put("UPDATE contact SET state = '%s', age = %d, notice_due_at = %d WHERE account_id = %d AND id = %d", state, age, due, w.account, id)
			pause := rapid.SampledFrom([]legalclock.Moment{0, 0, 0, now, now + 1}).Draw(rt, "pause")
			pace := rapid.SampledFrom([]contact.Pace{contact.PaceAll, contact.PaceWeek, contact.PaceMonth}).Draw(rt, "pace")
			put("UPDATE contact SET paused_until = %d, pace = %d WHERE account_id = %d AND id = %d", pause, pace, w.account, id)
			if rapid.IntRange(0, 7).Draw(rt, "merged") == 0 {
				put("UPDATE contact SET merged_into = %d WHERE account_id = %d AND id = %d", id+1, w.account, id)
			}
			var sent legalclock.Moment
			if rapid.Bool().Draw(rt, "written to") {
				sent = rapid.SampledFrom([]legalclock.Moment{now, now.Add(-contact.PaceWeek.Gap()), now.Add(-contact.PaceWeek.Gap()) + 1,
					now.Add(-contact.PaceMonth.Gap()), now.Add(-contact.PaceMonth.Gap()) + 1}).Draw(rt, "sent")
				put("INSERT INTO contact_activity (account_id, contact_id, kind, first_at, last_at, times) VALUES (%d, %d, '%s', 1, %d, 1)", w.account, id, contact.Sent, sent)
			}
			put("UPDATE purpose SET service = %d WHERE account_id = %d AND id = %d", rapid.IntRange(0, 1).Draw(rt, "service"), w.account, w.purpose)
			if rapid.IntRange(0, 5).Draw(rt, "subscribed") > 0 {
				want.Status = rapid.SampledFrom([]Status{None, Requested, Waiting, Given, Given, Given, Withdrawn, Refused, Expired}).Draw(rt, "status")
				want.Said = rapid.SampledFrom([]Said{SaidNothing, SaidYes, SaidNo}).Draw(rt, "said")
				want.Grade = rapid.SampledFrom(append(Grades(), GradeA, GradeB, Ungraded)).Draw(rt, "grade")
				want.SaidAt = now - legalclock.Moment(rapid.IntRange(0, 9).Draw(rt, "said_at"))
				want.Basis = rapid.SampledFrom(append(Bases(), ByConsent, ByConsent, ByConsent, "", B2B, B2B, NonCommercial)).Draw(rt, "basis")
				put("INSERT INTO subscription (account_id, list_id, contact_id, state, basis, grade, said, said_at, seq, event_id, since) VALUES (%d, %d, %d, '%s', '%s', '%s', %d, %d, 1, 1, 1)",
					w.account, w.news, id, want.Status, want.Basis, want.Grade, want.Said, want.SaidAt)
			}
			// Suppressions of every reach, some of which don't cover the list.
			seen := map[Scope]bool{}
			for i := range rapid.IntRange(0, 4).Draw(rt, "bars") { // each at a moment of its own
				scope := rapid.SampledFrom([]Scope{Everything, {OnePurpose, w.purpose}, {OneList, w.news}, Everything, {OnePurpose, w.purpose}, {OneList, w.news}, {OneList, w.offers}, {OnePurpose, w.other}}).Draw(rt, "scope")
				if seen[scope] {
					continue
				}
				seen[scope] = true
				cause := rapid.SampledFrom(append(Causes(), AuthorityOrder, AuthorityOrder, AuthorityOrder)).Draw(rt, "cause")
				since := now - legalclock.Moment(rapid.IntRange(0, 3).Draw(rt, "since")*4+i)
				put("INSERT INTO suppression (account_id, fp, scope, scope_id, reason, since) SELECT account_id, fp, '%s', %d, '%s', %d FROM contact WHERE account_id = %d AND id = %d",
					scope.Reach, scope.ID, cause, since, w.account, id)
				covers := scope == Everything || scope == Scope{OnePurpose, w.purpose} || scope == Scope{OneList, w.news}
				binds := cause == AuthorityOrder || want.Said != SaidYes || since > want.SaidAt
				if covers && binds && (cause == AuthorityOrder || want.Bar.Cause != AuthorityOrder && since > want.Bar.Since) {
					want.Bar = Bar{cause, since} // an order, else the latest
				}
			}
			h.Raw(t, set...)
			var l list.List
			var c contact.Contact
			var got map[int64]Reason
			var g Ground
			w.view(t, func(v *store.View) (err error) {
				if l, err = list.Get(v, w.news); err != nil {
					return err
				}
				if c, err = contact.Get(v, id); err != nil {
					return err
				}
				if g, err = GroundOf(v); err != nil {
					return err
				}
				got, err = ReasonsFor(v, w.news, []int64{id})
				return err
			})
			why := Why(l, c, want, g, sent, now)
			if got[id] != why {
				rt.Fatalf("the database says %q, Go says %q\n%v", got[id], why, set)
			}
			if want.Status != None {
				if s := w.standing(t, id, w.news); s.Reason != got[id] {
					rt.Fatalf("one person: %q, a batch: %q", s.Reason, got[id])
				}
			}
		})
		// The count is the same text: it adds up to what the batch says.
		w.view(t, func(v *store.View) error {
			tallies, err := CountReasons(v, w.news)
			total := int64(0)
			for _, x := range tallies {
				total += x.People
			}
			counts, err2 := CountsOf(v, w.news)
			all := int64(0)
			for _, x := range counts {
				all += x.People
			}
			if total != all || total == 0 {
				t.Errorf("the reasons count %d people, the states %d", total, all)
			}
			if err == nil {
				err = err2
			}
			return err
		})
	})
}

// No path of events through Apply brings a refusal back but the person's own confirmation,
// asked for after it.
func TestNoPathThroughApplyRevivesARefusal(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			id := w.person(t, fmt.Sprintf("p%d@example.org", n))
			if rapid.Bool().Draw(rt, "was on the list") {
				w.apply(t, w.member, Event{Contact: id, List: w.news, Kind: Give, Basis: ByConsent, Grade: GradeC})
			}
			no := rapid.SampledFrom([]Kind{Withdraw, Object, Complain, Refuse}).Draw(rt, "no")
			scope := rapid.SampledFrom([]Scope{{OneList, w.news}, {OnePurpose, w.purpose}, Everything}).Draw(rt, "scope")
			w.Clock.Advance(time.Second)
			said := legalclock.MomentOf(w.Clock.Now())
			w.write(t, w.member, func(tx *store.Tx) error {
				_, err := Leave(tx, Leaving{Contact: id, Scope: scope, Kind: no, Source: "member"})
				return err
			})
			turned := false
			for range rapid.IntRange(1, 6).Draw(rt, "tries") {
				w.Clock.Advance(time.Second)
				w.write(t, w.voice, func(tx *store.Tx) error { // what bends a yes brings back no no
					switch rapid.IntRange(0, 5).Draw(rt, "choice") {
					case 0:
						return contact.Pause(tx, id, rapid.SampledFrom([]int{0, 1, 6}).Draw(rt, "months"), time.UTC)
					case 1:
						return contact.Slow(tx, id, rapid.SampledFrom(contact.Paces()).Draw(rt, "pace"))
					case 2:
						lists, err := list.EnsureMeasuring(tx, "en")
						if err == nil {
							_, err = Grant(tx, list.Opens, Event{Contact: id, List: lists[list.Opens].ID, Source: "preferences"}, false)
						}
						return err
					}
					return nil
				})
				now := legalclock.MomentOf(w.Clock.Now())
				e := Event{Contact: id, List: w.news, Basis: ByConsent, Grade: GradeB}
				e.Kind = rapid.SampledFrom([]Kind{Give, Give, Release, Request, Confirm, Accept, Expire, Remove}).Draw(rt, "kind")
				e.Basis = rapid.SampledFrom(Bases()).Draw(rt, "basis")
				asked := rapid.SampledFrom([]legalclock.Moment{said - 1_000_000, now}).Draw(rt, "asked")
				e.OccurredAt = now
				if e.Kind == Request {
					e.OccurredAt = asked
				}
				if e.Kind == Confirm {
					e.RequestedAt = asked
				}
				who := w.member
				if e.Kind.Own() || e.Kind == Request {
					who = w.voice
				}
				res := w.apply(t, who, e)
				if e.Kind == Confirm && asked > said && res[0].Verdict.OK() {
					turned = true
				}
				s := w.standing(t, id, w.news)
				if (s.Reason == "" || s.State == Given || s.State == Waiting) && !turned {
					rt.Fatalf("a %s brought the person back after their %s: %+v", e.Kind, no, s)
				}
				if turned {
					if e.Kind == Confirm && s.Reason != "" && s.Reason != Paused {
						rt.Fatalf("the person's own yes does not count: %+v", s)
					}
					return
				}
			}
		})
	})
}

// contest runs two acts at once, many times, and checks what they leave; how often each
// came first is told.
func contest(t *testing.T, trials int, prepare func(i int) int64, one, two func(id int64) error, check func(id int64)) {
	t.Helper()
	for i := range trials {
		id := prepare(i)
		var wg sync.WaitGroup
		errs := make([]error, 2)
		start := make(chan struct{})
		for k, act := range []func(int64) error{one, two} {
			wg.Go(func() {
				<-start
				errs[k] = act(id)
			})
		}
		close(start)
		wg.Wait()
		for _, err := range errs {
			must(t, err)
		}
		check(id)
	}
}

const trials = 60

func TestAWithdrawalAndAnImportAtOnceLeaveTheNo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		first := map[string]int{}
		contest(t, trials,
			func(i int) int64 { return w.person(t, fmt.Sprintf("p%d@example.org", i)) },
			func(id int64) error {
				return h.Main.Write(context.Background(), w.voice, func(tx *store.Tx) error {
					_, err := Leave(tx, Leaving{Contact: id, Scope: Scope{OneList, w.news}, Kind: Withdraw, Source: "mail"})
					return err
				})
			},
			func(id int64) error {
				return h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
					res, err := Apply(tx, []Event{{Contact: id, List: w.news, Kind: Give, Basis: ByConsent, Grade: GradeB, Source: "import"}})
					if err == nil {
						v := string(res[0].Verdict)
						tx.AfterCommit(func() { first[v]++ })
					}
					return err
				})
			},
			func(id int64) {
				if s := w.standing(t, id, w.news); s.State != Withdrawn || s.Reason == "" {
					t.Fatalf("a file outvoted the person: %+v", s)
				}
			})
		t.Logf("%s: %d trials; the file's verdicts: %v", h.Dialect, trials, first)
	})
}

func TestAConfirmationAndAWithdrawalAtOnceLeaveTheLaterWord(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		given := 0
		asked := legalclock.MomentOf(w.Clock.Now())
		contest(t, trials,
			func(i int) int64 {
				id := w.person(t, fmt.Sprintf("p%d@example.org", i))
				w.apply(t, w.voice, Event{Contact: id, List: w.news, Kind: Request, OccurredAt: asked})
				return id
			},
			func(id int64) error {
				return h.Main.Write(context.Background(), w.voice, func(tx *store.Tx) error {
					_, err := Apply(tx, []Event{{Contact: id, List: w.news, Kind: Confirm, RequestedAt: asked}})
					return err
				})
			},
			func(id int64) error {
				return h.Main.Write(context.Background(), w.voice, func(tx *store.Tx) error {
					_, err := Apply(tx, []Event{{Contact: id, List: w.news, Kind: Withdraw}})
					return err
				})
			},
			func(id int64) {
				// Whichever came first, the no stands: a confirmation after it was asked for before it.
				w.view(t, func(v *store.View) error {
					events, err := Events(v, id)
					if len(events) != 3 || events[0].Seq == events[1].Seq || events[1].Seq == events[2].Seq {
						t.Fatalf("the ledger has %d events: %+v", len(events), events)
					}
					return err
				})
				if s := w.standing(t, id, w.news); s.State != Withdrawn {
					given++
				}
			})
		if given > 0 {
			t.Fatalf("%d of %d ended with a yes", given, trials)
		}
	})
}

// A slice of events, one at a time or all at once, leaves the same.
func TestABatchLeavesWhatItsEventsLeaveOneByOne(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			a, b := w.person(t, fmt.Sprintf("a%d@example.org", n)), w.person(t, fmt.Sprintf("b%d@example.org", n))
			now := legalclock.MomentOf(w.Clock.Now())
			var events []Event
			for range rapid.IntRange(1, 8).Draw(rt, "n") {
				e := Event{List: rapid.SampledFrom([]int64{w.news, w.offers}).Draw(rt, "list"), Kind: rapid.SampledFrom(Kinds()).Draw(rt, "kind"),
					Basis: rapid.SampledFrom(Bases()).Draw(rt, "basis"), Grade: rapid.SampledFrom([]Grade{GradeB, GradeC, GradeD, Ungraded}).Draw(rt, "grade"), OccurredAt: now}
				if e.Kind == Confirm {
					e.RequestedAt = now
				}
				events = append(events, e)
			}
			all := make([]Event, len(events))
			for i, e := range events {
				e.Contact = a
				w.apply(t, w.voice, e)
				e.Contact = b
				all[i] = e
			}
			w.apply(t, w.voice, all...)
			for _, l := range []int64{w.news, w.offers} {
				x, y := w.standing(t, a, l), w.standing(t, b, l)
				x.EventID, y.EventID = 0, 0
				if x != y {
					rt.Fatalf("one by one %+v, at once %+v\n%+v", x, y, events)
				}
			}
		})
	})
}
