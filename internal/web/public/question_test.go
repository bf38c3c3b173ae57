// SPDX-License-Identifier: AGPL-3.0-or-later

package public_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/once"
	"consend/internal/testhouse"
)

// claimed is somebody who stands on the list by a member's word; owed, to be told where their address comes from.
func (w *counter) claimed(email string, owed bool) (id int64) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		n := contact.New{Email: address.Must(email), Source: "member", Language: "en"}
		if owed {
			n.NoticeDueAt = tx.Now.Add(20 * 24 * time.Hour)
		}
		rows, err := contact.Ensure(tx, []contact.New{n})
		if err != nil {
			return err
		}
		id = rows[0].ID
		_, err = consent.Apply(tx, []consent.Event{{Contact: id, List: w.news, Kind: consent.Give, Basis: consent.B2B, BasisRef: "they buy tools", Grade: consent.GradeD, DeclaredBy: w.member.ID, Source: "member", Method: "business", Row: rows[0]}})
		return err
	})
	return id
}

// asks lets everybody of the list be asked, and takes the sending service's part.
func (w *counter) asks() {
	w.t.Helper()
	var run int64
	w.write(func(tx *store.Tx) (err error) { run, err = once.BeginAsk(tx, w.news, 0, 1); return err })
	must(w.t, once.Work(context.Background(), &job.Run{DB: w.Main, Ref: run, Who: actor.Worker("once.run", w.acct)}))
}

func (w *counter) took(id, listID int64) (d compose.Draft) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		o, ok, err := once.Find(tx, id, listID)
		if err != nil || !ok {
			return fmt.Errorf("nothing is wanted: %w", err)
		}
		write := once.DraftAsk
		if listID == 0 {
			write = once.DraftTell
		}
		if d, err = write(tx, o.ID); err != nil {
			return err
		}
		return once.Ended(tx, o.ID, 4711, once.Done, "")
	})
	return d
}

func path(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	must(t, err)
	return u.Path
}

func (w *counter) standing(id int64) (s consent.Standing) {
	w.t.Helper()
	must(w.t, w.Main.View(context.Background(), w.member, func(v *store.View) error {
		all, err := consent.Standings(v, id)
		for _, x := range all {
			if x.ListID == w.news {
				s = x
			}
		}
		return err
	}))
	return s
}

func TestAQuestionsPageShowsThreeAnswersAndOnlyAButtonAnswers(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		people := map[string]int64{}
		for _, do := range []string{"yes", "no", "not_me", "silent"} {
			people[do] = w.claimed(do+"@example.org", false)
		}
		w.asks()
		for do, id := range people {
			d := w.took(id, w.news)
			link := ""
			for _, b := range d.Blocks {
				if b.Kind == compose.Button {
					link = path(t, b.URL)
				}
			}
			before := w.Entries(t, w.member)
			for range 3 { // machines look
				code, page, _ := w.ask("GET", link, nil)
				if code != http.StatusOK || !strings.Contains(page, "Monthly news") || strings.Count(page, `name="do"`) != 3 || strings.Contains(page, "checked") {
					t.Fatalf("%s: %d\n%s", do, code, page)
				}
			}
			if n := w.Entries(t, w.member); n != before || w.standing(id).Grade != consent.GradeD {
				t.Errorf("a look wrote %d entries: %+v", n-before, w.standing(id))
			}
			if do == "silent" {
				continue
			}
			if code, _, _ := w.ask("POST", link, url.Values{"do": {"maybe"}}); code != http.StatusUnprocessableEntity && code != http.StatusBadRequest {
				t.Errorf("another answer: %d", code)
			}
			if code, page, _ := w.ask("POST", link, url.Values{"do": {do}}); code != http.StatusOK || !strings.Contains(page, map[string]string{"yes": "Your yes is noted"}[do]) {
				t.Errorf("%s: %d\n%s", do, code, page)
			}
			if code, page, _ := w.ask("GET", link, nil); code != http.StatusOK || !strings.Contains(page, map[bool]string{true: "said yes already", false: "that stands"}[do == "yes"]) {
				t.Errorf("%s, again: %d\n%s", do, code, page)
			}
			if code, page, _ := w.ask("POST", link, url.Values{"do": {"yes"}}); code != http.StatusOK || do != "yes" && w.standing(id).State == consent.Given {
				t.Errorf("%s, then a yes: %d, %+v\n%s", do, code, w.standing(id), page)
			}
			if code, _, _ := w.ask("GET", forged(link), nil); code != http.StatusNotFound {
				t.Errorf("a forged link: %d", code)
			}
		}
		for do, want := range map[string]consent.Status{"yes": consent.Given, "no": consent.Withdrawn, "not_me": consent.Refused, "silent": consent.Given} {
			if s := w.standing(people[do]); s.State != want || (s.Grade == consent.GradeA) != (do == "yes") {
				t.Errorf("%s: %+v", do, s)
			}
		}
	})
}

func TestTheMailThatTellsIsLeftInOneClickAndThenNothingMoreComes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		id := w.claimed("told@example.org", true)
		w.Clock.Advance(15 * 24 * time.Hour)
		must(t, once.Daily(w.Main)(context.Background()))
		link := path(t, w.took(id, 0).Leave)
		if code, page, _ := w.ask("GET", link, nil); code != http.StatusOK || !strings.Contains(page, "but for what it owes you") {
			t.Errorf("%d\n%s", code, page)
		}
		if s := w.standing(id); s.State != consent.Given {
			t.Errorf("after a look: %+v", s)
		}
		if code, _, _ := w.ask("POST", link, url.Values{"List-Unsubscribe": {"One-Click"}}); code != http.StatusOK {
			t.Errorf("one click: %d", code)
		}
		if s := w.standing(id); s.State != consent.Withdrawn || s.Reason != consent.HasObjected {
			t.Errorf("%+v", s)
		}
	})
}

// forged is a link whose signature differs by one sign. The last one would not do: not all its bits count.
func forged(link string) string {
	i, other := len(link)-3, "a"
	if link[i] == 'a' {
		other = "b"
	}
	return link[:i] + other + link[i+1:]
}

// A question that went to a mailbox they have left says nothing for the new one; a no is heard from there.
func TestAQuestionInAMailboxThatWasLeftGivesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, nil)
		ids := []int64{w.claimed("old1@example.org", false), w.claimed("old2@example.org", false)}
		w.asks()
		for i, do := range []string{"yes", "no"} {
			id := ids[i]
			d := w.took(id, w.news)
			link := path(t, d.Blocks[slices.IndexFunc(d.Blocks, func(b compose.Block) bool { return b.Kind == compose.Button })].URL)
			var c contact.Contact
			must(t, w.Main.View(context.Background(), w.member, func(v *store.View) (err error) { c, err = contact.Get(v, id); return err }))
			w.Clock.Advance(time.Minute)
			w.move(id, w.choices(c), fmt.Sprintf("new%d@example.org", i))
			if code, page, _ := w.ask("GET", link, nil); code != http.StatusGone || strings.Contains(page, `value="yes"`) {
				t.Errorf("it is still asked: %d\n%s", code, page)
			}
			w.ask("POST", link, url.Values{"do": {do}})
			if s := w.standing(id); (s.State == consent.Given) != (do == "yes") || s.Grade == consent.GradeA {
				t.Errorf("%s: %+v", do, s)
			}
		}
	})
}
