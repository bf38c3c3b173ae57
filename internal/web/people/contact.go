// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/people/segment"
	"consend/internal/sending/campaign"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/shell"
)

// tabs are the views of a person.
func tabs(r *shell.Request, id int64, now string) []shell.Tab {
	var out []shell.Tab
	for _, t := range []struct{ name, path string }{{"overview", ""}, {"consent", "/consent"}, {"activity", "/activity"}, {"messages", "/messages"}, {"requests", "/requests"}, {"trace", "/trace"}} {
		out = append(out, shell.Tab{Label: r.P.T("people.tab." + t.name), URL: at(id, t.path), Now: t.name == now})
	}
	return out
}

// head is what every view of a person says around its content.
func head(r *shell.Request, c contact.Contact, now string) shell.Page {
	p := shell.Page{Title: c.Email.Raw(), Lead: c.Name.Raw(), Crumbs: contactsLink(r), Tabs: tabs(r, c.ID, now), Badge: badge(r, c), Wide: true}
	if !c.State.Ending() {
		p.Actions = contactActions(r, c, now)
	}
	return p
}

// overview is what the first view of a person shows.
type overview struct {
	c          contact.Contact
	attributes []contact.Attribute
	stands     []consent.Standing
	bars       []consent.Suppression
	merged     []contact.Contact // who went into this one
	once       []once.Row        // what they were told or asked once
	locked     bool              // an import says more about them, and waits for proof
	lists      map[int64]list.List
}

func (p *Pages) contact(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	o := overview{c: c}
	err = p.view(r, func(v *store.View) (err error) {
		if o.attributes, err = contact.AllAttributes(v); err != nil {
			return err
		}
		if o.once, err = once.Of(v, c.ID); err != nil {
			return err
		}
		if o.stands, err = consent.Standings(v, c.ID); err != nil {
			return err
		}
		if o.locked, err = importer.Locked(v, c.ID); err != nil {
			return err
		}
		all, err := list.All(v)
		if err != nil {
			return err
		}
		o.lists = named(all)
		if o.bars, err = consent.SuppressionsOf(v, c.Email); err != nil {
			return err
		}
		o.merged, err = contact.MergedInto(v, c.ID)
		return err
	})
	if err != nil {
		return err
	}
	if len(o.merged) > 0 {
		ids := make([]int64, len(o.merged))
		for i, m := range o.merged {
			ids[i] = m.ID
		}
		if err := p.look(r, trace.Looked{Object: "contact", ObjectID: c.ID, Contacts: ids}); err != nil {
			return err
		}
	}
	return r.Render(http.StatusOK, contactPage(r, o))
}

// mayWrite tells whether the person may be written to about at least one list.
func (o overview) mayWrite() bool {
	return slices.ContainsFunc(o.stands, func(s consent.Standing) bool { return s.Reason == "" })
}

// values are the person's attributes with their names; those that no attribute names any more come last.
func (o overview) values() []shell.Fact {
	var out []shell.Fact
	seen := map[string]bool{}
	for _, a := range o.attributes {
		if v := o.c.Attributes[a.Name]; !v.IsZero() {
			out = append(out, shell.Fact{Label: a.Name, Text: v.Raw(), Hint: a.Purpose})
			seen[a.Name] = true
		}
	}
	var rest []string
	for n := range o.c.Attributes {
		if !seen[n] {
			rest = append(rest, n)
		}
	}
	slices.Sort(rest)
	for _, n := range rest {
		out = append(out, shell.Fact{Label: n, Text: o.c.Attributes[n].Raw()})
	}
	return out
}

// ledger is everything that the Consent view tells of one list.
type ledger struct {
	s      consent.Standing
	events []event // newest first
	rests  *event  // the event the state rests on
	asked  *event  // the request that it confirms
	files  []filed // brought by members as further evidence
	why    []consent.Condition
}

// filed is a file with who brought it.
type filed struct {
	evidence.Attached
	by member.Member
}

// event is one event with what it refers to.
type event struct {
	consent.Record
	origin consent.Origin
	text   string
	form   form.Version
	name   string // of the form
	note   notice.Version
	entry  trace.Entry
	member member.Member // whose word it is, or who recorded it
}

func (p *Pages) consent(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	var lists []ledger
	err = p.view(r, func(v *store.View) (err error) { lists, err = ledgers(v, c); return err })
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, consentPage(r, c, lists))
}

// ledgers reads a person's ledger, list by list.
func ledgers(v *store.View, c contact.Contact) ([]ledger, error) {
	id := c.ID
	stands, err := consent.Standings(v, id)
	if err != nil {
		return nil, err
	}
	records, err := consent.Events(v, id)
	if err != nil {
		return nil, err
	}
	origins, err := consent.Origins(v, id, records)
	if err != nil {
		return nil, err
	}
	files, err := evidence.AttachedTo(v, id)
	if err != nil {
		return nil, err
	}
	look := newLookup(v)
	out := make([]ledger, len(stands))
	for i, s := range stands {
		out[i].s = s
		for k := len(records) - 1; k >= 0; k-- {
			if records[k].ListID != s.ListID {
				continue
			}
			e, err := look.event(records[k], origins[k])
			if err != nil {
				return nil, err
			}
			out[i].events = append(out[i].events, e)
		}
		for _, a := range files {
			if a.ListID != s.ListID {
				continue
			}
			by, err := once1(look.members, a.MadeBy, func() (member.Member, error) { return member.Get(v, a.MadeBy) })
			if err != nil {
				return nil, err
			}
			out[i].files = append(out[i].files, filed{a, by})
		}
		if out[i].find(); out[i].rests != nil && s.State == consent.Given {
			if out[i].why, err = consent.Conditions(v, c, out[i].rests.Record); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// find picks the event that the state rests on, and the request before it.
func (l *ledger) find() {
	by := func(id int64) *event {
		for k := range l.events {
			if id != 0 && l.events[k].ID == id {
				return &l.events[k]
			}
		}
		return nil
	}
	if l.rests = by(l.s.EventID); l.rests != nil {
		l.asked = by(l.rests.RequestEvent)
	}
}

// lookup finds what events refer to, each thing once.
type lookup struct {
	v       *store.View
	texts   map[string]string
	forms   map[int64]form.Version
	names   map[int64]string
	notes   map[int64]notice.Version
	entries map[int64]trace.Entry
	members map[int64]member.Member
}

func newLookup(v *store.View) *lookup {
	return &lookup{v, map[string]string{}, map[int64]form.Version{}, map[int64]string{}, map[int64]notice.Version{}, map[int64]trace.Entry{}, map[int64]member.Member{}}
}

// once gives the thing of an id, read at most once. What is not there any more stays empty.
func once1[T any](known map[int64]T, id int64, read func() (T, error)) (T, error) {
	var zero T
	if id == 0 {
		return zero, nil
	}
	if t, ok := known[id]; ok {
		return t, nil
	}
	t, err := read()
	if gone(err) {
		t, err = zero, nil
	}
	if err == nil {
		known[id] = t
	}
	return t, err
}

func (l *lookup) event(rec consent.Record, o consent.Origin) (e event, err error) {
	e = event{Record: rec, origin: o}
	key := string(rec.TextSHA256)
	if _, ok := l.texts[key]; !ok {
		if l.texts[key], err = consent.Words(l.v, rec.TextSHA256); err != nil {
			return e, err
		}
	}
	e.text = l.texts[key]
	if e.form, err = once1(l.forms, rec.FormVersionID, func() (form.Version, error) { return form.Get(l.v, rec.FormVersionID) }); err != nil {
		return e, err
	}
	e.name, err = once1(l.names, e.form.FormID, func() (string, error) { f, err := form.Find(l.v, e.form.FormID); return f.Name, err })
	if err != nil {
		return e, err
	}
	if e.note, err = once1(l.notes, rec.NoteVersionID, func() (notice.Version, error) { return notice.Get(l.v, rec.NoteVersionID) }); err != nil {
		return e, err
	}
	if e.entry, err = once1(l.entries, rec.EntryID, func() (trace.Entry, error) { return trace.Find(l.v, rec.EntryID) }); err != nil {
		return e, err
	}
	who := rec.DeclaredBy
	if who == 0 && rec.ActorKind == "member" {
		who = rec.ActorID
	}
	e.member, err = once1(l.members, who, func() (member.Member, error) { return member.Get(l.v, who) })
	return e, err
}

// traceSize is how many entries a page of a person's trace shows.
const traceSize = 100

// traced is a page of a person's trace, newest first: acts, looks at the person alone, and looks
// at pages that showed them among others.
type traced struct {
	entries []trace.Entry
	told    telling
	by      map[int64]string
	whose   map[int64]shell.Link // whose page a look was at
	next    string               // the place where it ends
}

func (p *Pages) trace(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	l := r.List(shell.ListSpec{Size: traceSize})
	after := readSpot(l.After)
	t := traced{by: map[int64]string{}, whose: map[int64]shell.Link{}}
	err = p.view(r, func(v *store.View) (err error) {
		if t.entries, t.next, err = traceOf(v, c, after); err != nil {
			return err
		}
		t.told, err = newTelling(v, c, t.entries)
		for i := 0; i < len(t.entries) && err == nil; i++ {
			e := t.entries[i]
			if t.by[e.ID], err = t.told.byRole(r, e); err == nil && e.Action == trace.LookAction {
				t.whose[e.ID], err = t.told.look.whose(r, e)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, tracePage(r, c, l, t))
}

// traceOf gives the entries about a person behind a place, and the place where they end: of what is
// nearer than it, none is missing. Looks at many are opened a bounded number at a time, so a page
// may be short and lead on all the same.
func traceOf(v *store.View, c contact.Contact, after spot) ([]trace.Entry, string, error) {
	from := trace.Cursor{At: after.at, ID: after.id}
	all, err := trace.Search(v, trace.Question{Contact: c.ID, After: from, Limit: traceSize + 1})
	if err != nil {
		return nil, "", err
	}
	var end spot // the farthest place down to which everything is known; none is the beginning
	nearer := func(x trace.Cursor) {
		if s := (spot{x.At, x.ID}); s.before(spot{}) && (end.id == 0 || end.before(s)) {
			end = s
		}
	}
	if len(all) > traceSize {
		all = all[:traceSize]
		nearer(all[traceSize-1].Cursor())
	}
	among, at, err := trace.LookedAmong(v, c.ID, c.CreatedAt, from, traceSize)
	if err != nil {
		return nil, "", err
	}
	if at.ID != 0 {
		nearer(at)
	}
	all = append(all, among...)
	// Acts on many people name each of them in a member of their own: the ledger knows which.
	records, err := consent.Events(v, c.ID)
	if err != nil {
		return nil, "", err
	}
	seen := map[int64]bool{0: true}
	for _, e := range all {
		seen[e.ID] = true
	}
	sets := []int64{c.EntryID}
	for _, rec := range records {
		if rec.EntryIndex != proof.Whole {
			sets = append(sets, rec.EntryID)
		}
	}
	for _, id := range sets {
		if seen[id] {
			continue
		}
		seen[id] = true
		e, err := trace.Find(v, id)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		all = append(all, e)
	}
	all = slices.DeleteFunc(all, func(e trace.Entry) bool {
		s := spot{e.At, e.ID}
		return !s.before(after) || end.id != 0 && s.before(end)
	})
	slices.SortFunc(all, func(a, b trace.Entry) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID)) })
	if len(all) > traceSize {
		all = all[:traceSize]
		end = spot{all[traceSize-1].At, all[traceSize-1].ID}
	}
	if end.id == 0 {
		return all, "", nil
	}
	return all, end.String(), nil
}

// did says what an entry tells, in words where we have them.
func did(r *shell.Request, e trace.Entry) string {
	if e.Action == trace.LookAction {
		return lookedAt(r, e)
	}
	return r.P.Or("people.did."+e.Action, r.P.Or("trace.action."+e.Action, strings.ReplaceAll(e.Action, ".", " · ")))
}

// whose names the campaign, form, list, segment or import whose page a look was at, where the reader may open
// it; what is not there any more has no name.
func (l *lookup) whose(r *shell.Request, e trace.Entry) (shell.Link, error) {
	kind, _, _ := strings.Cut(e.Object, ".")
	var may shell.Permission
	var read func() (string, error)
	switch kind {
	case "campaign":
		may, read = shell.CampaignsRead, func() (string, error) { c, err := campaign.Get(l.v, e.ObjectID); return c.Name, err }
	case "form":
		may, read = shell.FormsRead, func() (string, error) { f, err := form.Find(l.v, e.ObjectID); return f.Name, err }
	case "list":
		may, read = shell.ListsRead, func() (string, error) { x, err := list.Get(l.v, e.ObjectID); return x.Name, err }
	case "segment":
		may, read = shell.ContactsRead, func() (string, error) { s, err := segment.Get(l.v, e.ObjectID); return s.Name, err }
	case "import":
		may, read = shell.ContactsRead, func() (string, error) { i, err := importer.Get(l.v, e.ObjectID); return i.Name, err }
	default:
		return shell.Link{}, nil
	}
	if !r.May(may) {
		return shell.Link{}, nil
	}
	name, err := once1(l.names, e.ObjectID, read)
	if name == "" {
		return shell.Link{}, err
	}
	return shell.Link{Label: name, URL: "/" + kind + map[bool]string{true: "", false: "s"}[kind == "import"] + "/" + dec(e.ObjectID)}, err
}

// lookedAt says which page or file somebody saw, how many people stood on it, and how a file was closed.
func lookedAt(r *shell.Request, e trace.Entry) string {
	what, f := r.P.Or("people.looked."+e.Object, ""), e.Fields()
	if what == "" {
		return r.P.T("people.did.contact.look")
	}
	out := r.P.T("people.looked", "what", what)
	if n, err := strconv.Atoi(f["shown"]); err == nil && n > 1 {
		out += " " + r.P.N("people.looked.among", n)
	}
	if from := r.P.Or("people.looked."+f["via"], ""); f["via"] != "" && from != "" {
		out += " · " + r.P.T("people.looked.via", "page", from)
	}
	if how := f["encrypted"]; how != "" && how != "none" {
		out += " " + r.P.T("people.looked.closed")
	}
	return out
}
