// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// A word that is given for those who wait is given for them: what is still to come of the file stays on what the
// import was told.
func TestAReleaseSaysNothingOfRowsThatAreStillToCome(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var b strings.Builder
		b.WriteString("email\n")
		for k := range 24 {
			fmt.Fprintf(&b, "p%02d@example.org\n", k)
		}
		o := s.order(b.String())
		o.DeclaredBy, o.Writers, o.Batch = 0, 1, 1
		var steps atomic.Int64
		h.Main.SetHook(func(q string) error {
			if q == "importer.advance" && steps.Add(1) > 1 {
				return errKilled
			}
			return nil
		})
		sum, err := importer.Run(context.Background(), h.Main, s.owner, o, nil)
		h.Main.SetHook(nil)
		if !errors.Is(err, errKilled) || sum.Waiting == 0 || sum.Waiting == 24 {
			t.Fatalf("%v %+v", err, sum)
		}
		first := sum.Waiting
		s.write(t, func(tx *store.Tx) error { return importer.Stop(tx, sum.Import) })
		paper := importer.Origin{Kind: importer.Paper, Where: "fair", Words: "Yes", From: "2025-01-01", To: "2025-01-02"}
		s.write(t, func(tx *store.Tx) error { return list.Retire(tx, s.list) })
		for what, begin := range map[string]func(tx *store.Tx) error{
			"a release": func(tx *store.Tx) error { return importer.BeginRelease(tx, sum.Import, paper, true) },
			"going on":  func(tx *store.Tx) error { return importer.Begin(tx, sum.Import, false) },
		} {
			if err := s.Main.Write(context.Background(), s.owner, begin); err == nil || fault.All(err)[0].Key != "import.list.retired" {
				t.Errorf("%s puts people on a list that was put away: %v", what, err)
			}
		}
		s.write(t, func(tx *store.Tx) error { return list.Restore(tx, s.list) })
		s.release(t, sum.Import, paper)
		h.Raw(t, "UPDATE task SET ended_at = 1, state = 'done'")
		if c := s.counts(t, sum.Import); c.Released != first || c.StillWaiting() != 0 || c.Graded("D") != first {
			t.Fatalf("%+v", c)
		}
		s.run(t, o)
		c := s.counts(t, sum.Import)
		if c.Released != first || c.StillWaiting() != 24-first || c.Mailable() != 0 {
			t.Errorf("%d were released: %+v", first, c)
		}
		if st := s.standing(t, "p23@example.org"); st.State != consent.Waiting {
			t.Errorf("nobody gave a word for who comes later: %+v", st)
		}
		if st := s.standing(t, "p00@example.org"); st.State != consent.Given || st.Grade != consent.GradeD {
			t.Errorf("who was released: %+v", st)
		}
		i := s.get(t, sum.Import)
		if i.Origin.Kind != importer.Site || i.DeclaredBy != 0 || len(i.Releases) != 1 || i.Releases[0].Origin != paper || i.Releases[0].DeclaredBy != s.owner.ID || i.Releases[0].People != first {
			t.Errorf("%+v %d %+v", i.Origin, i.DeclaredBy, i.Releases)
		}
		if i.OriginAt(i.Releases[0].At) != paper || i.OriginAt(i.Releases[0].At-1).Kind != importer.Site {
			t.Error("a proof names another origin than that of its moment")
		}
	})
}
