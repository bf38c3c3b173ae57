// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
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
