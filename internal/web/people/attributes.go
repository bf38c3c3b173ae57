// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/web/shell"
)

// attributeList shows what is noted about people, and what the account said about it.
func (p *Pages) attributeList(r *shell.Request) error {
	var all []contact.Attribute
	if err := p.view(r, func(v *store.View) (err error) { all, err = contact.EveryAttribute(v); return err }); err != nil {
		return err
	}
	return r.Render(http.StatusOK, attributesPage(r, all))
}

func (p *Pages) attributeNew(r *shell.Request) error {
	return r.Render(http.StatusOK, attributePage(r, contact.Attribute{}, shell.NewForm("type", string(contact.TypeText)), 0))
}

const attributeBody = 64 << 10

// readAttribute reads what was declared. An answer not given stays open: the account is asked again.
func readAttribute(f *shell.Form) contact.Attribute {
	a := contact.Attribute{Name: f.Get("name"), Type: contact.Type(f.Get("type")), Label: f.Get("label"), Purpose: f.Get("purpose")}
	for _, c := range strings.Split(f.Raw("choices"), "\n") {
		a.Choices = append(a.Choices, c)
	}
	switch f.Get("sensitive") {
	case "yes":
		a.Sensitive, a.Special = contact.Declared, contact.Special(f.Get("special"))
	case "no":
		a.Sensitive = contact.DeclaredPlain
	}
	if s := f.Get("keep_days"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if a.KeepDays = n; err != nil {
			a.KeepDays = -1 // refused with its words
		}
	}
	if a.Type != contact.TypeChoice && a.Type != contact.TypeMultiple {
		a.Choices = nil
	}
	return a
}

func (p *Pages) attributeNewPost(r *shell.Request) error {
	f, err := r.Form(attributeBody)
	if err != nil {
		return err
	}
	a := readAttribute(f)
	if _, looks := contact.LooksLike(a.Name, a.Label); looks && a.Sensitive == contact.NotAsked {
		f.Fail("sensitive", "attributes.answer")
	}
	if f.Get("purpose") == "" { // GDPR 5(1)(b): an import may note without, and is asked afterwards
		f.Fail("purpose", "attributes.purpose.missing")
	}
	if !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, attributePage(r, contact.Attribute{}, f, 0))
	}
	err = p.write(r, func(tx *store.Tx) error { _, err := contact.MakeAttribute(tx, a); return err })
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, attributePage(r, contact.Attribute{}, f, 0))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/attributes", "attributes.saved")
}

// ahead is how many days a page looks ahead at values that end.
const ahead = 30

// theAttribute finds the attribute a page is about, and of how many people its value ends soon.
func (p *Pages) theAttribute(r *shell.Request) (a contact.Attribute, leaving int64, err error) {
	id, err := r.ID("id")
	if err != nil {
		return a, 0, err
	}
	err = p.view(r, func(v *store.View) (err error) {
		if a, err = contact.GetAttribute(v, id); err == nil {
			leaving, err = contact.Leaving(v, a, ahead)
		}
		return err
	})
	return a, leaving, err
}

// attributeFacts are what stays of an attribute, and when its values end.
func attributeFacts(r *shell.Request, a contact.Attribute, leaving int64) []shell.Fact {
	out := []shell.Fact{{Label: r.P.T("attributes.name"), Text: a.Name, Hint: r.P.T("attributes.name.stays")}, {Label: r.P.T("attributes.type"), Text: r.P.T("attributes.type." + string(a.Type))}}
	if a.KeepDays == 0 {
		return append(out, shell.Fact{Label: r.P.T("attributes.kept"), Text: r.P.T("attributes.kept.contact")})
	}
	f := shell.Fact{Label: r.P.T("attributes.kept"), Text: r.P.N("attributes.kept.ends", int(a.KeepDays))}
	switch {
	case a.From() > r.Now():
		f.Hint = r.P.T("attributes.kept.from", "day", r.P.Date(a.From()))
	case leaving >= contact.LeavingMost:
		f.Hint = r.P.T("attributes.kept.many", "n", r.P.Number(leaving))
	default:
		f.Hint = r.P.N("attributes.kept.soon", int(leaving))
	}
	return append(out, f)
}

func (p *Pages) attribute(r *shell.Request) error {
	a, leaving, err := p.theAttribute(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("version", dec(a.Version), "label", a.Label, "purpose", a.Purpose, "choices", strings.Join(a.Choices, "\n"), "sensitive", answered(a), "special", string(a.Special))
	if a.KeepDays > 0 {
		f.Values.Set("keep_days", dec(a.KeepDays))
	}
	return r.Render(http.StatusOK, attributePage(r, a, f, leaving))
}

// answered is what the account said about a sensitivity; "" is nothing yet.
func answered(a contact.Attribute) string {
	switch a.Sensitive {
	case contact.Declared:
		return "yes"
	case contact.DeclaredPlain:
		return "no"
	}
	return ""
}

func (p *Pages) attributePost(r *shell.Request) error {
	was, leaving, err := p.theAttribute(r)
	if err != nil {
		return err
	}
	f, err := r.Form(attributeBody)
	if err != nil {
		return err
	}
	f.Values.Set("type", string(was.Type))
	a := readAttribute(f)
	version, _ := f.Int("version")
	err = p.write(r, func(tx *store.Tx) error { return contact.ChangeAttribute(tx, was.ID, version, a) })
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, attributePage(r, was, f, leaving))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/attributes", "attributes.saved")
}

// attributeRows is the table: how people see it, its name, its kind, why, how long, how sensitive.
func attributeRows(r *shell.Request, all []contact.Attribute) [][]shell.Component {
	var rows [][]shell.Component
	for _, a := range all {
		if a.RetiredAt != 0 {
			continue
		}
		kept := r.P.T("attributes.kept.contact")
		if a.KeepDays > 0 {
			kept = r.P.N("segments.days", int(a.KeepDays))
		}
		rows = append(rows, []shell.Component{shell.A("/attributes/"+dec(a.ID), labelOf(a)), shell.Str(a.Name), shell.Str(r.P.T("attributes.type." + string(a.Type))),
			purposeCell(r, a), shell.Str(kept), sensitiveBadge(r, a)})
	}
	return rows
}

// labelOf is how people see an attribute.
func labelOf(a contact.Attribute) string {
	if a.Label != "" {
		return a.Label
	}
	return a.Name
}

// purposeCell is what an attribute is for, or the question (GDPR 5(1)(b)).
func purposeCell(r *shell.Request, a contact.Attribute) shell.Component {
	if a.Purpose == "" {
		return shell.Badge(shell.Waiting, r.P.T("attributes.purpose.open"))
	}
	return shell.Str(a.Purpose)
}

func sensitiveBadge(r *shell.Request, a contact.Attribute) shell.Component {
	switch {
	case a.Sensitive == contact.LooksSo:
		return shell.Badge(shell.Waiting, r.P.T("attributes.sensitive.open"))
	case a.Sensitive == contact.Declared && a.Special == contact.NoSpecial:
		return shell.Badge(shell.Bad, r.P.T("attributes.sensitive.bare"))
	case a.Sensitive == contact.Declared:
		return shell.Badge(shell.Info, r.P.T("attributes.special."+string(a.Special)))
	}
	return shell.Str("")
}

func typeChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, t := range contact.Types() {
		out = append(out, shell.Choice{Value: string(t), Label: r.P.T("attributes.type." + string(t))})
	}
	return out
}

func specialChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, s := range contact.Specials() {
		out = append(out, shell.Choice{Value: string(s), Label: r.P.T("attributes.special." + string(s)), Hint: r.P.T("attributes.special." + string(s) + ".hint")})
	}
	return out
}

// question asks plainly what a name sounds like; "" when it sounds like nothing.
func question(r *shell.Request, a contact.Attribute, f *shell.Form) string {
	if m, looks := contact.LooksLike(a.Name, f.Get("name"), f.Get("label")); looks {
		return r.P.T("attributes.ask", "matter", r.P.T("attributes.matter."+string(m)))
	}
	return ""
}

func chooses(a contact.Attribute) bool {
	return a.ID == 0 || slices.Contains([]contact.Type{contact.TypeChoice, contact.TypeMultiple}, a.Type)
}
