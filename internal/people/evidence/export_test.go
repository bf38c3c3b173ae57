// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"filippo.io/age"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/envelope"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
	"consend/internal/people/list"
	"consend/internal/testhouse"
	"consend/internal/trace/proof"
)

func (w *café) ask(q evidence.Wanted) (id int64) {
	w.t.Helper()
	w.write(func(tx *store.Tx) (err error) { id, err = evidence.Ask(tx, q); return err })
	return id
}

func (w *café) work(id int64) error {
	return evidence.Work(ctx, &job.Run{DB: w.Main, Ref: id, Who: actor.Worker("evidence.export", w.account)})
}

func (w *café) bundle(id int64) []byte {
	w.t.Helper()
	f, err := evidence.Open(ctx, w.Main, w.owner, w.Ring, id)
	must(w.t, err)
	// It leaves closed, and what is opened is the bundle that is checked.
	mine, err := age.GenerateX25519Identity()
	must(w.t, err)
	e, err := envelope.Choose(envelope.ByKey, "", mine.Recipient().String())
	must(w.t, err)
	opened, err := age.Decrypt(e.Reader(f), mine)
	must(w.t, err)
	b, err := io.ReadAll(opened)
	must(w.t, err)
	return b
}

func unpacked(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		out[f.Name], err = io.ReadAll(r)
		must(t, err)
	}
	return out
}

func TestAnExportIsOneBundleThatHoldsWhole(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(7)
		person, _ := w.signUp("=cmd@example.org")
		id := w.ask(evidence.Wanted{List: w.news})
		if _, err := evidence.Open(ctx, h.Main, w.owner, h.Ring, id); !fault.Is(err, fault.Conflict) {
			t.Errorf("before it is whole: %v", err)
		}
		must(t, w.work(id))
		must(t, w.work(id)) // again is harmless
		b := w.bundle(id)
		r, err := proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), h.Log.Key(), nil, 1<<30)
		must(t, err)
		if said := strings.Join(r.Proved, "\n"); !r.Holds() || !strings.Contains(said, "Proofs that hold, each whole: 8.") || !strings.Contains(said, "UTC: 9.") {
			t.Error(said)
		}
		files := unpacked(t, b)
		f, err := proof.Decode(files[fmt.Sprintf("proofs/%d.json", person)])
		must(t, err)
		if f.Complete == nil || f.Complete.Of != fmt.Sprintf("list %d", w.news) {
			t.Errorf("%+v", f.Complete)
		}
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(files[proof.CSVName], []byte("\ufeff")))).ReadAll()
		must(t, err)
		if len(rows) != 10 || strings.Contains(string(files[proof.CSVName]), ",=cmd") {
			t.Errorf("%d rows, or a formula", len(rows))
		}
		var g struct {
			Graph []map[string]any `json:"@graph"`
		}
		must(t, json.Unmarshal(files[proof.GraphName], &g))
		if len(g.Graph) != 8 {
			t.Errorf("%d records", len(g.Graph))
		}
		for _, n := range []string{"schema_version", "record_id", "pii_principal_id", "pii_processing", "parties", "events"} {
			if g.Graph[0][n] == nil {
				t.Errorf("a record lacks %s", n)
			}
		}
		page := string(files["print/0001.html"])
		if strings.Count(page, "<article>") != 8 || strings.Contains(page, "<script") || strings.Contains(page, "http") || !strings.Contains(page, `lang="fr"`) {
			t.Errorf("the page that prints: %.400s", page)
		}
		if strings.Count(page, "<blockquote") < 2 || !strings.Contains(page, " · IP ") { // what was shown at the request and at the confirmation, and from where
			t.Errorf("no words of the yes on paper: %s", page)
		}
		w.view(func(v *store.View) error {
			e, err := evidence.Get(v, id)
			must(t, err)
			if e.People != 8 || e.Size != int64(len(b)) {
				t.Errorf("%+v", e)
			}
			if left, err := blob.Of(v, "proof_part", id); err != nil || len(left) > 0 {
				t.Errorf("pieces are left: %v %v", left, err)
			}
			return nil
		})
		h.Clock.Advance(9 * 24 * time.Hour)
		must(t, evidence.Sweep(ctx, h.Main))
		w.view(func(v *store.View) error {
			if _, err := evidence.Get(v, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("after its end: %v", err)
			}
			if left, err := blob.Of(v, "proof_export", id); err != nil || len(left) > 0 {
				t.Errorf("the bundle is left: %v %v", left, err)
			}
			return nil
		})
	})
}

// A record of what rests on something else than consent doesn't call itself one of consent, and the bundle holds all the same.
func TestARecordOnAnotherBasisIsNoConsentRecord(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.signUp("lea@example.org")
		want := map[string][4]any{}
		must(t, w.Main.Write(ctx, w.owner, func(tx *store.Tx) error {
			for b, term := range map[consent.Basis]string{consent.SoftOptIn: "dpv:LegitimateInterest", consent.Contract: "dpv:Contract", consent.B2B: "dpv:LegitimateInterest", consent.PublicTask: "dpv:PublicInterest"} {
				rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(string(b) + "@example.org"), Country: "IE", Source: "member"}})
				if err != nil {
					return err
				}
				if _, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: w.news, Kind: consent.Give, Basis: b, Grade: consent.GradeD, BasisRef: "order 7", OptOutOffered: true,
					Source: "member", DeclaredBy: w.owner.ID, Row: rows[0]}}); err != nil {
					return err
				}
				rule := any(nil)
				if b == consent.SoftOptIn {
					rule = "Directive 2002/58/EC, Article 13(2)"
				}
				want[fmt.Sprint(rows[0].ID)] = [4]any{"dpv:DataProcessingRecord", term, string(b), rule}
			}
			return nil
		}))
		want[fmt.Sprint(w.find("lea@example.org"))] = [4]any{"dpv:ConsentRecord", "dpv:Consent", "consent", nil}
		id := w.ask(evidence.Wanted{List: w.news})
		must(t, w.work(id))
		b := w.bundle(id)
		if r, err := proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), h.Log.Key(), nil, 1<<30); err != nil || !r.Holds() {
			t.Errorf("%v %+v", err, r)
		}
		var g struct {
			Graph []map[string]any `json:"@graph"`
		}
		must(t, json.Unmarshal(unpacked(t, b)[proof.GraphName], &g))
		got := map[string][4]any{}
		for _, n := range g.Graph {
			basis, _ := n["dpv:hasLegalBasis"].(map[string]any)
			got[n["pii_principal_id"].(string)] = [4]any{n["@type"], basis["@id"], n["consend:basis"], n["consend:rule"]}
			if ours := n["@type"] == "dpv:ConsentRecord"; (n["schema_version"] != nil) != ours || (n["dct:conformsTo"] != nil) != ours || (n["dpv:hasConsentStatus"] != nil) != ours || (n["consend:state"] != nil) == ours {
				t.Errorf("%+v", n)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%v, not %v", got, want)
		}
	})
}

func TestAnExportGoesOnAfterAStopAndKeepsToItsQuestion(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		w := open(t, h)
		w.importFile(evidence.PartPeople + 3)
		h.Clock.Advance(48 * time.Hour)
		w.signUp("lea@example.org")
		id := w.ask(evidence.Wanted{Purpose: w.aPurpose()})
		stopped, stop := context.WithCancel(ctx)
		first := &job.Run{DB: h.Main, Ref: id, Who: actor.Worker("evidence.export", w.account)}
		must(t, evidence.Piece(stopped, first))
		stop()
		if err := evidence.Work(stopped, first); err == nil {
			t.Fatal("a stopped work says it is done")
		}
		must(t, w.work(id))
		b := w.bundle(id)
		r, err := proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), h.Log.Key(), nil, 1<<30)
		must(t, err)
		if said := strings.Join(r.Proved, "\n"); !strings.Contains(said, fmt.Sprintf("Proofs that hold, each whole: %d.", evidence.PartPeople+4)) {
			t.Error(said)
		}
		late := w.ask(evidence.Wanted{From: h.Now().Add(-24 * time.Hour)})
		must(t, w.work(late))
		if b := w.bundle(late); len(unpacked(t, b)) != 7 {
			t.Error("the period holds others than Léa")
		}
		// Who was here before, and signs up for another list then: that list alone, or everything, as was asked; both hold.
		h.Clock.Advance(48 * time.Hour)
		early, other := w.find("people0@example.org"), int64(0)
		w.write(func(tx *store.Tx) (err error) {
			if other, err = list.EnsureNamed(tx, "Newsletter", "Wines"); err != nil {
				return err
			}
			_, err = consent.Apply(tx, []consent.Event{{Contact: early, List: other, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeD, Source: "member", DeclaredBy: w.owner.ID}})
			return err
		})
		for narrow, lists := range map[bool]int{true: 1, false: 2} {
			id := w.ask(evidence.Wanted{From: h.Now().Add(-24 * time.Hour), Narrow: narrow, Language: "en"})
			must(t, w.work(id))
			b := w.bundle(id)
			if r, err := proof.VerifyBundle(bytes.NewReader(b), int64(len(b)), h.Log.Key(), nil, 1<<30); err != nil || !r.Holds() {
				t.Errorf("%v %+v", err, r)
			}
			files := unpacked(t, b)
			f, err := proof.Decode(files[fmt.Sprintf("proofs/%d.json", early)])
			must(t, err)
			if len(f.Lists) != lists || narrow && (f.Lists[0].ID != other || !strings.HasPrefix(f.Complete.Of, "period 20")) || !narrow && f.Complete.Of != "" {
				t.Errorf("narrow %v: %d lists, %+v", narrow, len(f.Lists), f.Complete)
			}
			if said := string(files[proof.ReadmeName]); strings.Contains(said, "chose the people and their lists") != narrow || strings.Contains(said, "all that is recorded of them") == narrow {
				t.Errorf("narrow %v: %s", narrow, said)
			}
		}
		w.write(func(tx *store.Tx) error { return evidence.Drop(tx, late) })
		if _, err := evidence.Open(ctx, h.Main, w.owner, h.Ring, late); !fault.Is(err, fault.NotFound) {
			t.Errorf("dropped: %v", err)
		}
	})
}

func (w *café) aPurpose() (id int64) {
	w.write(func(tx *store.Tx) error { id = w.purpose(tx); return nil })
	return id
}

func TestADrawIsABundleThatAnybodyCanRepeat(t *testing.T) {
	h := testhouse.SQLite(t)
	w := open(t, h)
	w.importFile(9)
	var from []int64
	for i := range 9 {
		from = append(from, w.find(fmt.Sprintf("people%d@example.org", i)))
	}
	from = append(from, from[8]+1_000_000) // somebody who was erased since
	var b bytes.Buffer
	d := evidence.Drawing{Campaign: 5, From: from, N: 10, Seed: "audit", Sent: []byte("[]\n")}
	must(t, d.Pack(ctx, h.Main, w.owner, &b))
	r, err := proof.VerifyBundle(bytes.NewReader(b.Bytes()), int64(b.Len()), h.Log.Key(), nil, 1<<30)
	must(t, err)
	if said := strings.Join(r.Proved, "\n"); !strings.Contains(said, `seed "audit" draws from draw.txt: 10 of 10. Of whom nothing is left to prove: 1.`) {
		t.Error(said)
	}
	d.N = 0
	if err := d.Pack(ctx, h.Main, w.owner, &b); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}
