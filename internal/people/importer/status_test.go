// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// A status in words that aren't known may be a no: only a yes of the persons themselves goes before it.
func TestAStatusThatIsNotKnownIsReleasedByAYesOfTheirOwnAlone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		mine := importer.Origin{Kind: importer.Site, Where: "our page", Words: "News", From: "2024-01-01", To: "2024-12-31"}
		_, _, alone := s.carried(t, "email;newsletter\nnomore@example.org;zzz plus jamais\nyes@example.org;oui\n", mine, s.list)
		_, _, both := s.carried(t, "email;newsletter;basis\nnever@example.org;zzz plus jamais;\nwork@example.org;oui;B2B\n", mine, s.list)
		if got := s.lacks(t, alone) + s.lacks(t, both); got != "map[status_unclear:1]map[no_balance:1 status_unclear:1]" {
			t.Fatal(got)
		}
		work := importer.Origin{Kind: importer.Business, How: "gave", Where: "fair", Work: "they buy tools", From: "2024-01-01", To: "2024-12-31"}
		err := s.Main.Write(context.Background(), s.owner, func(tx *store.Tx) error { return importer.BeginRelease(tx, alone, work, true) })
		if err == nil || fault.All(err)[0].Key != "import.release.still.status_unclear" || fault.All(err)[0].Field != "kind" {
			t.Errorf("a reason at work for who may have said no: %v", err)
		}
		s.release(t, both, work)
		if got := s.lacks(t, both); got != "map[status_unclear:1]" {
			t.Error("what a reason at work makes of them:", got)
		}
		if st := s.standing(t, "never@example.org"); st.State != consent.Waiting {
			t.Errorf("released: %+v", st)
		}
		s.release(t, both, mine)
		if st := s.standing(t, "never@example.org"); st.State != consent.Given || st.Basis != consent.ByConsent || s.lacks(t, both) != "map[]" {
			t.Errorf("a yes of their own: %+v", st)
		}
	})
}
