// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/people/form"
	"consend/internal/web/shell"
)

// quick is how fast nobody fills in a form; who was, presses the button once more.
const quick = 1500 * time.Millisecond

// open finds the form and binds the request to its account, in a language the form speaks.
func (p *Pages) open(r *shell.Request, asked string) (form.Live, string, error) {
	l, err := p.Desk.At(r.Context(), r.Path("slug"))
	if l.Account.ID == 0 {
		if err == nil {
			err = fault.New(fault.NotFound, "form.none")
		}
		return l, "", err
	}
	lang := l.Language(asked, r.R.Header.Get("Accept-Language"))
	a := Brand(l.Account, lang)
	if c := l.Version.Definition.Colour; c != "" {
		a.Colour = c
	}
	r.Bind(a, l.Version.Definition.Speaks(lang))
	return l, lang, err
}

func (p *Pages) form(r *shell.Request) error {
	l, lang, err := p.open(r, r.Q("lang"))
	if err != nil {
		return err
	}
	t, err := p.seen(r, l)
	if err != nil {
		return err
	}
	s := sheet{l, lang, r.Q("frame") != "", t, nil}
	if to := s.onward(); to != "" {
		leadTo(r, to)
	}
	return r.Render(ok, formPage(r, s))
}

// sheet is the form page: fresh, or with what somebody sent.
type sheet struct {
	live  form.Live
	lang  string
	frame bool
	seen  string
	sent  *shell.Form
}

// onward is the page of the account's own that somebody is led to who is signed up at once: with
// confirmation it is the confirmation that leads there, and a frame stays on its site.
func (s sheet) onward() string {
	if d := s.live.Version.Definition; d.OptIn == form.Single && !s.frame {
		return d.Redirect
	}
	return ""
}

// own is the language of the account's words where it isn't the page's.
func own(d form.Definition, lang string) string {
	if d.Speaks(lang) == lang {
		return ""
	}
	return lang
}

// languages are the form's, each at its own address.
func (s sheet) languages() []shell.Language {
	d := s.live.Version.Definition
	out := []shell.Language{}
	for _, l := range d.Languages {
		v := url.Values{"lang": {l}}
		if s.frame {
			v.Set("frame", "1")
		}
		out = append(out, shell.Language{Code: l, Name: d.LanguageName(l), URL: s.live.Form.Path() + "?" + v.Encode(), Now: l == s.lang})
	}
	return out
}

func (s sheet) action() string {
	v := url.Values{"lang": {s.lang}}
	if s.frame {
		v.Set("frame", "1")
	}
	return s.live.Form.Path() + "?" + v.Encode()
}

func (s sheet) after() string {
	v := url.Values{"lang": {s.lang}}
	if s.frame {
		v.Set("frame", "1")
	}
	if s.live.Version.Definition.OptIn == form.Single {
		v.Set("done", "1")
	}
	return s.live.Form.Path() + "/sent?" + v.Encode()
}

// leads is the answer to every sign-up that was read, whoever's: no word of it rests on the address.
func (s sheet) leads(r *shell.Request) error {
	if to := s.onward(); to != "" {
		r.W.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(r.W, r.R, to, http.StatusSeeOther)
		return nil
	}
	return r.Redirect(http.StatusSeeOther, s.after())
}

func (p *Pages) formPost(r *shell.Request) error {
	f, err := r.Form(32 << 10)
	if err != nil {
		return err
	}
	l, lang, err := p.open(r, f.Get("l"))
	if err != nil {
		return err
	}
	if version, ok := f.Int("v"); ok {
		if l, err = p.Desk.Shown(r.Context(), l, version); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		lang = l.Language(f.Get("l"), lang)
	}
	s := sheet{live: l, lang: lang, frame: r.Q("frame") != "", sent: f}
	if to := s.onward(); to != "" {
		leadTo(r, to)
	}
	if f.Get("website") != "" { // nobody sees that field
		if err := p.Desk.Caught(r.Context(), l, "robot"); err != nil {
			return err
		}
		return s.leads(r)
	}
	sub, err := form.Read(l, lang, f.Values)
	if err == nil && p.tooQuick(r, l, f.Get("t")) {
		err = fault.New(fault.Invalid, "form.again")
	}
	if f.Take(err) {
		if s.seen, err = p.seen(r, l); err != nil {
			return err
		}
		return r.Render(http.StatusUnprocessableEntity, formPage(r, s))
	}
	if err != nil {
		return err
	}
	sub.Origin, sub.Page = origin(r), page(r, f)
	if l.AsksWork() {
		key, err := p.Ring.MAC(l.Account.ID, "form.puzzle")
		if err != nil {
			return err
		}
		sub.Solved = form.Solved(key, l.Form.ID, r.Now(), f.Get("altcha"))
	}
	if f.Get("how") == "embed" {
		sub.Method = "embed"
	}
	if sub.Origin.Source == actor.SourceUntrusted && (r.Who.IP.IsPrivate() || r.Who.IP.IsLoopback()) {
		sub.Proxy = r.Who.IP.String()
		sub.ProxyN = p.Desk.Tally(l.Account.ID, l.Form.ID, "proxy", sub.Proxy)
	}
	_, err = form.Take(r.Context(), p.DB, r.Who, sub)
	if form.Unsolved(err) { // what was typed stays, and the page says how it goes on
		if s.seen, err = p.seen(r, l); err != nil {
			return err
		}
		why := "form.puzzle"
		if sub.Method == "embed" { // no copy does the work: this page does it for them
			why = "form.puzzle.embed"
		}
		f.Fail("", why)
		r.W.Header().Set("Retry-After", "3600")
		return r.Render(http.StatusTooManyRequests, formPage(r, s))
	}
	if err != nil {
		return err
	}
	return s.leads(r)
}

// puzzle gives the browser a little work. It stores nothing.
func (p *Pages) puzzle(r *shell.Request) error {
	l, _, err := p.open(r, "")
	if err != nil {
		return err
	}
	key, err := p.Ring.MAC(l.Account.ID, "form.puzzle")
	if err != nil {
		return err
	}
	r.W.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(r.W).Encode(form.NewChallenge(key, l.Form.ID, r.Now())); err != nil {
		return nil // the browser went away
	}
	return nil
}

// page is where the form stood: our own address, or that of the site with a copy, without query.
func page(r *shell.Request, f *shell.Form) string {
	u, err := url.Parse(r.R.Referer())
	if err != nil || u.Host == "" || f.Get("how") != "embed" {
		return r.R.URL.Path
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	if s := u.String(); len(s) <= 400 {
		return s
	}
	return u.Scheme + "://" + u.Host
}

func (p *Pages) sent(r *shell.Request) error {
	l, lang, err := p.open(r, r.Q("lang"))
	if err != nil {
		return err
	}
	d := l.Version.Definition
	if r.Q("done") != "" {
		return r.Render(ok, atOncePage(r, doneWord(r, d, lang), r.Q("frame") != ""))
	}
	return r.Render(ok, sentPage(r, sentWord(r, d, lang), d.MailSubject(lang, l.Account.Name), r.Q("frame") != "", l.Form.Path()+"?lang="+lang))
}

// seen is the moment a page was shown, with a proof that we wrote it.
func (p *Pages) seen(r *shell.Request, l form.Live) (string, error) {
	at := strconv.FormatInt(int64(r.Now()), 36)
	tag, err := p.seenTag(l, at)
	return at + "." + tag, err
}

func (p *Pages) seenTag(l form.Live, at string) (string, error) {
	key, err := p.Ring.MAC(l.Account.ID, "form.seen")
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(l.Form.Slug + " " + at))
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// tooQuick tells whether the page was filled in faster than a person can. A copy on another
// site says no moment; a moment that isn't ours counts as just now.
func (p *Pages) tooQuick(r *shell.Request, l form.Live, t string) bool {
	if t == "" {
		return false
	}
	at, tag, _ := strings.Cut(t, ".")
	want, err := p.seenTag(l, at)
	n, err2 := strconv.ParseInt(at, 36, 64)
	if err != nil || err2 != nil || !hmac.Equal([]byte(want), []byte(tag)) {
		return true
	}
	return r.Now().Sub(legalclock.Moment(n)) < quick
}
