// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/compose"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/sending/transactional"
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
	ages       []form.Aged
	age        int // asked in the account's country
	remind     int // days a reminder may wait at most
	fresh      bool
	checked    form.Definition // the draft with what lists and attributes are now
	colour     string          // the account's
}

// texts are the texts of a form, in the order the builder asks for them.
func texts() []string {
	return []string{"title", "intro", "consent", "button", "withdraw", "sent", "done", "already", "subject", "greeting"}
}

func text(d *form.Definition, name string) *form.Words {
	return map[string]*form.Words{"title": &d.Title, "intro": &d.Intro, "consent": &d.Consent, "button": &d.Button,
		"withdraw": &d.Withdraw, "sent": &d.Sent, "done": &d.Done, "already": &d.Already, "subject": &d.Subject, "greeting": &d.Greeting}[name]
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
		b.colour = a.Colour
		if b.age, err = form.Age(v, a); err != nil {
			return err
		}
		if b.ages, err = form.Ages(v); err != nil {
			return err
		}
		if b.remind, err = form.MostRemind(v); err != nil {
			return err
		}
		var note notice.Version
		b.checked, b.found, _, note, err = form.Check(r.Context(), v, b.f)
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
	switch {
	case len(d.Ages) > 0:
		v.Values.Set("age", "country")
	case d.Age > 0:
		v.Values.Set("age", "1")
	default:
		v.Values.Set("age", "0")
	}
	v.Values.Set("remind", strconv.Itoa(d.Remind))
	v.Values.Set("redirect", d.Redirect)
	if d.Puzzle {
		v.Values.Set("puzzle", "1")
	}
	for _, t := range d.Tongues {
		v.Values.Add("tongues", t.Code)
		v.Values.Set("tname."+t.Code, t.Name)
		v.Values.Set("tfall."+t.Code, t.Fallback)
		for k, s := range t.Fixed {
			v.Values.Set("fixed."+t.Code+"."+k, s)
		}
	}
	for _, l := range d.Languages {
		v.Values.Add("lang", l)
	}
	for _, l := range spoken(d) {
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
			v.Values.Set("explicit."+x.Name+"."+l, x.Explicit.In(l))
			for c, w := range x.Called {
				v.Values.Set(choiceField(x.Name, c, l), w[l])
			}
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
	d.Languages, d.Tongues = nil, tongues(f, b.f.Draft)
	first := b.f.Draft.Language("")
	for _, l := range append([]string{first}, spoken(d)...) {
		if f.Has("lang", l) && !slices.Contains(d.Languages, l) {
			d.Languages = append(d.Languages, l)
		}
	}
	// A language that is not ticked has no words on the page: those it had stay, until it is taken off.
	words := func(name string, was form.Words) form.Words {
		w := form.Words{}
		for _, l := range spoken(d) {
			s := f.Get(name + "." + l)
			if !asked(f, l) {
				s = was[l]
			}
			if s != "" {
				w[l] = s
			}
		}
		return w
	}
	for _, t := range texts() {
		*text(&d, t) = words(t, *text(&b.f.Draft, t))
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
	d.Age, d.Ages = 0, nil
	switch f.Get("age") {
	case "1":
		d.Age = b.age
	case "country":
		d.Ages = b.ages
	}
	remind, _ := f.Int("remind")
	d.Remind = int(max(-1, min(remind, 1000)))
	d.Redirect, d.Puzzle = f.Get("redirect"), f.Checked("puzzle")
	added := ""
	if code := f.Get("tongue"); code != "" {
		if t, ok := form.NewTongue(code, f.Get("tongue_name"), f.Get("tongue_fallback")); !ok {
			f.Fail("tongue", "form.language")
		} else if !slices.ContainsFunc(d.Tongues, func(x form.Tongue) bool { return x.Code == t.Code }) {
			d.Tongues, d.Languages, added = append(d.Tongues, t), append(d.Languages, t.Code), t.Code
		}
	}
	old := d.Lists
	d.Lists = nil
	slices.SortStableFunc(b.lists, func(x, y list.List) int { return cmp.Compare(place(old, x.ID), place(old, y.ID)) })
	for _, l := range b.lists {
		if !f.Has("list", dec(l.ID)) {
			continue
		}
		i := slices.IndexFunc(old, func(c form.Choice) bool { return c.List == l.ID })
		d.Add(l)
		if c := &d.Lists[len(d.Lists)-1]; i >= 0 {
			c.Label, c.Hint = words("label."+dec(l.ID), old[i].Label), words("hint."+dec(l.ID), old[i].Hint)
			if s := l.Public[added]; s != "" && c.Label[added] == "" { // what the list is called there already
				c.Label[added] = s
			}
		}
	}
	d.Fields = nil
	add := func(name string) {
		var was form.Field
		if i := slices.IndexFunc(b.f.Draft.Fields, func(x form.Field) bool { return x.Name == name }); i >= 0 {
			was = b.f.Draft.Fields[i]
		}
		x := form.Field{Name: name, Type: "text", Label: words("flabel."+name, was.Label), Why: words("why."+name, was.Why), Explicit: words("explicit."+name, was.Explicit), Required: f.Checked("required." + name)}
		for _, a := range b.attributes {
			if a.Name == name {
				x.Type, x.Choices = string(a.Type), a.Choices
				for _, c := range a.Choices {
					if w := words(strings.TrimSuffix(choiceField(name, c, ""), "."), was.Called[c]); len(w) > 0 {
						if x.Called == nil {
							x.Called = map[string]form.Words{}
						}
						x.Called[c] = w
					}
				}
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
	d.Fields = moved(d.Fields, func(x form.Field) string { return x.Name }, f.Get("move"), "field.")
	d.Lists = moved(d.Lists, func(c form.Choice) string { return dec(c.List) }, f.Get("move"), "list.")
	return d
}

// choiceField is the field for how a choice is said in a language. It goes by the choice and not by its
// place: the attribute's choices may be sorted anew while somebody writes.
func choiceField(name, choice, lang string) string {
	sum := sha256.Sum256([]byte(choice))
	return "choice." + name + "." + hex.EncodeToString(sum[:6]) + "." + lang
}

// place is where a list stands on the form; those that don't come last.
func place(all []form.Choice, list int64) int {
	if i := slices.IndexFunc(all, func(c form.Choice) bool { return c.List == list }); i >= 0 {
		return i
	}
	return len(all)
}

// spoken are the languages a form's words can be written in: the house's and those added.
func spoken(d form.Definition) []string {
	out := locale.Languages()
	for _, t := range d.Tongues {
		out = append(out, t.Code)
	}
	return out
}

// asked tells whether the page had fields for a language's words: the title is always one of them.
func asked(f *shell.Form, lang string) bool { return f.Values.Has("title." + lang) }

// tongues are the languages that were added before, without those taken off.
func tongues(f *shell.Form, was form.Definition) []form.Tongue {
	var out []form.Tongue
	for _, code := range f.All("tongues") {
		t, ok := form.NewTongue(code, f.Get("tname."+code), f.Get("tfall."+code))
		if !ok || f.Checked("tdrop."+code) {
			continue
		}
		if i := slices.IndexFunc(was.Tongues, func(x form.Tongue) bool { return x.Code == t.Code }); i >= 0 && !asked(f, code) {
			t.Fixed = was.Tongues[i].Fixed
		}
		for _, k := range form.FixedWords() {
			if s := f.Get("fixed." + code + "." + k); s != "" {
				if t.Fixed == nil {
					t.Fixed = map[string]string{}
				}
				t.Fixed[k] = s
			}
		}
		out = append(out, t)
	}
	return out
}

// moved puts one part before or after its neighbour: move is "up.KIND.NAME" or "down.KIND.NAME".
func moved[T any](all []T, name func(T) string, move, kind string) []T {
	for _, way := range []struct {
		prefix string
		by     int
	}{{"up." + kind, -1}, {"down." + kind, 1}} {
		what, ok := strings.CutPrefix(move, way.prefix)
		i := slices.IndexFunc(all, func(x T) bool { return name(x) == what })
		if j := i + way.by; ok && i >= 0 && j >= 0 && j < len(all) {
			all[i], all[j] = all[j], all[i]
			break
		}
	}
	return all
}

func (p *Pages) buildPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(1 << 20) // the words of 200 choices in eight languages are many
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
	if f.Get("quiet") != "" { // saved by itself: the page says so beside the button
		http.Redirect(r.W, r.R, at(id, ""), http.StatusSeeOther)
		return nil
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
	act := map[string]func(*store.Tx, int64) error{"close": form.Close, "open": form.Open, "retire": form.Retire, "restore": form.Restore}[in.Get("do")]
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

// steps are what a visitor meets, in order: the form, and what follows from it.
func steps(d form.Definition) []string {
	switch {
	case d.OptIn == form.Single && d.Redirect != "":
		return []string{"form"}
	case d.OptIn == form.Single:
		return []string{"form", string(public.Done)}
	}
	out := []string{"form", string(public.Sent), "mail"}
	if d.Remind > 0 {
		out = append(out, "reminder")
	}
	out = append(out, string(public.Confirm))
	if d.Redirect == "" {
		out = append(out, string(public.Done))
	}
	return append(out, string(public.Already))
}

// preview shows the draft as visitors would see it, and what follows from it. Its buttons go nowhere.
func (p *Pages) preview(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var d form.Definition
	var pages []form.Page
	var a account.Account
	var sample form.Waiting
	var mail compose.Letter
	step := cmp.Or(r.Q("step"), "form")
	err = p.view(r, func(v *store.View) error {
		f, err := form.Find(v, id)
		if err != nil {
			return err
		}
		var note notice.Version
		if d, _, pages, note, err = form.Check(r.Context(), v, f); err != nil {
			return err
		}
		if !slices.Contains(steps(d), step) { // no step of the form any more, since an edit
			step = "form"
		}
		if a, err = account.Get(v); err != nil {
			return err
		}
		sample = form.Sample(d, note, r.Q("lang"), v.Now)
		if step == "mail" || step == "reminder" {
			draft, err := form.SampleMail(v, sample, step == "reminder")
			if err != nil {
				return err
			}
			mail, err = transactional.Letter(v, draft)
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	lang := d.Language(r.Q("lang"))
	r.Brand = brand(a, d, lang)
	switch step {
	case "form":
	case "mail", "reminder":
		return r.Mail([]byte(mail.HTML))
	default:
		return r.Render(http.StatusOK, public.After(r, public.Step(step), sample))
	}
	shown := form.Page{}
	for _, x := range pages {
		if x.Language == lang {
			shown = x
		}
	}
	return r.Render(http.StatusOK, previewPage(r, d, lang, shown, ""))
}

// brand is the account's as visitors see it, in a form's own colour.
func brand(a account.Account, d form.Definition, lang string) shell.Account {
	out := public.Brand(a, lang)
	if d.Colour != "" {
		out.Colour = d.Colour
	}
	return out
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }

var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// why says how this form stands before the rules.
func (b bench) why(r *shell.Request) shell.Why {
	w := shell.Why{Step: "form", Article: "forms", Tone: shell.Good, State: r.P.T("forms.why.passed")}
	refused, warned := 0, 0
	for _, f := range b.found {
		switch f.Result {
		case form.Refused:
			refused++
		case form.Warned:
			warned++
		}
	}
	switch {
	case refused > 0:
		w.Tone, w.State = shell.Bad, r.P.N("forms.why.refused", refused)
	case warned > 0:
		w.Tone, w.State = shell.Waiting, r.P.N("forms.why.warned", warned)
	}
	return w
}
