// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import (
	"errors"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/team/secret"
)

// How long a session lives. GET notes "seen" at most once in SeenEvery (details.md, looks).
const (
	SessionLife = 30 * 24 * time.Hour
	SessionIdle = 7 * 24 * time.Hour
	SeenEvery   = 5 * time.Minute
	FreshFor    = 15 * time.Minute
)

// Session is one browser that is signed in to one account.
type Session struct {
	ID         int64
	MemberID   int64
	LoginID    int64
	GrantID    int64
	Agent      string // "Firefox · Windows"
	MadeAt     legalclock.Moment
	SeenAt     legalclock.Moment
	FreshAt    legalclock.Moment // the password or code was last asked
	ExpiresAt  legalclock.Moment
	PasswordAt legalclock.Moment // of the login: a session made before it has ended
}

// Live tells whether the session still holds.
func (s Session) Live(now legalclock.Moment) bool {
	return now < s.ExpiresAt && now < s.SeenAt.Add(SessionIdle) && s.MadeAt >= s.PasswordAt
}

// Fresh tells whether the person proved themselves within the last minutes.
func (s Session) Fresh(now legalclock.Moment) bool { return now < s.FreshAt.Add(FreshFor) }

// Stale tells whether "seen" is to be noted anew.
func (s Session) Stale(now legalclock.Moment) bool { return now >= s.SeenAt.Add(SeenEvery) }

// Begin starts a session of the bound account. The token is for the browser's cookie.
func Begin(tx *store.Tx, member, login int64, fresh legalclock.Moment) (token secret.Token, id int64, until legalclock.Moment) {
	token, id, until = secret.New(secret.Session, tx.Account()), tx.ID(), tx.Now.Add(SessionLife)
	tx.Do(addSession, id, token.Hash(), member, login, Family(tx.Who.Agent), fresh, until)
	return token, id, until
}

// FindSession finds a session that holds. Everything else is the same fault.
func FindSession(r store.Reader, t secret.Token, now legalclock.Moment) (Session, error) {
	s, err := store.One[Session](r, findSession, t.Hash())
	if errors.Is(err, store.ErrNone) || err == nil && !s.Live(now) {
		return Session{}, SignedOut()
	}
	return s, err
}

// SignedOut is the fault of no session.
func SignedOut() error { return fault.New(fault.Refused, "shell.signed_out") }

// Sessions lists a member's sessions in the account that still hold, the last one used first.
func Sessions(r store.Reader, member int64, now legalclock.Moment) ([]Session, error) {
	all, err := store.All[Session](r, ofMember, member)
	var out []Session
	for _, s := range all {
		if s.Live(now) {
			out = append(out, s)
		}
	}
	return out, err
}

// Seen notes that the session is in use.
func Seen(tx *store.Tx, id int64) { tx.Do(seenSession, id) }

// Freshen notes that the person has proved themselves again.
func Freshen(tx *store.Tx, id int64) { tx.Do(freshSession, id) }

// End ends one session of a member.
func End(tx *store.Tx, member, id int64) error {
	n, err := tx.Exec(endSession, member, id)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "login.session.none")
	}
	return err
}

// EndOthers ends a member's sessions in the account, but one (0: all), and tells how many.
func EndOthers(tx *store.Tx, member, but int64) (int64, error) {
	return tx.Exec(endOthers, member, but)
}

// Family names a browser and a system by their families; the full text is nobody's need (GDPR 5(1)(c)).
func Family(agent string) string {
	pick := func(of []string) string {
		for _, f := range of {
			mark, name, _ := strings.Cut(f, "=")
			if strings.Contains(agent, mark) {
				return name
			}
		}
		return ""
	}
	b := pick([]string{"Edg=Edge", "OPR/=Opera", "SamsungBrowser=Samsung Internet", "Firefox/=Firefox", "FxiOS=Firefox", "CriOS=Chrome", "Chrome/=Chrome", "Safari/=Safari", "curl/=curl"})
	s := pick([]string{"Windows=Windows", "Android=Android", "iPhone=iPhone", "iPad=iPad", "CrOS=ChromeOS", "Mac OS=macOS", "Linux=Linux"})
	switch {
	case b == "":
		return s
	case s == "":
		return b
	}
	return b + " · " + s
}
