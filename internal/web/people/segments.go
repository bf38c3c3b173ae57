// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// vocabulary is what conditions can name, also what is no longer in use: a saved segment still speaks of it.
type vocabulary struct {
	attributes []contact.Attribute
	lists      []list.List
	purposes   []list.Purpose
}

func readVocabulary(v *store.View) (w vocabulary, err error) {
	if w.attributes, err = contact.EveryAttribute(v); err != nil {
		return w, err
	}
	if w.lists, err = list.All(v); err != nil {
		return w, err
	}
	w.purposes, err = list.Purposes(v)
	return w, err
}

func (w vocabulary) attribute(id int64) contact.Attribute {
	i := slices.IndexFunc(w.attributes, func(a contact.Attribute) bool { return a.ID == id })
	if i < 0 {
		return contact.Attribute{}
	}
	return w.attributes[i]
}

func (w vocabulary) list(id int64) string {
	for _, l := range w.lists {
		if l.ID == id {
			return l.Name
		}
	}
	return "?"
}

// whatOf writes what a condition looks at as one word of a form.
func whatOf(c segment.Condition) string {
	return fmt.Sprintf("%s:%d:%s:%d", c.Field, c.Of, c.Kind, c.Grant)
}

// readWhat is whatOf, read back. What is made up finds no field, and is refused below.
func readWhat(s string) (c segment.Condition) {
	p := append(strings.Split(s, ":"), "", "", "")
	c.Field, c.Kind = segment.Field(p[0]), p[2]
	c.Of, _ = strconv.ParseInt(p[1], 10, 64)
	c.Grant, _ = strconv.ParseInt(p[3], 10, 64)
	return c
}

// readConditions reads the builder's rows: w what, c how, v values, d days, g the group, by number; m and u of groups:
// how they hold, and the group around them.
func readConditions(v url.Values) segment.Definition {
	groups := make([]segment.Group, 1, 8)
	groups[0].Any = v.Get("m0") == "any"
	up := []int{-1}
	for j := 1; j <= segment.MaxConditions && v.Has("m"+strconv.Itoa(j)); j++ {
		n := strconv.Itoa(j)
		u, err := strconv.Atoi(v.Get("u" + n))
		if err != nil || u < 0 || u >= j {
			u = 0
		}
		groups, up = append(groups, segment.Group{Any: v.Get("m"+n) == "any"}), append(up, u)
	}
	for i := 1; i <= segment.MaxConditions+1 && v.Has("w"+strconv.Itoa(i)); i++ {
		n := strconv.Itoa(i)
		c := readWhat(v.Get("w" + n))
		c.Op = segment.Op(v.Get("c" + n))
		for _, s := range v["v"+n] {
			for _, x := range strings.Split(s, "\n") {
				if x = strings.TrimSpace(x); x != "" {
					if code, ok := segment.Code(c.Field, x); ok {
						x = code
					}
					c.Values = append(c.Values, x)
				}
			}
		}
		if _, most := c.Op.Values(); most == 0 {
			c.Values = nil
		}
		c.Days = 30
		if s := v.Get("d" + n); s != "" {
			if c.Days, _ = strconv.Atoi(strings.TrimSpace(s)); strings.Trim(s, "0123456789 ") != "" {
				c.Days = -1
			}
		}
		if g, err := strconv.Atoi(v.Get("g" + n)); err == nil && g >= 0 && g < len(groups) {
			groups[g].Conditions = append(groups[g].Conditions, c)
		}
	}
	for j := len(groups) - 1; j > 0; j-- {
		g := &groups[up[j]]
		g.Groups = slices.Insert(g.Groups, 0, groups[j])
	}
	return segment.Definition(groups[0])
}

// edited applies the button that was pressed: add.G, group.G, remove.I, drop.G.
func edited(d segment.Definition, v url.Values) segment.Definition {
	do, at, _ := strings.Cut(v.Get("do"), ".")
	n, err := strconv.Atoi(at)
	if err != nil {
		return d
	}
	g, i := 0, 0
	var walk func(x *segment.Group, level int)
	walk = func(x *segment.Group, level int) {
		mine := g
		g++
		for k := 0; k < len(x.Conditions); k++ {
			if i++; do == "remove" && i == n {
				x.Conditions = slices.Delete(x.Conditions, k, k+1)
				k--
			}
		}
		for k := 0; k < len(x.Groups); k++ {
			next := g
			walk(&x.Groups[k], level+1)
			if do == "drop" && next == n {
				x.Groups = slices.Delete(x.Groups, k, k+1)
				k--
			}
		}
		if mine != n {
			return
		}
		if what := v.Get("add" + at); do == "add" && what != "" {
			x.Conditions = append(x.Conditions, readWhat(what))
		}
		if do == "group" && level < segment.MaxLevels {
			x.Groups = append(x.Groups, segment.Group{Any: !x.Any})
		}
	}
	root := segment.Group(d)
	walk(&root, 1)
	return segment.Definition(root)
}

// segmentView is what the builder shows beside the conditions.
type segmentView struct {
	id      int64
	s       segment.Segment
	d       segment.Definition
	words   vocabulary
	counted bool
	people  int64
	sample  []contact.Contact
	list    int64
	out     []consent.Tally
	focus   string // the field that what was pressed leads to
}

func (p *Pages) segments(r *shell.Request) error {
	var all []segment.Segment
	var w vocabulary
	err := p.view(r, func(v *store.View) (err error) {
		if all, err = segment.All(v); err == nil {
			w, err = readVocabulary(v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, segmentsPage(r, all, w))
}

// segmentBuild shows a description and changes it, in the address alone: nothing is decided by a GET.
func (p *Pages) segmentBuild(r *shell.Request) error {
	q := r.R.URL.Query()
	f := shell.NewForm("name", q.Get("name"), "version", q.Get("version"))
	var s segmentView
	if r.Path("id") != "" {
		var err error
		if s.id, err = r.ID("id"); err != nil {
			return err
		}
		if err := p.view(r, func(v *store.View) (err error) { s.s, err = segment.Get(v, s.id); return err }); err != nil {
			return err
		}
	}
	switch {
	case q.Has("m0"):
		s.d = edited(readConditions(q), q)
	case s.id != 0:
		s.d = s.s.Definition
		f.Values.Set("name", s.s.Name)
		f.Values.Set("version", dec(s.s.Version))
	case q.Has("like"): // a copy of another
		id, _ := strconv.ParseInt(q.Get("like"), 10, 64)
		if err := p.view(r, func(v *store.View) error {
			o, err := segment.Get(v, id)
			s.d = o.Definition
			f.Values.Set("name", r.P.T("segments.copy_of", "name", o.Name))
			return err
		}); err != nil {
			return err
		}
	}
	number := q.Get("do") == "number" // while conditions are written: how many, and nobody is shown
	count := number || q.Get("do") == "count" || s.id != 0 && !q.Has("m0")
	s.list, _ = strconv.ParseInt(q.Get("list"), 10, 64)
	err := p.view(r, func(v *store.View) error {
		var err error
		if s.words, err = readVocabulary(v); err != nil || !count {
			return err
		}
		if s.people, err = segment.Count(v, s.d); err != nil {
			return err
		}
		if s.counted = true; number {
			return nil
		}
		ids, err := segment.Sample(v, s.d, 20)
		if err != nil {
			return err
		}
		if s.sample, err = contact.Some(v, ids); err != nil {
			return err
		}
		slices.SortFunc(s.sample, func(a, b contact.Contact) int { return int(b.ID - a.ID) })
		if s.list != 0 {
			s.out, err = segment.LeftOut(v, s.d, s.list)
		}
		return err
	})
	if err != nil && !f.Take(err) {
		return err
	}
	ids := make([]int64, len(s.sample))
	for i, c := range s.sample {
		ids[i] = c.ID
	}
	look := trace.Looked{Object: "contacts", Contacts: ids, Filter: "segment " + dec(s.id)}
	if s.id != 0 {
		look.Object, look.ObjectID = "segment.people", s.id
	}
	if err := p.look(r, look); err != nil {
		return err
	}
	s.focus = focusAfter(q.Get("do"), flatten(r, s, f))
	return r.Render(http.StatusOK, segmentPage(r, f, s))
}

// focusAfter says which field comes next once a button of the builder was pressed: who works by
// keyboard goes on there, not at the top of the page.
func focusAfter(do string, groups []flatGroup) string {
	do, at, _ := strings.Cut(do, ".")
	to := ""
	for _, g := range groups {
		for _, x := range g.rows {
			if do == "add" && strconv.Itoa(g.n) == at || do == "remove" && x.n == at {
				to = "c" + x.n
			}
		}
		if do == "group" && g.n != 0 && strconv.Itoa(g.up) == at {
			to = "m" + strconv.Itoa(g.n)
		}
	}
	switch {
	case do == "count":
		return "people"
	case to == "" && (do == "add" || do == "group" || do == "remove" || do == "drop"):
		return "add0"
	}
	return to
}

func (p *Pages) segmentSave(r *shell.Request) error {
	f, err := r.Form(segment.MaxDefinition)
	if err != nil {
		return err
	}
	s := segmentView{d: readConditions(f.Values)}
	if r.Path("id") != "" {
		if s.id, err = r.ID("id"); err != nil {
			return err
		}
	}
	id := s.id
	err = p.write(r, func(tx *store.Tx) (err error) {
		if s.id == 0 {
			id, err = segment.Make(tx, f.Get("name"), s.d)
			return err
		}
		version, _ := f.Int("version")
		return segment.Change(tx, s.id, version, f.Get("name"), s.d)
	})
	if f.Take(err) {
		if err := p.view(r, func(v *store.View) (err error) { s.words, err = readVocabulary(v); return err }); err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, segmentPage(r, f, s))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/segments/"+dec(id), "segments.saved")
}

// whatWords names what a condition looks at.
func whatWords(r *shell.Request, w vocabulary, c segment.Condition) string {
	switch c.Field {
	case segment.Attribute:
		a := w.attribute(c.Of)
		if a.Name == "" {
			return "?"
		}
		return labelOf(a)
	case segment.List:
		return r.P.T("segments.field.list", "name", w.list(c.Of))
	case segment.Purpose:
		for _, p := range w.purposes {
			if p.ID == c.Of {
				return r.P.T("segments.field.purpose", "name", p.Name)
			}
		}
		return "?"
	case segment.Activity:
		s := r.P.Or("segments.doing."+c.Kind, "?")
		if c.Grant != 0 {
			s = r.P.T("segments.measured", "what", s, "list", w.list(c.Grant))
		}
		return s
	}
	return r.P.Or("segments.field."+string(c.Field), "?")
}

// valueWords are a condition's values as people read them.
func valueWords(r *shell.Request, c segment.Condition) string {
	out := slices.Clone(c.Values)
	for i, v := range out {
		switch c.Op {
		case segment.Status:
			out[i] = r.P.Or("people.status."+v, v)
		case segment.OnBasis:
			out[i] = r.P.Or("people.basis."+v, v)
		}
		if c.Field == segment.Source {
			out[i] = r.P.Or("people.source."+v, v)
		} else {
			out[i] = segment.Called(c.Field, out[i], r.P.Lang)
		}
	}
	if c.Op == segment.Between {
		return strings.Join(out, " – ")
	}
	return strings.Join(out, ", ")
}

// sentence says whom a description describes, in words.
func sentence(r *shell.Request, w vocabulary, g segment.Group) string {
	var parts []string
	for _, c := range g.Conditions {
		s := whatWords(r, w, c) + " " + r.P.Or("segments.op."+string(c.Op), "…")
		if least, _ := c.Op.Values(); least > 0 {
			s += " " + valueWords(r, c)
		}
		if c.Op == segment.Times {
			s += " " + r.P.N("segments.times", c.Days)
		} else if c.Op.Counts() {
			s += " " + r.P.N("segments.days", c.Days)
		}
		parts = append(parts, s)
	}
	for _, x := range g.Groups {
		if s := sentence(r, w, x); s != "" {
			parts = append(parts, "("+s+")")
		}
	}
	word := "segments.and"
	if g.Any {
		word = "segments.or"
	}
	return strings.Join(parts, " "+r.P.T(word)+" ")
}

func whole(r *shell.Request, w vocabulary, d segment.Definition) string {
	if s := sentence(r, w, segment.Group(d)); s != "" {
		return r.P.T("segments.people_whose", "what", s)
	}
	return r.P.T("segments.everybody")
}

// whats are the things a new condition can look at.
func whats(r *shell.Request, w vocabulary) []shell.Choice {
	var out []shell.Choice
	put := func(c segment.Condition) {
		out = append(out, shell.Choice{Value: whatOf(c), Label: whatWords(r, w, c)})
	}
	for _, a := range w.attributes {
		if a.Usable() && a.RetiredAt == 0 {
			put(segment.Condition{Field: segment.Attribute, Of: a.ID})
		}
	}
	for _, l := range w.lists {
		if l.RetiredAt == 0 {
			put(segment.Condition{Field: segment.List, Of: l.ID})
		}
	}
	for _, p := range w.purposes {
		if p.RetiredAt == 0 {
			put(segment.Condition{Field: segment.Purpose, Of: p.ID})
		}
	}
	for _, k := range segment.Doings() {
		if !segment.Measured(k) {
			put(segment.Condition{Field: segment.Activity, Kind: string(k)})
			continue
		}
		for _, l := range w.lists {
			if l.Measures == segment.Measure(k) && l.RetiredAt == 0 {
				put(segment.Condition{Field: segment.Activity, Kind: string(k), Grant: l.ID})
			}
		}
	}
	for _, f := range []segment.Field{segment.Added, segment.Language, segment.Country, segment.Domain, segment.Name, segment.Source, segment.DoNotMail} {
		put(segment.Condition{Field: f})
	}
	return out
}

// unusable are the attributes that describe nobody, since the account said of them neither that they are
// plain nor why it may use them (GDPR 9).
func unusable(w vocabulary) []contact.Attribute {
	return slices.DeleteFunc(slices.Clone(w.attributes), func(a contact.Attribute) bool { return a.Usable() || a.RetiredAt != 0 })
}

// row is one condition on the page: its number, and the form that holds what was typed.
type row struct {
	n     string
	c     segment.Condition
	form  *shell.Form
	ops   []shell.Choice
	some  []shell.Choice // values to choose from
	asks  bool           // for a value
	days  bool
	group string
}

func conditionRow(r *shell.Request, w vocabulary, f *shell.Form, c segment.Condition, n, group int) row {
	kind := contact.TypeText
	a := w.attribute(c.Of)
	if c.Field == segment.Attribute {
		kind = a.Type
	}
	x := row{n: strconv.Itoa(n), c: c, group: strconv.Itoa(group)}
	ops := segment.Ops(c.Field, kind)
	if c.Op == "" && len(ops) > 0 {
		c.Op = ops[0]
	}
	for _, o := range ops {
		x.ops = append(x.ops, shell.Choice{Value: string(o), Label: r.P.T("segments.op." + string(o))})
		_, most := o.Values()
		x.asks = x.asks || most > 0
		x.days = x.days || o.Counts()
	}
	switch {
	case c.Field == segment.Attribute && (kind == contact.TypeChoice || kind == contact.TypeMultiple):
		for _, v := range a.Choices {
			x.some = append(x.some, shell.Choice{Value: v, Label: v})
		}
	case c.Field == segment.Source:
		for _, s := range segment.Sources() {
			x.some = append(x.some, shell.Choice{Value: s, Label: r.P.T("people.source." + s)})
		}
	case c.Field == segment.List:
		for _, s := range segment.Statuses() {
			x.some = append(x.some, shell.Choice{Value: string(s), Label: r.P.T("people.status." + string(s))})
		}
		for _, b := range consent.Bases() {
			x.some = append(x.some, shell.Choice{Value: string(b), Label: r.P.T("people.basis." + string(b))})
		}
		for _, g := range []string{"A", "B", "C", "D"} {
			x.some = append(x.some, shell.Choice{Value: g, Label: r.P.T("people.grade." + strings.ToLower(g))})
		}
	}
	x.form = shell.NewForm("c"+x.n, string(c.Op), "d"+x.n, strconv.Itoa(c.Days))
	if c.Days == 0 && c.Op != segment.Times {
		x.form.Values.Set("d"+x.n, "30")
	}
	if len(x.some) > 0 {
		x.form.Values["v"+x.n] = c.Values
	} else {
		said := make([]string, len(c.Values))
		for i, v := range c.Values {
			said[i] = segment.Called(c.Field, v, r.P.Lang)
		}
		x.form.Values.Set("v"+x.n, strings.Join(said, "\n"))
	}
	for _, e := range f.Faults {
		if e.Field == "c"+x.n {
			x.form.Faults = append(x.form.Faults, e)
		}
	}
	return x
}

// flat lists groups in the order of their numbers: a group, its conditions, then the groups in it.
type flatGroup struct {
	n, up, level int
	any          bool
	rows         []row
}

func flatten(r *shell.Request, s segmentView, f *shell.Form) (out []flatGroup) {
	i := 0
	var walk func(g segment.Group, up, level int)
	walk = func(g segment.Group, up, level int) {
		x := flatGroup{n: len(out), up: up, level: level, any: g.Any}
		for _, c := range g.Conditions {
			i++
			x.rows = append(x.rows, conditionRow(r, s.words, f, c, i, x.n))
		}
		out = append(out, x)
		for _, y := range g.Groups {
			walk(y, x.n, level+1)
		}
	}
	walk(segment.Group(s.d), 0, 1)
	return out
}
