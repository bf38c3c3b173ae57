// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/web/shell"
)

// leaver is who holds a link that leaves a list.
type leaver struct {
	contact contact.Contact
	list    list.List
	all     bool // the link leaves everything the account writes, not one list
	gone    bool // nothing of this person is here any more: they have left
	read    []string
}

// title is what is left.
func (l leaver) title(r *shell.Request) titled {
	if l.all {
		return titled{text: r.P.T("public.leave.everything", "account", r.Brand.Name)}
	}
	return listTitle(r, l.list, l.read)
}

func (p *Pages) leaver(r *shell.Request) (leaver, error) {
	t, err := p.link(r, "token", token.Unsubscribe, 2, 3)
	if err != nil {
		return leaver{}, err
	}
	var l leaver
	err = p.view(r, func(v *store.View) (err error) {
		l.all = t.Objects[1] == 0
		if l.contact, err = contact.Get(v, t.Objects[0]); err == nil && !l.all {
			l.list, err = list.Get(v, t.Objects[1])
		}
		if err == nil {
			l.read, err = speakTo(r, v, l.contact.Language)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return leaver{gone: true}, nil
	}
	return l, err
}

// leave shows one button, and to who left already that they did. Scanners that follow every link
// unsubscribe nobody (compliance T-12).
func (p *Pages) leave(r *shell.Request) error {
	l, err := p.leaver(r)
	if err != nil {
		return err
	}
	if l.gone {
		return p.left(r, l, r.P.T("public.left.nothing"), false)
	}
	var already, never bool
	err = p.view(r, func(v *store.View) (err error) { already, never, err = l.already(v); return err })
	switch {
	case err != nil:
		return err
	case already && never:
		return p.left(r, l, r.P.T("public.left.already.everything", "account", r.Brand.Name), false)
	case already:
		return p.left(r, l, r.P.T("public.left.already", "list", titleHere), true)
	}
	return r.Render(ok, leavePage(r, l.title(r)))
}

// already tells whether the person said no and nothing stands that the link could still end; never:
// they said no to everything.
func (l leaver) already(v *store.View) (already, never bool, err error) {
	if never, err = objected(v, l.contact); err != nil {
		return false, false, err
	}
	no := never
	for _, id := range []int64{l.contact.ID, l.contact.MergedInto} { // a no reaches whom they were merged into
		if id == 0 {
			continue
		}
		all, err := consent.Standings(v, id)
		if err != nil {
			return false, false, err
		}
		for _, s := range all {
			switch {
			case !l.all && s.ListID != l.list.ID:
			case stoppable(s, never):
				return false, never, nil
			case !l.all && (s.State == consent.Withdrawn || s.State == consent.Refused):
				no = true
			}
		}
	}
	return no, never, nil
}

// leavePost acts at once: a button of ours, or a mail program's one click (RFC 8058 3.1:
// POST, List-Unsubscribe=One-Click, no cookie, no further question).
func (p *Pages) leavePost(r *shell.Request) error {
	l, err := p.leaver(r)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	oneClick := f.Get("List-Unsubscribe") == "One-Click"
	do := f.Get("do")
	switch {
	case l.gone:
		return p.left(r, l, r.P.T("public.left.nothing"), false)
	case l.all && (oneClick || do == "leave"):
		if err := p.write(r, func(tx *store.Tx) error { return stopAll(tx, l.contact.ID, fromMail(oneClick), origin(r), r.P.Lang) }); err != nil {
			return err
		}
		return p.left(r, l, r.P.T("public.left.everything", "account", r.Brand.Name), false)
	case oneClick, do == "leave":
		if err := p.write(r, func(tx *store.Tx) error {
			return withdraw(tx, l.contact.ID, l.list.ID, fromMail(oneClick), origin(r), r.P.Lang)
		}); err != nil {
			return err
		}
		return p.left(r, l, r.P.T("public.left.text", "list", titleHere), true)
	case do == "all":
		if err := p.write(r, func(tx *store.Tx) error { return stopAll(tx, l.contact.ID, fromMail(false), origin(r), r.P.Lang) }); err != nil {
			return err
		}
		return p.left(r, l, r.P.T("public.left.everything", "account", r.Brand.Name), false)
	case do == "back" && !l.all:
		return p.back(r, l)
	}
	return r.Render(ok, leavePage(r, l.title(r)))
}

// way is how a no reached us, as the ledger and the page of a contact tell it.
type way struct {
	source, method string
	did            contact.Doing
}

// onChoices is a no said on the page of choices.
var onChoices = way{"preferences", "page", contact.Chose}

// fromMail is a no by what a mail leads to: the mail program's one click, or our page with its button.
func fromMail(oneClick bool) way {
	if oneClick {
		return way{"mail", "one_click", contact.Left}
	}
	return way{"mail", "page", contact.Left}
}

// back undoes by a new confirmation mail, never by a switch.
func (p *Pages) back(r *shell.Request, l leaver) error {
	var can bool
	err := p.write(r, func(tx *store.Tx) (err error) {
		can, err = form.Back(r.R.Context(), tx, l.contact.ID, l.list.ID, r.P.T("public.left.back.text")+"\n"+asked(r, l.list, l.read, "public.left.back"), origin(r))
		return err
	})
	if err != nil {
		return err
	}
	if !can {
		return say(r, ok, word{Title: r.P.T("public.back.title"), Text: r.P.T("public.back.none", "account", r.Brand.Name), Tone: shell.Info})
	}
	return say(r, ok, word{Title: r.P.T("public.sent.title"), Text: r.P.T("public.back.text"), Tone: shell.Info})
}

// titleHere stands in a sentence for a title that may be in another language.
const titleHere = "\x00"

// left is the page after leaving.
type left struct {
	text       string // the list's title stands at titleHere
	title      titled
	more, back bool
	choices    string
}

func (p *Pages) left(r *shell.Request, l leaver, text string, more bool) error {
	x := left{text: text, title: l.title(r), more: more, back: more && !l.gone}
	if !l.gone {
		key, err := p.Ring.MAC(r.Account, token.Preferences.Key())
		if err != nil {
			return err
		}
		x.choices = "/p/" + token.Make(key, token.Preferences, r.Account, l.contact.ID)
	}
	return r.Render(ok, leftPage(r, x))
}

// withdraw is GDPR 7(3): as easy as giving, effective with this commit.
func withdraw(tx *store.Tx, person, list int64, w way, o consent.Origin, lang string) error {
	_, err := consent.Apply(tx, []consent.Event{{Contact: person, List: list, Kind: consent.Withdraw, Source: w.source, Method: w.method, Language: lang, Origin: o}})
	if err != nil {
		return err
	}
	return contact.Active(tx, []contact.Activity{{Contact: person, Kind: w.did}})
}

// stopAll is GDPR 21(2) and (3): no more marketing of any kind from this account; service
// mail stays possible (compliance T-39).
func stopAll(tx *store.Tx, person int64, w way, o consent.Origin, lang string) error {
	all, err := consent.Standings(tx, person)
	if err != nil {
		return err
	}
	var events []consent.Event
	for _, s := range all {
		events = append(events, consent.Event{Contact: person, List: s.ListID, Kind: consent.Object, Source: w.source, Method: w.method, Language: lang, Origin: o})
	}
	if len(events) > 0 {
		if _, err := consent.Apply(tx, events); err != nil {
			return err
		}
	}
	if err := consent.Suppress(tx, person, consent.Objected, consent.Everything); err != nil {
		return err
	}
	return contact.Active(tx, []contact.Activity{{Contact: person, Kind: w.did}})
}
