// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// Who asked that nothing be done with their data waits on, with what is locked, through a release and past the month:
// GDPR 18(2). When the freeze has ended they are released, or go, as the others were.
func TestWhoIsFrozenWaitsOnWithWhatIsLocked(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("email;name\nfrozen@example.org;Frozen\nlate@example.org;Late\nada@example.org;Ada\n")
		o.DeclaredBy = 0
		id := s.run(t, o).Import
		freeze := func(email string, to func(*store.Tx, int64, string) error) {
			t.Helper()
			p, ok := s.person(t, email)
			if !ok {
				t.Fatalf("%s is gone", email)
			}
			s.write(t, func(tx *store.Tx) error { return to(tx, p.ID, "claims") })
		}
		freeze("frozen@example.org", contact.Restrict)
		freeze("late@example.org", contact.Restrict)
		s.release(t, id, site)
		if c, n := s.counts(t, id), s.sealed(t); c.Released != 1 || c.StillWaiting() != 2 || n != 2 {
			t.Errorf("%d rows are sealed: %+v", n, c)
		}
		freeze("frozen@example.org", contact.Unrestrict)
		s.release(t, id, site)
		p, _ := s.person(t, "frozen@example.org")
		if st := s.standing(t, "frozen@example.org"); st.State != consent.Given || p.Name.Raw() != "Frozen" {
			t.Errorf("after the freeze: %s %q", st.State, p.Name.Raw())
		}
		s.Clock.Advance(60 * 24 * time.Hour)
		daily := func() { t.Helper(); must(t, importer.Daily(s.Main)(context.Background())) }
		daily()
		if st := s.standing(t, "late@example.org"); st.State != consent.Waiting || s.sealed(t) != 1 || s.get(t, id).WaitsUntil == 0 {
			t.Errorf("past the month: %s, %d rows are sealed", st.State, s.sealed(t))
		}
		freeze("late@example.org", contact.Unrestrict)
		daily()
		if _, ok := s.person(t, "late@example.org"); ok || s.sealed(t) != 0 || s.counts(t, id).Expired != 1 {
			t.Errorf("when the freeze has ended: here %v, %+v", ok, s.counts(t, id))
		}
	})
}
