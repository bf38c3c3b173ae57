// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/testhouse"
)

// allowed is the law of the pack by hand: where a basis holds, read without the code under test.
func allowed(b Basis, law, stated string) bool {
	in := func(c string) bool {
		switch b {
		case B2B, NonCommercial:
			return c == "FR"
		case SoftOptIn, Member, PublicTask:
			return true
		}
		return false
	}
	switch {
	case b == ByConsent || b == Contract:
		return true
	case law == "" && stated == "":
		return in("")
	}
	return (law == "" || in(law)) && (stated == "" || in(stated))
}

// moves gives the account another country.
func (w *town) moves(t testing.TB, country string) {
	t.Helper()
	w.Raw(t, fmt.Sprintf("UPDATE account SET country = '%s', rules = '' WHERE account_id = %d", country, w.account))
}

// serves says whether the purpose of the newsletter is a service's.
func (w *town) serves(t testing.TB, is bool) {
	t.Helper()
	w.Raw(t, fmt.Sprintf("UPDATE purpose SET service = %d WHERE account_id = %d AND id = %d", map[bool]int{true: 1}[is], w.account, w.purpose))
}

// born makes people who stated countries.
func (w *town) born(t testing.TB, countries ...string) (ids []int64) {
	t.Helper()
	w.write(t, w.member, func(tx *store.Tx) error {
		news := make([]contact.New, len(countries))
		for i, c := range countries {
			news[i] = contact.New{Email: address.Must(fmt.Sprintf("n%d@example.org", tx.ID())), Country: c, Source: "member"}
		}
		rows, err := contact.Ensure(tx, news)
		ids = ids[:0]
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return err
	})
	return ids
}

// claim is a claim of a basis that lacks nothing but perhaps a country.
func claim(id, list int64, b Basis) Event {
	return Event{Contact: id, List: list, Kind: Give, Basis: b, Grade: GradeC, BasisRef: "invoice 7", BasisFamily: "Newsletter", OptOutOffered: true, Source: "api"}
}

// Every basis in every country, by both means: what the database says is what Go says, and what the
// law's table says by hand.
func TestABasisHoldsInTheAccountsCountryAndInTheOneThatWasStated(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		var stated []string
		var bases []Basis
		for _, c := range []string{"", "FR", "DE", "IE", "US"} {
			for _, b := range append(Bases(), "", Informed) {
				stated, bases = append(stated, c), append(bases, b)
			}
		}
		people := w.born(t, stated...)
		var set []string
		for i, id := range people {
			set = append(set, fmt.Sprintf("INSERT INTO subscription (account_id, list_id, contact_id, state, basis, grade, said, said_at, seq, event_id, since) VALUES (%d, %d, %d, 'given', '%s', 'C', 0, 0, 1, 1, 1)",
				w.account, w.news, id, bases[i]))
		}
		h.Raw(t, set...)
		for n, law := range []string{"FR", "", "DE", "IE", "US"} {
			w.moves(t, law)
			w.serves(t, n%2 == 0)
			w.view(t, func(v *store.View) error {
				g, err := GroundOf(v)
				must(t, err)
				l, err := list.Get(v, w.news)
				must(t, err)
				got, err := ReasonsFor(v, w.news, people)
				must(t, err)
				for i, id := range people {
					c, err := contact.Get(v, id)
					must(t, err)
					want := Reason("")
					if !allowed(bases[i], law, stated[i]) {
						want = NotHere
					}
					if bases[i] == Contract && n%2 != 0 {
						want = NotService
					}
					why := Why(l, c, State{Status: Given, Basis: bases[i], Grade: GradeC}, g, 0, v.Now)
					if got[id] != want || why != want {
						t.Errorf("%q for an account of %q and a person of %q: the database says %q, Go %q, the law %q", bases[i], law, stated[i], got[id], why, want)
					}
				}
				return nil
			})
		}
	})
}

func TestAClaimWhoseBasisDoesNotHoldThereWaitsForAnother(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		p := w.born(t, "", "DE", "FR")
		res := w.apply(t, w.member, claim(p[0], w.news, B2B), claim(p[1], w.news, B2B), claim(p[2], w.news, B2B))
		for i, want := range []Status{Given, Waiting, Given} {
			if res[i].After.Status != want || (want == Waiting) != (res[i].Lacks == NotInCountry) {
				t.Errorf("person %d: %s, lacks %q", i, res[i].After.Status, res[i].Lacks)
			}
		}
		// Interests that nobody weighed are no reason, wherever the person lives (GDPR 6(1)(f)).
		bare := claim(w.born(t, "")[0], w.news, B2B)
		bare.BasisRef = ""
		if res := w.apply(t, w.member, bare); res[0].After.Status != Waiting || res[0].Lacks != NoBalance {
			t.Errorf("nothing weighed: %+v", res[0])
		}
		// The same basis with better evidence doesn't help; another basis does.
		again := claim(p[1], w.news, B2B)
		again.Kind, again.Grade = Release, GradeB
		if res = w.apply(t, w.member, again); res[0].Verdict != BadGrade || res[0].After.Status != Waiting {
			t.Errorf("released to what doesn't hold: %+v", res[0])
		}
		again.Basis = Contract
		if res = w.apply(t, w.member, again); res[0].Verdict != BadGrade || res[0].Lacks != NoService {
			t.Errorf("released by a contract to what isn't its service: %+v", res[0])
		}
		w.serves(t, true)
		if res = w.apply(t, w.member, again); res[0].After.Status != Given || w.standing(t, p[1], w.news).Reason != "" {
			t.Errorf("not released by a contract: %+v", res[0])
		}
		// What was in order is looked at anew when a country changes, of the person or of the account.
		de := "DE"
		w.write(t, w.member, func(tx *store.Tx) error { return contact.Correct(tx, p[0], 0, contact.Change{Country: &de}) })
		if r := w.standing(t, p[0], w.news).Reason; r != NotHere {
			t.Errorf("who lives in Germany since: %q", r)
		}
		w.moves(t, "DE")
		if r := w.standing(t, p[2], w.news).Reason; r != NotHere {
			t.Errorf("the account is Germany's since: %q", r)
		}
		if r := w.standing(t, p[1], w.news).Reason; r != "" {
			t.Errorf("a contract holds everywhere: %q", r)
		}
		w.serves(t, false)
		if r := w.standing(t, p[1], w.news).Reason; r != NotService {
			t.Errorf("what they stand on doesn't reach marketing: %q", r)
		}
		w.view(t, func(v *store.View) error {
			all, err := CountReasons(v, w.news)
			if !slices.Contains(all, Tally{NotHere, 2}) {
				t.Errorf("%+v", all)
			}
			return err
		})
	})
}

func TestAnAccountMayForbidItselfABasis(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		p := w.born(t, "", "")
		w.apply(t, w.member, claim(p[0], w.news, SoftOptIn))
		w.write(t, w.member, func(tx *store.Tx) error {
			_, err := account.SetRule(tx, rulepack.Decision{Key: rulepack.HoldsSoftOptIn, Value: "false", Reason: "our counsel wants a yes"})
			return err
		})
		if r := w.standing(t, p[0], w.news).Reason; r != NotHere {
			t.Errorf("whoever stood there: %q", r)
		}
		if res := w.apply(t, w.member, claim(p[1], w.news, SoftOptIn)); res[0].Lacks != NotInCountry {
			t.Errorf("a new claim: %+v", res[0])
		}
	})
}

// What stands on a basis follows the person to another list only where it holds today.
func TestAListIsExtendedOnlyToThoseWhoseBasisHoldsToday(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		p := w.born(t, "", "")
		sold := w.Now().Add(-300 * 24 * time.Hour)
		soft := claim(p[1], w.news, SoftOptIn)
		soft.OccurredAt = sold
		w.apply(t, w.member, claim(p[0], w.news, B2B), soft)
		de := "DE"
		w.write(t, w.member, func(tx *store.Tx) error {
			if err := contact.Correct(tx, p[0], 0, contact.Change{Country: &de}); err != nil {
				return err
			}
			x, err := Extend(tx, w.offers, p)
			if x.Added != 1 || x.NoBasis != 1 {
				t.Errorf("%+v", x)
			}
			return err
		})
		w.view(t, func(v *store.View) error {
			all, err := Events(v, p[1])
			if last := all[len(all)-1]; last.ListID != w.offers || last.OccurredAt != sold {
				t.Errorf("the sale became younger: %+v", last)
			}
			return err
		})
	})
}

func (w *town) sweep(t testing.TB) {
	t.Helper()
	must(t, EndSoftOptIn(context.Background(), w.Main))
}

func TestAnExistingCustomerEndsTwelveMonthsAfterTheLastSaleOrUseWhereTheLawSaysSo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		zone, err := legalclock.Zone("Europe/Paris")
		must(t, err)
		h.Clock.Set(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))
		p := w.born(t, "IE", "IE", "IE", "FR", "", "IE", "IE")
		at := func(id int64, day string) Event {
			d, err := legalclock.ParseDate(day)
			must(t, err)
			e := claim(id, w.news, SoftOptIn)
			e.OccurredAt = d.Start(zone)
			return e
		}
		yes := at(p[5], "2026-03-10")
		yes.Basis = ByConsent
		res := w.apply(t, w.member, at(p[0], "2026-03-10"), at(p[1], "2026-03-10"), at(p[2], "2026-12-24"), at(p[3], "2020-01-01"), at(p[4], "2020-01-01"), yes,
			at(p[6], "2026-02-28"))
		if res[6].Lacks != SaleTooOld || res[6].After.Status != Waiting || res[0].After.Status != Given || res[3].After.Status != Given {
			t.Fatalf("the day a claim is made: %+v", res)
		}
		w.write(t, w.member, func(tx *store.Tx) error {
			return contact.Active(tx, []contact.Activity{{Contact: p[1], Kind: contact.Sent, At: tx.Now}, {Contact: p[0], Kind: contact.Clicked, At: tx.Now}})
		})
		states := func(when string, want ...Status) {
			t.Helper()
			w.sweep(t)
			for i, s := range want {
				if got := w.standing(t, p[i], w.news).State; got != s {
					t.Errorf("%s: person %d is %s, not %s", when, i, got, s)
				}
			}
		}
		states("on the first day", Given, Given, Given, Given, Given, Given, Waiting)
		h.Clock.Set(time.Date(2027, 3, 10, 22, 59, 0, 0, time.UTC))
		states("on the last evening in Paris", Given, Given, Given)
		h.Clock.Set(time.Date(2027, 3, 10, 23, 1, 0, 0, time.UTC))
		states("a minute later", Expired, Given, Given, Given, Given, Given, Waiting)
		w.view(t, func(v *store.View) error {
			all, err := Events(v, p[0])
			last := all[len(all)-1]
			if last.Kind != Expire || last.Source != ByRule || last.Method != string(rulepack.SoftOptInTerm) || last.ActorKind != "job" {
				t.Errorf("the ledger says %+v", last)
			}
			return err
		})
		if r := w.standing(t, p[0], w.news).Reason; r != HasEnded {
			t.Errorf("reason %q", r)
		}
		w.sweep(t) // again is harmless
		h.Clock.Set(time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC))
		states("in June: an old sale counts no more, a mail did", Expired, Given, Given)
		// The old sale doesn't give it again; a new one does.
		if res := w.apply(t, w.member, at(p[0], "2026-03-10")); res[0].Lacks != SaleTooOld {
			t.Errorf("claimed again: %+v", res[0])
		}
		if res := w.apply(t, w.member, at(p[0], "2027-05-31")); res[0].After.Status != Given {
			t.Errorf("bought again: %+v", res[0])
		}
		// An account of Ireland has the term for everybody, wherever they live.
		w.moves(t, "IE")
		states("the account is Ireland's", Given, Given, Given, Expired, Expired, Given)
	})
}

// A claim that is repeated for who stands there already tells of a newer sale.
func TestANewerSaleOfACustomerWhoStandsThereCounts(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		w.moves(t, "IE")
		p := w.born(t, "", "")
		w.apply(t, w.member, claim(p[0], w.news, SoftOptIn), claim(p[1], w.news, SoftOptIn))
		h.Clock.Advance(300 * 24 * time.Hour)
		if res := w.apply(t, w.member, claim(p[0], w.news, SoftOptIn)); res[0].Verdict != Recorded {
			t.Fatalf("%+v", res[0])
		}
		h.Clock.Advance(100 * 24 * time.Hour)
		w.sweep(t)
		if a, b := w.standing(t, p[0], w.news).State, w.standing(t, p[1], w.news).State; a != Given || b != Expired {
			t.Errorf("bought again: %s, did not: %s", a, b)
		}
		w.view(t, func(v *store.View) error {
			c, err := contact.Get(v, p[0])
			must(t, err)
			all, err := Events(v, p[0])
			must(t, err)
			why, err := Conditions(v, c, all[0])
			names := ""
			for _, x := range why {
				names += x.Name + " "
				if !x.Holds {
					t.Errorf("%s doesn't hold", x.Name)
				}
			}
			if names != "country sale similar offered each_mail term " || why[5].Until < v.Now.Add(200*24*time.Hour) {
				t.Errorf("%s%+v", names, why)
			}
			return err
		})
	})
}

// Whatever is claimed, released, extended, ended or moved to another country, in any order: nobody
// may be written to on a basis that a country of the moment forbids, and after each sweep no
// customer of Ireland without a sale or use within twelve months.
func TestNoOrderOfEventsMakesAForbiddenBasisMailable(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		mailable := map[Basis]int{}
		rapid.Check(t, func(rt *rapid.T) {
			law, stated := "FR", rapid.SampledFrom([]string{"", "FR", "", "FR", "DE", "IE", "US"}).Draw(rt, "stated")
			w.moves(t, law)
			id := w.born(t, stated)[0]
			serves := false
			w.serves(t, serves)
			sold := legalclock.Moment(0) // the latest sale that was told
			for range rapid.IntRange(2, 6).Draw(rt, "steps") {
				h.Clock.Advance(time.Duration(rapid.IntRange(1, 200).Draw(rt, "days")) * 24 * time.Hour)
				swept := false
				switch rapid.IntRange(0, 8).Draw(rt, "what") {
				case 0, 1, 2:
					e := claim(id, rapid.SampledFrom([]int64{w.news, w.offers}).Draw(rt, "list"), rapid.SampledFrom(append(Bases(), B2B, B2B, NonCommercial, SoftOptIn)).Draw(rt, "basis"))
					e.Kind = rapid.SampledFrom([]Kind{Give, Give, Release}).Draw(rt, "kind")
					e.Grade = rapid.SampledFrom([]Grade{GradeB, GradeC, GradeD, Ungraded}).Draw(rt, "grade")
					if rapid.Bool().Draw(rt, "old") {
						e.OccurredAt = w.Now().Add(-500 * 24 * time.Hour)
					}
					if e.Kind == Give {
						sold = max(sold, e.OccurredAt)
						if e.OccurredAt == 0 {
							sold = w.Now()
						}
					}
					w.apply(t, w.member, e)
				case 3:
					stated = rapid.SampledFrom([]string{"FR", "DE", "IE", "US"}).Draw(rt, "to")
					to := stated
					w.write(t, w.member, func(tx *store.Tx) error { return contact.Correct(tx, id, 0, contact.Change{Country: &to}) })
				case 4:
					law = rapid.SampledFrom([]string{"FR", "DE", "IE", ""}).Draw(rt, "law")
					w.moves(t, law)
				case 5:
					w.write(t, w.member, func(tx *store.Tx) error { _, err := Extend(tx, w.offers, []int64{id}); return err })
				case 6:
					w.apply(t, w.member, Event{Contact: id, List: w.news, Kind: rapid.SampledFrom([]Kind{Remove, Expire}).Draw(rt, "end"), Source: "member"})
				case 7:
					w.sweep(t)
					swept = true
				case 8:
					serves = !serves
					w.serves(t, serves)
				}
				for _, l := range []int64{w.news, w.offers} {
					s := w.standing(t, id, l)
					if s.State == "" || s.Reason != "" {
						continue
					}
					mailable[s.Basis]++
					if !allowed(s.Basis, law, stated) {
						rt.Fatalf("%s is mailable for an account of %q and a person of %q", s.Basis, law, stated)
					}
					if s.Basis == Contract && !serves {
						rt.Fatal("who is under a contract gets marketing")
					}
					if swept && s.Basis == SoftOptIn && (law == "IE" || stated == "IE") && sold < w.Now().Add(-367*24*time.Hour) {
						rt.Fatalf("a customer whose last sale was %s is mailable on %s", sold, w.Now())
					}
				}
			}
		})
		if len(mailable) < 5 {
			t.Errorf("hardly anybody was mailable: %v", mailable)
		}
	})
}
