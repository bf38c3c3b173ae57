// SPDX-License-Identifier: AGPL-3.0-or-later

package proof_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consend/internal/trace/proof"
)

var update = flag.Bool("update", false, "write the sample files anew")

// TestTheSampleFilesStayAsTheyAre: old proofs must verify for ever, so their bytes
// are kept. A change here is a new schema version, not a new golden file.
func TestTheSampleFilesStayAsTheyAre(t *testing.T) {
	w := newWorld(t)
	files := map[string][]byte{"sample.proof.json": w.sign(w.file()), "sample.key": []byte(w.key + "\n")}
	n := len(w.leaves)
	files["sample.checkpoint"], files["sample.earlier"] = w.checkpoint(n), w.checkpoint(8)
	w.noise(11)
	tree, err := proof.Grow(w.leaves)
	must(t, err)
	path, err := tree.Consistency(int64(n+11), int64(n))
	must(t, err)
	files["sample.bridge"] = proof.Bridge{From: int64(n), Path: path, Checkpoint: w.checkpoint(n + 11)}.Bytes()
	w.leaves[2][0] ^= 1
	files["sample.other"] = w.checkpoint(n)
	for name, want := range files {
		at := filepath.Join("testdata", name)
		if *update {
			must(t, os.MkdirAll("testdata", 0o755))
			must(t, os.WriteFile(at, want, 0o644))
		}
		got, err := os.ReadFile(at)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what this program writes", name)
		}
	}
}

// vectors reads the lines `name = value` of a format's ```vectors block.
func vectors(t *testing.T, file string) map[string]string {
	b, err := os.ReadFile(filepath.Join("../../../docs/formats", file))
	must(t, err)
	_, rest, ok := strings.Cut(string(b), "```vectors\n")
	block, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatalf("%s has no vectors", file)
	}
	out := map[string]string{}
	for _, l := range strings.Split(strings.TrimSpace(block), "\n") {
		n, v, _ := strings.Cut(l, " = ")
		out[strings.TrimSpace(n)] = strings.NewReplacer(`␊`, "\n").Replace(v)
	}
	return out
}

func TestTheDocumentedVectorsHold(t *testing.T) {
	var logKey, salt proof.Hash
	for i := range logKey {
		logKey[i], salt[i] = byte(i), byte(0xa0+i)
	}
	clear, err := proof.Canonical(proof.Fields{"action": "contact.correct", "entry": "65537", "note": "a\\b\nc\x01", "city": "Orle\u0301ans"})
	must(t, err)
	s1, s2 := proof.Salt(&logKey, 65537, proof.Whole), proof.Salt(&salt, 65537, proof.Whole)
	member := proof.Salt(&logKey, 65537, 3)
	k, all := proof.FieldKey(&s2, "after"), proof.All(&s2)
	c, err := proof.CommitAll(&s2, proof.Fields{"before": "Lyon", "after": "Orle\u0301ans"})
	must(t, err)
	c1, c2 := proof.MAC(&s1, []byte(clear)), proof.MAC(&all, []byte(c.Text()))
	check := func(file string, got map[string]string) {
		want := vectors(t, file)
		for n, v := range got {
			if want[n] != v {
				t.Errorf("%s: %s = %s, the page says %s", file, n, strings.ReplaceAll(v, "\n", "␊"), strings.ReplaceAll(want[n], "\n", "␊"))
			}
		}
		if len(want) != len(got) {
			t.Errorf("%s has %d vectors, %d are checked", file, len(want), len(got))
		}
	}
	check("entry.md", map[string]string{"clear": clear, "s1": proof.Hex(s1), "s1 of member 3": proof.Hex(member), "s2": proof.Hex(s2),
		"k_after": proof.Hex(k), "commitment of after": proof.Hex(c["after"]), "private": c.Text(), "s2all": proof.Hex(all),
		"c1": proof.Hex(c1), "c2": proof.Hex(c2), "leaf": proof.Hex(proof.Leaf(c1, c2))})

	leaves := make([]proof.Hash, 5)
	for i := range leaves {
		leaves[i] = proof.Leaf(proof.Hash{byte(i)}, proof.Hash{})
	}
	tree, err := proof.Grow(leaves)
	must(t, err)
	root, err := tree.Root(5)
	must(t, err)
	in, err := tree.Inclusion(5, 2)
	must(t, err)
	w := newWorld(t)
	msg, err := proof.Checkpoint{Origin: "example.org/log", Size: 5, Root: root, At: sealed}.Sign(w.signer)
	must(t, err)
	check("checkpoint.md", map[string]string{"leaf 0": proof.Hex(leaves[0]), "leaf 4": proof.Hex(leaves[4]), "root": proof.Hex(root),
		"path of leaf 2": strings.Join(proof.Path(in), " "), "public key": w.key, "fingerprint": proof.Fingerprint(w.key), "checkpoint": string(msg)})
}
