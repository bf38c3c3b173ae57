// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
)

// Request is one question of a browser, as handlers see it.
type Request struct {
	W       http.ResponseWriter
	R       *http.Request
	Who     actor.Actor    // pass it to store.DB.Write and View
	Account int64          // the bound account; 0 on a public page before Bind
	P       locale.Printer // speaks the reader's language in the account's zone
	Zone    *time.Location
	Member  Member  // zero on public pages
	Brand   Account // what the page says about the account
	Route   Route

	shell   *Shell
	flashed *flash // the sentence from the page before
	failed  bool   // the page says what went wrong
	pinned  bool   // the page is in one language (Pin)
}

// Context ends when the browser goes away.
func (r *Request) Context() context.Context { return r.R.Context() }

// Now is the moment of the request. What is written uses tx.Now instead.
func (r *Request) Now() legalclock.Moment { return legalclock.MomentOf(r.shell.clock()) }

// Path gives a wildcard of the pattern: Path("token").
func (r *Request) Path(name string) string { return r.R.PathValue(name) }

// ID gives a wildcard that is one of our ids; anything else is "not found".
func (r *Request) ID(name string) (int64, error) {
	n, err := strconv.ParseInt(r.R.PathValue(name), 10, 64)
	if err != nil || n <= 0 || n > 1<<53 {
		return 0, fault.New(fault.NotFound, "shell.not_found")
	}
	return n, nil
}

// Q gives a value of the query string, trimmed; "" when it is absent or no clean text.
func (r *Request) Q(name string) string { return clean(r.R.URL.Query().Get(name), 1000) }

// May tells whether the signed-in member holds a permission: to show a button, never to decide.
func (r *Request) May(p Permission) bool { return p.Allows(r.Member.Role) }

// Bind ties a public request to an account, once its token is verified. The reader's
// own language (a contact's or a form's) goes before the account's; "" when unknown.
// ?lang= on the address wins: the reader chose it.
func (r *Request) Bind(a Account, language string) {
	r.Account, r.Brand = a.ID, a
	r.Who = r.Who.In(a.ID)
	lang := r.R.URL.Query().Get("lang")
	for _, l := range []string{language, a.Language, r.P.Lang} {
		if !locale.Known(lang) {
			lang = l
		}
	}
	r.speak(lang, a.Zone)
}

// Pin speaks a language whatever the address asks for, and offers no other: on a page whose words are kept
// as evidence beside those of its mail.
func (r *Request) Pin(lang string) {
	r.pinned = true
	r.speak(lang, r.Zone)
}

// enter ties the request to a signed-in member.
func (r *Request) enter(m Member) {
	r.Member, r.Brand, r.Account = m, m.Account, m.Account.ID
	r.Who.Kind, r.Who.ID, r.Who.Account, r.Who.Role = actor.Member, m.ID, m.Account.ID, m.Role
	lang := m.Language
	if !locale.Known(lang) {
		lang = r.P.Lang
	}
	r.speak(lang, m.Account.Zone)
}

func (r *Request) speak(lang string, zone *time.Location) {
	r.Zone = zoneOr(zone)
	r.P = locale.For(lang, r.Zone)
	r.Who.Language = r.P.Lang
}

func (r *Request) reads() bool {
	return r.R.Method == http.MethodGet || r.R.Method == http.MethodHead
}

type pageKey struct{}

// from gives the request a component is rendered for. Components outside a request
// (mails, tests) get one that speaks English.
func from(ctx context.Context) *Request {
	if r, ok := ctx.Value(pageKey{}).(*Request); ok {
		return r
	}
	return &Request{P: locale.For(locale.English, nil), Zone: time.UTC}
}

// Printer gives the printer of the page a component is rendered in: in templ files, shell.Printer(ctx).
func Printer(ctx context.Context) locale.Printer { return from(ctx).P }

// Render answers with a page. The page is made whole before the first byte leaves,
// so a template that fails gives an error page and not half of one.
func (r *Request) Render(status int, c templ.Component) error {
	if r.reads() && r.flashed == nil {
		r.flashed = r.said()
	}
	var b bytes.Buffer
	if err := c.Render(context.WithValue(r.Context(), pageKey{}, r), &b); err != nil {
		return fault.Wrap(err, "fault.internal")
	}
	r.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.W.Header().Set("Content-Language", r.P.Lang)
	r.W.WriteHeader(status)
	_, err := r.W.Write(b.Bytes())
	return gone(err)
}

// Redirect answers with another page of ours (303 after a POST), and a sentence to
// say there: a key and its values. Values never hold personal data: they travel in a
// cookie. Public pages of data subjects say no such sentence, since they set no cookie.
func (r *Request) Redirect(status int, to string, said ...any) error {
	r.said2(Good, said)
	http.Redirect(r.W, r.R, local(to), status)
	return nil
}

// RedirectWarning is Redirect with a sentence that warns.
func (r *Request) RedirectWarning(to string, said ...any) error {
	r.said2(Waiting, said)
	http.Redirect(r.W, r.R, local(to), http.StatusSeeOther)
	return nil
}

func (r *Request) said2(tone Tone, said []any) {
	if len(said) == 0 {
		return
	}
	if key, ok := said[0].(string); ok {
		r.flash(tone, key, said[1:])
	}
}

// Download answers with a file. The type is sent as is; the browser saves, never shows it.
func (r *Request) Download(name, contentType string, body io.Reader) error {
	h := r.W.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+fileName(name)+`"`)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	r.W.WriteHeader(http.StatusOK)
	_, err := io.Copy(r.W, body)
	return gone(err)
}

// Mail shows the HTML of a mail, for a frame of ours (Route.Frame = FrameOwn): no
// script, no form and no foreign image of it can act.
func (r *Request) Mail(html []byte) error {
	r.W.Header().Set("Content-Security-Policy", mailPolicy)
	r.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.W.WriteHeader(http.StatusOK)
	_, err := r.W.Write(html)
	return gone(err)
}

// gone forgets an error of writing to a browser that went away.
func gone(err error) error {
	if err != nil {
		return errDone
	}
	return nil
}

func fileName(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || strings.ContainsRune(`"\/:*?<>|;`, c) {
			return '_'
		}
		return c
	}, s)
}

// Status gives the HTTP status of a kind of fault.
func Status(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Refused:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Gone:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Busy:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// Fail answers with the page of a fault, in the reader's language. The cause goes
// to the log, with the request id that the page shows. Handlers just return the error.
func (r *Request) Fail(err error) {
	if err == nil || errors.Is(err, errDone) {
		return
	}
	kind := fault.KindOf(err)
	if kind == fault.Internal && errors.Is(err, context.Canceled) {
		return // the browser left
	}
	if kind == fault.Internal {
		r.shell.log.Error("fault", "request", r.Who.Request, "route", r.Route.Method+" "+r.Route.Pattern, "account", r.Account, "err", err.Error())
	}
	if w, ok := r.W.(*writer); ok && w.status != 0 {
		return // too late for a page
	}
	if kind == fault.Busy && r.W.Header().Get("Retry-After") == "" {
		r.W.Header().Set("Retry-After", "60")
	}
	r.failed = true
	if e := r.Render(Status(kind), errorPage(r, kind, fault.All(err))); e != nil && !errors.Is(e, errDone) {
		http.Error(r.W, r.P.T("fault.internal"), http.StatusInternalServerError)
	}
}

// clean keeps a text that both databases can hold: valid UTF-8 without NUL, not
// longer than max bytes. What is not becomes "".
func clean(s string, max int) string {
	s = strings.TrimSpace(s)
	if len(s) > max || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
