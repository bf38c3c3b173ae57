// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	. "consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/testhouse"
)

// pages reads a search to its end, two people at a time.
func (w *town) pages(t *testing.T, q Query) (out []string) {
	t.Helper()
	q.Size = 2
	for range 20 {
		var p Page
		w.view(t, func(v *store.View) (err error) { p, err = Search(v, q); return err })
		for _, c := range p.People {
			out = append(out, strings.TrimSuffix(c.Email.Norm(), "@example.org"))
		}
		if q.After = p.Next; p.Next == "" {
			return out
		}
	}
	t.Fatal("the pages have no end")
	return nil
}

func TestPeopleAreFoundPageByPage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		ids := map[string]int64{}
		for _, n := range []string{"zoe", "anna", "bea", "ann", "carl", "dora", "eva"} {
			ids[n] = w.person(t, n+"@example.org")
		}
		for _, n := range []string{"anna", "carl", "zoe"} {
			w.apply(t, w.member, Event{Contact: ids[n], List: w.news, Kind: Give, Basis: ByConsent, Grade: GradeC})
		}
		w.apply(t, w.member, Event{Contact: ids["bea"], List: w.offers, Kind: Give, Basis: ByConsent})
		w.apply(t, w.member, Event{Contact: ids["zoe"], List: w.news, Kind: Withdraw})
		for _, n := range []string{"ann", "anna", "dora", "eva"} { // on two lists, one who will be erased, one who is merged
			w.apply(t, w.member, Event{Contact: ids[n], List: w.offers, Kind: Give, Basis: ByConsent, Grade: GradeC})
		}
		w.write(t, w.member, func(tx *store.Tx) error {
			if err := contact.Restrict(tx, ids["dora"], "test"); err != nil {
				return err
			}
			from, err := contact.Get(tx, ids["eva"])
			if err != nil {
				return err
			}
			to, err := contact.Get(tx, ids["carl"])
			if err != nil {
				return err
			}
			if err := contact.Absorb(tx, from.ID, to.ID, contact.Absorbs(from, to, nil)); err != nil {
				return err
			}
			if err := contact.Mark(tx, from.ID, contact.StateObjected); err != nil {
				return err
			}
			return contact.BeginErasing(tx, ids["ann"], "test")
		})
		for _, c := range []struct {
			q    Query
			want string
		}{
			{Query{}, "zoe anna bea carl dora"},
			{Query{Desc: true}, "dora carl bea anna zoe"},
			{Query{Order: ByEmail}, "anna bea carl dora zoe"},
			{Query{Order: ByEmail, Desc: true}, "zoe dora carl bea anna"},
			{Query{Prefix: " AN"}, "anna"},
			{Query{Prefix: "nobody"}, ""},
			{Query{List: w.news}, "zoe anna carl"},
			{Query{List: w.news, Desc: true}, "carl anna zoe"},
			{Query{List: w.news, State: Given}, "anna carl"},
			{Query{List: w.news, Prefix: "c"}, "carl"},
			{Query{List: w.offers, State: Waiting}, "bea"},
			{Query{State: Withdrawn}, "zoe"},
			{Query{State: Given, Order: ByEmail, Desc: true}, "dora carl anna"},
			{Query{State: Given}, "anna carl dora"},
			{Query{State: Given, Desc: true}, "dora carl anna"},
			{Query{State: Given, List: w.offers, Order: ByEmail}, "anna dora"},
			{Query{State: Given, Contact: contact.StateRestricted, Desc: true}, "dora"},
			{Query{State: Expired}, ""},
			{Query{Contact: contact.StateRestricted, Desc: true}, "dora"},
			{Query{Contact: contact.StateObjected}, ""},
			{Query{Grade: GradeC}, "anna carl dora"},
			{Query{Contact: contact.StateRestricted}, "dora"},
		} {
			if got := strings.Join(w.pages(t, c.q), " "); got != c.want {
				t.Errorf("%+v finds %q, want %q", c.q, got, c.want)
			}
		}
	})
}

func TestAnotherListOfThePurposeIsReachedByTheSameYes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		yes, bought, none, no := w.person(t, "yes@example.org"), w.person(t, "bought@example.org"), w.person(t, "none@example.org"), w.person(t, "no@example.org")
		w.confirm(t, yes, w.news)
		w.apply(t, w.member, Event{Contact: bought, List: w.news, Kind: Give, Basis: SoftOptIn, BasisRef: "order 12", BasisFamily: "Newsletter", OptOutOffered: true, Grade: GradeC})
		w.apply(t, w.member, Event{Contact: none, List: w.other, Kind: Give, Basis: ByConsent, Grade: GradeC})
		w.confirm(t, no, w.news)
		w.apply(t, w.member, Event{Contact: no, List: w.offers, Kind: Withdraw})
		all := []int64{yes, bought, none, no, yes}
		var got Extended
		w.write(t, w.member, func(tx *store.Tx) (err error) { got, err = Extend(tx, w.offers, all); return err })
		if got != (Extended{Added: 2, NoBasis: 1, SaidNo: 1}) {
			t.Fatalf("%+v", got)
		}
		if s := w.standing(t, yes, w.offers); s.State != Given || s.Grade != GradeB || s.Basis != ByConsent {
			t.Errorf("%+v", s)
		}
		if s := w.standing(t, bought, w.offers); s.Basis != SoftOptIn || s.Grade != GradeC {
			t.Errorf("%+v", s)
		}
		if s := w.standing(t, no, w.offers); s.State != Withdrawn {
			t.Errorf("a no was revived: %+v", s)
		}
		w.write(t, w.member, func(tx *store.Tx) (err error) { got, err = Extend(tx, w.offers, all[:1]); return err })
		if got != (Extended{Already: 1}) {
			t.Errorf("again: %+v", got)
		}
		w.write(t, w.member, func(tx *store.Tx) error {
			n, err := TakeOff(tx, w.offers, all)
			if n != 2 {
				t.Errorf("%d were taken off", n)
			}
			return err
		})
		if s := w.standing(t, no, w.offers); s.State != Withdrawn || s.Said != SaidNo {
			t.Errorf("taking off forgot a no: %+v", s)
		}
	})
}

func TestTheDoNotMailListIsReadPageByPage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		w.write(t, w.member, func(tx *store.Tx) error {
			for i := range 5 {
				cause := ByMember
				if i == 4 {
					cause = Complained
				}
				if err := SuppressAddresses(tx, []address.Address{address.Must(fmt.Sprintf("p%d@example.org", i))}, cause, Everything); err != nil {
					return err
				}
			}
			return SuppressAddresses(tx, []address.Address{address.Must("p1@example.org")}, Unsubscribed, Scope{Reach: OneList, ID: w.news})
		})
		seen := map[string]bool{}
		var last Suppression
		for range 9 {
			var page []Suppression
			w.view(t, func(v *store.View) (err error) { page, err = Suppressions(v, "", last, 2); return err })
			for _, s := range page {
				k := fmt.Sprintf("%x %s %d", s.FP, s.Scope, s.ScopeID)
				if seen[k] {
					t.Fatalf("%s is shown twice", k)
				}
				seen[k] = true
				last = s
			}
			if len(page) < 2 {
				break
			}
		}
		if len(seen) != 6 {
			t.Errorf("%d lines of 6", len(seen))
		}
		w.view(t, func(v *store.View) error {
			page, err := Suppressions(v, Complained, Suppression{}, 50)
			if len(page) != 1 {
				t.Errorf("%d complaints", len(page))
			}
			of, err2 := SuppressionsOf(v, address.Must("P1@Example.org"))
			if len(of) != 2 || !slices.ContainsFunc(of, func(s Suppression) bool { return s.Reason == Unsubscribed && s.ScopeID == w.news }) {
				t.Errorf("%+v", of)
			}
			if err == nil {
				err = err2
			}
			return err
		})
	})
}
