// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"net/http"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/move"
	"consend/internal/people/once"
	"consend/internal/web/shell"
)

// question shows a yes and a no. However often machines look, nothing is said (compliance T-12).
func (p *Pages) question(r *shell.Request) error {
	t, err := p.link(r, "token", token.Question, 2)
	if err != nil {
		return err
	}
	var q once.Question
	if err := p.view(r, func(v *store.View) (err error) { q, err = looked(v, t); return err }); err != nil {
		return err
	}
	return p.asked(r, q, q.Stage)
}

// looked finds the question of a link. One that went to a mailbox they have left since is gone: it speaks for the new one
// no more. A no is heard from there all the same.
func looked(r store.Reader, t token.Token) (once.Question, error) {
	q, err := once.Look(r, t.Objects[0], t.Objects[1])
	if err != nil {
		return q, err
	}
	moved, err := move.Last(r, []int64{t.Objects[0]})
	if at := moved[t.Objects[0]]; at != 0 && q.Row.At <= at {
		q.Stage = once.Vanished
	}
	return q, err
}

func (p *Pages) questionPost(r *shell.Request) error {
	t, err := p.link(r, "token", token.Question, 2)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	do := f.Get("do")
	if do != "yes" && do != "no" && do != "not_me" {
		return fault.New(fault.Invalid, "shell.bad_form")
	}
	var q once.Question
	var stage once.Stage
	err = p.write(r, func(tx *store.Tx) (err error) {
		if q, err = looked(tx, t); err != nil {
			return err
		}
		if do == "yes" && q.Stage == once.Vanished {
			stage = once.Vanished
		} else if do == "yes" {
			stage, err = once.Yes(tx, t.Objects[0], t.Objects[1], origin(r))
		} else {
			stage, err = once.No(tx, t.Objects[0], t.Objects[1], do == "not_me", origin(r))
		}
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case do == "yes" && stage == once.Ready:
		r.Pin(q.Row.Language)
		return say(r, ok, word{Title: r.P.T("once.page.yes.title"), Text: r.P.T("once.page.yes.text"), Tone: shell.Good})
	case do != "yes" && stage == once.SaidNo:
		r.Pin(q.Row.Language)
		return say(r, ok, word{Title: r.P.T("once.page.no.title"), Text: r.P.T("once.page.no.text", "account", r.Brand.Name), Tone: shell.Good})
	}
	return p.asked(r, q, stage)
}

// asked is the page of a question's stage: in the language of its mail, whose words the answer rests on.
func (p *Pages) asked(r *shell.Request, q once.Question, s once.Stage) error {
	if q.Row.Language == "" {
		speak(r, locale.Match(r.R.Header.Get("Accept-Language")))
	} else {
		r.Pin(q.Row.Language)
	}
	switch s {
	case once.Ready:
		return r.Render(ok, questionPage(r, q.What, q.By))
	case once.Already:
		return r.Render(ok, answeredPage(r, r.P.T("once.page.already.title"), r.P.T("once.page.already.text")))
	case once.SaidNo:
		return say(r, ok, word{Title: r.P.T("once.page.no.title"), Text: r.P.T("once.page.said_no.text", "account", r.Brand.Name), Tone: shell.Info})
	}
	return say(r, http.StatusGone, word{Title: r.P.T("once.page.gone.title"), Text: r.P.T("once.page.gone.text"), Tone: shell.Waiting})
}
