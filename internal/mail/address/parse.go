// SPDX-License-Identifier: AGPL-3.0-or-later

package address

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
)

// Parse reads one bare address. Its faults are Invalid, belong to the field
// "email", and never hold the address:
//
//	address.empty, address.long (over 254 octets), address.encoding (not UTF-8),
//	address.line_break (header injection), address.nul, address.control,
//	address.space, address.name (a name or <> around it), address.quoted,
//	address.at_missing, address.at_many, address.local (empty, over 64 octets,
//	or a character that may not stand there), address.dots, address.domain,
//	address.domain_short (one label: "ada@gmail"), address.domain_literal
func Parse(s string) (Address, error) {
	s = trim(s)
	if a, ok := plain(s); ok {
		return a, nil
	}
	return full(s)
}

// Must is Parse for constants; it panics on a fault.
func Must(s string) Address {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// Classes of ASCII octets.
const (
	atext = 1 << iota // may stand in a dot-atom (RFC 5322 3.2.3)
	ldh               // may stand in a host name
	upper
	digit
)

var class = func() (c [256]uint8) {
	for b := 'a'; b <= 'z'; b++ {
		c[b] = atext | ldh
		c[b-32] = atext | ldh | upper
	}
	for b := '0'; b <= '9'; b++ {
		c[b] = atext | ldh | digit
	}
	for _, b := range "!#$%&'*+-/=?^_`{|}~" {
		c[b] |= atext
	}
	c['-'] |= ldh
	return c
}()

// plain reads what nearly every address is: ASCII without anything rare. It says
// no to all it doesn't know, and full decides; a yes is exactly full's yes (fuzzed).
func plain(s string) (Address, bool) {
	if len(s) > MaxOctets {
		return Address{}, false
	}
	var seen uint8
	i, start := 0, 0 // start of the current atom
	for ; i < len(s) && s[i] != '@'; i++ {
		c := class[s[i]]
		if c&atext == 0 {
			if s[i] != '.' || i == start {
				return Address{}, false
			}
			start = i + 1
		}
		seen |= c
	}
	if i == start || i > MaxLocal || i == len(s) {
		return Address{}, false
	}
	up, ok := hostname(s[i+1:])
	if !ok {
		return Address{}, false
	}
	n := s
	if (seen&upper != 0) || up {
		n = strings.ToLower(s)
	}
	return Address{raw: s, norm: n}, true
}

// hostname tells whether d is an ASCII domain of two labels or more without
// A-labels (those must be checked by idna), and whether it holds capitals.
func hostname(d string) (up, ok bool) {
	if len(d) > MaxDomain {
		return false, false
	}
	start, labels, letters := 0, 0, false
	for i := 0; ; i++ {
		if i == len(d) || d[i] == '.' {
			n := i - start
			if n == 0 || n > 63 || d[start] == '-' || d[i-1] == '-' {
				return false, false
			}
			if n >= 4 && d[start+2] == '-' && d[start+3] == '-' && d[start]|32 == 'x' && d[start+1]|32 == 'n' {
				return false, false
			}
			labels++
			if i == len(d) {
				// A last label of digits only would be half an IPv4 address (RFC 3696 2).
				return up, labels > 1 && letters
			}
			start, letters = i+1, false
			continue
		}
		c := class[d[i]]
		if c&ldh == 0 {
			return false, false
		}
		up = up || c&upper != 0
		letters = letters || c&digit == 0
	}
}

// full reads any address and names what is wrong with it.
func full(s string) (Address, error) {
	if err := characters(s); err != nil {
		return Address{}, err
	}
	at := strings.IndexByte(s, '@')
	switch {
	case at < 0:
		return Address{}, bad("address.at_missing")
	case strings.IndexByte(s[at+1:], '@') >= 0:
		return Address{}, bad("address.at_many")
	}
	typed := norm.NFC.String(s[:at])
	folded := norm.NFC.String(strings.ToLower(typed))
	for _, l := range [2]string{typed, folded} {
		if err := local(l); err != nil {
			return Address{}, err
		}
	}
	domain, err := Domain(s[at+1:])
	if err != nil {
		return Address{}, err
	}
	a := Address{raw: typed + "@" + norm.NFC.String(s[at+1:]), norm: folded + "@" + domain, wide: !ascii(typed)}
	if len(a.raw) > MaxOctets || len(a.norm) > MaxOctets || len(typed)+1+len(domain) > MaxOctets {
		return Address{}, bad("address.long", "Limit", MaxOctets)
	}
	return a, nil
}

// characters refuses what may stand nowhere in an address, most dangerous first.
func characters(s string) error {
	switch {
	case s == "":
		return bad("address.empty")
	case !utf8.ValidString(s):
		return bad("address.encoding")
	case strings.ContainsAny(s, "\r\n\v\f\u0085\u2028\u2029"):
		return bad("address.line_break")
	case strings.IndexByte(s, 0) >= 0:
		return bad("address.nul")
	case len(s) > 4*MaxOctets: // before anything that costs; the exact limit follows NFC
		return bad("address.long", "Limit", MaxOctets)
	case strings.ContainsAny(s, "<>"):
		return bad("address.name")
	case strings.IndexByte(s, '"') >= 0:
		return bad("address.quoted")
	}
	for _, r := range s {
		if unicode.IsSpace(r) {
			return bad("address.space")
		}
		// Controls, format characters (bidi overrides, zero-width), unassigned and private ones.
		if !unicode.IsPrint(r) {
			return bad("address.control")
		}
	}
	return nil
}

func local(l string) error {
	if l == "" || len(l) > MaxLocal {
		return bad("address.local")
	}
	if l[0] == '.' || l[len(l)-1] == '.' || strings.Contains(l, "..") {
		return bad("address.dots")
	}
	for _, r := range l {
		if r < utf8.RuneSelf && r != '.' && class[r]&atext == 0 {
			return bad("address.local")
		}
		// Normalising may bring forth what was hidden (U+2126 and the like are
		// letters, but nothing here relies on it).
		if !unicode.IsPrint(r) || r == ' ' {
			return bad("address.control")
		}
	}
	return nil
}

// UTS 46 as browsers look names up, without the rule on hyphens in places 3 and 4,
// which refuses names that exist.
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.CheckHyphens(false), idna.CheckJoiners(true), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Domain reads a domain name of two labels or more and gives it in lower-case
// A-labels. Faults: address.domain, address.domain_short, address.domain_literal.
func Domain(s string) (string, error) {
	if strings.HasPrefix(s, "[") {
		return "", bad("address.domain_literal")
	}
	if len(s) > 4*MaxOctets || !utf8.ValidString(s) {
		return "", bad("address.domain")
	}
	d, err := lookup.ToASCII(s)
	if err != nil {
		return "", bad("address.domain")
	}
	d = strings.ToLower(d)
	if d != "" && !strings.Contains(d, ".") {
		return "", bad("address.domain_short")
	}
	if _, ok := hostname(strings.ReplaceAll(d, "xn--", "yn--")); !ok {
		return "", bad("address.domain")
	}
	// The A-label must be the one its own U-label makes: else two spellings of one
	// domain would be two people.
	if again, err := lookup.ToASCII(d); err != nil || again != d {
		return "", bad("address.domain")
	}
	return d, nil
}

func bad(key string, args ...any) error {
	return fault.New(fault.Invalid, key, args...).At("email")
}

// trim takes horizontal white space off both ends. Line breaks stay, to be refused.
func trim(s string) string {
	if len(s) > 0 && s[0] > ' ' && s[0] < utf8.RuneSelf && s[len(s)-1] > ' ' && s[len(s)-1] < utf8.RuneSelf {
		return s
	}
	return strings.TrimFunc(s, func(r rune) bool {
		return r == '\t' || r == '\ufeff' || unicode.Is(unicode.Zs, r)
	})
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
