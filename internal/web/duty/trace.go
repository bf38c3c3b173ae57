// SPDX-License-Identifier: AGPL-3.0-or-later

package duty

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/shell"
)

// TracePages search the account's trace, and hold the log against the database.
type TracePages struct {
	DB  *store.DB
	Log *trace.Log
}

// Routes is the room's part of the access table.
func (p *TracePages) Routes() []shell.Route {
	return []shell.Route{
		{Method: http.MethodGet, Pattern: "/privacy/trace", Permission: shell.TraceRead, Shows: shell.ShowsPerson, Handler: p.list},
		{Method: http.MethodGet, Pattern: "/privacy/trace/{id}", Permission: shell.TraceRead, Shows: shell.ShowsPerson, Handler: p.entry},
		{Method: http.MethodPost, Pattern: "/privacy/trace/verify", Permission: shell.TraceRead, Trace: []string{"trace.verify"}, Handler: p.verify},
	}
}

const tracePage = 50

// traced is what the page shows.
type traced struct {
	form    *shell.Form
	entries []trace.Entry
	members map[int64]string
	actions []string
	next    string
	unknown bool // an address that nobody here has
}

func (p *TracePages) list(r *shell.Request) error {
	q, out, err := p.question(r)
	if err != nil {
		return err
	}
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if out.actions, err = trace.Actions(v); err != nil {
			return err
		}
		if s := r.Q("who"); s != "" {
			if q.Contact, err = who(v, s); err != nil {
				return err
			}
			out.unknown = q.Contact == 0
		}
		if !out.unknown {
			if out.entries, err = trace.Search(v, q); err != nil {
				return err
			}
		}
		out.members, err = called(v)
		return err
	})
	if err != nil {
		return err
	}
	if q.Contact != 0 {
		if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "trace", Contacts: []int64{q.Contact}}); err != nil {
			return err
		}
	}
	if len(out.entries) == tracePage {
		c := out.entries[tracePage-1].Cursor()
		out.next = fmt.Sprintf("%d.%d", c.At, c.ID)
	}
	return r.Render(http.StatusOK, traceList(r, out))
}

// question reads what is asked from the address of the page.
func (p *TracePages) question(r *shell.Request) (trace.Question, traced, error) {
	q := trace.Question{Action: r.Q("action"), Limit: tracePage}
	out := traced{form: shell.NewForm("who", r.Q("who"), "action", q.Action, "actor", r.Q("actor"), "from", r.Q("from"), "to", r.Q("to"))}
	if id, ok := strings.CutPrefix(r.Q("actor"), "member."); ok {
		q.Actor = "member"
		q.ActorID, _ = strconv.ParseInt(id, 10, 64) // anything else finds every member's
	} else {
		q.Actor = r.Q("actor")
	}
	for name, at := range map[string]*legalclock.Moment{"from": &q.From, "to": &q.To} {
		if s := r.Q(name); s != "" {
			d, err := legalclock.ParseDate(s)
			if err != nil {
				out.form.Fail(name, "web_trace.bad_day")
				continue
			}
			if *at = d.Start(r.Zone); name == "to" {
				*at = d.End(r.Zone)
			}
		}
	}
	if s := r.Q("after"); s != "" {
		at, id, ok := strings.Cut(s, ".")
		moment, err1 := strconv.ParseInt(at, 10, 64)
		number, err2 := strconv.ParseInt(id, 10, 64)
		if !ok || err1 != nil || err2 != nil {
			return q, out, fault.New(fault.NotFound, "shell.not_found")
		}
		q.After = trace.Cursor{At: legalclock.Moment(moment), ID: number}
	}
	return q, out, nil
}

// who finds a person by number or address; 0 is nobody.
func who(v *store.View, s string) (int64, error) {
	if id, err := strconv.ParseInt(s, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	a, err := address.Parse(s)
	if err != nil {
		return 0, nil
	}
	c, _, err := contact.Find(v, a)
	return c.ID, err
}

// called gives the names of the account's members, for their own colleagues.
func called(v *store.View) (map[int64]string, error) {
	all, err := member.All(v)
	out := make(map[int64]string, len(all))
	for _, m := range all {
		out[m.ID] = m.Called().Raw()
	}
	return out, err
}

// shownEntry is one entry with what may be opened of it.
type shownEntry struct {
	trace.Entry
	values  proof.Fields
	members map[int64]string
	person  string // their address, or ""
}

func (p *TracePages) entry(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var out shownEntry
	var changed map[int64][]contact.Changed
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if out.Entry, err = trace.Find(v, id); err != nil {
			return err
		}
		if out.members, err = called(v); err != nil {
			return err
		}
		var who trace.Person
		if out.ContactID != 0 {
			who, err = contact.Person(v, out.ContactID)
			if fault.Is(err, fault.NotFound) {
				return nil // erased: what was sealed with them is gone
			}
			if err != nil {
				return err
			}
			c, err := contact.Get(v, out.ContactID)
			if err != nil {
				return err
			}
			if !c.State.Ending() {
				out.person = c.Email.Raw()
			}
			if changed, err = contact.Changes(v, c, []trace.Entry{out.Entry}); err != nil {
				return err
			}
		} else if out.Fields()["member"] != "" {
			return nil
		}
		out.values, err = trace.Values(keys.Of(v), v.Account(), id, who, out.Sealed)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range changed[id] { // what attributes were stands beside the trace, for as long as they are kept
		if out.values != nil && !c.Ended {
			out.values["before."+c.Field], out.values["after."+c.Field] = c.Before, c.After
		}
	}
	look := trace.Looked{Object: "trace", ObjectID: id}
	if out.ContactID != 0 {
		look.Contacts = []int64{out.ContactID}
	}
	for _, s := range strings.Fields(out.values["contacts"]) { // a look at many: their numbers
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && len(look.Contacts) < 1000 {
			look.Contacts = append(look.Contacts, n)
		}
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, look); err != nil {
		return err
	}
	return r.Render(http.StatusOK, traceEntry(r, out))
}

// verified is how a check went.
type verified struct {
	trace.Verdict
	elsewhere int // findings in other accounts: only that there are some is said
	took      time.Duration
}

// checkLimit is how many entries a page checks while somebody waits; beyond it the command does.
const checkLimit = 500_000

func (p *TracePages) verify(r *shell.Request) error {
	if _, err := r.Form(1 << 10); err != nil {
		return err
	}
	size, err := p.Log.Size(r.Context())
	if err != nil {
		return err
	}
	if size > checkLimit {
		return fault.New(fault.TooLarge, "web_trace.too_long", "entries", size)
	}
	watch := legalclock.Start()
	var out verified
	if out.Verdict, err = p.Log.Verify(r.Context(), trace.Check{Salts: contact.Salts}); err != nil {
		return err
	}
	out.took = watch.Elapsed()
	found := len(out.Found)
	out.Found = slices.DeleteFunc(out.Found, func(f *fault.Error) bool { return !ours(f, r.Account) })
	out.elsewhere = found - len(out.Found)
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error {
		_, err := trace.Append(tx, trace.Act{Action: "trace.verify", Object: "trace", Clear: proof.Fields{
			"entries": strconv.FormatInt(out.Entries, 10), "found": strconv.Itoa(found)}})
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, traceVerified(r, out))
}

// ours tells whether a finding is about the account, or about the log as a whole.
func ours(f *fault.Error, account int64) bool {
	for i := 0; i+1 < len(f.Args); i += 2 {
		if f.Args[i] == "account" {
			return f.Args[i+1] == strconv.FormatInt(account, 10)
		}
	}
	return true
}

// ---- words of the pages

func actionWords(r *shell.Request, action string) string {
	return r.P.Or("trace.action."+action, action)
}

func actorWords(r *shell.Request, kind string, id int64, name string, members map[int64]string) string {
	if kind == "member" && members[id] != "" {
		return members[id]
	}
	s := r.P.Or("web_trace.actor."+kind, kind)
	if name != "" {
		s += " (" + name + ")"
	}
	return s
}

func entryActor(r *shell.Request, e trace.Entry, members map[int64]string) string {
	return actorWords(r, e.Actor, e.ActorID, e.Fields()["actor_name"], members)
}

// objectWords names what an act was done to.
func objectWords(r *shell.Request, e trace.Entry) string {
	if e.Object == "" {
		return ""
	}
	s := r.P.Or("web_trace.object."+e.Object, e.Object)
	if e.ObjectID != 0 {
		s += " " + strconv.FormatInt(e.ObjectID, 10)
	}
	return s
}

func sealedBadge(r *shell.Request, e trace.Entry) shell.Component {
	if e.Place < 0 {
		return shell.Badge(shell.Waiting, r.P.T("web_trace.sealing"))
	}
	return shell.When(e.SealedAt)
}

func traceRows(r *shell.Request, t traced) []shell.Row {
	var rows []shell.Row
	for _, e := range t.entries {
		rows = append(rows, shell.Row{Link: fmt.Sprintf("/privacy/trace/%d", e.ID), Cells: []shell.Component{
			shell.Str(actionWords(r, e.Action)), shell.When(e.At), shell.Str(entryActor(r, e, t.members)), shell.Str(objectWords(r, e)), sealedBadge(r, e)}})
	}
	return rows
}

func actionChoices(r *shell.Request, actions []string) []shell.Choice {
	var out []shell.Choice
	for _, a := range actions {
		out = append(out, shell.Choice{Value: a, Label: actionWords(r, a)})
	}
	slices.SortFunc(out, func(a, b shell.Choice) int { return strings.Compare(a.Label, b.Label) })
	return out
}

func actorChoices(r *shell.Request, members map[int64]string) []shell.Choice {
	var out []shell.Choice
	for _, k := range []string{"subject", "apikey", "job", "system", "command"} {
		out = append(out, shell.Choice{Value: k, Label: r.P.T("web_trace.actor." + k)})
	}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		out = append(out, shell.Choice{Value: fmt.Sprintf("member.%d", id), Label: members[id]})
	}
	return out
}

// own are fields that stand elsewhere on the page.
var own = map[string]bool{"entry": true, "account": true, "at": true, "action": true, "actor": true, "actor_id": true, "actor_name": true, "object": true, "contact": true}

func fieldFacts(r *shell.Request, f proof.Fields) []shell.Fact {
	var out []shell.Fact
	for _, n := range slices.Sorted(maps.Keys(f)) {
		if !own[n] {
			out = append(out, shell.Fact{Label: r.P.Or("web_trace.field."+n, n), Text: f[n]})
		}
	}
	return out
}

func entryFacts(r *shell.Request, e shownEntry) []shell.Fact {
	out := []shell.Fact{
		{Label: r.P.T("web_trace.when"), Text: exact(r, e.At.String())},
		{Label: r.P.T("web_trace.who"), Text: entryActor(r, e.Entry, e.members)},
		{Label: r.P.T("web_trace.object"), Text: objectWords(r, e.Entry)},
	}
	if e.ContactID != 0 {
		f := shell.Fact{Label: r.P.T("web_trace.person"), Text: strconv.FormatInt(e.ContactID, 10)}
		if e.person != "" {
			f.Value = shell.A(fmt.Sprintf("/contacts/%d", e.ContactID), e.person)
		}
		out = append(out, f)
	}
	if e.Place >= 0 {
		return append(out, shell.Fact{Label: r.P.T("web_trace.sealed"), Text: exact(r, e.SealedAt.String()), Hint: r.P.T("web_trace.place", "place", strconv.FormatInt(e.Place+1, 10))})
	}
	return append(out, shell.Fact{Label: r.P.T("web_trace.sealed"), Text: r.P.T("web_trace.sealing")})
}

func noneText(r *shell.Request, t traced) string {
	if t.unknown {
		return r.P.T("web_trace.unknown")
	}
	return r.P.T("web_trace.none.text")
}
