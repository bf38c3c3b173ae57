// SPDX-License-Identifier: AGPL-3.0-or-later

package sending_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"consend/internal/chain/legal"
	"consend/internal/chain/processor"
	"consend/internal/gate"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/people/contact"
	"consend/internal/sending/message"
	"consend/internal/sending/relay"
	"consend/internal/sending/transactional"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/sending"
	"consend/internal/web/shell"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is a house with its sending pages and a member in front of them.
type desk struct {
	*testhouse.House
	who     actor.Actor
	sender  *transactional.Sender
	web     http.Handler
	lang    string
	role    string
	contact int64
	draft   *compose.Draft // what a mail says in the place of the receipt
}

func (d *desk) Find(context.Context, string) (shell.Member, error) {
	return shell.Member{ID: d.who.ID, Name: "Camille", Role: d.role, Language: d.lang, Account: shell.Account{ID: d.who.Account, Name: "Maison"}}, nil
}

const kind job.Kind = "test.receipt"

func open(t testing.TB, h *testhouse.House) *desk {
	t.Helper()
	d := &desk{House: h, lang: "en", role: shell.Owner}
	_, d.who = h.House(t)
	h.Main.Attach(&config.Site{URL: "https://consend.example", Host: "consend.example"})
	d.sender = transactional.New(h.Main, relay.Open(h.Main, "consend.example"), map[job.Kind]transactional.Compose{kind: func(tx *store.Tx, ref int64) (compose.Draft, error) {
		if d.draft != nil {
			return *d.draft, nil
		}
		c, err := contact.Get(tx, ref)
		return compose.Draft{Class: "receipt", To: compose.Mailbox{Addr: c.Email.RawWire()}, Contact: ref, Language: "fr", Subject: "Votre reçu à vous",
			Blocks: []compose.Block{{Kind: compose.Heading, Text: "C’est noté"}, {Kind: compose.Button, Text: "Vos choix", URL: "https://consend.example/p/abc"}}}, err
	}})
	s, err := shell.New(shell.Options{Sessions: d, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	d.web, err = s.Handler((&sending.RelayPages{DB: h.Main, Service: d.sender}).Routes())
	must(t, err)
	d.write(t, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("ann@example.org"), Source: "form"}})
		if err == nil {
			d.contact = rows[0].ID
		}
		return err
	})
	return d
}

func (d *desk) write(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, d.Main.Write(context.Background(), d.who, fn))
}

// A mail that lets somebody in as another member is read by that member and by an owner: read by anybody else of the
// team, it would be their way to more rights.
func TestAWayInIsReadByWhomItIsForAndByAnOwner(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		owner := d.who.ID
		for _, class := range []string{"sign_in", "invitation"} {
			d.draft = &compose.Draft{Class: class, To: compose.Mailbox{Addr: "owner1@example.org"}, Member: owner, Language: "en", Subject: "Your way in",
				Blocks: []compose.Block{{Kind: compose.Button, Text: "Come in", URL: "https://consend.example/reset/secret"}}}
			d.mail(t)
			at := regexp.MustCompile(`/mailbox/\d+`).FindString(d.page(t, "/mailbox"))
			for _, c := range []struct {
				role string
				id   int64
				want int
			}{{shell.Owner, owner + 1, http.StatusOK}, {shell.Viewer, owner, http.StatusOK}, {shell.Viewer, owner + 1, http.StatusForbidden},
				{shell.Editor, owner + 1, http.StatusForbidden}, {shell.Admin, owner + 1, http.StatusForbidden}} {
				d.role, d.who.ID = c.role, c.id
				for _, path := range []string{at, at + "/html", at + "/raw"} {
					if w := d.do(t, "GET", path, nil); w.Code != c.want || w.Code != http.StatusOK && strings.Contains(w.Body.String(), "secret") {
						t.Errorf("%s to a %s: %d", class, c.role, w.Code)
					}
				}
			}
			d.role, d.who.ID = shell.Owner, owner
		}
	})
}

// mail lets the contact get a service mail.
func (d *desk) mail(t testing.TB) {
	t.Helper()
	d.write(t, func(tx *store.Tx) error { return d.sender.Facts()[kind](tx, d.contact) })
	must(t, d.sender.Settle(context.Background()))
}

func (d *desk) do(t testing.TB, method, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	q := httptest.NewRequest(method, path, body)
	if form != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	d.web.ServeHTTP(w, q)
	return w
}

var key = regexp.MustCompile(`[>" ](web_sending|processor|relay|message|gate|nav)\.[a-z_]+(\.[a-z_]+)*`)

// page gets a page and holds it against what every page must be.
func (d *desk) page(t testing.TB, path string) string {
	t.Helper()
	w := d.do(t, "GET", path, nil)
	body := w.Body.String()
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d\n%s", path, w.Code, body)
	}
	if k := key.FindString(body); k != "" {
		t.Errorf("%s shows a key instead of words: %s", path, k)
	}
	if strings.Contains(body, "style=\"") || strings.Contains(body, "<script>") {
		t.Errorf("%s has a style or script in it", path)
	}
	return body
}

func (d *desk) post(t testing.TB, path string, form url.Values) string {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	w := d.do(t, "POST", path, form)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("POST %s: %d\n%s", path, w.Code, w.Body.String())
	}
	return w.Header().Get("Location")
}

func (d *desk) services(t testing.TB) (out []relay.Relay) {
	t.Helper()
	must(t, d.Main.View(context.Background(), d.who, func(v *store.View) (err error) { out, err = relay.All(v); return err }))
	return out
}

func TestAProviderOfTheCatalogueIsAddedInThreeClicksAndConfirmed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, d := range []*desk{open(t, h)} {
			if body := d.page(t, "/settings/sending"); !strings.Contains(body, "Built-in mailbox") || !strings.Contains(body, `href="/settings/sending/new"`) {
				t.Error("the list lacks the mailbox or the way on")
			}
			for _, e := range processor.Catalogue() {
				if body := d.page(t, "/settings/sending/new"); !strings.Contains(body, "/settings/sending/new/"+e.ID) || !strings.Contains(body, processor.CatalogueDate) {
					t.Errorf("%s or the date isn't in the catalogue", e.Name)
				}
				if body := d.page(t, "/settings/sending/new/"+e.ID); !strings.Contains(body, strings.ReplaceAll(e.Company, "'", "&#39;")) {
					t.Errorf("%s: the company isn't shown", e.Name)
				}
			}
			form := url.Values{"addr": {"smtp-relay.brevo.com:587"}, "tls": {"starttls"}, "login": {"me"}, "password": {"secret"}, "dpa_from": {"2026-01-01"}}
			w := d.do(t, "POST", "/settings/sending/new/brevo", form)
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "tick the box") {
				t.Errorf("without a confirmation: %d", w.Code)
			}
			if len(d.services(t)) != 1 {
				t.Error("something was added all the same")
			}
			form.Set("checked", "1")
			before := h.Entries(t, d.who)
			d.post(t, "/settings/sending/new/brevo", form)
			list := d.services(t)
			if len(list) != 2 || list[1].Name != "Brevo" || h.Entries(t, d.who)-before != 3 {
				t.Fatalf("added: %+v", list)
			}
			if body := d.page(t, "/settings/sending"); !strings.Contains(body, "In use") || !strings.Contains(body, "Sendinblue SAS") {
				t.Error("the list doesn't show it in use")
			}
			if body := d.page(t, "/settings/sending/service/"+strconv.FormatInt(list[1].ID, 10)); strings.Contains(body, "secret") {
				t.Error("the password is shown")
			}
			bad := url.Values{"addr": {"nonsense"}, "tls": {"starttls"}, "checked": {"1"}, "company": {""}, "country": {""}, "dpa": {"executed"}, "name": {"X"}}
			w = d.do(t, "POST", "/settings/sending/new/other", bad)
			if body := w.Body.String(); w.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "server and port") || !strings.Contains(body, "name of the company") || !strings.Contains(body, "from which the agreement holds") {
				t.Errorf("all faults at once: %d", w.Code)
			}
		}
	})
}

func TestThePageSaysWhyMailIsHeldAndOneClickLetsItGo(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		form := url.Values{"name": {"Ours"}, "place": {"hoster"}, "company": {"Hébergeur SARL"}, "country": {"FR"}, "dpa_from": {"2025-01-01"},
			"addr": {"127.0.0.1:2525"}, "tls": {"none"}}
		d.post(t, "/settings/sending/new/own", form)
		carrier := d.services(t)[1].Processor
		at := "/settings/sending/provider/" + strconv.FormatInt(carrier, 10)
		for _, act := range []string{"", "/suspend", "/terminate", "/dpa", "/transfer", "/paper", "/reviewed"} {
			d.page(t, at+act)
		}
		if w := d.do(t, "POST", at+"/suspend", url.Values{"why": {""}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("without a reason: %d", w.Code)
		}
		d.post(t, at+"/suspend", url.Values{"why": {"They were broken into"}})
		d.mail(t)
		for _, path := range []string{"/settings/sending", "/service"} {
			if body := d.page(t, path); !strings.Contains(body, "The provider is suspended") && !strings.Contains(body, "Somebody suspended this provider") {
				t.Errorf("%s doesn't say why", path)
			}
		}
		if body := d.page(t, at); !strings.Contains(body, "They were broken into") || !strings.Contains(body, "/resume") {
			t.Error("the provider's page doesn't say what to do")
		}
		d.post(t, at+"/resume", url.Values{"why": {"Mended"}})
		d.post(t, at+"/dpa", url.Values{"dpa": {"executed"}, "dpa_from": {"2025-01-01"}, "dpa_until": {"2026-03-01"}})
		if body := d.page(t, at); !strings.Contains(body, "has ended") || !strings.Contains(body, "paper follows") {
			t.Error("an agreement past its end: the page doesn't offer the click")
		}
		d.post(t, at+"/paper", nil)
		if body := d.page(t, at); !strings.Contains(body, "May send") || !strings.Contains(body, "paper follows") {
			t.Error("renewed, paper follows: it doesn't hold")
		}
	})
}

func TestTheMailboxShowsMailWithLinksThatWorkAndWritesTheLookDown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		if body := d.page(t, "/mailbox"); !strings.Contains(body, "No mail yet") {
			t.Error("an empty mailbox isn't kind")
		}
		d.mail(t)
		looks := func() int {
			var list []trace.Entry
			must(t, d.Main.View(context.Background(), d.who, func(v *store.View) (err error) {
				list, err = testhouse.Looks(v, d.contact)
				return err
			}))
			return len(list)
		}
		body := d.page(t, "/mailbox")
		if !strings.Contains(body, "Votre reçu à vous") || !strings.Contains(body, "ann@example.org") || looks() != 1 {
			t.Errorf("the list; %d looks", looks())
		}
		at := regexp.MustCompile(`/mailbox/\d+`).FindString(body)
		body = d.page(t, at)
		if !strings.Contains(body, `sandbox="allow-popups`) || !strings.Contains(body, `href="https://consend.example/p/abc"`) || !strings.Contains(body, "Message-ID") || looks() != 2 {
			t.Errorf("the message; %d looks", looks())
		}
		w := d.do(t, "GET", at+"/html", nil)
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") || strings.Contains(csp, "allow-scripts") || !strings.Contains(w.Body.String(), `<base target="_blank">`) {
			t.Errorf("the frame: %s", csp)
		}
		w = d.do(t, "GET", at+"/raw", nil)
		if w.Header().Get("Content-Disposition") == "" || !strings.Contains(w.Body.String(), "Subject: =?utf-8?") {
			t.Error("the raw message isn't a download")
		}
		d.lang = "fr"
		if body := d.page(t, "/mailbox"); !strings.Contains(body, "Boîte intégrée") {
			t.Error("not in French")
		}
		d.post(t, "/mailbox/empty", url.Values{"up_to": {strings.TrimPrefix(at, "/mailbox/")}})
		if body := d.page(t, "/mailbox"); !strings.Contains(body, "Aucun e-mail") {
			t.Error("it isn't empty")
		}
	})
}

func TestTheLogOfServiceMailTellsEachFateAndWhy(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		if body := d.page(t, "/service"); !strings.Contains(body, "No service mail yet") {
			t.Error("an empty log isn't kind")
		}
		d.mail(t)
		for _, lang := range []string{"en", "fr"} {
			d.lang = lang
			body := d.page(t, "/service")
			if !strings.Contains(body, "ann@example.org") {
				t.Error("the log lacks the person")
			}
			at := regexp.MustCompile(`/service/\d+`).FindString(body)
			body = d.page(t, at)
			if lang == "en" && (!strings.Contains(body, "Why this was sent") || !strings.Contains(body, "250")) {
				t.Error("the message doesn't say why it was sent, and what was answered")
			}
			for _, s := range message.States() {
				d.page(t, "/service?state="+string(s))
			}
		}
		d.role = shell.Viewer
		if w := d.do(t, "POST", "/service/1/again", url.Values{}); w.Code != http.StatusForbidden {
			t.Errorf("a viewer sends again: %d", w.Code)
		}
	})
}

func TestATryGoesToTheMemberAloneAndSaysWhatWasAnswered(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		w := d.do(t, "POST", "/settings/sending/service/2/try", url.Values{})
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "It works") {
			t.Fatalf("a try of the mailbox: %d %s", w.Code, w.Body.String())
		}
		must(t, d.Main.View(context.Background(), d.who, func(v *store.View) error {
			list, err := relay.Page(v, 0, 10)
			if len(list) != 1 || list[0].MemberID != d.who.ID || list[0].Class != gate.Notice {
				t.Errorf("caught: %+v", list)
			}
			return err
		}))
		d.post(t, "/settings/sending/new/own", url.Values{"name": {"Ours"}, "place": {"premises"}, "addr": {"127.0.0.1:1"}, "tls": {"none"}})
		id := strconv.FormatInt(d.services(t)[1].ID, 10)
		w = d.do(t, "POST", "/settings/sending/service/"+id+"/try", url.Values{})
		if !strings.Contains(w.Body.String(), "can’t be reached") {
			t.Errorf("a server nobody runs: %s", w.Body.String())
		}
		d.post(t, "/settings/sending/service/"+id+"/retire", nil)
		if len(d.services(t)) != 1 {
			t.Error("it is still there")
		}
	})
}

func TestTermsAreAcceptedOnOnePageAndWhatWaitedGoes(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		d := open(t, h)
		if body := d.page(t, "/settings/terms"); !strings.Contains(body, "published no terms") {
			t.Error("without terms the page isn't kind")
		}
		if w := d.do(t, "POST", "/settings/terms/publish", url.Values{"version": {"1"}, "url": {"https://consend.example/terms"}}); w.Code != http.StatusForbidden {
			t.Errorf("a customer's account publishes terms: %d", w.Code)
		}
		var id int64
		must(t, h.Main.Write(context.Background(), actor.Actor{Kind: actor.Command, Name: "test"}, func(tx *store.Tx) error {
			terms, err := legal.Publish(tx, legal.New{Version: "2026-03", URL: "https://consend.example/terms"})
			id = terms.ID
			return err
		}))
		for _, lang := range []string{"en", "fr"} {
			d.lang = lang
			if body := d.page(t, "/settings/terms"); !strings.Contains(body, "2026-03") || !strings.Contains(body, "note-bad") {
				t.Errorf("%s: the page doesn't say what is missing", lang)
			}
		}
		at := "/settings/terms/" + strconv.FormatInt(id, 10) + "/accept"
		d.role = shell.Admin
		if w := d.do(t, "POST", at, url.Values{}); w.Code != http.StatusForbidden {
			t.Errorf("an administrator signs for the account: %d", w.Code)
		}
		d.role = shell.Owner
		before := h.Entries(t, d.who)
		d.post(t, at, nil)
		d.post(t, at, nil)
		if n := h.Entries(t, d.who) - before; n != 1 {
			t.Errorf("%d entries for one acceptance", n)
		}
		if body := d.page(t, "/settings/terms"); strings.Contains(body, "note-bad") || strings.Contains(body, "/accept\"") {
			t.Error("accepted, and it still asks")
		}
	})
}

func TestEveryStopAndReminderHasWords(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		p := locale.For(lang, nil)
		for _, why := range processor.Reasons() {
			for _, k := range []string{"processor.stop.", "processor.todo."} {
				if !p.Has(k + string(why)) {
					t.Errorf("%s: no words for %s%s", lang, k, why)
				}
			}
		}
		for _, r := range gate.Reasons() {
			if !p.Has("gate.reason." + string(r)) {
				t.Errorf("%s: no words for gate.reason.%s", lang, r)
			}
		}
		for _, c := range gate.Classes() {
			if !p.Has("message.class." + string(c)) {
				t.Errorf("%s: no words for message.class.%s", lang, c)
			}
		}
	}
}
