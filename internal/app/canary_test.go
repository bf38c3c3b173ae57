// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"consend/internal/app"
	"consend/internal/demo"
	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/people/move"
	"consend/internal/people/once"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Wren goes through everything the house does.
var (
	wrenBefore = canary{"address before its correction", "Wrenna.Feather@zephyrquill-7431.example", "", ""}
	wrenNamed  = canary{"name before its correction", "Brümmelkamp-Żuraw", "", ""}
	wren       = []canary{
		{"address", "Wrenna.Corrected@quillzephyr-1347.example", "contact.email", ""},
		{"name", "Hollerithsen-Ñandú", "contact.name", "contact.attributes"},
		{"answer", "Pörtquillmarrow", "contact.attributes", ""},
		{"network address", "203.0.113.217", "network.ip", ""},
		{"browser", "QuillBrowser/74.31-zq", "network.agent", ""},
		wrenBefore, wrenNamed,
	}
	// Nemo signs up and never confirms.
	nemo = []canary{
		{"address", "Nemo.Vanterpool@marrowglass-9027.example", "contact.email", ""},
		{"typed name", "Ælfgifu-Nimmerwieder", "contact.name", ""},
		{"typed answer", "Nimmerwiederbürg", "contact.attributes", ""},
		{"network address", "203.0.113.218", "network.ip", ""},
		{"browser", "NemoAgent/90.27-zq", "network.agent", ""},
	}
	// Xan's address was typed by somebody else: "not me".
	xan = []canary{{"address", "Xanthippe.Ohne@ohnemich-3318.example", "contact.email", ""}}
	// Yves came with a bought list and waits for proof, in vain: what the file says of him is nowhere to be read.
	yves = []canary{
		{"address", "Yves.Vogelsang@marrowfinch-6142.example", "contact.email", ""},
		{"bought name", "Quillon-Fjörðurbúi", "", ""},
		{"bought city", "Sankt-Marrowelsdorf", "", ""},
	}
	// A row that the import refused.
	refused = []canary{{"address", "broken.brindle@@brindlewick-5566.example", "contact.email", ""}, {"name", "Brindlewick-Krähe", "contact.name", ""}}
)

// notReached are columns of people's data that the journey leaves bare, each with the reason.
var notReached = map[string]string{
	"main.consent_origin.ip_network": "her whole address lies under her key until it is shortened to its network",
	"main.campaign.freeze_cursor":    "few people are frozen in one piece",
	"main.refusal_out.at":            "a line waits here until the next fact is handled: the house has settled",
	"main.refusal_out.contact_id":    "a line waits here until the next fact is handled: the house has settled",
	"main.refusal_out.fp":            "a line waits here until the next fact is handled: the house has settled",
	"main.refusal_out.kind":          "a line waits here until the next fact is handled: the house has settled",
	"main.refusal_out.scope":         "a line waits here until the next fact is handled: the house has settled",
	"main.refusal_out.scope_id":      "a line waits here until the next fact is handled: the house has settled",
}

// walk is a house with its pages served, its log written down, and a clock of its own.
type walk struct {
	*everything
	t       *testing.T
	clock   *testhouse.Clock
	base    string
	log     *logged
	owner   actor.Actor
	form    form.Form
	metrics []byte
	errors  bytes.Buffer // bodies of error pages
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) spot() spot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return newSpot("the log", nil, bytes.Clone(l.b.Bytes()))
}

func begin(t *testing.T, open func(app.Options) *app.House) *walk {
	t.Helper()
	w := &walk{t: t, clock: &testhouse.Clock{}, log: &logged{}}
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(was) })
	w.clock.Set(legalclock.System().AddDate(-demo.Years, 0, 0))
	h := open(app.Options{Clock: w.clock.Now})
	h.Config.Role, h.Config.TrustedProxies = "web", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w.everything = &everything{House: h}
	var err error
	w.Filled, err = demo.Fill(t.Context(), demo.Hands{Main: h.Main, Desk: h.Desk, Forms: h.Forms, Furnish: h.Furnish, Settle: h.Settle, Forward: w.clock.Advance})
	must(t, err)
	w.owner = testhouse.Owner(w.Account, w.Member)
	w.routes = h.Routes()
	s, err := shell.New(shell.Options{Sessions: w.everything, Clock: w.clock.Now})
	must(t, err)
	w.handler, err = s.Handler(w.routes)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	addr, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- h.Serve(ctx, nil, func(a string) { addr <- a }) }()
	t.Cleanup(func() { stop(); <-done })
	select {
	case a := <-addr:
		w.base = "http://" + a
	case err := <-done:
		t.Fatal(err)
	}
	return w
}

func (w *walk) settle() { w.t.Helper(); must(w.t, w.Settle(w.t.Context())) }

func (w *walk) write(f func(tx *store.Tx) error) {
	w.t.Helper()
	must(w.t, w.Main.Write(w.t.Context(), w.owner, f))
}

func (w *walk) view(f func(v *store.View) error) {
	w.t.Helper()
	must(w.t, w.Main.View(w.t.Context(), w.owner, f))
}

// visit is a request of somebody on a public page, through the real server and a proxy.
func (w *walk) visit(method, path string, f url.Values, who []canary) (int, string) {
	w.t.Helper()
	q, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(f.Encode()))
	must(w.t, err)
	if method == "POST" {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	q.Header.Set("Accept-Language", "fr")
	for _, c := range who {
		switch c.category {
		case "network.ip":
			q.Header.Set("X-Forwarded-For", c.value)
		case "network.agent":
			q.Header.Set("User-Agent", c.value)
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.Do(q)
	must(w.t, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	must(w.t, err)
	if a.StatusCode >= 400 {
		w.errors.Write(b)
	}
	return a.StatusCode, string(b)
}

// page asks for a page, or posts to one, as the owner.
func (w *walk) page(method, path string, f url.Values) string {
	w.t.Helper()
	code, body := w.ask(method, path, w.Account, shell.Owner, f)
	if code != http.StatusOK && code != http.StatusSeeOther {
		w.t.Fatalf("%s %s: %d", method, path, code)
	}
	return body
}

func (w *walk) find(email string) (c contact.Contact) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { c, _, err = contact.Find(v, address.Must(email)); return err })
	return c
}

// signUp posts the form, and lets the confirmation mail go. It gives the sign-up.
func (w *walk) signUp(who []canary, name, city string) (id int64) {
	w.t.Helper()
	w.visit("GET", w.form.Path(), nil, who)
	v := url.Values{"email": {who[0].value}, "a.name": {name}, "a.CITY": {city}, "list": {strconv.FormatInt(w.News, 10), strconv.FormatInt(w.Club, 10)}, "l": {"fr"}, "age": {"1"}}
	if code, body := w.visit("POST", w.form.Path(), v, who); code != http.StatusSeeOther {
		w.t.Fatalf("the form answers %d: %s", code, body)
	}
	w.clock.Advance(time.Minute)
	w.settle()
	w.view(func(v *store.View) error {
		c, _, err := contact.Find(v, address.Must(who[0].value))
		if err != nil {
			return err
		}
		all, err := form.Of(v, c.ID)
		if err == nil && len(all) > 0 {
			id = all[0].ID
		}
		return err
	})
	if id == 0 {
		w.t.Fatal("no sign-up")
	}
	return id
}

// answer presses a button of the confirmation mail's page.
func (w *walk) answer(signup int64, do string, who []canary) {
	w.t.Helper()
	var link string
	w.view(func(v *store.View) (err error) { link, err = form.ConfirmLink(v, signup); return err })
	u, err := url.Parse(link)
	must(w.t, err)
	w.visit("GET", u.Path, nil, who)
	if code, body := w.visit("POST", u.Path, url.Values{"do": {do}}, who); code != http.StatusOK {
		w.t.Fatalf("%s: %d %s", do, code, body)
	}
	w.clock.Advance(time.Minute)
	w.settle()
}

// caught is the newest mail to a person in the built-in mailbox.
func (w *walk) caught(person int64) (id int64, m *mail.Message) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		all, err := relay.Page(v, 0, 200)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(c relay.Caught) bool { return c.ContactID == person && c.Class == "campaign" })
		if i < 0 {
			return errors.New("no mail was caught")
		}
		id = all[i].ID
		_, raw, err := relay.Read(v, id)
		if err == nil {
			m, err = mail.ReadMessage(bytes.NewReader(raw))
		}
		return err
	})
	return id, m
}

// publish lets the form ask for a city.
func (w *walk) publish() {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		if _, err := contact.EnsureAttributes(tx, []contact.Attribute{{Name: "CITY", Type: contact.TypeText, KeepDays: 3650}}); err != nil {
			return err // its values are dated
		}
		f, err := form.Find(tx, w.Form.ID)
		if err != nil {
			return err
		}
		d := f.Draft
		d.Fields = append(d.Fields, form.Field{Name: "CITY", Type: "text", Label: form.Words{"fr": "Ville", "en": "City"},
			Why: form.Words{"fr": "Pour les ateliers près de chez vous.", "en": "For workshops near you."}})
		d.Age = 16
		if err := form.Edit(tx, f.ID, f.Version, f.Name, d); err != nil {
			return err
		}
		_, err = form.Publish(w.t.Context(), tx, f.ID, f.Version+1)
		return err
	})
	w.view(func(v *store.View) (err error) { w.form, err = form.Find(v, w.Form.ID); return err })
}

// bring imports Wren, from another tool, and a row that is refused.
func (w *walk) bring() {
	w.t.Helper()
	csv := "Email Address,First Name,Last Name,CITY,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP\n" +
		fmt.Sprintf("%s,Wrenna,%s,%s,2024-05-01 10:00:00,%s,2024-05-01 10:05:00,%s\n", wrenBefore.value, wrenNamed.value, wren[2].value, wren[3].value, wren[3].value) +
		fmt.Sprintf("%s,Bo,%s,,,,,\n", refused[0].value, refused[1].value)
	day := func(ago int) string { return w.clock.Now().AddDate(0, 0, -ago).Format(time.DateOnly) }
	var name, purpose string
	w.view(func(v *store.View) error {
		s, err := list.Get(v, w.News)
		name, purpose = s.Name, s.PurposeName
		return err
	})
	sum, err := importer.Run(w.t.Context(), w.Main, w.owner, importer.Order{Name: "export.csv", Kind: importer.Tool, Where: "Mailchimp", List: name, Purpose: purpose,
		Basis: consent.ByConsent, From: day(900), To: day(30), DeclaredBy: w.Member, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}, nil)
	must(w.t, err)
	if sum.New != 1 || sum.Refused != 1 {
		w.t.Fatalf("the import: %+v", sum)
	}
	w.settle()
}

// buy imports Yves, of whom nobody knows who passed him on.
func (w *walk) buy() int64 {
	w.t.Helper()
	csv := fmt.Sprintf("email,name,CITY\n%s,%s,%s\n", yves[0].value, yves[1].value, yves[2].value)
	day := w.clock.Now().AddDate(0, 0, -2).Format(time.DateOnly)
	var name, purpose string
	w.view(func(v *store.View) error {
		s, err := list.Get(v, w.News)
		name, purpose = s.Name, s.PurposeName
		return err
	})
	sum, err := importer.Run(w.t.Context(), w.Main, w.owner, importer.Order{Name: "bought.csv", Kind: importer.Acquired, List: name, Purpose: purpose,
		Basis: consent.ByConsent, From: day, To: day, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}, nil)
	must(w.t, err)
	if sum.Waiting != 1 {
		w.t.Fatalf("the bought list: %+v", sum)
	}
	w.settle()
	return w.find(yves[0].value).ID
}

// send previews, tries and sends a campaign that names Wren.
func (w *walk) send(person int64) (id int64) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		from, err := sender.Ensure(tx, sender.New{Name: demo.HouseName, Email: address.Must(demo.OwnerEmail)})
		if err != nil {
			return err
		}
		if id, err = campaign.Make(tx, campaign.Words{Name: "Canary", Subject: "Bonjour {{ contact.NAME }}", Kind: template.Markdown, Language: "fr",
			Body: "# Bonjour {{ contact.NAME }}\n\nÀ {{ contact.CITY }}, pour {{ contact.EMAIL }}.\n"}, from); err != nil {
			return err
		}
		return campaign.SetLists(tx, id, 0, []int64{w.Club}, nil)
	})
	at := fmt.Sprintf("/campaigns/%d", id)
	as := "?contact=" + strconv.FormatInt(person, 10)
	w.page("GET", at+"/preview"+as, nil)
	if body := w.page("GET", at+"/mail"+as, nil); !strings.Contains(body, wren[2].value) {
		w.t.Error("the preview doesn't show the person")
	}
	w.page("POST", at+"/test", url.Values{"member": {strconv.FormatInt(w.Member, 10)}, "contact": {strconv.FormatInt(person, 10)}})
	w.page("GET", at+"/check", nil)
	w.write(func(tx *store.Tx) error { return campaign.Approve(tx, id, 0, 0, campaign.UndoWindow) })
	w.clock.Advance(2 * campaign.UndoWindow)
	w.settle()
	w.clock.Advance(time.Minute)
	w.settle()
	return id
}

// claim is what others say of Wren: that she bought something, and that she waits on a list.
func (w *walk) claim(person int64) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		for _, name := range []string{"Clients", "Trouvés"} {
			id, err := list.EnsureNamed(tx, name, name)
			if err != nil {
				return err
			}
			e := consent.Event{Contact: person, List: id, Kind: consent.Give, Basis: consent.SoftOptIn, BasisRef: "order 7431", BasisFamily: "tea", Grade: consent.GradeD,
				OptOutOffered: true, Source: "member", DeclaredBy: w.Member}
			if _, err := consent.Apply(tx, []consent.Event{e}); err != nil {
				return err
			}
		}
		return nil
	})
	day := w.clock.Now().AddDate(0, 0, -40).Format(time.DateOnly)
	_, err := importer.Run(w.t.Context(), w.Main, w.owner, importer.Order{Name: "found.csv", Kind: importer.Unknown, List: "Notes", Purpose: "Notes", Basis: consent.ByConsent,
		From: day, To: w.clock.Now().Format(time.DateOnly), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("Email\n" + wrenBefore.value + "\n")), nil
		}}, nil)
	must(w.t, err)
}

// askedOnce asks Wren once whether a claim of a member's is true, and she says yes.
func (w *walk) askedOnce(person int64, who []canary) {
	w.t.Helper()
	var fair int64
	var link string
	w.write(func(tx *store.Tx) (err error) {
		if fair, err = list.EnsureNamed(tx, "Foires", "Foire"); err != nil {
			return err
		}
		_, err = consent.Apply(tx, []consent.Event{{Contact: person, List: fair, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeD, Source: "member", DeclaredBy: w.Member}})
		return err
	})
	at := fmt.Sprintf("/once/ask/%d", fair)
	w.page("GET", at, nil)
	w.page("POST", at, url.Values{})
	w.settle()
	w.view(func(v *store.View) (err error) { link, err = once.Link(v, person, fair); return err })
	u, err := url.Parse(link)
	must(w.t, err)
	w.visit("GET", u.Path, nil, who)
	if code, body := w.visit("POST", u.Path, url.Values{"do": {"yes"}}, who); code != http.StatusOK {
		w.t.Fatalf("the question: %d %s", code, body)
	}
	w.clock.Advance(time.Minute)
}

// wrenGoes lets Wren go through everything, and gives her number.
func (w *walk) wrenGoes() int64 {
	w.t.Helper()
	who := append([]canary{wrenBefore}, wren[1:]...)
	w.bring()
	w.answer(w.signUp(who, wrenNamed.value, wren[2].value), "confirm", who)
	id := w.find(wrenBefore.value).ID
	camp := w.send(id)
	caught, m := w.caught(id)
	w.page("GET", fmt.Sprintf("/mailbox/%d", caught), nil)
	w.claim(id)
	w.askedOnce(id, who)
	at := fmt.Sprintf("/contacts/%d", id)
	w.page("POST", at+"/correct", url.Values{"name": {wren[1].value}, "language": {"fr"}, "country": {"FR"}, "attr.CITY": {wren[2].value}, "attr.FIRSTNAME": {"Wrenna"}, "attr.LASTNAME": {wren[1].value}})
	w.attach(id)
	w.twin(id)
	w.moves(id, who)
	w.halts(id)

	leave := strings.Trim(strings.Split(m.Header.Get("List-Unsubscribe"), ",")[0], "<> ")
	u, err := url.Parse(leave)
	must(w.t, err)
	w.visit("GET", u.Path, nil, wren)
	if code, _ := w.visit("POST", u.Path, url.Values{"List-Unsubscribe": {"One-Click"}}, wren); code != http.StatusOK {
		w.t.Fatalf("one click: %d", code)
	}
	w.page("POST", at+"/withdraw", url.Values{"scope": {"list." + strconv.FormatInt(w.Club, 10)}, "how": {"phone"}, "on": {w.clock.Now().AddDate(0, 0, -1).Format(time.DateOnly)}})
	w.page("POST", "/suppressions", url.Values{"addresses": {wren[0].value}, "cause": {"member"}, "scope": {"list." + strconv.FormatInt(w.Club, 10)}})
	for _, p := range []string{"", "/consent", "/activity", "/messages", "/requests", "/trace", "/correct", "/proof", "/proof.json", "/proof.csv"} {
		w.page("GET", at+p, nil)
	}
	w.page("GET", fmt.Sprintf("/campaigns/%d/recipients", camp), nil)
	w.page("GET", fmt.Sprintf("/campaigns/%d/recipients/%d", camp, id), nil)
	w.page("GET", fmt.Sprintf("/forms/%d/signups", w.Form.ID), nil)
	w.page("POST", fmt.Sprintf("/campaigns/%d/export", camp), url.Values{"how": {"none"}})
	for _, q := range []string{wren[0].value, wren[1].value} {
		for _, p := range []string{"/search?q=", "/contacts?q=", "/suppressions?q=", "/privacy/trace?who="} {
			w.page("GET", p+url.QueryEscape(q), nil)
		}
	}
	w.settle()
	return id
}

// attach brings another tool's receipt to what the import said of Wren.
func (w *walk) attach(person int64) {
	w.t.Helper()
	var event int64
	w.view(func(v *store.View) error {
		events, err := consent.Events(v, person)
		for _, e := range events {
			if evidence.Attachable(e) {
				event = e.ID
			}
		}
		return err
	})
	a, err := evidence.Attach(w.t.Context(), w.Main, w.owner, person, event, "receipt.txt", strings.NewReader("She said yes."))
	must(w.t, err)
	w.page("GET", fmt.Sprintf("/contacts/%d/evidence/%d", person, event), nil)
	w.page("GET", fmt.Sprintf("/contacts/%d/evidence/%d/%d", person, event, a.ID), nil)
}

// twin lets another contact of Wren's go into the one that stays.
func (w *walk) twin(person int64) {
	w.t.Helper()
	var twin int64
	w.write(func(tx *store.Tx) error {
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("wren.before.all@exemple.example"), Source: "member"}})
		if err == nil {
			twin = rows[0].ID
		}
		return err
	})
	at := fmt.Sprintf("/contacts/%d/merge", person)
	w.page("GET", at+"?q=wren.before.all%40exemple.example", nil)
	w.page("POST", at, url.Values{"other": {strconv.FormatInt(twin, 10)}})
	w.page("GET", fmt.Sprintf("/contacts/%d", person), nil)
}

// moves lets Wren be written to at another address, by a yes of both mailboxes.
func (w *walk) moves(person int64, who []canary) {
	w.t.Helper()
	w.page("POST", fmt.Sprintf("/contacts/%d/address", person), url.Values{"address": {wren[0].value}})
	w.settle()
	var change move.Change
	w.view(func(v *store.View) (err error) { change, err = move.Open(v, person); return err })
	for _, side := range []move.Side{move.New, move.Old} {
		var link string
		w.view(func(v *store.View) (err error) { link, err = move.Link(v, change.ID, side); return err })
		u, err := url.Parse(link)
		must(w.t, err)
		w.visit("GET", u.Path, nil, who)
		if code, body := w.visit("POST", u.Path, url.Values{"do": {"yes"}}, who); code != http.StatusOK {
			w.t.Fatalf("yes: %d %s", code, body)
		}
	}
	w.settle()
}

// halts lets Wren ask for less and for a pause, leaves a change of her address unanswered, and
// brings another tool's list of people who said no.
func (w *walk) halts(person int64) {
	w.t.Helper()
	for _, before := range []string{"Replaced.", "Elsewhere."} {
		w.page("POST", fmt.Sprintf("/contacts/%d/address", person), url.Values{"address": {before + wren[0].value}})
	}
	herself := actor.Actor{Kind: actor.Subject, Account: w.Account, ID: person, Request: "canary", Language: "fr"}
	must(w.t, w.Main.Write(w.t.Context(), herself, func(tx *store.Tx) error {
		if err := contact.Slow(tx, person, contact.PaceWeek); err != nil {
			return err
		}
		return contact.Pause(tx, person, 1, time.UTC)
	}))
	var i importer.Import
	id, err := importer.ReceiveRefusals(w.t.Context(), w.Main, w.owner, "no.csv", strings.NewReader(fmt.Sprintf("email\n%x\n", sha256.Sum256([]byte("nobody@elsewhere-4410.example")))))
	must(w.t, err)
	read := func() { w.view(func(v *store.View) (err error) { i, err = importer.Get(v, id); return err }) }
	read()
	s, err := importer.Resurvey(w.t.Context(), w.Main, w.owner, i, i.Format)
	must(w.t, err)
	w.write(func(tx *store.Tx) error { return importer.Check(tx, id, i.Version, s) })
	read()
	w.write(func(tx *store.Tx) error { return importer.Map(tx, id, i.Version, i.Mapping) })
	read()
	w.write(func(tx *store.Tx) error {
		return importer.Limit(tx, id, i.Version, importer.Refusals{Cause: consent.Objected, Reach: consent.OneList, ID: w.News})
	})
	w.write(func(tx *store.Tx) error { return importer.Begin(tx, id, true) })
	w.settle()
}

// stumble asks for what isn't there, with values of a person in the question, and lets a page fail.
func (w *walk) stumble(person int64) {
	w.t.Helper()
	q := "?email=" + url.QueryEscape(wren[0].value) + "&name=" + url.QueryEscape(wren[1].value)
	for _, p := range []string{"/nothing/" + url.PathEscape(wren[0].value) + q, "/c/forged" + q, "/u/forged" + q, "/f/no-such-form" + q} {
		w.visit("GET", p, nil, wren)
		w.visit("POST", p, url.Values{"email": {wren[0].value}, "a.name": {wren[1].value}}, wren)
	}
	w.visit("POST", w.form.Path(), url.Values{"email": {strings.Repeat(wren[0].value+" ", 9000)}}, wren)
	down := errors.New("the database is away")
	w.Main.SetHook(func(string) error { return down })
	code, body := w.ask("GET", fmt.Sprintf("/contacts/%d", person), w.Account, shell.Owner, nil)
	w.errors.WriteString(body)
	w.visit("POST", w.form.Path(), url.Values{"email": {wren[0].value}, "a.name": {wren[1].value}, "list": {strconv.FormatInt(w.News, 10)}}, wren)
	w.Main.SetHook(nil)
	if code != http.StatusInternalServerError && code != http.StatusServiceUnavailable {
		w.t.Errorf("a page without a database: %d", code)
	}
	a, err := http.Get(w.base + "/metrics")
	must(w.t, err)
	defer a.Body.Close()
	w.metrics, err = io.ReadAll(a.Body)
	must(w.t, err)
	if a.StatusCode != http.StatusOK || len(w.metrics) < 1000 {
		w.t.Errorf("/metrics: %d, %d bytes", a.StatusCode, len(w.metrics))
	}
}

// outside are the places beside the stores: nothing of anybody may be read there.
func (w *walk) outside() []spot {
	return []spot{w.log.spot(), newSpot("/metrics", nil, w.metrics), newSpot("error pages", nil, w.errors.Bytes())}
}

// A canary person goes through everything the house does, and a scanner then reads every
// column of every table, every file, the log, the figures and the error pages: what it finds is
// what the data map says, and nothing else (INV-01, INV-15, INV-21). Then those go whom nobody
// confirmed, and the scanner finds them nowhere.
func TestACanaryIsWhereTheDataMapSaysAndNowhereElse(t *testing.T) {
	testhouse.Apps(t, func(t *testing.T, open func(app.Options) *app.House) {
		w := begin(t, open)
		w.publish()
		nemoAsked := w.signUp(nemo, nemo[1].value, nemo[2].value)
		wrenID := w.wrenGoes()
		w.answer(w.signUp(xan, "Somebody", "Else"), "not_me", nil)
		yvesID := w.buy()
		nemoID, xanID := w.find(nemo[0].value).ID, w.find(xan[0].value).ID
		w.stumble(wrenID)
		all := slices.Concat(wren, nemo, xan, yves, refused)

		d := w.scan(t)
		spots := append(d.spots, w.outside()...)
		for _, l := range leaks(spots, all) {
			t.Errorf("a leak: %s", l)
		}
		for _, l := range unread(spots, wren) {
			if notReached[l] == "" {
				t.Errorf("not found where the map says it is in the clear: %s", l)
			}
		}
		bare := d.bare(wrenID, nemoID, yvesID)
		for _, l := range bare {
			if notReached[l] == "" {
				t.Errorf("the canary never reached %s: let it, or say why not", l)
			}
		}
		for l := range notReached {
			if !slices.Contains(bare, l) {
				t.Errorf("%s is reached: strike it off the list", l)
			}
		}
		m := app.DataMap()
		for _, id := range []int64{wrenID, nemoID, yvesID} {
			for _, l := range d.numbered(id) {
				if pd := column(m, l).PD; pd == nil || pd.Category != "pseudonym" && pd.Category != "trace.act" {
					t.Errorf("a person's number lies in %s, which the map doesn't call a pseudonym", l)
				}
			}
		}

		var key trace.Person
		var fp [16]byte
		w.view(func(v *store.View) (err error) {
			if key, err = contact.Person(v, nemoID); err == nil {
				fp, err = contact.FP(v, address.Must(nemo[0].value))
			}
			return err
		})
		w.clock.Advance(31 * 24 * time.Hour)
		must(t, form.Sweep(t.Context(), w.Main))
		must(t, importer.Daily(w.Main)(t.Context()))
		w.settle()
		must(t, w.Tidy(t.Context()))
		d = w.scan(t)
		gone := slices.Concat(nemo, xan, yves)
		spots = append(d.spots, w.outside()...)
		if w.Config.Database.IsZero() {
			spots = append(spots, w.files(t, true)...) // pages of the files, and what is left of their logs
		}
		for i := range gone {
			gone[i].category = ""
		}
		for _, l := range leaks(spots, gone) {
			t.Errorf("still there: %s", l)
		}
		for _, s := range spots {
			if bytes.Contains(s.bytes, key.Salt) || bytes.Contains(s.bytes, fp[:]) {
				t.Errorf("the salt or the fingerprint of somebody who is gone lies in %s", s.name)
			}
		}
		for _, id := range []int64{nemoID, xanID, yvesID, nemoAsked} {
			for _, l := range d.numbered(id) {
				if pd := column(m, l).PD; pd == nil || pd.Erasure != datamap.Keep {
					t.Errorf("the number of somebody who is gone lies in %s", l)
				}
			}
		}
		if _, err := w.Ring.Subject(w.Account, key.Key); !errors.Is(err, keys.ErrForgotten) {
			t.Errorf("a key of somebody who is gone: %v", err)
		}
		if w.find(wren[0].value).ID != wrenID {
			t.Error("Wren went too")
		}
		if v, err := w.Log.Verify(t.Context(), trace.Check{Salts: contact.Salts}); err != nil || !v.Holds() {
			t.Errorf("the log: %v, %v", err, v.Found)
		}
	})
}

func column(m datamap.Map, name string) datamap.Column {
	part := strings.SplitN(name, ".", 3)
	for _, t := range m {
		if string(t.Store) == part[0] && t.Name == part[1] {
			for _, c := range t.Columns {
				if c.Name == part[2] {
					return c
				}
			}
		}
	}
	return datamap.Column{}
}
