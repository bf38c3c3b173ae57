// SPDX-License-Identifier: AGPL-3.0-or-later

package trace_test

import (
	"context"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnActWritesItsEntryInTheSameTransaction(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		var one, set int64
		must(t, h.Main.Write(context.Background(), h.Member(acc), func(tx *store.Tx) (err error) {
			p := trace.Person{ID: 1001, Salt: make([]byte, 32)}
			one, err = trace.Append(tx, trace.Act{Action: "contact.correct", Object: "contact", ObjectID: 1001, Person: p,
				Clear: proof.Fields{"field": "city"}, Private: proof.Fields{"before": "Lyon", "after": "Paris"}})
			if err != nil {
				return err
			}
			set, err = trace.AppendSet(tx, trace.Act{Action: "import.rows", Clear: proof.Fields{"event": "given"}}, []trace.Member{
				{Person: p, Clear: proof.Fields{"seq": "1"}, Private: proof.Fields{"address": "lea@example.org"}},
				{Person: trace.Person{ID: 1002, Salt: make([]byte, 32)}, Private: proof.Fields{"ip": "203.0.113.1"}}})
			return err
		}))
		if one == 0 || set <= one {
			t.Fatalf("entries %d, %d", one, set)
		}
	})
}
