// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// wish is one thing the person asked for: to join, to leave, to be written to elsewhere, not to be used.
type wish struct {
	at    legalclock.Moment
	what  string
	about string
	tone  shell.Tone
	state string
	ended legalclock.Moment
}

func (p *Pages) requests(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	var wishes []wish
	err = p.view(r, func(v *store.View) (err error) { wishes, err = wishesOf(r, v, c); return err })
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, requestsPage(r, c, wishes))
}

// wishesOf gathers what a person asked for, the newest first.
func wishesOf(r *shell.Request, v *store.View, c contact.Contact) ([]wish, error) {
	all, err := list.All(v)
	if err != nil {
		return nil, err
	}
	lists := named(all)
	var out []wish
	signups, err := form.Of(v, c.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range signups {
		var names []string
		for _, id := range s.Kept() {
			names = append(names, lists[id].Name)
		}
		how := "people.wish.signup"
		if s.Way() != "" {
			how = "people.wish.signup.page"
		}
		out = append(out, wish{s.RequestedAt, r.P.T(how), r.P.Join(names), wishTones[s.State], r.P.T("forms.signup.state." + s.State), s.EndedAt})
	}
	records, err := consent.Events(v, c.ID)
	if err != nil {
		return nil, err
	}
	for _, e := range records {
		if e.Kind.No() {
			w := wish{e.OccurredAt, r.P.T("people.event." + string(e.Kind)), lists[e.ListID].Name, shell.Good, r.P.T("people.wish.holds"), e.RecordedAt}
			if yes, ok := turned(e, records); ok {
				w.tone, w.state, w.ended = shell.Quiet, r.P.T("people.wish.back", "when", r.P.Date(yes)), yes
			}
			out = append(out, w)
		}
	}
	told, err := objections(r, v, c, lists, records)
	if err != nil {
		return nil, err
	}
	frozen, err := freezes(r, v, c)
	if err != nil {
		return nil, err
	}
	out = append(append(out, told...), frozen...)
	changes, err := move.Of(v, c.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range changes {
		state := string(m.State)
		if m.State == move.Refused {
			state = m.Why
		}
		out = append(out, wish{m.AskedAt, r.P.T("people.wish.move"), m.Address.Raw(), wishTones[string(m.State)], r.P.T("people.wish.move." + state), m.EndedAt})
	}
	slices.SortStableFunc(out, func(a, b wish) int { return cmp.Compare(b.at, a.at) })
	return out, nil
}

// turned tells when the person took a no back: by the first yes of their own that counted after it.
func turned(no consent.Record, records []consent.Record) (when legalclock.Moment, ok bool) {
	var seq int64
	for _, e := range records {
		yes := e.Kind == consent.Confirm || e.Kind == consent.Accept
		if yes && e.Verdict == consent.Applied && e.ListID == no.ListID && e.Seq > no.Seq && (seq == 0 || e.Seq < seq) {
			when, seq = e.RecordedAt, e.Seq
		}
	}
	return when, seq != 0
}

// objections are those the ledger tells of nowhere: of people who stood on none of the lists (GDPR 21(2)).
func objections(r *shell.Request, v *store.View, c contact.Contact, lists map[int64]list.List, records []consent.Record) ([]wish, error) {
	bars, err := consent.SuppressionsOf(v, c.Email)
	if err != nil {
		return nil, err
	}
	purposes, err := list.Purposes(v)
	if err != nil {
		return nil, err
	}
	var out []wish
	for _, b := range bars {
		known := func(e consent.Record) bool { // a line binds after the last yes, be it of the same moment
			return e.Kind == consent.Object && e.RecordedAt <= b.Since && b.Since.Sub(e.RecordedAt) < time.Second
		}
		if b.Reason != consent.Objected || slices.ContainsFunc(records, known) {
			continue
		}
		about := r.P.T("people.withdraw.all")
		switch b.Scope {
		case consent.OneList:
			about = lists[b.ScopeID].Name
		case consent.OnePurpose:
			i := slices.IndexFunc(purposes, func(p list.Purpose) bool { return p.ID == b.ScopeID })
			if about = ""; i >= 0 {
				about = purposes[i].Name
			}
		}
		out = append(out, wish{b.Since, r.P.T("people.event." + string(consent.Object)), about, shell.Good, r.P.T("people.wish.holds"), b.Since})
	}
	return out, nil
}

// freezes are when the person's data was frozen, why, and when that ended (GDPR 18).
func freezes(r *shell.Request, v *store.View, c contact.Contact) ([]wish, error) {
	var acts []trace.Entry
	for _, action := range []string{"contact.restrict", "contact.unrestrict"} {
		some, err := trace.Search(v, trace.Question{Contact: c.ID, Action: action})
		if err != nil {
			return nil, err
		}
		acts = append(acts, some...)
	}
	slices.SortFunc(acts, func(a, b trace.Entry) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	var out []wish
	for _, e := range acts {
		if e.Action == "contact.restrict" {
			out = append(out, wish{at: e.At, what: did(r, e), about: r.P.Or("people.freeze."+e.Fields()["why"], ""), tone: shell.Good, state: r.P.T("people.wish.holds")})
		} else if n := len(out) - 1; n >= 0 {
			out[n].tone, out[n].state, out[n].ended = shell.Quiet, did(r, e), e.At
		}
	}
	return out, nil
}

var wishTones = map[string]shell.Tone{"pending": shell.Waiting, "confirmed": shell.Good, "not_me": shell.Bad, "expired": shell.Quiet,
	string(move.Asked): shell.Waiting, string(move.Done): shell.Good, string(move.Refused): shell.Bad}

// object records that the person says no to marketing: absolute, of everything, with no reason
// asked (GDPR 21(2), 21(3)).
func (p *Pages) object(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, objectPage(r, c, shell.NewForm("on", r.P.Input(r.Now()))))
}

func (p *Pages) objectPost(r *shell.Request) error {
	c, err := p.one(r)
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	on, ok := f.Date("on")
	if !ok || on > r.Now() {
		f.Fail("on", "people.withdraw.day")
	}
	if !has(hows, f.Get("how")) {
		f.Fail("how", "people.withdraw.how.missing")
	}
	if f.OK() {
		l := consent.Leaving{Contact: c.ID, Scope: consent.Everything, Kind: consent.Object, OccurredAt: on, Source: "member", Method: f.Get("how")}
		err = p.write(r, func(tx *store.Tx) error { _, err := consent.Leave(tx, l); return err })
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, objectPage(r, c, f))
	}
	if err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, at(c.ID, "/requests"), "people.object.done")
}
