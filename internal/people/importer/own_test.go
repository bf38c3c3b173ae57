// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

func (s *shop) release(t testing.TB, id int64, o importer.Origin) {
	t.Helper()
	s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, id, o, true) })
	must(t, importer.ReleaseWork(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: s.owner}))
}

func (s *shop) lacks(t testing.TB, id int64) string {
	t.Helper()
	out := map[string]int64{}
	s.view(t, func(v *store.View) error {
		all, err := importer.Lacks(v, id)
		for _, l := range all {
			out[l.Lacks] = l.Times
		}
		return err
	})
	return fmt.Sprint(out)
}

// A row's own basis that is no use there gives way to a yes of the person that is told at the release; a basis that
// doesn't hold in their country waits on, and says so.
func TestAYesTakesThePlaceOfARowsBasisThatIsNoUse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		mine := importer.Origin{Kind: importer.Site, Where: "our page", Words: "News", From: "2024-01-01", To: "2024-12-31"}
		_, _, id := s.carried(t, "email;country;basis\ncontract@example.org;FR;contrat\nwork@example.org;DE;B2B\nsale@example.org;FR;client\n", mine, s.list)
		if got := s.lacks(t, id); got != "map[no_balance:1 no_service:1 sale_unnamed:1]" {
			t.Fatal(got)
		}
		work := importer.Origin{Kind: importer.Business, How: "gave", Where: "fair", Work: "they buy tools", From: "2024-01-01", To: "2024-12-31"}
		s.release(t, id, work)
		if got := s.lacks(t, id); got != "map[no_service:1 not_in_country:1 sale_unnamed:1]" {
			t.Fatal("what a reason at work makes of them:", got)
		}
		s.release(t, id, work)
		if got := s.lacks(t, id); got != "map[no_service:1 not_in_country:1 sale_unnamed:1]" {
			t.Fatal("and once more:", got)
		}
		s.release(t, id, mine)
		if got := s.lacks(t, id); got != "map[]" {
			t.Error("what a yes of their own makes of them:", got)
		}
		for _, email := range []string{"contract", "work", "sale"} {
			if st := s.standing(t, email+"@example.org"); st.State != consent.Given || st.Basis != consent.ByConsent || st.Grade != consent.GradeD {
				t.Errorf("%s: %+v", email, st)
			}
		}
	})
}

// What has no moment of its own is as old as the day on which the addresses began to be collected, wherever it stands:
// the three years are counted from it (kind.md).
func TestWhatHasNoMomentIsAsOldAsItsOrigin(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := importer.Origin{Kind: importer.Acquired, How: "bought", From: "2021-03-01", To: "2026-02-20"}
		_, _, id := s.carried(t, "email;consent date\nbare@example.org;\nown@example.org;2022-05-06 10:00:00\n", o, s.list)
		o.Kind, o.Where = importer.Site, "our page"
		s.release(t, id, o)
		for email, want := range map[string]string{"bare": "2021-02-28T23:00:00.000000Z", "own": "2022-05-06T08:00:00.000000Z"} {
			p, _ := s.person(t, email+"@example.org")
			if p.ActiveAt.String() != want {
				t.Errorf("%s: last sign of life %v", email, p.ActiveAt)
			}
			all := s.history(t, email+"@example.org")
			if e := all[len(all)-1]; e.Kind != consent.Release || email == "bare" && e.OccurredAt.String() != want {
				t.Errorf("%s: %+v", email, e)
			}
		}
		// Who is here already is not made older.
		now := s.Now()
		s.confirmed(t, "bare@example.org")
		was, _ := s.person(t, "bare@example.org")
		s.carried(t, "email;consent date\nbare@example.org;2020-05-06 10:00:00\n", site, s.list)
		if p, _ := s.person(t, "bare@example.org"); p.ActiveAt != was.ActiveAt {
			t.Errorf("a sign of life after %v became %v, was %v", now, p.ActiveAt, was.ActiveAt)
		}
	})
}
