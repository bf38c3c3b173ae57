// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/config"
	"consend/internal/ground/fault"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWithoutAnySettingTheHouseListensToItselfOnly(t *testing.T) {
	c, err := config.Load(config.From{Environ: []string{"HOME=/x", "CONSEND_TEST_POSTGRES=y", "CONSEND_CONFIG=z"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "./data" || c.Listen != "127.0.0.1:8080" || c.BaseURL() != "http://127.0.0.1:8080" || c.Role != "all" || c.Demo ||
		c.StopWithin != 30*time.Second || c.Secure() || c.Trusts(netip.MustParseAddr("127.0.0.1")) || !c.Database.IsZero() {
		t.Errorf("defaults are %+v", c)
	}
}

func TestTheCommandLineBeatsTheEnvironmentBeatsTheFile(t *testing.T) {
	file := write(t, "consend.toml", "listen = \"127.0.0.1:1\"\nlog_level = \"warn\"\nrole = \"web\"\ndemo = true\ntrusted_proxies = [\"10.0.0.1\", \"2001:db8::/32\"]\nstop_within = \"5s\"\n")
	c, err := config.Load(config.From{File: file, Environ: []string{"CONSEND_LISTEN=127.0.0.1:2", "CONSEND_LOG_LEVEL=error"}, Flags: map[string]string{"listen": "127.0.0.1:3"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.LogLevel != "error" || c.Role != "web" || !c.Demo || c.StopWithin != 5*time.Second || c.Level() != slog.LevelError {
		t.Errorf("got %+v", c)
	}
	for a, want := range map[string]bool{"10.0.0.1": true, "::ffff:10.0.0.1": true, "10.0.0.2": false, "2001:db8::9": true} {
		if c.Trusts(netip.MustParseAddr(a)) != want {
			t.Errorf("Trusts(%s) must be %v", a, want)
		}
	}
	from := map[string]string{}
	for _, s := range c.List() {
		from[s.Key] = s.Source
	}
	if from["listen"] != "command line" || from["log_level"] != "environment CONSEND_LOG_LEVEL" || from["role"] != file || from["data"] != "default" {
		t.Errorf("sources are %v", from)
	}
}

func TestAMisspeltSettingIsRefusedAndItsNeighbourNamed(t *testing.T) {
	file := write(t, "c.toml", "lisen = \"x\"\n[trusted]\nproxies = 1\n")
	_, err := config.Load(config.From{File: file, Environ: []string{"CONSEND_PUBLIC_URI=http://x", "CONSEND_LOG_LEVEL=loud", "CONSEND_DEMO=perhaps"}})
	got := map[string]string{}
	for _, f := range fault.All(err) {
		got[f.Field] = f.Key + " " + fmt.Sprint(f.Args)
	}
	for field, want := range map[string]string{"lisen": "Nearest listen", "trusted.proxies": "Nearest trusted_proxies", "public_uri": "Nearest public_url", "log_level": "config.oneof", "demo": "config.value"} {
		if !strings.Contains(got[field], want) {
			t.Errorf("%s: %q must say %q", field, got[field], want)
		}
	}
	if len(got) != 5 {
		t.Errorf("all faults at once: %v", got)
	}
}

func TestASecretMayComeFromAFileButNotTwice(t *testing.T) {
	secret := write(t, "db", "postgres://u:hunter2@db.example/consend?sslmode=require\n")
	c, err := config.Load(config.From{Environ: []string{"CONSEND_DATABASE_URL_FILE=" + secret, "CONSEND_ROOT_KEY_FILE=/run/root.key"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Database.Raw() != "postgres://u:hunter2@db.example/consend?sslmode=require" || c.RootKeyFile != "/run/root.key" {
		t.Errorf("got %q, %q", c.Database.Raw(), c.RootKeyFile)
	}
	for _, env := range [][]string{
		{"CONSEND_DATABASE_URL_FILE=" + secret, "CONSEND_DATABASE_URL=postgres://x@y/z"},
		{"CONSEND_DATABASE_URL_FILE=/nowhere"},
		{"CONSEND_LISTEN_FILE=" + secret},
	} {
		if _, err := config.Load(config.From{Environ: env}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", env, err)
		}
	}
}

func TestASecretNeverPrintsItself(t *testing.T) {
	c, err := config.Load(config.From{Environ: []string{"CONSEND_DATABASE_URL=postgres://u:hunter2@db.example/consend?password=hunter2", "CONSEND_RELAY=smtp://hunter2:hunter2@mx.example:587"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "postgres://•••@db.example/consend") {
		t.Errorf("the host must be seen:\n%s", out.String())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, *c)
		fmt.Fprintf(&out, verb, c.Database)
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "c", c, "d", c.Database)
	_, err = config.Load(config.From{Environ: []string{"CONSEND_DATABASE_URL=mysql://u:hunter2@x", "CONSEND_KEYS_URL=hunter2", "CONSEND_ROLE=hunter2"}})
	fmt.Fprint(&out, err)
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), "68756e746572") {
		t.Errorf("the secret leaks:\n%s", out.String())
	}
}

func TestWhatCannotWorkIsRefusedAtStart(t *testing.T) {
	for _, env := range []string{
		"CONSEND_LISTEN=8080", "CONSEND_LISTEN=127.0.0.1:99999", "CONSEND_LISTEN=", "CONSEND_DATA=", "CONSEND_PUBLIC_URL=example.org", "CONSEND_PUBLIC_URL=https://example.org/app",
		"CONSEND_TRUSTED_PROXIES=10.0.0.300", "CONSEND_STOP_WITHIN=30", "CONSEND_DATABASE_URL=/var/db", "CONSEND_RELAY=mail.example",
	} {
		key := strings.ToLower(strings.TrimPrefix(strings.Split(env, "=")[0], "CONSEND_"))
		if _, err := config.Load(config.From{Environ: []string{env}}); err == nil || fault.All(err)[0].Key != "config.value" || fault.All(err)[0].Field != key {
			t.Errorf("%s: %v", env, err)
		}
	}
	same := []string{"CONSEND_DATABASE_URL=postgres://a@b/c", "CONSEND_KEYS_URL=postgres://a@b/c"}
	if _, err := config.Load(config.From{Environ: same}); err == nil || fault.All(err)[0].Key != "config.same_store" {
		t.Errorf("main and keys in one database: %v", err)
	}
	if _, err := config.Load(config.From{File: "/nowhere.toml"}); err == nil || fault.All(err)[0].Key != "config.file" {
		t.Errorf("a named file must be there: %v", err)
	}
	if _, err := config.Load(config.From{File: write(t, "x.toml", "listen = = 1")}); err == nil || fault.All(err)[0].Key != "config.syntax" {
		t.Errorf("broken TOML: %v", err)
	}
}

func TestEverySettingHasWordsInBothLanguages(t *testing.T) {
	for _, lang := range []string{"en", "fr"} {
		b, err := os.ReadFile("../locale/catalogue/config." + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range config.Keys() {
			if !strings.Contains(string(b), "[\"config.help."+key+"\"]") {
				t.Errorf("config.help.%s is missing in %s", key, lang)
			}
		}
	}
}
