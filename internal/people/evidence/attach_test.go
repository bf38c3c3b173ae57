// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/evidence"
	"consend/internal/testhouse"
)

const receipt = "From: other tool\n\nLéa said yes on 3 March."

func (w *café) attach(person, event int64, name, file string) (evidence.Attached, error) {
	return evidence.Attach(ctx, w.Main, w.owner, person, event, name, strings.NewReader(file))
}

// event is the newest event of a person.
func (w *café) event(person int64) (id int64) {
	w.t.Helper()
	w.view(func(v *store.View) error {
		all, err := consent.Events(v, person)
		id = all[0].ID
		return err
	})
	return id
}

func (w *café) attached(person int64) (out []evidence.Attached) {
	w.t.Helper()
	w.view(func(v *store.View) (err error) { out, err = evidence.AttachedTo(v, person); return err })
	return out
}

func TestAnAttachedFileIsNamedByTheProofAndChangesNothingElse(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(2)
		own, _ := w.signUp("lea@example.org")
		person, other := w.find("people0@example.org"), w.find("people1@example.org")
		stands := func() (out consent.Standing) {
			w.view(func(v *store.View) error {
				all, err := consent.Standings(v, person)
				out = all[0]
				return err
			})
			return out
		}
		before := stands()
		rests := func() string { return w.build(person, "en").File.Lists[0].GradeWords }
		if words := rests(); before.Grade != consent.GradeD || !strings.Contains(words, "There is no document") {
			t.Fatalf("%s %s", before.Grade, words)
		}
		a, err := w.attach(person, w.event(person), "reçu.eml", receipt)
		must(t, err)
		if after := stands(); after.Grade != before.Grade || after.State != before.State {
			t.Errorf("a file makes %v of %v", after, before)
		}
		_, r, err := evidence.OpenAttached(ctx, h.Main, w.owner, person, a.ID)
		must(t, err)
		if b, err := io.ReadAll(r); err != nil || string(b) != receipt {
			t.Errorf("%v: %q", err, b)
		}
		sum := sha256.Sum256([]byte(receipt))
		if got := string(w.build(person, "fr").Bytes); !strings.Contains(got, "reçu.eml") || !strings.Contains(got, hex.EncodeToString(sum[:])) {
			t.Error("the proof doesn't name the file")
		}
		if words := rests(); strings.Contains(words, "no document") || !strings.Contains(words, "account’s word") || !strings.Contains(words, "“reçu.eml”") || !strings.Contains(words, hex.EncodeToString(sum[:])) {
			t.Errorf("what it rests on: %s", words)
		}
		if strings.Contains(string(w.build(other, "fr").Bytes), "reçu.eml") {
			t.Error("another person's proof names it")
		}
		// Of another person, of what we saw ourselves, of nothing, and what is no evidence.
		for _, x := range []struct {
			person, event int64
			name, file    string
			want          string
		}{
			{other, w.event(person), "a.txt", "x", "evidence.attach.event"},
			{own, w.event(own), "a.txt", "x", "evidence.attach.seen"},
			{person, 1, "a.txt", "x", "evidence.attach.event"},
			{h.Main.Clock()().Unix(), w.event(person), "a.txt", "x", "contact.none"},
			{person, w.event(person), "a.txt", "", "import.evidence.empty"},
			{person, w.event(person), "a.exe", "MZ\x00\x01\x02", "import.evidence.type"},
		} {
			if _, err := w.attach(x.person, x.event, x.name, x.file); err == nil || fault.All(err)[0].Key != x.want {
				t.Errorf("%s: %v, want %s", x.name, err, x.want)
			}
		}
		for i := 1; i < evidence.MostAttached; i++ {
			_, err := w.attach(person, w.event(person), fmt.Sprintf("%d.txt", i), "more")
			must(t, err)
		}
		if _, err := w.attach(person, w.event(person), "last.txt", "more"); err == nil || fault.All(err)[0].Key != "evidence.attach.many" {
			t.Errorf("one too many: %v", err)
		}
		if _, _, err := evidence.OpenAttached(ctx, h.Main, w.owner, other, a.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("under another person: %v", err)
		}
		// Taken back: the file is gone, that it was there stays.
		w.write(func(tx *store.Tx) error { return evidence.Detach(tx, person, a.ID) })
		if _, _, err := evidence.OpenAttached(ctx, h.Main, w.owner, person, a.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("taken back: %v", err)
		}
		if got := string(w.build(person, "fr").Bytes); !strings.Contains(got, hex.EncodeToString(sum[:])) {
			t.Error("the proof forgets that a file was there")
		}
	})
}

func TestAttachedFilesGoAtTheirEndAndWithTheirPerson(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(2)
		one, two := w.find("people0@example.org"), w.find("people1@example.org")
		for _, p := range []int64{one, two} {
			_, err := w.attach(p, w.event(p), "a.txt", "x")
			must(t, err)
		}
		must(t, evidence.SweepAttached(ctx, h.Main))
		if len(w.attached(one)) != 1 || len(w.attached(two)) != 1 {
			t.Error("files go before their end")
		}
		must(t, h.Main.Purge(ctx, w.owner, "test", func(tx *store.Tx) error { return evidence.DropPeople(tx, []int64{one}) }))
		if len(w.attached(one)) != 0 || len(w.attached(two)) != 1 {
			t.Error("a file stays when its person goes, or another's goes")
		}
		h.Clock.Set(w.attached(two)[0].EndsAt.Time().AddDate(0, 0, 1))
		must(t, evidence.SweepAttached(ctx, h.Main))
		if len(w.attached(two)) != 0 {
			t.Error("a file stays after its end")
		}
	})
}
