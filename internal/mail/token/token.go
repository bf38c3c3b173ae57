// SPDX-License-Identifier: AGPL-3.0-or-later

// Package token makes and reads the words that stand in public links and in return addresses: they name an account and
// objects of it in clear, and carry a proof that we wrote them. Nothing is stored; that a token may be used once is a
// state of the object it names. It knows no key ring, no contact and no page: the caller brings the key of the account.
//
// A token is base32 (RFC 4648 6, lower case, no padding) of
//
//	version (1 byte, 1) ‖ kind (1 byte, a letter) ‖ account (uvarint) ‖ n (1 byte) ‖ n objects (uvarint each) ‖ tag (16 bytes)
//
//	tag = first 128 bits of HMAC-SHA-256(key of the account for this kind, "consend token\n" ‖ everything before the tag)
//
// Base32, so that a mail server that folds the case of a local part (RFC 5321 2.4 forbids it, some do) breaks no bounce.
// Every token has exactly one spelling apart from case: Parse re-encodes and compares.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"sync"
)

// Kind is what a token is good for. A token of one kind never passes for another: the kind is in the bytes and in the key.
type Kind string

// Kinds. The objects of each are named here, in order.
const (
	Unsubscribe Kind = "unsubscribe" // contact, list (0: everything); or contact, list, campaign
	Preferences Kind = "preferences" // contact, mark of the address (contact.Marks); or, in mails of before and from a link to leave, contact
	Confirm     Kind = "confirm"     // sign-up
	Receipt     Kind = "receipt"     // contact, consent event
	Me          Kind = "me"          // contact, day the link ends (days since 1970 UTC)
	View        Kind = "view"        // campaign, contact
	Click       Kind = "click"       // campaign, contact, link
	Bounce      Kind = "bounce"      // campaign, contact (VERP and Message-ID of a campaign)
	Service     Kind = "service"     // message (VERP and Message-ID of service mail)
	Evidence    Kind = "evidence"    // correspondent's answer to a question of ours
	MoveOld     Kind = "move_old"    // change of address: the mailbox we write to answers
	MoveNew     Kind = "move_new"    // change of address: the other mailbox answers
	Question    Kind = "question"    // contact, list: may we go on?
)

var letters = map[Kind]byte{
	Unsubscribe: 'u', Preferences: 'p', Confirm: 'c', Receipt: 'r', Me: 'i', View: 'v', Click: 't', Bounce: 'b', Service: 's', Evidence: 'e',
	MoveOld: 'o', MoveNew: 'n', Question: 'q',
}

// Key names the key of this kind in the account's ring: ring.MAC(account, kind.Key()).
func (k Kind) Key() string { return "token." + string(k) }

const (
	version    = 1
	tagSize    = 16
	maxObjects = 4
	maxLength  = 160 // characters; the longest possible token has 123
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Errors of Parse and Verify. They say the same to a visitor: this link isn't (any more) one of ours.
var (
	ErrMalformed = errors.New("not a token")
	ErrForged    = errors.New("token with a wrong tag")
)

// Token is what Parse read. Until Verify agreed nothing in it may be believed, only used to find the key.
type Token struct {
	Kind    Kind
	Account int64
	Objects []int64
	body    []byte
	tag     [tagSize]byte
}

// Make writes a token. Ids are positive and below 2^63; at most four objects. It panics on an unknown kind or a negative
// id: these are mistakes of the caller's code, never of a visitor.
func Make(key [32]byte, kind Kind, account int64, objects ...int64) string {
	body := encode(kind, account, objects)
	t := tag(key, body)
	return encoding.EncodeToString(append(body, t[:]...))
}

// Mint makes many tokens of one kind: it keeps what a key costs to be set up. It is safe for concurrent use.
type Mint struct {
	kind Kind
	macs sync.Pool
}

// NewMint makes a mint for a key of an account.
func NewMint(key [32]byte, kind Kind) *Mint {
	return &Mint{kind: kind, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
}

// Make is the package's Make.
func (m *Mint) Make(account int64, objects ...int64) string {
	body := encode(m.kind, account, objects)
	mac := m.macs.Get().(hash.Hash)
	t := tagBy(mac, body)
	m.macs.Put(mac)
	return encoding.EncodeToString(append(body, t[:]...))
}

func encode(kind Kind, account int64, objects []int64) []byte {
	letter, ok := letters[kind]
	if !ok || account < 0 || len(objects) > maxObjects {
		panic(fmt.Sprintf("token: kind %q, account %d, %d objects", kind, account, len(objects)))
	}
	b := make([]byte, 0, 64)
	b = append(b, version, letter)
	b = binary.AppendUvarint(b, uint64(account))
	b = append(b, byte(len(objects)))
	for _, o := range objects {
		if o < 0 {
			panic(fmt.Sprintf("token: object %d", o))
		}
		b = binary.AppendUvarint(b, uint64(o))
	}
	return b
}

func tag(key [32]byte, body []byte) (t [tagSize]byte) {
	return tagBy(hmac.New(sha256.New, key[:]), body)
}

func tagBy(m hash.Hash, body []byte) (t [tagSize]byte) {
	m.Reset()
	m.Write([]byte("consend token\n"))
	m.Write(body)
	var sum [sha256.Size]byte
	copy(t[:], m.Sum(sum[:0]))
	return t
}

// Parse reads what a token claims. It proves nothing: call Verify with the key of the account it names.
func Parse(s string) (Token, error) {
	if len(s) == 0 || len(s) > maxLength {
		return Token{}, ErrMalformed
	}
	folded := make([]byte, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded[i] = c
	}
	raw, err := encoding.DecodeString(string(folded))
	if err != nil || len(raw) < 4+tagSize || encoding.EncodeToString(raw) != string(folded) {
		return Token{}, ErrMalformed
	}
	t := Token{body: raw[:len(raw)-tagSize]}
	copy(t.tag[:], raw[len(raw)-tagSize:])
	rest := t.body[2:]
	for k, l := range letters {
		if l == t.body[1] {
			t.Kind = k
		}
	}
	if t.body[0] != version || t.Kind == "" {
		return Token{}, ErrMalformed
	}
	if t.Account, rest, err = number(rest); err != nil || len(rest) == 0 || rest[0] > maxObjects {
		return Token{}, ErrMalformed
	}
	n := int(rest[0])
	rest = rest[1:]
	for range n {
		var o int64
		if o, rest, err = number(rest); err != nil {
			return Token{}, ErrMalformed
		}
		t.Objects = append(t.Objects, o)
	}
	// A number may be written in more bytes than it needs; only the shortest form is ours.
	if len(rest) != 0 || string(encode(t.Kind, t.Account, t.Objects)) != string(t.body) {
		return Token{}, ErrMalformed
	}
	return t, nil
}

func number(b []byte) (int64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > math.MaxInt64 {
		return 0, nil, ErrMalformed
	}
	return int64(v), b[n:], nil
}

// Verify tells whether the holder of the key made this token for this kind with this many objects, in constant time.
func (t Token) Verify(key [32]byte, kind Kind, objects int) error {
	want := tag(key, t.body)
	if !hmac.Equal(want[:], t.tag[:]) || t.Kind != kind {
		return ErrForged
	}
	if len(t.Objects) != objects {
		return ErrMalformed
	}
	return nil
}
