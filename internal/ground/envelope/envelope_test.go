// SPDX-License-Identifier: AGPL-3.0-or-later

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"

	"consend/internal/ground/envelope"
	"consend/internal/ground/fault"
)

func TestAFileOpensForWhomItIsMeantAndForNobodyElse(t *testing.T) {
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := age.GenerateX25519Identity()
	right, _ := age.NewScryptIdentity("thym, romarin & sauge")
	wrong, _ := age.NewScryptIdentity("thym, romarin & saugé")
	text := strings.Repeat("ada@example.org;Ada\n", 20_000)
	for how, c := range map[envelope.How]struct {
		opens, not      age.Identity
		passphrase, key string
	}{envelope.ByPassphrase: {right, wrong, "thym, romarin & sauge", ""}, envelope.ByKey: {mine, other, "", " " + mine.Recipient().String() + "\n"}} {
		f, err := envelope.Choose(how, c.passphrase, c.key)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f.Reader(strings.NewReader(text)))
		if err != nil || bytes.Contains(b, []byte("ada@")) || f.Name("a.csv") != "a.csv.age" || f.How != how {
			t.Fatalf("%s: %v", how, err)
		}
		r, err := age.Decrypt(bytes.NewReader(b), c.opens)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("%s: %d octets, %v", how, len(got), err)
		}
		if _, err := age.Decrypt(bytes.NewReader(b), c.not); err == nil {
			t.Errorf("%s: opens for somebody else", how)
		}
		broken := f.Reader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("gone"))))
		b, err = io.ReadAll(broken)
		if err == nil {
			t.Errorf("%s: a file that broke off ends well", how)
		}
		if r, err := age.Decrypt(bytes.NewReader(b), c.opens); err == nil {
			if _, err = io.ReadAll(r); err == nil {
				t.Errorf("%s: half a file opens", how)
			}
		}
	}
	f, err := envelope.Choose(envelope.Open, "", "")
	if b, _ := io.ReadAll(f.Reader(strings.NewReader(text))); err != nil || string(b) != text || f.Name("a.csv") != "a.csv" {
		t.Errorf("left open: %v", err)
	}
}

func TestAChoiceThatClosesNothingIsRefused(t *testing.T) {
	secret, _ := age.GenerateX25519Identity()
	for _, c := range []struct {
		how             envelope.How
		passphrase, key string
		fault           string
	}{{"", "", "", "envelope.how"}, {envelope.ByPassphrase, "short", "", "envelope.passphrase"}, {envelope.ByPassphrase, strings.Repeat("x", 201), "", "envelope.passphrase"},
		{envelope.ByKey, "", "", "envelope.key"}, {envelope.ByKey, "", "age1notakey", "envelope.key"}, {envelope.ByKey, "", "ssh-ed25519 AAAA", "envelope.key"}, {envelope.ByKey, "", secret.String(), "envelope.secret"}} {
		_, err := envelope.Choose(c.how, c.passphrase, c.key)
		if err == nil || fault.All(err)[0].Key != c.fault || c.key != "" && strings.Contains(err.Error(), c.key) {
			t.Errorf("%s %q: %v, want %s", c.how, c.key, err, c.fault)
		}
	}
}
