// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/store"
	"consend/internal/mail/address"
	. "consend/internal/people/contact"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

var dates = store.Account("test.dates", `SELECT n.name FROM attribute_noted n WHERE n.account_id = :account ORDER BY n.name, n.contact_id`)

const day = 24 * time.Hour

func (d *desk) declare(a Attribute) (id int64) {
	d.t.Helper()
	must(d.t, d.write(func(tx *store.Tx) (err error) { id, err = MakeAttribute(tx, a); return err }))
	return id
}

func (d *desk) limit(id, days int64) {
	d.t.Helper()
	must(d.t, d.write(func(tx *store.Tx) error {
		a, err := GetAttribute(tx, id)
		if err != nil {
			return err
		}
		a.KeepDays = days
		return ChangeAttribute(tx, id, 0, a)
	}))
}

// night ends what is due and tells whom a value is left.
func (d *desk) night(name string, rows ...Row) (left string) {
	d.t.Helper()
	must(d.t, EndValues(context.Background(), d.Main))
	for _, r := range rows {
		if v := d.get(r.ID).Attributes[name]; !v.IsZero() {
			left += v.Raw()
		} else {
			left += "-"
		}
	}
	return left
}

func (d *desk) dates() string {
	d.t.Helper()
	var names []string
	d.view(func(v *store.View) (err error) { names, err = store.All[string](v, dates); return err })
	return strings.Join(names, " ")
}

func with(email, name, value string) New {
	n := person(email)
	v, _ := TypeText.Read(value)
	n.Attributes = Attributes{name: v}
	return n
}

func TestAValueEndsSoManyDaysAfterItWasLastNoted(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		id := d.declare(Attribute{Name: "TOWN", Type: TypeText, KeepDays: 30})
		d.declare(Attribute{Name: "SHOE", Type: TypeText})
		one, _ := TypeText.Read("a")
		two, _ := TypeText.Read("b")
		rows := d.ensure(with("a@example.org", "TOWN", "a"), with("b@example.org", "TOWN", "a"), with("c@example.org", "TOWN", "a"), with("d@example.org", "TOWN", "a"), with("e@example.org", "SHOE", "a"))
		d.Clock.Advance(20 * day)
		must(t, d.write(func(tx *store.Tx) error { // changed; the same on a page; the same said by the person
			if err := Correct(tx, rows[1].ID, 0, Change{Attributes: Attributes{"TOWN": two}}); err != nil {
				return err
			}
			if err := Correct(tx, rows[2].ID, 0, Change{Attributes: Attributes{"TOWN": one}}); err != nil {
				return err
			}
			return Correct(tx, rows[3].ID, 0, Change{Attributes: Attributes{"TOWN": one}, Said: true})
		}))
		d.Clock.Advance(10*day - time.Minute)
		if left := d.night("TOWN", rows[:4]...); left != "abaa" {
			t.Fatalf("too early: %s", left)
		}
		before := d.get(rows[0].ID)
		d.Clock.Advance(2 * time.Minute)
		if left := d.night("TOWN", rows[:4]...); left != "-b-a" {
			t.Fatalf("after 30 days: %s", left)
		}
		if c := d.get(rows[0].ID); c.Version != before.Version+1 {
			t.Error("who edits meanwhile isn't told")
		}
		var acts []trace.Entry
		d.view(func(v *store.View) (err error) {
			acts, err = trace.Search(v, trace.Question{Action: "contact.attribute.end"})
			return err
		})
		if len(acts) != 1 || acts[0].ObjectID != id || acts[0].Fields()["members"] != "2" {
			t.Errorf("the trace tells: %+v", acts)
		}
		// A file brings the same: it is noted anew. It brings another, and fills only what is missing: it is not.
		must(t, d.write(func(tx *store.Tx) error {
			some, err := Lock(tx, []int64{rows[1].ID, rows[3].ID})
			if err == nil {
				_, err = Fill(tx, []Filling{{Row: &some[0], Attributes: Attributes{"TOWN": two}}, {Row: &some[1], Attributes: Attributes{"TOWN": two}}}, false, 1)
			}
			return err
		}))
		d.Clock.Advance(20*day + time.Minute)
		if left := d.night("TOWN", rows[:4]...); left != "-b--" {
			t.Fatalf("after the file: %s", left)
		}
		d.Clock.Advance(10 * day)
		if left := d.night("TOWN", rows[:4]...); left != "----" || d.get(rows[4].ID).Attributes["SHOE"].Raw() != "a" || d.dates() != "" {
			t.Fatalf("at the end: %s, dates %q", left, d.dates())
		}
	})
}

func TestALimitSetLaterCountsFromThePersonsLastChangeAndGivesSevenDaysToLook(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		id := d.declare(Attribute{Name: "TOWN", Type: TypeText})
		rows := d.ensure(with("a@example.org", "TOWN", "a"), with("b@example.org", "TOWN", "b"), with("c@example.org", "TOWN", "c"))
		d.Clock.Advance(100 * day)
		must(t, d.write(func(tx *store.Tx) error {
			return errors.Join(Correct(tx, rows[1].ID, 0, Change{Country: ptr("FR")}), Restrict(tx, rows[2].ID, "dispute"))
		}))
		d.limit(id, 30)
		if left := d.night("TOWN", rows...); left != "abc" {
			t.Fatalf("nobody had time to look: %s", left)
		}
		var leaving []int64
		d.view(func(v *store.View) error {
			a, err := GetAttribute(v, id)
			for _, days := range []int64{6, 8, 31} {
				n, wrong := Leaving(v, a, days)
				leaving, err = append(leaving, n), errors.Join(err, wrong)
			}
			return err
		})
		if !slices.Equal(leaving, []int64{0, 1, 3}) {
			t.Errorf("of how many a value goes in 6, 8 and 31 days: %v", leaving)
		}
		d.Clock.Advance(KeepGrace*day + time.Minute)
		if left := d.night("TOWN", rows...); left != "-bc" {
			t.Fatalf("after seven days: %s", left)
		}
		d.Clock.Advance(30 * day)
		if left := d.night("TOWN", rows...); left != "--c" {
			t.Fatalf("who is frozen keeps it: %s", left)
		}
		must(t, d.write(func(tx *store.Tx) error {
			return errors.Join(Unrestrict(tx, rows[2].ID, "over"), RetireAttribute(tx, id))
		}))
		if left := d.night("TOWN", rows...); left != "---" || d.dates() != "" {
			t.Fatalf("out of use, values end all the same: %s, dates %q", left, d.dates())
		}
	})
}

func TestALimitTakenOffForgetsTheDatesAndADeletedPersonLeavesNone(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		id := d.declare(Attribute{Name: "TOWN", Type: TypeText, KeepDays: 30})
		rows := d.ensure(with("a@example.org", "TOWN", "a"), with("b@example.org", "TOWN", "b"))
		if d.dates() != "TOWN TOWN" {
			t.Fatalf("dates %q", d.dates())
		}
		must(t, d.write(func(tx *store.Tx) error {
			return Correct(tx, rows[0].ID, 0, Change{Attributes: Attributes{"TOWN": {}}})
		}))
		if d.dates() != "TOWN" {
			t.Errorf("a value that is gone has a date: %q", d.dates())
		}
		d.Main.Attach(Parting(func(*store.Tx, []int64) error { return nil }))
		must(t, d.Main.Purge(context.Background(), d.who, "test", func(tx *store.Tx) error { _, err := Drop(tx, []int64{rows[1].ID}, "test"); return err }))
		if d.dates() != "" {
			t.Errorf("somebody who is gone leaves %q", d.dates())
		}
		d.ensure(with("c@example.org", "TOWN", "c"))
		d.limit(id, 0)
		d.limit(id, 10) // within the day: the dates are kept up
		d.limit(id, 0)
		d.Clock.Advance(60 * day)
		if d.night("TOWN"); d.dates() != "" {
			t.Errorf("no limit, and dates %q", d.dates())
		}
		rows = d.ensure(with("d@example.org", "TOWN", "d"))
		if d.dates() != "" {
			t.Errorf("without a limit something is dated: %q", d.dates())
		}
	})
}

func TestManyValuesEndInStepsThatGoOnBehindThoseThatStay(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		id := d.declare(Attribute{Name: "TOWN", Type: TypeText})
		var news []New
		for i := range 450 {
			news = append(news, with(fmt.Sprintf("p%03d@example.org", i), "TOWN", "x"))
		}
		rows := d.ensure(news...)
		must(t, d.write(func(tx *store.Tx) error { // the first step's worth of people is frozen
			for _, r := range rows[:210] {
				if err := Restrict(tx, r.ID, "dispute"); err != nil {
					return err
				}
			}
			return nil
		}))
		d.limit(id, 30)
		d.Clock.Advance(31 * day)
		if left := d.night("TOWN", rows...); left != strings.Repeat("x", 210)+strings.Repeat("-", 240) {
			t.Errorf("left %d", strings.Count(left, "x"))
		}
		if n := len(strings.Fields(d.dates())); n != 210 {
			t.Errorf("%d dates", n)
		}
		again := d.ensure(person("p100@example.org"), New{Email: address.Must("p449@example.org"), Source: "member"})
		if again[1].Version != 2 || again[0].Version != 2 {
			t.Errorf("%+v", again)
		}
	})
}

func ptr[T any](v T) *T { return &v }
