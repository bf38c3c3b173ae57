// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// A bought row with its own moment, source and words waited for the partner alone: named, it is as good as it was told. A
// row beside it that shows nothing waits on.
func TestAReleaseKeepsTheRowsOwnProof(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		bought := importer.Origin{Kind: importer.Acquired, How: "bought", From: "2026-02-10", To: "2026-02-20"}
		_, after, id := s.carried(t, "email,consent date,consent ip,source,consent text\n"+
			"ada@example.org,2026-02-11 10:11:12,192.0.2.7,https://a.example/form,News of our partners\nbob@example.org,,,https://a.example/form,\n", bought, s.list)
		if after.Waits["partner_unnamed"] != 2 {
			t.Fatalf("%+v", after)
		}
		bought.Partner = "Foires de Paris"
		s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, id, bought, false) })
		must(t, importer.ReleaseWork(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: s.owner}))
		if st := s.standing(t, "ada@example.org"); st.State != consent.Given || st.Grade != consent.GradeB {
			t.Errorf("%+v", st)
		}
		if st := s.standing(t, "bob@example.org"); st.State != consent.Waiting {
			t.Errorf("%+v", st)
		}
		p, _ := s.person(t, "ada@example.org")
		all := s.history(t, "ada@example.org")
		e := all[len(all)-1]
		s.view(t, func(v *store.View) error {
			words, err := consent.Words(v, e.TextSHA256)
			must(t, err)
			from, err := consent.Origins(v, p.ID, all)
			if e.Kind != consent.Release || e.OccurredAt.String() != "2026-02-11T09:11:12.000000Z" || e.Page != "https://a.example/form" || words != "News of our partners" ||
				from[len(all)-1].IP.Raw().String() != "192.0.2.7" {
				t.Errorf("%+v, %q, %+v", e, words, from)
			}
			return err
		})
		s.view(t, func(v *store.View) error {
			if waits, err := importer.WaitingAfter(v, id, 0, 10); err != nil || len(waits) != 1 || waits[0].Lacks != "no_evidence" { // the partner is named
				t.Errorf("%+v, %v", waits, err)
			}
			return nil
		})
		if c := s.counts(t, id); c.Released != 1 || c.StillWaiting() != 1 {
			t.Errorf("%+v", c)
		}
	})
}
