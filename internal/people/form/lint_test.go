// SPDX-License-Identifier: AGPL-3.0-or-later

package form_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
)

// good is a form that passes every rule.
func good(t *testing.T) (form.Definition, notice.Version) {
	t.Helper()
	n := notice.Version{ID: 7, NoticeID: 5, Number: 1, Content: notice.Begin(notice.Answers{Name: "Café Rosalie", Postal: "12 rue des Lilas, Lyon", Country: "FR", Language: "fr",
		DataEmail: "rosalie@cafe.example", Policy: "https://cafe.example/vie-privee"}, rules())}
	for _, l := range n.Content.Languages {
		n.Texts = append(n.Texts, notice.Write(n.Content, l))
	}
	d := form.Begin(list.List{ID: 1, PurposeID: 11, Kind: list.Mail, Name: "News", Public: list.Words{"en": "News", "fr": "Nouvelles"}}, "fr", 5, "")
	return d, n
}

func lint(t *testing.T, d form.Definition, n notice.Version, changed bool, spoil func([]form.Page)) map[string]form.Result {
	t.Helper()
	var pages []form.Page
	for _, l := range d.Languages {
		if !d.Knows(l) {
			continue
		}
		p, err := form.Draw(context.Background(), d, n, 3, l)
		must(t, err)
		pages = append(pages, p)
	}
	if spoil != nil {
		spoil(pages)
	}
	out := map[string]form.Result{}
	rank := map[form.Result]int{form.Passed: 0, form.Warned: 1, form.Refused: 2}
	for _, f := range form.Lint(d, n, changed, 7, pages) {
		if old, ok := out[f.Rule]; !ok || rank[f.Result] > rank[old] {
			out[f.Rule] = f.Result
		}
	}
	return out
}

func TestADraftedFormPassesEveryRule(t *testing.T) {
	d, n := good(t)
	got := lint(t, d, n, false, nil)
	if len(got) != len(form.Rules()) {
		t.Errorf("%d rules answered of %d", len(got), len(form.Rules()))
	}
	for rule, r := range got {
		if r != form.Passed {
			t.Errorf("%s: %s", rule, r)
		}
	}
}

// Compliance R03: each fault is found, structure refused, wording warned.
func TestEachRuleFindsItsFault(t *testing.T) {
	second := form.Choice{List: 2, Purpose: 12, Label: both("Club", "Club"), Name: "Club"}
	for _, c := range []struct {
		name, rule string
		want       form.Result
		spoil      func(*form.Definition, *notice.Version)
		page       func([]form.Page)
		changed    bool
	}{
		{name: "no note", rule: "note", want: form.Refused, spoil: func(_ *form.Definition, n *notice.Version) { *n = notice.Version{} }},
		{name: "no controller", rule: "controller", want: form.Refused, spoil: func(_ *form.Definition, n *notice.Version) { n.Content.Controller.Name = "" }},
		{name: "note lacks a language", rule: "note", want: form.Refused, spoil: func(_ *form.Definition, n *notice.Version) { n.Content.Languages = []string{"fr"} }},
		{name: "note edited", rule: "note_fresh", want: form.Warned, changed: true},
		{name: "no policy", rule: "policy", want: form.Warned, spoil: func(_ *form.Definition, n *notice.Version) { n.Content.Policy = "" }},
		{name: "no way to leave", rule: "withdraw", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { delete(d.Withdraw, "en") }},
		{name: "leaving not said", rule: "withdraw", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) { d.Withdraw["en"] = "Have a nice day." }},
		{name: "untranslated", rule: "translation", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { delete(d.Title, "en") }},
		{name: "half translated", rule: "translation", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Intro = form.Words{"fr": "Bonjour"} }},
		{name: "unknown language", rule: "translation", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Languages = append(d.Languages, "xx") }},
		{name: "no list", rule: "list", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists = nil }},
		{name: "only measuring", rule: "list", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists[0].Grant = true }},
		{name: "retired list", rule: "list_open", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists[0].Closed = true }},
		{name: "list without purpose", rule: "one_box_one_purpose", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists[0].Purpose = 0 }},
		{name: "list twice", rule: "one_box_one_purpose", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists = append(d.Lists, d.Lists[0]) }},
		{name: "pre-ticked", rule: "unticked", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists = append(d.Lists, second) },
			page: func(p []form.Page) { p[0].HTML = strings.Replace(p[0].HTML, `name="list"`, `name="list" checked`, 1) }},
		{name: "pre-selected", rule: "unticked", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "SIZE", Type: "choice", Choices: []string{"S", "M"}, Label: both("Size", "Taille"), Why: both("to fit", "pour la taille")}}
		}, page: func(p []form.Page) {
			p[1].HTML = strings.Replace(p[1].HTML, `<option value="S"`, `<option value="S" selected`, 1)
		}},
		{name: "one box for two", rule: "own_box", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists = append(d.Lists, second) },
			page: func(p []form.Page) { p[0].HTML = strings.Replace(p[0].HTML, `value="2"`, `value="1"`, 1) }},
		{name: "required box", rule: "own_box", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Lists = append(d.Lists, second) },
			page: func(p []form.Page) { p[0].HTML = strings.Replace(p[0].HTML, `name="list"`, `name="list" required`, 1) }},
		{name: "no link to the note", rule: "note", want: form.Refused, page: func(p []form.Page) { p[0].HTML = strings.Replace(p[0].HTML, `href="/privacy/`, `href="/x/`, 1) }},
		{name: "script", rule: "claims", want: form.Refused, page: func(p []form.Page) { p[0].HTML += "<script>1</script>" }},
		{name: "measuring in the words", rule: "measuring_apart", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) { d.Consent["en"] = "Send me news and track what I open:" }},
		{name: "terms in the words", rule: "terms_apart", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Consent["fr"] = "J’accepte les conditions générales et la lettre :"
		}},
		{name: "terms at a field", rule: "terms_apart", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "TERMS", Type: "boolean", Required: true, Label: both("I accept the terms", "J’ai lu"), Why: both("why", "pourquoi")}}
		}},
		{name: "terms at a field, in French", rule: "terms_apart", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "TERMS", Type: "boolean", Required: true, Label: both("Yes", "J’accepte les conditions"), Why: both("why", "pourquoi")}}
		}},
		{name: "a price at a field", rule: "price", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "CITY", Type: "text", Label: both("City", "Ville"), Why: both("required to get your guide", "pourquoi")}}
		}},
		{name: "no why", rule: "why", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "name", Type: "text", Label: both("Name", "Nom")}}
		}},
		{name: "much required", rule: "required", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			f := form.Field{Name: "name", Type: "text", Required: true, Label: both("Name", "Nom"), Why: both("why", "pourquoi")}
			g := f
			g.Name = "CITY"
			d.Fields = []form.Field{f, g}
		}},
		{name: "health", rule: "special", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "ALLERGIES", Type: "text", Marked: true, Label: both("Allergies", "Allergies"), Why: both("why", "pourquoi")}}
		}},
		{name: "date of birth", rule: "birth", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) {
			d.Fields = []form.Field{{Name: "BIRTHDAY", Type: "date", Label: both("Birth", "Naissance"), Why: both("why", "pourquoi")}}
		}},
		{name: "age of 40", rule: "age", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Age = 40 }},
		{name: "single", rule: "opt_in", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) { d.OptIn = form.Single }},
		{name: "no way at all", rule: "opt_in", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.OptIn = "implied" }},
		{name: "reminded too late", rule: "remind", want: form.Refused, spoil: func(d *form.Definition, _ *notice.Version) { d.Remind = 7 }},
		{name: "reminded on the last day", rule: "remind", want: form.Passed, spoil: func(d *form.Definition, _ *notice.Version) { d.Remind = 6 }},
		{name: "vague button", rule: "button", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) { d.Button["en"] = "OK" }},
		{name: "claim", rule: "claims", want: form.Warned, spoil: func(d *form.Definition, _ *notice.Version) { d.Intro["en"] = "100% GDPR compliant" }},
	} {
		d, n := good(t)
		if c.spoil != nil {
			c.spoil(&d, &n)
		}
		if got := lint(t, d, n, c.changed, c.page); got[c.rule] != c.want {
			t.Errorf("%s: rule %s says %q, want %q", c.name, c.rule, got[c.rule], c.want)
		}
	}
}

// A form of one list has no box: the button is the act. A second list, and each has one.
func TestTheButtonIsTheActOnlyForOneList(t *testing.T) {
	d, n := good(t)
	p, err := form.Draw(context.Background(), d, n, 3, "en")
	must(t, err)
	if strings.Contains(p.HTML, `name="list"`) {
		t.Error("one list has a box")
	}
	d.Lists = append(d.Lists, form.Choice{List: 9, Purpose: 19, Grant: true, Label: both("Opens", "Ouvertures")})
	p, err = form.Draw(context.Background(), d, n, 3, "en")
	must(t, err)
	if strings.Count(p.HTML, `name="list"`) != 1 || !strings.Contains(p.HTML, `value="9"`) {
		t.Error("measuring is not at a box of its own")
	}
	again, err := form.Draw(context.Background(), d, n, 3, "en")
	must(t, err)
	if again.HTML != p.HTML || string(again.Sha256) != string(p.Sha256) {
		t.Error("the same form gives other bytes")
	}
	d.Lists = append(d.Lists, form.Choice{List: 2, Purpose: 12, Label: both("Club", "Club")})
	p, err = form.Draw(context.Background(), d, n, 3, "en")
	must(t, err)
	if strings.Count(p.HTML, `name="list"`) != 3 || strings.Contains(p.HTML, " checked") {
		t.Error("not each list is at an unticked box of its own")
	}
}

// TestWordsOfAnAddedLanguageAreNotSaidToPass: rules that are English and French words tell that
// they were not looked at; what was found is told instead.
func TestWordsOfAnAddedLanguageAreNotSaidToPass(t *testing.T) {
	d, n := good(t)
	german(&d)
	read := func() map[string][]form.Finding {
		var pages []form.Page
		for _, l := range d.Languages {
			p, err := form.Draw(context.Background(), d, n, 3, l)
			must(t, err)
			pages = append(pages, p)
		}
		out := map[string][]form.Finding{}
		for _, f := range form.Lint(d, n, false, 7, pages) {
			out[f.Rule] = append(out[f.Rule], f)
		}
		return out
	}
	found := read()
	for _, rule := range []string{"withdraw", "measuring_apart", "terms_apart", "birth", "children", "price", "button", "mail", "claims"} {
		if f := found[rule]; len(f) != 1 || f[0].Result != form.Unread || f[0].Language != "de" {
			t.Errorf("%s: %+v", rule, f)
		}
	}
	if f := found["list"]; len(f) != 1 || f[0].Result != form.Passed {
		t.Errorf("list: %+v", f)
	}
	d.Intro["de"] = "100% gut"
	if f := read()["claims"]; len(f) != 1 || f[0].Result != form.Warned {
		t.Errorf("what was found: %+v", f)
	}
	delete(d.Intro, "de")
	d.Consent["en"] = "Track what I open"
	if f := read()["measuring_apart"]; len(f) != 2 {
		t.Errorf("one language found, one not read: %+v", f)
	}
}

// GDPR 13(1)(c): the note names what the form asks for. Measuring is known for what it is, purposes by their words.
func TestTheNoteNamesWhatTheFormAsksFor(t *testing.T) {
	d, n := good(t)
	purposes := []list.Purpose{{ID: 11, Name: "Letters", Public: list.Words{"en": "Our letter", "fr": "Notre lettre"}}, {ID: 12, Name: "Offers"}}
	found := func() (out []string) {
		for _, f := range form.Lint(d, n, false, 7, nil, purposes...) {
			if f.Rule == "note_names" {
				out = append(out, string(f.Result)+" "+f.What)
			}
		}
		return out
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := found(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	n.Content.Purposes = []notice.Purpose{{Name: notice.Words{"en": " our LETTER "}, Basis: "consent"}}
	expect("named", "passed ")
	n.Content.Purposes[0].Name = notice.Words{"en": "Newsletter"}
	expect("named otherwise", "warned Letters")
	n.Content.Purposes[0].Name = notice.Words{"en": "Letters"}
	d.Lists = append(d.Lists, form.Choice{List: 2, Purpose: 12, Label: both("Club", "Club")}, form.Choice{List: 9, Purpose: 19, Grant: true, Label: both("Opens", "Ouvertures")}, form.Choice{List: 10, Purpose: 19, Grant: true, Label: both("Clicks", "Clics")})
	expect("measuring that nobody is told of", "warned Offers", "refused Ouvertures")
	n.Content.Purposes = append(n.Content.Purposes, notice.Purpose{Name: notice.Words{"en": "Reading"}, Basis: "consent", Asked: "measuring"}, notice.Purpose{Name: notice.Words{"en": "Club"}, Basis: "consent"})
	expect("all", "passed ")
}

// A sample asks for all a form offers, an express yes too, whose list is made only when the form is published.
func TestASampleAsksForEveryYes(t *testing.T) {
	d, n := good(t)
	d.Lists = append(d.Lists, form.Choice{List: 9, Purpose: 19, Grant: true, Label: both("Opens", "Ouvertures")}, form.Choice{List: 10, Purpose: 11, Closed: true, Label: both("Old", "Ancien")})
	d.Fields = []form.Field{{Name: "ALLERGIES", Type: "text", Marked: true, Explicit: both("I expressly agree.", "J’accepte expressément.")}, {Name: "CITY", Type: "text"}}
	a := form.Sample(d, n, "fr", 0).Asks()
	if !slices.Equal(a.Mails, []string{"Nouvelles"}) || !slices.Equal(a.Measures, []string{"Ouvertures"}) || !slices.Equal(a.Expressly, []string{"J’accepte expressément."}) || d.Fields[0].Grant != 0 {
		t.Errorf("%+v", a)
	}
}
