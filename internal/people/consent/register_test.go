// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	. "consend/internal/people/consent"
	"consend/internal/testhouse"
)

// Every event that fits is on one page, once, in one order, whatever is asked and however
// far a page looks; held against the ledgers of all people, read one by one.
func TestTheRegisterHasEveryLineOnce(t *testing.T) {
	defer Stride(5, 2)()
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		var middle legalclock.Moment
		var ids []int64
		for n := range 17 {
			w.Clock.Advance(time.Hour)
			if n == 8 {
				middle = legalclock.MomentOf(w.Clock.Now())
			}
			id := w.person(t, fmt.Sprintf("p%d@example.org", n))
			ids = append(ids, id)
			w.write(t, w.member, func(tx *store.Tx) error {
				e := Event{Contact: id, List: w.news, Kind: Give, Basis: ByConsent, Grade: GradeD, Source: "member", DeclaredBy: w.member.ID}
				if n%3 == 0 {
					e.Basis, e.Grade, e.Source = B2B, GradeC, "import"
				}
				events := []Event{e}
				if n%4 == 1 {
					e.List = w.other
					events = append(events, e)
				}
				_, err := Apply(tx, events)
				return err
			})
			if n%5 == 2 {
				w.write(t, w.voice, func(tx *store.Tx) error {
					_, err := Apply(tx, []Event{{Contact: id, List: w.news, Kind: Withdraw, Source: "preferences"}})
					return err
				})
			}
		}
		h.Raw(t, fmt.Sprintf("UPDATE contact SET state = 'erasing' WHERE account_id = %d AND id = %d", w.account, ids[3]))
		for _, q := range []Question{{}, {List: w.news}, {List: w.other}, {Purpose: w.purpose}, {From: middle}, {To: middle}, {Kind: Withdraw}, {State: Withdrawn}, {Basis: B2B},
			{Grade: GradeD}, {Source: "preferences"}, {Import: 7}, {List: w.other, Basis: B2B}, {Kind: Complain}} {
			var want, got []string
			name := func(contact, list, seq int64) string { return fmt.Sprintf("%d %d %d", contact, list, seq) }
			w.view(t, func(v *store.View) error {
				for _, id := range slices.Backward(ids) {
					all, err := Events(v, id)
					if err != nil {
						return err
					}
					slices.SortFunc(all, func(a, b Record) int { return cmp.Or(cmp.Compare(a.ListID, b.ListID), cmp.Compare(b.Seq, a.Seq)) })
					for _, e := range all {
						purpose := w.purpose
						if e.ListID == w.other {
							purpose = -1
						}
						fits := id != ids[3] && (q.List == 0 || q.List == e.ListID) && (q.Purpose == 0 || q.Purpose == purpose) && (q.From == 0 || e.RecordedAt >= q.From) &&
							(q.To == 0 || e.RecordedAt < q.To) && (q.Kind == "" || q.Kind == e.Kind) && (q.State == "" || q.State == e.State) && (q.Basis == "" || q.Basis == e.Basis) &&
							(q.Grade == "" || q.Grade == e.Grade) && (q.Source == "" || q.Source == e.Source) && (q.Import == 0 || q.Import == e.ImportID)
						if fits {
							want = append(want, name(id, e.ListID, e.Seq))
						}
					}
				}
				at, pages := Place{}, 0
				for {
					lines, next, err := Register(v, q, at, 4)
					if err != nil {
						return err
					}
					for _, l := range lines {
						got = append(got, name(l.ContactID, l.ListID, l.Seq))
						if l.Email.IsZero() || l.ListName == "" || l.PurposeName == "" || l.RecordedAt == 0 || l.EntryID == 0 {
							t.Errorf("a line lacks something: %+v", l)
						}
					}
					if pages++; next == (Place{}) || pages > 50 {
						break
					}
					if len(lines) > 4 {
						t.Errorf("%d lines on a page", len(lines))
					}
					at = next
				}
				if q.Kind == Complain && pages < 2 {
					t.Error("a question nothing fits looked through everything at once")
				}
				return nil
			})
			if !slices.Equal(got, want) {
				t.Errorf("%+v:\n got %v\nwant %v", q, got, want)
			}
		}
	})
}
