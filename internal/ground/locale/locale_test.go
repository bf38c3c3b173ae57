// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/locale"
)

func paris(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no zone data on this machine")
	}
	return z
}

func TestFrenchCountsWithOneManyAndOther(t *testing.T) {
	fr, en := locale.For("fr", nil), locale.For("en", nil)
	for _, c := range []struct {
		p    locale.Printer
		n    int
		want string
	}{
		{en, 0, "0 days ago"}, {en, 1, "1 day ago"}, {en, 2, "2 days ago"},
		{fr, 0, "il y a 0 jour"}, {fr, 1, "il y a 1 jour"}, {fr, 2, "il y a 2 jours"},
		{fr, 1_000_000, "il y a 1\u00a0000\u00a0000 jours"}, {fr, 1234, "il y a 1\u00a0234 jours"},
	} {
		got := strings.ReplaceAll(c.p.N("locale.ago.days", c.n), "\u202f", "\u00a0")
		if got != c.want {
			t.Errorf("%s %d: %q, want %q", c.p.Lang, c.n, got, c.want)
		}
	}
}

func TestDatesAreInTheAccountsZoneAndNameIt(t *testing.T) {
	m := legalclock.MomentOf(time.Date(2026, 4, 30, 22, 30, 0, 0, time.UTC))
	fr, en := locale.For("fr", paris(t)), locale.For("en", paris(t))
	for got, want := range map[string]string{
		fr.Date(m): "1er\u00a0mai 2026", fr.ShortTime(m): "1er\u00a0mai 2026, 00:30",
		en.DateTime(m): "1\u00a0May 2026, 00:30 CEST", en.Input(m): "2026-05-01",
		en.Date(0) + en.Time(0) + en.DateTime(0) + en.Input(0): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNumbersFollowTheLanguage(t *testing.T) {
	fr, en := locale.For("fr", nil), locale.For("en", nil)
	plain := strings.NewReplacer("\u202f", " ", "\u00a0", " ")
	for got, want := range map[string]string{
		en.Number(1234567): "1,234,567", fr.Number(1234567): "1 234 567",
		en.Percent(0.1234): "12.3%", fr.Percent(0.1234): "12,3 %",
		en.Size(2_400_000): "2.4 MB", fr.Size(2_400_000): "2,4 Mo",
		en.Join([]string{"a", "b", "c"}): "a, b and c", fr.Join([]string{"a", "b"}): "a et b", en.Join(nil): "",
	} {
		if plain.Replace(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheBrowsersLanguageIsMatched(t *testing.T) {
	for accept, want := range map[string]string{
		"": "en", "fr": "fr", "fr-CA,en;q=0.5": "fr", "de,fr;q=0.5,en;q=0.3": "fr", "de": "en", "en-GB,fr;q=0.9": "en", "\x00": "en",
	} {
		if got := locale.Match(accept); got != want {
			t.Errorf("%q gives %q, want %q", accept, got, want)
		}
	}
}

func TestAMissingKeyShowsItselfAndAnUnknownLanguageIsEnglish(t *testing.T) {
	p := locale.For("xx", nil)
	if p.Lang != "en" || p.T("no.such.key") != "no.such.key" || p.Has("no.such.key") || !p.Has("locale.now") || !p.Has("locale.ago.days") {
		t.Fatal("fallbacks are wrong")
	}
}

func TestAFaultOnALineSaysTheLine(t *testing.T) {
	e := fault.New(fault.Invalid, "fault.internal").OnLine(1200)
	if got := locale.For("en", nil).Fault(e); !strings.HasPrefix(got, "Line 1,200: Something") {
		t.Fatal(got)
	}
}

func TestNoFrenchLineBreaksBeforeItsSign(t *testing.T) {
	p := locale.For("fr", time.UTC)
	if got := p.T("importer.where.paper"); !strings.HasSuffix(got, "\u00a0?") {
		t.Errorf("%q", got)
	}
	if got := locale.For("en", time.UTC).T("importer.where.paper"); strings.Contains(got, "\u00a0") {
		t.Errorf("%q", got)
	}
}
