// SPDX-License-Identifier: AGPL-3.0-or-later

package sending_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"consend/internal/chain/processor"
	"consend/internal/ground/config"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/sending"
	"consend/internal/web/shell"
)

type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if r, ok := z[name]; ok {
		return r, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// bureau is a house with its campaign pages, a list with people, and a member in front of them.
type bureau struct {
	*desk
	engine *campaign.Engine
	zone   zone
	list   int64
	people []int64
}

func bureauOf(t testing.TB, h *testhouse.House, lang string) *bureau {
	t.Helper()
	d := &desk{House: h, lang: lang, role: shell.Owner}
	_, d.who = h.House(t)
	h.Main.Attach(&config.Site{URL: "https://consend.example", Host: "consend.example"})
	b := &bureau{desk: d, zone: zone{}, engine: campaign.NewEngine(h.Main, relay.Open(h.Main, "consend.example"), h.Dir+"/flight")}
	t.Cleanup(b.engine.Close)
	s, err := shell.New(shell.Options{Sessions: d, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	d.web, err = s.Handler((&sending.CampaignPages{DB: h.Main, Engine: b.engine, Resolver: b.zone}).Routes())
	must(t, err)
	d.write(t, func(tx *store.Tx) error {
		var err error
		if b.list, err = list.EnsureNamed(tx, "Newsletter", "Lecteurs"); err != nil {
			return err
		}
		for i, g := range []consent.Grade{consent.GradeB, consent.GradeD, consent.GradeC} {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(fmt.Sprintf("reader%d@example.org", i)), Name: pii.T("<b>Zoé</b>"), Source: "import"}})
			if err != nil {
				return err
			}
			b.people = append(b.people, rows[0].ID)
			if _, err := consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: b.list, Kind: consent.Give, Basis: consent.ByConsent, Grade: g, Source: "import"}}); err != nil {
				return err
			}
		}
		_, err = consent.Leave(tx, consent.Leaving{Contact: b.people[2], Scope: consent.Everything, Kind: consent.Object})
		return err
	})
	return b
}

var campaignKey = regexp.MustCompile(`[>" ](web_campaign|web_sender|web_domain|campaign|template|report|sender|gate)\.[a-z_]+(\.[a-z_]+)*[<" ]`)

func (b *bureau) page(t testing.TB, path string) string {
	t.Helper()
	body := b.desk.page(t, path)
	if k := campaignKey.FindString(body); k != "" {
		t.Errorf("%s shows a key instead of words: %s", path, k)
	}
	return body
}

func (b *bureau) settle(t testing.TB) {
	t.Helper()
	must(t, b.engine.Settle(context.Background()))
}

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

func (b *bureau) version(t testing.TB, path string) string {
	t.Helper()
	m := versionField.FindStringSubmatch(b.page(t, path))
	if m == nil {
		t.Fatalf("%s has no version", path)
	}
	return m[1]
}

func TestACampaignFromDraftToReport(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		t.Run(lang, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				b := bureauOf(t, h, lang)
				b.page(t, "/campaigns")
				b.page(t, "/campaigns/new")
				at := b.post(t, "/campaigns/new", url.Values{"name": {"Printemps"}, "kind": {"markdown"}})
				b.page(t, at)
				b.page(t, at+"/check")
				if to := b.post(t, at+"/send", url.Values{}); !strings.HasSuffix(to, "/check") {
					t.Errorf("an empty draft was let go: %s", to)
				}

				// the four cards, last one first
				b.page(t, at+"/design")
				b.post(t, at+"/design", url.Values{"version": {b.version(t, at+"/design")}, "kind": {"markdown"}, "body": {"# Hello {{ contact.NAME }}\n\n[Read](https://example.com \"button\")"}})
				b.post(t, at+"/subject", url.Values{"version": {b.version(t, at+"/subject")}, "name": {"Printemps"}, "subject": {"For {{ contact.NAME }}"}, "preheader": {"News"}})
				b.post(t, at+"/lists", url.Values{"version": {b.version(t, at+"/lists")}, "list": {strconv.FormatInt(b.list, 10)}})
				b.page(t, at+"/sender") // none yet: leads to the settings
				b.page(t, "/settings/senders/new")
				b.post(t, "/settings/senders/new", url.Values{"name": {"Maison"}, "email": {"news@example.com"}})
				var from int64
				b.write(t, func(tx *store.Tx) error { all, err := sender.All(tx); from = all[0].ID; return err })
				b.post(t, at+"/sender", url.Values{"version": {b.version(t, at+"/sender")}, "sender": {strconv.FormatInt(from, 10)}})
				body := b.page(t, at)
				if !strings.Contains(body, "<iframe") || !strings.Contains(body, at+"/send") {
					t.Errorf("not ready:\n%s", body)
				}

				// an edit from a page that is no longer true
				if w := b.do(t, "POST", at+"/subject", url.Values{"version": {"1"}, "name": {"x"}, "subject": {"y"}}); w.Code != http.StatusUnprocessableEntity {
					t.Errorf("a stale edit: %d", w.Code)
				}

				body = b.page(t, at+"/preview?as=reader1@example.org")
				if !strings.Contains(body, "&lt;b&gt;Zoé&lt;/b&gt;") {
					t.Error("the preview is not of that person")
				}
				b.page(t, at+"/preview?as=nobody@example.org")
				b.page(t, at+"/preview?view=text")
				b.page(t, at+"/preview?view=phone&footer=en")
				w := b.do(t, "GET", at+"/mail?contact="+strconv.FormatInt(b.people[1], 10), nil)
				if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") || !strings.Contains(w.Body.String(), "consend-footer") {
					t.Errorf("%d %v", w.Code, w.Header())
				}

				says := locale.For(lang, nil)
				if table := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(html.EscapeString(says.T("web_campaign.bases"))) + `.*?</table>`).FindString(b.page(t, at+"/check")); !strings.Contains(table, says.T("web_campaign.basis.consent")) || !strings.Contains(table, ">2<") || strings.Contains(table, says.T("web_campaign.basis.b2b")) {
					t.Errorf("why they may be written to:\n%s", table)
				}
				b.page(t, at+"/test")
				b.post(t, at+"/test", url.Values{"member": {strconv.FormatInt(b.who.ID, 10)}})
				if w := b.do(t, "POST", at+"/test", url.Values{"member": {"99999"}}); w.Code != http.StatusUnprocessableEntity {
					t.Errorf("a test to nobody of the team: %d", w.Code)
				}

				// let go, taken back, let go
				body = b.page(t, at+"/send")
				if !strings.Contains(body, `name="expected" value="2"`) {
					t.Error("the audience's size is not repeated")
				}
				b.post(t, at+"/send", url.Values{"version": {b.version(t, at+"/send")}, "expected": {"2"}})
				b.page(t, at)
				b.post(t, at+"/undo", nil)
				b.post(t, at+"/send", url.Values{"version": {b.version(t, at+"/send")}, "expected": {"2"}})
				h.Clock.Advance(2 * time.Minute)
				b.page(t, at+"/stop")
				b.settle(t)
				b.page(t, at)
			})
		})
	}
}

// Why we ask tells how this very text and campaign stand.
func TestWhyWeAskTellsHowTextAndCampaignStand(t *testing.T) {
	b := bureauOf(t, testhouse.SQLite(t), "en")
	at := b.post(t, "/campaigns/new", url.Values{"name": {"Spring"}, "kind": {"markdown"}})
	state := func(path string) string {
		t.Helper()
		s := regexp.MustCompile(`(?s)why-state">.*?</p>`).FindString(b.page(t, path))
		return strings.TrimSpace(regexp.MustCompile(`<[^>]*>|^why-state">`).ReplaceAllString(s, ""))
	}
	b.post(t, "/settings/senders/new", url.Values{"name": {"Maison"}, "email": {"news@example.com"}})
	var from int64
	b.write(t, func(tx *store.Tx) error { all, err := sender.All(tx); from = all[0].ID; return err })
	b.post(t, at+"/sender", url.Values{"version": {b.version(t, at+"/sender")}, "sender": {strconv.FormatInt(from, 10)}})
	design := func(body string) string {
		b.post(t, at+"/design", url.Values{"version": {b.version(t, at+"/design")}, "kind": {"markdown"}, "body": {body}})
		return state(at + "/design")
	}
	if s := design("Hello [there](https://example.com)"); !strings.HasPrefix(s, "The foot of this mail says: ") {
		t.Errorf("a text without fault: %s", s)
	}
	if s := design("Hello {{ contact.NOBODY_KNOWS }}, [there](http://example.com)"); !strings.Contains(s, "found") && !strings.Contains(s, "NOBODY_KNOWS") {
		t.Errorf("a text with faults: %s", s)
	}
	if s := state(at + "/check"); s != "0 people may be written to; 0 are left out." {
		t.Errorf("a campaign to nobody: %s", s)
	}
	b.post(t, at+"/lists", url.Values{"version": {b.version(t, at+"/lists")}, "list": {strconv.FormatInt(b.list, 10)}})
	if s := state(at + "/check"); s != "2 people may be written to; 1 is left out." {
		t.Errorf("a campaign to a list: %s", s)
	}
}

func (b *bureau) sent(t testing.TB) (at string) {
	t.Helper()
	var id int64
	b.write(t, func(tx *store.Tx) (err error) {
		id, err = campaign.SendQuick(tx, campaign.Quick{List: b.list, Sender: sender.New{Name: "Maison", Email: address.Must("news@example.com")}, Subject: "Hi {{ contact.NAME }}", HTML: "<p>Hi</p>"})
		return err
	})
	b.settle(t)
	return fmt.Sprintf("/campaigns/%d", id)
}

func TestAReportTellsWhatBecameOfEachAndWhy(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		t.Run(lang, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				b := bureauOf(t, h, lang)
				at := b.sent(t)
				b.page(t, at)
				before := b.looks(t)
				body := b.page(t, at+"/recipients")
				if !strings.Contains(body, "reader0@example.org") || b.looks(t) != before+1 {
					t.Error("people are shown without a trace of the look")
				}
				if body := b.page(t, at+"/recipients?state=left_out"); strings.Contains(body, "reader0@") || !strings.Contains(body, "reader2@") {
					t.Error("the filter")
				}
				b.page(t, fmt.Sprintf("%s/recipients/%d", at, b.people[0]))
				b.page(t, fmt.Sprintf("%s/recipients/%d", at, b.people[2]))
				w := b.do(t, "POST", at+"/export", url.Values{"how": {"none"}})
				rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.Body.String(), "\ufeff"))).ReadAll()
				if err != nil || len(rows) != 4 || w.Code != 200 {
					t.Errorf("%d: %v %v", w.Code, rows, err)
				}
				if before = b.looks(t); !strings.Contains(b.page(t, at+"/export"), `name="passphrase"`) || b.looks(t) != before {
					t.Error("how the file leaves isn't asked")
				}
				if w := b.do(t, "POST", at+"/export", url.Values{}); w.Code != http.StatusUnprocessableEntity || b.looks(t) != before {
					t.Errorf("a file nobody chose how to close: %d", w.Code)
				}
				w = b.do(t, "POST", at+"/export", url.Values{"how": {"passphrase"}, "passphrase": {"thyme, rosemary & sage"}})
				if !strings.HasPrefix(w.Body.String(), "age-encryption.org/v1\n") || b.looks(t) != before+1 {
					t.Errorf("a closed file: %d", w.Code)
				}
				to := b.post(t, at+"/copy", nil)
				b.page(t, to)
				b.post(t, to+"/drop", nil)
				if w := b.do(t, "GET", to, nil); w.Code != http.StatusNotFound {
					t.Errorf("a draft thrown away: %d", w.Code)
				}
				b.page(t, "/campaigns")
				b.page(t, "/campaigns?state=sent&q=Hi")
			})
		})
	}
}

func (b *bureau) looks(t testing.TB) (n int) {
	t.Helper()
	must(t, b.Main.View(context.Background(), b.who, func(v *store.View) error {
		found, err := trace.Search(v, trace.Question{Action: trace.LookAction, Limit: 1000})
		n = len(found)
		return err
	}))
	return n
}

func TestARunningCampaignIsPausedResumedAndStoppedFromItsPage(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		b := bureauOf(t, h, "en")
		var id, own int64
		b.write(t, func(tx *store.Tx) error {
			p, err := processor.OurServer(tx, "Ours")
			if err != nil {
				return err
			}
			own = p.ID
			if _, err := relay.Add(tx, relay.New{Name: "Ours", Addr: "127.0.0.1:1", TLS: relay.NoTLS, Processor: own}); err != nil {
				return err
			}
			if err := processor.Suspend(tx, own, "test"); err != nil {
				return err
			}
			id, err = campaign.SendQuick(tx, campaign.Quick{List: b.list, Sender: sender.New{Email: address.Must("news@example.com")}, Subject: "Hi", HTML: "<p>Hi</p>"})
			return err
		})
		at := fmt.Sprintf("/campaigns/%d", id)
		b.settle(t)
		if body := b.page(t, at); !strings.Contains(body, "is suspended") || !strings.Contains(body, "each once") {
			t.Errorf("the page doesn't say why it holds and what to do:\n%s", body)
		}
		b.post(t, at+"/pause", nil)
		b.page(t, at)
		b.post(t, at+"/resume", nil)
		b.post(t, at+"/stop", nil)
		b.page(t, at)
		b.settle(t)
		b.page(t, at)
		if w := b.do(t, "POST", at+"/pause", url.Values{}); w.Code != http.StatusConflict {
			t.Errorf("paused after its end: %d", w.Code)
		}
	})
}

func TestSendersAndDomainsAreSettings(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		t.Run(lang, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				b := bureauOf(t, h, lang)
				b.page(t, "/settings/senders")
				if w := b.do(t, "POST", "/settings/senders/new", url.Values{"name": {""}, "email": {"no address"}}); w.Code != http.StatusUnprocessableEntity {
					t.Errorf("%d", w.Code)
				}
				b.post(t, "/settings/senders/new", url.Values{"name": {"Maison"}, "email": {"news@example.com"}, "reply_to": {"hello@example.com"}})
				var id int64
				b.write(t, func(tx *store.Tx) error { all, err := sender.All(tx); id = all[0].ID; return err })
				at := fmt.Sprintf("/settings/senders/%d", id)
				b.page(t, at)
				b.post(t, at, url.Values{"name": {"Maison Orange"}, "email": {"news@example.com"}})
				b.page(t, "/settings/domains")
				b.page(t, "/settings/domains/new")
				if w := b.do(t, "POST", "/settings/domains/new", url.Values{"domain": {"not a domain"}}); w.Code != http.StatusUnprocessableEntity {
					t.Errorf("%d", w.Code)
				}
				to := b.post(t, "/settings/domains/new", url.Values{"domain": {"example.com"}})
				if body := b.page(t, to); !strings.Contains(body, "_domainkey.example.com") || !strings.Contains(body, "v=DKIM1; k=rsa; p=") {
					t.Error("no record")
				}
				b.post(t, to+"/look", nil)
				b.page(t, "/settings/senders")
				var d sender.Domain
				b.write(t, func(tx *store.Tx) error { all, err := sender.Domains(tx); d = all[0]; return err })
				b.zone[d.Host()] = []string{d.Record}
				b.post(t, to+"/look", nil)
				if body := b.page(t, "/settings/senders"); !strings.Contains(body, "DKIM, example.com") {
					t.Error("not seen")
				}
				b.post(t, to+"/retire", nil)
				b.post(t, at+"/retire", nil)
				b.page(t, "/settings/senders")
				b.page(t, "/settings/domains")
			})
		})
	}
}

func TestAnEditorWritesAndDoesNotSend(t *testing.T) {
	h := testhouse.SQLite(t)
	b := bureauOf(t, h, "en")
	at := b.sent(t)
	b.role = shell.Editor
	for _, path := range []string{at + "/send", at + "/stop"} {
		if w := b.do(t, "GET", path, nil); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{at + "/send", at + "/pause", at + "/stop", at + "/doubtful", at + "/export", "/settings/senders/new"} {
		if w := b.do(t, "POST", path, url.Values{}); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
