// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import "consend/internal/job"

// facts says what follows from what: here the names of rooms below meet those above.
func (h *House) facts() map[job.Kind]job.OnFact {
	return map[job.Kind]job.OnFact{}
}

// works is the long work of the rooms.
func (h *House) works() map[job.Kind]job.Work {
	return map[job.Kind]job.Work{}
}

// periodics is what the installation does by itself.
func (h *House) periodics() []job.Periodic {
	return nil
}
