// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
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
		s.view(t, func(v *store.View) error {
			for _, email := range []string{"ada", "bare", "here"} {
				c, _ := s.person(t, email+"@example.org")
				if is, err := importer.Locked(v, c.ID); err != nil || is != (email == "ada") {
					t.Errorf("%s: locked %v, %v", email, is, err)
				}
			}
			return nil
		})
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

// Whatever makes a claim wait (no proof, a country, products, an old sale, a basis the row names itself), what is locked
// is what waits, and nothing else.
func TestWhoWaitsForWhateverReasonIsSealed(t *testing.T) {
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
		waits, locked, open := map[string]int64{}, int64(0), 0
		for k, o := range []importer.Origin{
			{Kind: importer.Business, How: "gave", Where: "fair", Work: "they buy tools", From: "2024-01-01", To: "2024-12-31"},
			{Kind: importer.Customer, Refusal: "yes", Similar: "yes", Sale: "a spade", From: "2024-01-01", To: "2026-02-28"},
			{Kind: importer.Customer, Refusal: "yes", Similar: "yes", From: "2024-01-01", To: "2026-02-28"},
			{Kind: importer.Customer, Refusal: "no", Similar: "no", Sale: "a spade", From: "2024-01-01", To: "2026-02-28"},
			{Kind: importer.Member, How: "member", From: "2024-01-01", To: "2026-02-28"},
			{Kind: importer.Site, Where: "our page", From: "2024-01-01", To: "2026-02-28"},
			{Kind: importer.Unknown, From: "2024-01-01", To: "2026-02-28"},
		} {
			for n, on := range []int64{s.list, tools} {
				var b strings.Builder
				b.WriteString("email;name;pays;consent date;base légale\n")
				var emails []string
				for _, country := range []string{"", "FR", "DE", "IE"} {
					for _, day := range []string{"2024-02-01", "2026-02-01"} {
						for _, basis := range []string{"", "consent", "b2b", "nonsense"} {
							e := fmt.Sprintf("p%d.%d.%d@example.org", k, n, len(emails))
							emails = append(emails, e)
							fmt.Fprintf(&b, "%s;Name;%s;%s;%s\n", e, country, day, basis)
						}
					}
				}
				_, after, id := s.carried(t, b.String(), o, on)
				if s.get(t, id).Mapping.Index(importer.Basis) < 0 {
					t.Fatal("no row names a basis of its own")
				}
				for why, n := range after.Waits {
					waits[why] += n
				}
				s.list, on = on, s.list
				for _, e := range emails {
					c, _ := s.person(t, e)
					switch st := s.standing(t, e); {
					case st.State == consent.Waiting && c.Name.IsZero():
						locked++
					case st.State == consent.Given && !c.Name.IsZero():
						open++
					default:
						t.Errorf("%s: %s, name %q", e, st.State, c.Name.Raw())
					}
				}
				s.list = on
			}
		}
		if len(waits) < 5 || open == 0 || locked != s.sealed(t) {
			t.Errorf("%d are open, %d locked (%d sealed), for %v", open, locked, s.sealed(t), waits)
		}
		t.Logf("%d are open, others wait for %v", open, waits)
	})
}
