// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/legalclock"
)

// Sessions finds who holds a session token. The team rooms implement it; shell
// reads the cookie and knows nothing of how tokens are kept.
type Sessions interface {
	// Find gives the member behind the token, or a fault of kind Refused when the
	// token is unknown, ended, or the member or account may no longer sign in.
	// It may note "last seen", at most once in five minutes.
	Find(ctx context.Context, token string) (Member, error)
}

// Member is a signed-in person in one account, as pages need to know them.
type Member struct {
	ID       int64
	Session  int64  // id of the session, to end it or to show "this device"
	Name     string // how the person is called on their own screen
	Email    string // the person's own address, shown to themselves only
	Account  Account
	Role     string
	Language string  // "en", "fr", or "" for the browser's
	Theme    string  // "light", "dark", or "" for the system's
	Others   []Other // further accounts of the same person, to switch to
	Fresh    bool    // signed in or confirmed again within the last minutes: may do dangerous things
	Staff    *Visit  // set when operator staff looks in by a grant
}

// Account is what pages show of an account. Public pages bind one with Request.Bind.
type Account struct {
	ID       int64
	Name     string
	Language string // the account's language, for people who named none
	Zone     *time.Location
	Colour   string // brand colour, "#rrggbb", for public pages; "" for ours
	Logo     string // own-origin path of a logo, or ""
	Footer   string // name and postal address of the sender, for public pages
	Privacy  string // own-origin path of the privacy note, or ""
}

// Other is an account a member can switch to.
type Other struct {
	ID   int64
	Name string
}

// Visit is a granted look into an account by operator staff.
type Visit struct {
	Reason string
	Until  legalclock.Moment
}

// Preference is what a member chose for their own screen. Empty fields stay as they are.
type Preference struct {
	Language string // "en" or "fr"
	Theme    string // "light", "dark" or "auto"
}

// Prefer keeps a member's choice. Shell calls it from POST /me/preference.
type Prefer func(ctx context.Context, who actor.Actor, p Preference) error

func (s *Shell) cookieName() string {
	if s.secure {
		return "__Host-consend" // RFC 6265bis: Secure, Path=/, no Domain
	}
	return "consend"
}

// SetSession gives the browser a session token until it expires. Call it in the answer to a POST.
func (r *Request) SetSession(token string, expires legalclock.Moment) {
	http.SetCookie(r.W, r.shell.cookie(r.shell.cookieName(), token, expires.Time()))
}

// ClearSession takes the token from the browser. The server ends the session itself.
func (r *Request) ClearSession() {
	http.SetCookie(r.W, r.shell.expired(r.shell.cookieName()))
}

// Token gives the session token the browser sent, or "".
func (r *Request) Token() string {
	c, err := r.R.Cookie(r.shell.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Shell) cookie(name, value string, expires time.Time) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Expires: expires, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
}

func (s *Shell) expired(name string) *http.Cookie {
	c := s.cookie(name, "", time.Unix(1, 0))
	c.MaxAge = -1
	return c
}

// flash is one sentence for the next page, by its key: the cookie never holds words
// of its own, so a forged one can only say what the catalogue says.
type flash struct {
	Tone Tone   `json:"t"`
	Key  string `json:"k"`
	Args []any  `json:"a,omitempty"`
}

const flashCookie = "consend_said"

func (r *Request) flash(tone Tone, key string, args []any) {
	b, err := json.Marshal(flash{tone, key, args})
	if err != nil || len(b) > 2000 {
		return
	}
	c := r.shell.cookie(flashCookie, base64.RawURLEncoding.EncodeToString(b), r.shell.clock().Add(time.Minute))
	http.SetCookie(r.W, c)
}

// said reads the flash once and takes it from the browser.
func (r *Request) said() *flash {
	c, err := r.R.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(r.W, r.shell.expired(flashCookie))
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	var f flash
	if err != nil || json.Unmarshal(b, &f) != nil || !r.P.Has(f.Key) {
		return nil
	}
	for i, a := range f.Args {
		if n, ok := a.(float64); ok { // JSON knows no integers
			f.Args[i] = int64(n)
		}
	}
	return &f
}
