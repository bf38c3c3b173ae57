// SPDX-License-Identifier: AGPL-3.0-or-later

package pii_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"consend/internal/ground/pii"
)

// TestAPersonalValueNeverPrintsItself walks every way Go turns a value into text.
func TestAPersonalValueNeverPrintsItself(t *testing.T) {
	ip, err := pii.ParseIP("203.0.113.77")
	if err != nil {
		t.Fatal(err)
	}
	type page struct {
		Name pii.Text
		IP   pii.IP
		Ptr  *pii.Text
		Map  map[string]pii.Text
		List []pii.IP
	}
	name := pii.T("Ada Lovelace")
	p := page{name, ip, &name, map[string]pii.Text{"n": name}, []pii.IP{ip}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		if strings.Count(verb, "%") == 2 {
			fmt.Fprintf(&out, verb, p, p)
		} else {
			fmt.Fprintf(&out, verb, p)
			fmt.Fprintf(&out, verb, name)
			fmt.Fprintf(&out, verb, ip)
		}
	}
	j, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", p, "name", name, "ip", ip)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "name", name, "ip", ip)
	out.Write(log.Bytes())
	out.WriteString(errors.Join(fmt.Errorf("bad %v", name), fmt.Errorf("from %v", ip)).Error())
	for _, secret := range []string{"Ada", "Lovelace", "203.0", "113.77", "416461", "cb00714d"} {
		if strings.Contains(strings.ToLower(out.String()), strings.ToLower(secret)) {
			t.Errorf("%q leaks in %s", secret, out.String())
		}
	}
	if name.Raw() != "Ada Lovelace" || ip.Raw().String() != "203.0.113.77" {
		t.Error("Raw must give the value")
	}
}

func TestAnAddressIsTruncatedToItsNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.77":            "203.0.113.0/24",
		"::ffff:203.0.113.77":     "203.0.113.0/24",
		"2001:db8:1234:5678::abc": "2001:db8:1234::/48",
	} {
		ip, err := pii.ParseIP(in)
		if err != nil || ip.Truncated() != want {
			t.Errorf("Truncated(%s) = %q, %v, want %q", in, ip.Truncated(), err, want)
		}
	}
	for _, bad := range []string{"", "fe80::1%eth0", "1.2.3.4:80", "1.2.3"} {
		if _, err := pii.ParseIP(bad); err == nil {
			t.Errorf("ParseIP(%q) must be refused", bad)
		}
	}
}
