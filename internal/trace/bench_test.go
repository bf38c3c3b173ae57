// SPDX-License-Identifier: AGPL-3.0-or-later

package trace_test

import (
	"fmt"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

func houses(b *testing.B, f func(b *testing.B, h *testhouse.House)) {
	b.Run("sqlite", func(b *testing.B) { f(b, testhouse.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { f(b, testhouse.Postgres(b)) })
}

// BenchmarkAppendSet is the trace's part of an import: one member's cost.
func BenchmarkAppendSet(b *testing.B) {
	houses(b, func(b *testing.B, h *testhouse.House) {
		acc := h.Account(b)
		members := make([]trace.Member, proof.MaxMembers)
		for i := range members {
			members[i] = trace.Member{Person: trace.Person{ID: int64(1 << 40), Salt: salt(byte(i))},
				Facts: &proof.Facts{Event: "given", List: "31", State: "given", Seq: "1", Grade: "B", Occurred: "2024-02-29T08:00:00.000000Z",
					Recorded: "2026-11-24T13:00:00.000000Z", Address: fmt.Sprint(i, "@example.org")}}
		}
		b.ReportAllocs()
		for done := 0; done < b.N; done += len(members) {
			must(b, h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) error {
				_, err := trace.AppendSet(tx, trace.Act{Action: "import.rows"}, members[:min(len(members), b.N-done)])
				return err
			}))
		}
	})
}

// BenchmarkAppend is the trace's part of a single act.
func BenchmarkAppend(b *testing.B) {
	houses(b, func(b *testing.B, h *testhouse.House) {
		acc := h.Account(b)
		p := léa(b, h, acc)
		b.ReportAllocs()
		for done := 0; done < b.N; done += 500 {
			must(b, h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) error {
				for range min(500, b.N-done) {
					if _, err := trace.Append(tx, trace.Act{Action: "contact.correct", Object: "contact", ObjectID: p.ID, Person: p,
						Clear: proof.Fields{"field": "city"}, Private: proof.Fields{"before": "Lyon", "after": "Orléans"}}); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	})
}

// BenchmarkSeal seals b.N leaves that wait.
func BenchmarkSeal(b *testing.B) {
	houses(b, func(b *testing.B, h *testhouse.House) {
		acc := h.Account(b)
		many(b, h, acc, b.N)
		b.ResetTimer()
		must(b, trace.SealNow(ctx, h.Main))
	})
}

// BenchmarkVerify holds b.N entries against the database.
func BenchmarkVerify(b *testing.B) {
	houses(b, func(b *testing.B, h *testhouse.House) {
		acc := h.Account(b)
		many(b, h, acc, b.N)
		must(b, trace.SealNow(ctx, h.Main))
		b.ResetTimer()
		v, err := h.Log.Verify(ctx, trace.Check{})
		if err != nil || !v.Holds() || v.Entries != int64(b.N) {
			b.Fatalf("%v %+v", err, v)
		}
	})
}

func many(b *testing.B, h *testhouse.House, acc int64, n int) {
	for done := 0; done < n; done += 1000 {
		must(b, h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) error {
			for i := range min(1000, n-done) {
				if _, err := trace.Append(tx, trace.Act{Action: "list.make", Object: "list", ObjectID: int64(i + 1), Clear: proof.Fields{"n": "1"}}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
