// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// ready brings a file through the wizard, up to the last page before it starts.
func (s *shop) ready(t testing.TB, csv string) importer.Import {
	t.Helper()
	id, err := importer.Receive(context.Background(), s.Main, s.owner, "people.csv", strings.NewReader(csv))
	must(t, err)
	return s.prepared(t, id)
}

// prepared brings a file that came in to its summary.
func (s *shop) prepared(t testing.TB, id int64) importer.Import {
	t.Helper()
	var i importer.Import
	step := func(f func(tx *store.Tx) error) {
		t.Helper()
		s.write(t, f)
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
	}
	step(func(*store.Tx) error { return nil })
	survey, err := importer.Resurvey(context.Background(), s.Main, s.owner, i, i.Format)
	must(t, err)
	step(func(tx *store.Tx) error { return importer.Check(tx, id, i.Version, survey) })
	step(func(tx *store.Tx) error { return importer.Map(tx, id, i.Version, i.Mapping) })
	step(func(tx *store.Tx) error {
		return importer.Tell(tx, id, i.Version, importer.Origin{Kind: importer.Site, Where: "our page", Words: "Yes, write to me.", From: "2024-01-01", To: "2024-12-31"})
	})
	step(func(tx *store.Tx) error {
		return importer.Choose(tx, id, i.Version, importer.Choice{List: s.list, Options: importer.Options{Existing: importer.Fill}, Declare: true})
	})
	return i
}

func (s *shop) foretold(t testing.TB, i importer.Import) *importer.Forecast {
	t.Helper()
	f, _, err := importer.Foretold(context.Background(), s.Main, s.owner, i)
	must(t, err)
	return f
}

// mixed is a file with a row of every kind.
const mixed = "email,name,unsubscribed\nnew@example.org,New,\nhere@example.org,Here,\nsame@example.org,,\nleft@example.org,Left,\nbarred@example.org,,\n" +
	"hashed@example.org,,\nerasing@example.org,,\nno@example.org,,yes\nno address,,\nNEW@example.org,Again,\nhere@example.org,,yes\nbad@example.org,\"x\n"

// What is said before an import is what its report says after it.
func TestWhatAnImportWouldDoIsWhatItDoes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nsame@example.org\nleft@example.org\n"))
		left, _ := s.person(t, "left@example.org")
		s.subject(t, consent.Event{Contact: left.ID, List: s.list, Kind: consent.Withdraw, Source: "page"})
		sum := sha256.Sum256([]byte("hashed@example.org"))
		s.write(t, func(tx *store.Tx) error {
			ids, err := contact.Ensure(tx, []contact.New{{Email: address.Must("here@example.org"), Source: "member"}, {Email: address.Must("barred@example.org"), Source: "member"}})
			if err != nil {
				return err
			}
			if err := consent.Suppress(tx, ids[1].ID, consent.ByMember, consent.Everything); err != nil {
				return err
			}
			_, err = consent.RefuseSet(tx, []consent.Told{{Kind: consent.SHA256, Hash: sum[:], Cause: consent.Objected, Scope: consent.Everything}}, 0)
			return err
		})
		i := s.ready(t, mixed)
		was := s.stored(t)
		f := s.foretold(t, i)
		if f == nil {
			t.Fatal("a short file is counted at once")
		}
		if s.stored(t) != was || f.Counts.Fresh == 0 || f.Counts.Left == 0 || f.Counts.Withheld["person_said_no"] == 0 || f.Counts.Changed == 0 || f.Counts.Same == 0 {
			t.Errorf("%+v", f.Counts)
		}
		if _, ok := s.person(t, "new@example.org"); ok {
			t.Error("counting made somebody")
		}
		s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
		must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		got := s.counts(t, i.ID)
		want := f.Counts
		want.Listed, want.Unlisted = got.Listed, got.Unlisted
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it would do %+v\nand did %+v", want, got)
		}
		s.view(t, func(v *store.View) error {
			notes, err := importer.Notes(v, i.ID, -1, 100)
			say := func(all []importer.Note) (out []string) {
				for _, n := range all {
					out = append(out, fmt.Sprint(n.Line, n.Kind, n.Reason))
				}
				return out
			}
			if a, b := say(f.Notes), say(notes); !reflect.DeepEqual(a, b) {
				t.Errorf("it would say %v\nand said %v", a, b)
			}
			return err
		})
	})
}

// A long file is counted beside the page, and what is changed after makes the count old.
func TestALongFileIsCountedBesideThePage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var file strings.Builder
		file.WriteString("email\n")
		for n := range 5001 {
			fmt.Fprintf(&file, "p%d@long.example\n", n)
		}
		i := s.ready(t, file.String())
		if s.foretold(t, i) != nil {
			t.Fatal("nobody counted yet")
		}
		count := func() {
			must(t, importer.ForecastWork(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		}
		count()
		f := s.foretold(t, i)
		if f == nil || f.Counts.Fresh != 5001 || f.Counts.Grades["D"] != 5001 {
			t.Fatalf("%+v", f)
		}
		s.write(t, func(tx *store.Tx) error {
			return importer.Choose(tx, i.ID, i.Version, importer.Choice{List: s.list, Options: importer.Options{Existing: importer.Fill}})
		})
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, i.ID); return err })
		if s.foretold(t, i) != nil {
			t.Error("the count is of choices that were changed")
		}
		count()
		if f := s.foretold(t, i); f == nil || f.Counts.Waiting() != 5001 {
			t.Errorf("without a word they wait: %+v", f)
		}
		s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, i.ID, false) })
		count() // ends at once
		if s.foretold(t, i) != nil {
			s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, i.ID); return err })
			if s.foretold(t, i) != nil {
				t.Error("a forecast of what has begun")
			}
		}
	})
}
