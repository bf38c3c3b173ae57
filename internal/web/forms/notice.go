// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// note is what the page of a privacy note shows.
type note struct {
	n        notice.Notice
	gaps     []notice.Gap
	versions []notice.Version
	fresh    bool // the draft says what is published
	account  int64
	texts    []notice.Text // the draft as people would read it
}

func noteAt(id int64, rest string) string { return fmt.Sprintf("/privacy/notices/%d%s", id, rest) }

func (p *Pages) notices(r *shell.Request) error {
	var all []notice.Notice
	if err := p.view(r, func(v *store.View) (err error) { all, err = notice.All(v); return err }); err != nil {
		return err
	}
	t := shell.Table{Caption: r.P.T("forms.notices"), List: r.List(shell.ListSpec{}), Total: int64(len(all)),
		Columns: []shell.Column{{Label: r.P.T("forms.name")}, {Label: r.P.T("forms.state")}, {Label: r.P.T("forms.version"), End: true}, {Label: r.P.T("forms.updated"), Quiet: true}},
		Empty:   shell.EmptyState{Icon: "shield-lock", Title: r.P.T("forms.notices.empty"), Text: r.P.T("forms.notices.empty.text")}}
	for _, n := range all {
		state := shell.Badge(shell.Quiet, r.P.T("forms.state.draft"))
		if n.CurrentID != 0 {
			state = shell.Badge(shell.Good, r.P.T("forms.state.published"))
		}
		t.Rows = append(t.Rows, shell.Row{Link: noteAt(n.ID, ""), Cells: []shell.Component{shell.Str(n.Name), state, shell.Num(n.Number), shell.When(n.UpdatedAt)}})
	}
	return r.Render(http.StatusOK, noticesPage(r, t))
}

// noticeNewPost drafts a note from what the account said about itself.
func (p *Pages) noticeNewPost(r *shell.Request) error {
	var id int64
	err := p.write(r, func(tx *store.Tx) error {
		a, err := account.Get(tx)
		if err != nil {
			return err
		}
		purposes, err := list.Purposes(tx)
		if err != nil {
			return err
		}
		var words []notice.Words
		for _, x := range purposes {
			if x.RetiredAt == 0 {
				w := notice.Words{}
				for _, l := range locale.Languages() {
					if w[l] = x.Public.In(l); w[l] == "" {
						w[l] = x.Name
					}
				}
				words = append(words, w)
			}
		}
		rules, err := rulepack.For(tx)
		if err != nil {
			return err
		}
		id, err = notice.Make(tx, r.P.T("forms.notice.first"), notice.Begin(notice.Answers{Name: a.Name, Postal: a.Postal, Country: a.Country, Language: a.Language,
			DataName: a.DataName.Raw(), DataEmail: a.DataEmail.Raw(), // disclosed: the note names who answers data questions (GDPR 13(1)(b))
			Purposes: words, Sending: string(a.Sending)}, rules))
		return err
	})
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, noteAt(id, ""), "forms.notice.made")
}

func (p *Pages) read(r *shell.Request, id int64) (n note, err error) {
	err = p.view(r, func(v *store.View) (err error) {
		n.account = v.Account()
		if n.n, err = notice.Find(v, id); err != nil {
			return err
		}
		n.gaps = notice.Gaps(n.n.Draft)
		if n.versions, err = notice.Versions(v, id); err != nil {
			return err
		}
		for _, lang := range n.n.Draft.Languages {
			if locale.Known(lang) {
				n.texts = append(n.texts, notice.Write(n.n.Draft, lang))
			}
		}
		if n.n.CurrentID == 0 {
			return nil
		}
		cur, err := notice.Get(v, n.n.CurrentID)
		n.fresh = len(cur.Texts) == len(n.texts)
		for _, t := range n.texts {
			n.fresh = n.fresh && string(cur.In(t.Language).Sha256) == string(t.Sha256)
		}
		return err
	})
	return n, err
}

func (p *Pages) notice(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	n, err := p.read(r, id)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, noticePage(r, n, fillNote(n.n)))
}

// rows is how many lines of a kind the page shows: those that are there, and an empty one.
func rows(have int) []int {
	out := make([]int, have+1)
	for i := range out {
		out[i] = i
	}
	return out
}

func fillNote(x notice.Notice) *shell.Form {
	n := x.Draft
	f := shell.NewForm("name", x.Name, "version", dec(x.Version), "controller", n.Controller.Name, "postal", n.Controller.Postal, "country", n.Controller.Country,
		"email", n.Controller.Email, "phone", n.Controller.Phone, "contact_name", n.Contact.Name, "contact", n.Contact.Email, "policy", n.Policy,
		"kept", dec(int64(n.Kept.Months)), "proof", dec(int64(n.Kept.ProofMonths)))
	if n.Contact.DPO {
		f.Values.Set("dpo", "1")
	}
	for _, l := range n.Languages {
		f.Values.Add("lang", l)
	}
	words := func(name string, w notice.Words) {
		for _, l := range locale.Languages() {
			f.Values.Set(name+"."+l, w.In(l))
		}
	}
	words("needed", n.Needed)
	words("more", n.More)
	words("why", n.Kept.Why)
	for i, y := range n.Purposes {
		words(numbered("purpose", i), y.Name)
		words(numbered("interest", i), y.Why)
		f.Values.Set(numbered("basis", i), y.Basis)
		f.Values.Set(numbered("asked", i), y.Asked)
	}
	for i, y := range n.Recipients {
		f.Values.Set(numbered("recipient", i), y.Name)
		f.Values.Set(numbered("recipient_country", i), y.Country)
		words(numbered("does", i), y.Does)
	}
	for i, y := range n.Transfers {
		f.Values.Set(numbered("to", i), y.To)
		f.Values.Set(numbered("to_country", i), y.Country)
		f.Values.Set(numbered("mechanism", i), y.Mechanism)
	}
	return f
}

func numbered(name string, i int) string { return name + "." + strconv.Itoa(i) }

// most is how many lines of a kind a post may bring.
const most = 40

func takeNote(f *shell.Form, was notice.Note) notice.Note {
	n := notice.Note{Controller: notice.Controller{Name: f.Get("controller"), Postal: f.Get("postal"), Country: f.Get("country"), Email: f.Get("email"), Phone: f.Get("phone")},
		Contact: notice.Contact{DPO: f.Checked("dpo"), Name: f.Get("contact_name"), Email: f.Get("contact")}, Policy: f.Get("policy")}
	for _, l := range append(slices.Clone(was.Languages), locale.Languages()...) {
		if f.Has("lang", l) && !slices.Contains(n.Languages, l) {
			n.Languages = append(n.Languages, l)
		}
	}
	months := func(name string) int {
		m, _ := f.Int(name)
		return int(max(0, min(m, 1200)))
	}
	n.Kept.Months, n.Kept.ProofMonths = months("kept"), months("proof")
	words := func(name string) notice.Words {
		w := notice.Words{}
		for _, l := range locale.Languages() {
			if s := f.Get(name + "." + l); s != "" {
				w[l] = s
			}
		}
		return w
	}
	n.Needed, n.More, n.Kept.Why = words("needed"), words("more"), words("why")
	for i := range most {
		if w := words(numbered("purpose", i)); len(w) > 0 {
			n.Purposes = append(n.Purposes, notice.Purpose{Name: w, Basis: f.Get(numbered("basis", i)), Why: words(numbered("interest", i)), Asked: f.Get(numbered("asked", i))})
		}
		if s := f.Get(numbered("recipient", i)); s != "" {
			n.Recipients = append(n.Recipients, notice.Recipient{Name: s, Country: f.Get(numbered("recipient_country", i)), Does: words(numbered("does", i))})
		}
		if s := f.Get(numbered("to", i)); s != "" {
			n.Transfers = append(n.Transfers, notice.Transfer{To: s, Country: f.Get(numbered("to_country", i)), Mechanism: f.Get(numbered("mechanism", i))})
		}
	}
	return n
}

func (p *Pages) noticePost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(256 << 10)
	if err != nil {
		return err
	}
	n, err := p.read(r, id)
	if err != nil {
		return err
	}
	version, _ := f.Int("version")
	err = p.write(r, func(tx *store.Tx) error { return notice.Edit(tx, id, version, f.Get("name"), takeNote(f, n.n.Draft)) })
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, noticePage(r, n, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, noteAt(id, ""), "forms.saved")
}

func (p *Pages) noticePublishPost(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	f, err := r.Form(8 << 10)
	if err != nil {
		return err
	}
	version, _ := f.Int("version")
	var v notice.Version
	err = p.write(r, func(tx *store.Tx) (err error) { v, err = notice.Publish(tx, id, version); return err })
	if fault.Is(err, fault.Invalid) {
		return r.RedirectWarning(noteAt(id, ""), "forms.notice.refused")
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, noteAt(id, ""), "forms.notice.published", "number", v.Number)
}

// noticeVersion shows a version, and what it changed.
func (p *Pages) noticeVersion(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	number, err := r.ID("number")
	if err != nil {
		return err
	}
	var n notice.Notice
	var v, before notice.Version
	err = p.view(r, func(view *store.View) (err error) {
		if n, err = notice.Find(view, id); err != nil {
			return err
		}
		if v, err = notice.Numbered(view, id, number); err != nil || number == 1 {
			return err
		}
		before, err = notice.Numbered(view, id, number-1)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, noticeVersionPage(r, n, v, before))
}

// change is a line that came or went.
type change struct {
	came bool
	text string
}

// changes compares two texts by their lines: what came, what went.
func changes(before, after string) []change {
	have := func(s string) map[string]bool {
		m := map[string]bool{}
		for l := range strings.Lines(s) {
			m[strings.TrimSpace(l)] = true
		}
		return m
	}
	old, now := have(before), have(after)
	var out []change
	for _, x := range []struct {
		text   string
		other  map[string]bool
		became bool
	}{{before, now, false}, {after, old, true}} {
		for l := range strings.Lines(x.text) {
			if l = strings.TrimSpace(l); l != "" && !x.other[l] {
				out = append(out, change{x.became, l})
			}
		}
	}
	return out
}

func baseChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, b := range notice.Bases() {
		out = append(out, shell.Choice{Value: b, Label: r.P.T("forms.basis." + b)})
	}
	return out
}

func mechanismChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, m := range notice.Mechanisms() {
		out = append(out, shell.Choice{Value: m, Label: r.P.T("notice.mechanism." + m)})
	}
	return out
}

func countryChoices(r *shell.Request) []shell.Choice {
	var out []shell.Choice
	for _, c := range account.Countries(r.P.Lang) {
		out = append(out, shell.Choice{Value: c.Code, Label: c.Name})
	}
	return out
}
