// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// mine is everything an account sends one person, or measures of them.
type mine struct {
	address       string
	language      string
	mails, grants []choice
	any           bool // something can still be stopped
	said          string
}

// choice is one list and where the person stands.
type choice struct {
	list  int64
	title string
	state string
	tone  shell.Tone
	since legalclock.Moment
	do    string // leave, back, agree or ""
	label string

	receipt string // the page of the yes behind it, when there is one
}

func languages() []string { return locale.Languages() }

func (p *Pages) choices(r *shell.Request) error { return p.choicesPage(r, "") }

func (p *Pages) choicesPage(r *shell.Request, said string) error {
	t, err := p.link(r, "token", token.Preferences, 1)
	if err != nil {
		return err
	}
	var m mine
	err = p.view(r, func(v *store.View) (err error) { m, err = p.mine(r, v, t.Objects[0]); return err })
	if fault.Is(err, fault.NotFound) {
		return say(r, ok, word{Title: r.P.T("public.choices.title"), Text: r.P.T("public.left.nothing"), Tone: shell.Good})
	}
	if err != nil {
		return err
	}
	if said != "" {
		m.said = r.P.T(said)
	}
	return r.Render(ok, choicesPage(r, m))
}

func (p *Pages) mine(r *shell.Request, v *store.View, id int64) (mine, error) {
	c, err := contact.Get(v, id)
	if err != nil {
		return mine{}, err
	}
	if c.State.Ending() {
		return mine{}, fault.New(fault.NotFound, "contact.none")
	}
	speak(r, c.Language)
	m := mine{address: c.Email.Raw(), language: r.P.Lang} // shown to its owner only
	stands, err := consent.Standings(v, id)
	if err != nil {
		return m, err
	}
	lists, err := list.All(v)
	if err != nil {
		return m, err
	}
	at := map[int64]consent.Standing{}
	for _, s := range stands {
		at[s.ListID] = s
	}
	key, err := p.Ring.MAC(r.Account, token.Receipt.Key())
	if err != nil {
		return m, err
	}
	for _, l := range lists {
		s, known := at[l.ID]
		if !known && (l.Kind != list.Grant || l.RetiredAt != 0) {
			continue // lists the person isn't on are the account's own business
		}
		x := shownChoice(r, l, s)
		if s.State == consent.Given && s.Basis == consent.ByConsent && s.Since != 0 {
			x.receipt = "/r/" + token.Make(key, token.Receipt, r.Account, id, s.EventID)
		}
		m.any = m.any || x.do == "leave"
		if l.Kind == list.Grant {
			m.grants = append(m.grants, x)
		} else {
			m.mails = append(m.mails, x)
		}
	}
	return m, nil
}

func shownChoice(r *shell.Request, l list.List, s consent.Standing) choice {
	x := choice{list: l.ID, title: l.Title(r.P.Lang), since: s.Since}
	set := func(tone shell.Tone, state, do string) {
		x.tone, x.state, x.do = tone, r.P.T("public.state."+state), do
		if do != "" {
			x.label = r.P.T("public.do." + do)
		}
	}
	grant := l.Kind == list.Grant
	switch {
	case s.State == consent.Given && s.Reason == "" || s.State == consent.Given && grant:
		set(shell.Good, "on", "leave")
	case s.State == consent.Given:
		set(shell.Quiet, "stopped", "back")
	case s.State == consent.Requested:
		set(shell.Waiting, "asked", "leave")
	case s.State == consent.Waiting:
		set(shell.Quiet, "waiting", "leave")
	case grant && s.Said != consent.SaidNo:
		set(shell.Quiet, "off", "agree")
	default:
		set(shell.Quiet, "off", "back")
	}
	if l.RetiredAt != 0 && x.do != "leave" || grant && x.do == "back" {
		x.do = ""
	}
	return x
}

func (p *Pages) choicesPost(r *shell.Request) error {
	t, err := p.link(r, "token", token.Preferences, 1)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	id := t.Objects[0]
	chosen, _ := f.Int("list")
	said := ""
	err = p.write(r, func(tx *store.Tx) error {
		c, err := contact.Get(tx, id)
		if err != nil {
			return err
		}
		if lang := f.Get("language"); locale.Known(lang) {
			said = "public.said.language"
			return contact.Correct(tx, id, 0, contact.Change{Language: &lang})
		}
		speak(r, c.Language)
		switch f.Get("do") {
		case "leave":
			said = "public.said.left"
			return withdraw(tx, id, chosen, "page", origin(r), r.P.Lang)
		case "all":
			said = "public.said.all"
			return stopAll(tx, id, origin(r), r.P.Lang)
		case "back":
			can, err := form.Back(tx, id, chosen, origin(r))
			if said = "public.said.back"; !can {
				said = "public.said.no_form"
			}
			return err
		case "agree":
			said = "public.said.agreed"
			return agree(tx, r, id, chosen)
		}
		return fault.New(fault.Invalid, "shell.bad_form")
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return p.choicesPage(r, said)
}

// agree is a yes to being measured, from the person's own page; its words are the list's.
func agree(tx *store.Tx, r *shell.Request, person, id int64) error {
	l, err := list.Get(tx, id)
	if err != nil {
		return err
	}
	if l.Kind != list.Grant || l.RetiredAt != 0 {
		return fault.New(fault.Invalid, "shell.bad_choice")
	}
	_, err = consent.Apply(tx, []consent.Event{{Contact: person, List: id, Kind: consent.Accept, Source: "preferences", Method: "page",
		Text: l.Title(r.P.Lang) + "\n[" + r.P.T("public.do.agree") + "]\n", Language: r.P.Lang, Origin: origin(r)}})
	return err
}
