// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import "strings"

// Cell is a text for a cell of a table that people open in a spreadsheet: one that would be read as a
// formula there, whoever typed it, gets an apostrophe before it (CWE-1236).
func Cell(s string) string {
	if formula(s) {
		return "'" + s
	}
	return s
}

// Uncell takes the apostrophe of Cell off again, so that a table of ours that comes back says what it said.
func Uncell(s string) string {
	if t, ok := strings.CutPrefix(s, "'"); ok && formula(t) {
		return t
	}
	return s
}

func formula(s string) bool {
	return s != "" && strings.IndexByte("=+-@\t\r\n|%", s[0]) >= 0
}
