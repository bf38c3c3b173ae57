// SPDX-License-Identifier: AGPL-3.0-or-later

package v3

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/trace"
)

// person finds whom a path names: by number, or by address.
func person(r store.Reader, identifier string) (contact.Contact, error) {
	if id, err := strconv.ParseInt(identifier, 10, 64); err == nil && id > 0 {
		return contact.Get(r, id)
	}
	a, err := address.Parse(identifier)
	if err != nil {
		return contact.Contact{}, err
	}
	c, ok, err := contact.Find(r, a)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "contact.none")
	}
	return c, err
}

// measured is where a person stands on one kind of measuring.
type measured struct {
	Measured   bool   `json:"measured"`             // now
	Basis      string `json:"basis,omitempty"`      // consent, informed_no_objection
	Since      string `json:"since,omitempty"`      // of what stands
	RefusedAt  string `json:"refusedAt,omitempty"`  // the last no, while it holds
	MayAsk     bool   `json:"mayAsk"`               // whether the question may be put now
	MayAskFrom string `json:"mayAskFrom,omitempty"` // after a no: when again (rule tracking.ask_again)
}

// trackingState is the answer of both endpoints.
type trackingState struct {
	ID     int64    `json:"id"`
	Email  string   `json:"email"`
	Opens  measured `json:"opens"`
	Clicks measured `json:"clicks"`
}

func stateOf(r store.Reader, c contact.Contact) (trackingState, error) {
	out := trackingState{ID: c.ID, Email: c.Email.Raw()}
	answers, err := consent.Answers(r, c.ID)
	for _, a := range answers {
		m := measured{Measured: a.Live, Basis: string(a.Basis), Since: stamp(a.Since), RefusedAt: stamp(a.NoAt), MayAsk: a.Ask}
		if !a.Ask && !a.Live {
			m.MayAskFrom = stamp(a.AskFrom)
		}
		if a.What == list.Opens {
			out.Opens = m
		} else {
			out.Clicks = m
		}
	}
	return out, err
}

// stamp writes a moment as RFC 3339 in UTC, and none as nothing.
func stamp(m legalclock.Moment) string {
	if m == 0 {
		return ""
	}
	return m.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// tracking tells where a person stands on opens and clicks; the look is traced.
func (a *API) tracking(ctx context.Context, c *call) (got answer, err error) {
	var out trackingState
	err = a.DB.View(ctx, c.who, func(v *store.View) error {
		p, err := person(v, c.PathValue("identifier"))
		if err == nil && p.State.Ending() {
			err = fault.New(fault.NotFound, "contact.none")
		}
		if err == nil {
			out, err = stateOf(v, p)
		}
		return err
	})
	if err == nil {
		err = trace.Look(ctx, a.DB, c.who, trace.Looked{Object: "contact", ObjectID: out.ID, Contacts: []int64{out.ID}})
	}
	return answer{http.StatusOK, out}, err
}

// told is the body of a PUT: what the person answered, and what shows a yes.
type told struct {
	Opens  *bool `json:"opens"`
	Clicks *bool `json:"clicks"`
	Said   struct {
		At       string `json:"at"`       // RFC 3339; needed for a yes
		Where    string `json:"where"`    // the page or place; needed for a yes
		Words    string `json:"words"`    // the question and the box as shown; needed for a yes
		Language string `json:"language"` // of the words
		IP       string `json:"ip"`       // of the person
	} `json:"said"`
}

const (
	maxWhere = 500
	maxWords = 4000
)

// event reads what shows the answer.
func (t *told) event() (e consent.Event, err error) {
	var bad fault.Many
	wrong := func(name string, args ...any) {
		bad = append(bad, fault.New(fault.Invalid, "api.tracking."+name, args...).At("said."+name))
	}
	s := &t.Said
	if s.At != "" {
		at, err := time.Parse(time.RFC3339, s.At)
		if err != nil || at.Year() < 1990 || at.Year() > 9000 {
			wrong("at")
		} else {
			e.OccurredAt = legalclock.MomentOf(at)
		}
	}
	where, _, _ := strings.Cut(strings.TrimSpace(s.Where), "?") // without what may name the person
	where, _, _ = strings.Cut(where, "#")
	if !plain(where, maxWhere, false) {
		wrong("where", "max", maxWhere)
	}
	words := strings.TrimSpace(s.Words)
	if !plain(words, maxWords, true) {
		wrong("words", "max", maxWords)
	}
	if lang := s.Language; len(lang) > 12 || strings.ContainsFunc(lang, func(r rune) bool {
		return !(r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}) {
		wrong("language")
	}
	if s.IP != "" {
		ip, err := pii.ParseIP(s.IP)
		if err != nil {
			wrong("ip")
		}
		e.Origin = consent.Origin{IP: ip, Source: "api"}
	}
	e.Source, e.Method, e.Page, e.Text, e.Language = "api", "api", where, words, s.Language
	return e, bad.Err()
}

// plain tells whether a text is short enough and holds no control characters.
func plain(s string, most int, lines bool) bool {
	return utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) })
}

// setTracking writes down what a person answered elsewhere. A no is heard though the yes beside it is
// not taken; such a yes is an error, and stands in the ledger with the reason. A call that is wrong itself writes nothing.
func (a *API) setTracking(ctx context.Context, c *call) (answer, error) {
	var in told
	if err := c.read(&in); err != nil {
		return answer{}, err
	}
	if in.Opens == nil && in.Clicks == nil {
		return answer{}, fault.New(fault.Invalid, "api.nothing_said").At("opens")
	}
	e, err := in.event()
	if err != nil {
		return answer{}, err
	}
	var out trackingState
	var refused consent.Verdict
	err = a.DB.Write(ctx, c.who, func(tx *store.Tx) error {
		refused = ""
		p, err := person(tx, c.PathValue("identifier"))
		if err != nil {
			return err
		}
		e.Contact = p.ID
		for _, what := range list.Measured() {
			yes := in.Opens
			if what == list.Clicks {
				yes = in.Clicks
			}
			if yes == nil {
				continue
			}
			res, err := consent.Answered(tx, what, *yes, e)
			if f := (*fault.Error)(nil); errors.As(err, &f) && f.Field == "occurred_at" {
				return fault.New(f.Kind, f.Key).At("said.at")
			}
			if err != nil {
				return err
			}
			if !res.Verdict.OK() {
				refused = res.Verdict
			}
		}
		out, err = stateOf(tx, p)
		return err
	})
	if err == nil && refused != "" {
		err = fault.New(fault.Conflict, "api.tracking.refused."+string(refused))
	}
	return answer{http.StatusOK, out}, err
}
