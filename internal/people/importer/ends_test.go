// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// sent is a file that came by the pages and was brought in with an origin, on the owner's word.
func (s *shop) sent(t testing.TB, csv string, o importer.Origin) importer.Import {
	t.Helper()
	_, _, id := s.carried(t, csv, o, s.list)
	return s.get(t, id)
}

// The sealed file ends with the rows that wait, and sooner where the import is taken back; where none waits it stays its time.
func TestTheFileEndsWithTheRowsThatWait(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
		s := open(t, h)
		bought := importer.Origin{Kind: importer.Acquired, How: "bought", From: "2026-02-10", To: "2026-02-20"}
		waits := s.sent(t, "email\nada@example.org\n", bought)
		back := s.sent(t, "email\nbob@example.org\n", bought)
		none := s.sent(t, "email\ncy@example.org\n", site)
		if waits.WaitsUntil == 0 || waits.FileEndsAt != waits.WaitsUntil || none.FileEndsAt <= none.WaitsUntil {
			t.Errorf("waits %s, its file %s; the other file %s", waits.WaitsUntil, waits.FileEndsAt, none.FileEndsAt)
		}
		s.undo(t, back.ID)
		if i := s.get(t, back.ID); i.Blob != 0 {
			t.Error("the file of an import that was taken back is kept")
		}
		h.Clock.Set(waits.WaitsUntil.Time().Add(time.Minute))
		must(t, importer.Daily(s.Main)(context.Background()))
		if _, here := s.person(t, "ada@example.org"); here || s.get(t, waits.ID).Blob != 0 {
			t.Error("who waited in vain, or the file that tells of them, is still here")
		}
		if i := s.get(t, none.ID); i.Blob == 0 {
			t.Error("a file nobody of which waits went too soon")
		}
	})
}

// The month of GDPR 14 counts from the day the file came, and from the day that is said of what others gave.
func TestTheMonthBeginsWhenTheFileCame(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		h.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
		s := open(t, h)
		i := s.ready(t, "email\nada@example.org\n")
		tell := func(i importer.Import, o importer.Origin) {
			t.Helper()
			s.write(t, func(tx *store.Tx) error { return importer.Tell(tx, i.ID, i.Version, o) })
			s.write(t, func(tx *store.Tx) error {
				return importer.Choose(tx, i.ID, s.version(tx, i.ID), importer.Choice{List: s.list, Options: importer.Options{Existing: importer.Fill}})
			})
		}
		tell(i, site)
		h.Clock.Set(time.Date(2026, 3, 20, 9, 0, 0, 0, time.UTC))
		s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
		must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		if i = s.get(t, i.ID); i.WaitsUntil.String() != "2026-03-30T22:00:00.000000Z" {
			t.Errorf("waits until %s", i.WaitsUntil)
		}
		late := s.ready(t, "email\nbob@example.org\n")
		tell(late, site)
		h.Clock.Set(time.Date(2026, 4, 25, 9, 0, 0, 0, time.UTC))
		s.refuses(t, "import.origin.month_over", func(tx *store.Tx) error { return importer.Begin(tx, late.ID, false) })
		found := importer.Origin{Kind: importer.Business, How: "found", Where: "a register", Work: "they buy tools", From: "2026-04-01", To: "2026-04-10"}
		if d := found.Obtained(legalclock.MomentOf(h.Clock.Now()), time.UTC); d.String() != "2026-04-10" {
			t.Errorf("found on %s", d)
		}
		f := s.sent(t, "email;country\ncy@example.org;DE\n", found)
		if p, _ := s.person(t, "cy@example.org"); f.Counts.Fresh != 1 || p.NoticeDueAt.String() != "2026-05-10T22:00:00.000000Z" {
			t.Errorf("told until %s: %+v", p.NoticeDueAt, f.Counts)
		}
		if st := s.standing(t, "ada@example.org"); st.State != consent.Waiting {
			t.Errorf("%+v", st)
		}
	})
}
