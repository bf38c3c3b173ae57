// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"fmt"
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
	"consend/internal/testhouse"
)

// subject writes as a visitor does.
func (s *shop) subject(t testing.TB, events ...consent.Event) {
	t.Helper()
	who := actor.Actor{Kind: actor.Subject, Account: s.account, Request: "test"}
	must(t, s.Main.Write(context.Background(), who, func(tx *store.Tx) error {
		_, err := consent.Apply(tx, events)
		return err
	}))
}

// Whose claim waits in an import may ask on a form meanwhile: what they say themselves stands on its own feet.
func TestAYesOrARequestOfTheirOwnDoesNotExpireWithTheClaim(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("email\nyes@example.org\nasked@example.org\nsilent@example.org\n")
		o.Kind, o.From, o.To = importer.Acquired, "2026-03-01", "2026-03-02"
		sum := s.run(t, o)
		if sum.Waiting != 3 {
			t.Fatalf("%+v", sum)
		}
		for _, email := range []string{"yes", "asked"} {
			p, _ := s.person(t, email+"@example.org")
			s.subject(t, consent.Event{Contact: p.ID, List: s.list, Kind: consent.Request, Source: "form"})
			if email == "yes" {
				s.subject(t, consent.Event{Contact: p.ID, List: s.list, Kind: consent.Confirm, RequestedAt: s.Now(), Source: "form"})
			}
		}
		s.Clock.Set(time.Date(2026, 3, 30, 22, 1, 0, 0, time.UTC))
		must(t, importer.Daily(s.Main)(context.Background()))
		if st := s.standing(t, "yes@example.org"); st.State != consent.Given || st.Grade != consent.GradeA {
			t.Errorf("a yes of their own: %+v", st)
		}
		if st := s.standing(t, "asked@example.org"); st.State != consent.Requested {
			t.Errorf("a request of their own: %+v", st)
		}
		if _, ok := s.person(t, "silent@example.org"); ok {
			t.Error("who said nothing is still here")
		}
		if c := s.counts(t, sum.Import); c.Expired != 1 || c.Settled != 1 || c.StillWaiting() != 1 {
			t.Errorf("%+v", c)
		}
		// Their own request ends unanswered: nothing speaks for them now.
		p, _ := s.person(t, "asked@example.org")
		s.write(t, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: p.ID, List: s.list, Kind: consent.Expire, Source: "form"}})
			return err
		})
		must(t, importer.Daily(s.Main)(context.Background()))
		if _, ok := s.person(t, "asked@example.org"); ok {
			t.Error("who asked in vain is still here")
		}
		if c := s.counts(t, sum.Import); c.StillWaiting() != 0 {
			t.Errorf("%+v", c)
		}
	})
}

func (s *shop) counts(t testing.TB, id int64) (c importer.Counts) {
	t.Helper()
	s.view(t, func(v *store.View) error {
		i, err := importer.Get(v, id)
		c = i.Counts
		return err
	})
	return c
}

// A choice takes so many values and no more; what comes after is a remark, of which a line may bear several.
func TestEveryRemarkOfALineIsListed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		var b strings.Builder
		b.WriteString("email;langue;plan;size\n")
		for i := range importer.MaxChoices + 3 {
			fmt.Fprintf(&b, "p%d@example.org;qqq;plan %d;size %d\n", i, i, i)
		}
		s.write(t, func(tx *store.Tx) error {
			_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "PLAN", Type: contact.TypeChoice}, {Name: "SIZE", Type: contact.TypeChoice}})
			return err
		})
		sum := s.run(t, s.order(b.String()))
		if want := int64(importer.MaxChoices + 3 + 2*3); sum.Remarks != want {
			t.Errorf("%d remarks, want %d", sum.Remarks, want)
		}
		at := map[int64]int{}
		s.view(t, func(v *store.View) error {
			notes, err := importer.Notes(v, sum.Import, -1, 10_000)
			for _, n := range notes {
				at[n.Line]++
			}
			return err
		})
		if last := int64(importer.MaxChoices + 3 + 1); at[2] != 1 || at[last] != 3 {
			t.Errorf("%d remarks on line 2, %d on line %d", at[2], at[last], last)
		}
	})
}

// The last person of a batch may be both remarked on and withheld; the next line may bear a remark too.
func TestARemarkAndARefusalOfOneLineStandBesideTheNextLines(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.write(t, func(tx *store.Tx) error {
			return consent.SuppressAddresses(tx, []address.Address{address.Must("b@example.org")}, consent.ByMember, consent.Everything)
		})
		o := s.order("email;langue;pays\na@example.org;fr;FR\nb@example.org;qqq;qqq\nc@example.org;qqq;qqq\n")
		o.Batch = 2
		sum := s.run(t, o)
		if sum.Remarks != 4 || sum.Withheld["suppressed"] != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

var spoil = store.Account("test.spoil", `UPDATE import SET survey = '[]' WHERE account_id = :account AND id = ?`)

// What is wrong with one import keeps nobody's people longer than the month, in that account or another.
func TestAnImportThatCannotBeReadHoldsUpNoOthersEnd(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		first, second := open(t, h), open(t, h)
		wait := func(s *shop, email string) int64 {
			o := s.order("email\n" + email + "\n")
			o.Kind, o.From, o.To = importer.Acquired, "2026-03-01", "2026-03-02"
			return s.run(t, o).Import
		}
		bad := wait(first, "bad@example.org")
		wait(first, "good@example.org")
		wait(second, "other@example.org")
		first.write(t, func(tx *store.Tx) error { tx.Do(spoil, bad); return nil })
		h.Clock.Set(time.Date(2026, 3, 30, 22, 1, 0, 0, time.UTC))
		if err := importer.Daily(h.Main)(context.Background()); err == nil {
			t.Error("nobody hears of it")
		}
		if _, ok := first.person(t, "good@example.org"); ok {
			t.Error("the other import of the account was not looked at")
		}
		if _, ok := second.person(t, "other@example.org"); ok {
			t.Error("the other account was not looked at")
		}
	})
}

// A run keeps its totals in memory: nobody else counts while it does, and nobody is settled whose rows are still to come.
func TestARunAndAReleaseAreNeverAtOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order("email\nada@example.org\nbob@example.org\n")
		o.DeclaredBy = 0
		sum := s.run(t, o)
		h.Raw(t, fmt.Sprintf("UPDATE import SET state = 'stopped' WHERE id = %d", sum.Import))
		s.write(t, func(tx *store.Tx) error {
			return importer.BeginRelease(tx, sum.Import, importer.Origin{Kind: importer.Site, Where: "our page"}, true)
		})
		begin := func() error {
			return s.Main.Write(context.Background(), s.owner, func(tx *store.Tx) error { return importer.Begin(tx, sum.Import, false) })
		}
		if err := begin(); !fault.Is(err, fault.Conflict) || fault.All(err)[0].Key != "import.releasing" {
			t.Errorf("a run beside a release: %v", err)
		}
		h.Raw(t, "UPDATE task SET ended_at = 1, state = 'done'")
		must(t, begin())
	})
}

func TestNobodyIsTakenOffWhileTheirImportRuns(t *testing.T) {
	h := testhouse.Postgres(t)
	s := open(t, h)
	o := s.order("email\nada@example.org\n")
	o.DeclaredBy = 0
	sum := s.run(t, o)
	looked := false
	h.Main.SetHook(func(q string) error {
		if q == "importer.get_locked" && !looked {
			looked = true
			h.Raw(t, fmt.Sprintf("UPDATE import SET state = 'running' WHERE id = %d", sum.Import)) // somebody goes on with it now
		}
		return nil
	})
	h.Clock.Advance(60 * 24 * time.Hour)
	must(t, importer.Daily(s.Main)(context.Background()))
	h.Main.SetHook(nil)
	if _, ok := s.person(t, "ada@example.org"); !ok || !looked {
		t.Error("taken off while it runs")
	}
	s.view(t, func(v *store.View) error {
		i, err := importer.Get(v, sum.Import)
		if i.WaitsUntil == 0 {
			t.Error("settled while it runs: what comes now would wait for ever")
		}
		return err
	})
}
