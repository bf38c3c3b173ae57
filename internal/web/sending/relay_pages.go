// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sending promises pages on which people see what is sent, by whom and why not: campaigns,
// the sending services with the companies behind them, the built-in mailbox, the log of service mail.
//
// It decides nothing: what may go says the gate, what becomes of a provider says a person, in a
// verb of chain/processor.
package sending

import (
	"net/http"

	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/transactional"
	"consend/internal/web/shell"
)

// RelayPages are the sending services and who is behind them, the built-in mailbox, and the log
// of service mail.
type RelayPages struct {
	DB      *store.DB
	Service *transactional.Sender
}

// Routes is the pages' part of the access table.
func (p *RelayPages) Routes() []shell.Route {
	read, write := shell.SettingsRead, shell.ProvidersWrite
	return []shell.Route{
		{Method: "GET", Pattern: "/settings/sending", Permission: read, Handler: p.services},
		{Method: "GET", Pattern: "/settings/sending/new", Permission: write, Handler: p.choose},
		{Method: "GET", Pattern: "/settings/sending/new/{entry}", Permission: write, Handler: p.add},
		{Method: "POST", Pattern: "/settings/sending/new/{entry}", Permission: write, Trace: []string{"processor.add", "relay.add", "relay.choose"}, Handler: p.addPost},
		{Method: "GET", Pattern: "/settings/sending/service/{id}", Permission: read, Handler: p.service},
		{Method: "POST", Pattern: "/settings/sending/service/{id}/use", Permission: write, Trace: []string{"relay.choose"}, Handler: p.use},
		{Method: "POST", Pattern: "/settings/sending/service/{id}/try", Permission: write, Trace: []string{"relay.try", "gate.permit"}, Handler: p.try},
		{Method: "POST", Pattern: "/settings/sending/service/{id}/password", Permission: write, Trace: []string{"relay.password"}, Handler: p.password},
		{Method: "POST", Pattern: "/settings/sending/service/{id}/retire", Permission: write, Trace: []string{"relay.retire"}, Handler: p.retire},

		{Method: "GET", Pattern: "/settings/sending/provider/{id}", Permission: read, Handler: p.carrier},
		{Method: "GET", Pattern: "/settings/sending/provider/{id}/{act}", Permission: write, Handler: p.decide},
		{Method: "POST", Pattern: "/settings/sending/provider/{id}/{act}", Permission: write,
			Trace:   []string{"processor.suspend", "processor.resume", "processor.terminate", "processor.contract", "processor.transfer", "processor.paper_follows", "processor.review"},
			Handler: p.decidePost},

		{Method: "GET", Pattern: "/settings/terms", Permission: read, Handler: p.terms},
		{Method: "POST", Pattern: "/settings/terms/publish", Permission: shell.LegalSign, Trace: []string{"legal.publish"}, Handler: p.publish},
		{Method: "POST", Pattern: "/settings/terms/{id}/accept", Permission: shell.LegalSign, Trace: []string{"legal.accept"}, Handler: p.accept},

		{Method: "GET", Pattern: "/mailbox", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Handler: p.mailbox},
		{Method: "GET", Pattern: "/mailbox/{id}", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Handler: p.caught},
		{Method: "GET", Pattern: "/mailbox/{id}/html", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Frame: shell.FrameOwn, Handler: p.caughtHTML},
		{Method: "GET", Pattern: "/mailbox/{id}/raw", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Handler: p.caughtRaw},
		{Method: "POST", Pattern: "/mailbox/empty", Permission: shell.ServiceWrite, Trace: []string{"relay.empty_mailbox"}, Handler: p.empty},

		{Method: "GET", Pattern: "/service", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Handler: p.log},
		{Method: "GET", Pattern: "/service/{id}", Permission: shell.ServiceRead, Shows: shell.ShowsPerson, Handler: p.message},
		{Method: "POST", Pattern: "/service/{id}/again", Permission: shell.ServiceWrite, Trace: []string{"message.again"}, Handler: p.again},
	}
}

// service is one sending service as pages show it.
type service struct {
	relay.Relay
	Carrier   processor.Record
	Holds     bool
	Why       processor.Reason
	Reminders []processor.Reminder
	Used      bool
	Ours      bool // the account may change it
}

func (s service) name(r *shell.Request) string {
	if s.Kind == relay.Mailbox {
		return r.P.T("web_sending.mailbox")
	}
	return s.Name
}

func services(v *store.View) ([]service, error) {
	list, err := relay.All(v)
	if err != nil {
		return nil, err
	}
	used, err := relay.Default(v)
	if err != nil {
		return nil, err
	}
	var out []service
	for _, r := range list {
		s, err := serviceOf(v, r)
		if err != nil {
			return nil, err
		}
		s.Used = r.ID == used.ID
		out = append(out, s)
	}
	return out, nil
}

func serviceOf(v *store.View, r relay.Relay) (service, error) {
	s := service{Relay: r}
	var err error
	if s.Carrier, err = processor.Get(v, r.Processor); err != nil {
		return s, err
	}
	rules, err := rulepack.For(v)
	if err != nil {
		return s, err
	}
	s.Holds, s.Why = s.Carrier.Holds(rules, v.Now)
	s.Reminders = s.Carrier.Reminders(rules, v.Now)
	s.Ours = r.Kind != relay.Mailbox && processor.Mine(v, r.Owner) == nil
	return s, nil
}

func (p *RelayPages) services(r *shell.Request) error {
	var list []service
	var waiting []message.Held
	err := p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if list, err = services(v); err == nil {
			waiting, err = message.Waiting(v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, servicesPage(r, list, waiting))
}

func (p *RelayPages) one(r *shell.Request) (s service, err error) {
	id, err := r.ID("id")
	if err != nil {
		return s, err
	}
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) error {
		got, err := relay.Get(v, id)
		if err != nil {
			return err
		}
		if s, err = serviceOf(v, got); err != nil {
			return err
		}
		used, err := relay.Default(v)
		s.Used = used.ID == id
		return err
	})
	return s, err
}

func (p *RelayPages) service(r *shell.Request) error {
	s, err := p.one(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, servicePage(r, s, nil, shell.NewForm("login", s.Login)))
}

// act runs a verb on the relay of the address and leads back to its page.
func (p *RelayPages) act(r *shell.Request, said string, f func(tx *store.Tx, id int64) error) error {
	id, err := r.ID("id")
	if err != nil {
		return err
	}
	if err := p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error { return f(tx, id) }); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, "/settings/sending", said)
}

func (p *RelayPages) use(r *shell.Request) error {
	return p.act(r, "web_sending.use.done", func(tx *store.Tx, id int64) error {
		message.Release(tx)
		return relay.Choose(tx, id)
	})
}

func (p *RelayPages) retire(r *shell.Request) error {
	return p.act(r, "web_sending.retire.done", relay.Retire)
}

func (p *RelayPages) try(r *shell.Request) error {
	s, err := p.one(r)
	if err != nil {
		return err
	}
	result, err := p.Service.Try(r.Context(), r.Who, s.ID)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, servicePage(r, s, &result, shell.NewForm("login", s.Login)))
}

func (p *RelayPages) password(r *shell.Request) error {
	s, err := p.one(r)
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error {
		message.Release(tx)
		return relay.SetPassword(tx, s.ID, f.Get("login"), f.Raw("password"))
	})
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, servicePage(r, s, nil, f))
	}
	if err != nil {
		return err
	}
	p.Service.Wake()
	return r.Redirect(http.StatusSeeOther, "/settings/sending", "web_sending.password.done")
}

// tried says in words what became of a try.
func tried(r *shell.Request, t *relay.Result) (shell.Tone, string) {
	switch t.Outcome {
	case relay.Accepted:
		return shell.Good, r.P.T("web_sending.try.accepted")
	case relay.LeftOut:
		return shell.Bad, r.P.T("web_sending.try.held", "reason", reasonText(r, string(t.Reason)))
	case relay.Uncertain:
		return shell.Waiting, r.P.T("web_sending.try.uncertain")
	}
	what := r.P.T("web_sending.try.stage." + t.Stage)
	if t.Code != 0 {
		return shell.Bad, r.P.T("web_sending.try.said", "stage", what, "code", reply(t.Code, t.Enhanced), "text", t.Text)
	}
	return shell.Bad, r.P.T("web_sending.try.silent", "stage", what)
}

// reasonText is the words of a reason of the gate, of consent or of the sender.
func reasonText(r *shell.Request, reason string) string {
	if r.P.Has("gate.reason." + reason) {
		return r.P.T("gate.reason." + reason)
	}
	return r.P.Or("message.reason."+reason, reason)
}

func stops(reason string) bool { return gate.Reason(reason).Holds() }
