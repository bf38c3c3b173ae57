// SPDX-License-Identifier: AGPL-3.0-or-later

package token_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"consend/internal/mail/token"
)

var key = [32]byte{1, 2, 3}

func TestATokenSaysWhatWasPutIn(t *testing.T) {
	for _, objects := range [][]int64{nil, {0}, {7}, {1, 2, 3}, {math.MaxInt64, 1 << 52, 127, 128}} {
		s := token.Make(key, token.Unsubscribe, 42, objects...)
		got, err := token.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Verify(key, token.Unsubscribe, len(objects)); err != nil {
			t.Fatal(err)
		}
		if got.Account != 42 || len(got.Objects) != len(objects) {
			t.Fatalf("%+v", got)
		}
		for i := range objects {
			if got.Objects[i] != objects[i] {
				t.Fatalf("object %d: %d", i, got.Objects[i])
			}
		}
	}
}

func TestAMailServerThatFoldsCaseBreaksNothing(t *testing.T) {
	got, err := token.Parse(strings.ToUpper(token.Make(key, token.Bounce, 1, 2, 3)))
	if err != nil || got.Verify(key, token.Bounce, 2) != nil {
		t.Fatal(err)
	}
}

func TestNoOneChangedCharacterIsBelieved(t *testing.T) {
	s := token.Make(key, token.Preferences, 9, 100)
	for i := range s {
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			if byte(c) == s[i] {
				continue
			}
			forged := s[:i] + string(c) + s[i+1:]
			if got, err := token.Parse(forged); err == nil && got.Verify(key, got.Kind, len(got.Objects)) == nil {
				t.Fatalf("%s believed", forged)
			}
		}
	}
}

func TestATokenIsGoodForOneKindAndOneKey(t *testing.T) {
	got, err := token.Parse(token.Make(key, token.Preferences, 9, 100))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Verify(key, token.Unsubscribe, 1); !errors.Is(err, token.ErrForged) {
		t.Errorf("another kind: %v", err)
	}
	if err := got.Verify([32]byte{}, token.Preferences, 1); !errors.Is(err, token.ErrForged) {
		t.Errorf("another key: %v", err)
	}
	if err := got.Verify(key, token.Preferences, 2); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("another number of objects: %v", err)
	}
}

func TestTokensFitIntoALocalPart(t *testing.T) {
	// RFC 5321 4.5.3.1.1: 64 octets, and "b+" comes before it. Ids of ten years at full speed stay below 2^42.
	if s := token.Make(key, token.Bounce, 1<<35-1, 1<<35-1, 1<<35-1); len(s) > 62 {
		t.Errorf("%d characters", len(s))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(token.Make(key, token.Click, 1, 2, 3, 4))
	f.Add("")
	f.Add("aeaaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := token.Parse(s)
		if err != nil {
			return
		}
		if got.Verify(key, got.Kind, len(got.Objects)) == nil && token.Make(key, got.Kind, got.Account, got.Objects...) != strings.ToLower(s) {
			t.Fatalf("%q has two spellings", s)
		}
	})
}

func TestAMintMakesTheSameTokens(t *testing.T) {
	key := [32]byte{1, 2, 3}
	m := token.NewMint(key, token.Unsubscribe)
	for i := range int64(1000) {
		if got, want := m.Make(7, i, 3*i), token.Make(key, token.Unsubscribe, 7, i, 3*i); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	}
}
