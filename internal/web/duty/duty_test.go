// SPDX-License-Identifier: AGPL-3.0-or-later

package duty_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
	"consend/internal/web/duty"
	"consend/internal/web/shell"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// office is an account with one person who said yes, served over HTTP.
type office struct {
	*testhouse.House
	t      testing.TB
	acct   int64
	who    actor.Actor
	person int64
	web    http.Handler
	role   string
	lang   string
}

func (o *office) Find(_ context.Context, token string) (shell.Member, error) {
	if token == "" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	return shell.Member{ID: o.who.ID, Account: shell.Account{ID: o.acct, Name: "Maison", Language: "fr", Zone: time.UTC}, Role: o.role, Language: o.lang}, nil
}

func open(t testing.TB, h *testhouse.House, lang string) *office {
	t.Helper()
	o := &office{House: h, t: t, role: "owner", lang: lang}
	o.acct, o.who = h.House(t)
	must(t, h.Main.Write(ctx, o.who, func(tx *store.Tx) error {
		id, err := list.EnsureNamed(tx, "Newsletter", "News")
		must(t, err)
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("lea@example.org"), Source: "member"}, {Email: address.Must("max@example.org"), Source: "member"}})
		must(t, err)
		o.person = rows[0].ID
		_, err = consent.Apply(tx, []consent.Event{
			{Contact: rows[0].ID, Row: rows[0], List: id, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeD, Source: "member", DeclaredBy: o.who.ID},
			{Contact: rows[1].ID, Row: rows[1], List: id, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeD, Source: "member", DeclaredBy: o.who.ID}})
		return err
	}))
	must(t, trace.SealNow(ctx, h.Main))
	s, err := shell.New(shell.Options{Sessions: o, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Sections: []shell.Section{{Key: "privacy", Path: "/privacy/trace", Icon: "shield-lock"}}})
	must(t, err)
	routes := append((&duty.TracePages{DB: h.Main, Log: h.Log}).Routes(), (&duty.ProofPages{DB: h.Main}).Routes()...)
	o.web, err = s.Handler(append(routes, (&duty.KnownPages{Log: h.Log}).Routes()...))
	must(t, err)
	return o
}

var key = regexp.MustCompile(`>\s*(web_trace|web_proof|web_register|web_exports|people|trace|evidence)\.[a-z_.]+\s*<`)

func (o *office) ask(method, path string, pairs ...string) (int, string, http.Header) {
	o.t.Helper()
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	q := httptest.NewRequest(method, path, strings.NewReader(f.Encode()))
	q.AddCookie(&http.Cookie{Name: "consend", Value: "member"})
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	o.web.ServeHTTP(rec, q)
	s := rec.Body.String()
	if rec.Header().Get("Content-Type") == "application/octet-stream" {
		return rec.Code, s, rec.Header()
	}
	if strings.Contains(s, "no value") || key.MatchString(s) {
		o.t.Errorf("%s %s shows a key or an empty value: %s", method, path, key.FindString(s))
	}
	return rec.Code, html.UnescapeString(s), rec.Header()
}

func (o *office) get(path string) string {
	o.t.Helper()
	code, body, _ := o.ask("GET", path)
	if code != 200 {
		o.t.Fatalf("GET %s: %d\n%s", path, code, body)
	}
	return body
}

func (o *office) entries(q trace.Question) (out []trace.Entry) {
	o.t.Helper()
	must(o.t, o.Main.View(ctx, o.who, func(v *store.View) (err error) { out, err = trace.Search(v, q); return err }))
	return out
}

func TestTheTraceIsSearchedOpenedAndVerified(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, lang := range []string{"en", "fr"} {
			o := open(t, h, lang)
			body := o.get("/privacy/trace")
			for _, part := range []string{"Camille Martin", map[string]string{"en": "Reason to write recorded", "fr": "Motif d’écrire noté"}[lang]} {
				if !strings.Contains(body, part) {
					t.Errorf("%s: the list lacks %q", lang, part)
				}
			}
			if strings.Contains(body, "lea@example.org") {
				t.Error("the list shows a person")
			}
			if b := o.get("/privacy/trace?action=contact.add&from=2026-03-01&to=2026-03-02&actor=member." + fmt.Sprint(o.who.ID)); !strings.Contains(b, "/privacy/trace/") {
				t.Error("nothing is found")
			}
			before := len(o.entries(trace.Question{Action: trace.LookAction}))
			o.get("/privacy/trace?who=lea@example.org")
			if n := len(o.entries(trace.Question{Action: trace.LookAction, Contact: o.person})); n != 1 {
				t.Errorf("%d looks at the person whose trace was asked, %d before", n, before)
			}
			for _, q := range []string{"who=nobody@example.org", "from=2099-01-01", "from=x", "action=none.such"} {
				o.get("/privacy/trace?" + q)
			}
			if code, _, _ := o.ask("GET", "/privacy/trace?after=x"); code != 404 {
				t.Errorf("a broken cursor: %d", code)
			}
			for _, e := range o.entries(trace.Question{Limit: 20}) {
				o.get(fmt.Sprintf("/privacy/trace/%d", e.ID))
			}
			code, body, _ := o.ask("POST", "/privacy/trace/verify")
			if code != 200 || !strings.Contains(body, map[string]string{"en": "Everything holds", "fr": "Tout concorde"}[lang]) {
				t.Errorf("verify: %d\n%s", code, body)
			}
			if n := len(o.entries(trace.Question{Action: "trace.verify"})); n != 1 {
				t.Errorf("%d entries tell of the check", n)
			}
		}
	})
}

func TestAChangedTraceIsSaidInWords(t *testing.T) {
	h := testhouse.SQLite(t)
	o := open(t, h, "fr")
	h.Raw(t, `UPDATE trace_entry SET at = at - 86400000000 WHERE action = 'contact.add'`)
	_, body, _ := o.ask("POST", "/privacy/trace/verify")
	if !strings.Contains(body, "a été redatée") {
		t.Error(body)
	}
}

func TestAProofIsShownAndHandedOutOnceTheLookIsTraced(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		o := open(t, h, "en")
		at := fmt.Sprintf("/contacts/%d/proof", o.person)
		body := o.get(at)
		for _, part := range []string{"lea@example.org", "The account’s word", "Camille Martin", "consend-verify", proof.Fingerprint(h.Log.Key()), "2026-03-02 09:00:00 UTC"} {
			if !strings.Contains(body, part) {
				t.Errorf("the page lacks %q", part)
			}
		}
		if strings.Contains(body, "max@example.org") {
			t.Error("the page shows somebody else")
		}
		_, file, head := o.ask("GET", at+".json")
		if r, err := proof.Verify([]byte(file), h.Log.Key(), nil); err != nil || !r.Holds() {
			t.Errorf("the file: %v", err)
		}
		if d := head.Get("Content-Disposition"); !strings.Contains(d, "consend-proof-") || strings.Contains(d, "lea") {
			t.Error(d)
		}
		if table := o.get(at + ".csv"); !strings.Contains(table, "lea@example.org") {
			t.Error(table)
		}
		if n := len(o.entries(trace.Question{Action: trace.LookAction, Contact: o.person})); n != 3 {
			t.Errorf("%d looks are traced, want 3", n)
		}
		if code, page, _ := o.ask("POST", at, "how", "passphrase", "passphrase", "short"); code != 422 || !strings.Contains(page, "A passphrase has 12") || strings.Contains(page, "lea@example.org") {
			t.Errorf("a short passphrase: %d", code)
		}
		opens, err := age.GenerateX25519Identity()
		must(t, err)
		_, sealed, head := o.ask("POST", at, "how", "key", "key", opens.Recipient().String())
		if d := head.Get("Content-Disposition"); !strings.Contains(d, ".json.age") || strings.Contains(sealed, "lea@example.org") {
			t.Error(d)
		}
		in, err := age.Decrypt(strings.NewReader(sealed), opens)
		must(t, err)
		b, err := io.ReadAll(in)
		must(t, err)
		if r, err := proof.Verify(b, h.Log.Key(), nil); err != nil || !r.Holds() {
			t.Errorf("the file that was closed: %v", err)
		}
		looks := o.entries(trace.Question{Action: trace.LookAction, Contact: o.person})
		if len(looks) != 4 || looks[0].Fields()["encrypted"] != "key" || looks[3].Fields()["encrypted"] != "" {
			t.Errorf("%d looks, the newest %v", len(looks), looks[0].Fields())
		}
		o.role = "viewer"
		if code, _, _ := o.ask("POST", at, "how", "none"); code != 403 {
			t.Errorf("a viewer: %d", code)
		}
		if code, _, _ := o.ask("GET", at+".json"); code != 403 {
			t.Errorf("a viewer: %d", code)
		}
		if code, _, _ := o.ask("GET", "/privacy/trace"); code != 403 {
			t.Errorf("a viewer: %d", code)
		}
	})
}

func TestNothingIsShownWhenTheLookCannotBeTraced(t *testing.T) {
	h := testhouse.SQLite(t)
	o := open(t, h, "en")
	h.Main.SetHook(func(q string) error {
		if q == "trace.add_entry" {
			return fmt.Errorf("disk full")
		}
		return nil
	})
	code, body, _ := o.ask("GET", fmt.Sprintf("/contacts/%d/proof.json", o.person))
	if code != 500 || strings.Contains(body, "lea@example.org") {
		t.Errorf("%d %s", code, body)
	}
}

func TestEverybodyFindsKeyCheckpointAndBridge(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		o := open(t, h, "en")
		if k := o.get("/.well-known/consend/key"); k != h.Log.Key()+"\n" {
			t.Error(k)
		}
		old := o.get("/.well-known/consend/checkpoint")
		cp, err := proof.OpenCheckpoint([]byte(old), h.Log.Key())
		must(t, err)
		if b := o.get(fmt.Sprintf("/.well-known/consend/bridge/%d", cp.Size)); !strings.HasPrefix(b, "consend-bridge/1\n") {
			t.Error(b)
		}
		for _, bad := range []string{"x", "0", "999999"} {
			if code, _, _ := o.ask("GET", "/.well-known/consend/bridge/"+bad); code != 404 {
				t.Errorf("bridge from %s: %d", bad, code)
			}
		}
	})
}
