// SPDX-License-Identifier: AGPL-3.0-or-later

// Package secret promises tokens that are handed out once and never kept: sessions,
// one-time links, API keys. What we keep is their SHA-256; with 160 random bits nothing
// slower is needed.
//
//	ck_1234_abcdefghijklmnopqrstuvwxyz234567
//	│   │    └ 160 random bits, base32, lower case (RFC 4648, no padding)
//	│   └ account, so that it is bound before the first query; 0 before there is one
//	└ kind: what the token is for. It is hashed too: a link is no session.
//
// It leaves to rooms how long a token lives and what it opens. Tokens that are MACs and
// kept nowhere are mail/token's.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
)

// Kind is what a token is for.
type Kind string

// The kinds of token.
const (
	Session Kind = "cs"
	Link    Kind = "cl"
	Key     Kind = "ck"
)

// Token is the text handed out. It prints masked; Raw is the only way out.
type Token struct{ raw string }

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const randomBytes, randomText = 20, 32

// New makes a token of an account.
func New(kind Kind, account int64) Token {
	var b [randomBytes]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return Token{string(kind) + "_" + strconv.FormatInt(account, 10) + "_" + encoding.EncodeToString(b[:])}
}

// Read takes what somebody sent. It tells only whether it has the form of a token of that
// kind, and of which account; whether it is one, the room finds by Hash.
func Read(kind Kind, s string) (t Token, account int64, ok bool) {
	rest, ok := strings.CutPrefix(s, string(kind)+"_")
	if !ok {
		return Token{}, 0, false
	}
	number, random, ok := strings.Cut(rest, "_")
	if !ok || len(random) != randomText || len(number) > 16 {
		return Token{}, 0, false
	}
	account, err := strconv.ParseInt(number, 10, 64)
	if err != nil || account < 0 || strconv.FormatInt(account, 10) != number { // one spelling
		return Token{}, 0, false
	}
	b, err := encoding.DecodeString(random)
	if err != nil || encoding.EncodeToString(b) != random { // the decoder skips line ends
		return Token{}, 0, false
	}
	return Token{s}, account, true
}

// Hash is what the database keeps.
func (t Token) Hash() []byte {
	h := sha256.Sum256([]byte(t.raw))
	return h[:]
}

// Raw discloses the token: to the person it is for, once.
func (t Token) Raw() string { return t.raw }

// Tail is the end of the token, to tell one from another in a list.
func (t Token) Tail() string {
	if len(t.raw) < 4 {
		return ""
	}
	return t.raw[len(t.raw)-4:]
}

// IsZero tells whether there is no token.
func (t Token) IsZero() bool { return t.raw == "" }

// String gives a mask.
func (t Token) String() string { return "•••" }

// GoString gives a mask.
func (t Token) GoString() string { return "•••" }

// Format gives a mask for every verb.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, "•••") }

// MarshalText gives a mask.
func (t Token) MarshalText() ([]byte, error) { return []byte("•••"), nil }
