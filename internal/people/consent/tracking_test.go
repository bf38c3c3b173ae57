// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// measuring makes the account's two lists.
func (w *town) measuring(t testing.TB) (out map[string]list.List) {
	t.Helper()
	w.write(t, w.member, func(tx *store.Tx) (err error) { out, err = list.EnsureMeasuring(tx, "fr"); return err })
	return out
}

func (w *town) measured(t testing.TB, id int64) (m Measured) {
	t.Helper()
	w.view(t, func(v *store.View) error {
		all, err := Tracking(v, []int64{id})
		m = all[id]
		return err
	})
	return m
}

func TestUnknownIsNotMeasuredAndOpensAreNotClicks(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		on := w.measuring(t)
		if again := w.measuring(t); again[list.Opens].ID != on[list.Opens].ID || again[list.Clicks].ID != on[list.Clicks].ID || len(again) != 2 {
			t.Fatalf("made twice: %+v", again)
		}
		id := w.person(t, "lea@example.org")
		w.confirm(t, id, w.news)
		if m := w.measured(t, id); m != (Measured{}) {
			t.Fatalf("unknown: %+v", m)
		}
		// Nobody gives it for another, and no basis of mail is one of measuring.
		for _, b := range append(Bases(), "") {
			for _, g := range []Grade{GradeB, GradeC, GradeD, Ungraded} {
				if r := w.apply(t, w.member, Event{Contact: id, List: on[list.Opens].ID, Kind: Give, Basis: b, Grade: g}); r[0].Verdict.OK() {
					t.Errorf("a member gave it by %s/%s", b, g)
				}
			}
		}
		w.apply(t, w.voice, Event{Contact: id, List: on[list.Clicks].ID, Kind: Accept})
		if m := w.measured(t, id); m != (Measured{Clicks: true}) {
			t.Errorf("a yes to clicks: %+v", m)
		}
		w.apply(t, w.voice, Event{Contact: id, List: on[list.Opens].ID, Kind: Accept})
		for _, end := range []struct {
			name     string
			do, undo func(tx *store.Tx) error
		}{
			{"frozen", func(tx *store.Tx) error { return contact.Restrict(tx, id, "asked") }, func(tx *store.Tx) error { return contact.Unrestrict(tx, id, "asked") }},
			{"objected", func(tx *store.Tx) error { return Suppress(tx, id, Objected, Everything) }, nil},
		} {
			h.Clock.Advance(time.Second)
			w.write(t, w.member, end.do)
			if m := w.measured(t, id); m != (Measured{}) {
				t.Errorf("%s: %+v", end.name, m)
			}
			if end.undo != nil {
				w.write(t, w.member, end.undo)
				if m := w.measured(t, id); m != (Measured{true, true}) {
					t.Errorf("after %s: %+v", end.name, m)
				}
			}
		}
	})
}

// CNIL 2026-042: who was told before the day, with dated evidence; in no other country, on no bare word, never past a no.
func TestInformedWithoutObjectionCountsInFranceWithDatedEvidenceOnly(t *testing.T) {
	day, _ := legalclock.ParseDate("2026-07-14")
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		opens := w.measuring(t)[list.Opens].ID
		zone, _ := time.LoadLocation("Europe/Paris")
		before, n := day.Start(zone)-1, 0
		h.Clock.Advance(day.AddDays(30).Start(zone).Sub(legalclock.MomentOf(h.Clock.Now())))
		for _, c := range []struct {
			at   legalclock.Moment
			g    Grade
			rule string
			want Verdict
		}{
			{before, GradeB, "FR", Applied}, {before, GradeC, "FR", Applied}, {before, GradeD, "FR", BadGrade}, {before, Ungraded, "FR", BadGrade},
			{before + 1, GradeB, "FR", BadBasis}, {0, GradeB, "FR", BadBasis}, {before, GradeB, "DE", BadBasis},
		} {
			n++
			h.Raw(t, fmt.Sprintf("UPDATE account SET country = '%s', rules = '', zone = 'Europe/Paris' WHERE account_id = %d", c.rule, w.account))
			id := w.person(t, fmt.Sprintf("p%d@example.org", n))
			r := w.apply(t, w.member, Event{Contact: id, List: opens, Kind: Give, Basis: Informed, Grade: c.g, OccurredAt: c.at, Source: "import"})
			if r[0].Verdict != c.want {
				t.Errorf("%+v: %s", c, r[0].Verdict)
			}
			if m := w.measured(t, id); m.Opens != (c.want == Applied) {
				t.Errorf("%+v: measured %+v", c, m)
			}
			if s := w.standing(t, id, opens); c.want == Applied && s.Basis != Informed {
				t.Errorf("%+v: shown as %q", c, s.Basis)
			}
			if c.want == Applied { // it isn't a yes: a no ends it at once, and no import brings it back
				w.apply(t, w.voice, Event{Contact: id, List: opens, Kind: Withdraw})
				w.apply(t, w.member, Event{Contact: id, List: opens, Kind: Give, Basis: Informed, Grade: GradeB, OccurredAt: c.at})
				if m := w.measured(t, id); m.Opens {
					t.Error("an import outvoted the person")
				}
			}
			// and it is no basis for mail
			if r := w.apply(t, w.member, Event{Contact: id, List: w.news, Kind: Give, Basis: Informed, Grade: GradeB, OccurredAt: c.at}); r[0].Verdict != BadBasis {
				t.Errorf("mail by it: %s", r[0].Verdict)
			}
		}
		// It counts where the account's country and the stated one both know it (L13), and as long as they do; and of no minor.
		law := func(country string) {
			h.Raw(t, fmt.Sprintf("UPDATE account SET country = '%s', rules = '' WHERE account_id = %d", country, w.account))
		}
		law("FR")
		people := w.born(t, "FR", "IT", "")
		for i, want := range []Verdict{Applied, BadBasis, Applied} {
			if r := w.apply(t, w.member, Event{Contact: people[i], List: opens, Kind: Give, Basis: Informed, Grade: GradeB, OccurredAt: before, Source: "import"}); r[0].Verdict != want {
				t.Errorf("person %d: %s, not %s", i, r[0].Verdict, want)
			}
		}
		live := func(when string, want ...bool) {
			t.Helper()
			for i, id := range people {
				if m := w.measured(t, id); m.Opens != want[i] {
					t.Errorf("%s: person %d: %+v", when, i, m)
				}
			}
		}
		live("told", true, false, true)
		italy := "IT"
		w.write(t, w.member, func(tx *store.Tx) error { return contact.Correct(tx, people[2], 0, contact.Change{Country: &italy}) })
		live("moved", true, false, false)
		law("DE")
		live("the account moved", false, false, false)
		law("FR")
		h.Raw(t, fmt.Sprintf("UPDATE contact SET age = 2 WHERE account_id = %d AND id = %d", w.account, people[0]))
		live("too young", false, false, false)
	})
}

func TestANoToMeasuringIsNotAskedAgainWithinTheTermAndNothingRevivesIt(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		opens, n := w.measuring(t)[list.Opens].ID, 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			id := w.person(t, fmt.Sprintf("p%d@example.org", n))
			if rapid.Bool().Draw(rt, "agreed") {
				w.apply(t, w.voice, Event{Contact: id, List: opens, Kind: Accept})
			}
			h.Clock.Advance(time.Second)
			said := legalclock.MomentOf(h.Clock.Now())
			no := rapid.SampledFrom([]Kind{Withdraw, Refuse, Object}).Draw(rt, "no")
			w.apply(t, w.voice, Event{Contact: id, List: opens, Kind: no})
			until := legalclock.MomentOf(said.Time().AddDate(0, 6, 0))
			for range rapid.IntRange(1, 5).Draw(rt, "tries") {
				h.Clock.Advance(time.Duration(rapid.SampledFrom([]int{1, 24, 24 * 100}).Draw(rt, "hours")) * time.Hour)
				now := legalclock.MomentOf(h.Clock.Now())
				asks := false
				w.view(t, func(v *store.View) error {
					all, err := Answers(v, id)
					asks = all[0].Ask
					return err
				})
				if asks != (now >= until) {
					rt.Fatalf("asked %v after %s: %t", now, no, asks)
				}
				ok := false
				switch rapid.IntRange(0, 2).Draw(rt, "try") {
				case 0:
					w.apply(t, w.voice, Event{Contact: id, List: opens, Kind: Accept})
				case 1:
					w.apply(t, w.member, Event{Contact: id, List: opens, Kind: Give, Basis: Informed, Grade: GradeB, OccurredAt: 1})
				case 2:
					w.write(t, w.voice, func(tx *store.Tx) (err error) {
						ok, err = Grant(tx, list.Opens, Event{Contact: id, Source: "preferences", Method: "page"}, false)
						return err
					})
				}
				if ok != w.measured(t, id).Opens || ok && now < until {
					rt.Fatalf("ok %t, measured %+v, %v before the term ends", ok, w.measured(t, id), until.Sub(now))
				}
				if ok {
					return
				}
			}
		})
	})
}

func TestTheDateOfAnOpenIsExemptOnServiceMailAndMailConsentedToOnly(t *testing.T) {
	packs := rulepack.Packs()
	rules := rulepack.Published(packs[len(packs)-1])
	for _, b := range append(Bases(), "", Informed) {
		if ExemptOpen(b, "campaign", rules) != (b == ByConsent) {
			t.Errorf("a campaign by %q", b)
		}
		for class, want := range map[string]bool{"receipt": true, "notice": true, "confirmation": false, "sign_in": false, "invitation": false, "checkpoint": false, "": false} {
			if ExemptOpen(b, class, rules) != want {
				t.Errorf("%s by %q", class, b)
			}
		}
	}
}
