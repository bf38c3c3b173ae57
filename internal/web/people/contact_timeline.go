// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/people/once"
	"consend/internal/sending/campaign"
	"consend/internal/sending/message"
	"consend/internal/sending/report"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// spot is where a page of a person's past ends: a moment, and a number of ours that no other
// thing has.
type spot struct {
	at legalclock.Moment
	id int64
}

func readSpot(s string) (p spot) {
	if _, err := fmt.Sscanf(s, "%d.%d", &p.at, &p.id); err != nil || p.at < 0 || p.id <= 0 {
		return spot{}
	}
	return p
}

func (p spot) String() string { return fmt.Sprintf("%d.%d", p.at, p.id) }

// before tells whether something lies behind the place, on the way back from now.
func (p spot) before(o spot) bool {
	return o.id == 0 || p.at < o.at || p.at == o.at && p.id < o.id
}

// past is a page of things that happened, newest first, from several rooms.
type past struct {
	lines []line
	next  string
}

// line is one thing that happened to a person.
type line struct {
	spot
	what  string
	tone  shell.Tone // of badge
	badge string
	about string
	link  string // what it is about
	by    string

	changes []string // instead of about: fields before and after
}

// cut sorts what the rooms gave, each at most size+1 behind the place, and keeps one page.
func cut(lines []line, size int) past {
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.id, a.id)) })
	out := past{lines: lines}
	if len(lines) > size {
		out.lines = lines[:size]
		out.next = lines[size-1].String()
	}
	return out
}

func (p *Pages) activity(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	l := r.List(shell.ListSpec{})
	var done []contact.Done
	var page past
	err = p.view(r, func(v *store.View) (err error) {
		if l.After == "" {
			if done, err = contact.Activities(v, c.ID); err != nil {
				return err
			}
		}
		page, err = timeline(r, v, c, readSpot(l.After), l.Size)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, timelinePage(r, c, l, page, done))
}

// elsewhere are acts that the timeline tells by what they left.
var elsewhere = []string{"contact.add", "once.told", "once.asked"}

// timeline is everything that happened to a person in the account, but for who looked at them.
func timeline(r *shell.Request, v *store.View, c contact.Contact, after spot, size int) (past, error) {
	all, err := list.All(v)
	if err != nil {
		return past{}, err
	}
	lists := named(all)
	lines, err := messages(r, v, c, after, size+1)
	if err != nil {
		return past{}, err
	}
	events, err := consent.EventsBefore(v, c.ID, after.at, after.id, size+1)
	if err != nil {
		return past{}, err
	}
	for _, e := range events {
		n := line{spot: spot{e.RecordedAt, e.ID}, what: r.P.T("people.event." + string(e.Kind)), about: lists[e.ListID].Name, link: at(c.ID, "/consent"), by: r.P.Or("people.by."+e.ActorKind, e.ActorKind)}
		switch {
		case e.Source == consent.Merge:
			n.by = r.P.T("people.merge.by")
		case e.Source == consent.ByRule:
			n.by = ruleWords(r, e)
		case e.ImportID != 0:
			n.about, n.link = r.P.T("people.timeline.import", "list", n.about, "row", e.ImportRow), "/import/"+dec(e.ImportID)
		}
		if !e.Verdict.OK() {
			n.tone, n.badge = shell.Bad, r.P.T("people.verdict."+string(e.Verdict))
		} else if e.Verdict == consent.Recorded {
			n.tone, n.badge = shell.Quiet, r.P.T("people.verdict.recorded")
		}
		lines = append(lines, n)
	}
	acts, err := trace.Acts(v, c.ID, trace.Cursor{At: after.at, ID: after.id}, size+1, elsewhere...)
	if err != nil {
		return past{}, err
	}
	replaced, err := contact.Replacings(v, c.ID, trace.Cursor{At: after.at, ID: after.id}, size+1)
	if err != nil {
		return past{}, err
	}
	acts = append(acts, replaced...)
	told, err := newTelling(v, c, acts)
	if err != nil {
		return past{}, err
	}
	for _, e := range acts {
		n := actLine(r, c, lists, e)
		n.changes = changeWords(r, told.changes[e.ID], told.labels)
		if n.by, err = told.by(r, e); err != nil {
			return past{}, err
		}
		lines = append(lines, n)
	}
	if born := (spot{c.CreatedAt, c.ID}); born.before(after) {
		lines = append(lines, line{spot: born, what: r.P.T("people.did.contact.add"), about: r.P.Or("people.source."+c.Source, c.Source)})
	}
	said, err := saidOnce(r, v, c, lists, after)
	if err != nil {
		return past{}, err
	}
	lines = append(lines, said...)
	inSets, err := toldInSets(r, v, c, lists, after)
	return cut(append(lines, inSets...), size), err
}

// telling is what tells of entries what they changed, and who acted.
type telling struct {
	look    *lookup
	changes map[int64][]contact.Changed
	labels  map[string]string
}

func newTelling(v *store.View, c contact.Contact, entries []trace.Entry) (t telling, err error) {
	t.look = newLookup(v)
	all, err := contact.EveryAttribute(v)
	if err != nil {
		return t, err
	}
	t.labels = labels(all)
	t.changes, err = contact.Changes(v, c, entries)
	return t, err
}

// labels are what attributes are called by the names of their fields.
func labels(all []contact.Attribute) map[string]string {
	out := map[string]string{}
	for _, a := range slices.Backward(all) { // those in use come first
		out["attribute."+strings.ToLower(a.Name)] = labelOf(a)
	}
	return out
}

// by says who acted: a member by name.
func (t telling) by(r *shell.Request, e trace.Entry) (string, error) {
	if e.Actor == "member" {
		m, err := once1(t.look.members, e.ActorID, func() (member.Member, error) { return member.Get(t.look.v, e.ActorID) })
		if err != nil || m.ID != 0 {
			return m.Called().Raw(), err
		}
	}
	return r.P.Or("people.by."+e.Actor, e.Actor), nil
}

// byRole says who acted, and what a member might do here then.
func (t telling) byRole(r *shell.Request, e trace.Entry) (string, error) {
	name, err := t.by(r, e)
	if role := e.Fields()["role"]; err == nil && e.Actor == "member" && role != "" {
		return r.P.T("people.by.role", "name", name, "role", r.P.Or("role."+role, role)), nil
	}
	return name, err
}

// changeWords says fields before and after, as pages do.
func changeWords(r *shell.Request, all []contact.Changed, labels map[string]string) []string {
	out := make([]string, len(all))
	for i, c := range all {
		field := labels[c.Field]
		if field == "" {
			field = fieldWords(r, []string{c.Field})[0]
		}
		if c.Ended {
			out[i] = r.P.T("people.changed.ended", "field", field)
			continue
		}
		out[i] = r.P.T("people.changed", "field", field, "before", changedValue(r, c.Field, c.Before), "after", changedValue(r, c.Field, c.After))
	}
	return out
}

// changedValue says a field's value; what is nothing is said too.
func changedValue(r *shell.Request, field, value string) string {
	switch {
	case field == "age":
		return r.P.T("people.age." + value)
	case value == "":
		return r.P.T("people.changed.nothing")
	case field == "language":
		return languageName(r, value)
	case field == "country":
		return account.CountryName(value, r.P.Lang)
	case value == "true" || value == "false":
		return r.P.T(map[string]string{"true": "people.yes", "false": "people.no"}[value])
	}
	return value
}

// actLine is an entry of the trace as a thing that happened.
func actLine(r *shell.Request, c contact.Contact, lists map[int64]list.List, e trace.Entry) line {
	f := e.Fields()
	n := line{spot: spot{e.At, e.ID}, what: did(r, e)}
	switch e.Action {
	case "contact.merge":
		n.about, n.link = r.P.T("people.merge.number", "n", f["other"]), at2(f["other"])
	case "contact.merged":
		n.about, n.link = r.P.T("people.merge.number", "n", f["into"]), at2(f["into"])
	case "contact.unmerge":
		n.about, n.link = r.P.T("people.merge.number", "n", f["from"]), at2(f["from"])
	case "contact.fill":
		n.what, n.link = r.P.T("people.timeline.replaced"), "/import/"+dec(e.ObjectID)
	case "suppression.add":
		n.about = r.P.Or("people.cause."+f["cause"], f["cause"])
		if f["scope"] == string(consent.All) {
			n.about += " · " + r.P.T("people.withdraw.all")
		}
	}
	return n
}

func at2(id string) string { return "/contacts/" + id }

// saidOnce are the lines of what a person was told or asked once (GDPR 14; compliance L1), and what they answered is the ledger's.
func saidOnce(r *shell.Request, v *store.View, c contact.Contact, lists map[int64]list.List, after spot) (out []line, err error) {
	all, err := once.Of(v, c.ID)
	for _, o := range all {
		p := spot{o.At, o.ID}
		if o.State != once.Done || !p.before(after) {
			continue
		}
		n := line{spot: p, what: r.P.T("people.once.told"), by: r.P.T("people.by.job")}
		switch {
		case o.ListID != 0:
			n.what, n.about = r.P.T("people.once.asked"), lists[o.ListID].Name
		case o.CampaignID != 0 && r.May(shell.CampaignsRead):
			n.link = fmt.Sprintf("/campaigns/%d/recipients/%d", o.CampaignID, c.ID)
		}
		if o.MessageID != 0 && r.May(shell.ServiceRead) {
			n.link = "/service/" + dec(o.MessageID)
		}
		if o.NoteVersionID != 0 && n.about == "" {
			note, err := notice.Get(v, o.NoteVersionID)
			if err != nil {
				return nil, err
			}
			n.about = r.P.T("once.note", "number", note.Number, "when", r.P.Date(note.PublishedAt))
		}
		out = append(out, n)
	}
	return out, err
}

// toldInSets are the lines of the do-not-mail list that acts on many people wrote: the trace names
// none of those in its own line.
func toldInSets(r *shell.Request, v *store.View, c contact.Contact, lists map[int64]list.List, after spot) ([]line, error) {
	bars, err := consent.SuppressionsOf(v, c.Email)
	if err != nil {
		return nil, err
	}
	purposes := map[int64]list.Purpose{}
	for _, l := range lists {
		purposes[l.PurposeID] = list.Purpose{ID: l.PurposeID, Name: l.PurposeName}
	}
	by := map[spot]*line{}
	var out []line
	for _, b := range bars {
		p := spot{b.Since, b.EntryID}
		if !p.before(after) {
			continue
		}
		if n := by[p]; n != nil {
			n.about += " · " + covers(r, b, lists, purposes)
			continue
		}
		e, err := trace.Find(v, b.EntryID)
		if err != nil && !gone(err) {
			return nil, err
		}
		if err == nil && e.ContactID == c.ID {
			continue
		}
		by[p] = &line{spot: p, what: r.P.T("people.did.suppression.add"), about: r.P.T("people.cause."+string(b.Reason)) + " · " + covers(r, b, lists, purposes), by: r.P.Or("people.by."+e.Actor, e.Actor)}
	}
	for _, n := range by {
		out = append(out, *n)
	}
	return out, nil
}

func (p *Pages) messages(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	l := r.List(shell.ListSpec{})
	var page past
	err = p.view(r, func(v *store.View) error {
		lines, err := messages(r, v, c, readSpot(l.After), l.Size+1)
		page = cut(lines, l.Size)
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, messagesPage(r, c, l, page))
}

// messages is what was written to a person, or why not: campaigns and service mail.
func messages(r *shell.Request, v *store.View, c contact.Contact, after spot, limit int) ([]line, error) {
	var out []line
	sent, err := campaign.MessagesOf(v, c.ID, after.at, after.id, limit)
	if err != nil {
		return nil, err
	}
	for _, m := range sent {
		n := line{spot: spot{m.At, m.CampaignID}, what: r.P.T("message.class.campaign") + " · " + m.Name, tone: fateTone(m.State), badge: r.P.T("campaign.fate." + string(m.State)), about: report.Words(r.P, m.Reason)}
		if r.May(shell.CampaignsRead) {
			n.link = fmt.Sprintf("/campaigns/%d/recipients/%d", m.CampaignID, c.ID)
		}
		out = append(out, n)
	}
	signups, err := form.Of(v, c.ID)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(signups))
	for i, s := range signups {
		ids[i] = s.ID
	}
	service, err := message.Of(v, c.ID, ids, after.at, after.id, limit)
	for _, m := range service {
		class := string(m.Class)
		if class == "" {
			class = "unknown"
		}
		n := line{spot: spot{m.MadeAt, m.ID}, what: r.P.T("message.class." + class), tone: serviceTone(m.State), badge: r.P.T("message.state." + string(m.State))}
		if m.Reason != "" {
			n.about = r.P.Or("message.reason."+m.Reason, r.P.Or("gate.reason."+m.Reason, m.Reason))
		}
		if r.May(shell.ServiceRead) {
			n.link = "/service/" + dec(m.ID)
		}
		out = append(out, n)
	}
	return out, err
}

func fateTone(f campaign.Fate) shell.Tone {
	switch f {
	case campaign.Accepted:
		return shell.Good
	case campaign.Waiting, campaign.Deferred, campaign.InDoubt:
		return shell.Waiting
	case campaign.Failed:
		return shell.Bad
	}
	return shell.Quiet
}

func serviceTone(s message.State) shell.Tone {
	switch s {
	case message.Accepted:
		return shell.Good
	case message.Failed:
		return shell.Bad
	case message.LeftOut:
		return shell.Quiet
	}
	return shell.Waiting
}
