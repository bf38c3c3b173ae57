// SPDX-License-Identifier: AGPL-3.0-or-later

// Package address promises that an e-mail address is read by one rule everywhere
// (norm_v1), that what it accepts is safe in a header, an envelope and a database
// of either kind, and that it never prints itself.
//
// norm_v1 of an address, the form that tells whether two are the same person's:
//
//	trim   horizontal white space at both ends; a line break is refused, not trimmed
//	NFC    the local part
//	lower  Unicode simple mapping, no locale; then NFC again ("H"+U+0331 has no
//	       composed capital, its small form has one)
//	domain lower-case A-labels (UTS 46, not transitional)
//
// Nothing is folded further: no dots or plus signs are taken out, since only the
// receiving host knows what they mean (RFC 5321 2.3.11).
//
// Accepted is a dot-atom (RFC 5321 4.1.2, RFC 6531 3.3) at a domain name with at
// least two labels. Refused on purpose, though lawful in RFC 5321: quoted local
// parts (programs disagree on where they end) and domain literals.
//
// It leaves to sending whether a mailbox exists and whether a relay offers SMTPUTF8.
package address

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"hash"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// Version names the rule of Norm. It stands in the fingerprint's input, so that
// fingerprints of two rules never meet.
const Version = "norm_v1"

// Limits in octets (RFC 5321 4.5.3.1, erratum 1690; RFC 1035 2.3.4).
const (
	MaxOctets = 254
	MaxLocal  = 64
	MaxDomain = 253
)

// Address is one address. The zero value is no address. Compare with Same, not ==:
// two spellings of one mailbox have different raw forms.
type Address struct {
	raw  string // as typed, trimmed, NFC
	norm string // norm_v1
	wide bool   // the local part holds non-ASCII
}

// Raw discloses the address as typed (trimmed, NFC). Whoever calls it answers for where it goes.
func (a Address) Raw() string { return a.raw }

// RawWire discloses the address for an envelope or header: the local part as
// typed, since only its host may fold it, at the domain in A-labels.
func (a Address) RawWire() string {
	i, j := strings.LastIndexByte(a.raw, '@'), strings.LastIndexByte(a.norm, '@')
	if i < 0 || j < 0 || a.raw[i:] == a.norm[j:] {
		return a.raw
	}
	return a.raw[:i] + a.norm[j:]
}

// Norm discloses norm_v1, for keys and look-ups.
func (a Address) Norm() string { return a.norm }

// Domain gives the domain in lower-case A-labels.
func (a Address) Domain() string { return a.norm[strings.LastIndexByte(a.norm, '@')+1:] }

// Shared tells whether the local part names a role (RFC 2142, and what firms write): several people may read that mailbox, so
// that what is said from it says little about who said it.
func (a Address) Shared() bool {
	local, _, _ := strings.Cut(a.norm, "@")
	local, _, _ = strings.Cut(local, "+")
	return roles[strings.NewReplacer(".", "", "-", "", "_", "").Replace(strings.ToLower(local))]
}

var roles = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`info infos information contact contacts hello bonjour hallo mail email office bureau reception accueil secretariat
		admin administration administrator webmaster postmaster hostmaster abuse security privacy dpo rgpd gdpr noreply donotreply nepasrepondre
		sales ventes vente commercial marketing press presse communication media support help helpdesk service serviceclient sav customerservice kundenservice
		team equipe staff direction management hr rh jobs job careers emploi recrutement recruitment accounts accounting billing invoices compta comptabilite facturation
		orders order commande commandes booking reservation reservations shop boutique store magasin mairie association club school ecole`) {
		out[w] = true
	}
	return out
}()

// NeedsSMTPUTF8 tells whether only a relay that offers SMTPUTF8 (RFC 6531) can carry it.
// An internationalised domain alone doesn't: it travels as A-labels.
func (a Address) NeedsSMTPUTF8() bool { return a.wide }

// IsZero tells whether there is no address.
func (a Address) IsZero() bool { return a.raw == "" }

// Same tells whether both are one mailbox by norm_v1.
func (a Address) Same(b Address) bool { return a.norm == b.norm }

// FP is the address's fingerprint under a key: HMAC-SHA256 of the rule's name and
// the norm, cut to 16 octets. It joins contacts and suppressions without the
// address; it stays personal data while the key lives.
func (a Address) FP(key []byte) [16]byte { return NewFingerprints(key).Of(a) }

// Fingerprints makes fingerprints under one key, for many addresses. Not for use by two goroutines.
type Fingerprints struct {
	mac hash.Hash
	buf []byte
}

// NewFingerprints keeps the key's state, so that a million rows derive it once.
func NewFingerprints(key []byte) *Fingerprints {
	return &Fingerprints{mac: hmac.New(sha256.New, key), buf: make([]byte, 0, MaxOctets+len(Version)+1)}
}

// Of gives the fingerprint of an address.
func (f *Fingerprints) Of(a Address) (fp [16]byte) {
	f.mac.Reset()
	f.buf = append(append(f.buf[:0], Version+"\x00"...), a.norm...)
	f.mac.Write(f.buf)
	f.buf = f.mac.Sum(f.buf[:0])
	copy(fp[:], f.buf)
	return fp
}

// mask shows the first character and the domain, or less: of a one-letter local
// part the letter would be all of it.
func (a Address) mask() string {
	if a.raw == "" {
		return ""
	}
	at := strings.LastIndexByte(a.norm, '@')
	if at < 0 {
		return "…"
	}
	_, n := utf8.DecodeRuneInString(a.norm)
	if n >= at {
		return "…" + a.norm[at:]
	}
	return a.norm[:n] + "…" + a.norm[at:]
}

// String gives the mask: a…@example.org.
func (a Address) String() string { return a.mask() }

// GoString gives the mask for %#v.
func (a Address) GoString() string { return a.mask() }

// Format gives the mask for every verb, %x and %q included.
func (a Address) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.mask()) }

// MarshalJSON gives the mask: an export calls Raw on purpose.
func (a Address) MarshalJSON() ([]byte, error) { return json.Marshal(a.mask()) }

// MarshalText gives the mask, for XML, maps and logs.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.mask()), nil }

// LogValue gives the mask.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.mask()) }

// Value binds the address as typed; nothing binds NULL.
func (a Address) Value() (driver.Value, error) {
	if a.raw == "" {
		return nil, nil
	}
	return a.raw, nil
}

// Scan reads an address from a row. What was stored had been accepted once: if a
// later rule refuses it, it's still read (its owner must be able to be found and
// erased), with its text as the norm.
func (a *Address) Scan(v any) error {
	var s string
	switch x := v.(type) {
	case nil:
	case string:
		s = x
	case []byte:
		s = string(x)
	default:
		return fmt.Errorf("address: cannot read a %T", v)
	}
	if s == "" {
		*a = Address{}
		return nil
	}
	p, err := Parse(s)
	if err != nil {
		p = Address{raw: s, norm: s, wide: !ascii(s)}
	}
	*a = p
	return nil
}
