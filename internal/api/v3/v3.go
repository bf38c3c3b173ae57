// SPDX-License-Identifier: AGPL-3.0-or-later

// Package v3 promises programs one way in: JSON under /v3, with a key of the account in the header api-key, as
// clients of Brevo's API v3 send it. Errors are {"code", "message"} with that API's codes; messages are in the
// language of Accept-Language. An unknown or repeated field is an error here: what a program says about a
// person's consent is never guessed.
//
// It decides nothing and holds no SQL: each endpoint is one verb of a room below.
package v3

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/team/apikey"
)

// API answers programs. Its zero value is of no use.
type API struct {
	DB      *store.DB
	Trusted []netip.Prefix // proxies whose X-Forwarded-For is believed
}

// Path is where the API begins.
const Path = "/v3/"

// maxBody is the largest body of a call, in octets.
const maxBody = 64 << 10

// perKey is how often a key may call: as often as Brevo lets one call /contacts, counted by the minute.
var perKey = budget.Limit{Name: "api.key", Max: 600, Per: time.Minute}

// call is one request of a program whose key is known.
type call struct {
	*http.Request
	who actor.Actor
	key apikey.Key
	p   locale.Printer
}

// answer is what a call gets: a status and what is written as JSON, nil for nothing.
type answer struct {
	status int
	body   any
}

// Handler serves every endpoint.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v3/contacts/{identifier}/tracking", a.serve(a.tracking))
	mux.Handle("PUT /v3/contacts/{identifier}/tracking", a.serve(a.setTracking))
	mux.Handle(Path, a.serve(func(context.Context, *call) (answer, error) {
		return answer{}, fault.New(fault.NotFound, "api.nothing")
	}))
	return mux
}

// serve lets a call in, and turns what goes wrong into an answer.
func (a *API) serve(do func(context.Context, *call) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		began := legalclock.Start()
		c := &call{Request: q, p: locale.For(locale.Match(q.Header.Get("Accept-Language")), time.UTC)}
		c.who = actor.Actor{Kind: actor.Key, Request: requestID(), Agent: agent(q.UserAgent())}
		c.who.IP, c.who.IPSource = actor.From(q, a.Trusted)
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Request-Id", c.who.Request)
		q.Body = http.MaxBytesReader(w, q.Body, maxBody)
		got, err := a.run(q.Context(), c, do)
		if err != nil {
			got = c.wrong(err)
			if got.status == http.StatusTooManyRequests {
				h.Set("Retry-After", "60")
			}
		}
		if got.body == nil {
			h.Del("Content-Type")
			w.WriteHeader(got.status)
		} else {
			w.WriteHeader(got.status)
			_ = json.NewEncoder(w).Encode(got.body) // who hung up hears nothing
		}
		slog.Info("api", "request", c.who.Request, "route", q.Pattern, "status", got.status, "account", c.who.Account, "apikey", c.key.ID,
			"ms", began.Elapsed().Milliseconds())
	})
}

func (a *API) run(ctx context.Context, c *call, do func(context.Context, *call) (answer, error)) (got answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	token := c.Header.Get("api-key")
	if token == "" {
		return got, fault.New(fault.Refused, "api.no_key")
	}
	account, key, err := apikey.Find(ctx, a.DB, token)
	if err != nil {
		return got, err
	}
	c.key, c.who.ID, c.who.Account = key, key.ID, account
	if err := a.spend(ctx, c); err != nil {
		return got, err
	}
	return do(ctx, c)
}

// spend counts the call, whatever becomes of it.
func (a *API) spend(ctx context.Context, c *call) error {
	return a.DB.Write(ctx, c.who, func(tx *store.Tx) error {
		key, err := keys.Of(tx).MAC(keys.Installation, "budget")
		if err != nil {
			return err
		}
		return budget.Spend(tx, key, perKey.For(strconv.FormatInt(c.key.ID, 10)))
	})
}

// codes are Brevo's words for what went wrong.
var codes = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.Invalid:   {http.StatusBadRequest, "invalid_parameter"},
	fault.Refused:   {http.StatusUnauthorized, "unauthorized"},
	fault.Forbidden: {http.StatusForbidden, "permission_denied"},
	fault.NotFound:  {http.StatusNotFound, "document_not_found"},
	fault.Conflict:  {http.StatusUnprocessableEntity, "unprocessable_entity"},
	fault.Gone:      {http.StatusNotFound, "document_not_found"},
	fault.TooLarge:  {http.StatusRequestEntityTooLarge, "out_of_range"},
	fault.Busy:      {http.StatusTooManyRequests, "too_many_requests"},
	fault.Internal:  {http.StatusInternalServerError, "internal_error"},
}

// problem is the body of an error.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"` // where in the body it stands
}

func (c *call) wrong(err error) answer {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		err = fault.New(fault.TooLarge, "api.too_large", "size", c.p.Size(big.Limit))
	}
	first := fault.All(err)[0]
	k := codes[first.Kind]
	if first.Kind == fault.Internal {
		slog.Error("api", "request", c.who.Request, "err", err.Error())
	}
	out := problem{Code: k.code, Field: first.Field}
	if strings.HasPrefix(first.Key, "consent.told.") || first.Key == "api.nothing_said" {
		out.Code = "missing_parameter"
	}
	var said []string
	for _, f := range fault.All(err) {
		said = append(said, c.p.Fault(f))
	}
	out.Message = strings.Join(said, " ")
	return answer{k.status, out}
}

func requestID() string {
	var b [10]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// agent is what a client says of itself, as text of at most 400 octets.
func agent(s string) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return -1
		}
		return r
	}, s), "")
	for len(s) > 400 {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
