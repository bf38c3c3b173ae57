// SPDX-License-Identifier: AGPL-3.0-or-later

package secret_test

import (
	"fmt"
	"strings"
	"testing"

	"consend/internal/team/secret"
)

func TestATokenNamesItsAccountAndIsReadBack(t *testing.T) {
	a := secret.New(secret.Session, 1234)
	b, account, ok := secret.Read(secret.Session, a.Raw())
	if !ok || account != 1234 || string(b.Hash()) != string(a.Hash()) {
		t.Fatalf("read back: %v %d", ok, account)
	}
	if len(a.Hash()) != 32 || secret.New(secret.Session, 1234).Raw() == a.Raw() {
		t.Fatal("a hash is 32 bytes, and no two tokens are equal")
	}
}

func TestATokenOfAnotherKindOrSpellingIsNone(t *testing.T) {
	raw := secret.New(secret.Session, 12).Raw()
	for _, s := range []string{
		"", "cs", "cs_", strings.Replace(raw, "cs_", "cl_", 1), strings.Replace(raw, "_12_", "_012_", 1),
		strings.Replace(raw, "_12_", "_-12_", 1), strings.Replace(raw, "_12_", "_+12_", 1), raw + "a", raw[:len(raw)-1], strings.ToUpper(raw),
		strings.Replace(raw, "_12_", "_99999999999999999_", 1), raw[:len(raw)-1] + "1", raw[:len(raw)-2] + "\r\n",
	} {
		if _, _, ok := secret.Read(secret.Session, s); ok {
			t.Errorf("%q was read as a session", s)
		}
	}
}

func TestATokenDoesNotPrintItself(t *testing.T) {
	k := secret.New(secret.Key, 7)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %q %x", k, k, k, k), fmt.Sprint(struct{ T secret.Token }{k})} {
		if strings.Contains(s, k.Raw()[5:]) {
			t.Errorf("printed: %s", s)
		}
	}
}
