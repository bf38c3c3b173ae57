// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"time"

	"consend/internal/ground/legalclock"
)

// KillAt lets a test kill the process at a point: "frozen", "claimed", "started", "answered", "between", "booked".
func KillAt(e *Engine, point func(at string) bool) { e.point = point }

// Dead tells whether it was.
func Dead(e *Engine) bool { return e.dead.Load() }

// Dir is where the process's journal lies.
func Dir(e *Engine) string { return e.journal.dir }

// Wait is the pause before the next try.
func Wait(tries int, seed int64) time.Duration { return wait(tries, seed) }

// OnBegin tells of each message whose content is about to leave, and of which moment the last look at its permit was.
func OnBegin(e *Engine, f func(contact int64, at legalclock.Moment)) { e.begins = f }
