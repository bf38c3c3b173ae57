// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock

import "time"

// Clock tells the time. Everything takes one, so that a test owns time (INV-28).
type Clock func() time.Time

// System is the machine's clock: the only call of time.Now in the house.
func System() time.Time { return time.Now() }

// Moment is a point in time as it is stored: microseconds since 1970-01-01 UTC.
// It is the type of every column whose name ends in _at. Zero means "not set".
type Moment int64

// MomentOf rounds a time down to its microsecond; the zero time gives 0.
func MomentOf(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return Moment(t.UnixMicro())
}

// Time gives the moment in UTC; the zero moment gives the zero time.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// IsZero tells whether the moment is not set.
func (m Moment) IsZero() bool { return m == 0 }

// Add moves the moment by a duration. Legal terms are counted with Months, not with this.
func (m Moment) Add(d time.Duration) Moment { return m + Moment(d.Microseconds()) }

// Sub gives the time between two moments.
func (m Moment) Sub(o Moment) time.Duration { return time.Duration(m-o) * time.Microsecond }

// String gives ISO 8601 in UTC with microseconds, or "".
func (m Moment) String() string {
	if m == 0 {
		return ""
	}
	return m.Time().Format("2006-01-02T15:04:05.000000Z")
}
