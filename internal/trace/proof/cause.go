// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"errors"
	"fmt"
)

// Cause is why a file does not verify, in a word that pages can translate; the error says exactly what was found.
type Cause string

// The causes.
const (
	Unreadable  Cause = "unreadable"  // no proof or bundle, or cut
	TooLarge    Cause = "large"       // more than is read here
	OtherSchema Cause = "version"     // of a version that is not read here
	OtherKey    Cause = "key"         // names another key than the one that is trusted
	Altered     Cause = "altered"     // not what was signed
	Contradicts Cause = "contradicts" // signed, but what it shows doesn't follow from the log it names
	Forked      Cause = "forked"      // its log is not the one of a checkpoint that was kept
)

// Why gives the cause of an error of Verify, VerifyBundle or Decode.
func Why(err error) Cause {
	var f failure
	if errors.As(err, &f) {
		return f.cause
	}
	return Contradicts
}

type failure struct {
	cause Cause
	error
}

func (f failure) Unwrap() error { return f.error }

func because(c Cause, format string, a ...any) error { return failure{c, fmt.Errorf(format, a...)} }
