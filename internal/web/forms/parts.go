// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"encoding/hex"
	"slices"

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
	return r.P.Or("locale.name."+lang, lang)
}

// whatName gives the name of a text of the form; fields and lists are called as they are.
func whatName(r *shell.Request, what string) string {
	if slices.Contains(texts(), what) {
		return r.P.T("forms.text." + what)
	}
	return what
}

func languageChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, l := range locale.Languages() {
		out = append(out, shell.Choice{Value: l, Label: r.P.T("locale.name." + l)})
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
	return text == "intro" || text == "consent" || text == "sent" || text == "done" || text == "withdraw"
}

func needed(text string) bool { return text != "intro" && text != "sent" && text != "done" }

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
