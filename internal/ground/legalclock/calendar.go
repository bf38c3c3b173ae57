// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // zones of accounts must be there on a machine without any
)

// Date is a day of the calendar, without a zone: days since 1970-01-01. It sorts,
// compares and is stored as it is.
type Date int32

// Civil makes a date; a day that the month doesn't have rolls on, as in time.Date.
func Civil(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDate reads 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return 0, fmt.Errorf("legalclock: not a date like 2006-01-02")
	}
	return Civil(t.Date()), nil
}

// Day gives the day a moment falls on in a zone: the bucket for retention, keys and limits per day.
func Day(m Moment, zone *time.Location) Date { return Civil(m.Time().In(zone).Date()) }

func (d Date) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Civil gives year, month and day.
func (d Date) Civil() (year int, month time.Month, day int) { return d.utc().Date() }

// Weekday gives the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// String gives 2006-01-02.
func (d Date) String() string { return d.utc().Format("2006-01-02") }

// AddDays moves by days of the calendar.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// AddMonths moves by calendar months and stays in the month it lands in: a month
// after 31 January is the last day of February (Regulation 1182/71, art. 3(2)(c):
// a term in months ends with the day of the same number, or the month's last).
// n may be negative. It's not undone by -n: 31 → 28 → 28.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Civil()
	last := Civil(y, m+time.Month(n)+1, 0)
	if to := Civil(y, m+time.Month(n), day); to < last {
		return to
	}
	return last
}

// Start is the first moment of the day in a zone: usually midnight, the end of the
// gap where the clock skips midnight, the first of two where it strikes twice.
func (d Date) Start(zone *time.Location) Moment {
	y, m, day := d.Civil()
	t := time.Date(y, m, day, 12, 0, 0, 0, zone)
	for {
		began, _ := t.ZoneBounds()
		_, offset := t.Zone()
		midnight := d.utc().Add(-time.Duration(offset) * time.Second)
		if began.IsZero() {
			return MomentOf(midnight)
		}
		if before := began.Add(-time.Nanosecond); Civil(before.Date()) == d {
			t = before // the day began under the offset before
			continue
		}
		if midnight.Before(began) {
			return MomentOf(began)
		}
		return MomentOf(midnight)
	}
}

// End is the first moment after the day in a zone: a term that ends on a day is
// kept as long as now < End (Regulation 1182/71, art. 3(2): with its last hour).
func (d Date) End(zone *time.Location) Moment { return d.AddDays(1).Start(zone) }

// At is a wall-clock time of a day. An hour that the clock skips becomes the first
// moment after the gap; of an hour it strikes twice the first is meant. So a
// campaign set for it goes out once, and not before the time asked for.
func (d Date) At(hour, minute int, zone *time.Location) Moment {
	y, m, day := d.Civil()
	t := time.Date(y, m, day, hour, minute, 0, 0, zone)
	began, ends := t.ZoneBounds()
	if t.Hour() != hour || t.Minute() != minute { // skipped: Go lands on either side
		if gap := began; Civil(t.Date()) == d && t.Hour() > hour && !gap.IsZero() {
			return MomentOf(gap)
		}
		return MomentOf(ends)
	}
	if !began.IsZero() { // struck twice: is there the same reading before the change?
		_, now := t.Zone()
		_, was := began.Add(-time.Nanosecond).Zone()
		if first := t.Add(time.Duration(now-was) * time.Second); first.Before(began) {
			return MomentOf(first)
		}
	}
	return MomentOf(t)
}

var zones sync.Map // name → *time.Location; only ever grows by names that exist

// Zone finds a zone by its name in the IANA database, the embedded one if the
// machine has none. "" and "Local" are refused: they mean another thing on each node.
func Zone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("legalclock: a zone needs a name such as Europe/Paris")
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("legalclock: unknown zone")
	}
	zones.Store(name, z)
	return z, nil
}
