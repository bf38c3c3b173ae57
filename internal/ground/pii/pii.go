// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pii promises that a personal value does not print itself: not with
// fmt, slog, JSON, in an error or a panic (GDPR 5(1)(f), 32). Raw is the only way
// out, so a search for `.Raw()` lists every disclosure.
//
// E-mail addresses have a type of their own in mail/address.
package pii

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
)

// Text is a personal text: a name, a user agent, an attribute's value.
type Text struct{ raw string }

// T makes a personal text.
func T(s string) Text { return Text{s} }

// Raw discloses the text. Whoever calls it answers for where it goes.
func (t Text) Raw() string { return t.raw }

// IsZero tells whether there is no text; it discloses nothing else.
func (t Text) IsZero() bool { return t.raw == "" }

func (t Text) mask() string {
	if t.raw == "" {
		return ""
	}
	return "•••"
}

// String gives the mask.
func (t Text) String() string { return t.mask() }

// GoString gives the mask for %#v.
func (t Text) GoString() string { return t.mask() }

// Format gives the mask for every verb, %x and %q included.
func (t Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.mask()) }

// MarshalJSON gives the mask: an export calls Raw on purpose.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.mask()) }

// MarshalText gives the mask, for XML, maps and logs.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.mask()), nil }

// LogValue gives the mask.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.mask()) }

// Value binds the real text to a statement: the database is where it lives.
func (t Text) Value() (driver.Value, error) { return t.raw, nil }

// Scan reads the text from a row.
func (t *Text) Scan(v any) error {
	switch x := v.(type) {
	case nil:
		t.raw = ""
	case string:
		t.raw = x
	case []byte:
		t.raw = string(x)
	default:
		return fmt.Errorf("pii.Text: cannot read a %T", v)
	}
	return nil
}

// IP is an internet address of a person (personal data: CJEU C-582/14).
type IP struct{ raw netip.Addr }

// ParseIP reads an address; an IPv4 address inside IPv6 is unwrapped, a zone is refused.
func ParseIP(s string) (IP, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return IP{}, fmt.Errorf("pii.IP: not an address")
	}
	return IP{a.Unmap()}, nil
}

// FromAddr makes a personal address from a parsed one.
func FromAddr(a netip.Addr) IP { return IP{a.Unmap().WithZone("")} }

// Raw discloses the address.
func (ip IP) Raw() netip.Addr { return ip.raw }

// IsZero tells whether there is no address.
func (ip IP) IsZero() bool { return !ip.raw.IsValid() }

// Truncated gives the network the address lies in (/24 of IPv4, /48 of IPv6), as
// kept after the full address has ended.
func (ip IP) Truncated() string {
	if !ip.raw.IsValid() {
		return ""
	}
	bits := 48
	if ip.raw.Is4() {
		bits = 24
	}
	p, err := ip.raw.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

func (ip IP) mask() string {
	if !ip.raw.IsValid() {
		return ""
	}
	if ip.raw.Is4() {
		return "•.•.•.•"
	}
	return "•:•"
}

// String gives the mask.
func (ip IP) String() string { return ip.mask() }

// GoString gives the mask for %#v.
func (ip IP) GoString() string { return ip.mask() }

// Format gives the mask for every verb.
func (ip IP) Format(f fmt.State, _ rune) { fmt.Fprint(f, ip.mask()) }

// MarshalJSON gives the mask.
func (ip IP) MarshalJSON() ([]byte, error) { return json.Marshal(ip.mask()) }

// MarshalText gives the mask.
func (ip IP) MarshalText() ([]byte, error) { return []byte(ip.mask()), nil }

// LogValue gives the mask.
func (ip IP) LogValue() slog.Value { return slog.StringValue(ip.mask()) }
