// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/segment"
	"consend/internal/testhouse"
)

var sealedRows = store.Account("test.sealed_rows", `SELECT COUNT(*) FROM import_waiting w WHERE w.account_id = :account AND w.sealed IS NOT NULL`)

func (s *shop) sealed(t testing.TB) (n int64) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) { n, err = store.One[int64](v, sealedRows); return err })
	return n
}

// What a file tells about somebody new who waits for proof is nobody's to read, to choose by or to export until proof comes:
// it lies under the person's key, and goes with them. Of who was here before, the account holds it anyway.
func TestWhatWaitsForProofIsSealedUntilItComes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		ctx := context.Background()
		s.run(t, s.order("email;name;city\nhere@example.org;Here;Lille\n"))
		o := s.order("email;name;city;hat;langue\nada@example.org;Ada Sealed;Lyon;blue;fr\nbob@example.org;Bob;Lyon;red;\nown@example.org;Own;Nice;;\nhere@example.org;Other;Metz;;\nbare@example.org;;;;\n")
		o.Name, o.Kind, o.From, o.To = "bought.csv", importer.Acquired, "2026-03-01", "2026-03-02"
		sum := s.run(t, o)
		if sum.Waiting != 4 {
			t.Fatalf("%+v", sum)
		}
		if n := s.sealed(t); n != 3 {
			t.Errorf("%d rows are sealed: who was here, and who has nothing but an address, needs none", n)
		}
		for _, email := range []string{"ada", "bob", "own", "bare"} {
			c, ok := s.person(t, email+"@example.org")
			if !ok || !c.Name.IsZero() || len(c.Attributes) != 0 {
				t.Errorf("%s: %v %q %v", email, ok, c.Name.Raw(), c.Attributes)
			}
		}
		if c, _ := s.person(t, "ada@example.org"); c.Language != "fr" {
			t.Errorf("the language they would be written to in: %q", c.Language)
		}
		var city int64
		count := func() (n int64) {
			s.view(t, func(v *store.View) error {
				all, err := contact.AllAttributes(v)
				for _, a := range all {
					if strings.EqualFold(a.Name, "city") {
						city = a.ID
					}
				}
				if err == nil {
					n, err = segment.Count(v, segment.Definition{Conditions: []segment.Condition{{Field: segment.Attribute, Of: city, Op: segment.Is, Values: []string{"Lyon"}}}})
				}
				return err
			})
			return n
		}
		if n := count(); n != 0 {
			t.Errorf("%d are chosen by what waits", n)
		}
		// Their own yes needs no file, and takes nothing from it; an attribute that is gone meanwhile stays so.
		own, _ := s.person(t, "own@example.org")
		s.write(t, func(tx *store.Tx) error {
			all, err := contact.AllAttributes(tx)
			for _, a := range all {
				if strings.EqualFold(a.Name, "hat") {
					err = contact.RetireAttribute(tx, a.ID)
				}
			}
			return err
		})
		must(t, h.Main.Write(ctx, actor.Actor{Kind: actor.Subject, Account: s.account, Request: "test"}, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: own.ID, List: s.list, Kind: consent.Accept, Source: "form", Method: "form"}})
			return err
		}))
		proof := importer.Origin{Kind: importer.Acquired, How: "bought", Partner: "Foires de Paris", From: "2026-03-01", To: "2026-03-02"}
		_, err := importer.Attach(ctx, h.Main, s.owner, sum.Import, "contract.txt", strings.NewReader("The contract with the partner."))
		must(t, err)
		s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, sum.Import, proof, false) })
		must(t, importer.ReleaseWork(ctx, &job.Run{DB: h.Main, Ref: sum.Import, Who: s.owner}))
		c, _ := s.person(t, "ada@example.org")
		if st := s.standing(t, "ada@example.org"); st.State != consent.Given || c.Name.Raw() != "Ada Sealed" || len(c.Attributes) != 1 {
			t.Errorf("after the release: %s %q %v", st.State, c.Name.Raw(), c.Attributes)
		}
		if c, _ := s.person(t, "own@example.org"); !c.Name.IsZero() || len(c.Attributes) != 0 {
			t.Errorf("after a yes of their own: %q %v", c.Name.Raw(), c.Attributes)
		}
		if n := count(); n != 2 || s.sealed(t) != 0 {
			t.Errorf("%d are chosen, %d rows are sealed", n, s.sealed(t))
		}
	})
}

// A basis that doesn't hold where somebody lives makes their claim wait as well.
func TestWhoWaitsForABasisThatHoldsThereIsSealedToo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.carried(t, "email;name;pays\nfr@example.org;Fé;FR\nde@example.org;Dé;DE\n", importer.Origin{Kind: importer.Business, How: "gave", Where: "fair", From: "2024-01-01", To: "2024-12-31"}, s.list)
		fr, _ := s.person(t, "fr@example.org")
		de, _ := s.person(t, "de@example.org")
		if fr.Name.Raw() != "Fé" || !de.Name.IsZero() || de.Country != "DE" || s.sealed(t) != 1 {
			t.Errorf("%q, %q in %q, %d sealed", fr.Name.Raw(), de.Name.Raw(), de.Country, s.sealed(t))
		}
	})
}
