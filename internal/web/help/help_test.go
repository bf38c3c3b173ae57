// SPDX-License-Identifier: AGPL-3.0-or-later

package help

import (
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/locale"
	"consend/internal/ground/rulepack"
)

func newest(t *testing.T) (*rulepack.Pack, Shelf) {
	t.Helper()
	s, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	packs := rulepack.Packs()
	return packs[len(packs)-1], s
}

func TestEveryArticleStandsInBothLanguagesAndLeansOnTheSameRules(t *testing.T) {
	_, s := newest(t)
	if len(s[locale.English]) < 10 {
		t.Fatalf("%d articles", len(s[locale.English]))
	}
	for i, a := range s[locale.English] {
		b, ok := s.Find(locale.French, a.Slug)
		if !ok || s[locale.French][i].Slug != a.Slug || b.For != a.For || !slices.Equal(b.Rules, a.Rules) || b.Checked != a.Checked {
			t.Errorf("%s: the French is another article: %+v", a.Slug, b)
		}
		if a.Title == b.Title || strings.Count(a.Body, "\n## ") != strings.Count(b.Body, "\n## ") {
			t.Errorf("%s: the two don't say the same parts", a.Slug)
		}
	}
}

func TestNoArticleLeansOnARuleThatChanged(t *testing.T) {
	pack, s := newest(t)
	if stale := s.Stale(rulepack.Packs(), pack); len(stale) > 0 {
		t.Errorf("read these again, and write down the version: %v", stale)
	}
	later := *pack
	later.Rules = slices.Clone(pack.Rules)
	for i := range later.Rules {
		if later.Rules[i].Key == "doi.token" {
			later.Rules[i].Value = "3"
		}
	}
	stale := s.Stale(rulepack.Packs(), &later)
	if !slices.Contains(stale, "en/forms") || !slices.Contains(stale, "fr/forms") || slices.Contains(stale, "en/leaving") {
		t.Errorf("stale after another life of a link: %v", stale)
	}
}

func TestNumbersOfTheLawComeFromTheRules(t *testing.T) {
	pack, s := newest(t)
	for lang, want := range map[string]string{locale.English: "lives for 7 days", locale.French: "vit 7 jours"} {
		a, _ := s.Find(lang, "forms")
		html, err := a.html(locale.For(lang, time.UTC), pack)
		if err != nil || !strings.Contains(html, want) || strings.Contains(html, "{rule") {
			t.Errorf("%s: %v\n%s", lang, err, html)
		}
	}
}

func TestWhatHoldsByCountryComesFromTheRules(t *testing.T) {
	pack, s := newest(t)
	for lang, want := range map[string][]string{locale.English: {"Ireland gives it 12 months", "France"}, locale.French: {"L’Irlande donne 12 mois", "France"}} {
		a, _ := s.Find(lang, "customers")
		html, err := a.html(locale.For(lang, time.UTC), pack)
		if err != nil || !strings.Contains(html, want[0]) || !strings.Contains(html, want[1]) || strings.Contains(html, "{where") {
			t.Errorf("%s: %v\n%s", lang, err, html)
		}
	}
	later := *pack
	later.Rules = slices.Clone(pack.Rules)
	for i := range later.Rules {
		if later.Rules[i].Key == rulepack.HoldsB2B {
			later.Rules[i].Country = map[string]string{"DE": "false"}
		}
	}
	if stale := s.Stale(rulepack.Packs(), &later); !slices.Contains(stale, "en/customers") {
		t.Errorf("another law of a country left %v", stale)
	}
}

func TestASearchFindsEveryWordWithoutAccents(t *testing.T) {
	_, s := newest(t)
	found := s.Search(locale.French, "desinscrit OPPOSITION")
	if !slices.ContainsFunc(found, func(a Article) bool { return a.Slug == "leaving" }) {
		t.Errorf("%d found", len(found))
	}
	if got := s.Search(locale.English, "zebra"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestAnArticleThatLeansOnAnUnnamedRuleIsRefused(t *testing.T) {
	_, err := parse("x", "title: T\nfor: person\nchecked: 2026-11\nsummary: S\n\nAfter {rule doi.token}.")
	if err == nil || !strings.Contains(err.Error(), "doi.token") {
		t.Errorf("%v", err)
	}
}
