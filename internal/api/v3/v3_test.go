// SPDX-License-Identifier: AGPL-3.0-or-later

package v3_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	v3 "consend/internal/api/v3"
	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/team/apikey"
	"consend/internal/team/secret"
	"consend/internal/testhouse"
)

// shop is an account with a key and one person, and the API before it.
type shop struct {
	*testhouse.House
	api     http.Handler
	account int64
	owner   actor.Actor
	key     string
	keyID   int64
	lea     int64
}

const email = "lea+shop@example.org"

func open(t *testing.T, h *testhouse.House) *shop {
	t.Helper()
	s := &shop{House: h, api: (&v3.API{DB: h.Main}).Handler()}
	s.account, s.owner = h.House(t)
	s.write(t, s.owner, func(tx *store.Tx) error {
		k, token, err := apikey.Create(tx, apikey.New{Name: "Till"})
		if err != nil {
			return err
		}
		s.key, s.keyID = token.Raw(), k.ID
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Source: "member"}})
		if err == nil {
			s.lea = rows[0].ID
		}
		return err
	})
	return s
}

func (s *shop) write(t *testing.T, who actor.Actor, f func(tx *store.Tx) error) {
	t.Helper()
	if err := s.Main.Write(context.Background(), who, f); err != nil {
		t.Fatal(err)
	}
}

// ask sends a call, and gives its status and its JSON.
func (s *shop) ask(t *testing.T, key, method, whom, body string, lang ...string) (int, map[string]any) {
	t.Helper()
	q := httptest.NewRequest(method, "http://127.0.0.1:8080/v3/contacts/"+whom+"/tracking", strings.NewReader(body))
	q.RemoteAddr = "192.0.2.7:4711"
	q.Header.Set("content-type", "application/json")
	if key != "" {
		q.Header.Set("api-key", key)
	}
	for _, l := range lang {
		q.Header.Set("Accept-Language", l)
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, q)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %d %q: %v", method, whom, w.Code, w.Body, err)
	}
	if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		t.Errorf("answered as %q", ct)
	}
	return w.Code, out
}

func (s *shop) events(t *testing.T) (out []consent.Record) {
	t.Helper()
	err := s.Main.View(context.Background(), s.owner, func(v *store.View) (err error) { out, err = consent.Events(v, s.lea); return err })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const shown = `"said": {"at": "2026-03-02T09:30:00+01:00", "where": "https://shop.example/till?order=7#x", "words": "[x] You may measure whether I open your mails.", "language": "en", "ip": "203.0.113.9"}`

func TestAProgramTellsWhatThePersonAnswered(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		state := func(out map[string]any, what string) map[string]any { return out[what].(map[string]any) }
		at := url.PathEscape(email)
		code, out := s.ask(t, s.key, "GET", at, "")
		if code != 200 || state(out, "opens")["measured"] != false || state(out, "clicks")["mayAsk"] != true || out["email"] != email || out["id"] != float64(s.lea) {
			t.Fatalf("of whom nothing is known: %d %v", code, out)
		}
		code, out = s.ask(t, s.key, "PUT", at, `{"opens": true, "clicks": false, `+shown+`}`)
		if o := state(out, "opens"); code != 200 || o["measured"] != true || o["basis"] != "consent" || o["since"] == nil {
			t.Fatalf("a yes that is shown: %d %v", code, out)
		}
		if c := state(out, "clicks"); c["measured"] != false || c["mayAsk"] != false || c["refusedAt"] == nil || c["mayAskFrom"] == nil {
			t.Errorf("a no: %v", c)
		}
		es := s.events(t)
		if len(es) != 2 || es[0].Kind != consent.Give || es[0].Grade != consent.GradeB || es[0].ActorKind != "apikey" || es[0].ActorID != s.keyID || es[0].Source != "api" ||
			es[0].Page != "https://shop.example/till" || len(es[0].TextSHA256) == 0 || es[0].OccurredAt.Time().UTC().Hour() != 8 || es[1].Kind != consent.Refuse {
			t.Fatalf("in the ledger: %+v", es)
		}
		_ = s.Main.View(context.Background(), s.owner, func(v *store.View) error {
			from, err := consent.Origins(v, s.lea, es)
			if err != nil || from[0].IP.Raw().String() != "203.0.113.9" {
				t.Errorf("the address it came from: %v %v", from, err)
			}
			return nil
		})
		// A no is turned by the person alone.
		code, out = s.ask(t, s.key, "PUT", fmt.Sprint(s.lea), `{"clicks": true, `+shown+`}`)
		if code != 422 || out["code"] != "unprocessable_entity" {
			t.Errorf("a yes after a no: %d %v", code, out)
		}
		if es := s.events(t); len(es) != 3 || es[2].Verdict != consent.SaidNoBefore {
			t.Errorf("the attempt is not in the ledger: %+v", es)
		}
		// A no beside a yes that is refused is heard.
		code, _ = s.ask(t, s.key, "PUT", at, `{"opens": false, "clicks": true, `+shown+`}`)
		if _, out := s.ask(t, s.key, "GET", at, ""); code != 422 || state(out, "opens")["measured"] != false {
			t.Errorf("a no was lost beside a refused yes: %d %v", code, out)
		}
		if es := s.events(t); len(es) != 5 || !slices.ContainsFunc(es, func(r consent.Record) bool { return r.Kind == consent.Withdraw && r.ListID == es[0].ListID }) {
			t.Errorf("what stood is not withdrawn: %+v", es)
		}
	})
}

func TestWhatIsNotAskedForIsRefused(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		at := url.PathEscape(email)
		for _, c := range []struct {
			body, code, field string
			status            int
		}{
			{``, "invalid_parameter", "", 400},
			{`[]`, "invalid_parameter", "", 400},
			{`{} {}`, "invalid_parameter", "", 400},
			{`{}`, "missing_parameter", "opens", 400},
			{`{"opens": true}`, "missing_parameter", "said.at", 400},
			{`{"opens": true, "said": {"at": "2026-03-02T09:30:00Z", "where": "till"}}`, "missing_parameter", "said.words", 400},
			{`{"opens": true, "said": {"at": "2026-03-02T09:30:00Z", "where": "?order=7", "words": "yes"}}`, "missing_parameter", "said.where", 400},
			{`{"opens": true, "said": {"at": "yesterday", "where": "till", "words": "yes"}}`, "invalid_parameter", "said.at", 400},
			{`{"opens": true, "said": {"at": "2999-03-02T09:30:00Z", "where": "till", "words": "yes"}}`, "invalid_parameter", "said.at", 400},
			{`{"opens": true, "said": {"at": "2026-03-02T09:30:00Z", "where": "till", "words": "yes", "ip": "nowhere"}}`, "invalid_parameter", "said.ip", 400},
			{`{"opens": true, "said": {"at": "2026-03-02T09:30:00Z", "where": "till", "words": "` + strings.Repeat("é", 4001) + `"}}`, "invalid_parameter", "said.words", 400},
			{`{"opens": "yes"}`, "invalid_parameter", "opens", 400},
			{`{"opens": false, "account": 1}`, "invalid_parameter", "", 400},
			{`{"opens": false, "opens": true}`, "invalid_parameter", "opens", 400},
			{`{"opens": false, "Opens": true}`, "invalid_parameter", "Opens", 400},
			{`{"opens": false, "openſ": true}`, "invalid_parameter", "openſ", 400},
			{`{"said": ` + strings.Repeat(`[`, 30) + strings.Repeat(`]`, 30) + `}`, "invalid_parameter", "", 400},
			{`{"opens": false, "said": {"words": "` + strings.Repeat("a", 70_000) + `"}}`, "out_of_range", "", 413},
		} {
			code, out := s.ask(t, s.key, "PUT", at, c.body)
			if field, _ := out["field"].(string); code != c.status || out["code"] != c.code || field != c.field || out["message"] == "" {
				t.Errorf("%.80s: %d %v", c.body, code, out)
			}
		}
		if es := s.events(t); len(es) != 0 {
			t.Errorf("something was written: %+v", es)
		}
		if _, out := s.ask(t, s.key, "PUT", at, `{}`, "fr-FR,fr;q=0.9"); !strings.Contains(out["message"].(string), "répondu") {
			t.Errorf("in French: %v", out)
		}
		if code, out := s.ask(t, s.key, "GET", "nobody@example.org", ""); code != 404 || out["code"] != "document_not_found" {
			t.Errorf("nobody: %d %v", code, out)
		}
		if code, _ := s.ask(t, s.key, "GET", "no-address", ""); code != 400 {
			t.Errorf("no address: %d", code)
		}
	})
}

func TestOnlyAKeyOfTheAccountComesIn(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		at := url.PathEscape(email)
		other := open(t, h)
		if code, _ := s.ask(t, other.key, "GET", fmt.Sprint(s.lea), ""); code != 404 {
			t.Errorf("another account's person by number: %d", code)
		}
		if code, _ := s.ask(t, other.key, "PUT", fmt.Sprint(s.lea), `{"opens": false}`); code != 404 {
			t.Errorf("another account's person by number: %d", code)
		}
		for _, bad := range []string{"", "xkeysib-1", secret.New(secret.Key, s.account).Raw()} {
			if code, out := s.ask(t, bad, "GET", at, ""); code != 401 || out["code"] != "unauthorized" {
				t.Errorf("%q: %d %v", bad, code, out)
			}
		}
		before := s.Entries(t, s.owner)
		s.ask(t, s.key, "GET", at, "")
		if n := s.Entries(t, s.owner) - before; n != 1 {
			t.Errorf("a look left %d entries", n)
		}
		s.write(t, s.owner, func(tx *store.Tx) error { return apikey.Revoke(tx, s.keyID) })
		if code, _ := s.ask(t, s.key, "GET", at, ""); code != 401 {
			t.Errorf("a revoked key: %d", code)
		}
	})
}

func TestAKeyMayCallAsOftenAsTheHouseAllows(t *testing.T) {
	s := open(t, testhouse.SQLite(t))
	busy := 0
	for range 605 {
		if code, out := s.ask(t, s.key, "GET", "nobody@example.org", ""); code == 429 {
			busy++
			if out["code"] != "too_many_requests" {
				t.Fatalf("%v", out)
			}
		}
	}
	if busy != 5 {
		t.Errorf("%d calls of 605 were too many", busy)
	}
}

func TestMeasuringToldByAProgramIsWhatTheMailPathAsks(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		s.ask(t, s.key, "PUT", fmt.Sprint(s.lea), `{"clicks": true, `+shown+`}`)
		err := s.Main.View(context.Background(), s.owner, func(v *store.View) error {
			m, err := consent.Tracking(v, []int64{s.lea})
			if m[s.lea] != (consent.Measured{Clicks: true}) {
				t.Errorf("%+v", m)
			}
			lists, _ := list.Measuring(v)
			if len(lists) != 2 {
				t.Errorf("%d lists measure", len(lists))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
