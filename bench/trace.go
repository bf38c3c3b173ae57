// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// The small act of the trace's measure: five rows, as a sign-up writes them, without their
// meaning. The set act: 4,096 people in three tables' worth of rows.
var (
	benchPut  = store.Account("bench.put", `INSERT INTO fact (account_id, id, kind, ref, at) VALUES (:account, ?, 'bench', ?, :now)`)
	benchLoad = store.Load("bench.load", "fact", []store.Column{{Name: "id"}, {Name: "kind", Type: store.Text}, {Name: "ref"}, {Name: "at"}}, "")
)

const benchAccount = 4711

// traced opens a house with a log and the keys of one account.
func (e Env) traced(ctx context.Context) (*House, *trace.Log, error) {
	h, err := e.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := h.Ring.MakeAccount(ctx, benchAccount); err != nil {
		return nil, nil, err
	}
	l, err := trace.Open(ctx, trace.Settings{Main: h.Main, Keys: h.Keys, Archive: h.Archive, Ring: h.Ring, Name: "bench.example", Dir: filepath.Join(e.Dir, "checkpoints")})
	return h, l, err
}

var traceAct = Work{
	Name: "trace-act", What: "a small act of five rows, without and with its entry; 8 at once; goal: at most 25 % more", N: 20_000,
	Goal: map[string]float64{"sqlite": 0.8, "postgres": 0.8},
	Variants: []Variant{
		{"untraced", func(ctx context.Context, e Env) (Result, error) { return smallActs(ctx, e, false) }},
		{"traced", func(ctx context.Context, e Env) (Result, error) { return smallActs(ctx, e, true) }},
	},
}

func smallActs(ctx context.Context, e Env, traced bool) (Result, error) {
	h, _, err := e.traced(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	salt := make([]byte, 32)
	rand.Read(salt)
	who := actor.Worker("bench", benchAccount)
	m := Start()
	took := make([][]time.Duration, 8)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := int64(w); i < e.N; i += 8 {
				began := time.Now()
				if errs[w] = h.Main.Write(ctx, who, func(tx *store.Tx) error {
					for range 5 {
						tx.Do(benchPut, tx.ID(), i)
					}
					if !traced {
						return nil
					}
					_, err := trace.Append(tx, trace.Act{Action: "bench.act", Object: "contact", ObjectID: i, Person: trace.Person{ID: i + 1, Salt: salt},
						Clear: proof.Fields{"list": "12", "state": "given", "basis": "consent"}, Private: proof.Fields{"address": "someone@example.org"}})
					return err
				}); errs[w] != nil {
					return
				}
				took[w] = append(took[w], time.Since(began))
			}
		})
	}
	all.Wait()
	r := m.Stop(e.N)
	var each []time.Duration
	for w := range 8 {
		if errs[w] != nil {
			return Result{}, errs[w]
		}
		each = append(each, took[w]...)
	}
	return r.Latencies(each), nil
}

var traceSet = Work{
	Name: "trace-set", What: "a set act of 4,096 people with three rows each, without and with its entry", N: 400_000,
	Variants: []Variant{
		{"untraced", func(ctx context.Context, e Env) (Result, error) { return setActs(ctx, e, false) }},
		{"traced", func(ctx context.Context, e Env) (Result, error) { return setActs(ctx, e, true) }},
	},
}

func setActs(ctx context.Context, e Env, traced bool) (Result, error) {
	h, _, err := e.traced(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	salts := make([]byte, 32*proof.MaxMembers)
	rand.Read(salts)
	m := Start()
	done := int64(0)
	err = h.Main.Bulk(ctx, actor.Worker("bench", benchAccount), func(tx *store.Tx) (bool, error) {
		n := min(int64(proof.MaxMembers), e.N-done)
		var set *trace.Set
		if traced { // as the ledger does: the members are committed while their rows go in
			members := make([]trace.Member, n)
			for i := range members {
				members[i] = trace.Member{Person: trace.Person{ID: done + int64(i) + 1, Salt: salts[32*i : 32*i+32]},
					Clear:   proof.Fields{"occurred": "2026-01-02T03:04:05.000000Z"},
					Private: proof.Fields{"address": "someone" + strconv.Itoa(i) + "@example.org"}}
			}
			var err error
			if set, err = trace.BeginSet(tx, trace.Act{Action: "bench.set", Clear: proof.Fields{"list": "12", "state": "given"}}, members); err != nil {
				return false, err
			}
		}
		rows := make([][]any, 0, 3*n)
		for range 3 * n {
			rows = append(rows, []any{tx.ID(), "bench.row", int64(1), int64(tx.Now)})
		}
		if _, err := tx.Load(benchLoad, rows); err != nil {
			return false, err
		}
		if set != nil {
			if _, err := set.Append(); err != nil {
				return false, err
			}
		}
		done += n
		return done < e.N, nil
	})
	return m.Stop(e.N), err
}

// traceSeal has no floor of a database: beside it stands the bare hashing of the same tree.
var traceSeal = Work{
	Name: "trace-seal", What: "entries sealed into the tree; goal: 100,000 a second. And the whole log verified; goal: 1,000,000 in 60 s", N: 200_000,
	Variants: []Variant{
		{"hashing", func(_ context.Context, e Env) (Result, error) {
			leaves := make([]proof.Hash, e.N)
			for i := range leaves {
				rand.Read(leaves[i][:])
			}
			m := Start()
			t, err := proof.Grow(leaves)
			if err != nil {
				return Result{}, err
			}
			if _, err := t.Root(t.Size()); err != nil {
				return Result{}, err
			}
			return m.Stop(e.N), nil
		}},
		{"seal", func(ctx context.Context, e Env) (Result, error) {
			h, l, err := e.traced(ctx)
			if err != nil {
				return Result{}, err
			}
			defer h.Close()
			if err := fill(ctx, h, e.N); err != nil {
				return Result{}, err
			}
			m := Start()
			if err := l.Seal(ctx); err != nil {
				return Result{}, err
			}
			return m.Stop(e.N), nil
		}},
		{"verify", func(ctx context.Context, e Env) (Result, error) {
			h, l, err := e.traced(ctx)
			if err != nil {
				return Result{}, err
			}
			defer h.Close()
			if err := fill(ctx, h, e.N); err != nil {
				return Result{}, err
			}
			if err := l.Seal(ctx); err != nil {
				return Result{}, err
			}
			m := Start()
			v, err := l.Verify(ctx, trace.Check{Salts: func(_ store.Reader, _ int64, people []int64) (map[int64][]byte, error) {
				out := make(map[int64][]byte, len(people))
				for _, id := range people {
					out[id] = make([]byte, 32)
				}
				return out, nil
			}})
			if err != nil {
				return Result{}, err
			}
			if !v.Holds() || v.Entries != e.N {
				return Result{}, fmt.Errorf("the log does not verify: %d of %d, %v", v.Entries, e.N, v.Found)
			}
			return m.Stop(e.N), nil
		}},
	},
}

func fill(ctx context.Context, h *House, n int64) error {
	done := int64(0)
	salt := make([]byte, 32)
	return h.Main.Bulk(ctx, actor.Worker("bench", benchAccount), func(tx *store.Tx) (bool, error) {
		for range min(1000, n-done) {
			if _, err := trace.Append(tx, trace.Act{Action: "bench.act", Object: "contact", ObjectID: done, Person: trace.Person{ID: done + 1, Salt: salt},
				Clear: proof.Fields{"state": "given"}, Private: proof.Fields{"address": "someone@example.org"}}); err != nil {
				return false, err
			}
			done++
		}
		return done < n, nil
	})
}
