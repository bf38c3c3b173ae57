// SPDX-License-Identifier: AGPL-3.0-or-later

package consent_test

import (
	"context"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/testhouse"
)

func hashed(k consent.HashKind, s string) consent.Told {
	return consent.Told{Kind: k, Hash: k.Of(s), Cause: consent.Unsubscribed, Scope: consent.Everything}
}

// refuse takes refusals in and looks through everybody, as the end of an import does.
func refuse(t *testing.T, h *testhouse.House, who actor.Actor, told ...consent.Told) (in consent.Intake, met int) {
	t.Helper()
	err := h.Main.Write(context.Background(), who, func(tx *store.Tx) (err error) {
		if in, err = consent.RefuseSet(tx, told, 0); err != nil {
			return err
		}
		_, met, err = consent.MeetAll(tx, 0, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return in, met
}

func barsOf(t *testing.T, h *testhouse.House, who actor.Actor, a address.Address) (out []consent.Suppression) {
	t.Helper()
	if err := h.Main.View(context.Background(), who, func(v *store.View) (err error) {
		out, err = consent.SuppressionsOf(v, a)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAHashOfAnAddressHoldsWhoeverIsHereAndWhoeverComes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := h.Member(h.Account(t))
		here, later, other := address.Must("Ada@Example.org"), address.Must("grace@example.org"), address.Must("linus@example.org")
		ensure := func(a ...address.Address) (rows []contact.Row) {
			t.Helper()
			news := make([]contact.New, len(a))
			for i := range a {
				news[i] = contact.New{Email: a[i], Source: "import"}
			}
			if err := h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
				got, err := contact.Ensure(tx, news)
				rows = append(rows, got...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return rows
		}
		ensure(here)
		in, met := refuse(t, h, who, hashed(consent.SHA256, "ada@example.org"), hashed(consent.MD5, "grace@example.org"), hashed(consent.SHA1, "nobody@example.org"))
		if in.Fresh != 3 || in.Hashed != 3 || met != 1 {
			t.Fatalf("%+v, met %d", in, met)
		}
		if b := barsOf(t, h, who, here); len(b) != 1 || b[0].ContactID == 0 {
			t.Errorf("who was here: %+v", b)
		}
		rows := ensure(other, later)
		if rows[0].Barred || !rows[1].Barred {
			t.Errorf("barred: %v %v", rows[0].Barred, rows[1].Barred)
		}
		if b := barsOf(t, h, who, later); len(b) != 1 || b[0].ContactID != rows[1].ID {
			t.Errorf("who came: %+v", b)
		}
		if b := barsOf(t, h, who, other); len(b) != 0 {
			t.Errorf("whom no hash names: %+v", b)
		}
		entries := h.Entries(t, who)
		if rows := ensure(later); rows[0].Barred || rows[0].Created {
			t.Errorf("again: %+v", rows[0])
		}
		if n := h.Entries(t, who); n != entries {
			t.Errorf("%d entries after %d: to find somebody writes nothing", n, entries)
		}
	})
}

func TestARefusalOfAnotherToolBearsItsOwnDateAndTheSameAgainChangesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := h.Member(h.Account(t))
		a := address.Must("ada@example.org")
		day := func(n int) legalclock.Moment {
			return legalclock.MomentOf(h.Clock.Now().Add(-time.Duration(n) * 24 * time.Hour))
		}
		told := func(since legalclock.Moment) consent.Told {
			return consent.Told{Email: a, Cause: consent.Unsubscribed, Scope: consent.Everything, Since: since}
		}
		old := day(30)
		if in, _ := refuse(t, h, who, told(old)); in.Fresh != 1 {
			t.Fatalf("%+v", in)
		}
		entries := h.Entries(t, who)
		for name, again := range map[string]legalclock.Moment{"the same": old, "an older one": day(40), "one without a date": 0} {
			if in, _ := refuse(t, h, who, told(again)); in.Fresh != 0 || in.Stood != 1 {
				t.Errorf("%s: %+v", name, in)
			}
		}
		if b := barsOf(t, h, who, a); len(b) != 1 || b[0].Since != old || b[0].ContactID != 0 {
			t.Errorf("%+v", b)
		}
		if n := h.Entries(t, who); n != entries {
			t.Errorf("%d entries after %d", n, entries)
		}
		newer := day(2)
		refuse(t, h, who, told(newer))
		if b := barsOf(t, h, who, a); len(b) != 1 || b[0].Since != newer {
			t.Errorf("a newer one: %+v", b)
		}
		if err := h.Main.View(context.Background(), who, func(v *store.View) error {
			_, known, err := contact.Find(v, a)
			if known {
				t.Error("somebody was made")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatAPersonSaidYesToAfterARefusalElsewhereStands(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h)
		id := w.person(t, "ada@example.org")
		a := address.Must("ada@example.org")
		before := h.Now()
		h.Clock.Advance(time.Hour)
		w.confirm(t, id, w.news)
		h.Clock.Advance(time.Hour)
		refuse(t, h, w.member, consent.Told{Email: a, Cause: consent.HardBounce, Scope: consent.Everything, Since: before})
		if why := w.standing(t, id, w.news).Reason; why != "" {
			t.Errorf("a refusal from before the yes: %q", why)
		}
		refuse(t, h, w.member, consent.Told{Email: a, Cause: consent.Unsubscribed, Scope: consent.Everything})
		if why := w.standing(t, id, w.news).Reason; why != consent.HasLeft {
			t.Errorf("a refusal of today: %q", why)
		}
	})
}

var hashLines = store.Account("test.hash_lines", `SELECT o.kind || ' ' || o.scope FROM refusal_out o WHERE o.account_id = :account AND o.kind LIKE 'hashed.%' ORDER BY o.id`)

// The ledger is told of every hash once, as long as nothing newer is said; the same hash twice in a file is one.
func TestTheLedgerIsToldOfHashes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := h.Member(h.Account(t))
		one, late := hashed(consent.SHA256, "a@example.org"), hashed(consent.SHA256, "a@example.org")
		one.Since, late.Since = h.Now().Add(-time.Hour), h.Now().Add(-time.Minute)
		if in, _ := refuse(t, h, who, one, late, hashed(consent.MD5, "b@example.org")); in.Fresh != 2 {
			t.Errorf("%+v", in)
		}
		refuse(t, h, who, late)
		var lines []string
		if err := h.Main.View(context.Background(), who, func(v *store.View) (err error) { lines, err = store.All[string](v, hashLines); return err }); err != nil {
			t.Fatal(err)
		}
		if len(lines) != 2 || lines[0] != "hashed.unsubscribe all" {
			t.Errorf("%q", lines)
		}
	})
}
