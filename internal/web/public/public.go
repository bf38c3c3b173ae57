// SPDX-License-Identifier: AGPL-3.0-or-later

// Package public shows the pages of people without a session: forms, confirmation, leaving,
// choices, privacy notes, receipts. They need no script and no cookie, speak the person's
// language, and answer alike whether an address is known or not.
//
// A link proves itself (mail/token); until then nothing is read that depends on it. Looking
// changes nothing, since machines look: what acts is a button (compliance T-12).
package public

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/token"
	"consend/internal/people/consent"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// Pages are the public pages.
type Pages struct {
	DB   *store.DB
	Ring *keys.Ring
	Desk *form.Desk
	Log  *trace.Log

	checking atomic.Int32 // files that are being checked now
}

// Routes is the room's part of the access table.
func (p *Pages) Routes() []shell.Route {
	return []shell.Route{
		{Method: "GET", Pattern: "/f/{slug}", Public: true, Frame: shell.FrameAny, Handler: p.form},
		{Method: "POST", Pattern: "/f/{slug}", Public: true, CrossSite: true, Frame: shell.FrameAny, Body: 64 << 10,
			Trace: []string{"consent.request", "consent.accept"}, Handler: p.formPost},
		{Method: "GET", Pattern: "/f/{slug}/sent", Public: true, Frame: shell.FrameAny, Handler: p.sent},
		{Method: "GET", Pattern: "/f/{slug}/puzzle", Public: true, Handler: p.puzzle},
		{Method: "GET", Pattern: "/c/{token}", Public: true, Handler: p.confirm},
		{Method: "POST", Pattern: "/c/{token}", Public: true, Body: 8 << 10, Trace: []string{"consent.confirm", "contact.correct", "form.not_me", "form.ask_again", "form.shut", "consent.request"}, Handler: p.confirmPost},
		{Method: "GET", Pattern: "/u/{token}", Public: true, Handler: p.leave},
		{Method: "POST", Pattern: "/u/{token}", Public: true, CrossSite: true, Body: 8 << 10,
			Trace: []string{"consent.withdraw", "consent.object", "suppression.add", "consent.request"}, Handler: p.leavePost},
		{Method: "GET", Pattern: "/p/{token}", Public: true, Handler: p.choices},
		{Method: "POST", Pattern: "/p/{token}", Public: true, Body: 8 << 10,
			Trace: []string{"consent.withdraw", "consent.object", "suppression.add", "consent.request", "consent.accept", "consent.refuse", "consent.confirm",
				"contact.correct", "contact.pause", "contact.resume", "contact.pace", "list.make", "purpose.make"}, Handler: p.choicesPost},
		{Method: "GET", Pattern: "/p/{token}/address", Public: true, Handler: p.address},
		{Method: "POST", Pattern: "/p/{token}/address", Public: true, Body: 8 << 10, Trace: []string{"move.ask"}, Handler: p.addressPost},
		{Method: "GET", Pattern: "/a/{token}", Public: true, Handler: p.move},
		{Method: "POST", Pattern: "/a/{token}", Public: true, Body: 8 << 10, Trace: []string{"move.yes", "move.no", "contact.correct", "form.not_me"}, Handler: p.movePost},
		{Method: "GET", Pattern: "/q/{token}", Public: true, Handler: p.question},
		{Method: "POST", Pattern: "/q/{token}", Public: true, Body: 8 << 10, Trace: []string{"consent.confirm", "consent.withdraw", "consent.not_me", "suppression.add"}, Handler: p.questionPost},
		{Method: "GET", Pattern: "/r/{receipt}", Public: true, Handler: p.receipt},
		{Method: "POST", Pattern: "/r/{receipt}", Public: true, Body: 1 << 10, Trace: []string{"evidence.ask_for"}, Handler: p.receiptPost},
		{Method: "GET", Pattern: "/verify", Public: true, Handler: p.verify},
		{Method: "POST", Pattern: "/verify", Public: true, Body: mostChecked, Handler: p.verifyPost},
		{Method: "GET", Pattern: "/privacy/{account}", Public: true, Handler: p.notes},
		{Method: "GET", Pattern: "/privacy/{account}/{note}", Public: true, Handler: p.note},
		{Method: "GET", Pattern: "/privacy/{account}/{note}/{number}", Public: true, Handler: p.note},
	}
}

// badLink is the answer to every link that isn't ours: cut, forged, of another kind, of an
// account that has ended. It tells nothing apart.
func badLink() error { return fault.New(fault.NotFound, "public.bad_link") }

// link reads the token of a page and binds the request to its account. The tag is checked
// before anything else is asked, with a key of the house's when there is no such account, so
// that neither the answer nor its time tells what exists.
func (p *Pages) link(r *shell.Request, name string, kind token.Kind, objects ...int) (token.Token, error) {
	t, err := token.Parse(r.Path(name))
	if err != nil {
		return t, badLink()
	}
	key, err := p.Ring.MAC(t.Account, kind.Key())
	none := err != nil
	if none {
		if key, err = p.Ring.MAC(keys.Installation, kind.Key()); err != nil {
			return t, err
		}
	}
	if t.Verify(key, kind, len(t.Objects)) != nil || none || t.Account == keys.Installation || !slices.Contains(objects, len(t.Objects)) {
		return t, badLink()
	}
	var a account.Account
	err = p.DB.View(r.Context(), r.Who.In(t.Account), func(v *store.View) (err error) { a, err = account.Get(v); return err })
	if err != nil {
		return t, badLink()
	}
	r.Bind(Brand(a, r.P.Lang), "")
	return t, nil
}

// speak binds again in the person's own language, once it is known.
func speak(r *shell.Request, lang string) { r.Bind(r.Brand, lang) }

// speakTo is speak for a person, who may read a language that a form added: the house's words are said in
// its fallback. It gives the languages in which the account's words are shown, the best first.
func speakTo(r *shell.Request, v store.Reader, lang string) ([]string, error) {
	house, err := form.Speaks(v, lang)
	if err != nil {
		return nil, err
	}
	speak(r, house)
	if lang == "" || lang == house || locale.Known(r.Q("lang")) { // the reader chose another for now
		return []string{r.P.Lang}, nil
	}
	return []string{lang, r.P.Lang}, nil
}

// titled is what the account calls something, and its language where it isn't the page's (WCAG 3.1.2).
type titled struct{ text, lang string }

func listTitle(r *shell.Request, l list.List, read []string) titled {
	text, lang := l.Titled(read...)
	return titled{text, foreign(r, lang)}
}

func purposeTitle(r *shell.Request, p list.Purpose, read []string) titled {
	text, lang := p.Public.Said(read...)
	return titled{text, foreign(r, lang)}
}

func foreign(r *shell.Request, lang string) string {
	if lang == r.P.Lang {
		return ""
	}
	return lang
}

// speakAs speaks to somebody who read a form, in a language that may be the account's own: that of the mail, whose
// words and the page's are kept together.
func speakAs(r *shell.Request, w form.Waiting) { r.Pin(w.Version.Definition.Speaks(w.Language)) }

// Brand is an account as public pages show it.
func Brand(a account.Account, lang string) shell.Account {
	return shell.Account{ID: a.ID, Name: a.Name, Language: a.Language, Zone: a.Location(), Colour: a.Colour,
		Footer: strings.Join(a.Lines(lang), "\n"), Privacy: "/privacy/" + strconv.FormatInt(a.ID, 10)}
}

func origin(r *shell.Request) consent.Origin {
	o := consent.Origin{Source: r.Who.IPSource, Agent: pii.T(r.Who.Agent)}
	if r.Who.IP.IsValid() {
		o.IP = pii.FromAddr(r.Who.IP)
	}
	return o
}

// write acts as the person on the page.
func (p *Pages) write(r *shell.Request, fn func(*store.Tx) error) error {
	return p.DB.Write(r.Context(), r.Who, fn)
}

func (p *Pages) view(r *shell.Request, fn func(*store.View) error) error {
	return p.DB.View(r.Context(), r.Who, fn)
}

// say answers with a page of few words.
func say(r *shell.Request, status int, w word) error { return r.Render(status, wordPage(r, w)) }

// word is a page that says one thing, and leads on.
type word struct {
	Title, Text string
	Tone        shell.Tone
	Link        shell.Link
	Lang        string // of the text, when it isn't the page's
}

const ok = http.StatusOK
