// SPDX-License-Identifier: AGPL-3.0-or-later

package proof_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"consend/internal/trace/proof"
)

func TestAGoodFileHoldsAndSaysWhatItDoesNotProve(t *testing.T) {
	w := newWorld(t)
	msg := w.sign(w.file())
	r, err := proof.Verify(msg, w.key, nil)
	must(t, err)
	if !r.Holds() || !r.SignerKnown {
		t.Fatalf("report = %+v", r)
	}
	said := strings.Join(append(r.Proved, r.NotProved...), "\n")
	for _, want := range []string{"Entries that stand in the log of example.org/log, among the first 37", "list 31: given", "grade A",
		"those that the entries name: 1.", "contact.correct", "ip: ended on 2025-03-01 by rule consent.ip", "does not prove who clicked"} {
		if !strings.Contains(said, want) {
			t.Errorf("the report does not say %q:\n%s", want, said)
		}
	}
}

func TestWithoutAKeyTheSignerIsUnknown(t *testing.T) {
	w := newWorld(t)
	r, err := proof.Verify(w.sign(w.file()), "", nil)
	must(t, err)
	if r.Holds() || r.SignerKnown || !strings.Contains(strings.Join(r.NotProved, " "), r.Fingerprint) {
		t.Fatalf("report = %+v", r)
	}
	_, other, _ := note.GenerateKey(nil, "example.org/log")
	if _, err := proof.Verify(w.sign(w.file()), other, nil); err == nil {
		t.Fatal("a file of another signer is accepted")
	}
}

func TestAFileSaysHowFarItIsComplete(t *testing.T) {
	w := newWorld(t)
	f := w.file()
	for _, c := range []struct {
		whole *proof.Complete
		want  []string
	}{
		{nil, []string{"list 31: that no event 3 was recorded after entry 501; the signer doesn't say so", "of another list exists about this person: the signer doesn't say so"}},
		{&proof.Complete{Lists: 1, Size: 37}, []string{"list 31: that no event 3 was recorded after entry 501; the signer says that none stands among the first 37 entries", "among the first 37 entries: the signer says so"}},
		{&proof.Complete{Lists: 1, Of: "list 31", Size: 37}, []string{"the file is about list 31 alone"}},
		{&proof.Complete{Lists: 1, Of: "purpose newsletter", Size: 37}, []string{"the file is about purpose newsletter alone"}},
	} {
		f.Complete = c.whole
		r, err := proof.Verify(w.sign(f), w.key, nil)
		must(t, err)
		if said := strings.Join(r.Proved, "\n"); !strings.Contains(said, "list 31: events 1 to 2, none missing among them; a later one would bear number 3") {
			t.Error(said)
		}
		for _, want := range c.want {
			if said := strings.Join(r.NotProved, "\n"); !strings.Contains(said, want) {
				t.Errorf("no %q in\n%s", want, said)
			}
		}
	}
	f.Complete, f.Lists[0].Events = nil, f.Lists[0].Events[1:]
	if _, err := proof.Sign(f, w.signer); err == nil || !strings.Contains(err.Error(), "event 1 of the list is missing") {
		t.Errorf("a file with an event taken out: %v", err)
	}
}

// TestEveryChangedByteIsRefused flips a bit in every byte, cuts and lengthens.
func TestEveryChangedByteIsRefused(t *testing.T) {
	w := newWorld(t)
	msg := w.sign(w.file())
	for _, key := range []string{w.key, ""} {
		for i := range msg {
			bad := bytes.Clone(msg)
			bad[i] ^= 1 << (i % 8)
			if _, err := proof.Verify(bad, key, nil); err == nil {
				t.Fatalf("byte %d changed from %q to %q is accepted", i, msg[i], bad[i])
			}
		}
	}
	for _, bad := range [][]byte{msg[:len(msg)-1], append(bytes.Clone(msg), '\n'), append([]byte(" "), msg...), append(bytes.Clone(msg), msg...), nil} {
		if _, err := proof.Verify(bad, w.key, nil); err == nil {
			t.Fatal("a cut or lengthened file is accepted")
		}
	}
}

// TestTheSpareBitsOfASignatureAreNotFree tries every byte at the end of a signature:
// 68 bytes in base64 leave two bits that a lenient decoder ignores.
func TestTheSpareBitsOfASignatureAreNotFree(t *testing.T) {
	w := newWorld(t)
	msg := w.sign(w.file())
	end := bytes.LastIndex(msg, []byte(`="`))
	for i := end - 2; i < end; i++ {
		for b := range 256 {
			bad := bytes.Clone(msg)
			bad[i] = byte(b)
			if _, err := proof.Verify(bad, w.key, nil); err == nil && bad[i] != msg[i] {
				t.Fatalf("byte %d as %q is accepted", i, byte(b))
			}
		}
	}
}

func TestAnyReplacedInsertedOrDeletedByteIsRefused(t *testing.T) {
	w := newWorld(t)
	msg := w.sign(w.file())
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(msg)-1).Draw(t, "at")
		b := rapid.Byte().Draw(t, "byte")
		bad := bytes.Clone(msg)
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			bad[i] = b
		case 1:
			bad = append(bad[:i], bad[i+1:]...)
		case 2:
			bad = append(bad[:i], append([]byte{b}, bad[i:]...)...)
		}
		if _, err := proof.Verify(bad, w.key, nil); err == nil && !bytes.Equal(bad, msg) {
			t.Fatalf("byte %d: accepted", i)
		}
	})
}

// TestALyingSignerIsFoundOut signs false statements with the real key: what is sealed
// in the log can't be shown otherwise even by who owns the log.
func TestALyingSignerIsFoundOut(t *testing.T) {
	for name, lie := range map[string]func(f *proof.File){
		"fact changed":           func(f *proof.File) { f.Lists[0].Events[1].Facts.Occurred = "2020-01-01T00:00:00.000000Z" },
		"private fact changed":   func(f *proof.File) { f.Lists[0].Events[1].Facts.IP = "198.51.100.1" },
		"fact left out":          func(f *proof.File) { f.Lists[0].Events[1].Facts.Grade = "" },
		"fact added":             func(f *proof.File) { f.Lists[0].Events[0].Facts.Form = "9" },
		"ended fact invented":    func(f *proof.File) { f.Lists[0].Events[0].Facts.IP = "203.0.113.9" },
		"private value changed":  func(f *proof.File) { f.Acts[0].Entry.Record.Private[0].Value = "Rome" },
		"private field left out": func(f *proof.File) { r := &f.Acts[0].Entry.Record; r.Private = r.Private[:1] },
		"clear text changed": func(f *proof.File) {
			r := &f.Acts[0].Entry.Record
			r.Clear = strings.Replace(r.Clear, "city", "name", 1)
		},
		"member's clear changed": func(f *proof.File) {
			r := &f.Lists[0].Events[0].Entry.Member.Record
			r.Clear = strings.Replace(r.Clear, "grade B", "grade A", 1)
		},
		"member at another place":   func(f *proof.File) { f.Lists[0].Events[0].Entry.Member.Index = 2 },
		"entry at another place":    func(f *proof.File) { f.Acts[0].Entry.Leaf++ },
		"entry of another id":       func(f *proof.File) { f.Acts[0].Entry.ID++ },
		"another person":            func(f *proof.File) { f.Person.ID++ },
		"another account":           func(f *proof.File) { f.Account++ },
		"state not the last":        func(f *proof.File) { f.Lists[0].State = "withdrawn" },
		"last event hidden":         func(f *proof.File) { f.Lists[0].Events = f.Lists[0].Events[:1] },
		"first event taken out":     func(f *proof.File) { f.Lists[0].Events = f.Lists[0].Events[1:] },
		"complete for more lists":   func(f *proof.File) { f.Complete = &proof.Complete{Lists: 2, Size: 37} },
		"complete up to elsewhere":  func(f *proof.File) { f.Complete = &proof.Complete{Lists: 1, Size: 38} },
		"complete for another list": func(f *proof.File) { f.Complete = &proof.Complete{Lists: 1, Of: "list 32", Size: 37} },
		"event shown twice":         func(f *proof.File) { f.Lists[0].Events = append(f.Lists[0].Events, f.Lists[0].Events[1]) },
		"list renumbered":           func(f *proof.File) { f.Lists[0].ID = 32 },
		"text changed":              func(f *proof.File) { f.Texts[0].Text += "!" },
		"text of no event":          func(f *proof.File) { f.Texts = append(f.Texts, proof.Text{SHA256: shaOf("x"), Text: "x"}) },
		"checkpoint of another log": func(f *proof.File) { f.Log.Checkpoint = strings.Replace(f.Log.Checkpoint, "\n37\n", "\n38\n", 1) },
		"s1 malformed":              func(f *proof.File) { f.Acts[0].Entry.Record.S1 = strings.ToUpper(f.Acts[0].Entry.Record.S1) },
	} {
		w := newWorld(t)
		f := w.file()
		lie(&f)
		if _, err := proof.Sign(f, w.signer); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAKeptCheckpointLinksOrContradicts(t *testing.T) {
	w := newWorld(t)
	f := w.file()
	msg := w.sign(f)
	n := len(w.leaves)
	link := func(against []byte) (bool, error) {
		r, err := proof.Verify(msg, w.key, against)
		return r.Linked && r.Holds(), err
	}
	for _, c := range []struct {
		name    string
		against []byte
		linked  bool
	}{{"the same", w.checkpoint(n), true}, {"an earlier with its path", w.checkpoint(8), true}, {"an earlier without", w.checkpoint(9), false}, {"none yet", w.checkpoint(0), true}} {
		if ok, err := link(c.against); err != nil || ok != c.linked {
			t.Errorf("%s: linked = %v, %v", c.name, ok, err)
		}
	}
	w.noise(11)
	tree, err := proof.Grow(w.leaves)
	must(t, err)
	path, err := tree.Consistency(int64(n+11), int64(n))
	must(t, err)
	later := w.checkpoint(n + 11)
	if ok, err := link(later); ok || err != nil {
		t.Errorf("a later one alone links nothing: %v %v", ok, err)
	}
	if ok, err := link(proof.Bridge{From: int64(n), Path: path, Checkpoint: later}.Bytes()); !ok || err != nil {
		t.Errorf("a bridge to a later one must link: %v %v", ok, err)
	}
	// Another history: the same signer, the same sizes, one leaf differs.
	w.leaves[2][0] ^= 1
	other, err := proof.Grow(w.leaves)
	must(t, err)
	path, err = other.Consistency(int64(n+11), int64(n))
	must(t, err)
	for name, against := range map[string][]byte{"same size": w.checkpoint(n), "earlier": w.checkpoint(8),
		"later": proof.Bridge{From: int64(n), Path: path, Checkpoint: w.checkpoint(n + 11)}.Bytes(), "garbage": []byte("hello\n")} {
		if _, err := link(against); err == nil || name != "garbage" && proof.Why(err) != proof.Forked {
			t.Errorf("another history (%s) is not noticed: %v", name, err)
		}
	}
}

func TestFactsAreNamedAsInTheFileAndSplitWhole(t *testing.T) {
	typ := reflect.TypeFor[proof.Facts]()
	v := reflect.New(typ)
	want := map[string]bool{}
	for i := range typ.NumField() {
		v.Elem().Field(i).SetString("x")
		want[strings.Split(typ.Field(i).Tag.Get("json"), ",")[0]] = true
	}
	clear, private := v.Interface().(*proof.Facts).Split()
	for n := range want {
		if (clear[n] == "") == (private[n] == "") {
			t.Errorf("fact %s is in neither or both parts", n)
		}
	}
	if len(clear)+len(private) != len(want) {
		t.Errorf("%d facts are split, the type has %d", len(clear)+len(private), len(want))
	}
}

func TestTheFileIsCanonicalJSON(t *testing.T) {
	w := newWorld(t)
	msg := w.sign(w.file())
	var any map[string]any
	must(t, json.Unmarshal(msg, &any))
	if any["schema_version"] != proof.Schema || bytes.Contains(msg, []byte("\\u003c")) || msg[len(msg)-1] != '\n' {
		t.Error("not the form we promise")
	}
	if !bytes.Contains(msg, []byte("Léa@example.org")) {
		t.Error("text must stand as itself")
	}
}
