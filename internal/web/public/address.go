// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/token"
	"consend/internal/people/contact"
	"consend/internal/people/move"
	"consend/internal/web/shell"
)

// The pages of a change of address: the person asks from their choices, and each of the two
// mailboxes answers by its own link.

// asker is who holds a link to their choices.
func (p *Pages) asker(r *shell.Request) (c contact.Contact, err error) {
	t, err := p.link(r, "token", token.Preferences, 1, 2)
	if err != nil {
		return c, err
	}
	err = p.view(r, func(v *store.View) (err error) {
		if c, err = contact.Get(v, t.Objects[0]); err != nil {
			return err
		}
		if c.State.Ending() {
			return fault.New(fault.NotFound, "contact.none")
		}
		if left, err := leftBehind(v, t, c); err != nil {
			return err
		} else if left {
			return older()
		}
		_, err = speakTo(r, v, c.Language)
		return err
	})
	return c, err
}

func (p *Pages) address(r *shell.Request) error {
	c, err := p.asker(r)
	if fault.Is(err, fault.NotFound) {
		return badLink()
	}
	if err != nil {
		return err
	}
	return r.Render(ok, addressPage(r, c.Email.Raw(), shell.NewForm()))
}

func (p *Pages) addressPost(r *shell.Request) error {
	c, err := p.asker(r)
	if fault.Is(err, fault.NotFound) {
		return badLink()
	}
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	to, err := address.Parse(f.Get("address"))
	if err == nil {
		err = p.write(r, func(tx *store.Tx) error { _, err := move.Ask(tx, c.ID, to); return err })
	} else {
		for _, e := range fault.All(err) {
			err = e.At("address")
		}
	}
	if f.Take(err) {
		return r.Render(http.StatusUnprocessableEntity, addressPage(r, c.Email.Raw(), f))
	}
	if err != nil {
		return err
	}
	return say(r, ok, word{Title: r.P.T("move.ask.done.title"), Text: r.P.T("move.ask.done"), Tone: shell.Info})
}

// moving is who holds a link of one side of a change.
type moving struct {
	c     move.Change
	side  move.Side
	stage move.Stage
}

func (p *Pages) moving(r *shell.Request) (m moving, err error) {
	kind, side := token.MoveOld, move.Old
	if t, err := token.Parse(r.Path("token")); err == nil && t.Kind == token.MoveNew {
		kind, side = token.MoveNew, move.New
	}
	t, err := p.link(r, "token", kind, 1)
	if err != nil {
		return m, err
	}
	m.side = side
	err = p.view(r, func(v *store.View) (err error) {
		if m.c, err = move.Find(v, t.Objects[0]); err != nil {
			return err
		}
		m.stage = m.c.Stage(side, v.Now)
		c, err := contact.Get(v, m.c.ContactID)
		if fault.Is(err, fault.NotFound) || err == nil && c.State.Ending() {
			m.stage, err = move.Vanished, nil
		}
		if err == nil && c.Language != "" {
			_, err = speakTo(r, v, c.Language)
		}
		return err
	})
	return m, err
}

// move shows two buttons. However often machines look, nothing is moved.
func (p *Pages) move(r *shell.Request) error {
	m, err := p.moving(r)
	if err != nil {
		return err
	}
	return p.moved(r, m)
}

func (p *Pages) movePost(r *shell.Request) error {
	m, err := p.moving(r)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	do := f.Get("do")
	if do != "yes" && do != "no" {
		return fault.New(fault.Invalid, "shell.bad_form")
	}
	if m.c.ID != 0 {
		if err := p.write(r, func(tx *store.Tx) (err error) { m.stage, err = move.Say(tx, m.c.ID, m.side, do == "yes"); return err }); err != nil {
			return err
		}
	}
	return p.moved(r, m)
}

func (p *Pages) moved(r *shell.Request, m moving) error {
	w := word{Title: r.P.T("move.page.title"), Text: r.P.T("move.page."+string(m.stage), "account", r.Brand.Name, "when", r.P.DateTime(m.c.EndsAt)), Tone: shell.Info}
	switch m.stage {
	case move.Ready:
		return r.Render(ok, movePage(r, m))
	case move.Moved:
		w.Tone = shell.Good
	case move.TooLate, move.Vanished:
		w.Tone = shell.Waiting
		return say(r, http.StatusGone, w)
	}
	return say(r, ok, w)
}
