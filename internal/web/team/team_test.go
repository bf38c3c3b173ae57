// SPDX-License-Identifier: AGPL-3.0-or-later

package team_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/team/access"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/testhouse"
	"consend/internal/web/shell"
	"consend/internal/web/team"
)

const password, other = "vingt moutons bleus", "dix-sept chaises vertes"

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a house served over HTTP.
type site struct {
	h     *testhouse.House
	pages *team.Pages
	url   string
}

func serve(t *testing.T, h *testhouse.House) *site {
	t.Helper()
	desk, err := access.New(h.Main, h.Ring)
	must(t, err)
	desk.CheapForTests()
	t.Cleanup(desk.Close)
	s := &site{h: h, pages: &team.Pages{DB: h.Main, Desk: desk}}
	sh, err := shell.New(shell.Options{Sessions: team.Sessions{Desk: desk}, Clock: h.Clock.Now, Log: slog.New(slog.DiscardHandler), Prefer: team.Prefer(h.Main), Switch: "/switch",
		Sections: []shell.Section{{Key: "home", Path: "/", Icon: "home"}, {Key: "settings", Path: "/settings", Icon: "settings"}},
		Me:       []shell.Section{{Key: "profile", Path: "/me", Icon: "user"}}})
	must(t, err)
	handler, err := sh.Handler(s.pages.Routes())
	must(t, err)
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	h.Main.Attach(&config.Site{URL: srv.URL, Host: "localhost"})
	return s
}

// browser is one person's browser. It follows redirects and keeps cookies of its own clock.
type browser struct {
	t      *testing.T
	s      *site
	c      *http.Client
	lang   string
	status int
	at     string
	body   string
}

func (s *site) open(t *testing.T, lang string) *browser {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, s: s, lang: lang, c: &http.Client{Jar: &lasting{jar}}}
}

// lasting keeps cookies that the house's clock dates into the machine's past.
type lasting struct{ *cookiejar.Jar }

func (l *lasting) SetCookies(u *url.URL, cs []*http.Cookie) {
	for _, c := range cs {
		if c.MaxAge >= 0 {
			c.Expires = time.Time{}
		}
	}
	l.Jar.SetCookies(u, cs)
}

func (b *browser) do(method, path string, form url.Values, header ...string) *browser {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.s.url + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	q, err := http.NewRequest(method, path, body)
	must(b.t, err)
	q.Header.Set("Accept-Language", b.lang)
	q.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := b.c.Do(q)
	must(b.t, err)
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	must(b.t, err)
	b.status, b.at, b.body = r.StatusCode, r.Request.URL.Path, string(raw)
	if m := missing.FindString(b.body); m != "" && r.Header.Get("Content-Type") == "text/html; charset=utf-8" {
		b.t.Errorf("%s %s shows a key: %s", method, path, m)
	}
	return b
}

// missing finds a key that has no words, or a word without its value.
var missing = regexp.MustCompile(`[> ](web_team|member|login|account|access|apikey|shell|nav|role)\.[a-z_.]+[ <]|<no value>|\{\{`)

func (b *browser) get(path string) *browser { b.t.Helper(); return b.do("GET", path, nil) }

func (b *browser) post(path string, pairs ...string) *browser {
	b.t.Helper()
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, f)
}

func (b *browser) want(status int, at string, words ...string) *browser {
	b.t.Helper()
	if b.status != status || b.at != at {
		b.t.Fatalf("status %d at %s, want %d at %s\n%s", b.status, b.at, status, at, tags.ReplaceAllString(b.body, " "))
	}
	for _, w := range words {
		if !strings.Contains(b.body, w) {
			b.t.Errorf("%s: no %q in\n%s", at, w, tags.ReplaceAllString(b.body, " "))
		}
	}
	return b
}

var tags = regexp.MustCompile(`(?s)<head>.*</head>|<svg.*?</svg>|<[^>]*>|\s+`)

func (b *browser) hidden(name string) string {
	b.t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(b.body)
	if m == nil {
		b.t.Fatalf("no hidden %s", name)
	}
	return m[1]
}

// account makes an account and signs its owner in.
func (s *site) account(t *testing.T, lang, email string) (*browser, int64) {
	t.Helper()
	a, err := address.Parse(email)
	must(t, err)
	id, link, err := s.pages.Desk.OpenAccount(ctx, actor.Actor{Kind: actor.Command, Name: "account create"},
		account.New{Details: account.Details{Name: "Librairie du Port", Country: "FR"}}, member.New{Email: a}, nil)
	must(t, err)
	b := s.open(t, lang)
	b.get("/signin/"+link.Raw()).want(200, "/signin/"+link.Raw(), "Librairie du Port", email)
	b.post("/signin/"+link.Raw(), "name", "Léa Roux", "password", password).want(200, "/")
	return b, id
}

// mailed composes the mail about a member and gives the path in its button.
func (s *site) mailed(t *testing.T, id int64, email string, f func(*store.Tx, int64) (compose.Draft, error)) string {
	t.Helper()
	a, err := address.Parse(email)
	must(t, err)
	var d compose.Draft
	must(t, s.h.Main.Write(ctx, actor.Worker("mail", id), func(tx *store.Tx) error {
		m, ok, err := member.Find(tx, a)
		if err != nil || !ok {
			return fmt.Errorf("no member: %v", err)
		}
		d, err = f(tx, m.ID)
		return err
	}))
	for _, b := range d.Blocks {
		if b.Kind == compose.Button {
			return strings.TrimPrefix(b.URL, s.url)
		}
	}
	t.Fatal("no button")
	return ""
}

func TestAPersonSignsInRecoversAndSignsOutInBothLanguages(t *testing.T) {
	words := map[string][]string{
		"en": {"Address and password don’t match.", "Look in your mailbox", "Your new password is in use", "You are signed out.", "Too many tries"},
		"fr": {"L’adresse et le mot de passe ne correspondent pas.", "Consultez votre messagerie", "Votre nouveau mot de passe est en place", "Vous êtes déconnecté.", "Trop d’essais"},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		for lang, w := range words {
			email := "lea." + lang + "@example.org"
			b, id := s.account(t, lang, email)
			b.post("/logout").want(200, "/login", w[3])
			b.get("/settings?tab=1").want(200, "/login")
			if got := b.hidden("next"); got != "/settings?tab=1" {
				t.Errorf("next is %q", got)
			}
			unknown := b.post("/login", "email", "nobody@example.org", "password", "wrong password").want(422, "/login", w[0]).body
			known := b.post("/login", "email", email, "password", "wrong password").want(422, "/login", w[0]).body
			if strings.ReplaceAll(unknown, "nobody@example.org", email) != known {
				t.Error("the pages for known and unknown differ")
			}
			b.post("/login", "email", email, "password", password, "next", "/settings").want(200, "/settings", "Librairie du Port")
			b.post("/logout")
			b.post("/login", "email", email, "password", password, "next", "https://evil.example/").want(200, "/")
			b.post("/logout")
			unknown = b.post("/recover", "email", "nobody@example.org").want(200, "/recover", w[1]).body
			if known := b.post("/recover", "email", email).body; known != unknown {
				t.Error("the pages of recovery differ")
			}
			link := s.mailed(t, id, email, access.DraftRecovery)
			h.Clock.Advance(time.Second)
			b.get(link).want(200, link)
			b.get(link).want(200, link) // looked at by a mail program: nothing happened
			b.post(link, "password", "too short").want(422, link)
			b.post(link, "password", other).want(200, "/", w[2])
			b.post(link, "password", password).want(410, link)
			b.post("/logout")
			for range 5 {
				b.post("/login", "email", email, "password", "wrong password").want(422, "/login")
			}
			b.post("/login", "email", email, "password", other).want(429, "/login", w[4])
			h.Clock.Advance(time.Minute)
			b.post("/login", "email", email, "password", other).want(200, "/")
		}
	})
}

func TestTheFirstStartIsOnePage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		var furnished int64
		s.pages.Furnish = func(tx *store.Tx, id int64) error { furnished = id; return nil }
		link, ok, err := s.pages.Desk.SetupLink(ctx, actor.System("start"))
		if err != nil || !ok {
			t.Fatal(err)
		}
		path := "/setup/" + link.Raw()
		b := s.open(t, "fr")
		b.get(path).want(200, path, "Installer Consend", "Boîte intégrée", `value="FR" selected`)
		s.open(t, "en").get(path).want(200, path, "Set up Consend", "Built-in mailbox")
		b.post(path, "who", "us", "sending", "mailbox", "email", "x").want(422, path, "Indiquez une adresse postale", "Choisissez un pays", "Ce n’est pas une adresse e-mail")
		good := []string{"name", "Librairie du Port", "postal", "1 quai des Brumes\r\n35400 Saint-Malo", "country", "FR", "who", "us", "sending", "mailbox",
			"owner", "Léa Roux", "email", "lea@example.org", "password", password}
		b.post(path, good...).want(200, "/", "Bonjour Léa Roux", "Tout est prêt en brouillon.", "Premiers pas", "Dites qui vous êtes", "Fait")
		if furnished == 0 {
			t.Error("no drafts were made")
		}
		b.get("/settings").want(200, "/settings", "1 quai des Brumes", "Europe/Paris", "lea@example.org")
		s.open(t, "en").post(path, good...).want(410, path, "already set up")
		s.open(t, "en").get("/setup/cl_0_abcdefghijklmnopqrstuvwxyz234567").want(404, "/setup/cl_0_abcdefghijklmnopqrstuvwxyz234567")
	})
}

func TestATeamIsInvitedChangedAndLeft(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		b, id := s.account(t, "en", "lea@example.org")
		b.post("/settings/team/invite", "email", "noe@example.org", "name", "Noé", "role", "editor", "language", "fr").want(200, "/settings/team", "The invitation is on its way.", "Noé", "Invited")
		b.post("/settings/team/invite", "email", "NOE@example.org", "role", "editor", "language", "fr").want(422, "/settings/team/invite", "This person is already in the team")
		b.post("/settings/team/invite", "email", "x", "language", "fr").want(422, "/settings/team/invite", "There is 1 thing")
		link := s.mailed(t, id, "noe@example.org", access.DraftInvitation)
		friend := s.open(t, "en")
		friend.get(link).want(200, link, "Rejoignez Librairie du Port", "noe@example.org", "Rédacteur")
		friend.post(link, "name", "Noé", "password", other).want(200, "/", "Bienvenue dans Consend.", "Bonjour Noé")
		friend.get("/settings/team").want(200, "/settings/team", "Léa Roux")
		if strings.Contains(friend.body, "/settings/team/invite") {
			t.Error("an editor is offered to invite")
		}
		friend.get("/settings/team/invite").want(403, "/settings/team/invite")
		friend.post("/settings/team/invite", "email", "x@example.org", "role", "viewer", "language", "en").want(403, "/settings/team/invite")
		page := regexp.MustCompile(`/settings/team/(\d+)`)
		b.get("/settings/team")
		ids := page.FindAllStringSubmatch(b.body, -1)
		own, his := ids[0][1], ids[len(ids)-1][1]
		b.post("/settings/team/"+own, "role", "viewer").want(422, "/settings/team/"+own, "An account needs an owner")
		b.post("/settings/team/"+own+"/remove").want(422, "/settings/team/"+own+"/remove", "An account needs an owner")
		b.get("/settings/team/"+his).want(200, "/settings/team/"+his, "Noé", "What may Noé do?")
		b.post("/settings/team/"+his, "role", "admin").want(200, "/settings/team", "The role was changed.")
		friend.get("/").want(200, "/login") // the old role ended at once
		friend.post("/login", "email", "noe@example.org", "password", other).want(200, "/")
		friend.post("/settings/team/"+own+"/remove").want(403, "/settings/team/"+own+"/remove")
		h.Clock.Advance(16 * time.Minute)
		b.post("/settings/team/"+his+"/remove").want(200, "/me/again", "Is it you?")
		b.post("/me/again", "password", "wrong password", "next", b.hidden("next")).want(422, "/me/again")
		b.post("/me/again", "password", password, "next", b.hidden("next")).want(200, "/settings/team/"+his+"/remove", "Remove from the team")
		b.post("/settings/team/"+his+"/remove").want(200, "/settings/team", "no longer in the team")
		friend.get("/").want(200, "/login")
		stranger, _ := s.account(t, "en", "max@example.org")
		stranger.get("/settings/team/"+own).want(404, "/settings/team/"+own)
		stranger.post("/settings/team/"+own, "role", "viewer").want(404, "/settings/team/"+own)
	})
}

func TestCodesAreTurnedOnAndAsked(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		b, _ := s.account(t, "en", "lea@example.org")
		b.get("/me/security").want(200, "/me/security", "Turn on codes")
		b.post("/me/security/codes/start").want(200, "/me/security/codes", "<svg", "shape-rendering", "No camera?")
		secret := regexp.MustCompile(`id="totp">([A-Z2-7 ]+)<`).FindStringSubmatch(b.body)
		if secret == nil {
			t.Fatal("no key as text")
		}
		key := strings.ReplaceAll(secret[1], " ", "")
		code := func() string {
			c, err := totp.GenerateCode(key, h.Clock.Now())
			must(t, err)
			return c
		}
		b.post("/me/security/codes", "code", "000000").want(422, "/me/security/codes", "This code is not right")
		b.post("/me/security/codes", "code", code()).want(200, "/me/security/codes", "Your recovery codes")
		recovery := regexp.MustCompile(`[a-z2-7]{4}(-[a-z2-7]{4}){3}`).FindAllString(b.body, -1)
		if len(recovery) != 10 {
			t.Fatalf("%d recovery codes", len(recovery))
		}
		b.get("/me/security/codes").want(200, "/me/security", "On since")
		b.post("/logout")
		h.Clock.Advance(30 * time.Second)
		b.post("/login", "email", "lea@example.org", "password", password, "next", "/me").want(200, "/login", "Enter your code")
		second, next := b.hidden("second"), b.hidden("next")
		b.get("/me").want(200, "/login")
		b.post("/login/code", "second", second, "next", next, "code", "123456").want(422, "/login/code", "This code is not right")
		b.post("/login/code", "second", second, "next", next, "code", code()).want(200, "/me", "Léa Roux")
		b.post("/logout")
		b.post("/login/code", "second", second, "code", recovery[0]).want(422, "/login/code", "Sign in again")
		b.post("/login", "email", "lea@example.org", "password", password)
		b.post("/login/code", "second", b.hidden("second"), "code", recovery[0]).want(200, "/")
		b.post("/me/security/codes/renew").want(200, "/me/security/codes/renew", "Your recovery codes")
		b.post("/me/security/codes/off").want(200, "/me/security", "your password alone")
	})
}

func TestSessionsAreSeenAndEnded(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		b, _ := s.account(t, "fr", "lea@example.org")
		away := s.open(t, "en")
		away.post("/login", "email", "lea@example.org", "password", password).want(200, "/", "Hello Léa Roux")
		b.get("/me/sessions").want(200, "/me/sessions", "Firefox · Linux", "Celui-ci", "Terminer toutes les autres")
		ends := regexp.MustCompile(`/me/sessions/\d+/end`).FindAllString(b.body, -1)
		if len(ends) != 2 {
			t.Fatalf("%d sessions", len(ends))
		}
		b.post("/me/sessions/others").want(200, "/me/sessions", "C’est terminé.")
		away.get("/").want(200, "/login")
		away.post("/login", "email", "lea@example.org", "password", password).want(200, "/")
		h.Clock.Advance(time.Minute)
		b.post("/me/security", "old", "wrong password", "password", other).want(422, "/me/security")
		b.post("/me/security", "old", password, "password", other).want(200, "/me/security", "Votre mot de passe a été changé")
		away.get("/").want(200, "/login")
		b.get("/me").want(200, "/me")
		b.post("/me", "name", "Léa R.", "language", "en", "theme", "dark").want(200, "/me", "Your profile was changed.", `data-bs-theme="dark"`)
		b.post("/me/preference", "language", "fr", "back", "/me").want(200, "/me", "Profil")
		b.post("/me/preference", "theme", "auto", "back", "/me").want(200, "/me", `data-bs-theme="auto"`)
	})
}

func TestAKeyIsShownOnceAndRevoked(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	b, _ := s.account(t, "en", "lea@example.org")
	b.get("/settings/apikeys").want(200, "/settings/apikeys", "No keys yet")
	b.post("/settings/apikeys", "name", "").want(422, "/settings/apikeys", "Say which program")
	b.post("/settings/apikeys", "name", "Web shop").want(200, "/settings/apikeys", "This is the only time", "ck_")
	b.get("/settings/apikeys").want(200, "/settings/apikeys", "Web shop", "Active")
	if strings.Contains(b.body, "ck_") {
		t.Error("the key is shown again")
	}
	revoke := regexp.MustCompile(`/settings/apikeys/\d+/revoke`).FindString(b.body)
	b.get(revoke).want(200, revoke, "stop at once")
	b.post(revoke).want(200, "/settings/apikeys", "Revoked")
	b.get(revoke).want(404, revoke)
}

func TestTheAccountIsChanged(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	b, id := s.account(t, "en", "lea@example.org")
	s.pages.State = func(context.Context, actor.Actor) (team.State, error) {
		return team.State{Contacts: 1234, Confirmed: 1, Waiting: 7, Last: &team.Campaign{ID: 9, Name: "Spring", Accepted: 1000, LeftOut: 3, Left: 2}}, nil
	}
	b.get("/").want(200, "/", "1,234", "1 said yes", "Waiting for proof", "Spring", "Say who you are")
	d := []string{"name", "Librairie", "country", "BE", "language", "fr", "zone", "Europe/Brussels", "colour", "B45309", "data_email", "x"}
	b.post("/settings", d...).want(422, "/settings", "f-data_email-error")
	d[len(d)-1] = "data@example.org"
	b.post("/settings", d...).want(422, "/settings", "Enter a postal address")
	b.post("/settings", append(d, "postal", "1 Grand-Place")...).want(200, "/settings", "The account was changed.", "#b45309", "data@example.org")
	must(t, h.Main.Write(ctx, actor.Actor{Kind: actor.Command, Name: "test", Account: id}, func(tx *store.Tx) error { return account.Suspend(tx, "account.none") }))
	b.get("/settings").want(200, "/settings", "suspended since")
}

func TestAPersonOfTwoAccountsChangesBetweenThem(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	_, first := s.account(t, "en", "lea@example.org")
	b, second := s.account(t, "en", "lea@example.org")
	b.get("/").want(200, "/", fmt.Sprintf(`name="account" value="%d"`, first))
	b.post("/switch", "account", fmt.Sprint(first)).want(200, "/", fmt.Sprintf(`name="account" value="%d"`, second))
	b.post("/switch", "account", "999999").want(404, "/switch")
}

func TestOtherSitesCantPostForAMember(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	b, _ := s.account(t, "en", "lea@example.org")
	for _, path := range []string{"/logout", "/login", "/settings", "/me/security/codes/start", "/settings/apikeys"} {
		b.do("POST", path, url.Values{"name": {"x"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").want(403, path)
		b.do("POST", path, url.Values{"name": {"x"}}, "Origin", "https://evil.example").want(403, path)
	}
	b.get("/me").want(200, "/me")
}

func TestEveryRouteRefusesWhoMayNot(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	b := s.open(t, "en")
	b.c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, rt := range s.pages.Routes() {
		path := strings.NewReplacer("{id}", "7", "{token}", "cl_1_abcdefghijklmnopqrstuvwxyz234567", "{$}", "").Replace(rt.Pattern)
		var form url.Values
		if rt.Method == "POST" {
			form = url.Values{}
		}
		b.do(rt.Method, path, form)
		switch {
		case rt.Public && (b.status < 200 || b.status >= 500):
			t.Errorf("%s %s: %d", rt.Method, path, b.status)
		case !rt.Public && rt.Method == "GET" && b.status != 303, !rt.Public && rt.Method == "POST" && b.status != 401:
			t.Errorf("%s %s lets a stranger in: %d", rt.Method, path, b.status)
		}
		if rt.Public && strings.Contains(rt.Pattern, "{token}") && b.status != 404 {
			t.Errorf("%s %s with a forged token: %d", rt.Method, path, b.status)
		}
	}
}

func TestLookingChangesNothing(t *testing.T) {
	h := testhouse.SQLite(t)
	s := serve(t, h)
	b, id := s.account(t, "en", "lea@example.org")
	var writes []string
	h.Main.SetHook(func(q string) error {
		if strings.Contains(q, ".set_") || strings.Contains(q, ".add") || strings.Contains(q, ".use_") || strings.Contains(q, "drop") {
			writes = append(writes, q)
		}
		return nil
	})
	defer h.Main.SetHook(nil)
	for _, rt := range s.pages.Routes() {
		if rt.Method == "GET" {
			b.get(strings.NewReplacer("{id}", fmt.Sprint(id), "{token}", "cl_1_abcdefghijklmnopqrstuvwxyz234567", "{$}", "").Replace(rt.Pattern))
		}
	}
	if len(writes) > 0 {
		t.Errorf("GET wrote: %v", writes)
	}
}

func TestAnAccountTightensARuleAndTakesItBackInBothLanguages(t *testing.T) {
	words := map[string][]string{
		"en": {"Life of a confirmation link", "Your choice holds from now on.", "You can only make this rule stricter", "Your choice no longer holds.", "Write down why", "3 days", "7 days", "GDPR 14(3)(a)", "Consend’s own rule"},
		"fr": {"Durée d’un lien de confirmation", "Votre choix vaut dès maintenant.", "Vous pouvez seulement rendre cette règle plus stricte", "Votre choix ne vaut plus.", "Indiquez pourquoi", "3 jours", "7 jours", "RGPD 14(3)(a)", "Règle de Consend"},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		for lang, w := range words {
			b, id := s.account(t, lang, "rules."+lang+"@example.org")
			b.get("/settings/rules").want(200, "/settings/rules", w[0], w[6], w[7], w[8], "2026-11")
			if strings.Contains(b.body, "house") || strings.Contains(b.body, "[S]") {
				t.Errorf("%s: the pack's own notes stand on the page", lang)
			}
			b.get("/settings/rules/doi.token").want(200, "/settings/rules/doi.token", w[6])
			b.post("/settings/rules/doi.token", "value", "9", "reason", "x").want(422, "/settings/rules/doi.token", w[2])
			b.post("/settings/rules/doi.token", "value", "3").want(422, "/settings/rules/doi.token", w[4])
			b.post("/settings/rules/doi.token", "value", "3", "reason", "our lawyer asks for it").want(200, "/settings/rules", w[1], w[5])
			b.get("/settings/rules/doi.token").want(200, "/settings/rules/doi.token", "our lawyer asks for it", "Léa Roux")
			b.post("/settings/rules/doi.token", "undo", "1").want(200, "/settings/rules", w[3])
			b.get("/settings/rules/doi.token").want(200, "/settings/rules/doi.token", "our lawyer asks for it", w[6])
			b.post("/settings/rules/evidence.mailable", "value", "A", "value", "B", "reason", "x").want(200, "/settings/rules", w[1])
			b.get("/settings/rules/art14.notice").want(200, "/settings/rules/art14.notice")
			b.post("/settings/rules/art14.notice", "value", "1", "reason", "x").want(422, "/settings/rules/art14.notice")
			b.get("/settings/rules/no.such").want(404, "/settings/rules/no.such")
			must(t, h.Main.View(ctx, actor.Worker("test", id), func(v *store.View) error {
				r, err := rulepack.For(v)
				if err == nil && (r.Number(rulepack.DOIToken) != 7 || r.Text(rulepack.Mailable) != "A,B") {
					t.Errorf("%s, %s", r.Text(rulepack.DOIToken), r.Text(rulepack.Mailable))
				}
				return err
			}))
		}
	})
}

func TestThePageOfRulesTellsWhatHoldsInWhichCountry(t *testing.T) {
	words := map[string][]string{
		"en": {"Business contacts may be written to without a yes", "Yes in", "France", "No in", "Germany", "Every other country", "12 months in", "Ireland", "No such term in"},
		"fr": {"On peut écrire sans accord à des contacts professionnels", "Oui dans", "France", "Non dans", "Allemagne", "Tout autre pays", "12 mois dans", "Irlande", "Aucun terme dans"},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := serve(t, h)
		for lang, w := range words {
			b, id := s.account(t, lang, "countries."+lang+"@example.org")
			b.get("/settings/rules").want(200, "/settings/rules", w[0])
			b.get("/settings/rules/basis.b2b").want(200, "/settings/rules/basis.b2b", w[:6]...)
			b.get("/settings/rules/soft_opt_in.term").want(200, "/settings/rules/soft_opt_in.term", w[5:]...)
			b.post("/settings/rules/basis.b2b", "value", "false", "reason", "we ask everybody").want(200, "/settings/rules")
			must(t, h.Main.View(ctx, actor.Worker("test", id), func(v *store.View) error {
				r, err := rulepack.For(v)
				if err == nil && (r.CountryBool(rulepack.HoldsB2B, "FR") || !r.House().CountryBool(rulepack.HoldsB2B, "FR")) {
					t.Error("the account's choice doesn't hold, or holds for all")
				}
				return err
			}))
		}
	})
}
