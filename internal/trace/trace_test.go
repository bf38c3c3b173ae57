// SPDX-License-Identifier: AGPL-3.0-or-later

package trace_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func salt(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// léa is a person with a key.
func léa(t testing.TB, h *testhouse.House, account int64) trace.Person {
	ref, open, err := h.Ring.Take(account)
	must(t, err)
	return trace.Person{ID: 1001, Salt: salt(7), Key: ref, Open: open}
}

// life writes two acts about Léa, one alone and one as a member of a set, among others.
func life(t testing.TB, h *testhouse.House, account int64) (p trace.Person, one, set int64) {
	p = léa(t, h, account)
	must(t, h.Main.Write(ctx, h.Member(account), func(tx *store.Tx) (err error) {
		one, err = trace.Append(tx, trace.Act{Action: "contact.correct", Object: "contact", ObjectID: p.ID, Person: p,
			Clear: proof.Fields{"field": "city"}, Private: proof.Fields{"before": "Lyon", "after": "Orléans\n", "ip": "198.51.100.7"}})
		if err != nil {
			return err
		}
		members := []trace.Member{}
		for i := range 300 {
			m := trace.Member{Person: trace.Person{ID: int64(2000 + i), Salt: salt(byte(i))}, Private: proof.Fields{"address": fmt.Sprint(i, "@example.org")}}
			if i%2 == 0 {
				m.Facts = &proof.Facts{Event: "given", List: "31", State: "given", Seq: "1", Grade: "B", Address: m.Private["address"]}
				m.Private = nil
			} else {
				m.Clear, _ = proof.Facts{Event: "given", List: "31", State: "given", Seq: "1", Grade: "B"}.Split()
			}
			if i == 77 {
				m.Person = p
				m.Private = proof.Fields{"address": "lea@example.org", "ip": "203.0.113.9"}
			}
			members = append(members, m)
		}
		set, err = trace.AppendSet(tx, trace.Act{Action: "import.rows", Object: "import", ObjectID: 88}, members)
		return err
	}))
	return p, one, set
}

func TestAnActIsProvedOfflineOnceItIsSealed(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		for range 3 { // several seals: the tree grows over tiles
			life(t, h, acc)
			must(t, trace.SealNow(ctx, h.Main))
		}
		p, one, set := life(t, h, acc)
		var file []byte
		must(t, trace.Prove(ctx, h.Main, h.Member(acc), func(v *trace.Prover) error {
			e1, err := v.Entry(one, trace.Shown{Member: proof.Whole, Person: p})
			must(t, err)
			facts := proof.Facts{Event: "given", List: "31", State: "given", Seq: "1", Grade: "B", Address: "lea@example.org"}
			clear, private := facts.Split()
			e2, err := v.Entry(set, trace.Shown{Member: 77, Person: p, Clear: clear, Private: private,
				Removed: map[string]string{"ip": "2026-03-02 by rule consent.ip"}})
			must(t, err)
			log, err := v.Log()
			must(t, err)
			file, err = v.Sign(proof.File{ID: "1", Account: acc, Person: proof.Person{ID: p.ID, Address: "lea@example.org"},
				Lists: []proof.List{{ID: 31, State: "given", Grade: "B", Events: []proof.Event{{Facts: facts, Entry: e2}}}},
				Acts:  []proof.Act{{Entry: e1}}, Log: log})
			return err
		}))
		if !bytes.Contains(file, []byte(`"value":"Orléans\n"`)) || bytes.Contains(file, []byte("203.0.113.9")) || bytes.Contains(file, []byte("198.51.100.7")) {
			t.Error("the proof shows other values than asked")
		}
		r, err := proof.Verify(file, h.Log.Key(), nil)
		must(t, err)
		if !r.Holds() {
			t.Error("the true proof does not hold")
		}
		for i := range file {
			if i%97 != 0 {
				continue
			}
			bad := bytes.Clone(file)
			bad[i] ^= 1
			if _, err := proof.Verify(bad, h.Log.Key(), nil); err == nil {
				t.Fatalf("byte %d of the proof can be changed unseen", i)
			}
		}
	})
}

func TestALaterCheckpointIsLinkedToAnEarlierProofByABridge(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		life(t, h, acc)
		must(t, trace.SealNow(ctx, h.Main))
		old, err := h.Log.Checkpoint(ctx)
		must(t, err)
		cp, err := proof.OpenCheckpoint(old, h.Log.Key())
		must(t, err)
		if cp.Size != 2 {
			t.Fatalf("the checkpoint counts %d entries, want 2", cp.Size)
		}
		life(t, h, acc)
		must(t, trace.SealNow(ctx, h.Main))
		b, err := h.Log.Bridge(ctx, cp.Size)
		must(t, err)
		if !bytes.HasPrefix(b, []byte("consend-bridge/1\nfrom 2\n")) {
			t.Errorf("not a bridge: %q", b)
		}
		if _, err := h.Log.Bridge(ctx, 99); !fault.Is(err, fault.NotFound) {
			t.Errorf("a bridge from what is not there: %v", err)
		}
	})
}

// An act that goes wrong between the two runs again on the same memory.
func TestASetThatIsGivenUpLooksAtNobodyAnyMore(t *testing.T) {
	h := testhouse.SQLite(t)
	wait := make(chan bool)
	var looked atomic.Int64
	must(t, h.Main.Write(ctx, h.Member(h.Account(t)), func(tx *store.Tx) error {
		members := make([]trace.Member, 600)
		for i := range members {
			members[i].Facts = slow{wait, &looked}
		}
		s, err := trace.BeginSet(tx, trace.Act{Action: "import.rows"}, members)
		must(t, err)
		go close(wait)
		s.Rest()
		s.Rest()
		if n := looked.Load(); n != 600 {
			t.Errorf("%d of 600 were looked at when it came to rest", n)
		}
		return nil
	}))
}

// slow are facts that wait before they are told.
type slow struct {
	wait   chan bool
	looked *atomic.Int64
}

func (s slow) AppendClear(b []byte, _, _ string) []byte { <-s.wait; s.looked.Add(1); return b }
func (slow) EachPrivate(func(name, value string))       {}

func TestSigningTheSameHeadTwiceGivesTheSameBytes(t *testing.T) {
	h := testhouse.SQLite(t)
	life(t, h, h.Account(t))
	must(t, trace.SealNow(ctx, h.Main))
	a, err := h.Log.Checkpoint(ctx)
	must(t, err)
	h.Clock.Advance(time.Hour)
	b, err := h.OpenLog(t).Checkpoint(ctx)
	must(t, err)
	if !bytes.Equal(a, b) {
		t.Error("two signatures of one head differ")
	}
}

func TestAnActOfAPersonWithoutAKeyKeepsNoValues(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		nobody := trace.Person{ID: 5, Salt: salt(5)}
		var id int64
		must(t, h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) (err error) {
			id, err = trace.Append(tx, trace.Act{Action: "contact.correct", Person: nobody, Private: proof.Fields{"before": "Lyon"}})
			return err
		}))
		must(t, trace.Prove(ctx, h.Main, h.Member(acc), func(v *trace.Prover) error {
			e, err := v.Entry(id, trace.Shown{Member: proof.Whole, Person: nobody})
			must(t, err)
			if f := e.Record.Private; len(f) != 1 || f[0].Value != "" || f[0].Commitment == "" {
				t.Errorf("private fields %+v", f)
			}
			_, err = v.Entry(id, trace.Shown{Member: proof.Whole, Person: nobody, Private: proof.Fields{"before": "Paris"}})
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("another value than the committed one: %v", err)
			}
			return nil
		}))
	})
}

func TestTheForgottenCanNoLongerBeShown(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		p, one, _ := life(t, h, acc)
		must(t, h.Ring.Forget(ctx, acc, p.Key))
		p.Open, p.Salt = keys.Subject{}, nil
		must(t, trace.Prove(ctx, h.Main, h.Member(acc), func(v *trace.Prover) error {
			e, err := v.Entry(one, trace.Shown{Member: proof.Whole, Person: p})
			must(t, err)
			if e.Record.C2 == "" || len(e.Record.Private) > 0 {
				t.Error("the private part is still there")
			}
			return nil
		}))
	})
}

func TestAnActNamesItsOwnFieldsOnly(t *testing.T) {
	h := testhouse.SQLite(t)
	acc := h.Account(t)
	for _, a := range []trace.Act{
		{Action: "correct"}, {Action: "contact.correct", Clear: proof.Fields{"at": "1999"}},
		{Action: "contact.correct", Person: trace.Person{ID: 4}, Private: proof.Fields{"x": "y"}}, {Action: "contact.correct", Private: proof.Fields{"E": "x"}},
	} {
		if err := h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) error {
			_, err := trace.Append(tx, a)
			return err
		}); err == nil {
			t.Errorf("%+v was written", a)
		}
	}
}

func TestTheInstallationsOwnActsStandInTheSameLog(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		who := h.Member(0)
		who.Kind, who.Name = "system", "doctor"
		must(t, h.Main.Write(ctx, who, func(tx *store.Tx) error {
			_, err := trace.Append(tx, trace.Act{Action: "root.rotate", Private: proof.Fields{"why": "yearly"}})
			return err
		}))
		must(t, trace.SealNow(ctx, h.Main))
		c, err := h.Log.Checkpoint(ctx)
		must(t, err)
		if cp, err := proof.OpenCheckpoint(c, h.Log.Key()); err != nil || cp.Size != 1 {
			t.Errorf("%v, %+v", err, cp)
		}
	})
}

func TestALongQueueIsSealedInSeveralSteps(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc, other := h.Account(t), h.Account(t)
		for i, n := range []int{5000, 1} {
			must(t, h.Main.Write(ctx, h.Member([]int64{acc, other}[i]), func(tx *store.Tx) error {
				for range n {
					if _, err := trace.Append(tx, trace.Act{Action: "list.make"}); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		must(t, trace.SealNow(ctx, h.Main))
		v, err := h.Log.Verify(ctx, trace.Check{})
		if err != nil || !v.Holds() || v.Entries != 5001 || v.Pending != 0 {
			t.Errorf("%v %+v", err, v)
		}
	})
}
