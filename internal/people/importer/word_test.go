// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"slices"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// A word is given on what the columns mean: it ends when they mean something else, and stays when nothing changes.
func TestAWordIsTakenBackWhenTheColumnsMeanSomethingElse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		i := s.ready(t, "email;unsubscribed;town\nada@example.org;;Lyon\n")
		if i.DeclaredBy == 0 || i.State != importer.Ready || i.Mapping[1].To != importer.Unsubscribed {
			t.Fatalf("%+v", i)
		}
		s.write(t, func(tx *store.Tx) error { return importer.Map(tx, i.ID, i.Version, slices.Clone(i.Mapping)) })
		if i = s.get(t, i.ID); i.DeclaredBy == 0 || i.State != importer.Ready {
			t.Errorf("the same again: %s, the word of %d", i.State, i.DeclaredBy)
		}
		m := slices.Clone(i.Mapping)
		m[1] = importer.Column{}
		s.write(t, func(tx *store.Tx) error { return importer.Map(tx, i.ID, i.Version, m) })
		if i = s.get(t, i.ID); i.DeclaredBy != 0 || i.DeclaredAt != 0 || i.State != importer.Sourced {
			t.Errorf("a no is left out: %s, the word of %d", i.State, i.DeclaredBy)
		}
		s.refuses(t, "import.step", func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
		i = s.ready(t, "email;unsubscribed;town\nbob@example.org;;Lyon\n")
		f := i.Format
		for _, header := range []bool{f.Header, !f.Header} {
			f.Header = header
			survey, err := importer.Resurvey(context.Background(), s.Main, s.owner, i, f)
			must(t, err)
			s.write(t, func(tx *store.Tx) error { return importer.Check(tx, i.ID, i.Version, survey) })
			was := f == i.Format
			if i = s.get(t, i.ID); (i.DeclaredBy != 0) != was {
				t.Errorf("read with a heading %v: the word of %d", header, i.DeclaredBy)
			}
		}
	})
}
