// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

// Log is the installation's log: its signing key and its sealer. App attaches it to the
// main store.
type Log struct {
	woken chan struct{}
}

// wake tells the sealer that something waits.
func (l *Log) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}
