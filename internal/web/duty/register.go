// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/list"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// RegisterPages show the consent register: what was said, shown or claimed about everybody, as
// the ledger has it. The question stands in the address, so that a view can be kept.
type RegisterPages struct{ DB *store.DB }

const registerPath = "/privacy/register"

// Routes is the room's part of the access table.
func (p *RegisterPages) Routes() []shell.Route {
	return []shell.Route{{Method: http.MethodGet, Pattern: registerPath, Permission: shell.PrivacyRead, Shows: shell.ShowsPerson, Handler: p.register}}
}

const registerRows = 50

// registerFilters are the names of the filters in the address.
var registerFilters = []string{"list", "purpose", "kind", "state", "basis", "grade", "source", "from", "to", "import"}

// registered is what the page shows.
type registered struct {
	form     *shell.Form
	asked    consent.Question
	lines    []consent.Line
	next     consent.Place
	lists    []list.List
	purposes []list.Purpose
}

func (p *RegisterPages) register(r *shell.Request) error {
	out := registered{form: shell.NewForm()}
	for _, n := range registerFilters {
		if v := r.Q(n); v != "" {
			out.form.Values.Set(n, v)
		}
	}
	after, err := placeOf(r.Q("after"))
	if err != nil {
		return err
	}
	out.asked = registerQuestion(r, out.form)
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if out.lists, err = list.All(v); err != nil {
			return err
		}
		if out.purposes, err = list.Purposes(v); err != nil || !out.form.OK() {
			return err
		}
		out.lines, out.next, err = consent.Register(v, out.asked, after, registerRows)
		return err
	})
	if err != nil {
		return err
	}
	look := trace.Looked{Object: "register", Filter: r.R.URL.RawQuery}
	for i, l := range out.lines { // those of a person stand together
		if i == 0 || out.lines[i-1].ContactID != l.ContactID {
			look.Contacts = append(look.Contacts, l.ContactID)
		}
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, look); err != nil {
		return err
	}
	return r.Render(http.StatusOK, registerPage(r, out))
}

// registerQuestion reads what is asked. What names nothing finds nothing: only a day that is
// none, and a number that is none, are said to be wrong.
func registerQuestion(r *shell.Request, f *shell.Form) consent.Question {
	q := consent.Question{Kind: consent.Kind(f.Get("kind")), State: consent.Status(f.Get("state")), Basis: consent.Basis(f.Get("basis")),
		Grade: consent.Grade(f.Get("grade")), Source: f.Get("source")}
	for name, to := range map[string]*int64{"list": &q.List, "purpose": &q.Purpose, "import": &q.Import} {
		if s := f.Get(name); s != "" {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n <= 0 {
				f.Fail(name, "web_register.unknown")
			}
			*to = n
		}
	}
	q.From, q.To = days(r, f)
	if q.From != 0 && q.To != 0 && q.To <= q.From {
		f.Fail("to", "evidence.export.period")
	}
	return q
}

// days reads a period of whole days in the account's zone, the last one included.
func days(r *shell.Request, f *shell.Form) (from, to legalclock.Moment) {
	for name, at := range map[string]*legalclock.Moment{"from": &from, "to": &to} {
		s := f.Get(name)
		if s == "" {
			continue
		}
		d, err := legalclock.ParseDate(s)
		if err != nil {
			f.Fail(name, "web_exports.date")
			continue
		}
		if *at = d.Start(r.Zone); name == "to" {
			*at = d.End(r.Zone)
		}
	}
	return from, to
}

// placeOf reads where a page goes on.
func placeOf(s string) (at consent.Place, err error) {
	if s == "" {
		return at, nil
	}
	parts := strings.Split(s, ".")
	for i, to := range []*int64{&at.Contact, &at.List, &at.Seq} {
		if len(parts) != 3 {
			return at, fault.New(fault.NotFound, "shell.not_found")
		}
		if *to, err = strconv.ParseInt(parts[i], 10, 64); err != nil || *to < 0 {
			return at, fault.New(fault.NotFound, "shell.not_found")
		}
	}
	return at, nil
}

// next is where the page goes on, in its address.
func (g registered) nextPlace() string {
	if g.next == (consent.Place{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", g.next.Contact, g.next.List, g.next.Seq)
}

// exportLabel says so where the bundle holds more people than the page: it knows list, purpose and days alone.
func (g registered) exportLabel() string {
	for _, n := range []string{"kind", "state", "basis", "grade", "source", "import"} {
		if g.form.Get(n) != "" {
			return "web_register.export.all"
		}
	}
	return "web_register.export"
}

// export is the page that bundles the proofs of those asked for: of their list or purpose, and days.
func (g registered) export() string {
	v := url.Values{}
	for _, n := range []string{"list", "purpose", "from", "to"} {
		if s := g.form.Get(n); s != "" && (n != "purpose" || g.asked.List == 0) {
			v.Set(n, s)
		}
	}
	if len(v) == 0 {
		return "/privacy/exports"
	}
	return "/privacy/exports?" + v.Encode()
}

func registerRow(r *shell.Request, l consent.Line) shell.Row {
	what := shell.Str(r.P.T("people.event." + string(l.Kind)))
	if !l.Verdict.OK() {
		what = twoLines(what, shell.Badge(shell.Bad, r.P.T("people.verdict."+string(l.Verdict))))
	} else if l.Verdict == consent.Recorded {
		what = twoLines(what, shell.Badge(shell.Quiet, r.P.T("people.verdict.recorded")))
	}
	proof := shell.Code(strconv.FormatInt(l.EntryID, 10))
	if r.May(shell.ContactsExport) {
		proof = shell.A(fmt.Sprintf("/contacts/%d/proof", l.ContactID), r.P.T("people.proof"))
	}
	return shell.Row{Link: fmt.Sprintf("/contacts/%d/consent", l.ContactID), Cells: []shell.Component{shell.Str(l.Email.Raw()), what,
		twoLines(shell.Str(l.ListName), shell.Soft(purposeBeside(l.ListName, l.PurposeName))), restsCell(r, l), shell.Str(r.P.Or("web_register.source."+l.Source, l.Source)), shell.When(l.RecordedAt), proof}}
}

// restsCell is why the person may be written to, and how well it is shown.
func restsCell(r *shell.Request, l consent.Line) shell.Component {
	if l.Basis == "" {
		return shell.Soft("—")
	}
	grade := r.P.T("people.grade.none")
	if l.Grade != consent.Ungraded {
		grade = string(l.Grade) + " · " + r.P.T("people.grade."+strings.ToLower(string(l.Grade)))
	}
	return twoLines(shell.Str(r.P.T("people.basis."+string(l.Basis))), shell.Soft(grade))
}

func registerTable(r *shell.Request, g registered) shell.Table {
	t := shell.Table{Caption: r.P.T("web_register.title"), List: r.List(shell.ListSpec{Size: registerRows, Filters: registerFilters}), Total: -1, Next: g.nextPlace(),
		Columns: []shell.Column{{Label: r.P.T("people.email")}, {Label: r.P.T("web_register.what")}, {Label: r.P.T("people.list")}, {Label: r.P.T("people.why")},
			{Label: r.P.T("web_register.source")}, {Label: r.P.T("web_register.when"), Quiet: true}, {Label: r.P.T("people.proof"), Quiet: true}}}
	for _, l := range g.lines {
		t.Rows = append(t.Rows, registerRow(r, l))
	}
	return t
}

// registerChoices are words for the values of a filter.
func registerChoices[T ~string](values []T, word func(string) string) []shell.Choice {
	out := make([]shell.Choice, len(values))
	for i, v := range values {
		out[i] = shell.Choice{Value: string(v), Label: word(string(v))}
	}
	return out
}

func listChoices(lists []list.List) []shell.Choice {
	var out []shell.Choice
	for _, l := range lists {
		out = append(out, shell.Choice{Value: strconv.FormatInt(l.ID, 10), Label: l.Name})
	}
	return out
}

// purposeBeside is a list's purpose where it says more than the list's name.
func purposeBeside(list, purpose string) string {
	if purpose == list {
		return ""
	}
	return purpose
}

func purposeChoices(purposes []list.Purpose) []shell.Choice {
	var out []shell.Choice
	for _, p := range purposes {
		out = append(out, shell.Choice{Value: strconv.FormatInt(p.ID, 10), Label: p.Name})
	}
	return out
}
