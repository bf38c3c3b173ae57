// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"maps"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// carried is a file that was brought in with an origin, on the owner's word, to a list; with what was said before.
func (s *shop) carried(t testing.TB, csv string, o importer.Origin, list int64) (before, after importer.Counts, id int64) {
	t.Helper()
	i := s.ready(t, csv)
	at := func() {
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, i.ID); return err })
	}
	s.write(t, func(tx *store.Tx) error { return importer.Tell(tx, i.ID, i.Version, o) })
	at()
	s.write(t, func(tx *store.Tx) error {
		return importer.Choose(tx, i.ID, i.Version, importer.Choice{List: list, Options: importer.Options{Existing: importer.Fill}, Declare: true})
	})
	at()
	before = s.foretold(t, i).Counts
	s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
	must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
	return before, s.counts(t, i.ID), i.ID
}

// Countries of the rows, of who was here, and of who is filled in by the file: what is said before is what happens.
func TestAnImportSaysBeforeWhoseBasisDoesNotHoldWhereTheyLive(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email;pays\nhere@example.org;DE\nfilled@example.org;\n"))
		offers := int64(0)
		s.write(t, func(tx *store.Tx) (err error) { offers, err = list.EnsureNamed(tx, "Newsletter", "Offers"); return err })
		before, after, _ := s.carried(t, "email;pays\nfr@example.org;FR\nde@example.org;DE\nnone@example.org;\nhere@example.org;FR\nfilled@example.org;DE\n",
			importer.Origin{Kind: importer.Business, How: "gave", Where: "fair", Work: "they buy tools", From: "2024-01-01", To: "2024-12-31"}, offers)
		if after.Waits[consent.NotInCountry] != 3 || after.Waiting() != 3 || after.Grades["D"] != 2 {
			t.Errorf("it did %+v", after)
		}
		if !maps.Equal(before.Waits, after.Waits) || !maps.Equal(before.Grades, after.Grades) {
			t.Errorf("it would do %+v\nand did %+v", before, after)
		}
	})
}

// A release has the product family of the list, as a row has; and whose last purchase is too old waits on.
func TestAReleaseOfCustomersLooksAtTheirProductsAndTheirSale(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var tools int64
		s.write(t, func(tx *store.Tx) error {
			p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Tools", Public: list.Words{"fr": "Outils", "en": "Tools"}, Family: "garden tools"})
			if err == nil {
				tools, err = list.Make(tx, list.New{Name: "Tools", Purpose: p, Kind: list.Mail, Public: list.Words{"fr": "Outils", "en": "Tools"}})
			}
			return err
		})
		o := importer.Origin{Kind: importer.Customer, Refusal: "yes", Similar: "yes", From: "2025-12-01", To: "2026-02-28"} // the sale isn't named
		_, after, id := s.carried(t, "email;country;consent date\nnew@example.org;IE;2026-02-01\nold@example.org;IE;2024-02-01\nfr@example.org;FR;2024-02-01\n", o, tools)
		if after.Waits["sale_unnamed"] != 3 {
			t.Fatalf("%+v", after)
		}
		o.Sale = "a spade"
		s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, id, o, true) })
		must(t, importer.ReleaseWork(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: s.owner}))
		s.list = tools
		for email, want := range map[string]consent.Status{"new": consent.Given, "old": consent.Waiting, "fr": consent.Given} {
			if st := s.standing(t, email+"@example.org"); st.State != want || st.Basis != consent.SoftOptIn {
				t.Errorf("%s: %+v", email, st)
			}
		}
		if c := s.counts(t, id); c.Released != 2 || c.StillWaiting() != 1 {
			t.Errorf("%+v", c)
		}
		s.view(t, func(v *store.View) error {
			waits, err := importer.WaitingAfter(v, id, 0, 10)
			if len(waits) != 1 || waits[0].Lacks == "sale_unnamed" || waits[0].Lacks == "" {
				t.Errorf("%+v", waits)
			}
			if len(waits) != 1 {
				t.Errorf("%d wait on: who lacks something still ends with the month", len(waits))
			}
			return err
		})
	})
}
