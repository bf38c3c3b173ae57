// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"net/http"
	"net/url"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// confirm shows one button. However often machines look, nothing is confirmed.
func (p *Pages) confirm(r *shell.Request) error {
	t, err := p.link(r, "token", token.Confirm, 1)
	if err != nil {
		return err
	}
	var w form.Waiting
	var stage form.Stage
	err = p.view(r, func(v *store.View) (err error) {
		if w, err = form.Look(v, t.Objects[0]); err == nil {
			stage, err = w.Stage(v, v.Now)
		}
		return err
	})
	if err != nil {
		return err
	}
	if to := w.Version.Definition.Redirect; to != "" && stage == form.Ready {
		leadTo(r, to)
	}
	return p.stage(r, stage, w)
}

// leadTo lets the answer to the page's form go to the account's own site, and to no other.
func leadTo(r *shell.Request, to string) {
	u, err := url.Parse(to)
	if err != nil {
		return
	}
	h := r.W.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' https://"+u.Hostname(), 1))
}

func (p *Pages) confirmPost(r *shell.Request) error {
	t, err := p.link(r, "token", token.Confirm, 1)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	var w form.Waiting
	var stage form.Stage
	var stays []held
	do := f.Get("do")
	act := map[string]func(tx *store.Tx) (form.Stage, error){
		"confirm": func(tx *store.Tx) (form.Stage, error) { return form.Confirm(tx, t.Objects[0], origin(r)) },
		"not_me":  func(tx *store.Tx) (form.Stage, error) { return form.NotMe(tx, t.Objects[0], origin(r)) },
		"shut":    func(tx *store.Tx) (form.Stage, error) { return form.Shut(tx, t.Objects[0], origin(r)) },
		"reconsider": func(tx *store.Tx) (form.Stage, error) {
			return form.Reconsider(tx, t.Objects[0], r.P.T("public.reconsider.text")+"\n["+r.P.T("public.reconsider.do")+"]\n", origin(r))
		},
		"again": func(tx *store.Tx) (form.Stage, error) { return form.AskAgain(tx, t.Objects[0]) },
	}[do]
	if act == nil {
		return fault.New(fault.Invalid, "shell.bad_form")
	}
	err = p.write(r, func(tx *store.Tx) (err error) {
		if w, err = form.Look(tx, t.Objects[0]); err != nil {
			return err
		}
		if w.ID != 0 { // the words that are kept are those of the page
			speakAs(r, w)
			tx.Who.Language = r.P.Lang
		}
		if stage, err = act(tx); err == nil && stage == form.SaidNo && w.ID != 0 {
			stays, err = p.held(r, tx, w)
		}
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case do == "confirm" && stage == form.Ready && w.Version.Definition.Redirect != "":
		r.W.Header().Set("Referrer-Policy", "no-referrer") // the address of this page is a secret
		http.Redirect(r.W, r.R, w.Version.Definition.Redirect, http.StatusSeeOther)
		return nil
	case do == "confirm" && stage == form.Ready:
		return say(r, ok, doneWord(r, w.Version.Definition, w.Language))
	case do == "not_me" && stage == form.SaidNo:
		return r.Render(ok, noPage(r, r.P.T("public.not_me.title"), r.P.T("public.not_me.text", "account", r.Brand.Name), shell.Good, false, stays))
	case do == "shut" && stage == form.SaidNo:
		return r.Render(ok, noPage(r, r.P.T("public.shut.title"), r.P.T("public.shut.done"), shell.Good, true, stays))
	case (do == "again" || do == "reconsider") && stage == form.Ready:
		return say(r, ok, word{Title: r.P.T("public.sent.title"), Text: r.P.T("public.sent.text"), Tone: shell.Info})
	}
	return p.stage(r, stage, w)
}

// stage is the page of a sign-up's stage: each says kindly where things stand.
func (p *Pages) stage(r *shell.Request, s form.Stage, w form.Waiting) error {
	if w.ID == 0 { // gone, and the language it was made in with it
		speak(r, locale.Match(r.R.Header.Get("Accept-Language")))
	} else {
		speakAs(r, w)
	}
	switch s {
	case form.Ready:
		return r.Render(ok, confirmPage(r, w))
	case form.TooLate:
		return r.Render(http.StatusGone, latePage(r, w))
	case form.Already:
		return say(r, ok, alreadyWord(r, w.Version.Definition, w.Language))
	case form.SaidNo:
		return r.Render(ok, noPage(r, r.P.T("public.said_no.title"), r.P.T("public.said_no.text"), shell.Info, false, nil))
	}
	return say(r, http.StatusGone, word{Title: r.P.T("public.late.title"), Text: r.P.T("public.vanished.text"), Tone: shell.Waiting})
}

// held is a list on which somebody stands whatever a sign-up of another asked for.
type held struct {
	text  string // the title stands at titleHere
	title titled
	leave string
}

// held tells what a "not me" leaves as it was, and how it is left.
func (p *Pages) held(r *shell.Request, v store.Reader, w form.Waiting) (out []held, err error) {
	stands, err := form.Held(v, w)
	if err != nil || len(stands) == 0 {
		return nil, err
	}
	key, err := p.Ring.MAC(r.Account, token.Unsubscribe.Key())
	if err != nil {
		return nil, err
	}
	for _, s := range stands {
		l, err := list.Get(v, s.ListID)
		if err != nil {
			return nil, err
		}
		x := held{r.P.T("public.not_me.stays", "list", titleHere), listTitle(r, l, []string{w.Language, r.P.Lang}),
			"/u/" + token.Make(key, token.Unsubscribe, r.Account, w.ContactID, s.ListID)}
		if s.Said == consent.SaidYes {
			x.text = r.P.T("public.not_me.confirmed", "list", titleHere, "when", r.P.Date(s.SaidAt))
		}
		out = append(out, x)
	}
	return out, nil
}
