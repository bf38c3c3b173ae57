// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// refusals brings a file of refusals to its start.
func (s *shop) refusals(t testing.TB, file string, r importer.Refusals) int64 {
	t.Helper()
	id := s.limited(t, file, r)
	s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, id, false) })
	return id
}

// limited brings a file of refusals to its summary.
func (s *shop) limited(t testing.TB, file string, r importer.Refusals) int64 {
	t.Helper()
	ctx := context.Background()
	id, err := importer.ReceiveRefusals(ctx, s.Main, s.owner, "no.csv", strings.NewReader(file))
	must(t, err)
	i := s.get(t, id)
	survey, err := importer.Resurvey(ctx, s.Main, s.owner, i, i.Format)
	must(t, err)
	s.write(t, func(tx *store.Tx) error { return importer.Check(tx, id, s.version(tx, id), survey) })
	s.write(t, func(tx *store.Tx) error { return importer.Map(tx, id, s.version(tx, id), i.Mapping) })
	s.write(t, func(tx *store.Tx) error { return importer.Limit(tx, id, s.version(tx, id), r) })
	return id
}

func (s *shop) get(t testing.TB, id int64) (i importer.Import) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) { i, err = importer.Get(v, id); return err })
	return i
}

func (s *shop) version(r store.Reader, id int64) int64 {
	i, err := importer.Get(r, id)
	if err != nil {
		return -1
	}
	return i.Version
}

func (s *shop) work(t testing.TB, id int64) importer.Counts {
	t.Helper()
	must(t, importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: actor.Worker("importer.run", s.owner.Account)}))
	i := s.get(t, id)
	if i.State != importer.Done {
		t.Fatalf("%s %s", i.State, i.Fault)
	}
	return i.Counts
}

func (s *shop) bars(t testing.TB, email string) (out []consent.Suppression) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) {
		out, err = consent.SuppressionsOf(v, address.Must(email))
		return err
	})
	return out
}

var everywhere = importer.Refusals{Cause: consent.Imported, Reach: consent.All}

func TestTheUnsubscribedOfFiveToolsComeIntoTheDoNotMailListAndNobodyIsMade(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		for name, c := range map[string]struct{ file, cause, since string }{
			"brevo":         {"EMAIL,EMAIL_BLACKLISTED,SMS_BLACKLISTED,ADDED_TIME\nbrevo@example.org,yes,no,2020-01-01\nstays-brevo@example.org,no,no,2020-01-01\n", "import", ""},
			"mailchimp":     {"Email Address,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,UNSUB_REASON,LEID,EUID\nmailchimp@example.org,2,2020-01-01 10:00:00,2023-05-06 07:08:09,NORMAL,1,a\n", "unsubscribe", "2023-05-06"},
			"mailchimpgone": {"Email Address,MEMBER_RATING,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,LEID,EUID\nmailchimpgone@example.org,2,2023-05-06 07:08:09,News,1,a\n", "hard_bounce", "2023-05-06"},
			"listmonk":      {"uuid,email,name,attributes,status,created_at,updated_at\nu-1,listmonk@example.org,Ada,{},blocklisted,2020-01-01,2021-01-01\nu-2,stays-listmonk@example.org,Ada,{},enabled,2020-01-01,2021-01-01\n", "import", ""},
			"mailjet":       {"email,IsExcludedFromCampaigns,IsSpamComplaining\nmailjet@example.org,true,false\n", "import", ""},
			"mailjetspam":   {"email,IsExcludedFromCampaigns,IsSpamComplaining\nmailjetspam@example.org,false,true\nstays-mailjetspam@example.org,false,false\n", "complaint", ""},
			"mailpoet":      {"email,subscribed_ip,confirmed_ip,global_status\nmailpoet@example.org,1.2.3.4,1.2.3.4,unsubscribed\n", "unsubscribe", ""},
		} {
			counts := s.work(t, s.refusals(t, c.file, everywhere))
			b := s.bars(t, name+"@example.org")
			if len(b) != 1 || string(b[0].Reason) != c.cause || b[0].ContactID != 0 || c.since != "" && !strings.HasPrefix(b[0].Since.String(), c.since) || counts.Fresh != 1 {
				t.Errorf("%s: %+v %+v", name, b, counts)
			}
			if b := s.bars(t, "stays-"+name+"@example.org"); len(b) != 0 {
				t.Errorf("%s: who is subscribed there is silenced: %+v", name, b)
			}
			if _, known := s.person(t, name+"@example.org"); known {
				t.Errorf("%s: somebody was made", name)
			}
			if again := s.work(t, s.refusals(t, c.file, everywhere)); again.Fresh != 0 || again.Known != 1 {
				t.Errorf("%s again: %+v", name, again)
			}
			if after := s.bars(t, name+"@example.org"); len(after) != 1 || after[0].EntryID != b[0].EntryID || after[0].Since != b[0].Since {
				t.Errorf("%s: the same again wrote %+v over %+v", name, after, b)
			}
		}
	})
}

// When it was said is no reason: the one that was chosen for the file stands, unless the row's own words say another.
func TestADayOfARefusalIsNoReasonOfItsOwn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for name, c := range map[string]struct{ file, cause string }{
			"a day":           {"email,date\nme@example.org,2024-01-02\n", "import"},
			"a day and a yes": {"email,unsubscribed,date\nme@example.org,yes,2024-01-02\n", "unsubscribe"},
			"a day and words": {"email,status,added at\nme@example.org,unsubscribed,2024-01-02\n", "unsubscribe"},
			"a day of leave":  {"email,unsubscribed at\nme@example.org,2024-01-02\n", "unsubscribe"},
		} {
			t.Run(name, func(t *testing.T) {
				s := open(t, h)
				s.work(t, s.refusals(t, c.file, everywhere))
				if b := s.bars(t, "me@example.org"); len(b) != 1 || string(b[0].Reason) != c.cause || name != "a day and a yes" && !strings.HasPrefix(b[0].Since.String(), "2024-01-02") {
					t.Errorf("%+v", b)
				}
			})
		}
		s := open(t, h)
		s.work(t, s.refusals(t, fmt.Sprintf("hash,date\n%x,2024-01-02\n", sha256.Sum256([]byte("later@example.org"))), everywhere))
		s.run(t, s.order("email\nlater@example.org\n"))
		if b := s.bars(t, "later@example.org"); len(b) != 1 || b[0].Reason != consent.Imported {
			t.Errorf("%+v", b)
		}
		if n := s.work(t, s.refusals(t, "email,status,date\nstays@example.org,subscribed,2024-01-02\n", everywhere)); n.Refused != 1 {
			t.Errorf("a whole export silences somebody who is subscribed there: %+v", n)
		}
	})
}

func TestHashedRefusalsHoldWhoIsHereAndWhomAnImportBringsLater(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nhere@example.org\nfree@example.org\n"))
		md := fmt.Sprintf("%x", md5.Sum([]byte("later@example.org")))
		sha := fmt.Sprintf("%X", sha256.Sum256([]byte("here@example.org")))
		counts := s.work(t, s.refusals(t, sha+"\n"+md+"\nplain@example.org\n"+md+"\n", importer.Refusals{Cause: consent.Unsubscribed, Reach: consent.OneList, ID: s.list}))
		if counts.Rows != 4 || counts.Fresh != 3 || counts.Doubled != 1 || counts.Hashed != 2 || counts.Met != 1 {
			t.Errorf("%+v", counts)
		}
		sum := s.run(t, s.order("email\nlater@example.org\nplain@example.org\nother@example.org\n"))
		if sum.Withheld["suppressed"] != 2 {
			t.Errorf("%+v", sum)
		}
		for email, want := range map[string]consent.Reason{"here@example.org": consent.HasLeft, "later@example.org": consent.HasLeft, "plain@example.org": consent.HasLeft, "free@example.org": "", "other@example.org": ""} {
			if got := s.standing(t, email).Reason; got != want {
				t.Errorf("%s: %q, not %q", email, got, want)
			}
		}
	})
}

func TestAFileOfRefusalsThatIsKilledGoesOnAndEndsAlike(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nr1@example.org\nr2@example.org\n"))
		var b strings.Builder
		b.WriteString("hash,date\n")
		for i := range 6000 {
			fmt.Fprintf(&b, "%x,2024-01-02\n", sha256.Sum256([]byte(email(i))))
		}
		id := s.refusals(t, b.String(), everywhere)
		for tries := 1; ; tries++ {
			left := atomic.Int64{}
			left.Store(int64(9 * tries))
			h.Main.SetHook(func(string) error {
				if left.Add(-1) < 0 {
					return errKilled
				}
				return nil
			})
			err := importer.Work(context.Background(), &job.Run{DB: s.Main, Ref: id, Who: actor.Worker("importer.run", s.account)})
			h.Main.SetHook(nil)
			if i := s.get(t, id); i.State == importer.Done {
				if tries < 3 || i.Counts.Fresh != 6000 || i.Counts.Hashed != 6000 || i.Counts.Met != 2 {
					t.Errorf("after %d tries: %+v", tries, i.Counts)
				}
				break
			} else if err == nil || tries > 60 {
				t.Fatalf("try %d: %s %v", tries, i.State, err)
			}
		}
		if len(s.bars(t, "r1@example.org")) != 1 || len(s.bars(t, "r2@example.org")) != 1 {
			t.Error("who was here is not held")
		}
	})
}

// What the summary says of refusals is what their report says after, and counting writes nothing.
func TestWhatAFileOfRefusalsWouldDoIsWhatItDoes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.run(t, s.order("email\nhere@example.org\nhashed@example.org\nboth@example.org\nsaid@example.org\nfree@example.org\nlate@example.org\n"))
		late, _ := s.person(t, "late@example.org")
		s.subject(t, consent.Event{Contact: late.ID, List: s.list, Kind: consent.Request, Source: "form"})
		s.subject(t, consent.Event{Contact: late.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})
		s.work(t, s.refusals(t, "email\nsaid@example.org\nknown@example.org\n", everywhere))
		h256 := func(a string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(a))) }
		s.work(t, s.refusals(t, "email\n"+h256("old@example.org")+"\n", everywhere))
		file := "email,date\nhere@example.org,\nnew@example.org,\nknown@example.org,\nsaid@example.org,\nlate@example.org,2020-01-01\nboth@example.org,\n" +
			h256("both@example.org") + ",\n" + h256("hashed@example.org") + ",\n" + h256("nobody@example.org") + ",\n" + h256("old@example.org") + ",\nno address,\nHERE@example.org,\n"
		id := s.limited(t, file, everywhere)
		i, was := s.get(t, id), s.stored(t)
		f := s.foretold(t, i)
		if f == nil || s.stored(t) != was {
			t.Fatalf("%+v, or it wrote", f)
		}
		if c := f.Counts; c.Fresh != 7 || c.Known != 3 || c.Hashed != 4 || c.Here != 2 || c.Met != 1 || c.Refused != 1 || c.Doubled != 1 {
			t.Errorf("%+v", c)
		}
		s.write(t, func(tx *store.Tx) error { return importer.Begin(tx, id, false) })
		got, want := s.work(t, id), f.Counts
		want.Listed, want.Unlisted = got.Listed, got.Unlisted
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it would do %+v\nand did %+v", want, got)
		}
	})
}

// A long file of refusals is counted beside the page.
func TestALongFileOfRefusalsIsCountedBesideThePage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var file strings.Builder
		file.WriteString("email\n")
		for n := range 5001 {
			fmt.Fprintf(&file, "p%d@long.example\n", n)
		}
		i := s.get(t, s.limited(t, file.String(), everywhere))
		if s.foretold(t, i) != nil {
			t.Fatal("nobody counted yet")
		}
		must(t, importer.ForecastWork(context.Background(), &job.Run{DB: s.Main, Ref: i.ID, Who: s.owner}))
		if f := s.foretold(t, i); f == nil || f.Counts.Fresh != 5001 {
			t.Errorf("%+v", f)
		}
	})
}

func TestAFileOfRefusalsCantBecomeAnImportOfPeople(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		id := s.refusals(t, "email\na@example.org\n", everywhere)
		s.work(t, id)
		i := s.get(t, id)
		for name, f := range map[string]func(tx *store.Tx) error{
			"tell":   func(tx *store.Tx) error { return importer.Tell(tx, id, i.Version, importer.Origin{}) },
			"choose": func(tx *store.Tx) error { return importer.Choose(tx, id, i.Version, importer.Choice{List: s.list}) },
			"undo":   func(tx *store.Tx) error { return importer.Undo(tx, id) },
		} {
			if err := s.Main.Write(context.Background(), s.owner, f); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
