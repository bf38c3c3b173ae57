// SPDX-License-Identifier: AGPL-3.0-or-later

package demo

import (
	"sync/atomic"
	"time"

	"consend/internal/ground/legalclock"
)

// Clock is the machine's clock, but for the time in which the house's past comes about. Then
// it stands still, and goes forward when it is told to.
type Clock struct{ at atomic.Int64 }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	if at := c.at.Load(); at != 0 {
		return time.UnixMicro(at).UTC()
	}
	return legalclock.System()
}

// Years is how long ago the house's past begins.
const Years = 2

// Past sets the clock to where the house's past begins: at nine on a morning of a working day.
func (c *Clock) Past() {
	now := legalclock.System().UTC()
	t := time.Date(now.Year()-Years, now.Month(), now.Day(), 9, 0, 0, 0, time.UTC)
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.AddDate(0, 0, 1)
	}
	c.at.Store(t.UnixMicro())
}

// Forward moves a past clock forward, but never to the present: that is Present's.
func (c *Clock) Forward(d time.Duration) {
	if at := c.at.Load(); at != 0 {
		c.at.Store(min(at+d.Microseconds(), legalclock.System().UnixMicro()-1))
	}
}

// Present lets the machine's clock tell the time again.
func (c *Clock) Present() { c.at.Store(0) }
