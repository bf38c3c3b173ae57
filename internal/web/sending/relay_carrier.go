// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"fmt"
	"net/http"
	"time"

	"consend/internal/chain/processor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/sending/message"
	"consend/internal/web/shell"
)

// provider is a carrier as its page shows it.
type provider struct {
	processor.Record
	Holds     bool
	Why       processor.Reason
	Reminders []processor.Reminder
	Ours      bool
	CanPaper  bool // "renewed, paper follows" is one click away
}

func (c provider) name(r *shell.Request) string {
	if c.Kind == processor.Mailbox {
		return r.P.T("web_sending.mailbox")
	}
	return c.Name
}

func (p *RelayPages) provider(r *shell.Request) (c provider, err error) {
	id, err := r.ID("id")
	if err != nil {
		return c, err
	}
	err = p.DB.View(r.Context(), r.Who, func(v *store.View) (err error) {
		if c.Record, err = processor.Get(v, id); err != nil {
			return err
		}
		rules, err := rulepack.For(v)
		if err != nil {
			return err
		}
		c.Holds, c.Why = c.Record.Holds(rules, v.Now)
		c.Reminders = c.Record.Reminders(rules, v.Now)
		c.Ours = c.Kind != processor.Mailbox && processor.Mine(v, c.Owner) == nil
		d := c.DPA
		binding := d.Status == processor.IncorporatedByTerms || d.Status == processor.Executed || d.Status == processor.ContractExpired
		c.CanPaper = c.Ours && c.State != processor.Terminated && binding && d.PaperUntil == 0 &&
			(d.Status == processor.ContractExpired || d.Until != 0 && d.Until < v.Now.Add(90*24*time.Hour))
		return nil
	})
	return c, err
}

func (p *RelayPages) carrier(r *shell.Request) error {
	c, err := p.provider(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, carrierPage(r, c))
}

// acts are what a person can decide about a carrier: each a page with a question and its POST.
var acts = map[string]func(r *shell.Request, f *shell.Form) func(tx *store.Tx, id int64) error{
	"suspend": func(_ *shell.Request, f *shell.Form) func(*store.Tx, int64) error {
		return func(tx *store.Tx, id int64) error { return processor.Suspend(tx, id, f.Get("why")) }
	},
	"resume": func(_ *shell.Request, f *shell.Form) func(*store.Tx, int64) error {
		return func(tx *store.Tx, id int64) error { return processor.Resume(tx, id, f.Get("why")) }
	},
	"terminate": func(_ *shell.Request, f *shell.Form) func(*store.Tx, int64) error {
		return func(tx *store.Tx, id int64) error { return processor.Terminate(tx, id, f.Get("why")) }
	},
	"paper":    func(*shell.Request, *shell.Form) func(*store.Tx, int64) error { return processor.PaperFollows },
	"reviewed": func(*shell.Request, *shell.Form) func(*store.Tx, int64) error { return processor.Reviewed },
	"dpa": func(_ *shell.Request, f *shell.Form) func(*store.Tx, int64) error {
		d := processor.DPA{Status: processor.Contract(f.Get("dpa")), Version: f.Get("dpa_version"), URL: f.Get("dpa_url"), From: date(f, "dpa_from"), Until: date(f, "dpa_until")}
		return func(tx *store.Tx, id int64) error { return processor.SetDPA(tx, id, d) }
	},
	"transfer": func(_ *shell.Request, f *shell.Form) func(*store.Tx, int64) error {
		t := processor.Transfer{Mechanism: processor.Mechanism(f.Get("mechanism")), From: date(f, "mechanism_from"), Until: date(f, "mechanism_until")}
		return func(tx *store.Tx, id int64) error { return processor.Move(tx, id, t) }
	},
}

// date reads a day; an empty field is none, and what is no day is a fault.
func date(f *shell.Form, field string) legalclock.Moment {
	if f.Get(field) == "" {
		return 0
	}
	m, ok := f.Date(field)
	if !ok {
		f.Fail(field, "web_sending.bad_date")
	}
	return m
}

func (p *RelayPages) decide(r *shell.Request) error {
	if acts[r.Path("act")] == nil {
		return fault.New(fault.NotFound, "shell.not_found")
	}
	c, err := p.provider(r)
	if err != nil {
		return err
	}
	day := func(m legalclock.Moment) string {
		if m == 0 {
			return ""
		}
		return m.Time().In(r.Zone).Format(time.DateOnly)
	}
	f := shell.NewForm("dpa", string(c.DPA.Status), "dpa_version", c.DPA.Version, "dpa_url", c.DPA.URL, "dpa_from", day(c.DPA.From), "dpa_until", day(c.DPA.Until),
		"mechanism", string(c.Transfer.Mechanism), "mechanism_from", day(c.Transfer.From), "mechanism_until", day(c.Transfer.Until))
	return r.Render(http.StatusOK, decidePage(r, c, r.Path("act"), f))
}

func (p *RelayPages) decidePost(r *shell.Request) error {
	name := r.Path("act")
	if acts[name] == nil {
		return fault.New(fault.NotFound, "shell.not_found")
	}
	c, err := p.provider(r)
	if err != nil {
		return err
	}
	f, err := r.Form(16 << 10)
	if err != nil {
		return err
	}
	act := acts[name](r, f)
	if f.OK() {
		err = p.DB.Write(r.Context(), r.Who, func(tx *store.Tx) error {
			message.Release(tx) // what waited for this fact is looked at again
			return act(tx, c.ID)
		})
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, decidePage(r, c, name, f))
	}
	if err != nil {
		return err
	}
	p.Service.Wake()
	return r.Redirect(http.StatusSeeOther, fmt.Sprintf("/settings/sending/provider/%d", c.ID), "web_sending.act."+name+".done")
}
