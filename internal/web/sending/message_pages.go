// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"consend/internal/gate"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/team/member"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// mailed is a message of the log with whom it is for.
type mailed struct {
	message.Message
	Name string // address or name, "" when nobody can be named any more
}

// countedDays is how far back the tiles of the log count.
const countedDays = 30

func (p *RelayPages) log(r *shell.Request) error {
	l := r.List(shell.ListSpec{Filters: []string{"state"}, Size: 50})
	state := message.State(l.Filter("state"))
	if !slices.Contains(message.States(), state) {
		state = ""
	}
	before, _ := strconv.ParseInt(l.After, 10, 64)
	var list []mailed
	var counts []message.Counted
	var waiting []message.Held
	next := ""
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) error {
		rows, err := message.Page(v, state, before, l.Size+1)
		if err != nil {
			return err
		}
		if len(rows) > l.Size {
			rows = rows[:l.Size]
			next = strconv.FormatInt(rows[len(rows)-1].ID, 10)
		}
		if list, err = named(v, rows); err != nil {
			return err
		}
		if counts, err = message.Counts(v, v.Now.Add(-countedDays*24*time.Hour)); err != nil {
			return err
		}
		waiting, err = message.Waiting(v)
		return err
	})
	if err != nil {
		return err
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "messages", Contacts: contactsOf(list), Filter: r.R.URL.RawQuery}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, logPage(r, l, list, counts, waiting, next))
}

// named finds whom messages are for. Who is gone has no name; the row stays.
func named(v *store.View, rows []message.Message) ([]mailed, error) {
	var contacts []int64
	for _, m := range rows {
		if m.ContactID != 0 {
			contacts = append(contacts, m.ContactID)
		}
	}
	names := map[int64]string{}
	if len(contacts) > 0 {
		list, err := contact.Some(v, contacts)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			names[c.ID] = c.Email.Raw()
		}
	}
	out := make([]mailed, len(rows))
	for i, m := range rows {
		out[i] = mailed{m, names[m.ContactID]}
		if m.MemberID != 0 {
			who, err := member.Get(v, m.MemberID)
			if err == nil {
				out[i].Name = who.Called().Raw()
			}
		}
	}
	return out, nil
}

func contactsOf(list []mailed) []int64 {
	var out []int64
	seen := map[int64]bool{}
	for _, m := range list {
		if m.ContactID != 0 && !seen[m.ContactID] {
			seen[m.ContactID] = true
			out = append(out, m.ContactID)
		}
	}
	return out
}

func (p *RelayPages) message(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	var m mailed
	var given gate.Given
	var through relay.Relay
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error {
		row, err := message.Get(v, id)
		if err != nil {
			return err
		}
		list, err := named(v, []message.Message{row})
		if err != nil {
			return err
		}
		m = list[0]
		if m.RelayID != 0 {
			if through, err = relay.Get(v, m.RelayID); err != nil {
				return err
			}
		}
		if m.PermitID != 0 {
			given, err = gate.Get(v, m.PermitID)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := trace.Look(r.Context(), p.DB, r.Who, trace.Looked{Object: "message", ObjectID: id, Contacts: contactsOf([]mailed{m})}); err != nil {
		return err
	}
	return r.Render(http.StatusOK, messagePage(r, m, given, through))
}

func (p *RelayPages) again(r *shell.Request) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return message.Again(tx, id) }); err != nil {
		return err
	}
	p.Service.Wake()
	return r.Redirect(http.StatusSeeOther, fmt.Sprintf("/service/%d", id), "web_sending.again.done")
}

func stateTone(s message.State) shell.Tone {
	switch s {
	case message.Accepted:
		return shell.Good
	case message.Failed:
		return shell.Bad
	case message.Uncertain, message.Deferred:
		return shell.Waiting
	case message.LeftOut:
		return shell.Quiet
	}
	return shell.Info
}

func classText(r *shell.Request, c gate.Class) string {
	if c == "" {
		return r.P.T("message.class.unknown")
	}
	return r.P.T("message.class." + string(c))
}

// held tells whether open messages wait for something a person can change.
func held(waiting []message.Held) []message.Held {
	var out []message.Held
	for _, w := range waiting {
		if stops(w.Reason) || w.Reason == message.Settings || w.Reason == message.NoConnection {
			out = append(out, w)
		}
	}
	return out
}
