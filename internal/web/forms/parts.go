// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/web/shell"
)

func count(found []form.Finding, r form.Result) (n int) {
	for _, f := range found {
		if f.Result == r {
			n++
		}
	}
	return n
}

// failed are the findings that want something, refusals first.
func failed(found []form.Finding) []form.Finding {
	var out []form.Finding
	for _, want := range []form.Result{form.Refused, form.Warned} {
		for _, f := range found {
			if f.Result == want {
				out = append(out, f)
			}
		}
	}
	return out
}

// notRead are the rules that a language's words were not held against.
type notRead struct {
	language string
	rules    []string
}

func unread(r *shell.Request, found []form.Finding) []notRead {
	var out []notRead
	for _, f := range found {
		if f.Result != form.Unread {
			continue
		}
		name := languageName(r, f.Language)
		i := slices.IndexFunc(out, func(u notRead) bool { return u.language == name })
		if i < 0 {
			i, out = len(out), append(out, notRead{language: name})
		}
		out[i].rules = append(out[i].rules, f.Rule)
	}
	return out
}

func tone(r form.Result) shell.Tone {
	switch r {
	case form.Refused:
		return shell.Bad
	case form.Warned:
		return shell.Waiting
	}
	return shell.Good
}

func languageName(r *shell.Request, lang string) string {
	if lang == "" {
		return ""
	}
	if t, ok := form.NewTongue(lang, "", ""); ok {
		return t.Name
	}
	return r.P.Or("locale.name."+lang, lang)
}

// whatName gives the name of a text of the form; fields and lists are called as they are.
func whatName(r *shell.Request, what string) string {
	if slices.Contains(texts(), what) {
		return r.P.T("forms.text." + what)
	}
	if what == "fixed" {
		return r.P.T("forms.fixed")
	}
	return what
}

func languageChoices(r *shell.Request, b bench) []shell.Choice {
	out := houseChoices(r)
	for _, t := range b.f.Draft.Tongues {
		out = append(out, shell.Choice{Value: t.Code, Label: t.Name})
	}
	return out
}

func houseChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, l := range locale.Languages() {
		out = append(out, shell.Choice{Value: l, Label: r.P.T("locale.name." + l)})
	}
	return out
}

// house tells whether a language is one of ours.
func house(lang string) bool { return locale.Known(lang) }

func languageOf(b bench, lang string) string { return b.f.Draft.LanguageName(lang) }

func fieldName(r *shell.Request, name string) string {
	if name == form.NameField {
		return r.P.T("forms.field.name")
	}
	return name
}

// marked tells whether a field asks for something special (GDPR 9), as its attribute is now.
func marked(b bench, name string) bool {
	return slices.ContainsFunc(b.checked.Fields, func(x form.Field) bool { return x.Name == name && x.Marked })
}

// choicesOf are a field's choices, as its attribute is now.
func choicesOf(b bench, name string) []string {
	for _, x := range b.checked.Fields {
		if x.Name == name {
			return x.Choices
		}
	}
	return nil
}

// fixedWord is how the house says a word that an account may write itself.
func fixedWord(r *shell.Request, key string) string {
	return strings.ReplaceAll(r.P.T(key, "years", "{years}"), "<no value>", "…")
}

func hasFault(f *shell.Form, field string) bool {
	return slices.ContainsFunc(f.Faults, func(e *fault.Error) bool { return e.Field == field })
}

// wrongIn tells whether something lacks in a language, or was found wrong there.
func wrongIn(b bench, f *shell.Form, lang string) bool {
	return slices.ContainsFunc(b.found, func(x form.Finding) bool { return x.Language == lang && x.Result == form.Refused })
}

// fieldOf is the id of what a finding is about, for a link to it.
func fieldOf(x form.Finding) string {
	lang := x.Language
	text := func(name string) string {
		if lang == "" {
			return ""
		}
		return "f-" + name + "-" + lang
	}
	switch x.Rule {
	case "controller", "note", "note_fresh", "policy":
		return "f-notice"
	case "withdraw", "button":
		return text(x.Rule)
	case "measuring_apart", "terms_apart":
		return text("consent")
	case "claims", "children", "price":
		return text("intro")
	case "mail":
		return text("greeting")
	case "list", "list_open", "one_box_one_purpose", "own_box":
		return "f-list"
	case "age", "opt_in", "redirect", "remind":
		return "f-" + x.Rule
	case "why", "special", "birth":
		return "part-" + x.What
	case "translation":
		if slices.Contains(texts(), x.What) {
			return text(x.What)
		}
		return "f-lang"
	}
	return ""
}

type contrast struct {
	tone        shell.Tone
	ratio, text string
}

// contrasts are how the form's colour reads on our light and dark grounds: WCAG 2.2, 1.4.3.
func contrasts(r *shell.Request, b bench) []contrast {
	colour := b.f.Draft.Colour
	if colour == "" {
		colour = b.colour
	}
	if !hexColour.MatchString(colour) {
		return nil
	}
	var out []contrast
	for _, dark := range []bool{false, true} {
		c, theme := shell.ContrastOf(colour, dark), "light"
		if dark {
			theme = "dark"
		}
		x := contrast{shell.Good, r.P.Decimal(c.Ratio, 1) + ":1", r.P.T("forms.contrast."+theme, "colour", colour)}
		if c.Ratio < shell.MinContrast {
			x.tone, x.text = shell.Waiting, r.P.T("forms.contrast."+theme+".low", "colour", colour, "near", c.Near, "ratio", r.P.Decimal(c.NearRatio, 1))
		}
		out = append(out, x)
	}
	return out
}

func noteChoices(r *shell.Request, notes []notice.Notice) []shell.Choice {
	var out []shell.Choice
	for _, n := range notes {
		label := n.Name
		if n.CurrentID == 0 {
			label += " (" + r.P.T("forms.state.draft") + ")"
		}
		out = append(out, shell.Choice{Value: dec(n.ID), Label: label})
	}
	return out
}

func listChoices(r *shell.Request, b bench) []shell.Choice {
	var out []shell.Choice
	for _, l := range b.lists {
		hint := l.PurposeName
		if l.AttributeID != 0 { // the question that needs it brings it
			continue
		}
		if l.Kind == list.Grant {
			hint = r.P.T("forms.list.grant")
		}
		out = append(out, shell.Choice{Value: dec(l.ID), Label: l.Name, Hint: hint})
	}
	return out
}

// fieldChoices are what can still be asked.
func fieldChoices(r *shell.Request, b bench) []shell.Choice {
	has := func(name string) bool {
		return slices.ContainsFunc(b.f.Draft.Fields, func(f form.Field) bool { return f.Name == name })
	}
	var out []shell.Choice
	if !has(form.NameField) {
		out = append(out, shell.Choice{Value: form.NameField, Label: r.P.T("forms.field.name")})
	}
	for _, a := range b.attributes {
		if !has(a.Name) {
			out = append(out, shell.Choice{Value: a.Name, Label: a.Name})
		}
	}
	return out
}

func long(text string) bool {
	return text == "intro" || text == "consent" || text == "sent" || text == "done" || text == "withdraw" || text == "already" || text == "greeting"
}

func needed(text string) bool {
	return text == "title" || text == "consent" || text == "button" || text == "withdraw"
}

func share(r *shell.Request, t form.Tally) string {
	if t.All() == 0 {
		return ""
	}
	return r.P.Percent(float64(t.Confirmed) / float64(t.All()))
}

func versionRows(r *shell.Request, f form.Form, all []form.Version) [][]shell.Component {
	var out [][]shell.Component
	for _, v := range all {
		name := shell.A(at(f.ID, "/versions/"+dec(v.ID)), r.P.T("forms.version.number", "number", v.Number))
		if v.ID == f.CurrentID {
			name = shell.A(at(f.ID, "/versions/"+dec(v.ID)), r.P.T("forms.version.served", "number", v.Number))
		}
		out = append(out, []shell.Component{name, shell.When(v.PublishedAt), shell.Code(hex.EncodeToString(v.Sha256)[:16] + "…")})
	}
	return out
}

// query is the page's choice, for the file of the same.
func query(r *shell.Request) string {
	if q := r.R.URL.RawQuery; q != "" {
		return "?" + q
	}
	return ""
}

// here marks the link to what is shown already.
func here(now bool) templ.Attributes {
	if now {
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}
