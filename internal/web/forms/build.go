// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/web/public"
	"consend/internal/web/shell"
)

// bench is what the builder shows: the draft, what can be put into it, and what the rules say.
type bench struct {
	f          form.Form
	lists      []list.List
	attributes []contact.Attribute
	notes      []notice.Notice
	found      []form.Finding
	age        int // asked in the account's country
	fresh      bool
}

// texts are the texts of a form, in the order the builder asks for them.
func texts() []string {
	return []string{"title", "intro", "consent", "button", "withdraw", "sent", "done"}
}

func text(d *form.Definition, name string) *form.Words {
	return map[string]*form.Words{"title": &d.Title, "intro": &d.Intro, "consent": &d.Consent, "button": &d.Button,
		"withdraw": &d.Withdraw, "sent": &d.Sent, "done": &d.Done}[name]
}

func (p *Pages) bench(r *shell.Request, id int64) (b bench, err error) {
	err = p.view(r, func(v *store.View) (err error) {
		if b.f, err = form.Find(v, id); err != nil {
			return err
		}
		if b.lists, err = list.InUse(v); err != nil {
			return err
		}
		if b.attributes, err = contact.AllAttributes(v); err != nil {
			return err
		}
		if b.notes, err = notice.All(v); err != nil {
			return err
		}
		a, err := account.Get(v)
		if err != nil {
			return err
		}
		if b.age, err = form.Age(v, a); err != nil {
			return err
		}
		var note notice.Version
		_, b.found, _, note, err = form.Check(r.Context(), v, b.f)
		b.fresh = b.f.CurrentID != 0 && b.f.NoteVersion == note.ID
		return err
	})
	return b, err
}

func (p *Pages) build(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	b, err := p.bench(r, id)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, buildPage(r, b, fill(b.f)))
}

// fill lays a draft out as the builder's form.
func fill(f form.Form) *shell.Form {
	d := f.Draft
	v := shell.NewForm("name", f.Name, "version", dec(f.Version), "opt_in", string(d.OptIn), "notice", dec(d.Notice), "colour", d.Colour)
	if d.Age > 0 {
		v.Values.Set("age", "1")
	}
	for _, l := range d.Languages {
		v.Values.Add("lang", l)
	}
	for _, l := range locale.Languages() {
		for _, t := range texts() {
			v.Values.Set(t+"."+l, text(&d, t).In(l))
		}
		for _, c := range d.Lists {
			v.Values.Set("label."+dec(c.List)+"."+l, c.Label.In(l))
			v.Values.Set("hint."+dec(c.List)+"."+l, c.Hint.In(l))
		}
		for _, x := range d.Fields {
			v.Values.Set("flabel."+x.Name+"."+l, x.Label.In(l))
			v.Values.Set("why."+x.Name+"."+l, x.Why.In(l))
		}
	}
	for _, c := range d.Lists {
		v.Values.Add("list", dec(c.List))
	}
	for _, x := range d.Fields {
		v.Values.Add("field", x.Name)
		if x.Required {
			v.Values.Set("required."+x.Name, "1")
		}
	}
	return v
}

// take reads the builder's form into a definition: what was there stays unless it was changed.
func take(f *shell.Form, b bench) form.Definition {
	d := b.f.Draft
	d.Languages = nil
	first := b.f.Draft.Language("")
	for _, l := range append([]string{first}, locale.Languages()...) {
		if f.Has("lang", l) && !slices.Contains(d.Languages, l) {
			d.Languages = append(d.Languages, l)
		}
	}
	words := func(name string) form.Words {
		w := form.Words{}
		for _, l := range locale.Languages() {
			if s := f.Get(name + "." + l); s != "" {
				w[l] = s
			}
		}
		return w
	}
	for _, t := range texts() {
		*text(&d, t) = words(t)
	}
	d.OptIn = form.Double
	if f.Get("opt_in") == string(form.Single) {
		d.OptIn = form.Single
	}
	d.Notice, _ = f.Int("notice")
	d.Colour = ""
	if c := strings.ToLower(f.Get("colour")); hexColour.MatchString(c) {
		d.Colour = c
	}
	if d.Age = 0; f.Checked("age") {
		d.Age = b.age
	}
	old := d.Lists
	d.Lists = nil
	for _, l := range b.lists {
		if !f.Has("list", dec(l.ID)) {
			continue
		}
		was := slices.ContainsFunc(old, func(c form.Choice) bool { return c.List == l.ID })
		d.Add(l)
		if c := &d.Lists[len(d.Lists)-1]; was {
			c.Label, c.Hint = words("label."+dec(l.ID)), words("hint."+dec(l.ID))
		}
	}
	d.Fields = nil
	add := func(name string) {
		x := form.Field{Name: name, Type: "text", Label: words("flabel." + name), Why: words("why." + name), Required: f.Checked("required." + name)}
		for _, a := range b.attributes {
			if a.Name == name {
				x.Type, x.Choices = string(a.Type), a.Choices
			}
		}
		if name == f.Get("add") { // a new field begins with its own name
			for _, l := range locale.Languages() {
				if x.Label[l] = name; name == form.NameField {
					x.Label[l] = locale.For(l, nil).T("forms.field.name")
				}
			}
		}
		d.Fields = append(d.Fields, x)
	}
	for _, name := range f.All("field") {
		if !f.Checked("remove." + name) {
			add(name)
		}
	}
	if name := f.Get("add"); name != "" && !f.Has("field", name) && (name == form.NameField || slices.ContainsFunc(b.attributes, func(a contact.Attribute) bool { return a.Name == name })) {
		add(name)
	}
	return d
}

func (p *Pages) buildPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(256 << 10)
	if err != nil {
		return err
	}
	b, err := p.bench(r, id)
	if err != nil {
		return err
	}
	version, _ := f.Int("version")
	d := take(f, b)
	if c := f.Get("colour"); c != "" && d.Colour == "" {
		f.Fail("colour", "forms.colour.bad")
	}
	if f.OK() {
		err = p.write(r, func(tx *store.Tx) error { return form.Edit(tx, id, version, f.Get("name"), d) })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, buildPage(r, b, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), "forms.saved")
}

func (p *Pages) publishPost(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	in, err := r.Form(8 << 10)
	if err != nil {
		return err
	}
	version, _ := in.Int("version")
	var v form.Version
	err = p.write(r, func(tx *store.Tx) (err error) { v, err = form.Publish(r.Context(), tx, f.ID, version); return err })
	if fault.Is(err, fault.Invalid) { // the rules stand on the page, each with its remedy
		return r.RedirectWarning(at(f.ID, ""), "forms.refused")
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(f.ID, "/share"), "forms.published", "number", v.Number)
}

func (p *Pages) turnPost(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	in, err := r.Form(8 << 10)
	if err != nil {
		return err
	}
	act := map[string]func(*store.Tx, int64) error{"close": form.Close, "open": form.Open, "retire": form.Retire}[in.Get("do")]
	if act == nil {
		return fault.New(fault.Invalid, "shell.bad_form")
	}
	if err := p.write(r, func(tx *store.Tx) error { return act(tx, f.ID) }); err != nil {
		return err
	}
	if in.Get("do") == "retire" {
		return r.Redirect(http.StatusSeeOther, "/forms", "forms.retired")
	}
	return r.Redirect(http.StatusSeeOther, at(f.ID, ""), "forms.turned")
}

// preview shows the draft as visitors would see it. Its button goes nowhere.
func (p *Pages) preview(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var d form.Definition
	var pages []form.Page
	var a account.Account
	err = p.view(r, func(v *store.View) error {
		f, err := form.Find(v, id)
		if err != nil {
			return err
		}
		if d, _, pages, _, err = form.Check(r.Context(), v, f); err != nil {
			return err
		}
		a, err = account.Get(v)
		return err
	})
	if err != nil {
		return err
	}
	lang := d.Language(r.Q("lang"))
	shown := form.Page{}
	for _, x := range pages {
		if x.Language == lang {
			shown = x
		}
	}
	brand := public.Brand(a, lang)
	if d.Colour != "" {
		brand.Colour = d.Colour
	}
	r.Brand = brand
	return r.Render(http.StatusOK, previewPage(r, d.Title.In(lang), d.Intro.In(lang), shown))
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }

var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)
