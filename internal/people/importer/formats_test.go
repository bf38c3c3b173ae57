// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
	"consend/internal/trace/proof"
)

// book puts rows of text into a workbook.
func book(t testing.TB, rows ...string) string {
	f := excelize.NewFile()
	for y, row := range rows {
		for x, v := range strings.Split(row, "|") {
			at, err := excelize.CoordinatesToCellName(x+1, y+1)
			must(t, err)
			if v != "" {
				must(t, f.SetCellValue("Sheet1", at, v))
			}
		}
	}
	var b bytes.Buffer
	must(t, f.Write(&b))
	return b.String()
}

func TestOneTableComesInAlikeAsTextWorkbookAndJSON(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		var sums []importer.Summary
		for name, file := range map[string]string{
			"text": "email,city,optin_time,form\nAda <ada@example.org>,Lyon,2024-02-03 10:00:00,https://a.example/f\nnobody,,,\nada@example.org,,,\n",
			"xlsx": book(t, "email|city|optin_time|form", "Ada <ada@example.org>|Lyon|2024-02-03 10:00:00|https://a.example/f", "nobody", "ada@example.org"),
			"json": "[{\"email\":\"Ada <ada@example.org>\",\"attributes\":{\"city\":\"Lyon\"},\n\"optin_time\":\"2024-02-03 10:00:00\",\"form\":\"https://a.example/f\"},\n{\"email\":\"nobody\"},{\"email\":\"ada@example.org\"}]",
		} {
			s := open(t, h)
			sum := s.run(t, s.order(file))
			p, ok := s.person(t, "ada@example.org")
			if !ok || p.Name.Raw() != "Ada" || p.Attributes["CITY"].Raw() != "Lyon" || sum.New != 1 || sum.Refused != 1 || sum.Duplicates != 1 || sum.Grades["B"] != 1 {
				t.Errorf("%s: %+v %v %q", name, sum, p.Attributes, p.Name.Raw())
			}
			sum.Import, sum.List = 0, 0
			sums = append(sums, sum)
		}
		if !reflect.DeepEqual(sums[0], sums[1]) || !reflect.DeepEqual(sums[0], sums[2]) {
			t.Errorf("%+v", sums)
		}
	})
}

func TestAnUploadedWorkbookKeepsTheHashAndLinesOfThePersonsFile(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		ctx := context.Background()
		file := book(t, "email|n", "", "", "a@example.org|1")
		id, err := importer.Receive(ctx, s.Main, s.owner, "people.xlsx", strings.NewReader(file))
		must(t, err)
		var i importer.Import
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
		if i.Size != int64(len(file)) || i.Survey.Rows != 1 || len(i.Survey.Header) != 2 || i.Format.Kind != "xlsx" {
			t.Errorf("%+v", i)
		}
		if rows, err := importer.Sample(ctx, s.Main, s.owner, i); err != nil || len(rows) != 1 || rows[0][0] != "a@example.org" {
			t.Errorf("%v %v", rows, err)
		}
		id, err = importer.ReceivePaste(ctx, s.Main, s.owner, "Pasted", "Bo <b@example.org>\nc@example.org", false)
		must(t, err)
		s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
		if i.Survey.Rows != 2 || i.Mapping.Index(importer.Email) != 0 || i.Mapping.Index(importer.FullName) != 1 {
			t.Errorf("%+v", i)
		}
	})
}

// The exports of five tools, each twice: the second time changes nothing, and a no stays one.
func TestExportsComeWithTheirProofAndTheSameAgainChangesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, c := range []struct {
			shape importer.Shape
			file  string
			yes   string // on grade B
			ips   string // of its events, as the other tool wrote them
			no    string
			why   string
			past  int    // what is told of before that no
			noIPs string // of that
		}{
			{importer.Mailchimp, "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LEID,EUID,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,UNSUB_REASON_OTHER,STATUS\n" +
				"yes@example.org,Y,2,2024-01-02 10:00:00,203.0.113.5,2024-01-02 10:05:00,198.51.100.7,1,a,,,,,subscribed\n" +
				"no@example.org,N,2,2024-01-02 10:00:00,203.0.113.5,2024-01-02 10:05:00,198.51.100.7,2,b,2024-05-06 07:08:09,May,OTHER,too many,unsubscribed\n",
				"yes@example.org", "198.51.100.7 203.0.113.5", "no@example.org", "OTHER: too many", 2, "198.51.100.7 203.0.113.5"},
			{importer.Brevo, "CONTACT ID,EMAIL,PRENOM,NOM,OPTIN_TIME,OPTIN_IP,CONFIRM_IP,SIGNUP_SOURCE,EMAIL_BLACKLISTED,ADDED_TIME\n" +
				"1,yes@example.org,Y,Z,2024-01-02 10:00:00,203.0.113.5,198.51.100.7,https://a.example/f,No,2024-01-02 10:00:00\n" +
				"2,no@example.org,N,Z,2024-01-02 10:00:00,203.0.113.5,198.51.100.7,https://a.example/f,Yes,2024-01-02 10:00:00\n",
				"yes@example.org", "198.51.100.7 203.0.113.5", "no@example.org", "", 2, "198.51.100.7 203.0.113.5"},
			{importer.MailPoet, "Email,First name,Last name,Subscription IP,Subscription time,Confirmation time,Confirmation IP,List status,Global status,List\n" +
				"yes@example.org,Y,Z,203.0.113.5,2024-01-02 10:00:00,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,Newsletter\n" +
				"no@example.org,N,Z,203.0.113.5,2024-01-02 10:00:00,2024-01-02 10:05:00,198.51.100.7,unsubscribed,subscribed,Newsletter\n",
				"yes@example.org", "198.51.100.7 203.0.113.5", "no@example.org", "", 2, "198.51.100.7 203.0.113.5"},
			{importer.Mailjet, "Email,Name,IsExcludedFromCampaigns,UnsubscribedAt,SubscribedAt\nyes@example.org,Y,false,,2024-01-02 10:05:00\nno@example.org,N,false,2024-05-06 07:08:09,2024-01-02 10:05:00\n",
				"yes@example.org", "", "no@example.org", "", 1, ""},
			{importer.Listmonk, "[{\"id\":1,\"uuid\":\"u\",\"email\":\"yes@example.org\",\"name\":\"Y\",\"attribs\":{\"optin_time\":\"2024-01-02 10:00:00\",\"optin_ip\":\"203.0.113.5\"},\"status\":\"enabled\",\"created_at\":\"2024-01-02\"},\n" +
				"{\"id\":2,\"uuid\":\"v\",\"email\":\"no@example.org\",\"name\":\"N\",\"status\":\"blocklisted\",\"created_at\":\"2024-01-02\"}]",
				"yes@example.org", "203.0.113.5", "no@example.org", "", 0, ""},
		} {
			t.Run(string(c.shape), func(t *testing.T) {
				s := open(t, h)
				o := s.order(c.file)
				o.Kind = importer.Tool
				sum := s.run(t, o)
				if sum.Shape != c.shape || sum.Grades["B"] != 1 || sum.Left != 1 || sum.Refused != 0 || sum.Remarks != 0 {
					t.Fatalf("%+v", sum)
				}
				yes, no := s.standing(t, c.yes), s.standing(t, c.no)
				p, _ := s.person(t, c.yes)
				gone, _ := s.person(t, c.no)
				s.view(t, func(v *store.View) error {
					events, err := consent.Events(v, p.ID)
					must(t, err)
					origins, err := consent.Origins(v, p.ID, events)
					must(t, err)
					var ips []string
					for i, o := range origins {
						if !o.IP.IsZero() {
							ips = append(ips, o.IP.Raw().String())
						}
						if events[i].Grade != consent.GradeB || events[i].OccurredAt.Time().Year() < 2023 || events[i].Page == "" {
							t.Errorf("%+v", events[i])
						}
					}
					if strings.Join(ips, " ") != c.ips {
						t.Errorf("from %v", ips)
					}
					left, err := consent.Events(v, gone.ID)
					must(t, err)
					if left[0].Kind != consent.Withdraw || left[0].Page != "tool: "+c.shape.Tool() {
						t.Fatalf("%+v", left)
					}
					// What they had said yes to is told too, and brings nobody back.
					from, err := consent.Origins(v, gone.ID, left)
					must(t, err)
					ips = nil
					for i, e := range left[1:] {
						if o := from[i+1]; !o.IP.IsZero() {
							ips = append(ips, o.IP.Raw().String())
						}
						if e.Kind != consent.Give || e.Verdict != consent.Recorded || e.State != consent.Withdrawn || e.Grade != consent.GradeB || e.Basis != consent.ByConsent || e.OccurredAt.Time().Year() != 2024 || e.Page == "" {
							t.Errorf("%+v", e)
						}
					}
					if strings.Join(ips, " ") != c.noIPs || len(left)-1 != c.past {
						t.Errorf("before the no: %d from %v", len(left)-1, ips)
					}
					if why, err := consent.Words(v, left[0].TextSHA256); err != nil || why != c.why || c.why != "" && left[0].OccurredAt.Time().Month() != 5 {
						t.Errorf("left on %s because of %q, %v", left[0].OccurredAt, why, err)
					}
					return nil
				})
				for _, id := range []int64{p.ID, gone.ID} {
					made, err := evidence.Build(context.Background(), s.Main, s.owner, id, "en")
					must(t, err)
					if r, err := proof.Verify(made.Bytes, s.Log.Key(), nil); err != nil || !r.Holds() {
						t.Errorf("%+v %v", r, err)
					}
				}
				again := s.run(t, o)
				if again.New != 0 || again.Changed != 0 || again.Same != 1 || again.Mailable != 0 {
					t.Errorf("the same again: %+v", again)
				}
				q, _ := s.person(t, c.yes)
				if !reflect.DeepEqual(p.Attributes, q.Attributes) || p.Version != q.Version || s.standing(t, c.yes).EventID != yes.EventID || s.standing(t, c.no).State != no.State || no.State != consent.Withdrawn {
					t.Errorf("%+v became %+v", yes, s.standing(t, c.yes))
				}
			})
		}
	})
}

// What another tool says against somebody is heard in whatever column it stands, and what can't be read is no yes.
func TestWhatSpeaksAgainstSomebodyIsHeard(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, c := range map[string]struct {
			file    string
			left    map[string]string // who said no there, and when
			refused int64
			waits   []string
		}{
			"mailjet": {"Email,IsExcludedFromCampaigns,IsOptInPending,IsSpamComplaining,IsUnsubscribed,UnsubscribedAt,SubscribedAt\n" +
				"yes@example.org,false,false,false,false,,2024-01-02 10:05:00\n" +
				"pending@example.org,false,true,false,false,,2024-01-02 10:05:00\n" +
				"spam@example.org,false,false,true,false,,2024-01-02 10:05:00\n" +
				"left@example.org,false,false,false,true,2024-05-06 07:08:09,2024-01-02 10:05:00\n", map[string]string{"spam@example.org": "", "left@example.org": "2024-05-06"}, 1, nil},
			"brevo": {"CONTACT ID,EMAIL,PRENOM,NOM,OPTIN_TIME,EMAIL_BLACKLISTED,ADDED_TIME,LIST_UNSUBSCRIBED\n" +
				"1,yes@example.org,Y,Z,2024-01-02 10:00:00,No,2024-01-02 10:00:00,[]\n" +
				"2,left@example.org,Y,Z,2024-01-02 10:00:00,No,2024-01-02 10:00:00,\"2,5\"\n", map[string]string{"left@example.org": ""}, 0, nil},
			"status": {"email,status,source,optin_time\nyes@example.org,Active,https://a.example/f,2024-01-02\nodd@example.org,à revoir,https://a.example/f,2024-01-02\n" +
				"shut@example.org,Suppressed,https://a.example/f,2024-01-02\nfem@example.org,Désabonnée,https://a.example/f,2024-01-02\n",
				map[string]string{"shut@example.org": "", "fem@example.org": ""}, 0, []string{"odd@example.org"}},
		} {
			t.Run(name, func(t *testing.T) {
				s := open(t, h)
				o := s.order(c.file)
				if o.Kind = importer.Tool; name == "status" {
					o.Kind = importer.Site
				}
				sum := s.run(t, o)
				if sum.Mailable != 1 || sum.Left != int64(len(c.left)) || sum.Refused != c.refused || sum.Waiting != int64(len(c.waits)) {
					t.Fatalf("%+v", sum)
				}
				if st := s.standing(t, "yes@example.org"); st.State != consent.Given {
					t.Errorf("%+v", st)
				}
				for email, day := range c.left {
					p, _ := s.person(t, email)
					s.view(t, func(v *store.View) error {
						events, err := consent.Events(v, p.ID)
						must(t, err)
						yes := func(e consent.Record) bool { return e.Verdict != consent.Recorded }
						if slices.ContainsFunc(events[1:], yes) || !events[0].Kind.No() || day != "" && events[0].OccurredAt.Time().Format(time.DateOnly) != day {
							t.Errorf("%s: %+v", email, events)
						}
						return nil
					})
				}
				for _, email := range c.waits {
					if st := s.standing(t, email); st.State != consent.Waiting {
						t.Errorf("%s: %+v", email, st)
					}
				}
			})
		}
	})
}

// Of somebody who was here and whose claim waits, what the file says is locked as of somebody new; of who stands on the
// list already it is brought in.
func TestWhatWaitsChangesNobodyWhoWasHere(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("email,name\non@example.org,\n")
		o.DeclaredBy = s.owner.ID
		s.run(t, o)
		s.write(t, func(tx *store.Tx) error {
			_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("here@example.org"), Name: pii.T("As they were"), Source: "form"}})
			return err
		})
		o = s.order("email,name,country,Ville\nhere@example.org,As bought,BE,Lyon\non@example.org,Ada,BE,Nantes\n")
		o.Kind, o.Options.Existing = importer.Unknown, importer.Replace
		want := s.run(t, o)
		here, _ := s.person(t, "here@example.org")
		on, _ := s.person(t, "on@example.org")
		if want.Waiting != 1 || here.Name.Raw() != "As they were" || len(here.Attributes) != 0 || here.Country != "BE" {
			t.Errorf("%+v %+v", want, here)
		}
		if on.Name.Raw() != "Ada" || on.Attributes["VILLE"].Raw() != "Nantes" || on.Country != "BE" {
			t.Errorf("who is on the list: %+v", on)
		}
		s.view(t, func(v *store.View) error {
			locked, err := importer.Locked(v, here.ID)
			if err != nil || !locked {
				t.Errorf("it isn't kept for when proof comes: %v", err)
			}
			return nil
		})
	})
}

// What people answered elsewhere about measuring comes with the file: a no from everybody, a yes with its moment, place
// and words from those who are on the list. Unknown stays unknown, the same again changes nothing, and what is taken
// back takes the yes with it, never a no.
func TestAnAnswerAboutMeasuringComesWithTheFile(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("Email,First name,Confirmation time,Confirmation IP,List status,Global status,Tracking consent,Tracking consent updated at,Tracking consent method,Tracking consent copy\n" +
			"yes@example.org,Y,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,granted,2026-08-30 09:00:00,form,Let us see what you open\n" +
			"bare@example.org,B,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,granted,2026-08-30 09:00:00,form,\n" +
			"never@example.org,U,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,unknown,,,\n" +
			"no@example.org,N,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,denied,2026-08-30 09:00:00,manage_subscription,\n" +
			"left@example.org,L,2024-01-02 10:05:00,198.51.100.7,unsubscribed,subscribed,granted,2026-08-30 09:00:00,form,Let us see what you open\n" +
			"told@example.org,T,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,informed,2026-06-30 09:00:00,letter,We see what you open\n" +
			"late@example.org,T,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,informed,2026-07-14 09:00:00,letter,We see what you open\n" +
			"waits@example.org,W,,,subscribed,perhaps,granted,2026-08-30 09:00:00,form,Let us see what you open\n" +
			"odd@example.org,O,2024-01-02 10:05:00,198.51.100.7,subscribed,subscribed,perhaps,,,\n")
		o.Kind = importer.Tool
		h.Clock.Set(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
		sum := s.run(t, o)
		if sum.Shape != importer.MailPoet || sum.Measured != 2 || sum.Unmeasured != 1 || sum.Waiting != 1 || sum.Remarks != 5 || sum.Left != 1 {
			t.Fatalf("%+v", sum)
		}
		answers := func(email string) (out [2]consent.Answer) {
			p, _ := s.person(t, email)
			s.view(t, func(v *store.View) error {
				all, err := consent.Answers(v, p.ID)
				copy(out[:], all)
				return err
			})
			return out
		}
		for _, email := range []string{"yes@example.org", "bare@example.org", "never@example.org", "no@example.org", "left@example.org", "told@example.org", "late@example.org", "waits@example.org", "odd@example.org"} {
			basis := map[string]consent.Basis{"yes@example.org": consent.ByConsent, "told@example.org": consent.Informed}[email]
			for _, a := range answers(email) {
				if a.Live != (basis != "") || (a.NoAt != 0) != (email == "no@example.org") || a.Basis != basis {
					t.Errorf("%s: %+v", email, a)
				}
			}
		}
		yes, no := answers("yes@example.org"), answers("no@example.org")
		p, _ := s.person(t, "yes@example.org")
		s.view(t, func(v *store.View) error {
			events, err := consent.Events(v, p.ID)
			must(t, err)
			n := 0
			for _, e := range events {
				if e.ListID != yes[0].List && e.ListID != yes[1].List {
					continue
				}
				n++
				words, err := consent.Words(v, e.TextSHA256)
				must(t, err)
				if e.Grade != consent.GradeB || e.Page != "form" || words != "Let us see what you open" || e.OccurredAt.Time().UTC().Format(time.DateOnly) != "2026-08-30" || e.Source != "import" {
					t.Errorf("%+v %q", e, words)
				}
			}
			if n != 2 {
				t.Errorf("%d events about measuring", n)
			}
			return nil
		})
		made, err := evidence.Build(context.Background(), s.Main, s.owner, p.ID, "en")
		must(t, err)
		if r, err := proof.Verify(made.Bytes, s.Log.Key(), nil); err != nil || !r.Holds() {
			t.Errorf("%+v %v", r, err)
		}
		again := s.run(t, o)
		if again.Same == 0 || again.Changed != 0 || answers("yes@example.org") != yes || answers("no@example.org")[0].NoAt == 0 {
			t.Errorf("the same again: %+v", again)
		}

		s = open(t, h)                        // in another account, once, and taken back
		s.write(t, func(tx *store.Tx) error { // who was here stays
			_, err := contact.Ensure(tx, []contact.New{{Email: address.Must("yes@example.org"), Source: "form"}})
			return err
		})
		sum = s.run(t, o)
		if !answers("yes@example.org")[0].Live {
			t.Error("it isn't measured")
		}
		s.undo(t, sum.Import)
		if a := answers("yes@example.org"); a[0].Live || a[1].Live {
			t.Error("what was taken back is still measured")
		}
		s.run(t, s.order("email\nno@example.org\n")) // by another file, after the first is taken back
		if a := answers("no@example.org"); a[0].NoAt == 0 || a[1].NoAt == 0 || no[0].Live {
			t.Errorf("the no was taken back with the file: %+v", a)
		}
	})
}

func TestMailchimpsPeopleWhoNeverSubscribedAreNoSubscribers(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("Email Address,LEID,EUID\nbuyer@example.org,1,a\n")
		o.Kind, o.Name = importer.Tool, "nonsubscribed_members_export_1.csv"
		if sum := s.run(t, o); sum.New != 0 || sum.Refused != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

// Addresses as people write them: what can be mailed comes in, the rest is refused by its line.
func TestOddAddressesAreTakenOrRefusedOneByOne(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		sum := s.run(t, s.order("email;n\n  a@example.org  ;1\n<b@example.org>;2\n\"\"\"Bo, Jr\"\" <c@example.org>\";3\nd@exämple.org;4\ne.@example.org;5\nf@example.org.;6\ng@@example.org;7\nh@example;8\ni@example.org, j@example.org;9\n"))
		if sum.New < 4 || sum.New+sum.Refused != 9 || sum.Refused < 3 {
			t.Errorf("%+v", sum)
		}
		if p, ok := s.person(t, "c@example.org"); !ok || p.Name.Raw() != "Bo, Jr" {
			t.Errorf("%v %q", ok, p.Name.Raw())
		}
	})
}

// A workbook that is broken off at random statements goes on where its last step ended: rows are
// counted once, and lines are those of the sheet.
func TestABrokenOffWorkbookEndsAsIfItHadNotBeen(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		rows := []string{"email|city|optin_time|form"}
		for i := range 150 {
			switch {
			case i%7 == 3:
				rows = append(rows, "nobody", "")
			case i%11 == 5:
				rows = append(rows, fmt.Sprintf("p%d@example.org", i-5))
			default:
				rows = append(rows, fmt.Sprintf("p%d@example.org|Évry|2024-02-03 10:00:00|https://a.example/f", i))
			}
		}
		file := book(t, rows...)
		want := open(t, h)
		o := want.order(file)
		o.Batch = 32
		whole := want.end(t, want.run(t, o))
		r := rand.New(rand.NewPCG(4, 4))
		breaks := 0
		for range 4 {
			s := open(t, h)
			o := s.order(file)
			o.Batch = 32
			var sum importer.Summary
			for try := 0; sum.State != importer.Done; try++ {
				if try > 100 {
					t.Fatal("it never comes through")
				}
				left := atomic.Int64{}
				left.Store(int64(1 + r.IntN(120)))
				h.Main.SetHook(func(string) error {
					if left.Add(-1) > 0 {
						return nil
					}
					return errKilled
				})
				sum, _ = importer.Run(context.Background(), h.Main, s.owner, o, nil)
				h.Main.SetHook(nil)
				if sum.State != importer.Done {
					breaks++
					s.view(t, func(v *store.View) error { // killed after its last commit: it is in
						all, err := importer.All(v, 1)
						if len(all) > 0 {
							sum = importer.Summarise(all[0])
						}
						return err
					})
				}
			}
			if got := s.end(t, sum); !reflect.DeepEqual(got, whole) {
				t.Errorf("got  %+v\nwant %+v", got, whole)
			}
		}
		if breaks == 0 {
			t.Error("nothing was broken off")
		}
		t.Logf("%d breaks", breaks)
	})
}

// Of lists that an object holds, with the person's status on each: a no on all of them is a no, and one beside a yes waits.
func TestTheStatusOnEachListOfAnObjectIsHeard(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		person := func(email, lists string) string {
			return `{"uuid":"u-` + email + `","email":"` + email + `@example.org","status":"enabled",` + lists + `}`
		}
		on := func(status ...string) string {
			var all []string
			for i, s := range status {
				all = append(all, fmt.Sprintf(`{"id":%d,"name":"News %d","optin":"single","subscription_status":%q}`, i, i, s))
			}
			return `"lists":[` + strings.Join(all, ",") + `]`
		}
		people := []string{person("in", on("confirmed")), person("out", on("unsubscribed")), person("mixed", on("confirmed", "unsubscribed")), person("all-out", on("unsubscribed", "blocklisted")),
			person("both", on("confirmed", "unconfirmed")), person("nowhere", `"lists":[]`), person("words", `"lists":["News","Offers"]`)}
		lines := []string{`{"email":"in2@example.org","subscriptions":[{"status":"subscribed"}]}`, `{"email":"out2@example.org","subscriptions":[{"status":"unsubscribed"}]}`}
		want := map[string]consent.Status{"in": consent.Given, "out": consent.Withdrawn, "mixed": consent.Waiting, "all-out": consent.Withdrawn, "both": consent.Given, "nowhere": consent.Given, "words": consent.Given,
			"in2": consent.Given, "out2": consent.Withdrawn}
		s := open(t, h)
		s.run(t, s.order(`{"data":{"results":[`+strings.Join(people, ",\n")+`]}}`))
		s.run(t, s.order(strings.Join(lines, "\n")+"\n"))
		for name, state := range want {
			if st := s.standing(t, name+"@example.org"); st.State != state {
				t.Errorf("%s: %+v", name, st)
			}
		}
		never := `{"uuid":"u","email":"never@example.org","status":"enabled","lists":[{"name":"News","optin":"double","subscription_status":"unconfirmed"}]}`
		s.run(t, s.order("["+never+"]"))
		if _, here := s.person(t, "never@example.org"); here {
			t.Error("who never confirmed is here")
		}
	})
}
