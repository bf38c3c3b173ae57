// SPDX-License-Identifier: AGPL-3.0-or-later

// Package keys promises that what is sealed opens only where it was sealed (store,
// row and column are bound in), and that a person's key can be destroyed for good:
// GDPR 17, 32(1)(a). Its store has its own, short-lived backups.
//
//	root key set (a file, 0600) ─ seals ─ account key sets, account secrets, installation secrets
//	account key set             ─ seals ─ sheets of 256 subject keys, account values
//	subject key (32 bytes)      ─ seals ─ what must end with the person
//	account secret ─ HKDF per kind ─ MAC keys of tokens, fingerprints, the log
//
// Order of every key: made, referenced, destroyed. A crash after *made* leaves a slot
// that nobody names. It leaves to callers what they seal and when they forget; keys
// lies below trace, so who calls it traces.
package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Installation is the number of the account whose keys belong to the house itself.
const Installation int64 = 0

// SheetSize is how many subject keys one sheet holds.
const SheetSize = 256

const keyLen = 32

// AAD names the place of a sealed value; it opens nowhere else.
type AAD struct {
	Table, Column string
	Row           int64
}

func (a AAD) bytes(account int64) []byte {
	b := append([]byte("consend\x00"), strconv.FormatInt(account, 10)...)
	for _, s := range []string{a.Table, a.Column, strconv.FormatInt(a.Row, 10)} {
		b = append(append(b, 0), s...)
	}
	return b
}

// Ref names a subject key: noted in main beside the person. The zero Ref is no key.
type Ref struct {
	Sheet int64
	Slot  int
}

// IsZero tells whether there is no key.
func (r Ref) IsZero() bool { return r.Sheet == 0 }

// ErrForgotten says that a subject's key was destroyed: what it sealed is gone.
var ErrForgotten = errors.New("keys: forgotten")

// ErrNoAccount says that an account has no keys (yet).
var ErrNoAccount = errors.New("keys: the account has no keys")

// Subject is one person's key. It never prints itself.
type Subject struct {
	account int64
	key     [keyLen]byte
}

// String hides the key.
func (Subject) String() string { return "keys.Subject" }

// GoString hides the key.
func (Subject) GoString() string { return "keys.Subject" }

// Format hides the key for every verb.
func (Subject) Format(f fmt.State, _ rune) { fmt.Fprint(f, "keys.Subject") }

func (s Subject) aead() (tink.AEAD, error) {
	if s.key == [keyLen]byte{} {
		return nil, ErrForgotten
	}
	return subtle.NewXChaCha20Poly1305(s.key[:])
}

// Seal seals a value that ends with the person.
func (s Subject) Seal(at AAD, plain []byte) ([]byte, error) {
	a, err := s.aead()
	if err != nil {
		return nil, err
	}
	return a.Encrypt(plain, at.bytes(s.account))
}

// Open opens what Seal sealed at the same place.
func (s Subject) Open(at AAD, sealed []byte) ([]byte, error) {
	a, err := s.aead()
	if err != nil {
		return nil, err
	}
	return a.Decrypt(sealed, at.bytes(s.account))
}

// Under gives the key for content that also ends with a bucket of its class and day:
// HKDF over both keys, so destroying either ends the content.
func (s Subject) Under(bucket []byte) (Subject, error) {
	if s.key == [keyLen]byte{} {
		return Subject{}, ErrForgotten
	}
	k, err := hkdf.Key(sha256.New, s.key[:], bucket, "consend bucket", keyLen)
	if err != nil {
		return Subject{}, err
	}
	out := Subject{account: s.account}
	copy(out.key[:], k)
	return out, nil
}
