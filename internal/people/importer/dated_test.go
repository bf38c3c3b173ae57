// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"reflect"
	"testing"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/testhouse"
)

var site = importer.Origin{Kind: importer.Site, Where: "https://a.example/form", Words: "News", From: "2024-01-01", To: "2024-12-31"}

// confirmed signs somebody up on a page of ours, and has their mailbox answer.
func (s *shop) confirmed(t testing.TB, email string) {
	t.Helper()
	p, _ := s.person(t, email)
	s.subject(t, consent.Event{Contact: p.ID, List: s.list, Kind: consent.Request, Source: "form"})
	s.subject(t, consent.Event{Contact: p.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})
	s.Clock.Advance(time.Hour)
}

func (s *shop) history(t testing.TB, email string) (all []consent.Record) {
	t.Helper()
	p, _ := s.person(t, email)
	s.view(t, func(v *store.View) (err error) { all, err = consent.Events(v, p.ID); return err })
	return all
}

// A no that another tool dates before the person's own yes here stands in their history and stops nothing; one of later,
// of the same day, or without a date does. What is said before is what happens.
func TestANoOfAnotherToolIsAsOldAsItSays(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, c := range map[string]struct {
			file  string
			stays bool
		}{
			"left":              {"email,unsubscribed\nme@example.org,2024-05-06\n", true},
			"left, to a second": {"email,unsubscribed\nme@example.org,2024-05-06 10:11:12\n", true},
			"blocked":           {"email,status,unsubscribed\nme@example.org,blacklisted,2024-05-06\n", true},
			"complained":        {"email,status,unsubscribed\nme@example.org,spam,2024-05-06\n", true},
			"twice":             {"email,status,unsubscribed\nme@example.org,spam,2024-05-06\nme@example.org,unsubscribed,2023-05-06\n", true},
			"undated":           {"email,unsubscribed\nme@example.org,yes\n", false},
			"undated block":     {"email,status\nme@example.org,blacklisted\n", false},
			"one of two dated":  {"email,unsubscribed\nme@example.org,2024-05-06\nme@example.org,yes\n", false},
			"the same day":      {"email,unsubscribed\nme@example.org,2026-03-02\n", false},
			"newer":             {"email,unsubscribed\nme@example.org,2026-03-03 06:00:00\n", false},
		} {
			t.Run(name, func(t *testing.T) {
				h.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
				s := open(t, h)
				s.run(t, s.order("email\nme@example.org\n"))
				s.confirmed(t, "me@example.org")
				h.Clock.Set(time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC))
				before, after, _ := s.carried(t, c.file, site, s.list)
				after.Listed, after.Unlisted = before.Listed, before.Unlisted
				if !reflect.DeepEqual(before, after) {
					t.Errorf("it would do %+v\nand did %+v", before, after)
				}
				st := s.standing(t, "me@example.org")
				if stays := st.State == consent.Given && st.Grade == consent.GradeA && st.Reason == ""; stays != c.stays || !stays && (st.State != consent.Withdrawn || st.Reason == "") {
					t.Errorf("%+v", st)
				}
				want := consent.Applied
				if c.stays {
					want = consent.Recorded
				}
				if all := s.history(t, "me@example.org"); !all[3].Kind.No() || name != "one of two dated" && all[3].Verdict != want {
					t.Errorf("%+v", all)
				}
			})
		}
	})
}

// Who left there, comes back here and is named by the same file again, stays; and no file gives them a yes they took back here.
func TestTheSameFileAgainStopsNobodyWhoCameBack(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		file := s.order("email,unsubscribed\nme@example.org,2024-05-06\nother@example.org,2024-05-06\n")
		if sum := s.run(t, file); sum.Left != 2 {
			t.Errorf("%+v", sum)
		}
		if st := s.standing(t, "me@example.org"); st.State != consent.Withdrawn || st.Reason == "" {
			t.Errorf("who left there: %+v", st)
		}
		s.Clock.Advance(time.Hour)
		s.confirmed(t, "me@example.org")
		if sum := s.run(t, file); sum.Left != 1 || sum.Same != 1 {
			t.Errorf("%+v", sum)
		}
		if st := s.standing(t, "me@example.org"); st.State != consent.Given || st.Reason != "" {
			t.Errorf("who came back: %+v", st)
		}
		if st := s.standing(t, "other@example.org"); st.State != consent.Withdrawn {
			t.Errorf("who didn't: %+v", st)
		}
		p, _ := s.person(t, "me@example.org")
		s.write(t, func(tx *store.Tx) error {
			_, err := consent.Leave(tx, consent.Leaving{Contact: p.ID, Scope: consent.Scope{Reach: consent.OneList, ID: s.list}, Kind: consent.Withdraw, Source: "mail"})
			return err
		})
		s.Clock.Advance(time.Hour)
		s.run(t, file)
		s.run(t, s.order("email,consent date\nme@example.org,2025-01-01\n"))
		if st := s.standing(t, "me@example.org"); st.State != consent.Withdrawn || st.Reason == "" {
			t.Errorf("a file turned a no: %+v", st)
		}
	})
}

// A no told by a day is proved on that day of the account's zone, and not on the next.
func TestANoToldByADayIsOfThatDay(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var zone *time.Location
		s.view(t, func(v *store.View) error {
			a, err := account.Get(v)
			zone = a.Location()
			return err
		})
		s.run(t, s.order("email;Date désinscription\nme@example.org;2024-01-01\n"))
		for _, e := range s.history(t, "me@example.org") {
			if e.Kind.No() && e.OccurredAt != legalclock.Civil(2024, 1, 1).End(zone)-1 {
				t.Errorf("%s at %s", e.Kind, e.OccurredAt)
			}
		}
		if b := s.bars(t, "me@example.org"); len(b) != 1 || legalclock.Day(b[0].Since, zone) != legalclock.Civil(2024, 1, 1) {
			t.Errorf("%+v", b)
		}
	})
}

// The same of measuring: a yes given here since the day of the no stands.
func TestANoToMeasuringIsAsOldAsItSays(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nme@example.org\n"))
		p, _ := s.person(t, "me@example.org")
		var lists map[string]list.List
		s.write(t, func(tx *store.Tx) (err error) { lists, err = list.EnsureMeasuring(tx, "en"); return err })
		s.subject(t, consent.Event{Contact: p.ID, List: lists[list.Opens].ID, Kind: consent.Accept, Source: "preferences"})
		measured := func() (m consent.Measured) {
			s.view(t, func(v *store.View) error {
				all, err := consent.Tracking(v, []int64{p.ID})
				m = all[p.ID]
				return err
			})
			return m
		}
		s.Clock.Advance(time.Hour)
		s.run(t, s.order("email,tracking consent,tracking consent date\nme@example.org,no,2024-05-06\n"))
		if !measured().Opens {
			t.Error("an older no of another tool took back a yes given here")
		}
		s.run(t, s.order("email,tracking consent,tracking consent date\nme@example.org,no,\n"))
		if measured().Opens {
			t.Error("a no without a date is said now")
		}
	})
}
