// SPDX-License-Identifier: AGPL-3.0-or-later

// Package fault promises that whatever goes wrong reaches a person as one
// sentence with a field, a line and a remedy, and reaches the operator as its cause.
//
// It holds no words: a fault carries the key of a message in the catalogue and
// the values for it; the page, the API or the command turns it into text in the
// reader's language. Values never hold an address, a name or a secret.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a caller can do about a fault. Each kind maps to one HTTP status.
type Kind string

// The kinds of fault. There are few on purpose: a new one must change what somebody does.
const (
	Invalid   Kind = "invalid"   // the input is wrong; correct it (400)
	Refused   Kind = "refused"   // who you are is not known here (401)
	Forbidden Kind = "forbidden" // your role does not allow it (403)
	NotFound  Kind = "not_found" // no such thing in this account (404)
	Conflict  Kind = "conflict"  // somebody changed it meanwhile (409)
	Gone      Kind = "gone"      // it was here and has ended (410)
	TooLarge  Kind = "too_large" // over a limit, before parsing (413)
	Busy      Kind = "busy"      // try again later (429, 503)
	Internal  Kind = "internal"  // ours to repair (500)
)

// Error is one fault. The zero value is of no use: make one with New or Wrap.
type Error struct {
	Kind  Kind
	Key   string // message id in the catalogue
	Args  []any  // name, value, name, value … for the message
	Field string // the form field or column it belongs to, or ""
	Line  int    // the line of a file it belongs to, counted from 1, or 0
	Cause error  // for the log only; never shown
}

// New makes a fault with the message key and its values (name, value pairs).
func New(kind Kind, key string, args ...any) *Error {
	return &Error{Kind: kind, Key: key, Args: args}
}

// Wrap makes an internal fault around a cause that only the log may see.
func Wrap(cause error, key string, args ...any) *Error {
	return &Error{Kind: Internal, Key: key, Args: args, Cause: cause}
}

// At returns a copy that belongs to a field.
func (e *Error) At(field string) *Error { c := *e; c.Field = field; return &c }

// OnLine returns a copy that belongs to a line of a file, counted from 1.
func (e *Error) OnLine(line int) *Error { c := *e; c.Line = line; return &c }

// Because returns a copy with a cause for the log.
func (e *Error) Because(cause error) *Error { c := *e; c.Cause = cause; return &c }

// Error gives the operator's view: kind, key, place and cause. It is not for pages.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Key)
	for i := 0; i+1 < len(e.Args); i += 2 {
		fmt.Fprintf(&b, " %v=%v", e.Args[i], e.Args[i+1])
	}
	if e.Field != "" {
		fmt.Fprintf(&b, " (field %s)", e.Field)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, " (line %d)", e.Line)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// Many is several faults of one input, such as a form: all are shown at once.
type Many []*Error

// Error joins the faults, one a line.
func (m Many) Error() string {
	s := make([]string, len(m))
	for i, e := range m {
		s[i] = e.Error()
	}
	return strings.Join(s, "\n")
}

// Err gives nil when there is nothing wrong, so that a check can end in `return m.Err()`.
func (m Many) Err() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// All lists the faults inside err: one, many, or an internal one around anything else.
func All(err error) []*Error {
	if err == nil {
		return nil
	}
	var m Many
	if errors.As(err, &m) {
		return m
	}
	var e *Error
	if errors.As(err, &e) {
		return []*Error{e}
	}
	return []*Error{Wrap(err, "fault.internal")}
}

// KindOf gives the kind of an error; an unknown error is Internal, nil is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return All(err)[0].Kind
}

// Is tells whether err is a fault of that kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
