// SPDX-License-Identifier: AGPL-3.0-or-later

package legalclock

import "time"

// Watch measures how long something takes, by the machine's monotonic clock. It decides
// nothing: what is decided by time takes a Clock.
type Watch struct{ began time.Time }

// Start starts a watch.
func Start() Watch { return Watch{time.Now()} }

// Elapsed is the time since Start.
func (w Watch) Elapsed() time.Duration { return time.Since(w.began) }
