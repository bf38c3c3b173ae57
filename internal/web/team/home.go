// SPDX-License-Identifier: AGPL-3.0-or-later

package team

import (
	"net/http"

	"consend/internal/ground/legalclock"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// State is what Home counts. The rooms that know fill it; what nobody counts stays zero.
type State struct {
	Sender    bool  // a sender's address is confirmed
	Forms     int64 // published forms
	Contacts  int64
	Confirmed int64 // said yes in at least one list
	Waiting   int64 // waiting for proof
	Imports   int64 // finished imports
	Campaigns int64 // campaigns that were sent
	Service   bool  // a sending service other than the built-in mailbox
	Running   int64 // work that runs now
	Last      *Campaign
}

// Campaign is the last campaign, in numbers.
type Campaign struct {
	ID       int64
	Name     string
	At       legalclock.Moment
	Accepted int64
	LeftOut  int64
	Left     int64 // unsubscribed since
}

// todo is one line of the first-day checklist. It ticks itself from what is there.
type todo struct {
	key  string
	done bool
	url  string
}

func (s State) todos(a account.Account) []todo {
	return []todo{
		{"account", a.Complete(), "/settings"},
		{"sender", s.Sender, "/settings/senders"},
		{"form", s.Forms > 0, "/forms"},
		{"people", s.Contacts > 0, "/import"},
		{"campaign", s.Campaigns > 0, "/campaigns"},
		{"service", s.Service, "/settings/sending"},
	}
}

func done(todos []todo) (n int64) {
	for _, t := range todos {
		if t.done {
			n++
		}
	}
	return n
}

func (p *Pages) home(r *shell.Request) error {
	a, err := p.bound(r)
	if err != nil {
		return err
	}
	var s State
	if p.State != nil {
		if s, err = p.State(r.Context(), r.Who); err != nil {
			return err
		}
	}
	return r.Render(http.StatusOK, homePage(r, a, s))
}

func tiles(r *shell.Request, s State) []shell.Tile {
	t := []shell.Tile{
		{Label: r.P.T("web_team.home.contacts"), Value: r.P.Number(s.Contacts), Note: r.P.N("web_team.home.confirmed", int(s.Confirmed)), Link: "/contacts"},
		{Label: r.P.T("web_team.home.forms"), Value: r.P.Number(s.Forms), Link: "/forms"},
		{Label: r.P.T("web_team.home.campaigns"), Value: r.P.Number(s.Campaigns), Link: "/campaigns"},
	}
	if s.Waiting > 0 {
		t = append(t, shell.Tile{Label: r.P.T("web_team.home.waiting"), Value: r.P.Number(s.Waiting), Note: r.P.T("web_team.home.waiting.note"), Tone: shell.Waiting, Link: "/contacts?state=waiting"})
	}
	if s.Running > 0 {
		t = append(t, shell.Tile{Label: r.P.T("web_team.home.running"), Value: r.P.Number(s.Running), Link: "/jobs"})
	}
	return t
}
