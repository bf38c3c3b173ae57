// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/number"

	"consend/internal/ground/legalclock"
)

var months = map[string][12]string{
	English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	French:  {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
}

var shortMonths = map[string][12]string{
	English: {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	French:  {"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
}

// at gives the moment in the printer's zone.
func (p Printer) at(m legalclock.Moment) time.Time { return m.Time().In(p.Zone) }

// Date writes a day in full, "24 November 2026", "1er mai 2026"; "" for the zero moment.
func (p Printer) Date(m legalclock.Moment) string { return p.day(m, months[p.Lang]) }

// ShortDate writes a day for tables: "24 Nov 2026", "24 nov. 2026".
func (p Printer) ShortDate(m legalclock.Moment) string { return p.day(m, shortMonths[p.Lang]) }

func (p Printer) day(m legalclock.Moment, names [12]string) string {
	if m.IsZero() {
		return ""
	}
	t := p.at(m)
	d := strconv.Itoa(t.Day())
	if p.Lang == French && t.Day() == 1 {
		d = "1er"
	}
	return d + "\u00a0" + names[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// Time writes the hour and minute, "14:05"; "" for the zero moment.
func (p Printer) Time(m legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	return p.at(m).Format("15:04")
}

// DateTime writes day and time with the zone named: "24 November 2026, 14:05 CET".
func (p Printer) DateTime(m legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	return p.Date(m) + ", " + p.at(m).Format("15:04 MST")
}

// ShortTime writes day and time for tables, without the zone: the page's foot names it.
func (p Printer) ShortTime(m legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	return p.ShortDate(m) + ", " + p.Time(m)
}

// Input writes the day as <input type="date"> wants it: 2026-11-24.
func (p Printer) Input(m legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	return p.at(m).Format(time.DateOnly)
}

// Ago says how long before now a moment was, or how long until it comes, in the largest whole unit.
func (p Printer) Ago(m, now legalclock.Moment) string {
	if m.IsZero() {
		return ""
	}
	d, way := now.Sub(m), "ago"
	if d < 0 {
		d, way = -d, "in"
	}
	switch {
	case d < time.Minute:
		return p.T("locale.now")
	case d < time.Hour:
		return p.N("locale."+way+".minutes", int(d/time.Minute))
	case d < 24*time.Hour:
		return p.N("locale."+way+".hours", int(d/time.Hour))
	}
	return p.N("locale."+way+".days", int(d/(24*time.Hour)))
}

// Number writes a whole number with the language's separators: 12,345 and 12 345.
func (p Printer) Number(n int64) string { return p.num.Sprint(number.Decimal(n)) }

// Decimal writes a number with at most so many digits after the point.
func (p Printer) Decimal(f float64, digits int) string {
	return p.num.Sprint(number.Decimal(f, number.MaxFractionDigits(digits)))
}

// Percent writes a share of one as a percentage with at most one decimal: 0.1234 is 12.3%.
func (p Printer) Percent(share float64) string {
	return p.num.Sprint(number.Percent(share, number.MaxFractionDigits(1)))
}

// Size writes a number of bytes for people: 2.4 MB, 2,4 Mo. A thousand, not 1,024, as disks are sold.
func (p Printer) Size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	if p.Lang == French {
		units = []string{"o", "ko", "Mo", "Go", "To"}
	}
	f, u := float64(bytes), 0
	for f >= 1000 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	return p.Decimal(f, 1) + "\u00a0" + units[u]
}

// Join writes a list as a person would: "a, b and c".
func (p Printer) Join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return p.T("locale.and", "many", strings.Join(items[:last], ", "), "last", items[last])
}
