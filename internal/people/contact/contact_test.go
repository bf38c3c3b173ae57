// SPDX-License-Identifier: AGPL-3.0-or-later

package contact_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	. "consend/internal/people/contact"
	"consend/internal/testhouse"
	"consend/internal/trace"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, err error, kind fault.Kind, key string) {
	t.Helper()
	if !fault.Is(err, kind) || fault.All(err)[0].Key != key {
		t.Fatalf("err = %v, want %s", err, key)
	}
}

type desk struct {
	*testhouse.House
	t   testing.TB
	who actor.Actor
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) { f(t, &desk{h, t, h.Member(h.Account(t))}) })
}

func (d *desk) write(fn func(tx *store.Tx) error) error {
	return d.Main.Write(context.Background(), d.who, fn)
}

func (d *desk) view(fn func(v *store.View) error) {
	d.t.Helper()
	must(d.t, d.Main.View(context.Background(), d.who, fn))
}

func (d *desk) ensure(news ...New) (rows []Row) {
	d.t.Helper()
	must(d.t, d.write(func(tx *store.Tx) (err error) { rows, err = Ensure(tx, news); return err }))
	return rows
}

func (d *desk) get(id int64) (c Contact) {
	d.t.Helper()
	d.view(func(v *store.View) (err error) { c, err = Get(v, id); return err })
	return c
}

func person(email string) New { return New{Email: address.Must(email), Source: "member"} }

func TestOneAddressIsOnePersonHoweverItIsSpelled(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		rows := d.ensure(person("Zoe@Example.org"), person("ada@example.org"), person("zoe@example.org"), person("bob@example.org"))
		if rows[0].ID != rows[2].ID || !rows[0].Created || rows[2].Created || rows[1].ID == rows[3].ID {
			t.Fatalf("%+v", rows)
		}
		again := d.ensure(person("BOB@example.org"), person("new@example.org"), person("ZOE@EXAMPLE.ORG"))
		if again[0].ID != rows[3].ID || again[0].Created || !again[1].Created || again[2].ID != rows[0].ID || again[2].Email.Raw() != "Zoe@Example.org" {
			t.Fatalf("%+v", again)
		}
		if again[0].FP != rows[3].FP || string(again[0].Salt) != string(rows[3].Salt) || len(again[0].Salt) != 32 {
			t.Error("a known person's row differs from the one that was made")
		}
		c := d.get(rows[0].ID)
		if c.Email.Raw() != "Zoe@Example.org" || c.State != StateActive || c.EntryID == 0 {
			t.Errorf("%+v", c)
		}
		d.view(func(v *store.View) error {
			found, ok, err := Find(v, address.Must("zOE@example.org"))
			if !ok || found.ID != rows[0].ID {
				t.Error("not found by another spelling")
			}
			_, ok, err2 := Find(v, address.Must("nobody@example.org"))
			if ok {
				t.Error("nobody was found")
			}
			return errors.Join(err, err2)
		})
		wants(t, d.write(func(tx *store.Tx) error { _, err := Ensure(tx, []New{{}}); return err }), fault.Invalid, "contact.email.missing")
	})
}

func TestAThousandPeopleAreFoundOrMadeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var news []New
		for i := range 2500 {
			n := person(fmt.Sprintf("p%04d@example.org", (i*7919)%2500))
			n.Entry, n.EntryIndex = 1, i
			news = append(news, n)
		}
		some := d.ensure(news[:1100]...)
		all := d.ensure(news...)
		made := 0
		for i, r := range all {
			if r.Email.Norm() != news[i].Email.Norm() {
				t.Fatalf("row %d is somebody else's", i)
			}
			if r.Created {
				made++
			}
			if i < 1100 && (r.ID != some[i].ID || r.Created) {
				t.Fatalf("row %d was made twice", i)
			}
		}
		if made != 1400 {
			t.Errorf("%d were made of 1,400", made)
		}
	})
}

func TestTwoActsThatMakeTheSamePeopleDontStopEachOther(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for round := range 10 {
			var news []New
			for i := range 60 {
				news = append(news, person(fmt.Sprintf("r%d.p%d@example.org", round, i)))
			}
			back := make([]New, len(news))
			for i := range news {
				back[i] = news[len(news)-1-i]
			}
			var wg sync.WaitGroup
			out := make([][]Row, 2)
			errs := make([]error, 2)
			for k, list := range [][]New{news, back} {
				wg.Go(func() {
					errs[k] = d.write(func(tx *store.Tx) (err error) { out[k], err = Ensure(tx, list); return err })
				})
			}
			wg.Wait()
			must(t, errors.Join(errs...))
			for i := range news {
				if a, b := out[0][i], out[1][len(news)-1-i]; a.ID != b.ID || a.Created == b.Created {
					t.Fatalf("%+v %+v", a, b)
				}
			}
		}
	})
}

// A column of a file that has the name of a retired attribute brings back what was declared of it, never less.
func TestAnAttributeMadeAgainIsNoLessSensitive(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		retire := func(a Attribute) {
			t.Helper()
			id := d.declare(a)
			must(t, d.write(func(tx *store.Tx) error { return RetireAttribute(tx, id) }))
		}
		retire(Attribute{Name: "GROUPE_X", Type: TypeText, Sensitive: DeclaredPlain})
		d.Clock.Advance(time.Hour)
		retire(Attribute{Name: "GROUPE_X", Type: TypeText, Label: "Groupe", Purpose: "Invitations", KeepDays: 40, Sensitive: Declared})
		var made []Attribute
		again := func(w Attribute) Attribute {
			t.Helper()
			must(t, d.write(func(tx *store.Tx) (err error) { made, err = EnsureAttributes(tx, []Attribute{w}); return err }))
			return made[0]
		}
		a := again(Attribute{Name: "Groupe X", Type: TypeText})
		if a.Sensitive != Declared || a.KeepDays != 40 || a.Purpose != "Invitations" || a.Label != "Groupe" || a.KeepSince == 0 {
			t.Errorf("%+v", a)
		}
		must(t, d.write(func(tx *store.Tx) error { return RetireAttribute(tx, a.ID) }))
		if b := again(Attribute{Name: "GROUPE_X", Type: TypeText, Purpose: "Teams", Sensitive: DeclaredPlain}); b.Sensitive != DeclaredPlain || b.KeepDays != 0 || b.Purpose != "Teams" {
			t.Errorf("what is said of the new one doesn't hold: %+v", b)
		}
	})
}

func TestAttributesKeepTheirTypes(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		must(t, d.write(func(tx *store.Tx) error {
			made, err := EnsureAttributes(tx, []Attribute{{Name: "Prénom (client)", Type: TypeText}, {Name: "score", Type: TypeNumber},
				{Name: "Birthday", Type: TypeDate}, {Name: "VIP", Type: TypeBoolean}, {Name: "Size", Type: TypeChoice, Choices: Choices{"S", "M"}}, {Name: "Religion", Type: TypeText}})
			if err != nil {
				return err
			}
			if made[0].Name != "PRENOM_CLIENT" || made[5].Sensitive != 1 {
				t.Errorf("%+v", made)
			}
			again, err := EnsureAttributes(tx, []Attribute{{Name: "SCORE", Type: TypeText}, {Name: "Size", Type: TypeChoice, Choices: Choices{"m", "L"}}})
			if err == nil && (again[0].ID != made[1].ID || again[0].Type != TypeNumber || fmt.Sprint(again[1].Choices) != "[S M L]") {
				t.Errorf("%+v", again)
			}
			return err
		}))
		values := Attributes{}
		for _, x := range []struct {
			name string
			t    Type
			in   string
			out  string
		}{{"PRENOM_CLIENT", TypeText, `Léa "la" <b>\n`, `Léa "la" <b>\n`}, {"SCORE", TypeNumber, "1 234,50", "1234.5"}, {"BIRTHDAY", TypeDate, "31/12/1990", "1990-12-31"}, {"VIP", TypeBoolean, "Oui", "true"}} {
			v, err := x.t.Read(x.in)
			must(t, err)
			if v.Raw() != x.out {
				t.Errorf("%q reads as %q", x.in, v.Raw())
			}
			if s := fmt.Sprintf("%v %s %#v %+v", v, v, v, v); strings.Contains(s, x.out) {
				t.Errorf("a value prints itself: %s", s)
			}
			values[x.name] = v
		}
		for _, bad := range []struct {
			t Type
			s string
		}{{TypeNumber, "0x10"}, {TypeNumber, "NaN"}, {TypeNumber, "twelve"}, {TypeDate, "31/02/1990"}, {TypeBoolean, "maybe"}, {TypeText, "a\x00b"}, {TypeText, strings.Repeat("x", MaxValue+1)}} {
			if _, err := bad.t.Read(bad.s); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %.20q: %v", bad.t, bad.s, err)
			}
		}
		n := person("lea@example.org")
		n.Attributes = values
		id := d.ensure(n)[0].ID
		c := d.get(id)
		for name, v := range values {
			if c.Attributes[name] != v {
				t.Errorf("%s is %q, was %q", name, c.Attributes[name].Raw(), v.Raw())
			}
		}
		wants(t, d.write(func(tx *store.Tx) error {
			_, err := EnsureAttributes(tx, []Attribute{{Name: "!!", Type: TypeText}})
			return err
		}), fault.Invalid, "contact.attribute.name")
		wants(t, d.write(func(tx *store.Tx) error {
			var many []Attribute
			for i := range MaxAttributes {
				many = append(many, Attribute{Name: fmt.Sprintf("a%d", i), Type: TypeText})
			}
			_, err := EnsureAttributes(tx, many)
			return err
		}), fault.Invalid, "contact.attribute.many")
	})
}

func TestACorrectionIsTracedAndAnOldOneRefused(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("lea@example.org"))[0].ID
		name, country := pii.T("Léa"), "FR"
		change := Change{Name: &name, Country: &country, Attributes: Attributes{}}
		correct := func(version int64, c Change) error {
			return d.write(func(tx *store.Tx) error { return Correct(tx, id, version, c) })
		}
		must(t, correct(1, change))
		c := d.get(id)
		if c.Name.Raw() != "Léa" || c.Version != 2 {
			t.Fatalf("%+v", c)
		}
		wants(t, correct(1, change), fault.Conflict, "contact.changed")
		must(t, correct(2, change)) // says nothing new: changes nothing
		if d.get(id).Version != 2 {
			t.Error("a correction that corrects nothing counts")
		}
		bad := "France"
		wants(t, correct(2, Change{Country: &bad}), fault.Invalid, "contact.country")
		must(t, trace.SealNow(context.Background(), d.Main))
		d.view(func(v *store.View) error {
			entries, err := trace.Search(v, trace.Question{Contact: id, Action: "contact.correct"})
			if len(entries) != 1 || entries[0].Fields()["fields"] != "country name" {
				t.Fatalf("%d entries: %+v", len(entries), entries)
			}
			if s := entries[0].Clear; strings.Contains(s, "Léa") {
				t.Error("the clear part tells the name")
			}
			return err
		})
		must(t, d.write(func(tx *store.Tx) error { return BeginErasing(tx, id, "test") }))
		wants(t, correct(0, change), fault.Gone, "contact.ending")
	})
}

func TestAnAddressIsMovedOnlyToOneNobodyHas(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("lea@example.org"))[0].ID
		d.ensure(person("bob@example.org"))
		to := func(a string) error {
			return d.write(func(tx *store.Tx) error { return Move(tx, id, 7, address.Must(a), consent.Follow) })
		}
		wants(t, to("Bob@example.org"), fault.Conflict, "contact.email.taken")
		must(t, to("lea.martin@example.org"))
		if c := d.get(id); c.Email.Raw() != "lea.martin@example.org" || c.Version != 2 {
			t.Fatalf("%+v", c)
		}
		must(t, trace.SealNow(context.Background(), d.Main))
		d.view(func(v *store.View) error {
			entries, err := trace.Search(v, trace.Question{Contact: id, Action: "contact.correct"})
			if len(entries) != 1 || entries[0].Fields()["fields"] != "email" || entries[0].Fields()["change"] != "7" {
				t.Fatalf("%d entries: %+v", len(entries), entries)
			}
			if s := entries[0].Clear; strings.Contains(s, "lea") {
				t.Error("the clear part tells the address")
			}
			return err
		})
		must(t, d.write(func(tx *store.Tx) error { return BeginErasing(tx, id, "test") }))
		wants(t, to("third@example.org"), fault.Gone, "contact.ending")
	})
}

func TestARefusalFollowsACorrectedAddress(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("lea@example.org"))[0].ID
		must(t, d.write(func(tx *store.Tx) error { return consent.Suppress(tx, id, consent.Objected, consent.Everything) }))
		next := address.Must("lea.martin@example.org")
		must(t, d.write(func(tx *store.Tx) error { return Move(tx, id, 1, next, consent.Follow) }))
		for _, a := range []string{"lea@example.org", "lea.martin@example.org"} {
			d.view(func(v *store.View) error {
				bars, err := consent.SuppressionsOf(v, address.Must(a))
				if len(bars) != 1 || bars[0].Reason != consent.Objected {
					t.Errorf("%s: %+v", a, bars)
				}
				return err
			})
		}
		// A mailbox that did not exist was the old one's.
		two := d.ensure(person("gone@example.org"))[0].ID
		must(t, d.write(func(tx *store.Tx) error { return consent.Suppress(tx, two, consent.HardBounce, consent.Everything) }))
		if s := d.get(two).State; s != StateBounced {
			t.Fatal(s)
		}
		here := address.Must("here@example.org")
		must(t, d.write(func(tx *store.Tx) error { return Move(tx, two, 2, here, consent.Follow) }))
		if s := d.get(two).State; s != StateActive {
			t.Errorf("a corrected address is still %s", s)
		}
	})
}

// In whatever order a no and a bounce came, and whatever the other address bore before: the no goes with the person.
func TestANoOutlivesABounceAndAnOlderNoOfTheOtherAddress(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		no := func(id int64, c consent.Cause) {
			d.Clock.Advance(time.Minute)
			must(t, d.write(func(tx *store.Tx) error { return consent.Suppress(tx, id, c, consent.Everything) }))
		}
		for i, causes := range [][]consent.Cause{{consent.Objected, consent.HardBounce}, {consent.HardBounce, consent.Objected}, {consent.ByMember, consent.HardBounce}} {
			old, next := fmt.Sprintf("old%d@example.org", i), address.Must(fmt.Sprintf("new%d@example.org", i))
			for _, before := range []consent.Cause{consent.Imported, consent.HardBounce} {
				d.Clock.Advance(time.Minute)
				must(t, d.write(func(tx *store.Tx) error {
					return consent.SuppressAddresses(tx, []address.Address{next}, before, consent.Everything)
				}))
			}
			id := d.ensure(person(old))[0].ID
			for _, c := range causes {
				no(id, c)
			}
			said := causes[0]
			if said == consent.HardBounce {
				said = causes[1]
			}
			must(t, d.write(func(tx *store.Tx) error { return Move(tx, id, 1, next, consent.Follow) }))
			d.view(func(v *store.View) error {
				bars, err := consent.SuppressionsOf(v, next)
				if len(bars) != 1 || bars[0].Reason != said {
					t.Errorf("%v: %+v", causes, bars)
				}
				return err
			})
		}
	})
}

func TestFreezingAndErasingMoveOneWay(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("lea@example.org"))[0].ID
		act := func(f func(*store.Tx, int64, string) error) error {
			return d.write(func(tx *store.Tx) error { return f(tx, id, "test") })
		}
		must(t, act(Restrict))
		must(t, act(Restrict))
		if s := d.get(id).State; s != StateRestricted {
			t.Fatal(s)
		}
		must(t, d.write(func(tx *store.Tx) error { return Mark(tx, id, StateBounced) }))
		if s := d.get(id).State; s != StateRestricted {
			t.Errorf("a bounce thaws: %s", s)
		}
		must(t, act(Unrestrict))
		must(t, act(Unrestrict))
		must(t, act(BeginErasing))
		wants(t, act(Restrict), fault.Gone, "contact.ending")
		must(t, act(Unrestrict))
		if s := d.get(id).State; s != StateErasing {
			t.Errorf("erasing was left: %s", s)
		}
		wants(t, d.write(func(tx *store.Tx) error { return Restrict(tx, 1, "test") }), fault.NotFound, "contact.none")
	})
}

func TestWhatUpperRoomsLearnAddsUp(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		rows := d.ensure(person("lea@example.org"), person("bob@example.org"))
		start := legalclock.MomentOf(d.Clock.Now())
		d.Clock.Advance(48 * time.Hour)
		now := legalclock.MomentOf(d.Clock.Now())
		must(t, d.write(func(tx *store.Tx) error {
			return Active(tx, []Activity{{Contact: rows[0].ID, Kind: Opened}, {Contact: rows[0].ID, Kind: Clicked, At: now - 5, Times: 2}, {Contact: rows[0].ID, Kind: Clicked},
				{Contact: rows[1].ID, Kind: Opened, At: now + 1_000_000}})
		}))
		must(t, d.write(func(tx *store.Tx) error {
			return Active(tx, []Activity{{Contact: rows[0].ID, Kind: Clicked, At: now - 9}})
		}))
		d.view(func(v *store.View) error {
			done, err := Activities(v, rows[0].ID)
			if len(done) != 2 || done[0].Kind != Clicked || done[0].Times != 4 || done[0].FirstAt != now-9 || done[0].LastAt != now {
				t.Errorf("%+v", done)
			}
			return err
		})
		if a, b := d.get(rows[0].ID).ActiveAt, d.get(rows[1].ID).ActiveAt; a != now || b != start {
			t.Errorf("a click is a sign of life (%v), an open is none (%v)", a, b)
		}
	})
}

func TestAPersonTakesOneKeyAndKeepsIt(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		n := person("keyed@example.org")
		n.Keyed = true
		id := d.ensure(person("lea@example.org"), n)
		at := keys.AAD{Table: "consent_origin", Column: "ip_ct", Row: 1}
		var sealed []byte
		must(t, d.write(func(tx *store.Tx) error {
			k, err := Key(tx, id[0].ID)
			if err != nil {
				return err
			}
			if sealed, err = k.Seal(at, []byte("x")); err != nil {
				return err
			}
			_, err = Key(tx, id[0].ID)
			return err
		}))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				must(t, d.write(func(tx *store.Tx) error {
					k, err := Key(tx, id[0].ID)
					if err != nil {
						return err
					}
					_, err = k.Open(at, sealed)
					return err
				}))
			})
		}
		wg.Wait()
		d.view(func(v *store.View) error {
			for _, r := range id {
				p, err := Person(v, r.ID)
				if err != nil {
					return err
				}
				slots, err := Named(v, p.Key.Sheet)
				if err != nil {
					return err
				}
				if p.Key.IsZero() || len(slots) == 0 {
					t.Errorf("%+v is not among %v", p.Key, slots)
				}
			}
			return nil
		})
	})
}

func TestSomebodyElsesContactIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		id := d.ensure(person("lea@example.org"))[0].ID
		other := d.Member(d.Account(t))
		err := d.Main.View(context.Background(), other, func(v *store.View) error { _, err := Get(v, id); return err })
		wants(t, err, fault.NotFound, "contact.none")
		err = d.Main.Write(context.Background(), other, func(tx *store.Tx) error { return Correct(tx, id, 0, Change{}) })
		wants(t, err, fault.NotFound, "contact.none")
		err = d.Main.Write(context.Background(), other, func(tx *store.Tx) error { _, err := Key(tx, id); return err })
		wants(t, err, fault.NotFound, "contact.none")
	})
}
