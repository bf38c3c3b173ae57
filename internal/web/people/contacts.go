// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// states are the values of the filter by state: where people stand on a list, then what
// holds for the whole person.
var states = []string{string(consent.Given), string(consent.Requested), string(consent.Waiting), string(consent.Withdrawn), string(consent.Refused),
	string(consent.Expired), "frozen", "objected", "bounced"}

// contactStates are those that hold for the whole person.
var contactStates = map[string]contact.State{"frozen": contact.StateRestricted, "objected": contact.StateObjected, "bounced": contact.StateBounced}

// contactsSpec is what the table of contacts may be asked.
func contactsSpec() shell.ListSpec {
	return shell.ListSpec{Sorts: []string{"-added", "email"}, Filters: []string{"segment", "list", "state", "grade"}}
}

// asked turns the address of the table into a question.
func asked(l shell.List) consent.Query {
	q := consent.Query{Prefix: l.Search, Desc: l.Desc, After: l.After, Size: l.Size, Order: consent.ByNumber}
	fmt.Sscan(l.Filter("list"), &q.List)
	switch s := l.Filter("state"); {
	case contactStates[s] != "":
		q.Contact = contactStates[s]
	case slices.Contains(states, s):
		q.State = consent.Status(s)
	}
	if g := consent.Grade(strings.ToUpper(l.Filter("grade"))); g.Better(consent.Ungraded) && len(g) == 1 && g <= consent.GradeD {
		q.Grade = g
	}
	switch {
	case l.Sort != "email":
	case inTurn(q) || l.Filter("segment") != "":
		q.Desc = true // a sort left in the address tells of another column
	default:
		q.Order = consent.ByEmail
	}
	return q
}

// inTurn tells whether people come as they were added alone: those of a list or of a state.
func inTurn(q consent.Query) bool {
	return (q.List != 0 || q.State != "" || q.Contact != "") && q.Prefix == ""
}

func (p *Pages) contacts(r *shell.Request) error {
	l := r.List(contactsSpec())
	q := asked(l)
	var page consent.Page
	var lists []list.List
	var segments []segment.Segment
	unread := shell.NewForm() // why the segment describes nobody now
	err := p.view(r, func(v *store.View) (err error) {
		if lists, err = list.All(v); err != nil {
			return err
		}
		if segments, err = segment.All(v); err != nil {
			return err
		}
		if id, _ := strconv.ParseInt(l.Filter("segment"), 10, 64); id != 0 {
			if page, err = inSegment(v, id, l, q); unread.Take(err) {
				err = nil
			}
			return err
		}
		page, err = consent.Search(v, q)
		return err
	})
	if err != nil {
		return err
	}
	ids := make([]int64, len(page.People))
	for i, c := range page.People {
		ids[i] = c.ID
	}
	look := trace.Looked{Object: "contacts", Contacts: ids, Filter: r.R.URL.RawQuery}
	if id, _ := strconv.ParseInt(l.Filter("segment"), 10, 64); id != 0 {
		look.Object, look.ObjectID = "segment.people", id
	} else if q.List != 0 {
		look.Object, look.ObjectID = "list", q.List
	}
	if err := p.look(r, look); err != nil {
		return err
	}
	return r.Render(http.StatusOK, contactsPage(r, contactsTable(r, l, q, page, lists, segments), segmentNotes(r, l, unread)))
}

// segmentNotes say why a segment shows nobody (what its conditions name is not in use any more, or can't be used
// yet), and what of the question can't be had within one.
func segmentNotes(r *shell.Request, l shell.List, unread *shell.Form) (out []string) {
	for _, e := range unread.Faults {
		if s := r.P.Fault(e); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if l.Filter("segment") != "" && l.Sort == "email" {
		out = append(out, r.P.T("segments.in_turn"))
	}
	return out
}

// inSegment is a page of a segment's people, in the order of their making, narrowed by all else that is asked.
func inSegment(v *store.View, id int64, l shell.List, q consent.Query) (consent.Page, error) {
	s, err := segment.Get(v, id)
	if err != nil {
		return consent.Page{}, err
	}
	where, err := segment.Where(v, s.Definition)
	if err != nil {
		return consent.Page{}, err
	}
	narrow, args := q.Where()
	where = where.And(segment.Predicate{SQL: narrow, Args: args})
	from, _ := strconv.ParseInt(l.After, 10, 64)
	turn := segment.Oldest
	if q.Desc {
		turn = segment.Newest
	}
	ids, err := turn(v, where, from, l.Size+1)
	if err != nil {
		return consent.Page{}, err
	}
	more := len(ids) > l.Size
	if more {
		ids = ids[:l.Size]
	}
	page, err := consent.PageOf(v, ids)
	if !q.Desc {
		slices.Reverse(page.People)
	}
	if more && err == nil {
		page.Next = dec(ids[len(ids)-1])
	}
	return page, err
}

func contactsTable(r *shell.Request, l shell.List, q consent.Query, page consent.Page, lists []list.List, segments []segment.Segment) shell.Table {
	email := shell.Column{Label: r.P.T("people.email"), Sort: "email"}
	if inTurn(q) || l.Filter("segment") != "" {
		email.Sort = ""
	}
	t := shell.Table{
		Caption: r.P.T("nav.contacts"), List: l, Total: -1, Next: page.Next, Search: r.P.T("people.search"),
		Columns: []shell.Column{email, {Label: r.P.T("people.stands")}, {Label: r.P.T("people.proof")}, {Label: r.P.T("people.added"), Sort: "added", Quiet: true}},
		Empty: shell.EmptyState{Icon: "users", Title: r.P.T("people.empty.title"), Text: r.P.T("people.empty.text"),
			Action: shell.Link{Label: r.P.T("people.import"), URL: "/import/new", Icon: "upload"}, Help: shell.Link{Label: r.P.T("people.empty.form"), URL: "/forms"}},
	}
	byID := named(lists)
	among := shell.Filter{Name: "segment", Label: r.P.T("segments.one")}
	for _, s := range segments {
		if s.RetiredAt == 0 {
			among.Choices = append(among.Choices, shell.Choice{Value: dec(s.ID), Label: s.Name})
		}
	}
	if len(among.Choices) > 0 {
		t.Filters = append(t.Filters, among)
	}
	if choices := mailLists(lists); len(choices) > 1 {
		for i := range choices {
			choices[i].Hint = ""
		}
		t.Filters = append(t.Filters, shell.Filter{Name: "list", Label: r.P.T("people.list"), Choices: choices})
	}
	state := shell.Filter{Name: "state", Label: r.P.T("people.state")}
	for _, s := range states {
		state.Choices = append(state.Choices, shell.Choice{Value: s, Label: r.P.T("people.filter." + s)})
	}
	grade := shell.Filter{Name: "grade", Label: r.P.T("people.proof")}
	for _, g := range []string{"a", "b", "c", "d"} {
		grade.Choices = append(grade.Choices, shell.Choice{Value: g, Label: r.P.T("people.grade." + g)})
	}
	t.Filters = append(t.Filters, state, grade)
	if r.May(shell.ContactsWrite) {
		t.Bulk = &shell.Bulk{Buttons: []shell.BulkButton{{Path: "/contacts/on", Label: r.P.T("people.on"), Icon: "list-check"}, {Path: "/contacts/off", Label: r.P.T("people.off"), Icon: "minus"}}}
	}
	for _, c := range page.People {
		stands := page.Stands[c.ID]
		if q.List != 0 { // the list that was asked for speaks first
			slices.SortStableFunc(stands, func(a, b consent.Stand) int { return rank(a, q.List) - rank(b, q.List) })
		}
		proof := shell.Str("")
		if len(stands) > 0 && (stands[0].State == consent.Given || stands[0].State == consent.Waiting) {
			proof = shell.Soft(gradeWords(r, stands[0].Grade))
		}
		t.Rows = append(t.Rows, shell.Row{ID: dec(c.ID), Label: c.Email.Raw(), Link: at(c.ID, ""),
			Cells: []shell.Component{whoCell(c), standsCell(r, c, stands, byID), proof, shell.Day(c.CreatedAt)}})
	}
	return t
}

func rank(s consent.Stand, list int64) int {
	if s.ListID == list {
		return 0
	}
	return 1
}

// bulk reads the chosen people of a table. None chosen leads back with a word.
func bulk(r *shell.Request) (*shell.Form, []int64, error) {
	f, err := r.Form(64 << 10)
	if err != nil {
		return nil, nil, err
	}
	ids := f.IDs("id")
	if len(ids) > 1000 {
		return nil, nil, fault.New(fault.TooLarge, "people.bulk.many", "limit", 1000)
	}
	return f, ids, nil
}

func (p *Pages) lists4(r *shell.Request) (lists []list.List, err error) {
	err = p.view(r, func(v *store.View) (err error) { lists, err = list.InUse(v); return err })
	return lists, err
}

// putOnPost puts chosen people on another list: it asks which, then does it.
func (p *Pages) putOnPost(r *shell.Request) error {
	f, ids, err := bulk(r)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return r.RedirectWarning("/contacts", "people.bulk.none")
	}
	to, ok := f.Int("list")
	if !ok {
		lists, err := p.lists4(r)
		if err != nil {
			return err
		}
		return r.Render(http.StatusOK, bulkPage(r, f, ids, "on", mailLists(lists)))
	}
	var done consent.Extended
	err = p.write(r, func(tx *store.Tx) (err error) { done, err = consent.Extend(tx, to, ids); return err })
	if err != nil {
		return err
	}
	left := done.NoBasis + done.SaidNo
	if left > 0 {
		return r.RedirectWarning("/contacts?list="+dec(to), "people.on.partly", "added", done.Added, "already", done.Already, "basis", done.NoBasis, "no", done.SaidNo)
	}
	return r.Redirect(http.StatusSeeOther, "/contacts?list="+dec(to), "people.on.done", "added", done.Added, "already", done.Already)
}

// takeOffPost takes chosen people off a list.
func (p *Pages) takeOffPost(r *shell.Request) error {
	f, ids, err := bulk(r)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return r.RedirectWarning("/contacts", "people.bulk.none")
	}
	from, ok := f.Int("list")
	if !ok {
		lists, err := p.lists4(r)
		if err != nil {
			return err
		}
		return r.Render(http.StatusOK, bulkPage(r, f, ids, "off", mailLists(lists)))
	}
	n := 0
	err = p.write(r, func(tx *store.Tx) (err error) { n, err = consent.TakeOff(tx, from, ids); return err })
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/contacts", "people.off.done", "n", n)
}

func (p *Pages) contactNew(r *shell.Request) error {
	lists, err := p.lists4(r)
	if err != nil {
		return err
	}
	f := shell.NewForm("language", r.Brand.Language)
	if l := r.Q("list"); l != "" {
		f.Values.Set("list", l)
	}
	return r.Render(http.StatusOK, contactNewPage(r, f, mailLists(lists), ""))
}

// contactNewPost takes the person first, then asks what their origin needs, then acts.
func (p *Pages) contactNewPost(r *shell.Request) error {
	f, err := r.Form(32 << 10)
	if err != nil {
		return err
	}
	lists, err := p.lists4(r)
	if err != nil {
		return err
	}
	kind := importer.Kind(f.Get("kind"))
	a, bad := address.Parse(f.Get("email"))
	f.Take(bad)
	if !slices.Contains(importer.Kinds(), kind) {
		f.Fail("kind", "import.origin.missing")
		kind = ""
	}
	id, _ := f.Int("list")
	if !slices.ContainsFunc(mailLists(lists), func(c shell.Choice) bool { return c.Value == f.Get("list") }) {
		f.Fail("list", "people.new.list")
	}
	if !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, contactNewPage(r, f, mailLists(lists), ""))
	}
	if f.Get("asked") != string(kind) || f.Get("back") != "" { // the follow-ups of this origin come next
		if f.Get("back") != "" {
			kind = ""
		}
		return r.Render(http.StatusOK, contactNewPage(r, f, mailLists(lists), kind))
	}
	s := importer.Single{Email: a, Name: pii.T(f.Get("name")), List: id, Word: f.Checked("word"), Origin: importer.Origin{Kind: kind,
		Where: f.Get("where." + string(kind)), Words: f.Get("words"), Sale: f.Get("sale"), Refusal: f.Get("refusal"), Similar: f.Get("similar"), Work: f.Get("work"), How: f.Get("how." + string(kind)),
		Partner: f.Get("partner"), From: f.Get("from"), To: f.Get("from")}}
	if locale.Known(f.Get("language")) {
		s.Language = f.Get("language")
	}
	var made int64
	err = p.write(r, func(tx *store.Tx) (err error) { made, err = importer.Add(tx, s); return err })
	if f.Take(err) {
		f.Faults = firstOf(f.Faults)
		return r.Render(http.StatusUnprocessableEntity, contactNewPage(r, f, mailLists(lists), kind))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(made, "/consent"), "people.new.done")
}

// firstOf moves the faults of the last day to the one field for the day, and drops repeats.
func firstOf(faults []*fault.Error) []*fault.Error {
	var out []*fault.Error
	for _, e := range faults {
		if e.Field == "to" {
			e = e.At("from")
		}
		if !slices.ContainsFunc(out, func(o *fault.Error) bool { return o.Field == e.Field && o.Key == e.Key }) {
			out = append(out, e)
		}
	}
	return out
}
