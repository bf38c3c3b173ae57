// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shop is an account with a list, its owner, and the worker that imports.
type shop struct {
	*testhouse.House
	account int64
	owner   actor.Actor
	list    int64
}

func open(t testing.TB, h *testhouse.House) *shop {
	t.Helper()
	id, owner := h.House(t)
	s := &shop{House: h, account: id, owner: owner}
	s.write(t, func(tx *store.Tx) (err error) {
		s.list, err = list.EnsureNamed(tx, "Newsletter", "News")
		return err
	})
	return s
}

func (s *shop) write(t testing.TB, f func(*store.Tx) error) {
	t.Helper()
	must(t, s.Main.Write(context.Background(), s.owner, f))
}

func (s *shop) view(t testing.TB, f func(*store.View) error) {
	t.Helper()
	must(t, s.Main.View(context.Background(), s.owner, f))
}

func lines(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// order is an import as the command line tells it: signed up on our site, the owner's word.
func (s *shop) order(csv string) importer.Order {
	return importer.Order{Name: "people.csv", Open: lines(csv), List: "News", Purpose: "Newsletter", Kind: importer.Site, Basis: consent.ByConsent,
		From: "2024-01-01", To: "2024-12-31", DeclaredBy: s.owner.ID}
}

func (s *shop) run(t testing.TB, o importer.Order) importer.Summary {
	t.Helper()
	sum, err := importer.Run(context.Background(), s.Main, s.owner, o, nil)
	must(t, err)
	if sum.State != importer.Done {
		t.Fatalf("ended as %s", sum.State)
	}
	if sum.Rows != sum.New+sum.Known+sum.Refused+sum.Duplicates {
		t.Fatalf("a row is counted twice or not at all: %+v", sum)
	}
	return sum
}

func (s *shop) standing(t testing.TB, email string) (out consent.Standing) {
	t.Helper()
	s.view(t, func(v *store.View) error {
		c, ok, err := contact.Find(v, address.Must(email))
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%s is not here", email))
		}
		all, err := consent.Standings(v, c.ID)
		for _, st := range all {
			if st.ListID == s.list {
				out = st
			}
		}
		return err
	})
	return out
}

func (s *shop) person(t testing.TB, email string) (c contact.Contact, ok bool) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) { c, ok, err = contact.Find(v, address.Must(email)); return err })
	return c, ok
}

func TestAFileIsImportedWithTheOwnersWordAndEveryRowIsCounted(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email;first name;city;note\n"+
			"ada@example.org;Ada;Évry;\n"+
			"bob@example.org;Bob;Nîmes;x\n"+
			"no address;Cy;Lyon;\n"+
			"ADA@Example.org;Again;Paris;\n"+
			"dan@example.org;\"Dan\n"))
		if sum.New != 2 || sum.Refused != 2 || sum.Duplicates != 1 || sum.Grades["D"] != 2 || sum.Mailable != 2 || sum.Waiting != 0 {
			t.Fatalf("%+v", sum)
		}
		st := s.standing(t, "ada@example.org")
		if st.State != consent.Given || st.Grade != consent.GradeD || st.Basis != consent.ByConsent {
			t.Errorf("%+v", st)
		}
		c, _ := s.person(t, "ada@example.org")
		if c.Attributes["CITY"].Raw() != "Évry" || c.Name.Raw() != "Ada" || c.Attributes["FIRSTNAME"].Raw() != "Ada" || c.Source != "import" || c.NoticeDueAt != 0 {
			t.Errorf("%+v %q", c, c.Attributes["CITY"].Raw())
		}
		s.view(t, func(v *store.View) error {
			notes, err := importer.Notes(v, sum.Import, -1, 100)
			got := map[int64]string{}
			for _, n := range notes {
				got[n.Line] = n.Reason
			}
			want := map[int64]string{4: "address.space", 5: "import.row.duplicate", 6: "import.row.open_quote"}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("notes %v, want %v", got, want)
			}
			events, err2 := consent.Events(v, c.ID)
			if err2 != nil || len(events) != 1 || events[0].ImportID != sum.Import || events[0].ImportRow != 2 || events[0].DeclaredBy != s.owner.ID ||
				events[0].OccurredAt.Time().Year() != 2023 && events[0].OccurredAt.Time().Year() != 2024 {
				t.Errorf("%+v %v", events, err2)
			}
			if events[0].EntryID != c.EntryID || events[0].EntryIndex != c.EntryIndex {
				t.Errorf("contact and event are in different entries: %d/%d, %d/%d", c.EntryID, c.EntryIndex, events[0].EntryID, events[0].EntryIndex)
			}
			return err
		})
	})
}

func TestExportsOfOtherToolsMapThemselvesAndTheirEvidenceMakesGradeB(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		for _, c := range []struct {
			file                string
			shape               importer.Shape
			b, d, left          int64
			email, name, grade  string
			attributes, skipped []string
		}{
			{"mailchimp.csv", importer.Mailchimp, 2, 1, 0, "anna@example.com", "Anna Lindqvist", "B", []string{"TAGS"}, []string{"LATITUDE", "LEID", "MEMBER_RATING"}},
			{"brevo.csv", importer.Brevo, 2, 1, 1, "ada.lovelace@example.org", "Ada Lovelace", "B", []string{"VILLE", "ANNIVERSAIRE", "POINTS"}, []string{"ADDED_TIME", "CONTACT_ID"}},
		} {
			b, err := os.ReadFile("testdata/" + c.file)
			must(t, err)
			o := s.order(string(b))
			o.Kind = importer.Tool
			sum := s.run(t, o)
			if sum.Shape != c.shape || sum.Grades["B"] != c.b || sum.Grades["D"] != c.d || sum.Left != c.left || sum.Refused != 0 || sum.Remarks != 0 {
				t.Errorf("%s: %+v", c.file, sum)
			}
			p, ok := s.person(t, c.email)
			if !ok || p.Name.Raw() != c.name || string(s.standing(t, c.email).Grade) != c.grade {
				t.Errorf("%s: %v %q %+v", c.file, ok, p.Name.Raw(), s.standing(t, c.email))
			}
			for _, a := range c.attributes {
				if p.Attributes[a].IsZero() {
					t.Errorf("%s: no %s", c.file, a)
				}
			}
			for _, a := range c.skipped {
				if !p.Attributes[a].IsZero() {
					t.Errorf("%s: %s was kept", c.file, a)
				}
			}
		}
		c, _ := s.person(t, "ada.lovelace@example.org")
		if c.Attributes["ANNIVERSAIRE"].Raw() != "1985-12-10" || c.Attributes["POINTS"].Raw() != "120" || c.Attributes["SMS"].Raw() != "33612345678" {
			t.Errorf("%q %q %q", c.Attributes["ANNIVERSAIRE"].Raw(), c.Attributes["POINTS"].Raw(), c.Attributes["SMS"].Raw())
		}
		s.view(t, func(v *store.View) error {
			c, _, err := contact.Find(v, address.Must("bruno@example.com"))
			if err != nil {
				return err
			}
			events, err := consent.Events(v, c.ID)
			if err != nil {
				return err
			}
			origins, err := consent.Origins(v, c.ID, events)
			if err != nil || len(events) != 2 || events[0].OccurredAt.String() != "2023-11-20T17:05:33.000000Z" || origins[0].IP.Raw().String() != "198.51.100.24" ||
				events[1].OccurredAt.String() != "2023-11-20T17:00:01.000000Z" || origins[1].IP.Raw().String() != "198.51.100.23" || events[1].Grade != consent.GradeB {
				t.Errorf("the confirmation's moment and place: %+v %v", events, origins)
			}
			return err
		})
		if st := s.standing(t, "dan@example.org"); st.State != consent.Withdrawn || st.Reason == "" {
			t.Errorf("blocked there, here %+v", st)
		}
	})
}

func TestAnImportNeverRevivesANo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		csv := "email\nleft@example.org\nobjected@example.org\nblocked@example.org\nkept@example.org\n"
		s.run(t, s.order(csv))
		ctx := context.Background()
		for email, l := range map[string]consent.Leaving{
			"left@example.org":     {Kind: consent.Withdraw, Scope: consent.Scope{Reach: consent.OneList, ID: s.list}},
			"objected@example.org": {Kind: consent.Object, Scope: consent.Everything},
		} {
			c, _ := s.person(t, email)
			l.Contact = c.ID
			must(t, s.Main.Write(ctx, s.owner, func(tx *store.Tx) error { _, err := consent.Leave(tx, l); return err }))
		}
		c, _ := s.person(t, "blocked@example.org")
		must(t, s.Main.Write(ctx, s.owner, func(tx *store.Tx) error {
			return consent.Suppress(tx, c.ID, consent.ByMember, consent.Everything)
		}))
		o := s.order(csv + "more@example.org\n")
		o.Options.Existing = importer.Replace
		sum := s.run(t, o)
		if sum.Known != 4 || sum.New != 1 || sum.Mailable != 1 || sum.Withheld["person_said_no"] != 2 || sum.Withheld["suppressed"] != 1 || sum.Same != 1 {
			t.Errorf("%+v", sum)
		}
		for _, email := range []string{"left@example.org", "objected@example.org", "blocked@example.org"} {
			if st := s.standing(t, email); st.Reason == "" {
				t.Errorf("%s may be written to: %+v", email, st)
			}
		}
	})
}

func TestABlankNeverErasesAndAFileFillsOrReplaces(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email,first name,city,points\nada@example.org,Ada,Paris,5\nbob@example.org,,Rome,1\n"))
		again := "email,first name,city,points\nada@example.org,,Lyon,\nbob@example.org,Bob,,2\n"
		o := s.order(again)
		o.Options.Existing = importer.Keep
		if sum := s.run(t, o); sum.Changed != 0 || sum.Same != 2 {
			t.Errorf("keep: %+v", sum)
		}
		o.Options.Existing = importer.Fill
		if sum := s.run(t, o); sum.Changed != 1 {
			t.Errorf("fill: %+v", sum)
		}
		if c, _ := s.person(t, "ada@example.org"); c.Attributes["CITY"].Raw() != "Paris" || c.Name.Raw() != "Ada" {
			t.Errorf("filled what was there: %q", c.Attributes["CITY"].Raw())
		}
		if c, _ := s.person(t, "bob@example.org"); c.Name.Raw() != "Bob" || c.Attributes["POINTS"].Raw() != "1" {
			t.Errorf("%q %q", c.Name.Raw(), c.Attributes["POINTS"].Raw())
		}
		o.Options.Existing = importer.Replace
		if sum := s.run(t, o); sum.Changed != 2 {
			t.Errorf("replace: %+v", sum)
		}
		a, _ := s.person(t, "ada@example.org")
		b, _ := s.person(t, "bob@example.org")
		if a.Attributes["CITY"].Raw() != "Lyon" || a.Name.Raw() != "Ada" || a.Attributes["POINTS"].Raw() != "5" || b.Attributes["CITY"].Raw() != "Rome" || b.Attributes["POINTS"].Raw() != "2" {
			t.Errorf("a blank erased, or a value did not replace")
		}
	})
}

// An owner's word is about the origin they were shown: told otherwise by somebody else, it is taken back.
func TestAWordStandsForNoOtherOrigin(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		id, err := importer.Receive(context.Background(), h.Main, s.owner, "people.csv", strings.NewReader("email\nada@example.org\n"))
		must(t, err)
		editor := s.owner
		editor.ID, editor.Role = s.owner.ID+1, "editor"
		as := func(who actor.Actor, f func(tx *store.Tx, i importer.Import) error) error {
			return h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
				i, err := importer.Get(tx, id)
				if err != nil {
					return err
				}
				return f(tx, i)
			})
		}
		tell := func(where string) func(*store.Tx, importer.Import) error {
			return func(tx *store.Tx, i importer.Import) error {
				return importer.Tell(tx, id, i.Version, importer.Origin{Kind: importer.Site, Where: where, From: "2024-01-01", To: "2024-12-31"})
			}
		}
		must(t, as(s.owner, func(tx *store.Tx, i importer.Import) error {
			return importer.Check(tx, id, i.Version, sheet.Survey{Format: i.Format, Header: i.Survey.Header, Width: i.Survey.Width, Rows: i.Survey.Rows})
		}))
		must(t, as(s.owner, func(tx *store.Tx, i importer.Import) error { return importer.Map(tx, id, i.Version, i.Mapping) }))
		must(t, as(s.owner, tell("our form")))
		must(t, as(s.owner, func(tx *store.Tx, i importer.Import) error {
			return importer.Choose(tx, id, i.Version, importer.Choice{List: s.list, Options: importer.Options{Existing: importer.Fill}, Declare: true})
		}))
		must(t, as(editor, tell("our form")))
		must(t, as(editor, func(_ *store.Tx, i importer.Import) error {
			if i.State != importer.Ready || i.DeclaredBy != s.owner.ID {
				t.Errorf("told the same: %s, by %d", i.State, i.DeclaredBy)
			}
			return nil
		}))
		must(t, as(editor, tell("found somewhere")))
		must(t, as(editor, func(tx *store.Tx, i importer.Import) error {
			if i.State != importer.Sourced || i.DeclaredBy != 0 || i.DeclaredAt != 0 {
				t.Errorf("told otherwise: %s, by %d", i.State, i.DeclaredBy)
			}
			return nil
		}))
		if err := as(editor, func(tx *store.Tx, _ importer.Import) error { return importer.Begin(tx, id, true) }); !fault.Is(err, fault.Conflict) {
			t.Errorf("it starts all the same: %v", err)
		}
	})
}

func TestARowsOwnNoIsHeardEvenInADuplicate(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email,status,unsubscribed\nada@example.org,subscribed,\nbob@example.org,unsubscribed,\ncy@example.org,cleaned,\n"+
			"dan@example.org,spam complaint,\neve@example.org,pending,\nhal@example.org,pending,yes\nfay@example.org,,2024-05-01 10:00:00\nada@example.org,unsubscribed,\ngus@example.org,subscribed,maybe\n"))
		if sum.Left != 6 || sum.Refused != 1 || sum.Duplicates != 1 || sum.Mailable != 0 || sum.Withheld["suppressed"] != 1 || sum.New != 7 {
			t.Errorf("%+v", sum)
		}
		for _, email := range []string{"ada", "bob", "cy", "dan", "fay", "gus", "hal"} {
			if st := s.standing(t, email+"@example.org"); st.Reason == "" {
				t.Errorf("%s may be written to: %+v", email, st)
			}
		}
		if c, _ := s.person(t, "cy@example.org"); c.State != contact.StateBounced {
			t.Errorf("cleaned: %s", c.State)
		}
		if _, ok := s.person(t, "eve@example.org"); ok {
			t.Error("who never subscribed there is here")
		}
	})
}

func TestRowsWithoutProofWaitAreReleasedOrLeaveBeforeTheMonthEnds(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		ctx := context.Background()
		s.run(t, s.order("email\nhere@example.org\n"))
		o := s.order("email\nada@example.org\nbob@example.org\nhere@example.org\n")
		o.Kind, o.From, o.To = importer.Acquired, "2026-03-01", "2026-03-02"
		sum := s.run(t, o)
		if sum.Waiting != 2 || sum.Mailable != 0 || sum.Same != 1 || sum.WaitsUntil != "2026-03-30T22:00:00.000000Z" {
			t.Fatalf("%+v", sum)
		}
		if st := s.standing(t, "ada@example.org"); st.State != consent.Waiting || st.Reason == "" {
			t.Errorf("%+v", st)
		}
		if c, _ := s.person(t, "ada@example.org"); c.NoticeDueAt.String() != "2026-04-02T22:00:00.000000Z" {
			t.Errorf("told until %s", c.NoticeDueAt)
		}
		release := func(o importer.Origin, declare bool) error {
			return s.Main.Write(ctx, s.owner, func(tx *store.Tx) error { return importer.BeginRelease(tx, sum.Import, o, declare) })
		}
		acquired := importer.Origin{Kind: importer.Acquired, How: "bought"}
		if err := release(acquired, true); fault.All(err)[0].Key != "import.release.still.partner_unnamed" {
			t.Errorf("without a partner: %v", err)
		}
		acquired.Partner = "Foires de Paris"
		if err := release(acquired, true); fault.All(err)[0].Key != "import.release.still.no_evidence" {
			t.Errorf("a word about a bought list: %v", err)
		}
		daily := func(at time.Time) {
			t.Helper()
			s.Clock.Set(at)
			must(t, importer.Daily(s.Main)(ctx))
		}
		daily(time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC))
		daily(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))
		daily(time.Date(2026, 3, 22, 9, 0, 0, 0, time.UTC))
		daily(time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC))
		if n := s.facts(t, importer.Remind); n != 2 {
			t.Errorf("%d reminders, want those of day 7 and 20", n)
		}
		daily(time.Date(2026, 3, 30, 21, 59, 0, 0, time.UTC))
		if _, ok := s.person(t, "ada@example.org"); !ok {
			t.Fatal("left too early")
		}
		daily(time.Date(2026, 3, 30, 22, 1, 0, 0, time.UTC))
		for _, email := range []string{"ada@example.org", "bob@example.org"} {
			if _, ok := s.person(t, email); ok {
				t.Errorf("%s is still here two days before the month ends", email)
			}
		}
		if st := s.standing(t, "here@example.org"); st.State != consent.Given {
			t.Errorf("who was here before: %+v", st)
		}
		s.view(t, func(v *store.View) error {
			i, err := importer.Get(v, sum.Import)
			if i.Counts.Expired != 2 {
				t.Errorf("%+v", i.Counts)
			}
			return err
		})
	})
}

func (s *shop) facts(t testing.TB, kind any) (n int64) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) {
		n, err = store.One[int64](v, countFacts, kind)
		return err
	})
	return n
}

var countFacts = store.Account("test.facts", `SELECT COUNT(*) FROM fact f WHERE f.account_id = :account AND f.kind = ?`)

// A bounce of another tool counts from its day: it stops nobody who has confirmed here since.
func TestABounceBringsItsDate(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nsince@example.org\nhere@example.org\n"))
		since, _ := s.person(t, "since@example.org")
		s.subject(t, consent.Event{Contact: since.ID, List: s.list, Kind: consent.Request, Source: "form"})
		s.subject(t, consent.Event{Contact: since.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})
		now := s.Now()
		s.Clock.Advance(time.Hour)
		lone := s.order("email,bounced at\nlone@example.org,2023-05-06\n")
		s.run(t, lone)
		sum := s.run(t, s.order("email,bounced at,status,unsubscribed\nsince@example.org,2023-05-06,,\nhere@example.org,2023-05-06,,\n"+
			"yes@example.org,yes,,\nahead@example.org,2999-01-01,,\nother@example.org,,bounced,2022-01-01\n"))
		if c := s.counts(t, sum.Import); c.Left != 5 || c.Mailable() != 0 {
			t.Errorf("%+v", c)
		}
		for email, dated := range map[string]bool{"lone@example.org": true, "since@example.org": true, "here@example.org": true, "yes@example.org": false, "ahead@example.org": false, "other@example.org": false} {
			b := s.bars(t, email)
			if len(b) != 1 || b[0].Reason != consent.HardBounce || strings.HasPrefix(b[0].Since.String(), "2023-05-0") != dated || !dated && b[0].Since < now {
				t.Errorf("%s: %+v", email, b)
			}
			p, _ := s.person(t, email)
			st := s.standing(t, email)
			if email == "since@example.org" {
				if st.State != consent.Given || p.State != contact.StateActive {
					t.Errorf("who confirmed since: %+v, %s", st, p.State)
				}
			} else if p.State != contact.StateBounced || st.Reason == "" || st.State == consent.Given && email != "here@example.org" {
				t.Errorf("%s: %+v, %s", email, st, p.State)
			}
		}
	})
}
