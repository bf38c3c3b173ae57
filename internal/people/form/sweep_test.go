// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

const month = 31 * 24 * time.Hour

func (w *stall) sweep() { w.t.Helper(); must(w.t, form.Sweep(context.Background(), w.Main)) }

func (w *stall) find(email string) (c contact.Contact, ok bool) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { c, ok, err = contact.Find(v, address.Must(email)); return err })
	return c, ok
}

func (w *stall) row(signup int64) (s form.Waiting) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { s, err = form.Look(v, signup); return err })
	return s
}

func (w *stall) person(email string) (p trace.Person) {
	w.t.Helper()
	c, _ := w.find(email)
	w.view(func(v *store.View) (err error) { p, err = contact.Person(v, c.ID); return err })
	return p
}

// left counts rows that name a person, but for the trace and the do-not-mail list.
func (w *stall) left(id int64) (n int64) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		for _, q := range leftovers {
			x, err := store.One[int64](v, q, id)
			if err != nil {
				return err
			}
			n += x
		}
		return nil
	})
	return n
}

var leftovers = func() (out []*store.Query) {
	for _, t := range []string{"consent_event", "consent_origin", "subscription", "contact_activity", "signup"} {
		out = append(out, store.Account("test.left_"+t, "SELECT count(*) FROM "+t+" x WHERE x.account_id = :account AND x.contact_id = ?"))
	}
	return out
}()

func withName(d *form.Definition, w *stall) {
	d.Fields = []form.Field{{Name: "name", Type: "text", Label: both("Name", "Nom"), Why: both("to greet you", "pour vous saluer")}}
	d.Lists = append(d.Lists, form.Choice{List: w.club, Purpose: 1, Label: both("Club", "Club")})
}

func TestWhoNobodyConfirmedLeavesForGood(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, withName)
		news := num(w.news)
		lone := w.submit("lone@example.org", "a.name", "Odile", "list", news)
		again := w.submit("again@example.org", "list", news)
		w.write(func(tx *store.Tx) error {
			_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("hand@example.org"), Name: pii.T("Hanna"), Source: "member"}})
			return err
		})
		hand := w.submit("hand@example.org", "list", news)
		yes := w.submit("yes@example.org", "list", news)
		w.confirm(yes.Signup)
		second := w.submit("yes@example.org", "list", num(w.club))
		notMe := w.submit("other@example.org", "list", news)
		w.asVisitor(func(tx *store.Tx) error { _, err := form.NotMe(tx, notMe.Signup, consent.Origin{}); return err })
		buyer := w.submit("buyer@example.org", "list", news)
		removed := w.submit("removed@example.org", "list", news)
		w.confirm(removed.Signup)
		frozen := w.submit("frozen@example.org", "list", news)
		w.write(func(tx *store.Tx) error {
			b, _, err := contact.Find(tx, address.Must("buyer@example.org"))
			if err != nil {
				return err
			}
			r, _, err := contact.Find(tx, address.Must("removed@example.org"))
			if err != nil {
				return err
			}
			f, _, err := contact.Find(tx, address.Must("frozen@example.org"))
			if err != nil {
				return err
			}
			if err := contact.Mark(tx, f.ID, contact.StateRestricted); err != nil {
				return err
			}
			if _, err := consent.Apply(tx, []consent.Event{{Contact: r.ID, List: w.news, Kind: consent.Remove, Source: "member"}}); err != nil {
				return err
			}
			return contact.Active(tx, []contact.Activity{{Contact: b.ID, Kind: contact.Bought}})
		})
		h.Clock.Advance(2 * time.Hour)
		w.submit("removed@example.org", "list", num(w.club))
		h.Clock.Advance(20 * 24 * time.Hour)
		w.submit("new@example.org", "list", news)
		w.submit("again@example.org", "list", num(w.club))
		before := form.Tally{}
		w.view(func(v *store.View) (err error) { before, err = form.TallyOf(v, w.form); return err })
		person, other := w.person("lone@example.org"), w.person("other@example.org")
		h.Clock.Advance(11 * 24 * time.Hour)
		w.sweep()
		w.sweep()

		for _, gone := range []struct {
			email  string
			signup int64
			trace.Person
		}{{"lone@example.org", lone.Signup, person}, {"other@example.org", notMe.Signup, other}} {
			if _, ok := w.find(gone.email); ok || w.left(gone.ID) != 0 {
				t.Errorf("%s is still here (%d rows)", gone.email, w.left(gone.ID))
			}
			if st := w.confirm(gone.signup); st != form.Vanished {
				t.Errorf("an old link of %s: %s", gone.email, st)
			}
			if _, err := h.Ring.Subject(w.acct, gone.Key); !errors.Is(err, keys.ErrForgotten) {
				t.Errorf("the key of %s: %v", gone.email, err)
			}
		}
		for _, stays := range []struct {
			email, why string
			list       int64
			state      consent.Status
		}{
			{"new@example.org", "signed up ten days ago", w.news, consent.Requested},
			{"again@example.org", "signed up again", w.club, consent.Requested},
			{"hand@example.org", "made by a member", w.news, consent.Expired},
			{"yes@example.org", "said yes to another list", w.news, consent.Given},
			{"buyer@example.org", "bought something", w.news, consent.Expired},
			{"removed@example.org", "had a yes, whose proof is kept", w.news, consent.None},
			{"frozen@example.org", "asked that nothing be done with their data", w.news, consent.Expired},
		} {
			st, c := w.standing(stays.email, stays.list)
			if c.ID == 0 || st.State != stays.state {
				t.Errorf("%s, who %s: here %v, %q", stays.email, stays.why, c.ID != 0, st.State)
			}
		}
		for _, s := range []int64{again.Signup, hand.Signup, second.Signup, buyer.Signup, frozen.Signup} {
			if w.row(s).ID != 0 {
				t.Errorf("sign-up %d is kept after its time", s)
			}
		}
		if w.row(yes.Signup).ID == 0 {
			t.Error("a confirmed sign-up went")
		}
		var after form.Tally
		w.view(func(v *store.View) error {
			all, err := form.Tallies(v)
			after = all[w.form]
			return err
		})
		if after.All() != before.All() || after.Confirmed != before.Confirmed || after.NotMe != 1 || after.Expired != 7 || after.Pending != 2 {
			t.Errorf("the form's totals: %+v, before %+v", after, before)
		}
		w.view(func(v *store.View) error {
			acts, err := trace.Search(v, trace.Question{Action: "contact.drop"})
			told := 0
			for _, e := range acts { // one act, or more where a step gave others their turn
				n, _ := strconv.Atoi(e.Fields()["members"])
				told += max(n, 1)
			}
			if told != 2 {
				t.Errorf("%d people are told to have gone, in %d entries", told, len(acts))
			}
			return err
		})
		w.stillNotMe("other@example.org")
	})
}

// stillNotMe checks that "not me" outlived the person.
func (w *stall) stillNotMe(email string) {
	w.t.Helper()
	if out := w.submit(email, "list", num(w.news)); out.Signup != 0 || !out.Mail {
		w.t.Errorf("who said “not me” is asked again: %+v", out)
	}
	var res []consent.Result
	w.write(func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "import"}})
		if err != nil {
			return err
		}
		res, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: w.news, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB, Source: "import", Row: rows[0]}})
		return err
	})
	if res[0].Verdict != consent.Suppressed {
		w.t.Errorf("an import of who said “not me”: %s", res[0].Verdict)
	}
}

func TestAskingAgainKeepsASignUp(t *testing.T) {
	h := testhouse.SQLite(t)
	w := settle(t, h, nil)
	out := w.submit("late@example.org")
	h.Clock.Advance(29 * 24 * time.Hour)
	w.asVisitor(func(tx *store.Tx) error { _, err := form.AskAgain(tx, out.Signup); return err })
	w.write(func(tx *store.Tx) error { _, err := form.DraftConfirmation(tx, out.Signup); return err })
	h.Clock.Advance(2 * 24 * time.Hour)
	w.sweep()
	if st := w.confirm(out.Signup); st != form.Ready {
		t.Errorf("a link of the day before yesterday: %s", st)
	}
}

// Wherever a sweep is killed, nobody is half gone, and the next one ends it, keys too.
func TestASweepThatIsKilledAnywhereIsEndedByTheNext(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, withName)
		died := errors.New("killed")
		stride := 1
		if h.Dialect == "postgres" && os.Getenv("CONSEND_TEST_SOAK") == "" {
			stride = 4
		}
		for n := 1; ; n += stride {
			emails := []string{fmt.Sprintf("a%d@example.org", n), fmt.Sprintf("b%d@example.org", n)}
			var people []trace.Person
			for _, e := range emails {
				w.submit(e, "a.name", "Odile", "list", num(w.news))
				people = append(people, w.person(e))
			}
			h.Clock.Advance(month)
			at := 0
			hook := func(string) error {
				if at++; at == n {
					return died
				}
				return nil
			}
			h.Main.SetHook(hook)
			h.Keys.SetHook(hook)
			err := form.Sweep(context.Background(), h.Main)
			h.Main.SetHook(nil)
			h.Keys.SetHook(nil)
			if err != nil && !errors.Is(err, died) {
				t.Fatalf("statement %d: %v", n, err)
			}
			for i, e := range emails {
				_, here := w.find(e)
				if rows := w.left(people[i].ID); here != (rows > 0) {
					t.Errorf("statement %d: %s is half gone: here %v, %d rows", n, e, here, rows)
				}
			}
			w.sweep()
			for i, e := range emails {
				if _, here := w.find(e); here {
					t.Errorf("statement %d: %s is still here", n, e)
				}
				if _, err := h.Ring.Subject(w.acct, people[i].Key); !errors.Is(err, keys.ErrForgotten) {
					t.Errorf("statement %d: the key of %s opens: %v", n, e, err)
				}
			}
			if err == nil {
				t.Logf("fewer than %d statements", n)
				if n < 20 {
					t.Errorf("a sweep of fewer than %d statements", n)
				}
				return
			}
		}
	})
}

// Whoever signs up, or confirms, while a sweep is about to delete them is not lost.
func TestWhoComesBackWhileASweepRunsWins(t *testing.T) {
	trials := 12
	if os.Getenv("CONSEND_TEST_SOAK") != "" {
		trials = 600
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, withName)
		swept := 0
		for n := range trials {
			var back, later []string
			var links []int64
			for k := range 4 {
				back = append(back, fmt.Sprintf("back%d.%d@example.org", n, k))
				later = append(later, fmt.Sprintf("later%d.%d@example.org", n, k))
				w.submit(back[k], "list", num(w.news))
				w.submit(later[k], "list", num(w.news))
			}
			h.Clock.Advance(month - time.Hour)
			for k := range later {
				links = append(links, w.submit(later[k], "list", num(w.club)).Signup)
			}
			h.Clock.Advance(2 * time.Hour)
			ids := map[string]int64{}
			for _, e := range back {
				c, _ := w.find(e)
				ids[e] = c.ID
			}
			var all sync.WaitGroup
			errs := make([]error, 2*len(back)+1)
			all.Go(func() { errs[0] = form.Sweep(context.Background(), h.Main) })
			for k := range back {
				s := w.submission(back[k], "list", num(w.news))
				all.Go(func() {
					out, err := form.Take(context.Background(), h.Main, w.visitor, s)
					if err == nil && out.Signup == 0 {
						err = errors.New("nothing was written")
					}
					errs[1+2*k] = err
				})
				all.Go(func() {
					errs[2+2*k] = h.Main.Write(context.Background(), w.visitor, func(tx *store.Tx) error {
						st, err := form.Confirm(tx, links[k], consent.Origin{IP: ip, Source: "direct"})
						if err == nil && st != form.Ready {
							err = fmt.Errorf("stage %s", st)
						}
						return err
					})
				})
			}
			all.Wait()
			must(t, errors.Join(errs...))
			for k := range back {
				st, c := w.standing(back[k], w.news)
				if st.State != consent.Requested {
					t.Fatalf("trial %d: who signed up again: %+v", n, st)
				}
				if c.ID != ids[back[k]] {
					swept++
				}
				if st, _ := w.standing(later[k], w.club); st.State != consent.Given {
					t.Fatalf("trial %d: who confirmed: %+v", n, st)
				}
			}
		}
		t.Logf("%d trials of %d: the sweep came first", swept, 4*trials)
	})
}

var spoil = store.Account("test.spoil_signup", `UPDATE signup SET version_id = 1 WHERE account_id = :account AND id = ?`)

func TestASignUpThatCannotBeReadHoldsUpNoOtherAccounts(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		first, second := settle(t, h, nil), settle(t, h, nil)
		bad := first.submit("bad@example.org")
		second.submit("other@example.org")
		first.write(func(tx *store.Tx) error { tx.Do(spoil, bad.Signup); return nil })
		h.Clock.Advance(month)
		if err := form.Sweep(context.Background(), h.Main); err == nil {
			t.Error("nobody hears of it")
		}
		if _, ok := second.find("other@example.org"); ok {
			t.Error("another account was not looked at")
		}
	})
}

func TestSignUpsAreCountedByTheAccountsDay(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		paris, err := time.LoadLocation("Europe/Paris")
		must(t, err)
		h.Clock.Set(time.Date(2026, 3, 2, 22, 50, 0, 0, time.UTC))
		w.submit("a@example.org")
		h.Clock.Advance(20 * time.Minute) // the next day there, not yet here
		w.submit("b@example.org")
		h.Clock.Advance(2 * time.Hour)
		w.submit("c@example.org")
		for zone, want := range map[*time.Location]string{paris: "2026-03-03 2, 2026-03-02 1", time.UTC: "2026-03-03 1, 2026-03-02 2"} {
			w.view(func(v *store.View) error {
				days, err := form.ByDay(v, w.form, v.Now, zone)
				var got []string
				for _, d := range days {
					got = append(got, fmt.Sprint(d.Day, " ", d.Pending))
				}
				if s := strings.Join(got, ", "); s != want {
					t.Errorf("%s: %s, want %s", zone, s, want)
				}
				return err
			})
		}
	})
}
