// SPDX-License-Identifier: AGPL-3.0-or-later

package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"consend/internal/trace/proof"
)

// world is a small log with fixed keys: what it writes is the same on every run.
type world struct {
	t      *testing.T
	signer note.Signer
	key    string
	log    proof.Hash // account 7's key for s1
	salt   proof.Hash // Léa's salt
	leaves []proof.Hash
}

var sealed = time.Date(2026, 11, 24, 13, 0, 2, 0, time.UTC)

func newWorld(t *testing.T) *world {
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{42}, 64)), "example.org/log")
	must(t, err)
	s, err := note.NewSigner(skey)
	must(t, err)
	return &world{t: t, signer: s, key: vkey, log: proof.Hash{1}, salt: proof.Hash{2}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) record(id int64, index int, clear, private proof.Fields, removed map[string]string) (proof.Record, proof.Hash) {
	text, err := proof.Canonical(clear)
	must(w.t, err)
	s1, s2 := proof.Salt(&w.log, id, index), proof.Salt(&w.salt, id, index)
	all := proof.All(&s2)
	c, err := proof.CommitAll(&s2, private)
	must(w.t, err)
	shown := proof.Fields{}
	for n, v := range private {
		if removed[n] == "" {
			shown[n] = v
		}
	}
	fields, err := proof.Shown(&s2, c, shown, removed)
	must(w.t, err)
	r := proof.Record{Clear: text, S1: proof.Hex(s1), S2All: proof.Hex(all), Private: fields}
	return r, proof.Leaf(proof.MAC(&s1, []byte(text)), proof.MAC(&all, []byte(c.Text())))
}

// append writes an entry and gives it without its path.
func (w *world) append(id int64, clear, private proof.Fields, removed map[string]string) proof.Entry {
	clear["entry"], clear["account"], clear["at"] = fmt.Sprint(id), "7", "2026-11-24T13:00:00.000000Z"
	r, leaf := w.record(id, proof.Whole, clear, private, removed)
	w.leaves = append(w.leaves, leaf)
	return proof.Entry{ID: id, Record: r, Leaf: int64(len(w.leaves) - 1)}
}

func (w *world) noise(n int) {
	for range n {
		w.leaves = append(w.leaves, sha256.Sum256(fmt.Append(nil, "noise", len(w.leaves))))
	}
}

func (w *world) checkpoint(n int) []byte {
	tree, err := proof.Grow(w.leaves[:n])
	must(w.t, err)
	root, err := tree.Root(int64(n))
	must(w.t, err)
	msg, err := proof.Checkpoint{Origin: "example.org/log", Size: int64(n), Root: root, At: sealed.Add(time.Duration(n) * time.Second)}.Sign(w.signer)
	must(w.t, err)
	return msg
}

const label = "Yes, send me the newsletter — c'est noté, 你好."

func shaOf(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }

// file is Léa's proof: a sign-up on a form, an import as a member of a set whose IP
// has ended, and a correction.
func (w *world) file() proof.File {
	w.noise(5)
	asked := proof.Facts{Event: "given", List: "31", Purpose: "newsletter", State: "given", Basis: "consent", Grade: "A", Seq: "2",
		Occurred: "2026-11-24T12:59:00.000000Z", Recorded: "2026-11-24T13:00:00.000000Z", Confirmed: "2026-11-24T13:00:00.000000Z",
		Method: "doi_post", Form: "12", FormVer: "3", Note: "4", NoteVer: "2", Label: shaOf(label), Box: "empty", Language: "fr",
		IPSource: "trusted_hop:1", Actor: "subject", Address: "Léa@example.org", IP: "203.0.113.77", Agent: "Mozilla/5.0 \"x\"\t\\"}
	clear, private := asked.Split()
	clear["action"], clear["contact"] = "consent.confirm", "1001"
	e1 := w.append(501, clear, private, nil)

	w.noise(9)
	common := proof.Facts{List: "31", Purpose: "newsletter", Basis: "consent", Method: "import_evidence", Import: "88", Recorded: "2026-11-24T13:00:00.000000Z"}
	old := proof.Facts{Event: "requested", State: "requested", Grade: "B", Seq: "1", Occurred: "2024-02-29T08:00:00.000000Z", Address: "Léa@example.org", IP: "203.0.113.9",
		List: "31", Purpose: "newsletter", Basis: "consent", Method: "import_evidence", Import: "88", Recorded: "2026-11-24T13:00:00.000000Z"}
	mc, mp := old.Without(common).Split()
	mc["contact"] = "1001"
	gone := map[string]string{"ip": "ended on 2025-03-01 by rule consent.ip"}
	mr, ml := w.record(502, 3, mc, mp, gone)
	members := []proof.Hash{{1}, {2}, {3}, ml, {5}, {6}, {7}}
	sub, err := proof.Grow(members)
	must(w.t, err)
	root, err := sub.Root(7)
	must(w.t, err)
	mpath, err := sub.Inclusion(7, 3)
	must(w.t, err)
	cc, _ := common.Split()
	cc["action"], cc["members"], cc["root"] = "import.rows", "7", proof.Hex(root)
	e2 := w.append(502, cc, nil, nil)
	e2.Member = &proof.Member{Index: 3, Record: mr, Path: proof.Path(mpath)}
	old.IP = ""

	e3 := w.append(503, proof.Fields{"action": "contact.correct", "contact": "1001", "field": "city"}, proof.Fields{"before": "Lyon", "after": "Paris\n"}, nil)
	w.noise(20)

	n := int64(len(w.leaves))
	tree, err := proof.Grow(w.leaves)
	must(w.t, err)
	for _, e := range []*proof.Entry{&e1, &e2, &e3} {
		p, err := tree.Inclusion(n, e.Leaf)
		must(w.t, err)
		e.Path = proof.Path(p)
	}
	p, err := tree.Consistency(n, 8)
	must(w.t, err)
	return proof.File{
		ID: "0b0e0c0a", Made: "2026-11-24T13:05:00.000000Z", Language: "fr", Account: 7,
		Controller: proof.Party{Name: "Librairie Bertrand", Email: "bonjour@example.org"},
		Person:     proof.Person{ID: 1001, Address: "Léa@example.org"},
		Lists: []proof.List{{ID: 31, Name: "La lettre", PurposeID: "newsletter", State: "given", Grade: "A",
			Processing: proof.Processing{Withdrawal: "un lien dans chaque message", Rights: []string{"accès", "effacement"}},
			Events:     []proof.Event{{ID: 1, Facts: old, Entry: e2}, {ID: 2, Words: "Léa a confirmé.", Facts: asked, Entry: e1}}}},
		Acts:  []proof.Act{{Words: "Correction", Entry: e3}},
		Texts: []proof.Text{{SHA256: shaOf(label), Kind: "label", Language: "fr", Text: label}},
		Log:   proof.Log{Key: w.key, Checkpoint: string(w.checkpoint(int(n))), Earlier: []proof.Earlier{{Size: 8, Path: proof.Path(p)}}},
	}
}

func (w *world) sign(f proof.File) []byte {
	w.t.Helper()
	msg, err := proof.Sign(f, w.signer)
	must(w.t, err)
	return msg
}
