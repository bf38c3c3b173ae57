// SPDX-License-Identifier: AGPL-3.0-or-later

package segment_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	. "consend/internal/people/segment"
	"consend/internal/testhouse"
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

// soul is a person as the oracle knows them.
type soul struct {
	id                             int64
	email, name, language, country string
	added                          time.Time
	city, tier                     string
	points                         *float64
	birth                          string
	vip                            *bool
	likes                          []string
	state, basis, grade            string // on the newsletter
	since                          time.Time
	said                           int
	barred, measured               bool
	clicks, purchases              int
	lastClick, lastPurchase        time.Time
}

type town struct {
	*testhouse.House
	who                                          actor.Actor
	account                                      int64
	souls                                        []*soul
	city, tier, points, birth, vip, likes, creed int64
	purpose, news, measure, opens                int64
	now                                          time.Time
}

var (
	cities = []string{"", "Lyon", "LYON", "lyon 3e", "Évreux", "évreux", "50%_off", `a"b\c`, "!x", "Ly"}
	tiers  = []string{"", "gold", "silver", "bronze"}
	likes  = []string{"red", "red wine", `the "best"`, `back\slash`, "wine", "<b>&"}
	places = []string{"example.org", "example.com", "xample.org"}
)

func settle(t *testing.T, h *testhouse.House, n int) *town {
	w := &town{House: h}
	w.account, w.who = h.House(t)
	w.now = h.Clock.Now()
	r := rand.New(rand.NewPCG(7, 9))
	zone, _ := time.LoadLocation("Europe/Paris")
	ctx := context.Background()
	must(t, h.Main.Write(ctx, w.who, func(tx *store.Tx) error {
		for _, a := range []struct {
			to *int64
			a  contact.Attribute
		}{{&w.city, contact.Attribute{Name: "CITY", Type: contact.TypeText}}, {&w.tier, contact.Attribute{Name: "TIER", Type: contact.TypeChoice, Choices: tiers[1:]}},
			{&w.points, contact.Attribute{Name: "POINTS", Type: contact.TypeNumber}}, {&w.birth, contact.Attribute{Name: "BIRTH", Type: contact.TypeDate}},
			{&w.vip, contact.Attribute{Name: "VIP", Type: contact.TypeBoolean}}, {&w.likes, contact.Attribute{Name: "LIKES", Type: contact.TypeMultiple, Choices: likes}},
			{&w.creed, contact.Attribute{Name: "RELIGION", Type: contact.TypeText}}} {
			id, err := contact.MakeAttribute(tx, a.a)
			if err != nil {
				return err
			}
			*a.to = id
		}
		var err error
		if w.purpose, err = list.MakePurpose(tx, list.NewPurpose{Name: "News"}); err != nil {
			return err
		}
		if w.news, err = list.Make(tx, list.New{Name: "Newsletter", Purpose: w.purpose}); err != nil {
			return err
		}
		measuring, err := list.EnsureMeasuring(tx, "en")
		w.measure, w.opens = measuring[list.Clicks].ID, measuring[list.Opens].ID
		return err
	}))
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	day := func() time.Time { // around midnight in Paris as often as not
		d := time.Date(2026, 3, 2, 0, 0, 0, 0, zone).AddDate(0, 0, 3-r.IntN(12))
		return d.Add([]time.Duration{0, -time.Microsecond, time.Hour, 30 * time.Minute}[r.IntN(4)])
	}
	var news []contact.New
	var raw []string
	for i := range n {
		s := &soul{email: fmt.Sprintf("p%d@%s", i, pick(places)), name: pick([]string{"", "Ana", "ANA", "Éva"}), language: pick([]string{"", "fr", "en"}), country: pick([]string{"", "FR", "DE"}),
			added: day(), city: pick(cities), tier: pick(tiers)}
		at := contact.Attributes{}
		put := func(name string, typ contact.Type, v string, choices ...string) {
			x, err := contact.Attribute{Name: name, Type: typ, Choices: choices}.Read(v)
			must(t, err)
			at[name] = x
		}
		put("CITY", contact.TypeText, s.city)
		put("TIER", contact.TypeChoice, s.tier, tiers[1:]...)
		if r.IntN(4) > 0 {
			f := []float64{-3.5, 0, 2, 10, 10.25, 100, 9}[r.IntN(7)]
			s.points = &f
			put("POINTS", contact.TypeNumber, fmt.Sprint(f))
		} else if r.IntN(2) == 0 {
			at["POINTS"], _ = contact.TypeText.Read("12") // an attribute that was a text before
		}
		if r.IntN(4) > 0 {
			s.birth = pick([]string{"1980-02-29", "1990-03-02", "2026-03-02", "2026-02-28", "1975-12-31", "2026-03-05", "2000-03-01", "2001-02-28"})
			put("BIRTH", contact.TypeDate, s.birth)
		}
		if r.IntN(3) > 0 {
			b := r.IntN(2) == 0
			s.vip = &b
			put("VIP", contact.TypeBoolean, fmt.Sprint(b))
		}
		for _, l := range likes {
			if r.IntN(3) == 0 {
				s.likes = append(s.likes, l)
			}
		}
		put("LIKES", contact.TypeMultiple, strings.Join(s.likes, ";"), likes...)
		news = append(news, contact.New{Email: address.Must(s.email), Name: pii.T(s.name), Language: s.language, Country: s.country, Source: "import", Attributes: at})
		w.souls = append(w.souls, s)
	}
	must(t, h.Main.Write(ctx, w.who, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, news)
		for i, x := range rows {
			w.souls[i].id = x.ID
		}
		return err
	}))
	for _, s := range w.souls {
		say := func(f string, a ...any) { raw = append(raw, fmt.Sprintf(f, a...)) }
		say("UPDATE contact SET created_at = %d WHERE account_id = %d AND id = %d", s.added.UnixMicro(), w.account, s.id)
		if r.IntN(4) > 0 {
			s.state, s.basis, s.grade, s.since, s.said = pick([]string{"given", "given", "withdrawn", "requested"}), pick([]string{"consent", "b2b"}), pick([]string{"A", "D"}), day(), r.IntN(3)
			say("INSERT INTO subscription (account_id, list_id, contact_id, state, basis, grade, said, seq, event_id, since) VALUES (%d, %d, %d, '%s', '%s', '%s', %d, 1, 1, %d)",
				w.account, w.news, s.id, s.state, s.basis, s.grade, s.said, s.since.UnixMicro())
		}
		if s.measured = r.IntN(2) == 0; s.measured || r.IntN(2) == 0 {
			state := "given"
			if !s.measured {
				state = "refused"
			}
			say("INSERT INTO subscription (account_id, list_id, contact_id, state, seq, event_id, since) VALUES (%d, %d, %d, '%s', 1, 1, 1)", w.account, w.measure, s.id, state)
		}
		if s.barred = r.IntN(5) == 0; s.barred {
			say("INSERT INTO suppression (account_id, fp, scope, scope_id, reason, since) SELECT account_id, fp, 'all', 0, 'member', 1 FROM contact WHERE account_id = %d AND id = %d", w.account, s.id)
		}
		for _, a := range []struct {
			kind string
			n    *int
			at   *time.Time
		}{{"click", &s.clicks, &s.lastClick}, {"purchase", &s.purchases, &s.lastPurchase}} {
			if r.IntN(2) == 0 {
				*a.n, *a.at = 1+r.IntN(4), day()
				say("INSERT INTO contact_activity (account_id, contact_id, kind, first_at, last_at, times) VALUES (%d, %d, '%s', 1, %d, %d)", w.account, s.id, a.kind, a.at.UnixMicro(), *a.n)
			}
		}
	}
	h.Raw(t, raw...)
	return w
}

// low folds ASCII alone.
func low(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 32
		}
		return r
	}, s)
}

var paris, _ = time.LoadLocation("Europe/Paris")

func civil(t time.Time) time.Time {
	y, m, d := t.In(paris).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func ago(t, now time.Time) int { return int(civil(now).Sub(civil(t)).Hours() / 24) }

// text is the oracle for texts: it reads what a person would say the words mean.
func text(s string, c Condition) bool {
	in := func() bool { return slices.ContainsFunc(c.Values, func(v string) bool { return low(v) == low(s) }) }
	switch c.Op {
	case Is, OneOf:
		return in()
	case IsNot, NoneOf:
		return !in()
	case Contains:
		return strings.Contains(low(s), low(c.Values[0]))
	case NotContains:
		return !strings.Contains(low(s), low(c.Values[0]))
	case Begins:
		return strings.HasPrefix(low(s), low(c.Values[0]))
	case Empty:
		return s == ""
	case Filled:
		return s != ""
	}
	panic(c.Op)
}

func (w *town) day(d time.Time, c Condition) bool {
	value := func(i int) time.Time { x, _ := time.Parse(time.DateOnly, c.Values[i]); return x }
	n := int(civil(w.now).Sub(d).Hours() / 24)
	switch c.Op {
	case Is:
		return d.Equal(value(0))
	case Before:
		return d.Before(value(0))
	case After:
		return d.After(value(0))
	case Between:
		a, b := value(0), value(1)
		if b.Before(a) {
			a, b = b, a
		}
		return !d.Before(a) && !d.After(b)
	case LastDays:
		return n >= 0 && n <= c.Days
	case NextDays:
		return n <= 0 && -n <= c.Days
	case DaysAgo:
		return n == c.Days
	case Anniversary:
		for i := 0; i <= c.Days; i++ {
			t := civil(w.now).AddDate(0, 0, i)
			if t.Month() == d.Month() && t.Day() == d.Day() {
				return true
			}
			if d.Month() == 2 && d.Day() == 29 && t.Month() == 2 && t.Day() == 28 && t.AddDate(0, 0, 1).Day() == 1 {
				return true
			}
		}
		return false
	}
	panic(c.Op)
}

func (w *town) holds(s *soul, c Condition) bool {
	switch c.Field {
	case Name:
		return text(s.name, c)
	case Language:
		return text(s.language, c)
	case Country:
		return text(s.country, c)
	case Domain:
		return text(s.email[strings.Index(s.email, "@")+1:], c)
	case Added:
		return w.day(civil(s.added), c)
	case DoNotMail:
		return s.barred == (c.Op == Yes)
	case Purpose:
		if c.Op == SaidYes {
			return s.state == "given" && s.basis == "consent"
		}
		return s.state == "withdrawn" || s.state == "refused" || s.said == 2 && s.state != "given"
	case List:
		switch c.Op {
		case On:
			return s.state == "given"
		case Off:
			return s.state != "given"
		case OnSince:
			return s.state == "given" && w.day(civil(s.since), Condition{Op: LastDays, Days: c.Days})
		case Status:
			return slices.Contains(c.Values, s.state)
		case OnBasis:
			return s.state == "given" && slices.Contains(c.Values, s.basis)
		case OnGrade:
			return s.state == "given" && slices.Contains(c.Values, s.grade)
		}
	case Activity:
		n, last := s.purchases, s.lastPurchase
		if c.Kind == "click" {
			if !s.measured {
				return false
			}
			n, last = s.clicks, s.lastClick
		}
		switch c.Op {
		case Ever:
			return n > 0
		case Never:
			return n == 0
		case Times:
			return n >= c.Days
		case LastDays:
			return n > 0 && ago(last, w.now) >= 0 && ago(last, w.now) <= c.Days
		case NotLast:
			return n == 0 || ago(last, w.now) < 0 || ago(last, w.now) > c.Days
		}
	case Attribute:
		switch c.Of {
		case w.city:
			return text(s.city, c)
		case w.tier:
			return text(s.tier, c)
		case w.points:
			if c.Op == Empty || c.Op == Filled { // whatever stands there
				panic("not drawn: a text may stand there")
			}
			var v [2]float64
			for i, x := range c.Values {
				fmt.Sscan(x, &v[i])
			}
			if s.points == nil {
				return c.Op == IsNot
			}
			p := *s.points
			return map[Op]bool{Is: p == v[0], IsNot: p != v[0], Less: p < v[0], Greater: p > v[0], Between: p >= min(v[0], v[1]) && p <= max(v[0], v[1])}[c.Op]
		case w.birth:
			if c.Op == Empty || c.Op == Filled || s.birth == "" {
				return (s.birth == "") == (c.Op == Empty)
			}
			d, _ := time.Parse(time.DateOnly, s.birth)
			return w.day(d, c)
		case w.vip:
			switch c.Op {
			case Empty, Filled:
				return (s.vip == nil) == (c.Op == Empty)
			}
			return s.vip != nil && *s.vip == (c.Op == Yes)
		case w.likes:
			any := slices.ContainsFunc(c.Values, func(v string) bool { return slices.Contains(s.likes, v) })
			return map[Op]bool{OneOf: any, NoneOf: !any, Empty: len(s.likes) == 0, Filled: len(s.likes) > 0}[c.Op]
		}
	}
	panic(c)
}

func (w *town) all(s *soul, g Group) bool {
	var got []bool
	for _, c := range g.Conditions {
		got = append(got, w.holds(s, c))
	}
	for _, x := range g.Groups {
		if len(x.Conditions)+len(x.Groups) > 0 {
			got = append(got, w.all(s, x))
		}
	}
	if g.Any && len(got) > 0 {
		return slices.Contains(got, true)
	}
	return !slices.Contains(got, false)
}

func (w *town) draw(r *rand.Rand, level int) (g Group) {
	g.Any = r.IntN(2) == 0
	for range r.IntN(4) {
		g.Conditions = append(g.Conditions, w.condition(r))
	}
	for level < 3 && r.IntN(3) == 0 {
		g.Groups = append(g.Groups, w.draw(r, level+1))
	}
	return g
}

func (w *town) condition(r *rand.Rand) Condition {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	c := Condition{Field: Fields()[r.IntN(len(Fields()))]}
	var typ contact.Type
	from := []string{"fr", "FR", "en", "Ana", "DE", "example.org", "E", "a"}
	dates := []string{"2026-03-02", "1990-03-02", "2026-02-28", "2026-03-04", "1980-02-29"}
	switch c.Field {
	case Source: // everybody's is the same
		c.Field = Name
	case Language:
		from = []string{"fr", "FR", "en", "de"}
	case Country:
		from = []string{"fr", "FR", "DE", "be"}
	case Domain:
		from = places
	case Added:
		from = dates
	case List:
		c.Of = w.news
	case Purpose:
		c.Of = w.purpose
	case Activity:
		if c.Kind = pick([]string{"click", "purchase"}); c.Kind == "click" {
			c.Grant = w.measure
		}
	case Attribute:
		switch r.IntN(6) {
		case 0:
			c.Of, typ, from = w.city, contact.TypeText, cities[1:]
		case 1:
			c.Of, typ, from = w.tier, contact.TypeChoice, tiers[1:]
		case 2:
			c.Of, typ, from = w.points, contact.TypeNumber, []string{"10", "-3.5", "2", "10.25", "9.5"}
		case 3:
			c.Of, typ, from = w.birth, contact.TypeDate, dates
		case 4:
			c.Of, typ = w.vip, contact.TypeBoolean
		case 5:
			c.Of, typ, from = w.likes, contact.TypeMultiple, likes
		}
	}
	ops := Ops(c.Field, typ)
	if typ == contact.TypeNumber {
		ops = ops[:5]
	}
	c.Op = ops[r.IntN(len(ops))]
	switch c.Op {
	case Status:
		from = []string{"given", "withdrawn", "requested"}
	case OnBasis:
		from = []string{"consent", "b2b"}
	case OnGrade:
		from = []string{"A", "D"}
	}
	least, most := c.Op.Values()
	for range least + r.IntN(min(most, 3)-least+1) {
		c.Values = append(c.Values, pick(from))
	}
	if c.Op.Counts() {
		c.Days = 1 + r.IntN(8)
	}
	return c
}

// The three answers are one: this database's, the other's, and that of somebody who only read the words.
func TestADescriptionMeansTheSameOnBothDatabasesAndToItsReader(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, 120)
		r := rand.New(rand.NewPCG(3, 5))
		some, conditions := 0, 0
		for i := range testhouse.Trials(120, 20_000) {
			g := w.draw(r, 1)
			var want []int64
			for _, s := range w.souls {
				if w.all(s, g) {
					want = append(want, s.id)
				}
			}
			var got []int64
			var n int64
			err := h.Main.View(t.Context(), w.who, func(v *store.View) (err error) {
				if got, err = Members(v, Definition(g), 0, 1000); err == nil {
					n, err = Count(v, Definition(g))
				}
				return err
			})
			if err != nil {
				t.Fatalf("%d: %v\n%s", i, err, Definition(g).Text())
			}
			slices.Sort(want)
			if !slices.Equal(got, want) || n != int64(len(want)) {
				t.Fatalf("%d: %d people (counted %d), want %d\n%s", i, len(got), n, len(want), Definition(g).Text())
			}
			if len(want) > 0 && len(want) < len(w.souls) {
				some++
			}
			conditions += len(g.Conditions)
		}
		if some < 40 {
			t.Errorf("only %d descriptions parted the people", some)
		}
		t.Logf("%s: %d of the descriptions parted the people", h.Dialect, some)
	})
}

func TestSensitiveDataDescribesNobodyWithoutABasis(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, 3)
		d := Definition{Conditions: []Condition{{Field: Attribute, Of: w.creed, Op: Filled}}}
		count := func() error {
			return h.Main.View(t.Context(), w.who, func(v *store.View) error { _, err := Count(v, d); return err })
		}
		declare := func(s contact.Sensitivity, p contact.Special) {
			must(t, h.Main.Write(t.Context(), w.who, func(tx *store.Tx) error {
				return contact.ChangeAttribute(tx, w.creed, 0, contact.Attribute{Sensitive: s, Special: p})
			}))
		}
		wants(t, count(), fault.Invalid, "segment.sensitive.ask")
		declare(contact.Declared, contact.NoSpecial)
		wants(t, count(), fault.Invalid, "segment.sensitive.basis")
		declare(contact.Declared, contact.ExplicitConsent)
		must(t, count())
		declare(contact.DeclaredPlain, contact.NoSpecial)
		must(t, count())
	})
}

func TestASegmentIsChangedByWhoReadItLast(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, 3)
		write := func(f func(tx *store.Tx) error) error { return h.Main.Write(t.Context(), w.who, f) }
		d := Definition{Conditions: []Condition{{Field: Country, Op: Is, Values: []string{"FR"}}}}
		var id int64
		must(t, write(func(tx *store.Tx) (err error) { id, err = Make(tx, "  French  people ", d); return err }))
		wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, "FRENCH people", d); return err }), fault.Conflict, "segment.taken")
		must(t, write(func(tx *store.Tx) error { return Change(tx, id, 1, "French", d) }))
		wants(t, write(func(tx *store.Tx) error { return Change(tx, id, 1, "Other", d) }), fault.Conflict, "segment.changed")
		must(t, write(func(tx *store.Tx) error {
			if err := Retire(tx, id); err != nil {
				return err
			}
			return Restore(tx, id)
		}))
		must(t, write(func(tx *store.Tx) error {
			s, err := Get(tx, id)
			if s.Name != "French" || s.Definition.Text() != d.Text() {
				t.Errorf("%+v", s)
			}
			return err
		}))
		bad := func(key string, c Condition) {
			t.Helper()
			wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, "x", Definition{Conditions: []Condition{c}}); return err }), fault.Invalid, key)
		}
		bad("segment.attribute", Condition{Field: Attribute, Of: 1, Op: Is, Values: []string{"x"}})
		bad("segment.op", Condition{Field: Attribute, Of: w.points, Op: Contains, Values: []string{"1"}})
		bad("segment.value", Condition{Field: Attribute, Of: w.points, Op: Is, Values: []string{"many"}})
		bad("segment.values", Condition{Field: Language, Op: Is})
		for _, c := range []Condition{{Field: Country, Values: []string{"Frannce"}}, {Field: Country, Values: []string{"EZ"}}, {Field: Language, Values: []string{"Frenchish"}}, {Field: Source, Values: []string{"heaven"}}} {
			c.Op = Is
			bad("segment.value", c)
		}
		bad("segment.list", Condition{Field: List, Of: 1, Op: On})
		bad("segment.grant", Condition{Field: Activity, Kind: "open", Op: Ever})
		bad("segment.grant", Condition{Field: Activity, Kind: "click", Grant: w.news, Op: Ever})
		bad("segment.grant", Condition{Field: Activity, Kind: "click", Grant: w.opens, Op: Ever}) // a yes to opens is none to clicks
		bad("segment.grant", Condition{Field: Activity, Kind: "open", Grant: w.measure, Op: Ever})
		bad("segment.field", Condition{Field: "c.email' OR 1 = 1 --", Op: Is, Values: []string{"x"}})
		deep := Group{Groups: []Group{{Groups: []Group{{Groups: []Group{{Conditions: d.Conditions}}}}}}}
		wants(t, write(func(tx *store.Tx) error { _, err := Make(tx, "x", Definition(deep)); return err }), fault.Invalid, "segment.levels")
		wants(t, write(func(tx *store.Tx) error {
			_, err := Make(tx, "x", Definition{Conditions: slices.Repeat(d.Conditions, MaxConditions+1)})
			return err
		}), fault.Invalid, "segment.conditions")
	})
}

// A country and a language are read by name too, in the house's languages.
func TestCountriesAndLanguagesAreReadByName(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, 60)
		count := func(f Field, v string) (n int64) {
			must(t, h.Main.View(t.Context(), w.who, func(view *store.View) (err error) {
				n, err = Count(view, Definition{Conditions: []Condition{{Field: f, Op: Is, Values: []string{v}}}})
				return err
			}))
			return n
		}
		for _, x := range []struct {
			of   Field
			said []string
		}{{Country, []string{"DE", "de", "Germany", "allemagne", " ALLEMAGNE "}}, {Language, []string{"fr", "French", "français"}}} {
			for _, s := range x.said {
				if n := count(x.of, s); n == 0 || n != count(x.of, x.said[0]) {
					t.Errorf("%s is %q: %d people", x.of, s, n)
				}
			}
		}
		if Called(Country, "DE", "fr") != "Allemagne" || Called(Language, "fr", "en") != "French" || Called(Name, "DE", "en") != "DE" {
			t.Errorf("%q %q", Called(Country, "DE", "fr"), Called(Language, "fr", "en"))
		}
	})
}

func TestWhoIsLeftOutIsSaidByReason(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := settle(t, h, 60)
		must(t, h.Main.View(t.Context(), w.who, func(v *store.View) error {
			all, err := LeftOut(v, Definition{}, w.news)
			if err != nil {
				return err
			}
			n, none := int64(0), int64(0)
			for _, x := range all {
				n += x.People
				if x.Reason == "not_on_list" {
					none = x.People
				}
			}
			if n != 60 || none == 0 {
				t.Errorf("%v: %d people, want 60", all, n)
			}
			ids, err := Sample(v, Definition{}, 20)
			if len(ids) != 20 || !slices.IsSortedFunc(ids, func(a, b int64) int { return int(b - a) }) {
				t.Errorf("sample %v", ids)
			}
			return err
		}))
	})
}
