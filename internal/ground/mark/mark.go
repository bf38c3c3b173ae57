// SPDX-License-Identifier: AGPL-3.0-or-later

// Package mark names what a page showed, so that a change made from it can tell whether
// somebody else changed the same thing meanwhile.
package mark

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// Of names some values: the same values have the same mark, others another one.
func Of(values ...string) string {
	h := sha256.New()
	for _, v := range values {
		h.Write([]byte(strconv.Itoa(len(v)) + ":" + v))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// Stale tells whether a change was made from something else than what stands. Who says
// nothing ("") means whatever stands: a command, a program.
func Stale(seen, stands string) bool { return seen != "" && seen != stands }
