// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"strings"
	"testing"

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	. "consend/internal/people/contact"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

// told is what the page of a person tells of their corrections, newest first: "attribute.town a>b", "town" once it ended.
func (d *desk) told(id int64) string {
	d.t.Helper()
	var out []string
	d.view(func(v *store.View) error {
		c, err := Get(v, id)
		if err != nil {
			return err
		}
		entries, err := trace.Search(v, trace.Question{Contact: id})
		if err != nil {
			return err
		}
		changes, err := Changes(v, c, entries)
		for _, e := range entries {
			for _, x := range changes[e.ID] {
				s := strings.TrimPrefix(x.Field, "attribute.")
				if !x.Ended {
					s += " " + x.Before + ">" + x.After
				}
				out = append(out, s)
			}
		}
		return err
	})
	return strings.Join(out, ", ")
}

func (d *desk) correct(id int64, c Change) {
	d.t.Helper()
	must(d.t, d.write(func(tx *store.Tx) error { return Correct(tx, id, 0, c) }))
}

func set(name, value string) Change {
	v, _ := TypeText.Read(value)
	return Change{Attributes: Attributes{name: v}}
}

var keptSealed = store.Account("test.kept_sealed", `SELECT e.sealed FROM trace_entry e WHERE e.account_id = :account AND e.contact_id = ? AND e.action = 'contact.correct' ORDER BY e.id`)
var keptWas = store.Account("test.kept_was", `SELECT w.name FROM attribute_was w WHERE w.account_id = :account ORDER BY w.entry_id, w.name`)

func TestACorrectionTellsWhatWasAndWhatIs(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(with("a@example.org", "TOWN", "Lyon"))[0].ID
		name, language := pii.T("Ada"), "fr"
		c := set("TOWN", "Paris")
		c.Name, c.Language = &name, &language
		d.view(func(v *store.View) error {
			was, err := Get(v, id)
			would := c.Over(was)
			if len(would) != 3 || would[0].Field != "attribute.town" || would[0].Before != "Lyon" || would[0].After != "Paris" || would[0].Ended {
				t.Errorf("%+v", would)
			}
			if same := set("TOWN", "Lyon").Over(was); len(same) != 0 {
				t.Errorf("%+v", same)
			}
			return err
		})
		d.correct(id, c)
		d.correct(id, set("TOWN", ""))
		if s := d.told(id); s != "town Paris>, town Lyon>Paris, language >fr, name >Ada" {
			t.Error(s)
		}
		// What is sealed beside the entry opens by the person's key alone, and holds no attribute.
		var sealed [][]byte
		d.view(func(v *store.View) (err error) { sealed, err = store.All[[]byte](v, keptSealed, id); return err })
		if len(sealed) != 2 || len(sealed[0]) == 0 || len(sealed[1]) != 0 {
			t.Errorf("%d entries, %d and %d bytes", len(sealed), len(sealed[0]), len(sealed[1]))
		}
		must(t, d.write(func(tx *store.Tx) error { return BeginErasing(tx, id, "asked") }))
		if s := d.told(id); s != "" {
			t.Errorf("of who is being erased: %s", s)
		}
	})
}

// GDPR 5(1)(e): a value that ended is not told by the correction that brought or replaced it.
func TestWhatACorrectionTellsEndsWithTheAttributesDays(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		d.declare(Attribute{Name: "TOWN", Type: TypeText, KeepDays: 30})
		shoe := d.declare(Attribute{Name: "SHOE", Type: TypeText})
		rows := d.ensure(with("a@example.org", "TOWN", "Lyon"), with("b@example.org", "TOWN", "Lyon"))
		a, frozen := rows[0].ID, rows[1].ID
		d.Clock.Advance(20 * day)
		for _, id := range []int64{a, frozen} {
			d.correct(id, set("TOWN", "Paris"))
			d.correct(id, set("SHOE", "42"))
		}
		must(t, d.write(func(tx *store.Tx) error { return Restrict(tx, frozen, "claims") }))
		d.Clock.Advance(9 * day)
		d.night("TOWN")
		if s := d.told(a); s != "shoe >42, town Lyon>Paris" {
			t.Fatalf("too early: %s", s)
		}
		d.Clock.Advance(2 * day) // Lyon was noted 31 days ago, Paris 11
		if left := d.night("TOWN", rows...); left != "ParisParis" {
			t.Fatalf("the value itself: %s", left)
		}
		if s := d.told(a); s != "shoe >42, town" {
			t.Errorf("after its days: %s", s)
		}
		if s := d.told(frozen); s != "shoe >42, town Lyon>Paris" {
			t.Errorf("of who is frozen: %s", s)
		}
		var acts []trace.Entry
		d.view(func(v *store.View) (err error) {
			acts, err = trace.Search(v, trace.Question{Action: "contact.attribute.forget"})
			return err
		})
		if len(acts) != 1 || acts[0].Fields()["corrections"] != "1" {
			t.Errorf("%+v", acts)
		}
		// A limit that comes later takes what was told before with it, after its days of grace.
		d.limit(shoe, 5)
		d.Clock.Advance(6 * day)
		d.night("SHOE")
		if s := d.told(a); s != "shoe >42, town" {
			t.Errorf("within the grace: %s", s)
		}
		d.Clock.Advance(2 * day)
		d.night("SHOE")
		if s := d.told(a); s != "shoe, town" {
			t.Errorf("after the grace: %s", s)
		}
		must(t, d.write(func(tx *store.Tx) error { return Unrestrict(tx, frozen, "") }))
		d.night("TOWN")
		if s := d.told(frozen); s != "shoe, town" {
			t.Errorf("after the freeze: %s", s)
		}
	})
}

func TestWhatACorrectionToldGoesWithThePerson(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		rows := d.ensure(with("a@example.org", "TOWN", "Lyon"), person("b@example.org"))
		d.correct(rows[0].ID, set("TOWN", "Paris"))
		d.correct(rows[1].ID, set("TOWN", "Lille"))
		must(t, d.Main.Purge(t.Context(), d.who, "test", func(tx *store.Tx) error { _, err := Drop(tx, []int64{rows[0].ID}, "test"); return err }))
		var left []string
		d.view(func(v *store.View) (err error) { left, err = store.All[string](v, keptWas); return err })
		if len(left) != 1 || d.told(rows[1].ID) != "town >Lille" {
			t.Errorf("%q, %s", left, d.told(rows[1].ID))
		}
		must(t, Forget(t.Context(), d.Main))
		d.view(func(v *store.View) error {
			p, err := Person(v, rows[1].ID)
			must(t, d.Ring.Forget(t.Context(), d.who.Account, p.Key))
			return err
		})
		if s := d.told(rows[1].ID); s != "town" {
			t.Errorf("without the person's key: %s", s)
		}
	})
}

// An import that replaces is a correction of each person: their page tells what was, whatever came after it.
func TestAnImportThatReplacesTellsWhatWas(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.Clock.Set(testhouse.Start)
		d.declare(Attribute{Name: "TOWN", Type: TypeText, KeepDays: 30})
		rows := d.ensure(with("a@example.org", "TOWN", "Lyon"), person("b@example.org"))
		a, b := rows[0].ID, rows[1].ID
		name := pii.T("Ada")
		d.correct(a, Change{Name: &name})
		bring := func(replace bool, name, town string) {
			t.Helper()
			must(t, d.write(func(tx *store.Tx) error {
				rows, err := Lock(tx, []int64{a, b})
				if err != nil {
					return err
				}
				v, _ := TypeText.Read(town)
				_, err = Fill(tx, []Filling{{Row: &rows[0], Name: pii.T(name), Attributes: Attributes{"TOWN": v}}, {Row: &rows[1], Attributes: Attributes{"TOWN": v}}}, replace, 4711)
				return err
			}))
		}
		replaced := func(id int64) string {
			t.Helper()
			var out []string
			d.view(func(v *store.View) error {
				c, err := Get(v, id)
				must(t, err)
				acts, err := Replacings(v, id, trace.Cursor{}, 10)
				must(t, err)
				changes, err := Changes(v, c, acts)
				for _, e := range acts {
					for _, x := range changes[e.ID] {
						out = append(out, strings.TrimPrefix(x.Field, "attribute.")+" "+x.Before+">"+x.After)
					}
					if behind, err := Replacings(v, id, e.Cursor(), 10); err != nil || len(behind) >= len(acts) {
						t.Errorf("behind %v: %d, %v", e.Cursor(), len(behind), err)
					}
				}
				return err
			})
			return strings.Join(out, ", ")
		}
		bring(false, "Other", "Nice") // fills in what is missing
		if s := replaced(a) + replaced(b); s != "" {
			t.Errorf("nothing was replaced: %s", s)
		}
		bring(true, "Bea", "Paris")
		d.Clock.Advance(day)
		bring(true, "Bea", "Metz")
		bring(true, "", "Metz")
		if s := replaced(a); s != "town Paris>Metz, town Lyon>Paris, name Ada>Bea" {
			t.Error(s)
		}
		if s := replaced(b); s != "town Paris>Metz, town Nice>Paris" {
			t.Error(s)
		}
		if s := d.told(a); s != "name >Ada" {
			t.Errorf("corrections alone: %s", s)
		}
		d.Clock.Advance(30 * day)
		d.night("TOWN")
		if s := replaced(a); s != "name Ada>Bea" {
			t.Errorf("after the attribute's days: %s", s)
		}
		must(t, d.write(func(tx *store.Tx) error { return BeginErasing(tx, a, "asked") }))
		if s := replaced(a); s != "" {
			t.Errorf("of who is being erased: %s", s)
		}
	})
}
