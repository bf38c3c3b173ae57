// SPDX-License-Identifier: AGPL-3.0-or-later

package address_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"consend/internal/ground/fault"
	"consend/internal/mail/address"
)

func TestOneMailboxHasOneNorm(t *testing.T) {
	for _, c := range []struct {
		in, raw, norm, wire string
		wide                bool
	}{
		{"ada@example.org", "ada@example.org", "ada@example.org", "ada@example.org", false},
		{"  Ada.L+News@Example.ORG\t", "Ada.L+News@Example.ORG", "ada.l+news@example.org", "Ada.L+News@example.org", false},
		{"\u00a0ada@example.org\u00a0", "ada@example.org", "ada@example.org", "ada@example.org", false},
		{"a.d.a@gmail.com", "a.d.a@gmail.com", "a.d.a@gmail.com", "a.d.a@gmail.com", false},
		{"o'neil!#$%&*/=?^_`{|}~@x-y.example.co", "o'neil!#$%&*/=?^_`{|}~@x-y.example.co", "o'neil!#$%&*/=?^_`{|}~@x-y.example.co", "o'neil!#$%&*/=?^_`{|}~@x-y.example.co", false},
		{"ada@Bücher.example", "ada@Bücher.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", false},
		{"ada@XN--BCHER-KVA.example", "ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", false},
		{"ada@straße.example", "ada@straße.example", "ada@xn--strae-oqa.example", "ada@xn--strae-oqa.example", false},
		{"ada@例え。テスト", "ada@例え。テスト", "ada@xn--r8jz45g.xn--zckzah", "ada@xn--r8jz45g.xn--zckzah", false},
		{"Renée@example.org", "Renée@example.org", "renée@example.org", "Renée@example.org", true},
		{"Rene\u0301e@example.org", "Renée@example.org", "renée@example.org", "Renée@example.org", true},
		{"\u212Aim@example.org", "Kim@example.org", "kim@example.org", "Kim@example.org", false}, // Kelvin sign
		{"H\u0331@example.org", "H\u0331@example.org", "\u1e96@example.org", "H\u0331@example.org", true},
		{"ΣΊΣΥΦΟΣ@example.org", "ΣΊΣΥΦΟΣ@example.org", "σίσυφοσ@example.org", "ΣΊΣΥΦΟΣ@example.org", true}, // simple: no final sigma
		{"İ@example.org", "İ@example.org", "i@example.org", "İ@example.org", true},                         // simple: no locale
		{"a@r3---sn.example", "a@r3---sn.example", "a@r3---sn.example", "a@r3---sn.example", false},
		{"a@1.2.3.com4", "a@1.2.3.com4", "a@1.2.3.com4", "a@1.2.3.com4", false},
		{strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org", false},
	} {
		a, err := address.Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if a.Raw() != c.raw || a.Norm() != c.norm || a.RawWire() != c.wire || a.NeedsSMTPUTF8() != c.wide {
			t.Errorf("Parse(%q) = raw %q norm %q wire %q wide %v", c.in, a.Raw(), a.Norm(), a.RawWire(), a.NeedsSMTPUTF8())
		}
	}
}

func TestEachFaultHasItsKey(t *testing.T) {
	long := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"":                                 "address.empty",
		" \t":                              "address.empty",
		"ada@example.org\n":                "address.line_break",
		"ada@example.org\r\nBcc: b@c.de":   "address.line_break",
		"ada\u2028@example.org":            "address.line_break",
		"ada\x00@example.org":              "address.nul",
		"ada\x01@example.org":              "address.control",
		"ada\x7f@example.org":              "address.control",
		"ada\u202e@example.org":            "address.control",
		"ada\u200b@example.org":            "address.control",
		"ada\ue000@example.org":            "address.control",
		"ad\xffa@example.org":              "address.encoding",
		"ada l@example.org":                "address.space",
		"ada\u3000l@example.org":           "address.space",
		"Ada <ada@example.org>":            "address.name",
		`"ada l"@example.org`:              "address.quoted",
		"ada":                              "address.at_missing",
		"ada＠example.org":                  "address.at_missing",
		"ada@example.org@example.com":      "address.at_many",
		"@example.org":                     "address.local",
		"ada(x)@example.org":               "address.local",
		"a,b@example.org":                  "address.local",
		"a\\b@example.org":                 "address.local",
		long + "aa@example.org":            "address.local",
		".ada@example.org":                 "address.dots",
		"ada.@example.org":                 "address.dots",
		"a..a@example.org":                 "address.dots",
		"ada@":                             "address.domain",
		"ada@gmail":                        "address.domain_short",
		"ada@[192.0.2.1]":                  "address.domain_literal",
		"ada@192.0.2.1":                    "address.domain",
		"ada@example.org.":                 "address.domain",
		"ada@.example.org":                 "address.domain",
		"ada@example..org":                 "address.domain",
		"ada@-example.org":                 "address.domain",
		"ada@example-.org":                 "address.domain",
		"ada@ex_ample.org":                 "address.domain",
		"ada@ex%ample.org":                 "address.domain",
		"ada@xn--a.org":                    "address.domain",
		"ada@" + long + "a.org":            "address.domain",
		"ada@\u0301example.org":            "address.domain",
		"ada@" + strings.Repeat("é.", 130): "address.domain",
		strings.Repeat("a", 2000):          "address.long",
		"ada@" + long + "." + long + "." + long + "." + long[:55] + ".org": "address.long",
	} {
		_, err := address.Parse(in)
		f := fault.All(err)
		if err == nil || f[0].Key != want || f[0].Kind != fault.Invalid || f[0].Field != "email" {
			t.Errorf("Parse(%q): %v, want %s", in, err, want)
		}
	}
}

func TestAnAddressNeverPrintsItself(t *testing.T) {
	a := address.Must("Ada.Lovelace@example.org")
	if a.String() != "a…@example.org" || address.Must("x@example.org").String() != "…@example.org" || (address.Address{}).String() != "" {
		t.Errorf("masks are %s, %s", a, address.Must("x@example.org"))
	}
	p := struct {
		A address.Address
		M map[string]*address.Address
	}{a, map[string]*address.Address{"k": &a}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb, p)
		fmt.Fprintf(&out, verb, a)
	}
	j, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "p", p, "a", a)
	_, err = address.Parse("Lovelace@example")
	fmt.Fprint(&out, err)
	for _, leak := range []string{"ovelace", "6f76656c616365"} {
		if strings.Contains(strings.ToLower(out.String()), leak) {
			t.Errorf("%q leaks in %s", leak, out.String())
		}
	}
}

func TestAFingerprintFollowsTheNormAndTheKey(t *testing.T) {
	a, b := address.Must("Ada@Example.org"), address.Must("ada@example.org")
	key := []byte("k1")
	if a.FP(key) != b.FP(key) || !a.Same(b) {
		t.Error("two spellings must have one fingerprint")
	}
	if a.FP(key) == a.FP([]byte("k2")) || a.FP(key) == address.Must("ada@example.com").FP(key) {
		t.Error("another key or address must give another fingerprint")
	}
	many := address.NewFingerprints(key)
	many.Of(address.Must("zoe@example.org"))
	if many.Of(a) != a.FP(key) {
		t.Error("the reused state must give the same fingerprint")
	}
}

func TestAStoredAddressIsReadEvenIfTheRuleChanged(t *testing.T) {
	var a address.Address
	for _, v := range []any{"Ada@example.org", []byte("Ada@example.org")} {
		if err := a.Scan(v); err != nil || a.Norm() != "ada@example.org" {
			t.Errorf("Scan = %q, %v", a.Norm(), err)
		}
	}
	if err := a.Scan("old style@example.org"); err != nil || a.Raw() != "old style@example.org" {
		t.Errorf("a stored address must stay readable: %q, %v", a.Raw(), err)
	}
	if err := a.Scan(nil); err != nil || !a.IsZero() {
		t.Errorf("NULL is no address: %v", err)
	}
	if v, err := a.Value(); v != nil || err != nil {
		t.Errorf("no address binds NULL, got %v, %v", v, err)
	}
}

// FuzzParse holds three oracles against Parse: the slow path, net/mail, and the
// promises every accepted address must keep.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"ada@example.org", " Ada@Example.org", "a@xn--bcher-kva.example", "ré@bücher.example", "H\u0331@x.yz",
		"=\u0338@x.yz", "a..b@c.de", `"a b"@c.de`, "a@b.c\r\nBcc: d@e.f", "a@1.2.3.4", "a@例え。テスト", "Ⱥ@x.yz", "a@ⅷ.com", "a@x--y.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := address.Parse(s)
		slow, slowErr := address.Full(s)
		if (err == nil) != (slowErr == nil) || a != slow {
			t.Fatalf("fast and slow differ on %q: %v, %v", s, err, slowErr)
		}
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || a != (address.Address{}) {
				t.Fatalf("%q: %v with an address beside", s, err)
			}
			// What net/mail takes as a bare dot-atom at a plain host name, we take too.
			p, e := mail.ParseAddress(s)
			if e == nil && p.Name == "" && p.Address == s && simple(s) {
				t.Fatalf("net/mail takes %q, we refuse: %v", s, err)
			}
			return
		}
		for _, form := range []string{a.Raw(), a.Norm(), a.RawWire()} {
			if !utf8.ValidString(form) || len(form) > address.MaxOctets || strings.ContainsFunc(form, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
				t.Fatalf("%q: unsafe form %q", s, form)
			}
			if strings.ContainsAny(form, "\"<>(),;:\\[]") && form != a.Raw() || strings.Count(form, "@") != 1 {
				t.Fatalf("%q: form %q holds specials", s, form)
			}
		}
		if p, e := mail.ParseAddress(a.RawWire()); e != nil || p.Address != a.RawWire() {
			t.Fatalf("net/mail reads %q as %v, %v", a.RawWire(), p, e)
		}
		again, err := address.Parse(a.Norm())
		if err != nil || again.Norm() != a.Norm() || again.Raw() != a.Norm() {
			t.Fatalf("norm of %q is not stable: %q, %v", a.Norm(), again.Norm(), err)
		}
		for _, form := range []string{a.Raw(), a.RawWire(), strings.ToUpper(a.Raw()[:0]) + a.Raw()} {
			if b, err := address.Parse(form); err != nil || !b.Same(a) {
				t.Fatalf("%q is no longer %q: %q, %v", form, a.Norm(), b.Norm(), err)
			}
		}
		if !norm.NFC.IsNormalString(a.Norm()) {
			t.Fatalf("%q is not NFC", a.Norm())
		}
	})
}

// simple is the small world in which net/mail and we must agree: lower-case
// letters, two labels, no A-labels, within the limits.
func simple(s string) bool {
	l, d, ok := strings.Cut(s, "@")
	a, b, two := strings.Cut(d, ".")
	letters := func(x string) bool {
		return x != "" && len(x) < 64 && strings.Trim(x, "abcdefghijklmnopqrstuvwxyz") == ""
	}
	return ok && two && letters(a) && letters(b) && len(l) <= 64 && len(s) <= 254
}

func BenchmarkParsePlain(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := address.Parse("ada.lovelace+news@mail.example.org"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMixedCaseAndFingerprint(b *testing.B) {
	b.ReportAllocs()
	f := address.NewFingerprints(make([]byte, 32))
	for b.Loop() {
		a, err := address.Parse("Ada.Lovelace@Example.org")
		if err != nil {
			b.Fatal(err)
		}
		f.Of(a)
	}
}

func TestAMailboxOfARoleIsShared(t *testing.T) {
	for in, want := range map[string]bool{"info@firm.example": true, "Info+news@firm.example": true, "service.client@firm.example": true, "no-reply@firm.example": true, "secretariat@mairie.example": true,
		"ada@firm.example": false, "information.desk.ada@firm.example": false, "infotainment@firm.example": false, "info.ada@firm.example": false} {
		if got := address.Must(in).Shared(); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
}
