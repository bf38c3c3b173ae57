// SPDX-License-Identifier: AGPL-3.0-or-later

// Package shell promises that every page of Consend looks and behaves alike: the
// same navigation, forms, tables and errors, in the reader's language and the
// account's zone, for people with a phone, a keyboard, a screen reader or no script;
// and that nobody reaches a page except by a line of the access table.
//
// It leaves to the rooms of web what the pages say, and to the rooms below what is
// decided. It knows no database.
//
// # A room's page
//
// A room of web is a struct with what its handlers need, a list of routes, handlers
// beside templ files (contact_correct.go + contact_correct.templ), and words in
// internal/ground/locale/catalogue/<room>.en.toml and .fr.toml. After editing a
// templ file run script/templ.sh and commit the *_templ.go.
//
//	package people
//
//	type Pages struct{ DB *store.DB }
//
//	func (p *Pages) Routes() []shell.Route {
//		return []shell.Route{
//			{Method: "GET", Pattern: "/contacts", Permission: shell.ContactsRead, Shows: shell.ShowsPerson, Handler: p.contacts},
//			{Method: "GET", Pattern: "/contacts/{id}/correct", Permission: shell.ContactsWrite, Shows: shell.ShowsPerson, Handler: p.contactCorrect},
//			{Method: "POST", Pattern: "/contacts/{id}/correct", Permission: shell.ContactsWrite, Trace: []string{"contact.correct"}, Handler: p.contactCorrectPost},
//		}
//	}
//
//	// A form: GET shows it …
//	func (p *Pages) contactCorrect(r *shell.Request) error {
//		id, err := r.ID("id") // a bad id is "not found"
//		if err != nil {
//			return err
//		}
//		var c contact.Contact
//		if err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) { c, err = contact.Get(v, id); return }); err != nil {
//			return err // any fault becomes its page, in the reader's language
//		}
//		return r.Render(http.StatusOK, contactCorrectPage(r, id, shell.NewForm("email", c.Email.Raw())))
//	}
//
//	// … POST acts, and shows it again with what is wrong, or leads on with a sentence.
//	func (p *Pages) contactCorrectPost(r *shell.Request) error {
//		id, err := r.ID("id")
//		if err != nil {
//			return err
//		}
//		f, err := r.Form(16 << 10) // bytes; more is refused before parsing
//		if err != nil {
//			return err
//		}
//		if f.Get("email") == "" {
//			f.Fail("email", "people.email.missing") // field, key: shown at the field and in the summary
//		}
//		if f.OK() {
//			err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return contact.Correct(tx, id, f.Get("email")) })
//		}
//		if f.Take(err) || !f.OK() { // the verb's fault.Invalid(…).At("email") lands at the field too
//			return r.Render(http.StatusUnprocessableEntity, contactCorrectPage(r, id, f))
//		}
//		if err != nil {
//			return err
//		}
//		return r.Redirect(http.StatusSeeOther, fmt.Sprintf("/contacts/%d", id), "people.correct.done")
//	}
//
// and contact_correct.templ:
//
//	templ contactCorrectPage(r *shell.Request, id int64, f *shell.Form) {
//		@shell.Layout(r, shell.Page{
//			Title:  r.P.T("people.correct.title"),
//			Lead:   r.P.T("people.correct.lead"),
//			Crumbs: []shell.Link{{Label: r.P.T("nav.contacts"), URL: "/contacts"}},
//			Form:   f, // faults are summed up on top, with links to their fields
//		}) {
//			@shell.Panel("") {
//				<form method="post">
//					@shell.Input(f, shell.Field{Name: "email", Label: r.P.T("people.email"), Type: "email", Required: true, Autocomplete: "off"})
//					@shell.Radios(f, shell.Field{Name: "why", Label: r.P.T("people.correct.why"), Required: true, Choices: []shell.Choice{
//						{Value: "asked", Label: r.P.T("people.why.asked"), Hint: r.P.T("people.why.asked.hint")},
//						{Value: "typo", Label: r.P.T("people.why.typo")},
//					}})
//					@shell.Submit(r.P.T("people.correct.do"), fmt.Sprintf("/contacts/%d", id))
//				</form>
//			}
//		}
//	}
//
// A table page reads its question from the address, so that every view is a bookmark:
//
//	l := r.List(shell.ListSpec{Sorts: []string{"-created", "email"}, Filters: []string{"state"}})
//	rows, total := … l.Search, l.Sort, l.Desc, l.Filter("state"), l.Size, l.Offset() (or the keyset cursor l.After)
//	t := shell.Table{
//		Caption: r.P.T("nav.contacts"), List: l, Total: total, // -1 when not counted: set More or Next
//		Search:  r.P.T("people.search"),
//		Columns: []shell.Column{{Label: r.P.T("people.email"), Sort: "email"}, {Label: r.P.T("people.state")}, {Label: r.P.T("people.created"), Sort: "created", Quiet: true}},
//		Filters: []shell.Filter{{Name: "state", Label: r.P.T("people.state"), Choices: []shell.Choice{{Value: "given", Label: r.P.T("state.given")}}}},
//		Bulk:    &shell.Bulk{All: true, Buttons: []shell.BulkButton{{Path: "/contacts/list", Label: r.P.T("people.bulk.list"), Icon: "list"}}},
//		Empty:   shell.EmptyState{Icon: "users", Title: …, Text: …, Action: shell.Link{Label: …, URL: "/import"}, Help: shell.Link{…}},
//	}
//	for _, c := range rows {
//		t.Rows = append(t.Rows, shell.Row{ID: strconv.FormatInt(c.ID, 10), Label: c.Email.Raw(), Link: fmt.Sprintf("/contacts/%d", c.ID),
//			Cells: []shell.Component{shell.Str(c.Email.Raw()), shell.Badge(shell.Good, r.P.T("state.given")), shell.Day(c.CreatedAt)}})
//	}
//	… in templ: @shell.ListTable(t)
//
// The POST of a bulk button finds f.IDs("id"), f.Checked("all"), and the question in
// the hidden value "query" (url.ParseQuery; RestoreList makes it a List again).
//
// Running work: Page{Refresh: 3} and @shell.Progress(shell.Bar{…}); further parts
// that change stand in @shell.Live("name") { … }. Leave Refresh 0 once it has ended.
// What takes long and changes nothing, such as a count over a long list: Page{Then: the same page with
// it}; the page stands at once, and what is in shell.Live is put in when it is there.
//
// A page for strangers is Public: true, verifies its token, binds the account, and
// uses @shell.Public: no script, no cookie, no flash; a POST answers with a page or
// redirects to an address that says what happened.
//
//	{Method: "GET", Pattern: "/u/{token}", Public: true, Handler: p.unsubscribe}
//	{Method: "POST", Pattern: "/u/{token}", Public: true, CrossSite: true, Trace: …} // RFC 8058
//
//	r.Bind(shell.Account{ID: …, Name: …, Language: "fr", Zone: zone, Colour: "#0f766e", Footer: …, Privacy: …}, contactLanguage)
//
// # Rules
//
// No inline style or script, no onclick, no style="…": the policy forbids them and
// the browser drops them. Widths come from classes, <progress>, or SVG attributes. GET
// decides nothing. Every sentence is a key. Buttons act (POST), links lead. Words
// stand beside each colour and icon. Icons are those of assets/icons.txt.
package shell
