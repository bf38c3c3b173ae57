// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

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

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/merge"
	"consend/internal/people/notice"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/people"
	"consend/internal/web/shell"
)

// Forms that speak German make the list's page ask for German words, and nothing that was written is lost
// when they don't any more.
func TestListsAndPurposesAreTitledInTheLanguagesThatFormsSpeak(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		o := settle(t, h, "en")
		at := fmt.Sprintf("/lists/%d", o.news)
		if page := o.get(at); strings.Contains(page, "public_de") {
			t.Error("German is asked for that no form speaks")
		}
		var id int64
		must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) (err error) { id, err = german(tx, o.news); return err }))
		var purpose int64
		stored := func() (l list.List, p list.Purpose) {
			must(t, h.Main.View(context.Background(), o.who, func(v *store.View) (err error) {
				if l, err = list.Get(v, o.news); err == nil {
					p, err = list.GetPurpose(v, l.PurposeID)
				}
				return err
			}))
			return l, p
		}
		l, _ := stored()
		purpose = l.PurposeID
		for _, path := range []string{at, fmt.Sprintf("/purposes/%d", purpose), "/lists/new", "/purposes/new"} {
			contains(t, o.get(path), `name="public_de"`, "Deutsch", `lang="de"`, `name="public_fr"`)
		}
		o.post(at, "name", "News", "public_fr", "Nouvelles", "public_de", "Neues")
		o.post(fmt.Sprintf("/purposes/%d", purpose), "name", "Newsletter", "public_de", "Rundbrief")
		if l, p := stored(); l.Public["de"] != "Neues" || l.Public["fr"] != "Nouvelles" || p.Public["de"] != "Rundbrief" {
			t.Errorf("stored: %v %v", l.Public, p.Public)
		}
		made := o.post("/purposes/new", "name", "Events", "public_de", "Termine")
		o.post("/lists/new", "name", "Concerts", "purpose", strings.TrimPrefix(made, "/lists/new?purpose="), "public_de", "Konzerte")
		contains(t, o.refused(at, "name", "News", "public_de", strings.Repeat("x", list.MaxPublic+1)), "These words are too long", `href="#f-public_de"`)
		contains(t, o.refused(at, "name", "News", "public_no such", "x"), "no code of a language")
		must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error { return form.Close(tx, id) }))
		contains(t, o.get(at), `name="public_de"`, ">Neues<")
		if page := o.get("/lists/new"); strings.Contains(page, "public_de") {
			t.Error("German is asked for that no form speaks any more")
		}
	})
}

// german publishes a form of a list that speaks it.
func german(tx *store.Tx, on int64) (int64, error) {
	packs := rulepack.Packs()
	note, err := notice.Make(tx, "Newsletter", notice.Begin(notice.Answers{Name: "Maison", Postal: "12 rue des Lilas, Lyon", Country: "FR", Language: "fr", DataEmail: "r@maison.example"},
		rulepack.Published(packs[len(packs)-1])))
	if err != nil {
		return 0, err
	}
	if _, err := notice.Publish(tx, note, 1); err != nil {
		return 0, err
	}
	l, err := list.Get(tx, on)
	if err != nil {
		return 0, err
	}
	d := form.Begin(l, "fr", note, "")
	de, _ := form.NewTongue("de", "", "fr")
	d.Tongues, d.Languages = []form.Tongue{de}, append(d.Languages, "de")
	for _, w := range []form.Words{d.Title, d.Intro, d.Consent, d.Withdraw, d.Button, d.Sent, d.Done, d.Already, d.Lists[0].Label} {
		w["de"] = "Ja"
	}
	id, err := form.Make(tx, "Brief", d)
	if err != nil {
		return 0, err
	}
	_, err = form.Publish(context.Background(), tx, id, 1)
	return id, err
}

// office is an account whose member sits at a browser.
type office struct {
	*testhouse.House
	t            testing.TB
	acct         int64
	who, voice   actor.Actor
	web          http.Handler
	news, offers int64
	role, lang   string
	from         string // the page that led here
}

func (o *office) Find(_ context.Context, token string) (shell.Member, error) {
	if token == "" {
		return shell.Member{}, fault.New(fault.Refused, "shell.signed_out")
	}
	return shell.Member{ID: o.who.ID, Account: shell.Account{ID: o.acct, Name: "Maison", Language: "fr", Zone: time.UTC}, Role: o.role, Language: o.lang}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, h *testhouse.House, lang string) *office {
	t.Helper()
	o := &office{House: h, t: t, role: "owner", lang: lang}
	h.Clock.Set(testhouse.Start)
	o.acct, o.who = h.House(t)
	o.voice = actor.Actor{Kind: actor.Subject, Account: o.acct, Request: "test"}
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) (err error) {
		if o.news, err = list.EnsureNamed(tx, "Newsletter", "News"); err == nil {
			o.offers, err = list.EnsureNamed(tx, "Newsletter", "Offers")
		}
		return err
	}))
	s, err := shell.New(shell.Options{Sessions: o, Clock: h.Clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	o.web, err = s.Handler((&people.Pages{DB: h.Main}).Routes())
	must(t, err)
	return o
}

var key = regexp.MustCompile(`[>"](people|consent|contact|list|import|gate|importer|locale)\.[a-z][a-z_.]*[a-z][<"]`)

func (o *office) ask(method, path string, body url.Values) (int, string, string) {
	o.t.Helper()
	var b io.Reader
	if body != nil {
		b = strings.NewReader(body.Encode())
	}
	q := httptest.NewRequest(method, path, b)
	q.AddCookie(&http.Cookie{Name: "consend", Value: "member"})
	q.Header.Set("Referer", o.from)
	if body != nil {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	rec := httptest.NewRecorder()
	o.web.ServeHTTP(rec, q)
	s := rec.Body.String()
	if strings.Contains(s, "&lt;no value") || key.MatchString(s) {
		o.t.Errorf("%s %s shows a key or an empty value: %s", method, path, key.FindString(s))
	}
	return rec.Code, html.UnescapeString(s), rec.Header().Get("Location")
}

func (o *office) get(path string) string {
	o.t.Helper()
	code, body, _ := o.ask("GET", path, nil)
	if code != 200 {
		o.t.Fatalf("GET %s: %d\n%s", path, code, body)
	}
	return body
}

// post sends a form and tells where it leads.
func (o *office) post(path string, pairs ...string) string {
	o.t.Helper()
	code, s, to := o.ask("POST", path, values(pairs))
	if code != http.StatusSeeOther {
		o.t.Fatalf("POST %s: %d\n%s", path, code, s)
	}
	return to
}

// refused sends a form and gives the page that says what is wrong.
func (o *office) refused(path string, pairs ...string) string {
	o.t.Helper()
	code, s, _ := o.ask("POST", path, values(pairs))
	if code != http.StatusUnprocessableEntity {
		o.t.Fatalf("POST %s: %d\n%s", path, code, s)
	}
	return s
}

func values(pairs []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (o *office) write(who actor.Actor, fn func(tx *store.Tx) error) {
	o.t.Helper()
	must(o.t, o.Main.Write(context.Background(), who, fn))
}

// person makes a contact who signed up and confirmed.
func (o *office) person(email string) (id int64) {
	o.t.Helper()
	ip, err := pii.ParseIP("203.0.113.9")
	must(o.t, err)
	from := consent.Origin{IP: ip, Source: "direct", Agent: pii.T("Lynx")}
	asked := legalclock.MomentOf(o.Clock.Now())
	o.Clock.Advance(time.Minute)
	o.write(o.voice, func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(email), Name: pii.T("Léa Martin"), Source: "form", Language: "fr", Keyed: true}})
		if err != nil {
			return err
		}
		id = rows[0].ID
		_, err = consent.Apply(tx, []consent.Event{
			{Contact: id, List: o.news, Kind: consent.Request, OccurredAt: asked, Text: "Yes, write to me <once>", Origin: from, Source: "form", Language: "fr", Row: rows[0]},
			{Contact: id, List: o.news, Kind: consent.Confirm, RequestedAt: asked, Method: "doi_post", Origin: from, Source: "form", Row: rows[0]}})
		return err
	})
	return id
}

func (o *office) standing(id, list int64) (out consent.Standing) {
	o.t.Helper()
	must(o.t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := consent.Standings(v, id)
		for _, s := range all {
			if s.ListID == list {
				out = s
			}
		}
		return err
	}))
	return out
}

// looks counts how often somebody looked at a person.
func (o *office) looks(id int64) (n int) {
	o.t.Helper()
	must(o.t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := testhouse.Looks(v, id)
		n = len(all)
		return err
	}))
	return n
}

func each(t *testing.T, f func(t *testing.T, o *office)) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		for _, lang := range []string{"en", "fr"} {
			t.Run(lang, func(t *testing.T) {
				f(t, settle(t, h, lang))
			})
		}
	})
}

func say(o *office, en, fr string) string {
	if o.lang == "fr" {
		return fr
	}
	return en
}

func contains(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page does not say %q", w)
		}
	}
}

func TestThePagesOfOnePersonTellEverythingAndEachLookIsWrittenDown(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		contains(t, o.get(base), "lea@example.org", "Léa Martin", "News", say(o, "You may write to this person", "Vous pouvez écrire à cette personne"))
		page := o.get(base + "/consent")
		contains(t, page, "News", "Newsletter", "Yes, write to me <once>", "203.0.113.9", say(o, "The browser connected directly", "Le navigateur s’est connecté directement"),
			say(o, "Seen by Consend", "Constaté par Consend"), say(o, "Confirmed by e-mail", "Confirmé par e-mail"), "09:00:00 UTC", "09:01:00 UTC",
			base+"/proof.json", base+"/proof.csv", say(o, "Being sealed", "En cours de scellement"))
		must(t, trace.SealNow(context.Background(), o.Main))
		contains(t, o.get(base+"/consent"), say(o, "Sealed on", "Scellé le"))
		contains(t, o.get(base+"/activity"), say(o, "Confirmed from the mailbox", "A confirmé depuis sa boîte"), say(o, "Asked to join", "A demandé"))
		o.write(o.who, func(tx *store.Tx) error {
			return contact.Active(tx, []contact.Activity{{Contact: id, Kind: contact.Clicked, Times: 3}})
		})
		contains(t, o.get(base+"/activity"), say(o, "Clicked a link", "A cliqué un lien"))
		contains(t, o.get(base+"/trace"), say(o, "Consent recorded", "Consentement noté"), say(o, "Looked at: Contact page", "Consultation\u00a0: Fiche du contact"), say(o, "(Owner)", "(Propriétaire)"), "/privacy/trace?who=")
		if n := o.looks(id); n != 6 {
			t.Errorf("%d looks of 6 are written down", n)
		}
		o.role = "viewer"
		page = o.get(base + "/consent")
		if strings.Contains(page, "203.0.113.9") || strings.Contains(page, "/proof.json") || strings.Contains(page, "/correct") {
			t.Error("a viewer sees the internet address, or is offered what they may not do")
		}
		if code, _, _ := o.ask("GET", base+"/correct", nil); code != http.StatusForbidden {
			t.Errorf("a viewer corrects: %d", code)
		}
	})
}

// What an import replaced is told on the person's page, and that a mailbox of a role is nobody's alone.
func TestThePagesTellWhatAnImportReplacedAndWhoseMailboxItIs(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("info@example.org")
		lea := o.person("lea@example.org")
		shared := locale.For(o.lang, nil).T("people.shared")
		contains(t, o.get(fmt.Sprintf("/contacts/%d/consent", id)), shared)
		if strings.Contains(o.get(fmt.Sprintf("/contacts/%d/consent", lea)), shared) {
			t.Error("everybody's mailbox is shared")
		}
		o.write(o.who, func(tx *store.Tx) error {
			rows, err := contact.Lock(tx, []int64{lea})
			if err != nil {
				return err
			}
			_, err = contact.Fill(tx, []contact.Filling{{Row: &rows[0], Name: pii.T("Léa Durand")}}, true, 4711)
			return err
		})
		contains(t, o.get(fmt.Sprintf("/contacts/%d/activity", lea)), say(o, "Replaced by an import", "Remplacée par une importation"), say(o, "Name: Léa Martin → Léa Durand", "Nom : Léa Martin → Léa Durand"), "/import/4711")
	})
}

// After its term, of an internet address the network is left, and nothing of the browser; who is frozen keeps theirs
// until the freeze ends.
func TestAnInternetAddressIsShortenedAfterItsTerm(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id, frozen := o.person("lea@example.org"), o.person("tom@example.org")
		o.write(o.who, func(tx *store.Tx) error { return contact.Restrict(tx, frozen, "claims") })
		acts := func(after time.Duration) (n int) {
			o.Clock.Advance(after)
			for range 2 {
				must(t, consent.ShortenOrigins(context.Background(), o.Main))
			}
			must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
				all, err := trace.Search(v, trace.Question{Action: "consent.origin.shorten"})
				n = len(all)
				return err
			}))
			return n
		}
		page := func(id int64) string { return o.get(fmt.Sprintf("/contacts/%d/consent", id)) }
		if n := acts(364 * 24 * time.Hour); n != 0 || !strings.Contains(page(id), "203.0.113.9") {
			t.Errorf("before the term is over: %d acts", n)
		}
		if n := acts(3 * 24 * time.Hour); n != 1 || strings.Contains(page(id), "203.0.113.9") || !strings.Contains(page(frozen), "203.0.113.9") {
			t.Errorf("after it: %d acts", n)
		}
		contains(t, page(id), "203.0.113.0/24", say(o, "Shortened to its network", "Réduite à son réseau"))
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := consent.Events(v, id)
			for _, e := range all {
				if len(e.IPCT) != 0 || len(e.UACT) != 0 || e.ShortenedAt == 0 {
					t.Errorf("%+v", e)
				}
			}
			return err
		}))
		o.write(o.who, func(tx *store.Tx) error { return contact.Unrestrict(tx, frozen, "claims") })
		if n := acts(time.Hour); n != 2 || strings.Contains(page(frozen), "203.0.113.9") {
			t.Errorf("after the freeze: %d acts", n)
		}
	})
}

// A yes to being measured leads to no mail by itself: nobody is left out of anything.
func TestAYesToBeingMeasuredIsNotLeftOutOfMail(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		var opens int64
		o.write(o.who, func(tx *store.Tx) error {
			lists, err := list.EnsureMeasuring(tx, "fr")
			opens = lists[list.Opens].ID
			return err
		})
		o.write(o.voice, func(tx *store.Tx) error {
			_, err := consent.Grant(tx, list.Opens, consent.Event{Contact: id, List: opens, Source: "preferences", Method: "page", Text: "?"}, false)
			return err
		})
		if s := o.standing(id, opens); s.State != consent.Given || s.Reason == "" {
			t.Fatalf("%+v", s)
		}
		out := say(o, "Left out", "Écarté")
		for _, path := range []string{"", "/consent"} {
			if strings.Contains(o.get(fmt.Sprintf("/contacts/%d%s", id, path)), out) {
				t.Errorf("%q says %q", path, out)
			}
		}
		o.write(o.voice, func(tx *store.Tx) error { return contact.Pause(tx, id, 1, time.UTC) })
		contains(t, o.get(fmt.Sprintf("/contacts/%d", id)), out)
	})
}

func TestAPersonIsCorrectedAndAStaleCorrectionIsRefused(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		o.write(o.who, func(tx *store.Tx) error {
			_, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "Birthday", Type: contact.TypeDate}, {Name: "Size", Type: contact.TypeChoice, Choices: contact.Choices{"S", "M"}}})
			return err
		})
		page := o.get(base + "/correct")
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page)[1]
		code, would, _ := o.ask("POST", base+"/correct", url.Values{"do": {"look"}, "version": {version}, "name": {"Léa M."}, "language": {"fr"}, "country": {"fr"}, "attr.BIRTHDAY": {"1990-05-01"}, "attr.SIZE": {"m"}})
		if contains(t, would, say(o, "Nothing is saved yet", "Rien n’est encore enregistré"), say(o, "BIRTHDAY: nothing → 1990-05-01", "BIRTHDAY\u00a0: rien → 1990-05-01")); code != http.StatusOK || o.contact(id).Version != 1 {
			t.Fatalf("%d, or it was saved", code)
		}
		if to := o.post(base+"/correct", "version", version, "email", "other@example.org", "name", "Léa M.", "language", "fr", "country", "fr", "attr.BIRTHDAY", "1990-05-01", "attr.SIZE", "m"); to != base+"/activity" {
			t.Fatalf("leads to %s", to)
		}
		contains(t, o.get(base), "lea@example.org", "Léa M.", "1990-05-01", "France")
		page = o.refused(base+"/correct", "version", version, "email", "x@example.org", "name", "X")
		contains(t, page, say(o, "Somebody changed this contact", "Quelqu’un a modifié ce contact"))
		contains(t, o.refused(base+"/correct", "version", "2", "attr.BIRTHDAY", "soon"), `id="f-attr-BIRTHDAY-error"`)
		o.post(base+"/correct", "version", "2", "name", "Léa M.", "language", "fr", "country", "BE", "attr.BIRTHDAY", "1990-05-02", "attr.SIZE", "M")
		for _, tab := range []string{"/activity", "/trace"} { // who corrected what, before and after
			contains(t, o.get(base+tab), say(o, "Country: France → Belgium", "Pays\u00a0: France → Belgique"), "1990-05-01 → 1990-05-02", "Camille Martin")
		}
		var entries []trace.Entry
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) (err error) {
			entries, err = trace.Search(v, trace.Question{Contact: id, Action: "contact.correct"})
			return err
		}))
		for _, e := range entries {
			if strings.Contains(e.Clear, "1990") || strings.Contains(e.Clear, "BE") {
				t.Errorf("a value stands in the clear part: %s", e.Clear)
			}
		}
	})
}

func TestAMemberAsksForAnotherAddressAndChangesNone(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		o.person("bob@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		contains(t, o.get(base), base+"/address")
		contains(t, o.refused(base+"/address", "address", "Bob@example.org"), say(o, "Another contact has this address", "Un autre contact a cette adresse"))
		contains(t, o.refused(base+"/address", "address", "no address"), `id="f-address-error"`)
		contains(t, o.refused(base+"/address", "address", "LEA@example.org"), say(o, "That is the address we write to already", "C’est déjà l’adresse à laquelle nous écrivons"))
		if to := o.post(base+"/address", "address", "lea.martin@example.org"); to != base {
			t.Fatalf("leads to %s", to)
		}
		contains(t, o.get(base), "lea@example.org")
		contains(t, o.get(base+"/address"), say(o, "A change of address waits", "Un changement d’adresse attend"))
		o.write(o.who, func(tx *store.Tx) error { return consent.Suppress(tx, id, consent.HardBounce, consent.Everything) })
		contains(t, o.get(base+"/address"), say(o, "The new address signs up anew", "La nouvelle adresse s’inscrit à nouveau"))
		o.refused(base+"/address", "address", "lea.martin@example.org")
	})
}

func TestANoToldToAMemberHoldsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		contains(t, o.get(base+fmt.Sprintf("/withdraw?list=%d", o.news)), fmt.Sprintf(`value="list.%d" checked`, o.news))
		o.refused(base+"/withdraw", "scope", "list.x", "how", "phone", "on", "2026-03-01")
		o.refused(base+"/withdraw", "scope", "all", "how", "phone", "on", "2999-03-01")
		o.refused(base+"/withdraw", "scope", "all", "on", "2026-03-01")
		o.post(base+"/withdraw", "scope", fmt.Sprintf("list.%d", o.news), "how", "phone", "on", "2026-03-01")
		if s := o.standing(id, o.news); s.State != consent.Withdrawn || s.Reason != consent.HasLeft {
			t.Fatalf("%+v", s)
		}
		contains(t, o.get(base+"/consent"), say(o, "Left out: Unsubscribed", "Écarté\u00a0: Désinscrit"), "Camille Martin")
		contains(t, o.get(base), say(o, "You may not write", "Vous ne pouvez pas écrire"), say(o, "Do-not-mail list", "Liste d’opposition"))
		o.post(base+"/withdraw", "scope", "all", "object", "1", "how", "letter", "on", "2026-03-02")
		contains(t, o.get(base), say(o, "Said no to marketing", "S’oppose à la prospection"))
		contains(t, o.get("/suppressions"), "lea@example.org", say(o, "Everything", "Tout"))
	})
}

func TestANoToMarketingIsAnActOfItsOwnAndStandsAmongTheRequests(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		contains(t, o.get(base), base+"/object", base+"/requests")
		contains(t, o.refused(base+"/object", "on", "2026-03-02"), `id="f-how-error"`)
		if to := o.post(base+"/object", "how", "letter", "on", "2026-03-02"); to != base+"/requests" {
			t.Fatalf("leads to %s", to)
		}
		if s := o.standing(id, o.news); s.State != consent.Withdrawn || s.Reason != consent.HasObjected {
			t.Fatalf("%+v", s)
		}
		o.post(base+"/address", "address", "lea.martin@example.org")
		contains(t, o.get(base+"/requests"), say(o, "Said no to marketing", "S’oppose à la prospection"), "News", "lea.martin@example.org",
			say(o, "Waits for both mailboxes", "Attend les deux boîtes"))
		contains(t, o.get(base+"/object"), say(o, "has said so already", "l’a déjà dit"))
	})
}

// A no that the person took back holds no more; and who asked on a page was shown no form.
func TestANoThatWasTakenBackHoldsNoMore(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		apply := func(events ...consent.Event) {
			t.Helper()
			for i := range events {
				events[i].Contact, events[i].List, events[i].Source = id, o.news, "preferences"
			}
			o.write(o.voice, func(tx *store.Tx) error { _, err := consent.Apply(tx, events); return err })
			o.Clock.Advance(time.Minute)
		}
		back, holds := say(o, "Taken back by the person on", "Repris par la personne le"), say(o, ">Holds<", ">En vigueur<")
		apply(consent.Event{Kind: consent.Withdraw, Method: "page"})
		asked := legalclock.MomentOf(o.Clock.Now())
		apply(consent.Event{Kind: consent.Request, Method: "preferences", Text: "Monthly news"})
		if page := o.get(base + "/requests"); strings.Contains(page, back) || strings.Count(page, holds) != 1 {
			t.Errorf("not confirmed yet\n%s", page)
		}
		apply(consent.Event{Kind: consent.Confirm, RequestedAt: asked, Method: "doi_post"})
		if page := o.get(base + "/requests"); !strings.Contains(page, back) || strings.Contains(page, holds) {
			t.Errorf("confirmed\n%s", page)
		}
		if page := o.get(base + "/consent"); !strings.Contains(page, say(o, "Asked on our page", "Demandé sur notre page")) || strings.Contains(page, say(o, "Asked on the form", "Demandé par le formulaire")) {
			t.Errorf("how it was asked\n%s", page)
		}
		apply(consent.Event{Kind: consent.Withdraw, Method: "page"})
		if page := o.get(base + "/requests"); strings.Count(page, back) != 1 || strings.Count(page, holds) != 1 {
			t.Errorf("and left again\n%s", page)
		}
	})
}

// A figure on the pages of lists is as many people as its link opens.
func TestTheFiguresOfAListAreThePeopleBehindThem(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		kept, stub, refused := o.person("a@example.org"), o.person("b@example.org"), o.person("c@example.org")
		o.write(o.voice, func(tx *store.Tx) error {
			_, err := consent.Apply(tx, []consent.Event{{Contact: kept, List: o.news, Kind: consent.Withdraw, Source: "preferences"},
				{Contact: stub, List: o.news, Kind: consent.Withdraw, Source: "preferences"}, {Contact: refused, List: o.news, Kind: consent.NotMe, Source: "form"}})
			return err
		})
		o.write(o.who, func(tx *store.Tx) error { return merge.Merge(tx, stub, kept, "") })
		at := fmt.Sprintf("/contacts?list=%d&state=withdrawn", o.news)
		opens := 0
		for _, email := range []string{"a@example.org", "b@example.org", "c@example.org"} {
			opens += min(1, strings.Count(o.get(at), email))
		}
		var counted int64
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := consent.CountsOf(v, o.news)
			must(t, err)
			every, err := consent.Counts(v)
			for _, c := range append(all, every...) {
				if c.State == consent.Withdrawn && c.ListID == o.news {
					counted += c.People
				}
			}
			return err
		}))
		if opens == 0 || counted != 2*int64(opens) {
			t.Errorf("%d counted twice, %d behind the link", counted, opens)
		}
		row := regexp.MustCompile(fmt.Sprintf(`(?s)href="/lists/%d".*?</tr>`, o.news)).FindString(o.get("/lists"))
		cells := regexp.MustCompile(`>(\d+)\s*<`).FindAllStringSubmatch(row, -1)
		if len(cells) != 4 || cells[3][1] != fmt.Sprint(opens) {
			t.Errorf("the row of the list: %v\n%s", cells, row)
		}
	})
}

// Who is on no list has said no to nothing the ledger knows: the do-not-mail list tells of it.
func TestAnObjectionOfSomebodyOnNoListStandsAmongTheRequests(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		var id int64
		o.write(o.who, func(tx *store.Tx) error {
			rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("max@example.org"), Source: "member"}})
			id = rows[0].ID
			return err
		})
		base := fmt.Sprintf("/contacts/%d", id)
		o.post(base+"/object", "how", "letter", "on", "2026-03-02")
		page := o.get(base + "/requests")
		contains(t, page, say(o, "Said no to marketing", "S’oppose à la prospection"))
		if n := strings.Count(page, say(o, ">Holds<", ">En vigueur<")); n != 1 {
			t.Errorf("%d requests hold", n)
		}
		lea := o.person("lea@example.org") // on a list: its event alone is shown
		o.post(fmt.Sprintf("/contacts/%d/object", lea), "how", "letter", "on", "2026-03-02")
		if n := strings.Count(o.get(fmt.Sprintf("/contacts/%d/requests", lea)), say(o, ">Holds<", ">En vigueur<")); n != 1 {
			t.Errorf("an objection shown %d times", n)
		}
	})
}

func TestAnObjectionToldWithANarrowerChoiceStopsEverything(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		o.post(base+"/withdraw", "scope", fmt.Sprintf("list.%d", o.news), "object", "1", "how", "letter", "on", "2026-03-02")
		if s := o.standing(id, o.news); s.State != consent.Withdrawn || s.Reason != consent.HasObjected {
			t.Fatalf("%+v", s)
		}
		contains(t, o.get(base), say(o, "Said no to marketing", "S’oppose à la prospection"))
		contains(t, o.get("/suppressions"), "lea@example.org", say(o, "Everything", "Tout"))
	})
}

func TestAPersonIsFrozenAndUnfrozen(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		base := fmt.Sprintf("/contacts/%d", id)
		o.get(base + "/freeze")
		o.refused(base+"/freeze", "why", "because")
		o.post(base+"/freeze", "why", "accuracy")
		if s := o.standing(id, o.news); s.Reason != consent.Frozen {
			t.Fatalf("%+v", s)
		}
		contains(t, o.get(base), say(o, "data is frozen", "sont gelées"))
		contains(t, o.get(base+"/requests"), say(o, "The person says that something is wrong", "La personne dit"), say(o, "Holds", "En vigueur"))
		o.post(base + "/unfreeze")
		contains(t, o.get(base+"/requests"), say(o, "The person says that something is wrong", "La personne dit"), say(o, "Unfrozen", "Dégelée"))
		if s := o.standing(id, o.news); s.Reason != "" {
			t.Fatalf("%+v", s)
		}
	})
}

func TestTheTableOfContactsIsSearchedFilteredAndPaged(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		contains(t, o.get("/contacts"), say(o, "Nobody here yet", "Personne pour l’instant"))
		var ids []string
		for i := range 30 {
			ids = append(ids, fmt.Sprint(o.person(fmt.Sprintf("p%02d@example.org", i))))
		}
		o.post("/contacts/"+ids[0]+"/withdraw", "scope", "all", "how", "phone", "on", "2026-03-01")
		page := o.get("/contacts?size=25")
		contains(t, page, "p29@example.org", "p05@example.org", "News", say(o, "Seen by Consend", "Constaté par Consend"))
		if strings.Contains(page, "p04@example.org") {
			t.Error("the first page shows too much")
		}
		next := regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(page)
		if next == nil {
			t.Fatal("no next page")
		}
		contains(t, o.get(html.UnescapeString(next[1])), "p04@example.org", "p00@example.org")
		for q, want := range map[string]string{"?q=P03": "p03", "?state=withdrawn": "p00", "?q=nobody": "", fmt.Sprintf("?list=%d&state=given&q=p01", o.news): "p01", "?grade=d": "", "?state=frozen": "", "?sort=email&q=p2": "p20",
			"?sort=email": "p00", "?sort=email&state=given": "p29", fmt.Sprintf("?sort=email&list=%d", o.news): "p29"} { // of a state or a list the newest come first
			page := o.get("/contacts" + q)
			found := regexp.MustCompile(`class="row-link"[^>]*>\s*(p\d\d)@`).FindStringSubmatch(page)
			if (want == "") != (found == nil) || want != "" && found[1] != want {
				t.Errorf("%s finds %v first, want %q", q, found, want)
			}
		}
		// On another list of the purpose, where there is a reason; and off again.
		page = ""
		if code, s, _ := o.ask("POST", "/contacts/on", url.Values{"id": ids[:3]}); code != 200 {
			t.Fatal(code)
		} else {
			page = s
		}
		contains(t, page, "Offers", `value="`+ids[2]+`"`)
		v := url.Values{"id": ids[:3], "list": {fmt.Sprint(o.offers)}}
		if code, _, to := o.ask("POST", "/contacts/on", v); code != http.StatusSeeOther || !strings.Contains(to, "list=") {
			t.Fatal(code, to)
		}
		var first, second int64
		fmt.Sscan(ids[0], &first)
		fmt.Sscan(ids[1], &second)
		if o.standing(first, o.offers).State == consent.Given || o.standing(second, o.offers).State != consent.Given {
			t.Error("who said no is on the other list, or who said yes is not")
		}
		if code, _, _ := o.ask("POST", "/contacts/off", v); code != http.StatusSeeOther || o.standing(second, o.offers).State != consent.None {
			t.Error("nobody was taken off")
		}
		o.post("/contacts/on")
	})
}

func TestOnePersonByHandNeedsAnOrigin(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		news := fmt.Sprint(o.news)
		o.get("/contacts/new?list=" + news)
		page := o.refused("/contacts/new", "email", "nobody", "list", "1")
		contains(t, page, `id="f-email-error"`, `id="f-kind-error"`, `id="f-list-error"`)
		start := []string{"email", "Max@example.org", "name", "Max", "language", "fr", "list", news, "kind", "paper"}
		code, page, _ := o.ask("POST", "/contacts/new", values(start))
		if code != 200 {
			t.Fatal(code)
		}
		contains(t, page, `name="asked" value="paper"`, `name="where.paper"`, "Max@example.org")
		full := append(start, "asked", "paper", "where.paper", "Fair of Lyon", "from", "2026-02-01")
		contains(t, o.refused("/contacts/new", full...), `id="f-word-error"`)
		contains(t, o.refused("/contacts/new", append(full[:len(full)-1:len(full)-1], "2999-01-01", "word", "1")...), `id="f-from-error"`)
		to := o.post("/contacts/new", append(full, "word", "1")...)
		contains(t, o.get(to), say(o, "Your word", "Sur votre parole"), "Fair of Lyon", "Camille Martin")
		unknown := []string{"email", "who@example.org", "list", news, "kind", "unknown", "asked", "unknown", "word", "1"}
		o.refused("/contacts/new", unknown...)
		must(t, o.Main.View(context.Background(), o.who, func(v *store.View) error {
			if _, known, err := contact.Find(v, address.Must("who@example.org")); known || err != nil {
				t.Errorf("somebody without a reason was written down: %v", err)
			}
			return nil
		}))
		o.role, o.who.Role = "editor", "editor"
		if strings.Contains(page, `name="word"`) != true {
			t.Error("an owner can't give their word")
		}
		_, page, _ = o.ask("POST", "/contacts/new", values(start))
		if strings.Contains(page, `name="word"`) {
			t.Error("an editor is offered to give a word")
		}
	})
}

func TestListsAndPurposesAreMadeRenamedRetiredAndRestored(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.person("lea@example.org")
		contains(t, o.get("/lists"), "Newsletter", "News", "Offers")
		contains(t, o.refused("/purposes/new", "name", "newsletter"), say(o, "Another purpose has this name", "Une autre finalité porte ce nom"))
		to := o.post("/purposes/new", "name", "Events", "public_en", "What is on", "public_fr", "Nos dates")
		contains(t, o.get(to), "Events")
		purpose := strings.TrimPrefix(to, "/lists/new?purpose=")
		o.refused("/lists/new", "name", "", "purpose", purpose)
		one := o.post("/lists/new", "name", "Concerts", "purpose", purpose, "public_fr", "Les concerts")
		contains(t, o.get(one), "Concerts", "Les concerts")
		o.post(one, "name", "Concerts & plays", "public_en", "Music and theatre")
		contains(t, o.get("/lists"), "Concerts & plays", say(o, "What is on", "Nos dates"))
		contains(t, o.refused(one, "name", "news"), say(o, "Another list has this name", "Une autre liste porte ce nom"))
		o.post("/purposes/"+purpose, "name", "Outings", "public_en", "What is on")
		contains(t, o.get("/purposes/"+purpose), "Outings")
		o.post(one+"/turn", "do", "retire")
		o.post("/purposes/"+purpose+"/turn", "do", "retire")
		contains(t, o.get("/lists"), say(o, "No longer used", "Plus utilisées"))
		o.post(one+"/turn", "do", "restore")
		contains(t, o.get("/lists"), "Outings", "Concerts & plays")
		page := o.get(fmt.Sprintf("/lists/%d?why=1", o.news))
		contains(t, page, say(o, "May be written to", "Peuvent recevoir vos e-mails"))
	})
}

func TestTheDoNotMailListTakesAddressesAndFindsThemWhole(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.person("lea@example.org")
		contains(t, o.get("/suppressions"), say(o, "Nobody is on it", "Personne n’y figure"))
		o.refused("/suppressions", "addresses", "fine@example.org\nnot fine", "cause", "member", "scope", "all")
		o.refused("/suppressions", "addresses", "fine@example.org", "cause", "erasure", "scope", "all")
		o.refused("/suppressions", "addresses", "", "cause", "member", "scope", "all")
		o.post("/suppressions", "addresses", "lea@example.org\nstranger@example.org; other@example.org", "cause", "objection", "scope", "all")
		contains(t, o.get("/suppressions"), "lea@example.org", say(o, "kept as a hash only", "gardée en empreinte"))
		contains(t, o.get("/suppressions?q=Stranger@example.org"), say(o, "kept as a hash only", "gardée en empreinte"))
		contains(t, o.get("/suppressions?q=nobody@example.org"), say(o, "Nothing matches", "Aucun résultat pour cette recherche"))
		contains(t, o.get("/suppressions?q=str"), say(o, "Search the whole address", "Cherchez l’adresse entière"))
		contains(t, o.get("/suppressions?cause=complaint"), say(o, "Nothing matches", "Aucun résultat pour cette recherche"))
		o.Clock.Advance(time.Minute)
		var many strings.Builder
		for i := range 30 {
			fmt.Fprintf(&many, "m%d@example.org\n", i)
		}
		o.post("/suppressions", "addresses", many.String(), "cause", "member", "scope", "all")
		page := o.get("/suppressions?size=25")
		next := regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(page)
		if next == nil {
			t.Fatal("no next page")
		}
		contains(t, o.get(html.UnescapeString(next[1])), "lea@example.org")
	})
}

// A look names what it was at, as a link; what is gone, and what another account has, stays without.
func TestALookNamesWhatItWasAt(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		o.person("max@example.org")
		o.get(fmt.Sprintf("/contacts?list=%d", o.news))
		to := o.post("/segments/new", "name", "Les francophones", "m0", "all", "w1", "language", "c1", "is", "v1", "fr", "g1", "0")
		o.get("/contacts?segment=" + strings.TrimPrefix(to, "/segments/"))
		var f int64
		o.write(o.who, func(tx *store.Tx) error {
			l, err := list.Get(tx, o.news)
			if err == nil {
				f, err = form.Make(tx, "La lettre", form.Begin(l, "fr", 0, ""))
			}
			return err
		})
		look := func(object string, of int64) {
			must(t, trace.Look(context.Background(), o.Main, o.who, trace.Looked{Object: object, ObjectID: of, Contacts: []int64{id}}))
		}
		for _, from := range []string{"https://evil.example/contacts?list=1", "", "http://example.com/contacts/5", "http://example.com/contacts?list=1"} {
			o.from = from
			o.get(fmt.Sprintf("/contacts/%d", id))
		}
		o.from = ""
		if n := strings.Count(o.get(fmt.Sprintf("/contacts/%d/trace", id)), say(o, "coming from: List of contacts", "en venant de\u00a0: Liste des contacts")); n != 1 {
			t.Errorf("%d looks say which page led there", n)
		}
		look("form.csv", f)
		look("campaign.recipients", 999_999)
		page := o.get(fmt.Sprintf("/contacts/%d/trace", id))
		contains(t, page, fmt.Sprintf(`<a href="/lists/%d">News</a>`, o.news), `<a href="`+to+`">Les francophones</a>`, fmt.Sprintf(`<a href="/forms/%d">La lettre</a>`, f),
			say(o, "Recipients of a campaign", "Destinataires d’une campagne"))
		lacks(t, page, "/campaigns/999999")
	})
}

// TestTheTraceTellsEveryLookAndLeadsBackToTheFirst: also looks at pages of many people, whose
// names are sealed; and a file reads differently from a page.
func TestTheTraceTellsEveryLookAndLeadsBackToTheFirst(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id, other := o.person("lea@example.org"), o.person("max@example.org")
		o.who.Role = "admin"
		look := func(what, closed string, people ...int64) {
			o.Clock.Advance(time.Second)
			must(t, trace.Look(context.Background(), o.Main, o.who, trace.Looked{Object: what, Contacts: people, Closed: closed}))
		}
		look("register", "", other, id)
		for range 130 {
			look("contacts", "", id, other)
		}
		look("contacts", "", other, 7)
		look("proof.json", "age", id)
		base := fmt.Sprintf("/contacts/%d/trace", id)
		page := o.get(base)
		contains(t, page, say(o, "Looked at: List of contacts with 2 people on it", "Consultation\u00a0: Liste des contacts avec 2 personnes"), say(o, "(Administrator)", "(Administrateur)"),
			say(o, "Looked at: Proof of consent, downloaded as a file (encrypted)", "Consultation\u00a0: Preuve de consentement, téléchargée (fichier) (chiffré)"))
		lists, registers, at := 0, 0, base
		for range 5 {
			lists += strings.Count(page, say(o, "Looked at: List of contacts", "Consultation\u00a0: Liste des contacts"))
			registers += strings.Count(page, say(o, "Looked at: Register", "Consultation\u00a0: Registre"))
			m := regexp.MustCompile(`href="(/contacts/\d+/trace\?after=[^"]+)"`).FindStringSubmatch(page)
			if m == nil {
				break
			}
			at = m[1]
			page = o.get(at)
		}
		if at == base || lists != 130 || registers != 1 || !strings.Contains(page, say(o, "Contact added", "Contact ajouté")) && !strings.Contains(page, say(o, "Consent recorded", "Consentement noté")) {
			t.Errorf("%d lists of contacts and %d registers, up to %s", lists, registers, at)
		}
	})
}

// TestACorrectionKeepsALanguageThatAFormAdded: it is offered, and no other foreign one is taken.
func TestACorrectionKeepsALanguageThatAFormAdded(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		id := o.person("lea@example.org")
		german := "de"
		o.write(o.who, func(tx *store.Tx) error { return contact.Correct(tx, id, 0, contact.Change{Language: &german}) })
		base := fmt.Sprintf("/contacts/%d/correct", id)
		contains(t, o.get(base), `<option value="de" selected>Deutsch</option>`)
		o.post(base, "version", fmt.Sprint(o.contact(id).Version), "name", "Léa M.", "language", "de")
		if c := o.contact(id); c.Language != "de" || c.Name.Raw() != "Léa M." {
			t.Errorf("corrected: %q", c.Language)
		}
		o.post(base, "version", fmt.Sprint(o.contact(id).Version), "name", "Léa M.", "language", "fr")
		o.post(base, "version", fmt.Sprint(o.contact(id).Version), "name", "Léa M.", "language", "de")
		if c := o.contact(id); c.Language != "fr" {
			t.Errorf("a language that nobody added: %q", c.Language)
		}
	})
}
