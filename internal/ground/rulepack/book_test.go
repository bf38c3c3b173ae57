// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node is a process with a memory of its own.
type node struct {
	t  *testing.T
	db *store.DB
}

func (n node) days(who actor.Actor, k rulepack.Key) (out int) {
	n.t.Helper()
	must(n.t, n.db.View(context.Background(), who, func(v *store.View) error {
		r, err := rulepack.For(v)
		if err == nil {
			out = r.Number(k)
		}
		return err
	}))
	return out
}

func (n node) decide(who actor.Actor, d rulepack.Decision) string {
	n.t.Helper()
	err := n.db.Write(context.Background(), who, func(tx *store.Tx) error {
		_, err := rulepack.Decide(tx, d, "FR")
		return err
	})
	if err == nil {
		return ""
	}
	return fault.All(err)[0].Key
}

func nodes(t *testing.T, h *testhouse.House) (a, b node) {
	h.Main.Attach(rulepack.NewBook(rulepack.Packs()))
	second := h.Open(t, datamap.Main)
	second.Attach(rulepack.NewBook(rulepack.Packs()))
	return node{t, h.Main}, node{t, second}
}

func TestAChoiceHoldsAtOnceOnEveryNodeAndForItsAccountAlone(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, b := nodes(t, h)
		mine, theirs, house := h.Member(h.Account(t)), h.Member(h.Account(t)), actor.Actor{Kind: actor.Command, Name: "rules"}
		want := func(mineDays, theirDays, houseDays int) {
			t.Helper()
			for _, n := range []node{a, b} {
				if x, y, z := n.days(mine, rulepack.DOIToken), n.days(theirs, rulepack.DOIToken), n.days(house, rulepack.DOIToken); x != mineDays || y != theirDays || z != houseDays {
					t.Errorf("%d %d %d days, want %d %d %d", x, y, z, mineDays, theirDays, houseDays)
				}
			}
		}
		want(7, 7, 7)
		if f := a.decide(mine, rulepack.Decision{Key: rulepack.DOIToken, Value: "3"}); f != "" {
			t.Fatal(f)
		}
		want(3, 7, 7)
		if f := a.decide(mine, rulepack.Decision{Key: rulepack.DOIToken, Value: "9"}); f != "rulepack.looser" {
			t.Errorf("a looser choice: %q", f)
		}
		if f := a.decide(mine, rulepack.Decision{Key: rulepack.Art14Notice, Value: "1"}); f != "rulepack.fixed" {
			t.Errorf("a choice about the law: %q", f)
		}
		want(3, 7, 7)
		// The installation tightens: looser choices give way by themselves, stricter ones stay.
		if f := b.decide(theirs, rulepack.Decision{Key: rulepack.DOIToken, Value: "6"}); f != "" {
			t.Fatal(f)
		}
		want(3, 6, 7)
		if f := a.decide(house, rulepack.Decision{Key: rulepack.DOIToken, Value: "5"}); f != "rulepack.reason" {
			t.Errorf("without a reason: %q", f)
		}
		if f := a.decide(house, rulepack.Decision{Key: rulepack.DOIToken, Value: "5", Reason: "links leak"}); f != "" {
			t.Fatal(f)
		}
		want(3, 5, 5)
		// Taken back by a new decision, never by changing the old one.
		if f := b.decide(mine, rulepack.Decision{Key: rulepack.DOIToken}); f != "" {
			t.Fatal(f)
		}
		want(5, 5, 5)
		if f := a.decide(house, rulepack.Decision{Key: rulepack.DOIToken, Reason: "mended"}); f != "" {
			t.Fatal(f)
		}
		want(7, 6, 7)
		var all []rulepack.Decision
		must(t, a.db.View(context.Background(), mine, func(v *store.View) (err error) { all, err = rulepack.Choices(v); return err }))
		if len(all) != 2 || all[0].Value != "3" || all[1].Value != "" || all[0].ByKind != actor.Member {
			t.Errorf("%+v", all)
		}
	})
}

func TestADecisionHoldsFromItsDayAndNeverBefore(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, b := nodes(t, h)
		who := h.Member(h.Account(t))
		now := legalclock.MomentOf(h.Clock.Now())
		if f := a.decide(who, rulepack.Decision{Key: rulepack.DOIToken, Value: "3", ValidFrom: now - 1}); f != "rulepack.past" {
			t.Errorf("back-dated: %q", f)
		}
		if f := a.decide(who, rulepack.Decision{Key: rulepack.DOIToken, Value: "3", ValidFrom: now.Add(time.Hour)}); f != "" {
			t.Fatal(f)
		}
		for _, n := range []node{a, b} {
			if d := n.days(who, rulepack.DOIToken); d != 7 {
				t.Errorf("%d days before its hour", d)
			}
		}
		h.Clock.Advance(time.Hour)
		for _, n := range []node{a, b} {
			if d := n.days(who, rulepack.DOIToken); d != 3 {
				t.Errorf("%d days at its hour", d)
			}
		}
	})
}

func TestWhatWasRolledBackIsNotRemembered(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, _ := nodes(t, h)
		who := h.Member(h.Account(t))
		gone := errors.New("rolled back")
		err := a.db.Write(context.Background(), who, func(tx *store.Tx) error {
			if _, err := rulepack.Decide(tx, rulepack.Decision{Key: rulepack.DOIToken, Value: "2"}, ""); err != nil {
				return err
			}
			r, err := rulepack.For(tx)
			if err != nil || r.Number(rulepack.DOIToken) != 2 {
				t.Errorf("the act itself sees %v, %v", r, err)
			}
			return gone
		})
		if !errors.Is(err, gone) {
			t.Fatal(err)
		}
		if d := a.days(who, rulepack.DOIToken); d != 7 {
			t.Errorf("%d days after a rollback", d)
		}
		if f := a.decide(who, rulepack.Decision{Key: rulepack.DOIToken, Value: "4"}); f != "" {
			t.Fatal(f)
		}
		if d := a.days(who, rulepack.DOIToken); d != 4 {
			t.Errorf("%d days, though 4 was decided", d)
		}
	})
}

func TestTheInstallationAdoptsAVersion(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		newer, err := rulepack.Read([]byte("version = \"x\"\ndate = \"2027-01-01\"\n[[rule]]\nkey = \"doi.token\"\nvalue = 4\nunit = \"days\"\nstricter = \"less\"\nmin = 1\nmax = 7\nsource = \"x\"\n"))
		must(t, err)
		h.Main.Attach(rulepack.NewBook(append(rulepack.Packs(), newer)))
		n, house, who := node{t, h.Main}, actor.Actor{Kind: actor.Command, Name: "rules"}, h.Member(h.Account(t))
		if d := n.days(who, rulepack.DOIToken); d != 4 {
			t.Errorf("%d days: the newest pack holds until one is adopted", d)
		}
		if f := n.decide(house, rulepack.Decision{Key: rulepack.Adopted, Value: "y", Reason: "x"}); f != "rulepack.pack" {
			t.Errorf("an unknown version: %q", f)
		}
		if f := n.decide(who, rulepack.Decision{Key: rulepack.Adopted, Value: "2026-11", Reason: "x"}); f != "rulepack.unknown" {
			t.Errorf("an account adopts: %q", f)
		}
		if f := n.decide(house, rulepack.Decision{Key: rulepack.Adopted, Value: "2026-11", Reason: "the new one is not looked over yet"}); f != "" {
			t.Fatal(f)
		}
		if d := n.days(who, rulepack.DOIToken); d != 7 {
			t.Errorf("%d days by the adopted pack", d)
		}
	})
}

func TestNobodyChangesADecision(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		a, _ := nodes(t, h)
		who := h.Member(h.Account(t))
		if f := a.decide(who, rulepack.Decision{Key: rulepack.DOIToken, Value: "3"}); f != "" {
			t.Fatal(f)
		}
		for _, q := range []*store.Query{
			store.Account("test.change", `UPDATE rulepack_choice SET value = '9' WHERE account_id = :account`),
			store.Account("test.remove", `DELETE FROM rulepack_choice WHERE account_id = :account`),
		} {
			if err := a.db.Write(context.Background(), who, func(tx *store.Tx) error { _, err := tx.Exec(q); return err }); err == nil {
				t.Errorf("%s was possible", q.Name())
			}
		}
		if h.Dialect != "postgres" {
			return
		}
		c, err := pgx.Connect(context.Background(), h.URLs[datamap.Main])
		must(t, err)
		defer c.Close(context.Background())
		for _, role := range []string{"consend_app", "consend_system"} {
			for _, sql := range []string{"UPDATE rulepack_choice SET value = '9'", "DELETE FROM rulepack_choice", "UPDATE rulepack_decision SET value = '9'", "DELETE FROM rulepack_decision"} {
				if _, err := c.Exec(context.Background(), "SET ROLE "+role); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Exec(context.Background(), sql); err == nil {
					t.Errorf("%s as %s was possible", sql, role)
				}
			}
		}
	})
}

// TestAChoiceIsHeldAgainstTheCountrysOwnValue: Belgium's age of consent is 13 where the general
// one is 16.
func TestAChoiceIsHeldAgainstTheCountrysOwnValue(t *testing.T) {
	h := testhouse.SQLite(t)
	who := h.Member(h.Account(t))
	set := func(v string) error {
		return h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
			_, err := rulepack.Decide(tx, rulepack.Decision{Key: rulepack.ConsentAge, Value: v}, "BE")
			return err
		})
	}
	must(t, set("14"))
	must(t, h.Main.View(context.Background(), who, func(v *store.View) error {
		r, err := rulepack.For(v)
		must(t, err)
		if be, de, all := r.CountryNumber(rulepack.ConsentAge, "BE"), r.CountryNumber(rulepack.ConsentAge, "DE"), r.Number(rulepack.ConsentAge); be != 14 || de != 16 || all != 16 {
			t.Errorf("BE %d, DE %d, general %d", be, de, all)
		}
		return nil
	}))
	if set("12") == nil {
		t.Error("an age below Belgium's was accepted")
	}
}

// TestNobodyAllowsInAllCountriesWhatOneForbids: the installation may forbid it everywhere, no more.
func TestNobodyAllowsInAllCountriesWhatOneForbids(t *testing.T) {
	h := testhouse.SQLite(t)
	h.Main.Attach(rulepack.NewBook(rulepack.Packs()))
	n, house, who := node{t, h.Main}, actor.Actor{Kind: actor.Command, Name: "rules"}, h.Member(h.Account(t))
	for value, want := range map[string]string{"true": "rulepack.by_country", "false": ""} {
		if f := n.decide(house, rulepack.Decision{Key: rulepack.HoldsB2B, Value: value, Reason: "x"}); f != want {
			t.Errorf("%s: %q", value, f)
		}
	}
	if f := n.decide(who, rulepack.Decision{Key: rulepack.HoldsSoftOptIn, Value: "false"}); f != "" {
		t.Error(f)
	}
	must(t, h.Main.View(context.Background(), who, func(v *store.View) error {
		r, err := rulepack.For(v)
		if err == nil && (r.CountryBool(rulepack.HoldsB2B, "FR") || r.CountryBool(rulepack.HoldsSoftOptIn, "DE")) {
			t.Error("what was forbidden everywhere is allowed somewhere")
		}
		return err
	}))
}
