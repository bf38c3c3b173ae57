// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import "strings"

// Site is how people reach the installation: what rooms need to write a link. App attaches it
// to the main store.
type Site struct {
	URL  string // scheme, host and port, nothing behind
	Host string // the host alone, for Message-IDs of our own mail
}

// Link gives the address of a path of ours that begins with a slash.
func (s *Site) Link(path string) string { return strings.TrimSuffix(s.URL, "/") + path }
