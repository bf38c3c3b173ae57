// SPDX-License-Identifier: AGPL-3.0-or-later

package login_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/team/login"
	"consend/internal/testhouse"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnUnknownAddressCostsThePasswordCheckOfAKnownOne(t *testing.T) {
	h := testhouse.SQLite(t)
	k, err := login.New(h.Main, h.Ring)
	must(t, err)
	p, err := k.Hash(ctx, "vingt moutons bleus")
	must(t, err)
	a, err := address.Parse("lea@example.org")
	must(t, err)
	must(t, h.Main.Write(ctx, actor.System("test"), func(tx *store.Tx) error { _, err := login.Make(tx, a, p); return err }))
	var cost []string
	k.TellForTests(func(hash string) { cost = append(cost, strings.Join(strings.Split(hash, "$")[:4], "$")) })
	for _, email := range []string{"lea@example.org", "nobody@example.org", "no address", ""} {
		for _, password := range []string{"a wrong password", "", strings.Repeat("x", 100_000)} {
			if _, err := k.Check(ctx, actor.Actor{}, email, password); !fault.Is(err, fault.Refused) {
				t.Fatalf("%v", err)
			}
		}
	}
	if len(cost) != 12 {
		t.Fatalf("%d checks of 12", len(cost))
	}
	for _, c := range cost {
		if c != cost[0] || c != "$argon2id$v=19$m=65536,t=2,p=1" {
			t.Errorf("a check costs %s", c)
		}
	}
}

func TestWeakPasswordsAreRefusedAndLongOnesWelcome(t *testing.T) {
	about := []string{"camille.martin@example.org", "Camille Martin", "Librairie du Port"}
	for password, key := range map[string]string{
		"":                              "login.password.short",
		"elevensigns":                   "login.password.short",
		"aaaaaaaaaaaaaaaaaa":            "login.password.simple",
		"abcdefghijklmnop":              "login.password.simple",
		"987654321098":                  "login.password.simple",
		"Password1234":                  "login.password.common",
		"motdepasse2026":                "login.password.common",
		"camille.martin!!":              "login.password.common",
		"LibrairiePort1":                "login.password.common",
		strings.Repeat("é", 201):        "login.password.long",
		"twelve\x00characters":          "login.password.long",
		"broken utf8 \xff is no text":   "login.password.long",
		"vingt moutons bleus":           "",
		"ééééàààçççùùùôôô":              "",
		strings.Repeat("ab cd ef ", 22): "",
		"  leading and trailing  ":      "",
	} {
		err := login.Strong(password, about...)
		got := ""
		if err != nil {
			got = fault.All(err)[0].Key
		}
		if got != key {
			t.Errorf("%q: %q, want %q", password, got, key)
		}
	}
}

func TestBrowsersAreKeptAsFamilies(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                "Firefox · Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":           "Safari · macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile Safari/604.1": "Chrome · iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0":   "Edge · Windows",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36":           "Chrome · Android",
		"curl/8.0": "curl", "": "", "<script>alert(1)</script>": "",
	} {
		if got := login.Family(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestASecretPrintsMaskedAndScans(t *testing.T) {
	var s login.Secret
	if got := fmt.Sprintf("%v %s %+v %#v %q %x", s, s, s, s, s, s); strings.Contains(got, "raw") {
		t.Error(got)
	}
	if got := s.URL("léa+shop@example.org"); !strings.HasPrefix(got, "otpauth://totp/Consend:l%C3%A9a+shop@example.org?secret=") {
		t.Error(got)
	}
}

func FuzzAStrongPasswordIsText(f *testing.F) {
	f.Add("vingt moutons bleus", "lea@example.org")
	f.Add("\x00\xff", "")
	f.Add("İİİİİİİİİİİİİ", "İ")
	f.Fuzz(func(t *testing.T, password, about string) {
		if login.Strong(password, about) != nil {
			return
		}
		n := utf8.RuneCountInString(password)
		if !utf8.ValidString(password) || n < login.MinPassword || n > login.MaxPassword || strings.ContainsRune(password, 0) {
			t.Errorf("%q is taken", password)
		}
	})
}

func TestOnlyTestsMakePasswordsCheap(t *testing.T) {
	err := filepath.WalkDir("../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if n := strings.Count(string(b), ".CheapForTests()"); n > 0 && !strings.HasSuffix(path, "team/access/access.go") {
			t.Errorf("%s makes passwords cheap", path)
		}
		return err
	})
	must(t, err)
}
