// SPDX-License-Identifier: AGPL-3.0-or-later

package proof_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"consend/internal/trace/proof"
)

// packed is a bundle with Léa's proof and two files beside it.
func (w *world) packed(t *testing.T, asked proof.Asked, more ...string) (*world, []byte) {
	f := w.file()
	msg := w.sign(f)
	var b bytes.Buffer
	p := proof.NewPacker(&b)
	add := func(name, body string) {
		must(t, p.Add(name, func(w io.Writer) error { _, err := io.WriteString(w, body); return err }))
	}
	add("proofs/1001.json", string(msg))
	add(proof.CSVName, "list;event\r\n")
	add(proof.GraphName, "{}\n")
	for i := 0; i < len(more); i += 2 {
		add(more[i], more[i+1])
	}
	must(t, p.Close(proof.Bundle{Made: f.Made, Language: "fr", Account: 7, Controller: f.Controller, Asked: asked, Log: f.Log}, w.signer))
	return w, b.Bytes()
}

func check(b []byte, key string, against []byte) (proof.Report, error) {
	return proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), key, against, 1<<26)
}

// again packs a bundle's files anew, as somebody who doesn't own the key could.
func again(t *testing.T, b []byte, change func(name string, body []byte) (string, []byte)) []byte {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		name, body := change(f.Name, body)
		if name == "" {
			continue
		}
		w, err := to.Create(name)
		must(t, err)
		_, err = w.Write(body)
		must(t, err)
	}
	must(t, to.Close())
	return out.Bytes()
}

func TestAWholeBundleHoldsAndNoOther(t *testing.T) {
	w, b := newWorld(t).packed(t, proof.Asked{List: 31})
	r, err := check(b, w.key, w.checkpoint(8))
	must(t, err)
	if said := strings.Join(r.Proved, "\n"); !r.Holds() || !r.Linked || !strings.Contains(said, "Proofs that hold, each whole: 1.") || !strings.Contains(said, "none was added: 3.") {
		t.Errorf("%+v", r)
	}
	if r, err := check(b, "", nil); err != nil || r.SignerKnown || r.Holds() {
		t.Errorf("without a key: %+v %v", r, err)
	}
	same := func(n string, b []byte) (string, []byte) { return n, b }
	if _, err := check(again(t, b, same), w.key, nil); err != nil {
		t.Errorf("packed anew: %v", err)
	}
	for want, change := range map[string]func(n string, b []byte) (string, []byte){
		"proofs/1001.json is not the file that was signed": func(n string, b []byte) (string, []byte) {
			if strings.HasPrefix(n, "proofs/") {
				b = bytes.Replace(b, []byte("Lyon"), []byte("Nice"), 1)
			}
			return n, b
		},
		"consents.csv is not the file that was signed": func(n string, b []byte) (string, []byte) {
			if n == proof.CSVName {
				b = append(b, 'x')
			}
			return n, b
		},
		"proofs/1001.json is missing": func(n string, b []byte) (string, []byte) {
			if strings.HasPrefix(n, "proofs/") {
				n = ""
			}
			return n, b
		},
		"more.csv was added": func(n string, b []byte) (string, []byte) {
			return map[bool]string{true: "more.csv"}[n == "nothing"] + n, b
		},
		"is not the file that was signed: it was changed or swapped": func(n string, b []byte) (string, []byte) {
			return map[string]string{proof.CSVName: proof.GraphName, proof.GraphName: proof.CSVName}[n] + map[bool]string{true: n}[n != proof.CSVName && n != proof.GraphName], b
		},
		"files.sha256 is not the one that was signed": func(n string, b []byte) (string, []byte) {
			if n == "files.sha256" {
				b = bytes.Replace(b, []byte("consents"), []byte("Consents"), 1)
			}
			return n, b
		},
		"the signature over the bundle does not hold": func(n string, b []byte) (string, []byte) {
			if n == "bundle.json" {
				b = bytes.Replace(b, []byte(`"people":1`), []byte(`"people":2`), 1)
			}
			return n, b
		},
		"bundle.json is missing": func(n string, b []byte) (string, []byte) { return strings.TrimPrefix(n, "bundle.json"), b },
	} {
		bad := again(t, b, change)
		if strings.HasPrefix(want, "more.csv") {
			bad = added(t, b, "more.csv")
		}
		if _, err := check(bad, w.key, nil); err == nil || !strings.Contains(err.Error(), want) || proof.Why(err) != proof.Altered {
			t.Errorf("want %q: %v, %s", want, err, proof.Why(err))
		}
	}
	if _, err := check(b, newWorld(t).key+"x", nil); proof.Why(err) != proof.OtherKey {
		t.Errorf("a key that is not its own: %v, %s", err, proof.Why(err))
	}
	if _, err := check(added(t, b, "proofs/1001.json"), w.key, nil); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a file that is there twice: %v", err)
	}
	for _, n := range []int{0, 4, 100, len(b) / 2, len(b) - 30, len(b) - 1} {
		if _, err := check(b[:n], w.key, nil); err == nil || !strings.Contains(err.Error(), "cut") || proof.Why(err) != proof.Unreadable {
			t.Errorf("cut after %d: %v", n, err)
		}
	}
	if _, err := proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), w.key, nil, 900); err == nil || !strings.Contains(err.Error(), "unpacks to more") || proof.Why(err) != proof.TooLarge {
		t.Errorf("a bundle that unpacks to too much: %v", err)
	}
}

func added(t *testing.T, b []byte, name string) []byte {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	var out bytes.Buffer
	to := zip.NewWriter(&out)
	for _, f := range z.File {
		must(t, to.Copy(f))
	}
	_, err = to.Create(name)
	must(t, err)
	must(t, to.Close())
	return out.Bytes()
}

// A zip's own times and places are not signed: a changed byte is refused, or changes no name
// and no file.
func TestNoChangedByteOfABundleChangesWhatItSays(t *testing.T) {
	w, b := newWorld(t).packed(t, proof.Asked{})
	good, err := check(b, w.key, nil)
	must(t, err)
	for i := 0; i < len(b); i += 3 {
		bad := bytes.Clone(b)
		bad[i] ^= 1 << (i % 8)
		if r, err := check(bad, w.key, nil); err == nil && !slices.Equal(r.Proved, good.Proved) {
			t.Fatalf("byte %d of %d", i, len(b))
		}
	}
}

// Who owns the key can't sign a bundle of other people or lists than it says either.
func TestALyingBundleIsFoundOut(t *testing.T) {
	for want, asked := range map[string]proof.Asked{
		"other lists than were asked for":      {List: 32},
		"about other lists than were asked":    {Purpose: 5},
		"not those that the seed draws from":   {Draw: &proof.Drawn{N: 0, Seed: "x"}},
		"the people are not those that the se": {Draw: &proof.Drawn{N: 2, Seed: "x", Missing: []int64{5}}},
	} {
		w, b := newWorld(t).packed(t, asked, proof.DrawName, "7\n1001\n")
		if _, err := check(b, w.key, nil); err == nil || !strings.Contains(err.Error(), want) || proof.Why(err) != proof.Contradicts {
			t.Errorf("want %q: %v", want, err)
		}
	}
	w, b := newWorld(t).packed(t, proof.Asked{Draw: &proof.Drawn{N: 2, Seed: "x", Missing: []int64{7}}}, proof.DrawName, "7\n1001\n")
	if r, err := check(b, w.key, nil); err != nil || !strings.Contains(strings.Join(r.Proved, "\n"), `those that the seed "x" draws from draw.txt: 2 of 2. Of whom nothing is left to prove: 1`) {
		t.Errorf("%v %v", r, err)
	}
}

func TestADrawIsTheSameForEverybodyAndFair(t *testing.T) {
	ids := make([]int64, 1000)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	if got := proof.Draw(ids, 5, "2026-11-27"); len(got) != 5 {
		t.Error(got)
	}
	back := slices.Clone(ids)
	slices.Reverse(back)
	if !slices.Equal(proof.Draw(ids, 50, "s"), proof.Draw(back, 50, "s")) || len(proof.Draw(ids, 5000, "s")) != 1000 || len(proof.Draw(ids, -1, "s")) != 0 {
		t.Error("the order of the list, or too large a number, changes the draw")
	}
	times := map[int64]int{}
	for s := range 400 {
		for _, id := range proof.Draw(ids, 100, fmt.Sprint(s)) {
			times[id]++
		}
	}
	for _, id := range ids { // 40 expected, deviation 6
		if times[id] < 10 || times[id] > 75 {
			t.Errorf("%d was drawn %d times of 400", id, times[id])
		}
	}
}
