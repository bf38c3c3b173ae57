// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/team/account"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

var blockSince = store.Account("test.block_since", `SELECT COALESCE(MAX(b.since), 0) FROM confirm_block b WHERE b.account_id = :account`)

func (w *stall) blocked() (since int64) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { since, err = store.One[int64](v, blockSince); return err })
	return since
}

func (w *stall) notMe(signup int64) (st form.Stage) {
	w.t.Helper()
	w.asVisitor(func(tx *store.Tx) (err error) { st, err = form.NotMe(tx, signup, from); return err })
	return st
}

// newest is the sign-up that was made last.
func (w *stall) newest() (id int64) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		all, err := form.Signups(v, w.form, 0, form.Which{State: "pending"}, 1)
		id = all[0].ID
		return err
	})
	return id
}

// TestANotMeStandsUntilTheMailboxConfirms: asking for a new link, after it or on the page of choices, opens nothing; a
// stranger's sign-up finds it shut as before. The press opens it, and the trace and the ledger tell.
func TestANotMeStandsUntilTheMailboxConfirms(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, ask := range map[string]func(w *stall, signup, person int64){
			"after all": func(w *stall, signup, _ int64) {
				w.asVisitor(func(tx *store.Tx) error { _, err := form.Reconsider(tx, signup, "[I want it]\n", from); return err })
			},
			"by her choices": func(w *stall, _, person int64) {
				w.asVisitor(func(tx *store.Tx) error {
					_, err := form.Back(context.Background(), tx, person, w.news, "[Ask me]\n", from)
					return err
				})
			},
		} {
			w := settle(t, h, nil)
			quiet := func() bool { return w.submit("mona@example.org").Signup == 0 }
			first := w.submit("mona@example.org")
			h.Clock.Advance(time.Minute)
			w.notMe(first.Signup)
			_, c := w.standing("mona@example.org", w.news)
			said := w.blocked()
			h.Clock.Advance(25 * time.Hour)
			before := w.facts("form.requested")
			ask(w, first.Signup, c.ID)
			if w.facts("form.requested") != before+1 || w.blocked() != said {
				t.Fatalf("%s: %d mails, shut since %d", name, w.facts("form.requested")-before, w.blocked())
			}
			if !quiet() {
				t.Errorf("%s: a stranger is let through before the press", name)
			}
			second := w.newest()
			h.Clock.Advance(time.Minute)
			w.notMe(second) // said once more: it counts from now, also after a restore
			if w.blocked() <= said {
				t.Errorf("%s: the second no counts from the first", name)
			}
			h.Clock.Advance(25 * time.Hour)
			w.asVisitor(func(tx *store.Tx) error { _, err := form.Reconsider(tx, second, "[I want it]\n", from); return err })
			third := w.newest()
			h.Clock.Advance(time.Minute)
			if st := w.confirm(third); st != form.Ready || w.blocked() != 0 || quiet() {
				t.Errorf("%s: confirmed: %s, shut since %d", name, st, w.blocked())
			}
			w.view(func(v *store.View) error {
				lines, err := store.All[string](v, mailboxLines)
				if !strings.Contains(strings.Join(lines, ","), "confirm open") {
					t.Errorf("%s: the ledger is told %q", name, lines)
				}
				all, err2 := trace.Search(v, trace.Question{Action: "form.reopen"})
				if err2 != nil || len(all) != 1 {
					t.Errorf("%s: %d in the trace, %v", name, len(all), err2)
				}
				return err
			})
		}
	})
}

// TestTheProofHoldsTheWordsOfTheMail: with the name the account bears there, which its note may not.
func TestTheProofHoldsTheWordsOfTheMail(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		var name string
		w.view(func(v *store.View) error { a, err := account.Get(v); name = a.Name; return err })
		if name == "" || name == w.live.Note.Content.Controller.Name {
			t.Fatalf("the names are the same: %q", name)
		}
		out := w.submit("lea@example.org")
		h.Clock.Advance(time.Minute)
		var d compose.Draft
		w.write(func(tx *store.Tx) (err error) { d, err = form.DraftConfirmation(tx, out.Signup); return err })
		w.confirm(out.Signup)
		words := w.lastWords("lea@example.org")
		for _, b := range d.Blocks {
			for _, part := range strings.Split(b.Text, name) {
				if strings.Contains(part, "2026") {
					continue // the moment differs from one to the other
				}
				if !strings.Contains(words, strings.TrimSpace(part)) {
					t.Errorf("the proof lacks %q:\n%s", part, words)
				}
			}
		}
		if !strings.Contains(words, name) || strings.Contains(words, w.live.Note.Content.Controller.Name) {
			t.Errorf("the proof names another:\n%s", words)
		}
	})
}

// lastWords are those of the last event of a person.
func (w *stall) lastWords(email string) (words string) {
	w.t.Helper()
	_, c := w.standing(email, w.news)
	w.view(func(v *store.View) error {
		all, err := consent.Events(v, c.ID)
		if err == nil {
			words, err = consent.Words(v, all[len(all)-1].TextSHA256)
		}
		return err
	})
	return words
}

func twoLists(d *form.Definition, w *stall) {
	d.Lists = append(d.Lists, form.Choice{List: w.club, Purpose: 1, Label: both("Club evenings", "Soirées du club")})
}

func (w *stall) leave(email string, l int64) {
	w.t.Helper()
	_, c := w.standing(email, l)
	w.asVisitor(func(tx *store.Tx) error {
		_, err := consent.Apply(tx, []consent.Event{{Contact: c.ID, List: l, Kind: consent.Withdraw, Source: "preferences"}})
		return err
	})
}

// TestAPressGivesAndTellsNoMoreThanWasStillAskedFor: who leaves one of two lists meanwhile is asked about the
// other alone, and their receipt names it alone.
func TestAPressGivesAndTellsNoMoreThanWasStillAskedFor(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, twoLists)
		out := w.submit("lea@example.org", "list", num(w.news), "list", num(w.club))
		mail := func() (text string, err error) {
			err = h.Main.Write(context.Background(), w.member, func(tx *store.Tx) error {
				d, err := form.DraftReminder(tx, out.Signup)
				for _, b := range d.Blocks {
					text += b.Text + "\n"
				}
				return err
			})
			return text, err
		}
		if x := w.look(out.Signup); len(x.Asks().Mails) != 2 {
			t.Fatalf("asks for %v", x.Asks())
		}
		h.Clock.Advance(time.Minute)
		w.leave("lea@example.org", w.club)
		h.Clock.Advance(time.Minute)
		if x := w.look(out.Signup); len(x.Kept()) != 1 || x.Kept()[0] != w.news || len(x.Lists()) != 2 || len(x.Asks().Mails) != 1 {
			t.Errorf("the page offers %v", x.Asks())
		}
		if text, err := mail(); err != nil || !strings.Contains(text, "Nouvelles du mois") || strings.Contains(text, "Soirées du club") {
			t.Errorf("the reminder: %v\n%s", err, text)
		}
		if st := w.confirm(out.Signup); st != form.Ready {
			t.Fatal(st)
		}
		if s, _ := w.standing("lea@example.org", w.club); s.State != consent.Withdrawn {
			t.Errorf("the list that was left: %s", s.State)
		}
		if x := w.look(out.Signup); len(x.Kept()) != 1 || x.Kept()[0] != w.news {
			t.Errorf("confirmed %v", x.Kept())
		}
		must(t, trace.SealNow(context.Background(), h.Main))
		w.write(func(tx *store.Tx) error {
			d, err := evidence.DraftReceipt(tx, out.Signup)
			text := ""
			for _, b := range d.Blocks {
				text += b.Text + "\n"
			}
			if !strings.Contains(text, "Nouvelles du mois") || strings.Contains(text, "Soirées du club") {
				t.Errorf("the receipt says\n%s", text)
			}
			return err
		})
		// Who left both is asked nothing more, and may ask anew.
		out = w.submit("max@example.org", "list", num(w.news), "list", num(w.club))
		h.Clock.Advance(time.Minute)
		w.leave("max@example.org", w.news)
		w.leave("max@example.org", w.club)
		if _, err := mail(); !fault.Is(err, fault.Gone) {
			t.Errorf("a reminder to who left it all: %v", err)
		}
		h.Clock.Advance(time.Minute)
		var st form.Stage
		w.view(func(v *store.View) (err error) {
			x, _ := form.Look(v, out.Signup)
			st, err = x.Stage(v, v.Now)
			return err
		})
		if st != form.SaidNo {
			t.Errorf("its page: %s", st)
		}
		before := w.facts("form.requested")
		w.asVisitor(func(tx *store.Tx) (err error) {
			st, err = form.Reconsider(tx, out.Signup, "[I want it]\n", from)
			return err
		})
		if st != form.Ready || w.facts("form.requested") != before+1 {
			t.Errorf("asked anew: %s", st)
		}
	})
}

// TestANotMeLeavesWhatTheOwnerSaidYesTo: a stranger's sign-up and its "not me" end no yes that was there before.
func TestANotMeLeavesWhatTheOwnerSaidYesTo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, twoLists)
		w.confirm(w.submit("lea@example.org", "list", num(w.news)).Signup)
		had, _ := w.standing("lea@example.org", w.news)
		h.Clock.Advance(time.Hour)
		out := w.submit("lea@example.org", "list", num(w.news), "list", num(w.club))
		h.Clock.Advance(time.Minute)
		if st := w.notMe(out.Signup); st != form.SaidNo || w.blocked() == 0 {
			t.Fatalf("not me: %s, shut since %d", st, w.blocked())
		}
		if s, _ := w.standing("lea@example.org", w.news); s.State != consent.Given || s.EventID != had.EventID || s.Reason != "" {
			t.Errorf("her own yes: %+v", s)
		}
		if s, _ := w.standing("lea@example.org", w.club); s.State != consent.Refused {
			t.Errorf("what the stranger asked for: %s", s.State)
		}
		w.view(func(v *store.View) error {
			held, err := form.Held(v, w.look(out.Signup))
			if len(held) != 1 || held[0].ListID != w.news || held[0].SaidAt != had.SaidAt {
				t.Errorf("the page says she stays on %+v", held)
			}
			return err
		})
		// What the very sign-up gave goes with it, be it pressed by a machine first.
		out = w.submit("max@example.org", "list", num(w.news))
		h.Clock.Advance(time.Minute)
		w.confirm(out.Signup)
		h.Clock.Advance(time.Minute)
		w.notMe(out.Signup)
		if s, _ := w.standing("max@example.org", w.news); s.State != consent.Refused {
			t.Errorf("a yes of this sign-up: %s", s.State)
		}
	})
}
