// SPDX-License-Identifier: AGPL-3.0-or-later

// Package people shows members the people they write to: who they are, what they said and
// when, why they may or may not be written to, and the lists and purposes they joined. It
// decides nothing; every page that shows a person writes down first who looks.
package people

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/segment"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// Pages are the pages of contacts, lists, purposes and the do-not-mail list.
type Pages struct{ DB *store.DB }

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	get := func(path string, perm shell.Permission, h func(*shell.Request) error) shell.Route {
		return shell.Route{Method: "GET", Pattern: path, Permission: perm, Handler: h}
	}
	person := func(path string, perm shell.Permission, h func(*shell.Request) error) shell.Route {
		r := get(path, perm, h)
		r.Shows = shell.ShowsPerson
		return r
	}
	post := func(path string, perm shell.Permission, h func(*shell.Request) error, trace ...string) shell.Route {
		return shell.Route{Method: "POST", Pattern: path, Permission: perm, Trace: trace, Handler: h}
	}
	attach := post("/contacts/{id}/evidence/{event}", shell.ContactsWrite, p.attachPost, "evidence.attach", trace.LookAction)
	attach.Body = importer.MaxEvidence + 64<<10
	return []shell.Route{
		person("/contacts", shell.ContactsRead, p.contacts),
		get("/contacts/new", shell.ContactsWrite, p.contactNew),
		post("/contacts/new", shell.ContactsWrite, p.contactNewPost, "contact.add", "consent.give"),
		post("/contacts/on", shell.ContactsWrite, p.putOnPost, "consent.give"),
		post("/contacts/off", shell.ContactsWrite, p.takeOffPost, "consent.remove"),
		person("/contacts/{id}", shell.ContactsRead, p.contact),
		person("/contacts/{id}/consent", shell.ContactsRead, p.consent),
		person("/contacts/{id}/activity", shell.ContactsRead, p.activity),
		person("/contacts/{id}/messages", shell.ContactsRead, p.messages),
		person("/contacts/{id}/requests", shell.ContactsRead, p.requests),
		person("/contacts/{id}/object", shell.ContactsWrite, p.object),
		post("/contacts/{id}/object", shell.ContactsWrite, p.objectPost, "consent.object", "suppression.add", trace.LookAction),
		person("/contacts/{id}/trace", shell.ContactsRead, p.trace),
		person("/contacts/{id}/correct", shell.ContactsWrite, p.correct),
		post("/contacts/{id}/correct", shell.ContactsWrite, p.correctPost, "contact.correct", trace.LookAction),
		person("/contacts/{id}/address", shell.ContactsWrite, p.newAddress),
		post("/contacts/{id}/address", shell.ContactsWrite, p.newAddressPost, "move.ask", trace.LookAction),
		person("/contacts/{id}/merge", shell.ContactsWrite, p.merge),
		post("/contacts/{id}/merge", shell.ContactsWrite, p.mergePost, "contact.merge"),
		person("/contacts/{id}/withdraw", shell.ContactsWrite, p.withdraw),
		post("/contacts/{id}/withdraw", shell.ContactsWrite, p.withdrawPost, "consent.withdraw", "consent.object", "suppression.add"),
		person("/contacts/{id}/evidence/{event}", shell.ContactsWrite, p.attach),
		attach,
		person("/contacts/{id}/evidence/{event}/{file}", shell.ContactsExport, p.attached),
		post("/contacts/{id}/evidence/{event}/{file}/drop", shell.ContactsWrite, p.detachPost, "evidence.detach"),
		person("/contacts/{id}/freeze", shell.ContactsWrite, p.freeze),
		post("/contacts/{id}/freeze", shell.ContactsWrite, p.freezePost, "contact.restrict"),
		post("/contacts/{id}/unfreeze", shell.ContactsWrite, p.unfreezePost, "contact.unrestrict"),
		get("/lists", shell.ListsRead, p.lists),
		get("/lists/new", shell.ListsWrite, p.listNew),
		post("/lists/new", shell.ListsWrite, p.listNewPost, "list.make"),
		get("/lists/{id}", shell.ListsRead, p.list),
		post("/lists/{id}", shell.ListsWrite, p.listPost, "list.rename"),
		post("/lists/{id}/move", shell.ListsWrite, p.listMovePost, "list.move"),
		post("/lists/{id}/turn", shell.ListsWrite, p.turns("/lists", "people.list.", list.Retire, list.Restore), "list.retire", "list.restore"),
		get("/purposes/new", shell.ListsWrite, p.purposeNew),
		post("/purposes/new", shell.ListsWrite, p.purposeNewPost, "purpose.make"),
		get("/purposes/{id}", shell.ListsRead, p.purpose),
		post("/purposes/{id}", shell.ListsWrite, p.purposePost, "purpose.rename"),
		post("/purposes/{id}/turn", shell.ListsWrite, p.turns("/lists", "people.purpose.", list.RetirePurpose, list.RestorePurpose), "purpose.retire", "purpose.restore"),
		get("/segments", shell.ListsRead, p.segments),
		person("/segments/new", shell.ContactsRead, p.segmentBuild),
		post("/segments/new", shell.ListsWrite, p.segmentSave, "segment.make"),
		person("/segments/{id}", shell.ContactsRead, p.segmentBuild),
		post("/segments/{id}", shell.ListsWrite, p.segmentSave, "segment.change"),
		{Method: "POST", Pattern: "/segments/{id}/export", Permission: shell.ContactsExport, Shows: shell.ShowsPerson, Trace: []string{"segment.export", trace.LookAction}, Handler: p.segmentFilePost},
		post("/segments/{id}/turn", shell.ListsWrite, p.turns("/segments", "segments.", segment.Retire, segment.Restore), "segment.retire", "segment.restore"),
		get("/attributes", shell.ListsRead, p.attributeList),
		get("/attributes/new", shell.ListsWrite, p.attributeNew),
		post("/attributes/new", shell.ListsWrite, p.attributeNewPost, "contact.attribute"),
		get("/attributes/{id}", shell.ListsRead, p.attribute),
		post("/attributes/{id}", shell.ListsWrite, p.attributePost, "contact.attribute.change"),
		post("/attributes/{id}/turn", shell.ListsWrite, p.turns("/attributes", "attributes.", contact.RetireAttribute, contact.RestoreAttribute), "contact.attribute.retire", "contact.attribute.restore"),
		get("/once/{id}", shell.CampaignsSend, p.onceRun),
		get("/once/tell/{id}", shell.CampaignsSend, p.onceTell),
		post("/once/tell/{id}", shell.CampaignsSend, p.onceTellPost, "once.tell", "once.again"),
		get("/once/ask/{id}", shell.CampaignsSend, p.onceAsk),
		post("/once/ask/{id}", shell.CampaignsSend, p.onceAskPost, "once.ask"),
		post("/once/switch", shell.CampaignsSend, p.onceSwitchPost, "once.switch"),
		person("/suppressions", shell.ContactsRead, p.suppressions),
		post("/suppressions", shell.ContactsWrite, p.suppressPost, "suppression.add"),
	}
}

func (p *Pages) view(r *shell.Request, fn func(*store.View) error) error {
	return p.DB.View(r.Context(), r.Who, fn)
}

func (p *Pages) write(r *shell.Request, fn func(*store.Tx) error) error {
	return p.DB.Write(r.Context(), r.Who, fn)
}

// turns retires what stands at {id}, or brings it back, as a form's button says; said begins the key of what is
// told then.
func (p *Pages) turns(to, said string, retire, restore func(*store.Tx, int64) error) func(*shell.Request) error {
	return func(r *shell.Request) error {
		id, err := r.ID("id")
		if err != nil {
			return err
		}
		f, err := r.Form(4 << 10)
		if err != nil {
			return err
		}
		turn, key := retire, said+"retired"
		if f.Get("do") == "restore" {
			turn, key = restore, said+"restored"
		}
		if err := p.write(r, func(tx *store.Tx) error { return turn(tx, id) }); err != nil {
			return err
		}
		return r.Redirect(http.StatusSeeOther, to, key)
	}
}

// look writes down who looks, before anything is shown.
func (p *Pages) look(r *shell.Request, l trace.Looked) error {
	return trace.Look(r.Context(), p.DB, r.Who, l)
}

// one finds the person a page is about and writes down the look.
func (p *Pages) one(r *shell.Request) (c contact.Contact, err error) {
	id, err := r.ID("id")
	if err != nil {
		return c, err
	}
	if err = p.view(r, func(v *store.View) (err error) { c, err = contact.Get(v, id); return err }); err != nil {
		return c, err
	}
	return c, p.look(r, trace.Looked{Object: "contact", ObjectID: id, Contacts: []int64{id}, Via: via(r)})
}

// leading are the pages that lead to a person's, by the beginning of their path.
var leading = []struct{ path, page string }{{"/contacts?", "contacts"}, {"/search", "search"}, {"/campaigns/", "campaign.recipients"}, {"/segments/", "segment.people"}, {"/lists/", "list"},
	{"/import/", "import"}, {"/forms/", "form"}, {"/service", "messages"}, {"/do-not-mail", "suppressions"}, {"/privacy/register", "register"}, {"/privacy/trace", "trace"}}

// via is the page of this house that a request comes from, where it is one that leads to people (Referrer-Policy: same-origin).
func via(r *shell.Request) string {
	u, err := url.Parse(r.R.Referer())
	if err != nil || u.Host != r.R.Host {
		return ""
	}
	path := u.Path
	if path == "/contacts" { // the table: a person's own pages lie below
		path += "?"
	}
	for _, l := range leading {
		if strings.HasPrefix(path, l.path) {
			return l.page
		}
	}
	return ""
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }

func at(id int64, rest string) string { return fmt.Sprintf("/contacts/%d%s", id, rest) }

func contactsLink(r *shell.Request) []shell.Link {
	return []shell.Link{{Label: r.P.T("nav.contacts"), URL: "/contacts"}}
}

func listsLink(r *shell.Request) []shell.Link {
	return append(contactsLink(r), shell.Link{Label: r.P.T("nav.lists"), URL: "/lists"})
}

// badge is what must be seen of a person at once; nothing while all is well.
func badge(r *shell.Request, c contact.Contact) shell.Component {
	if c.Merged() && !c.State.Ending() {
		return shell.Badge(shell.Quiet, r.P.T("people.merged.badge"))
	}
	return contactBadge(r, c.State)
}

// contactBadge is the state of a person beside what they said about lists; nothing while all is well.
func contactBadge(r *shell.Request, s contact.State) shell.Component {
	switch s {
	case contact.StateActive:
		return nil
	case contact.StateRestricted:
		return shell.Badge(shell.Info, r.P.T("people.contact.restricted"))
	}
	return shell.Badge(shell.Bad, r.P.T("people.contact."+string(s)))
}

// statusBadge is where a person stands on a list.
func statusBadge(r *shell.Request, s consent.Status) shell.Component {
	return shell.Badge(statusTone(s), r.P.T("people.status."+string(s)))
}

func statusTone(s consent.Status) shell.Tone {
	switch s {
	case consent.Given:
		return shell.Good
	case consent.Requested, consent.Waiting:
		return shell.Waiting
	case consent.Withdrawn, consent.Refused:
		return shell.Bad
	}
	return shell.Quiet
}

func gradeWords(r *shell.Request, g consent.Grade) string {
	if g == consent.Ungraded {
		return r.P.T("people.grade.none")
	}
	return r.P.T("people.grade." + string(lower(g)))
}

func lower(g consent.Grade) string {
	if len(g) == 1 && g[0] >= 'A' && g[0] <= 'Z' {
		return string(g[0] + 32)
	}
	return string(g)
}

func basisWords(r *shell.Request, b consent.Basis) string {
	if b == "" {
		return ""
	}
	return r.P.T("people.basis." + string(b))
}

// named gives lists by number, for pages that show where people stand.
func named(all []list.List) map[int64]list.List {
	out := make(map[int64]list.List, len(all))
	for _, l := range all {
		out[l.ID] = l
	}
	return out
}

// mailLists are the lists in use that carry mail, as choices.
func mailLists(all []list.List) []shell.Choice {
	var out []shell.Choice
	for _, l := range all {
		if l.RetiredAt == 0 && l.Kind == list.Mail {
			out = append(out, shell.Choice{Value: dec(l.ID), Label: l.Name, Hint: l.PurposeName})
		}
	}
	return out
}
