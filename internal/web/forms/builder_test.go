// SPDX-License-Identifier: AGPL-3.0-or-later

package forms_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/actor"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/web/forms"
)

func TestTheBuilderAddsALanguageMovesPartsAndSavesByItself(t *testing.T) {
	h := testhouse.SQLite(t)
	o := settle(t, h, "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	save := func(change func(url.Values)) {
		t.Helper()
		v := read(o.raw(at))
		change(v)
		o.post(at, v)
	}
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error { // what the list is called there comes along
		return list.Rename(tx, o.list, "", "News", list.Words{"de": "Neues"})
	}))
	save(func(v url.Values) { v.Set("tongue", "de"); v.Set("tongue_fallback", "fr"); v.Set("add", "name") })
	page := o.get(at)
	for _, part := range []string{"Words in Deutsch", `name="fixed.de.form.email"`, `sandbox="allow-same-origin"`, `target="preview"`, ":1"} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is missing", part)
		}
	}
	save(func(v url.Values) {
		v.Set("title.de", "Bleiben wir in Kontakt")
		v.Set("fixed.de.form.email", "E-Mail-Adresse")
		v.Set("age", "country")
		v.Set("remind", "3")
		v.Set("redirect", "https://cafe.example/merci")
		v.Set("puzzle", "1")
		v.Set("quiet", "1")
	})
	draft := func() (f form.Form) {
		must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := form.All(v)
			f = all[0]
			return err
		}))
		return f
	}
	d := draft().Draft
	if d.Lists[0].Label["de"] != "Neues" {
		t.Errorf("the list is called %v", d.Lists[0].Label)
	}
	if d.Title["de"] != "Bleiben wir in Kontakt" || d.Tongues[0].Fixed["form.email"] != "E-Mail-Adresse" || d.Tongues[0].Fallback != "fr" || len(d.Ages) != 31 ||
		d.Remind != 3 || !d.Puzzle || d.Redirect == "" {
		t.Errorf("saved: %+v", d)
	}
	preview := o.get(at + "/preview?lang=de")
	for _, part := range []string{"E-Mail-Adresse", "Bleiben wir in Kontakt", `lang="de"`} {
		if !strings.Contains(preview, part) {
			t.Errorf("the preview lacks %q", part)
		}
	}
	// What can't be kept is said at its field, and nothing is lost.
	for field, bad := range map[string]string{"redirect": "http://cafe.example", "remind": "99", "tongue": "no such language", "colour": "red"} {
		v := read(o.raw(at))
		v.Set(field, bad)
		v.Set("title.en", "Not lost")
		if code, body, _ := o.ask("POST", at, "member", v); code != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#f-`+field+`"`) || !strings.Contains(body, "Not lost") {
			t.Errorf("%s: %d", field, code)
		}
	}
	// Up and down, by buttons.
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		f, err := form.Find(tx, draft().ID)
		if err != nil {
			return err
		}
		f.Draft.Fields = append(f.Draft.Fields, form.Field{Name: "CITY", Type: "text", Label: form.Words{"en": "City"}})
		return form.Edit(tx, f.ID, f.Version, f.Name, f.Draft)
	}))
	save(func(v url.Values) { v.Set("move", "up.field.CITY") })
	if x := draft().Draft.Fields; len(x) != 2 || x[0].Name != "CITY" {
		t.Errorf("moved: %+v", x)
	}
	save(func(v url.Values) { v.Set("move", "down.field.CITY"); v.Set("tdrop.de", "1") })
	if d := draft().Draft; d.Fields[1].Name != "CITY" || len(d.Tongues) != 0 || len(d.Languages) != 2 || d.Title["de"] != "" {
		t.Errorf("taken off: %+v", d)
	}
	// A choice is said in each language, beside its field; its words go by the choice, not by its place.
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		_, err := contact.MakeAttribute(tx, contact.Attribute{Name: "SIZE", Type: contact.TypeChoice, Choices: []string{"S", "M"}})
		return err
	}))
	save(func(v url.Values) { v.Set("add", "SIZE") })
	page = o.get(at)
	if !strings.Contains(page, "S (Français)") || !strings.Contains(page, "M (English)") {
		t.Error("the builder has no words for choices")
	}
	_, name, _ := strings.Cut(page, `name="choice.SIZE.`)
	name, _, _ = strings.Cut(name, ".")
	save(func(v url.Values) { v.Set("choice.SIZE."+name+".en", "Small") })
	if x := draft().Draft.Fields[2]; len(x.Called) != 1 || x.Called["S"]["en"] != "Small" || len(x.Called["S"]) != 1 {
		t.Errorf("said: %+v", x.Called)
	}
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		all, err := contact.AllAttributes(tx)
		for _, a := range all {
			if a.Name == "SIZE" {
				err = contact.ChangeAttribute(tx, a.ID, 0, contact.Attribute{Choices: contact.Choices{"M", "S"}})
			}
		}
		return err
	}))
	save(func(url.Values) {})
	if x := draft().Draft.Fields[2]; x.Choices[0] != "M" || x.Called["S"]["en"] != "Small" || len(x.Called) != 1 {
		t.Errorf("sorted anew: %+v", x)
	}
	v := read(o.raw(at))
	v.Set("choice.SIZE."+name+".en", strings.Repeat("x", form.MaxCalled+1))
	if code, body, _ := o.ask("POST", at, "member", v); code != http.StatusUnprocessableEntity || !strings.Contains(body, "at most 200 characters") {
		t.Errorf("too long: %d", code)
	}
	_, body, _ := o.ask("GET", at+"/qr.png", "member", nil)
	if !strings.HasPrefix(body, "\x89PNG") {
		t.Error("the code is no picture")
	} else if _, err := png.Decode(bytes.NewReader([]byte(o.raw(at + "/qr.png")))); err != nil {
		t.Error(err)
	}
}

// A language that is unticked, by a slip or not, is spoken no more; its words come back with it, however often
// the page saves itself meanwhile.
func TestUntickingALanguageLosesNoWords(t *testing.T) {
	h := testhouse.SQLite(t)
	o := settle(t, h, "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	save := func(change func(url.Values)) (f form.Form) {
		t.Helper()
		v := read(o.raw(at))
		change(v)
		o.post(at, v)
		must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := form.All(v)
			f = all[0]
			return err
		}))
		return f
	}
	must(t, h.Main.Write(context.Background(), o.who, func(tx *store.Tx) error {
		_, err := contact.MakeAttribute(tx, contact.Attribute{Name: "SIZE", Type: contact.TypeChoice, Choices: []string{"S", "M"}})
		return err
	}))
	save(func(v url.Values) { v.Set("tongue", "de"); v.Set("add", "SIZE") })
	_, choice, _ := strings.Cut(o.get(at), `name="choice.SIZE.`)
	choice, _, _ = strings.Cut(choice, ".")
	written := save(func(v url.Values) {
		for _, l := range []string{"fr", "de"} {
			for _, field := range []string{"title", "consent", "label." + fmt.Sprint(o.list), "flabel.SIZE", "why.SIZE", "choice.SIZE." + choice} {
				v.Set(field+"."+l, field+" in "+l)
			}
		}
		v.Set("fixed.de.form.email", "E-Mail-Adresse")
	}).Draft
	for range 3 {
		f := save(func(v url.Values) { v["lang"] = []string{"en"} })
		if !slices.Equal(f.Draft.Languages, []string{"en"}) {
			t.Fatalf("it speaks %v", f.Draft.Languages)
		}
		must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
			d, found, pages, _, err := form.Check(context.Background(), v, f)
			if doc, _ := json.Marshal(d); strings.Contains(string(doc), " in fr") || strings.Contains(string(doc), " in de") || strings.Contains(string(doc), `"de"`) || len(pages) != 1 {
				t.Errorf("%d pages, and what is checked holds %s", len(pages), doc)
			}
			for _, x := range found {
				if x.Language == "fr" || x.Language == "de" {
					t.Errorf("a rule complains of %s: %+v", x.Language, x)
				}
			}
			return err
		}))
	}
	d := save(func(v url.Values) { v["lang"] = written.Languages }).Draft
	d.Languages = written.Languages // only their order is another
	before, _ := json.Marshal(written)
	if after, _ := json.Marshal(d); string(after) != string(before) {
		t.Errorf("ticked again: %s\nbefore: %s", after, before)
	}
	// Taken off, they go.
	d = save(func(v url.Values) { v.Set("tdrop.de", "1") }).Draft
	if doc, _ := json.Marshal(d); strings.Contains(string(doc), " in de") || strings.Contains(string(doc), "E-Mail-Adresse") || !strings.Contains(string(doc), " in fr") {
		t.Errorf("taken off: %s", doc)
	}
}

func TestSignUpsLeaveAsATableWithoutFormulasAndTheLookIsTraced(t *testing.T) {
	h := testhouse.SQLite(t)
	o := settle(t, h, "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	note := o.post("/privacy/notices", url.Values{})
	v := read(o.raw(note))
	v.Set("contact", "rosalie@cafe.example")
	o.post(note, v)
	o.post(note+"/publish", url.Values{"version": {"2"}})
	f := read(o.raw(at))
	f.Set("notice", note[strings.LastIndex(note, "/")+1:])
	f.Set("puzzle", "1")
	o.post(at, f)
	if share := o.get(o.post(at+"/publish", url.Values{"version": {"2"}})); !strings.Contains(share, "more than 10 an hour") {
		t.Error("the share page doesn't say what a copy can't do")
	}
	var slug string
	must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := form.All(v)
		slug = all[0].Slug
		return err
	}))
	live, err := form.NewDesk(h.Main).At(context.Background(), slug)
	must(t, err)
	for _, x := range [][2]string{{"lea@example.org", "en"}, {"+max@example.org", "fr"}} {
		sub, err := form.Read(live, x[1], url.Values{"email": {x[0]}})
		must(t, err)
		_, err = form.Take(context.Background(), h.Main, actor.Actor{Kind: actor.Subject, Account: o.acct}, sub)
		must(t, err)
	}
	looks := func() (n int) {
		must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
			all, err := trace.Search(v, trace.Question{Action: trace.LookAction, Limit: 100})
			n = len(all)
			return err
		}))
		return n
	}
	file := func(query string) string {
		t.Helper()
		code, body, _ := o.ask("POST", at+"/signups/file"+query, "member", url.Values{"how": {"none"}})
		if code != http.StatusOK {
			t.Fatalf("the file of sign-ups: %d %s", code, body)
		}
		return body
	}
	table := func(query string) [][]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file(query), "\ufeff"))).ReadAll()
		must(t, err)
		return rows[1:]
	}
	before := looks()
	all := table("")
	if len(all) != 2 || all[0][1] != "'+max@example.org" || all[1][1] != "lea@example.org" || all[0][6] != "fr" || all[0][2] != "pending" {
		t.Errorf("the table: %v", all)
	}
	if n := looks() - before; n != 1 {
		t.Errorf("%d looks instead of one", n)
	}
	// How it leaves is asked first, and the trace tells it.
	if page := o.get(at + "/signups/file?state=pending"); !strings.Contains(page, "/signups/file?state=pending\"") || !strings.Contains(page, `name="passphrase"`) {
		t.Error("how the file leaves isn't asked")
	}
	before = looks()
	if code, _, _ := o.ask("POST", at+"/signups/file", "member", url.Values{"how": {"passphrase"}, "passphrase": {"short"}}); code != http.StatusUnprocessableEntity || looks() != before {
		t.Errorf("closed by nothing: %d", code)
	}
	if code, body, _ := o.ask("POST", at+"/signups/file", "member", url.Values{"how": {"passphrase"}, "passphrase": {"thyme, rosemary & sage"}}); code != http.StatusOK || !strings.HasPrefix(body, "age-encryption.org/v1\n") {
		t.Errorf("a closed file: %d", code)
	}
	must(t, h.Main.View(context.Background(), o.who, func(v *store.View) error {
		all, err := trace.Search(v, trace.Question{Action: trace.LookAction, Limit: 1})
		if err == nil && (len(all) != 1 || all[0].Fields()["encrypted"] != "passphrase") {
			t.Errorf("the look: %v", all)
		}
		return err
	}))
	day := h.Clock.Now().UTC().Format("2006-01-02")
	for query, want := range map[string]int{"?language=fr": 1, "?state=confirmed": 0, "?state=pending": 2, "?from=" + day: 2, "?to=2001-01-01": 0} {
		if n := len(table(query)); n != want {
			t.Errorf("%s: %d rows instead of %d", query, n, want)
		}
	}
	if code, _, _ := o.ask("GET", at+"/signups?from=yesterday", "member", nil); code != http.StatusUnprocessableEntity && code != http.StatusBadRequest {
		t.Errorf("no day: %d", code)
	}
	page := o.get(at + "/signups?state=pending&from=" + day)
	for _, part := range []string{"By day", day, `name="from"`, `name="to"`, "from=" + day + "&state=confirmed", "/signups/file?"} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if strings.Contains(page, "at most") {
		t.Error("a limit is told that nothing reaches")
	}
	// More than a table holds is said on the page, and the newest are in it.
	defer forms.SetTableMax(1)()
	if page := o.get(at + "/signups"); !strings.Contains(page, "at most 1 sign-ups") {
		t.Error("the limit isn't told")
	}
	if all := table(""); len(all) != 1 || all[0][1] != "'+max@example.org" {
		t.Errorf("the newest: %v", all)
	}
	// Who may look but not export has neither the button nor the file.
	o.role = "editor"
	if page := o.get(at + "/signups"); strings.Contains(page, "signups/file") || strings.Contains(page, "at most") {
		t.Error("a member is offered the file")
	}
	if code, _, _ := o.ask("POST", at+"/signups/file", "member", url.Values{"how": {"none"}}); code != http.StatusForbidden {
		t.Errorf("a member takes the file: %d", code)
	}
}

// Who builds a form sees the mail and the pages that follow it, in its own words where it has some.
func TestTheBuilderShowsWhatFollowsAForm(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		o := settle(t, h, "en")
		at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
		page := o.get(at)
		for _, step := range []string{"form", "sent", "mail", "confirm", "done", "already"} {
			for _, lang := range []string{"en", "fr"} {
				if !strings.Contains(page, at+"/preview?step="+step+"&lang="+lang) {
					t.Errorf("no way to %s in %s", step, lang)
				}
			}
		}
		if strings.Contains(page, "step=reminder") {
			t.Error("a reminder that isn't sent")
		}
		shows := func(step, lang string, words ...string) {
			t.Helper()
			body := o.get(at + "/preview?step=" + step + "&lang=" + lang)
			for _, w := range words {
				if !strings.Contains(body, w) {
					t.Errorf("%s in %s lacks %q:\n%s", step, lang, w, body)
				}
			}
		}
		shows("sent", "en", "Please confirm")
		shows("mail", "en", `lang="en"`, "Monthly news", "/c/…")
		shows("mail", "fr", `lang="fr"`, "Nouvelles du mois")
		shows("confirm", "fr", "Nouvelles du mois", `value="confirm"`)
		f := read(o.raw(at))
		f.Set("done.fr", "Merci, à bientôt au café !")
		f.Set("already.fr", "Vous y êtes déjà.")
		f.Set("sent.fr", "Un e-mail vous attend.")
		f.Set("subject.fr", "Encore un clic")
		f.Set("greeting.fr", "Le café vous salue.")
		f.Set("remind", "3")
		o.post(at, f)
		shows("done", "fr", "Merci, à bientôt au café")
		shows("already", "fr", "Vous y êtes déjà.")
		shows("sent", "fr", "Un e-mail vous attend.", "Encore un clic")
		shows("mail", "fr", "Encore un clic", "Le café vous salue.")
		last := locale.For("fr", nil).T("form.mail.last")
		shows("reminder", "fr", last)
		if strings.Contains(o.get(at+"/preview?step=mail&lang=fr"), last) {
			t.Error("the first mail says it is the last")
		}
		// Whoever has confirmed goes on elsewhere: there is no page of ours.
		f = read(o.raw(at))
		f.Set("redirect", "https://cafe.example/merci")
		o.post(at, f)
		if page := o.get(at); strings.Contains(page, "step=done") || !strings.Contains(page, "goes on to https://cafe.example/merci") {
			t.Error("a page that nobody sees")
		}
		shows("done", "fr", `class="signup"`) // back to the form
	})
}

// Why we ask tells how this very form stands before the rules.
func TestWhyWeAskTellsHowTheFormStands(t *testing.T) {
	o := settle(t, testhouse.SQLite(t), "en")
	at := o.post("/forms/new", url.Values{"name": {"News"}, "list": {fmt.Sprint(o.list)}})
	state := func() string {
		s := regexp.MustCompile(`(?s)why-state">.*?</p>`).FindString(o.get(at))
		return strings.TrimSpace(regexp.MustCompile(`<[^>]*>|^why-state">`).ReplaceAllString(s, ""))
	}
	if s := state(); !strings.HasSuffix(s, "this form.") || !strings.Contains(s, "stop") {
		t.Errorf("without a note: %s", s)
	}
	note := o.post("/privacy/notices", url.Values{})
	v := read(o.raw(note))
	v.Set("contact", "rosalie@cafe.example")
	o.post(note, v)
	o.post(note+"/publish", url.Values{"version": {"2"}})
	f := read(o.raw(at))
	f.Set("notice", note[strings.LastIndex(note, "/")+1:])
	o.post(at, f)
	if s := state(); s != "This form can be published; 1 rule has a remark." {
		t.Errorf("with a note that names no policy: %s", s)
	}
	v = read(o.raw(note))
	v.Set("policy", "https://cafe.example/privacy")
	o.post(note, v)
	o.post(note+"/publish", url.Values{"version": {read(o.raw(note)).Get("version")}})
	if s := state(); s != "This form passes every rule." {
		t.Errorf("with nothing wrong: %s", s)
	}
}
