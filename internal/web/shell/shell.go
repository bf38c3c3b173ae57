// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
)

// Options is what the shell needs from the house. Sessions and Clock are required.
type Options struct {
	Sessions Sessions
	Clock    legalclock.Clock
	Prefer   Prefer                  // keeps language and theme; nil hides the switches from members
	Trusted  []netip.Prefix          // proxies whose X-Forwarded-For we believe; none by default
	Secure   bool                    // people reach us by HTTPS: __Host- cookies, HSTS
	Sections []Section               // the navigation, only what is built
	Me       []Section               // the lines of the own menu (name key "nav.<Key>")
	Search   string                  // path of the global search page, or "" for none
	Help     string                  // path of the help page, or ""
	Login    string                  // path of the sign-in page; "" means /login
	Logout   string                  // path that ends the session by POST; "" means /logout
	Switch   string                  // path that changes the account by POST account=ID, or ""
	Banners  func(*Request) []Banner // what must be said on every page, or nil
	Log      *slog.Logger            // nil means slog.Default
}

// Section is one line of the navigation.
type Section struct {
	Key        string // words "nav.<Key>"; also what Page.Section names
	Path       string // where it leads; the longest path that fits the page is the active one
	Icon       string
	Permission Permission
	Items      []Section // lines below it, shown while the section is active
}

// Banner is a sentence on top of every page.
type Banner struct {
	Tone Tone
	Text string
	Link Link
}

// Shell serves route tables. Make it with New.
type Shell struct {
	Options
	clock  legalclock.Clock
	secure bool
	log    *slog.Logger
	assets *assets
}

// New makes a shell.
func New(o Options) (*Shell, error) {
	if o.Sessions == nil || o.Clock == nil {
		return nil, errors.New("shell: needs Sessions and Clock")
	}
	if o.Login == "" {
		o.Login = "/login"
	}
	if o.Logout == "" {
		o.Logout = "/logout"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	return &Shell{Options: o, clock: o.Clock, secure: o.Secure, log: o.Log, assets: a}, nil
}

// Handler serves the routes, the assets and the error pages. It refuses a table
// with a line that can't be right.
func (s *Shell) Handler(routes []Route) (http.Handler, error) {
	mux := http.NewServeMux()
	cross := http.NewCrossOriginProtection()
	routes = append(routes, s.own()...)
	for _, rt := range routes {
		if err := rt.check(); err != nil {
			return nil, err
		}
		if rt.CrossSite {
			cross.AddInsecureBypassPattern(rt.Method + " " + rt.Pattern)
		}
		if err := register(mux, rt, s.serve(rt)); err != nil {
			return nil, err
		}
	}
	mux.Handle("GET /assets/{file}", s.assets)
	mux.HandleFunc("GET /assets/brand/{file}", serveBrand)
	missing := Route{Method: http.MethodGet, Pattern: "/", Public: true, Handler: func(r *Request) error {
		return fault.New(fault.NotFound, "shell.not_found")
	}}
	mux.Handle("/", s.serve(missing))
	cross.SetDenyHandler(s.serve(Route{Public: true, Handler: func(r *Request) error {
		return fault.New(fault.Forbidden, "shell.cross_site")
	}}))
	return s.outer(cross.Handler(mux)), nil
}

// own is the shell's own part of the route table.
func (s *Shell) own() []Route {
	if s.Prefer == nil {
		return nil
	}
	return []Route{{Method: http.MethodPost, Pattern: "/me/preference", Permission: MeWrite, Handler: s.prefer}}
}

// register turns ServeMux's panic about two equal patterns into an error.
func register(mux *http.ServeMux, rt Route, h http.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("route %s %s: %v", rt.Method, rt.Pattern, p)
		}
	}()
	mux.Handle(rt.Method+" "+rt.Pattern, h)
	return nil
}

type requestKey struct{}

// RequestID gives the id that joins log, trace and job; "" outside a request.
func RequestID(ctx context.Context) string { id, _ := ctx.Value(requestKey{}).(string); return id }

// outer gives each request an id, and turns a panic into an error page.
func (s *Shell) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var b [10]byte
		rand.Read(b[:]) // never fails (crypto/rand)
		id := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		q = q.WithContext(context.WithValue(q.Context(), requestKey{}, id))
		w.Header().Set("X-Request-Id", id)
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.log.Error("panic", "request", id, "what", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.serve(Route{Public: true, Handler: func(*Request) error { return fault.New(fault.Internal, "fault.internal") }}).ServeHTTP(w, q)
		}()
		next.ServeHTTP(w, q)
	})
}

// serve runs one route: headers, limits, who, permission, handler, error page.
func (s *Shell) serve(rt Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		start := s.clock()
		out := &writer{ResponseWriter: w}
		s.headers(out.Header(), rt)
		limit := rt.Body
		if limit == 0 {
			limit = defaultBody
		}
		q.Body = http.MaxBytesReader(out, q.Body, limit)
		r := s.request(out, q, rt)
		err := s.admit(r)
		if err == nil {
			err = rt.Handler(r)
		}
		if err != nil {
			r.Fail(err)
		}
		// The pattern, never the path: tokens and ids stay out of logs.
		s.log.Info("request", "request", r.Who.Request, "route", q.Method+" "+rt.Pattern, "status", out.status,
			"account", r.Account, "ms", s.clock().Sub(start).Milliseconds())
	})
}

func (s *Shell) request(w http.ResponseWriter, q *http.Request, rt Route) *Request {
	ip, source := actor.From(q, s.Trusted)
	r := &Request{W: w, R: q, Route: rt, shell: s}
	r.Who = actor.Actor{Kind: actor.Subject, Request: RequestID(q.Context()), IP: ip, IPSource: source, Agent: clean(q.UserAgent(), 400)}
	lang := q.URL.Query().Get("lang")
	if !locale.Known(lang) {
		lang = locale.Match(q.Header.Get("Accept-Language"))
	}
	r.speak(lang, nil)
	return r
}

// admit lets the right people in. Public routes know nobody, on purpose: their
// answer is the same for a member and a stranger.
func (s *Shell) admit(r *Request) error {
	if r.Route.Public {
		return nil
	}
	m, err := fault2(s.Sessions.Find(r.Context(), r.Token()))
	if fault.Is(err, fault.Refused) && r.reads() {
		next := r.R.URL.RequestURI()
		to := s.Login
		if next != "/" {
			to += "?next=" + url.QueryEscape(next)
		}
		http.Redirect(r.W, r.R, to, http.StatusSeeOther)
		return errDone
	}
	if err != nil {
		return err
	}
	r.enter(m)
	if !r.Route.Permission.Allows(m.Role) {
		return fault.New(fault.Forbidden, "shell.no_permission", "what", r.P.T("permission."+string(r.Route.Permission)))
	}
	return nil
}

// fault2 makes "no token" and a nil member the same as an unknown one.
func fault2(m Member, err error) (Member, error) {
	if err == nil && (m.ID == 0 || m.Account.ID == 0) {
		err = fault.New(fault.Refused, "shell.signed_out")
	}
	return m, err
}

// errDone says the answer is already written.
var errDone = errors.New("answered")

func (s *Shell) prefer(r *Request) error {
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	p := Preference{Language: f.Get("language"), Theme: f.Get("theme")}
	if p.Language != "" && !locale.Known(p.Language) {
		return fault.New(fault.Invalid, "shell.bad_choice")
	}
	if p.Theme != "" && p.Theme != "light" && p.Theme != "dark" && p.Theme != "auto" {
		return fault.New(fault.Invalid, "shell.bad_choice")
	}
	if err := s.Prefer(r.Context(), r.Who, p); err != nil {
		return err
	}
	return r.Redirect(http.StatusSeeOther, local(f.Get("back")))
}

// local keeps a redirect on our own origin: a path that begins with exactly one slash.
func local(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

// Local gives the path if it stays on our own origin, else "/": for ?next= after signing in.
func Local(path string) string { return local(path) }

// writer remembers the status, for the log and for errors after the first byte.
type writer struct {
	http.ResponseWriter
	status int
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func zoneOr(z *time.Location) *time.Location {
	if z == nil {
		return time.UTC
	}
	return z
}
