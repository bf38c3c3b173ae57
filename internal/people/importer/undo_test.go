// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

func (s *shop) undo(t testing.TB, id int64) importer.Counts {
	t.Helper()
	s.write(t, func(tx *store.Tx) error { return importer.Undo(tx, id) })
	for range 2 { // again changes nothing
		must(t, importer.UndoWork(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: actor.Worker("importer.undo", s.account)}))
	}
	return s.counts(t, id)
}

// What an import did goes, and what is somebody else's stays.
func TestAnImportIsTakenBackAsFarAsItsOwn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		before := s.run(t, s.order("email\nbefore@example.org\nolder@example.org\n"))
		s.Clock.Advance(time.Hour)
		sum := s.run(t, s.order("email,name,unsubscribed\nbefore@example.org,Ada,\nalone@example.org,,\nlives@example.org,,\nsaid@example.org,,\nno@example.org,,yes\nfrozen@example.org,,\n"))
		lives, _ := s.person(t, "lives@example.org")
		frozen, _ := s.person(t, "frozen@example.org")
		said, _ := s.person(t, "said@example.org")
		s.write(t, func(tx *store.Tx) error {
			if err := contact.Restrict(tx, frozen.ID, "asked"); err != nil {
				return err
			}
			return contact.Active(tx, []contact.Activity{{Contact: lives.ID, Kind: contact.Bought}})
		})
		s.subject(t, consent.Event{Contact: said.ID, List: s.list, Kind: consent.Request, Source: "form"})
		s.subject(t, consent.Event{Contact: said.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})

		c := s.undo(t, sum.Import)
		if c.Off != 3 || c.Gone != 2 || c.Stay[importer.StayBefore] != 1 || c.Stay[importer.StaySaid] != 2 || c.Stay[importer.StayFrozen] != 1 {
			t.Errorf("%+v", c)
		}
		for email, want := range map[string]consent.Status{"before@example.org": consent.Given, "older@example.org": consent.Given,
			"said@example.org": consent.Given, "lives@example.org": consent.None, "frozen@example.org": consent.None} {
			if st := s.standing(t, email); st.State != want {
				t.Errorf("%s is %q, not %q", email, st.State, want)
			}
		}
		for _, email := range []string{"alone@example.org", "no@example.org"} {
			if _, ok := s.person(t, email); ok {
				t.Errorf("%s came by it alone, and is still here", email)
			}
		}
		// The no that the file told outlives it: the next import meets it.
		c2 := s.counts(t, s.run(t, s.order("email\nno@example.org\n")).Import)
		if st := s.standing(t, "no@example.org"); st.State == consent.Given || c2.NotMailed() != 1 {
			t.Errorf("%+v %+v", st, c2)
		}
		s.refuses(t, "import.undo.twice", func(tx *store.Tx) error { return importer.Undo(tx, sum.Import) })
		s.Clock.Advance(8 * 24 * time.Hour)
		s.refuses(t, "import.undo.late", func(tx *store.Tx) error { return importer.Undo(tx, before.Import) })
	})
}

func (s *shop) refuses(t testing.TB, key string, f func(tx *store.Tx) error) {
	t.Helper()
	err := s.Main.Write(context.Background(), s.owner, f)
	if err == nil || fault.All(err)[0].Key != key {
		t.Errorf("%v, not %s", err, key)
	}
}

// Why a mail was sent stays provable: who got one stays, off the list.
func TestWhoWasWrittenToStaysWhenAnImportIsTakenBack(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email\nmailed@example.org\nnever@example.org\n"))
		mailed, _ := s.person(t, "mailed@example.org")
		h.Main.Attach(importer.Holding(func(r store.Reader, ids []int64) ([]int64, error) { return []int64{mailed.ID}, nil }))
		c := s.undo(t, sum.Import)
		if st := s.standing(t, "mailed@example.org"); st.State != consent.None || c.Gone != 1 || c.Stay[importer.StayMailed] != 1 {
			t.Errorf("%+v %+v", st, c)
		}
		var events []consent.Record
		must(t, s.Main.View(context.Background(), s.owner, func(v *store.View) (err error) { events, err = consent.Events(v, mailed.ID); return err }))
		if len(events) != 2 || events[0].Kind != consent.Give || events[1].Kind != consent.Remove {
			t.Errorf("the ledger forgot why: %+v", events)
		}
	})
}

// A new row for somebody whose claim waits in the import that is taken back waits no more.
func TestWaitingRowsGoWithTheImport(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("email\nwaits@example.org\n")
		o.Kind, o.From, o.To = importer.Acquired, "2026-02-20", "2026-02-21"
		sum := s.run(t, o)
		s.undo(t, sum.Import)
		s.refuses(t, "import.undone", func(tx *store.Tx) error { return importer.BeginRelease(tx, sum.Import, importer.Origin{}, false) })
		if _, ok := s.person(t, "waits@example.org"); ok {
			t.Error("still here")
		}
		var waits []importer.Waiting
		must(t, s.Main.View(context.Background(), s.owner, func(v *store.View) (err error) { waits, err = importer.WaitingAfter(v, sum.Import, 0, 10); return err }))
		if len(waits) != 0 {
			t.Errorf("%+v", waits)
		}
	})
}

// The same file twice, both taken back: neither is a claim for the other, whichever goes first.
func TestTheSameFileTwiceIsTakenBackWhole(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, first := range map[string]int{"the older first": 0, "the newer first": 1} {
			t.Run(name, func(t *testing.T) {
				s := open(t, h)
				s.run(t, s.order("email\nelse@example.org\n"))
				const file = "email\nada@example.org\nbob@example.org\nsaid@example.org\nelse@example.org\n"
				sums := [2]int64{}
				for i := range sums {
					s.Clock.Advance(time.Hour)
					sums[i] = s.run(t, s.order(file)).Import
				}
				said, _ := s.person(t, "said@example.org")
				s.subject(t, consent.Event{Contact: said.ID, List: s.list, Kind: consent.Request, Source: "form"})
				s.subject(t, consent.Event{Contact: said.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})
				if c := s.undo(t, sums[first]); c.Off != 0 || c.Gone != 0 {
					t.Errorf("the other import stands: %+v", c)
				}
				if st := s.standing(t, "ada@example.org"); st.State != consent.Given {
					t.Errorf("whom another import claims: %+v", st)
				}
				if c := s.undo(t, sums[1-first]); c.Off != 2 || c.Gone != 2 {
					t.Errorf("%+v", c)
				}
				for _, email := range []string{"ada@example.org", "bob@example.org"} {
					if _, ok := s.person(t, email); ok {
						t.Errorf("%s is still here", email)
					}
				}
				for _, email := range []string{"said@example.org", "else@example.org"} {
					if st := s.standing(t, email); st.State != consent.Given {
						t.Errorf("%s had another claim: %+v", email, st)
					}
				}
			})
		}
	})
}
