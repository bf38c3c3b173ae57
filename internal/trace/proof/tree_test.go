// SPDX-License-Identifier: AGPL-3.0-or-later

package proof_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"consend/internal/trace/proof"
)

// TestEveryProofOfEveryTreeTo100 proves every leaf and every pair of sizes, and that
// no proof serves another leaf or size.
func TestEveryProofOfEveryTreeTo100(t *testing.T) {
	leaves := make([]proof.Hash, 100)
	for i := range leaves {
		leaves[i] = proof.Hash{byte(i), 1}
	}
	tree, err := proof.Grow(leaves)
	must(t, err)
	roots := make([]tlog.Hash, 101)
	for n := range int64(101) {
		roots[n], err = tree.Root(n)
		must(t, err)
		if n > 0 && roots[n] == roots[n-1] {
			t.Fatalf("trees of %d and %d have one root", n-1, n)
		}
	}
	for n := int64(1); n <= 100; n++ {
		for i := int64(0); i < n; i++ {
			p, err := tree.Inclusion(n, i)
			must(t, err)
			if err := tlog.CheckRecord(p, n, roots[n], i, leaves[i]); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			if tlog.CheckRecord(p, n, roots[n], i, leaves[(i+1)%100]) == nil {
				t.Fatalf("leaf %d of %d: another leaf passes", i, n)
			}
			if i > 0 && tlog.CheckRecord(p, n, roots[n], i-1, leaves[i]) == nil {
				t.Fatalf("leaf %d of %d passes at %d", i, n, i-1)
			}
		}
		for m := int64(1); m <= n; m++ {
			p, err := tree.Consistency(n, m)
			must(t, err)
			if err := tlog.CheckTree(p, n, roots[n], m, roots[m]); err != nil {
				t.Fatalf("tree %d in %d: %v", m, n, err)
			}
			if tlog.CheckTree(p, n, roots[n], m, roots[m-1]) == nil {
				t.Fatalf("tree %d in %d: another root passes", m, n)
			}
		}
	}
}

func TestMACIsHMACSHA256(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var key proof.Hash
		copy(key[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		msg := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "msg")
		h := hmac.New(sha256.New, key[:])
		h.Write(msg)
		if got := proof.MAC(&key, msg); string(got[:]) != string(h.Sum(nil)) {
			t.Fatal("not HMAC")
		}
	})
}

func TestALeafIsARecordHash(t *testing.T) {
	a, b := proof.Hash{1}, proof.Hash{2}
	if proof.Leaf(a, b) != proof.Hash(tlog.RecordHash(append(a[:], b[:]...))) {
		t.Fatal("leaf differs from tlog.RecordHash")
	}
}

func TestCanonicalTextHasOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := proof.Fields(rapid.MapOf(rapid.StringMatching(`[a-z][a-z0-9_.]{0,9}`), rapid.String()).Draw(t, "fields"))
		text, err := proof.Canonical(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(text, "\n") != len(f) {
			t.Fatalf("%d fields give %q", len(f), text)
		}
		back, err := proof.Parse(text)
		if err != nil || len(back) != len(f) {
			t.Fatalf("Parse(%q) = %v, %v", text, back, err)
		}
		for n, v := range f {
			if back[n] != proof.Clean(v) {
				t.Fatalf("field %s: %q became %q", n, v, back[n])
			}
		}
	})
	for _, bad := range []string{"a", "a 1", "b 1\na 2\n", "a 1\na 1\n", "A 1\n", " 1\n", "a \\x\n", "a \\u0041\n", "a \\u000\n", "a e\u0301\n", "a \xff\n", "a 1\r\n", "a 1\n\n", "a \\u000A\n", "a \\"} {
		if f, err := proof.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v, must be refused", bad, f)
		}
	}
	for _, bad := range []string{"", "A", "a b", "a\n", "1a", strings.Repeat("a", 65)} {
		if _, err := proof.Canonical(proof.Fields{bad: "x"}); err == nil {
			t.Errorf("the name %q must be refused", bad)
		}
	}
}

func TestSigningTwiceGivesTheSameCheckpoint(t *testing.T) {
	w := newWorld(t)
	w.noise(3)
	a, b := w.checkpoint(3), w.checkpoint(3)
	if string(a) != string(b) {
		t.Fatal("a crash between commit and signature would fork the log")
	}
	c, err := proof.OpenCheckpoint(a, w.key)
	if err != nil || c.Size != 3 {
		t.Fatalf("%+v %v", c, err)
	}
	for i := range a {
		bad := []byte(string(a))
		bad[i] ^= 1 << (i % 8)
		if _, err := proof.OpenCheckpoint(bad, w.key); err == nil {
			t.Fatalf("byte %d changed: accepted", i)
		}
	}
}

func BenchmarkMember(b *testing.B) {
	key, salt := proof.Hash{1}, proof.Hash{2}
	for i := range b.N {
		s1, s2 := proof.Salt(&key, int64(i), 1), proof.Salt(&salt, int64(i), 1)
		text, _ := proof.Canonical(proof.Fields{"contact": "1234567", "occurred": "2024-02-29T08:00:00.000000Z", "seq": "1"})
		c, _ := proof.CommitAll(&s2, proof.Fields{"address": "someone@example.org"})
		all := proof.All(&s2)
		_ = proof.Leaf(proof.MAC(&s1, []byte(text)), proof.MAC(&all, []byte(c.Text())))
	}
}
