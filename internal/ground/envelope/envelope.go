// SPDX-License-Identifier: AGPL-3.0-or-later

// Package envelope promises that a file which leaves the house can be closed for whom it is
// meant, in a format that any program for age opens (age-encryption.org/v1), while it is being
// sent: neither a passphrase nor the closed file is kept here (GDPR 32(1)(a)).
//
// It leaves to its callers whose file it is, and the trace of its leaving.
package envelope

import (
	"io"
	"strings"
	"unicode/utf8"

	"filippo.io/age"

	"consend/internal/ground/fault"
)

// How a file leaves.
type How string

// The ways.
const (
	ByPassphrase How = "passphrase"
	ByKey        How = "key"
	Open         How = "none"
)

// Hows lists them in the order pages show them.
func Hows() []How { return []How{ByPassphrase, ByKey, Open} }

// Limits of a passphrase, in characters.
const (
	LeastPassphrase = 12
	MostPassphrase  = 200
)

// work is the logarithm of what one guess of a passphrase costs, and of what closing a file does: 64 MiB of memory
// for a fraction of a second. Programs for age open up to 22.
const work = 16

// For is whom a file is for; the zero For leaves it open.
type For struct {
	How  How
	whom age.Recipient
}

// Choose reads a choice. Faults: envelope.how, envelope.passphrase, envelope.key, envelope.secret.
func Choose(how How, passphrase, key string) (For, error) {
	switch how {
	case Open:
		return For{How: how}, nil
	case ByPassphrase:
		if n := utf8.RuneCountInString(passphrase); n < LeastPassphrase || n > MostPassphrase || !utf8.ValidString(passphrase) {
			return For{}, fault.New(fault.Invalid, "envelope.passphrase", "least", LeastPassphrase, "most", MostPassphrase).At("passphrase")
		}
		r, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return For{}, err
		}
		r.SetWorkFactor(work)
		return For{how, r}, nil
	case ByKey:
		key = strings.TrimSpace(key)
		if strings.HasPrefix(strings.ToUpper(key), "AGE-SECRET-KEY-") {
			return For{}, fault.New(fault.Invalid, "envelope.secret").At("key")
		}
		r, err := age.ParseX25519Recipient(key)
		if err != nil { // the cause would repeat the key
			return For{}, fault.New(fault.Invalid, "envelope.key").At("key")
		}
		return For{how, r}, nil
	}
	return For{}, fault.New(fault.Invalid, "envelope.how").At("how")
}

// Name is the file's name once it is closed.
func (f For) Name(name string) string {
	if f.whom == nil {
		return name
	}
	return name + ".age"
}

// Type is the type of a file that had another one before.
func (f For) Type(before string) string {
	if f.whom == nil {
		return before
	}
	return "application/octet-stream"
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// Writer closes what is written to it. Its Close ends the file, not w: without it the file doesn't open.
func (f For) Writer(w io.Writer) (io.WriteCloser, error) {
	if f.whom == nil {
		return plain{w}, nil
	}
	return age.Encrypt(w, f.whom)
}

// Reader gives what src holds, closed. Whoever stops reading early calls Close. When src fails the reader fails
// with it, and what was read so far doesn't open.
func (f For) Reader(src io.Reader) io.ReadCloser {
	if f.whom == nil {
		return io.NopCloser(src)
	}
	from, to := io.Pipe()
	go func() {
		w, err := f.Writer(to)
		if err == nil {
			if _, err = io.Copy(w, src); err == nil {
				err = w.Close()
			}
		}
		to.CloseWithError(err)
	}()
	return from
}
