// SPDX-License-Identifier: AGPL-3.0-or-later

package rulepack_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
)

func newest() *rulepack.Rules {
	p := rulepack.Packs()
	return rulepack.Published(p[len(p)-1])
}

func TestTheValuesOfTheLawAreInThePack(t *testing.T) {
	r := newest()
	for k, want := range map[rulepack.Key]int{
		rulepack.RightsAnswer: 1, rulepack.RightsExtension: 2, rulepack.Art14Notice: 1, rulepack.Art14Margin: 2, rulepack.DOIToken: 7, rulepack.DOIPurge: 30,
		rulepack.BackupMain: 30, rulepack.BackupKeys: 14, rulepack.FullIP: 12, rulepack.TrackThreshold: 20, rulepack.BreachAuthority: 72, rulepack.Prospect: 36,
	} {
		if got := r.Number(k); got != want {
			t.Errorf("%s = %d, want %d", k, got, want)
		}
	}
	if r.Bool(rulepack.TrackUnknown) || r.CountryNumber(rulepack.ConsentAge, "FR") != 15 || r.CountryNumber(rulepack.ConsentAge, "XX") != 16 || r.Country(rulepack.TrackInformed, "FR") != "2026-07-14" || r.Country(rulepack.TrackInformed, "IT") != "" {
		t.Error("values by country or yes and no are wrong")
	}
	for c, want := range map[string]bool{"FR": true, "DE": false, "IT": false, "": false} {
		if r.CountryBool(rulepack.HoldsB2B, c) != want {
			t.Errorf("b2b in %q isn't %v", c, want)
		}
	}
	if r.CountryNumber(rulepack.SoftOptInTerm, "IE") != 12 || r.CountryNumber(rulepack.SoftOptInTerm, "FR") != 0 || !r.CountryBool(rulepack.HoldsSoftOptIn, "IE") {
		t.Error("the term of soft opt-in is Ireland's alone")
	}
	if r.Duration(rulepack.PermitLife) != 10*time.Minute {
		t.Error("a permit lives ten minutes")
	}
}

// TestEveryKeyCodeReadsIsInEveryPack reads the constants from the source, so that none is forgotten.
func TestEveryKeyCodeReadsIsInEveryPack(t *testing.T) {
	src, err := os.ReadFile("rulepack.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Split(string(src), "\n") {
		_, rest, ok := strings.Cut(line, " Key = \"")
		if !ok {
			continue
		}
		n++
		key, _, _ := strings.Cut(rest, "\"")
		for _, p := range rulepack.Packs() {
			if _, ok := p.Rule(rulepack.Key(key)); !ok {
				t.Errorf("%s isn't in pack %s", key, p.Version)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d keys found: is the source read right?", n)
	}
}

func TestABareWordIsNotEnoughForBoughtAddresses(t *testing.T) {
	r := newest()
	for _, c := range []struct {
		origin    string
		row, file bool
		want      string
	}{
		{"site", false, false, "D"}, {"paper", false, true, "C"}, {"tool", true, false, "B"}, {"customer", true, true, "B"},
		{"acquired", false, false, ""}, {"acquired", true, false, "B"}, {"unknown", false, false, ""}, {"inherited", false, false, ""}, {"from the moon", false, false, ""},
	} {
		if got := r.Grade(c.origin, c.row, c.file); got != c.want {
			t.Errorf("Grade(%s, row %v, file %v) = %q, want %q", c.origin, c.row, c.file, got, c.want)
		}
	}
}

func TestATermOfThePackEndsWithItsLastHour(t *testing.T) {
	paris, err := legalclock.Zone("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	r := newest()
	at := legalclock.MomentOf(time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC))
	if got := r.After(rulepack.Art14Notice, at, paris).String(); got != "2027-02-28T23:00:00.000000Z" {
		t.Errorf("a month after 31 January ends %s", got)
	}
	if got := r.After(rulepack.PermitLife, at, paris).Sub(at); got != 10*time.Minute {
		t.Errorf("minutes are minutes: %s", got)
	}
}

// TestBeforeIsTheOtherSideOfAfter: a row is due exactly when its term is over.
func TestBeforeIsTheOtherSideOfAfter(t *testing.T) {
	r := newest()
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("x", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		k := rapid.SampledFrom([]rulepack.Key{rulepack.FullIP, rulepack.DOIPurge, rulepack.Art14Notice, rulepack.Prospect, rulepack.Preview}).Draw(t, "k")
		began := legalclock.Moment(rapid.Int64Range(1.6e15, 1.9e15).Draw(t, "began"))
		end := r.After(k, began, zone)
		for _, now := range []legalclock.Moment{end - 1, end, end.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "h")) * time.Hour)} {
			due := legalclock.Day(began, zone) < r.Before(k, now, zone)
			if due != (now >= end) {
				t.Fatalf("%s from %s: end %s, now %s, due %v", k, began, end, now, due)
			}
		}
	})
}

func TestABrokenPackIsRefused(t *testing.T) {
	head := "version = \"x\"\ndate = \"2026-01-01\"\n"
	one := "[[rule]]\nkey = \"a\"\nvalue = 3\nunit = \"days\"\nstricter = \"less\"\nmin = 1\nmax = 5\nsource = \"law\"\n"
	if _, err := rulepack.Read([]byte(head + one)); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"twice":     head + one + one,
		"source":    head + strings.Replace(one, "law", " ", 1),
		"bounds":    head + strings.Replace(one, "= 3", "= 9", 1),
		"unit":      head + strings.Replace(one, "days", "moons", 1),
		"direction": head + strings.Replace(one, "less", "subset", 1),
		"no bounds": head + strings.Replace(one, "min = 1\n", "", 1),
		"no date":   one,
	} {
		if _, err := rulepack.Read([]byte(text)); err == nil {
			t.Errorf("%s: must be refused", what)
		}
	}
}

func TestEveryRuleHasWordsInBothLanguages(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		b, err := os.ReadFile("../locale/catalogue/rulepack." + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range rulepack.Packs() {
			for _, r := range p.Rules {
				if !strings.Contains(string(b), "[\"rulepack.rule."+string(r.Key)+"\"]") {
					t.Errorf("rulepack.rule.%s is missing in %s", r.Key, lang)
				}
			}
		}
	}
}
