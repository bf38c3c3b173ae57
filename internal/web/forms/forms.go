// SPDX-License-Identifier: AGPL-3.0-or-later

// Package forms shows members their sign-up forms and privacy notes: build, check, publish,
// share, and see who signed up. What a form may say is people/form's; what its visitors see
// is web/public's.
package forms

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"consend/internal/ground/config"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// Pages are the pages of forms and notes.
type Pages struct {
	DB   *store.DB
	Site *config.Site
}

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	get := func(path string, perm shell.Permission, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: "GET", Pattern: path, Permission: perm, Handler: h}
	}
	post := func(path string, perm shell.Permission, h func(*shell.Request) error, trace ...string) shell.Route {
		return shell.Route{Method: "POST", Pattern: path, Permission: perm, Trace: trace, Handler: h}
	}
	preview := get("/forms/{id}/preview", shell.FormsRead, p.preview)
	preview.Frame = shell.FrameOwn
	kept := get("/forms/{id}/versions/{version}/page", shell.FormsRead, p.kept)
	kept.Frame = shell.FrameOwn
	signups := get("/forms/{id}/signups", shell.ContactsRead, p.signups)
	signups.Shows = shell.ShowsPerson
	file := post("/forms/{id}/signups/file", shell.ContactsExport, p.signupsFilePost, trace.LookAction)
	file.Shows, file.Body = shell.ShowsPerson, 4<<10
	return []shell.Route{
		get("/forms/{id}/signups/file", shell.ContactsExport, p.signupsFile),
		file,
		get("/forms", shell.FormsRead, p.forms),
		get("/forms/new", shell.FormsWrite, p.formNew),
		post("/forms/new", shell.FormsWrite, p.formNewPost, "form.make"),
		get("/forms/{id}", shell.FormsRead, p.build),
		post("/forms/{id}", shell.FormsWrite, p.buildPost, "form.edit"),
		post("/forms/{id}/publish", shell.FormsWrite, p.publishPost, "form.publish"),
		post("/forms/{id}/turn", shell.FormsWrite, p.turnPost, "form.close", "form.open", "form.retire", "form.restore"),
		preview,
		get("/forms/{id}/share", shell.FormsRead, p.share),
		get("/forms/{id}/qr.svg", shell.FormsRead, p.qr),
		get("/forms/{id}/qr.png", shell.FormsRead, p.qrPNG),
		signups,
		get("/forms/{id}/versions", shell.FormsRead, p.versions),
		get("/forms/{id}/versions/{version}", shell.FormsRead, p.version),
		kept,
		get("/forms/{id}/versions/{version}/style.css", shell.FormsRead, p.style),
		get("/privacy/notices", shell.PrivacyRead, p.notices),
		post("/privacy/notices", shell.PrivacyWrite, p.noticeNewPost, "notice.make"),
		get("/privacy/notices/{id}", shell.PrivacyRead, p.notice),
		post("/privacy/notices/{id}", shell.PrivacyWrite, p.noticePost, "notice.edit"),
		post("/privacy/notices/{id}/publish", shell.PrivacyWrite, p.noticePublishPost, "notice.publish"),
		get("/privacy/notices/{id}/versions/{number}", shell.PrivacyRead, p.noticeVersion),
	}
}

func (p *Pages) view(r *shell.Request, fn func(*store.View) error) error {
	return p.DB.View(r.Context(), r.Who, fn)
}

func (p *Pages) write(r *shell.Request, fn func(*store.Tx) error) error {
	return p.DB.Write(r.Context(), r.Who, fn)
}

// one reads the form a page is about.
func (p *Pages) one(r *shell.Request) (f form.Form, err error) {
	id, err := r.ID("id")
	if err != nil {
		return f, err
	}
	err = p.view(r, func(v *store.View) (err error) { f, err = form.Find(v, id); return err })
	return f, err
}

func at(id int64, rest string) string { return fmt.Sprintf("/forms/%d%s", id, rest) }

func crumbs(r *shell.Request, f form.Form) []shell.Link {
	return []shell.Link{{Label: r.P.T("nav.forms"), URL: "/forms"}}
}

// tabs are the views of a form.
func tabs(r *shell.Request, f form.Form, now string) []shell.Tab {
	var out []shell.Tab
	for _, t := range []struct{ name, path string }{{"build", ""}, {"share", "/share"}, {"signups", "/signups"}, {"versions", "/versions"}} {
		out = append(out, shell.Tab{Label: r.P.T("forms.tab." + t.name), URL: at(f.ID, t.path), Now: t.name == now})
	}
	return out
}

func stateBadge(r *shell.Request, s form.State) shell.Component {
	tone := shell.Quiet
	switch s {
	case form.Published:
		tone = shell.Good
	case form.Closed:
		tone = shell.Waiting
	}
	return shell.Badge(tone, r.P.T("forms.state."+string(s)))
}

func (p *Pages) forms(r *shell.Request) error {
	var all, away []form.Form
	var tallies map[int64]form.Tally
	var newest map[int64]int64
	err := p.view(r, func(v *store.View) (err error) {
		if all, err = form.All(v); err != nil {
			return err
		}
		if away, err = form.PutAway(v); err != nil {
			return err
		}
		notes, err := notice.All(v)
		newest = map[int64]int64{}
		for _, n := range notes {
			newest[n.ID] = n.CurrentID
		}
		if err != nil {
			return err
		}
		tallies, err = form.Tallies(v)
		return err
	})
	if err != nil {
		return err
	}
	t := shell.Table{
		Caption: r.P.T("nav.forms"), List: r.List(shell.ListSpec{}), Total: int64(len(all)),
		Columns: []shell.Column{{Label: r.P.T("forms.name")}, {Label: r.P.T("forms.state")}, {Label: r.P.T("forms.signups"), End: true},
			{Label: r.P.T("forms.confirmed"), End: true}, {Label: r.P.T("forms.updated"), Quiet: true}},
		Empty: shell.EmptyState{Icon: "forms", Title: r.P.T("forms.empty.title"), Text: r.P.T("forms.empty.text")},
	}
	if r.May(shell.FormsWrite) {
		t.Empty.Action = shell.Link{Label: r.P.T("forms.new"), URL: "/forms/new", Icon: "plus"}
	}
	for _, f := range all {
		x := tallies[f.ID]
		state := stateBadge(r, f.State())
		if f.CurrentID != 0 && newest[f.Draft.Notice] != f.NoteVersion { // compliance R12: flagged until published again
			state = shell.Badge(shell.Waiting, r.P.T("forms.note_old"))
		}
		t.Rows = append(t.Rows, shell.Row{Link: at(f.ID, ""), Cells: []shell.Component{
			shell.Str(f.Name), state, shell.Num(x.All()), shell.Num(x.Confirmed), shell.When(f.UpdatedAt)}})
	}
	return r.Render(http.StatusOK, formsPage(r, t, away))
}

func (p *Pages) formNew(r *shell.Request) error {
	return p.formNewAgain(r, http.StatusOK, shell.NewForm())
}

func (p *Pages) formNewAgain(r *shell.Request, status int, f *shell.Form) error {
	var lists []list.List
	var notes []notice.Notice
	err := p.view(r, func(v *store.View) (err error) {
		if lists, err = list.InUse(v); err != nil {
			return err
		}
		notes, err = notice.All(v)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(status, formNewPage(r, f, mailing(r, lists), len(notes) == 0))
}

// mailing are the lists people can join, as choices.
func mailing(r *shell.Request, lists []list.List) []shell.Choice {
	var out []shell.Choice
	for _, l := range lists {
		if l.Kind == list.Mail {
			out = append(out, shell.Choice{Value: strconv.FormatInt(l.ID, 10), Label: l.Name, Hint: l.PurposeName})
		}
	}
	return out
}

func (p *Pages) formNewPost(r *shell.Request) error {
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	chosen, ok := f.Int("list")
	if !ok {
		f.Fail("list", "forms.choose_list")
	}
	var id int64
	if f.OK() {
		err = p.write(r, func(tx *store.Tx) error {
			l, err := list.Get(tx, chosen)
			if err != nil {
				return err
			}
			a, err := account.Get(tx)
			if err != nil {
				return err
			}
			notes, err := notice.All(tx)
			if err != nil {
				return err
			}
			note := int64(0)
			if len(notes) > 0 {
				note = notes[0].ID
			}
			id, err = form.Make(tx, f.Get("name"), form.Begin(l, a.Language, note, a.Colour))
			return err
		})
	}
	if f.Take(err) || !f.OK() {
		return p.formNewAgain(r, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(id, ""), "forms.made")
}

func (p *Pages) signups(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	l := r.List(signupFilters())
	w, err := which(r, l)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(l.After, 10, 64)
	var rows []form.Signup
	var people []contact.Contact
	var tally form.Tally
	var counts []form.Count
	var days []form.Daily
	var languages []string
	var moved map[int64]legalclock.Moment
	numbers, called := map[int64]int64{}, map[int64]string{}
	err = p.view(r, func(v *store.View) (err error) {
		if rows, err = form.Signups(v, f.ID, before, w, l.Size+1); err != nil {
			return err
		}
		ids := make([]int64, 0, len(rows))
		for _, s := range rows {
			ids = append(ids, s.ContactID)
		}
		if people, err = contact.Some(v, ids); err != nil {
			return err
		}
		if moved, err = move.Last(v, ids); err != nil {
			return err
		}
		if tally, err = form.TallyOf(v, f.ID); err != nil {
			return err
		}
		if called, err = listNames(v); err != nil {
			return err
		}
		all, err := form.Versions(v, f.ID)
		for _, x := range all {
			numbers[x.ID] = x.Number
			for _, l := range x.Definition.Languages {
				if !slices.Contains(languages, l) {
					languages = append(languages, l)
				}
			}
		}
		if err != nil {
			return err
		}
		if days, err = form.ByDay(v, f.ID, v.Now, r.Zone); err != nil {
			return err
		}
		counts, err = form.Counts(v, f.ID, v.Now)
		return err
	})
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > l.Size {
		rows = rows[:l.Size]
		next = strconv.FormatInt(rows[l.Size-1].ID, 10)
	}
	at := map[int64]contact.Contact{}
	var shown []int64
	for _, c := range people {
		at[c.ID] = c
		shown = append(shown, c.ID)
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "form", ObjectID: f.ID, Contacts: shown, Filter: l.Filter("state")}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, signupsPage(r, f, signupTable(r, l, rows, at, moved, numbers, called, next, languages), tally, counts, days))
}

// listNames are what the account calls its lists, those of before too.
func listNames(v *store.View) (map[int64]string, error) {
	all, err := list.All(v)
	out := make(map[int64]string, len(all))
	for _, l := range all {
		out[l.ID] = l.Name
	}
	return out, err
}

// askedFor names the lists that a sign-up asks for or confirmed, an express yes among them.
func askedFor(s form.Signup, called map[int64]string) (out []string) {
	for _, id := range s.Kept() {
		out = append(out, called[id])
	}
	return out
}

func signupTable(r *shell.Request, l shell.List, rows []form.Signup, people map[int64]contact.Contact, moved map[int64]legalclock.Moment, numbers map[int64]int64, called map[int64]string, next string, languages []string) shell.Table {
	t := shell.Table{Caption: r.P.T("forms.tab.signups"), List: l, Total: -1, Next: next,
		Columns: []shell.Column{{Label: r.P.T("forms.signup.address")}, {Label: r.P.T("forms.state")}, {Label: r.P.T("forms.signup.lists")}, {Label: r.P.T("forms.signup.asked")},
			{Label: r.P.T("forms.signup.ended")}, {Label: r.P.T("forms.signup.version"), End: true, Quiet: true}, {Label: r.P.T("forms.signup.language"), Quiet: true}},
		Empty: shell.EmptyState{Icon: "user-plus", Title: r.P.T("forms.signup.empty"), Text: r.P.T("forms.signup.empty.text")}}
	var states []shell.Choice
	for _, s := range form.States() {
		states = append(states, shell.Choice{Value: s, Label: r.P.T("forms.signup.state." + s)})
	}
	t.Filters = []shell.Filter{{Name: "state", Label: r.P.T("forms.state"), Choices: states}}
	if len(languages) > 1 {
		var spoken []shell.Choice
		for _, l := range languages {
			spoken = append(spoken, shell.Choice{Value: l, Label: languageName(r, l)})
		}
		t.Filters = append(t.Filters, shell.Filter{Name: "language", Label: r.P.T("forms.signup.language"), Choices: spoken})
	}
	for _, s := range rows {
		c := people[s.ContactID]
		name := shell.Component(shell.Soft(r.P.T("forms.signup.gone")))
		if c.ID != 0 {
			name = shell.Str(askedAs(r, s, c, moved)) // shown on purpose; the look is traced
		}
		tone, label := shell.Quiet, r.P.T("forms.signup.state."+s.State)
		switch {
		case s.State == "confirmed" && s.Hasty == 1:
			tone, label = shell.Waiting, r.P.T("forms.signup.hasty")
		case s.State == "confirmed":
			tone = shell.Good
		case s.State == "pending":
			tone = shell.Waiting
		}
		link := ""
		if c.ID != 0 {
			link = fmt.Sprintf("/contacts/%d", c.ID)
		}
		t.Rows = append(t.Rows, shell.Row{Link: link, Cells: []shell.Component{name, shell.Badge(tone, label), shell.Str(r.P.Join(askedFor(s, called))), shell.When(s.RequestedAt), shell.When(s.EndedAt), shell.Num(numbers[s.VersionID]), shell.Str(languageName(r, s.Language))}})
	}
	return t
}
