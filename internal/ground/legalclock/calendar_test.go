// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"consend/internal/ground/legalclock"
)

func day(t *testing.T, s string) legalclock.Date {
	t.Helper()
	d, err := legalclock.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestALegalMonthIsCountedAsTheRegulationSays holds the vectors on which the house agreed.
func TestALegalMonthIsCountedAsTheRegulationSays(t *testing.T) {
	for _, c := range []struct {
		received   string
		months     int
		due, legal string
	}{
		{"2026-03-05", 1, "2026-04-05", "2026-04-07"}, // Easter Sunday, then Easter Monday
		{"2026-08-31", 1, "2026-09-30", "2026-09-30"},
		{"2027-01-31", 1, "2027-02-28", "2027-03-01"},
		{"2028-01-31", 1, "2028-02-29", "2028-02-29"},
		{"2026-08-31", 3, "2026-11-30", "2026-11-30"},
		{"2026-11-25", 1, "2026-12-25", "2026-12-28"}, // Christmas on a Friday
	} {
		got := legalclock.Months(day(t, c.received), c.months, "FR")
		if got.Due.String() != c.due || got.Legal.String() != c.legal {
			t.Errorf("%s + %d months = %s (legal %s), want %s (%s)", c.received, c.months, got.Due, got.Legal, c.due, c.legal)
		}
	}
	if got := legalclock.Months(day(t, "2026-03-05"), 1, "XX"); got.Legal.String() != "2026-04-06" {
		t.Errorf("without a known country only the week-end rolls: %s", got.Legal)
	}
}

// TestMonthsNeverLeaveTheMonthTheyLandIn compares with a slow oracle.
func TestMonthsNeverLeaveTheMonthTheyLandIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := legalclock.Date(rapid.IntRange(-20000, 40000).Draw(t, "d"))
		n := rapid.IntRange(-200, 200).Draw(t, "n")
		y, m, dd := d.Civil()
		month := (y*12 + int(m) - 1) + n
		wy, wm := month/12, time.Month(month%12+1)
		wd := dd
		for legalclock.Civil(wy, wm, wd).String()[5:7] != legalclock.Civil(wy, wm, 1).String()[5:7] {
			wd--
		}
		if got := d.AddMonths(n); got != legalclock.Civil(wy, wm, wd) {
			t.Fatalf("%s + %d = %s", d, n, got)
		}
	})
}

func TestADayIsTheAccountsNotTheMachines(t *testing.T) {
	m := legalclock.MomentOf(time.Date(2026, 6, 30, 22, 30, 0, 0, time.UTC))
	for zone, want := range map[string]string{"Europe/Paris": "2026-07-01", "UTC": "2026-06-30", "Pacific/Auckland": "2026-07-01", "America/New_York": "2026-06-30"} {
		z, err := legalclock.Zone(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := legalclock.Day(m, z); got.String() != want {
			t.Errorf("%s in %s = %s, want %s", m, zone, got, want)
		}
	}
	for _, bad := range []string{"", "Local", "Europe/Atlantis", "../etc/passwd"} {
		if _, err := legalclock.Zone(bad); err == nil {
			t.Errorf("zone %q must be refused", bad)
		}
	}
}

// TestEveryMomentOfADayIsInIt walks zones with strange midnights: skipped (Beirut,
// São Paulo, Havana), struck twice (Azores), a day left out (Apia), half hours.
func TestEveryMomentOfADayIsInIt(t *testing.T) {
	for _, name := range []string{"Europe/Paris", "Asia/Beirut", "America/Sao_Paulo", "America/Havana", "Atlantic/Azores", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"} {
		z, err := legalclock.Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		for d := legalclock.Civil(2009, 1, 1); d < legalclock.Civil(2031, 1, 1); d++ {
			start, end := d.Start(z), d.End(z)
			if legalclock.Day(start, z) != d || legalclock.Day(end-1, z) != d || legalclock.Day(end, z) != d+1 || legalclock.Day(start-1, z) == d {
				t.Fatalf("%s in %s is %s to %s", d, name, start, end)
			}
		}
	}
	apia, err := legalclock.Zone("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	if gone := day(t, "2011-12-30"); gone.Start(apia) != gone.End(apia) {
		t.Errorf("a day that never was lasts %s", gone.End(apia).Sub(gone.Start(apia)))
	}
}

func TestASkippedHourIsTheNextMomentAndADoubledOneTheFirst(t *testing.T) {
	paris, err := legalclock.Zone("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day    string
		h, min int
		want   string
	}{
		{"2026-03-29", 1, 59, "2026-03-29T00:59:00.000000Z"},
		{"2026-03-29", 2, 0, "2026-03-29T01:00:00.000000Z"},
		{"2026-03-29", 2, 30, "2026-03-29T01:00:00.000000Z"},
		{"2026-03-29", 3, 0, "2026-03-29T01:00:00.000000Z"},
		{"2026-10-25", 1, 59, "2026-10-24T23:59:00.000000Z"},
		{"2026-10-25", 2, 30, "2026-10-25T00:30:00.000000Z"},
		{"2026-10-25", 3, 0, "2026-10-25T02:00:00.000000Z"},
		{"2026-07-14", 9, 0, "2026-07-14T07:00:00.000000Z"},
	} {
		if got := day(t, c.day).At(c.h, c.min, paris); got.String() != c.want {
			t.Errorf("%s %d:%02d = %s, want %s", c.day, c.h, c.min, got, c.want)
		}
	}
	ny, err := legalclock.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	if got := day(t, "2026-03-08").At(2, 30, ny); got.String() != "2026-03-08T07:00:00.000000Z" {
		t.Errorf("skipped hour in New York = %s", got)
	}
	if got := day(t, "2026-11-01").At(1, 30, ny); got.String() != "2026-11-01T05:30:00.000000Z" {
		t.Errorf("doubled hour in New York = %s", got)
	}
}

func TestWorkingDaysJumpOverHolidays(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-12-24", 2, "2026-12-29"}, // Thursday; Christmas is Friday
		{"2026-04-02", 1, "2026-04-03"}, // Good Friday is worked in France
		{"2026-04-03", 2, "2026-04-08"},
		{"2026-05-13", 1, "2026-05-15"}, // Ascension
	} {
		if got := legalclock.WorkingDays(day(t, c.from), c.n, "FR"); got.String() != c.want {
			t.Errorf("%s + %d working days = %s, want %s", c.from, c.n, got, c.want)
		}
	}
	if got := legalclock.WorkingDays(day(t, "2026-04-02"), 1, "DE"); got.String() != "2026-04-07" {
		t.Errorf("Good Friday is free in Germany: %s", got)
	}
}

func TestEasterFallsWhereTheTablesSay(t *testing.T) {
	for y, want := range map[int]string{1961: "1961-04-02", 2008: "2008-03-23", 2024: "2024-03-31", 2025: "2025-04-20", 2026: "2026-04-05", 2027: "2027-03-28", 2038: "2038-04-25"} {
		if got := legalclock.Easter(y); got.String() != want {
			t.Errorf("Easter %d = %s, want %s", y, got, want)
		}
	}
}

func TestABreachHasSeventyTwoRawHours(t *testing.T) {
	m := legalclock.MomentOf(time.Date(2026, 3, 27, 17, 0, 0, 0, time.UTC)) // a Friday before the clocks change
	if got := legalclock.Hours(m, 72); got.Sub(m) != 72*time.Hour {
		t.Errorf("72 hours = %s", got.Sub(m))
	}
}
