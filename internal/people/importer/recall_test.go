// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

// A file with the headings of an earlier one is read as that one was told to be.
func TestTheMeaningOfColumnsIsRemembered(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		const file = "email,town,remark\na@example.org,Lyon,x\n"
		first := s.ready(t, file)
		m := first.Mapping
		m[1].Attribute, m[2] = "VILLE", importer.Column{}
		s.write(t, func(tx *store.Tx) error { return importer.Map(tx, first.ID, first.Version, m) })
		for _, c := range []struct {
			file, like string
			attribute  string
		}{{"email,town,remark\nb@example.org,Metz,y\n", "people.csv", "VILLE"}, {"email,town\nb@example.org,Metz\n", "", "TOWN"}} {
			id, err := importer.Receive(context.Background(), s.Main, s.owner, "next.csv", strings.NewReader(c.file))
			must(t, err)
			s.view(t, func(v *store.View) error {
				i, err := importer.Get(v, id)
				if err != nil {
					return err
				}
				like, err := importer.Recalled(v, i)
				if like != c.like || i.Mapping[1].Attribute != c.attribute {
					t.Errorf("%q: like %q, %+v", c.file, like, i.Mapping)
				}
				return err
			})
		}
	})
}

// What columns mean is remembered, and which of day and month stands first only where a file's own days don't tell.
func TestTheOrderOfDayAndMonthIsReadFromEachFile(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		const head = "email,consent date,birthday,town\n"
		first := s.ready(t, head+"a@example.org,03/25/2024,12/31/1980,Lyon\n")
		if !first.Mapping[1].Month || !first.Mapping[2].Month {
			t.Fatalf("%+v", first.Mapping)
		}
		m := first.Mapping
		m[3].Attribute = "VILLE"
		s.write(t, func(tx *store.Tx) error { return importer.Map(tx, first.ID, first.Version, m) })
		id, err := importer.Receive(context.Background(), s.Main, s.owner, "same.csv", strings.NewReader(head+"d@example.org,05/04/2024,25/04/1980,Metz\n"))
		must(t, err)
		if i := s.get(t, id); !i.Mapping[1].Month || i.Mapping[2].Month {
			t.Errorf("days that fit both: %+v", i.Mapping)
		}
		s.write(t, func(tx *store.Tx) error { return importer.Discard(tx, id) })
		id, err = importer.Receive(context.Background(), s.Main, s.owner, "next.csv", strings.NewReader(head+"b@example.org,05/04/2024,05/04/1980,Metz\nc@example.org,25/04/2024,25/04/1980,Metz\n"))
		must(t, err)
		i := s.get(t, id)
		if i.Mapping[1].Month || i.Mapping[2].Month || i.Mapping[3].Attribute != "VILLE" {
			t.Errorf("%+v", i.Mapping)
		}
		s.view(t, func(v *store.View) error {
			like, err := importer.Recalled(v, i)
			if like != "people.csv" {
				t.Errorf("like %q", like)
			}
			return err
		})
		f := i.Format
		f.Separator = ';'
		for range 2 { // read another way, and back
			survey, err := importer.Resurvey(context.Background(), s.Main, s.owner, s.get(t, id), f)
			must(t, err)
			s.write(t, func(tx *store.Tx) error { return importer.Check(tx, id, s.version(tx, id), survey) })
			f.Separator = ','
		}
		if i = s.get(t, id); i.Mapping[1].Month || i.Mapping[3].Attribute != "VILLE" {
			t.Errorf("read again: %+v", i.Mapping)
		}
	})
}

// Why somebody may be written to can stand in the row; what isn't understood waits, and so does what
// is no use there, until somebody answers that the persons said yes themselves.
func TestARowNamesItsOwnBasis(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		i := s.ready(t, "email,legal basis\nplain@example.org,\nyes@example.org,Consentement\ncontract@example.org,contrat\nbought@example.org,soft opt-in\nodd@example.org,because\n")
		s.write(t, func(tx *store.Tx) error { // what is sent is needed for their contract
			l, err := list.Get(tx, s.list)
			must(t, err)
			p, err := list.GetPurpose(tx, l.PurposeID)
			must(t, err)
			return list.EditPurpose(tx, p.ID, "", p.Name, p.Public, true)
		})
		if i.Mapping[1].To != importer.Basis {
			t.Fatalf("%+v", i.Mapping)
		}
		s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
		must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		expect := func(when string, want map[string]consent.Standing) {
			t.Helper()
			for name, w := range want {
				if st := s.standing(t, name+"@example.org"); st.State != w.State || st.Basis != w.Basis {
					t.Errorf("%s: %s is %s by %q, not %s by %q", when, name, st.State, st.Basis, w.State, w.Basis)
				}
			}
		}
		expect("imported", map[string]consent.Standing{
			"plain": {State: consent.Given, Basis: consent.ByConsent}, "yes": {State: consent.Given, Basis: consent.ByConsent}, "contract": {State: consent.Given, Basis: consent.Contract},
			"bought": {State: consent.Waiting, Basis: consent.SoftOptIn}, "odd": {State: consent.Waiting}})
		if c := s.counts(t, i.ID); c.Grades["D"] != 3 || c.Waiting() != 2 || c.Remarks != 1 {
			t.Errorf("%+v", c)
		}
		s.write(t, func(tx *store.Tx) error { return importer.BeginRelease(tx, i.ID, i.Origin, true) })
		must(t, importer.ReleaseWork(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		expect("released", map[string]consent.Standing{"bought": {State: consent.Given, Basis: consent.ByConsent}, "odd": {State: consent.Given, Basis: consent.ByConsent}})
		if c := s.counts(t, i.ID); c.Released != 2 || c.StillWaiting() != 0 {
			t.Errorf("%+v", c)
		}
	})
}
