// SPDX-License-Identifier: AGPL-3.0-or-later

package trace_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// tables are those of the log, for who puts an older copy of the database back.
var tables = []string{"trace_entry", "trace_pending", "trace_leaf", "trace_members", "trace_tile", "trace_head", "trace_checkpoint"}

// acts writes n acts and seals them; it gives their entries.
func acts(t *testing.T, h *testhouse.House, account int64, n int) (ids []int64) {
	t.Helper()
	for i := range n {
		must(t, h.Main.Write(ctx, h.Member(account), func(tx *store.Tx) error {
			id, err := trace.Append(tx, trace.Act{Action: "list.make", Object: "list", ObjectID: int64(i + 1), Person: trace.Person{ID: 1001, Salt: salt(7)},
				Clear: proof.Fields{"n": fmt.Sprint(i)}, Private: proof.Fields{"name": "Léa"}})
			ids = append(ids, id)
			return err
		}))
		h.Clock.Advance(time.Minute)
	}
	must(t, trace.SealNow(ctx, h.Main))
	return ids
}

func salts(store.Reader, int64, []int64) (map[int64][]byte, error) {
	return map[int64][]byte{1001: salt(7)}, nil
}

func found(t *testing.T, v trace.Verdict) (keys []string) {
	t.Helper()
	for _, f := range v.Found {
		keys = append(keys, strings.TrimPrefix(f.Key, "trace.found."))
		for _, lang := range []string{locale.English, locale.French} {
			if s := locale.For(lang, nil).Fault(f); s == "" || strings.Contains(s, "<no value>") || strings.Contains(s, "trace.") {
				t.Errorf("no words: %s", s)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestWhatTheOwnerOfTheDatabaseChangesIsFound(t *testing.T) {
	// $1 and $2 are two sealed entries, $S a set act.
	cases := []struct {
		name string
		sql  []string
		want string
	}{
		{"an entry's text is edited", []string{`UPDATE trace_entry SET clear = replace(clear, 'n 3', 'n 9') WHERE id = $1`}, "changed"},
		{"an entry's commitment is edited", []string{`UPDATE trace_entry SET c2 = (SELECT c2 FROM trace_entry WHERE id = $2) WHERE id = $1`}, "changed"},
		{"a person's commitments are edited", []string{`UPDATE trace_entry SET private = (SELECT private FROM trace_entry WHERE id = $2) WHERE id = $1`}, "private"},
		{"an entry is deleted", []string{`DELETE FROM trace_entry WHERE id = $1`}, "deleted"},
		{"an entry and its place are deleted", []string{`DELETE FROM trace_entry WHERE id = $1`, `DELETE FROM trace_leaf WHERE entry_id = $1`}, "missing"},
		{"an entry is inserted", []string{`INSERT INTO trace_entry SELECT account_id, 7, at, action, actor, actor_id, object, object_id, contact_id, replace(clear, 'entry $1', 'entry 7'), private, c2, sealed FROM trace_entry WHERE id = $1`}, "inserted"},
		{"an entry is inserted to be sealed", []string{
			`INSERT INTO trace_entry SELECT account_id, 7, at, action, actor, actor_id, object, object_id, contact_id, replace(clear, 'entry $1', 'entry 7'), private, c2, sealed FROM trace_entry WHERE id = $1`,
			`INSERT INTO trace_pending SELECT account_id, 7, at, c2 FROM trace_entry WHERE id = $1`}, "waiting"},
		{"the texts of two entries are exchanged", []string{
			`UPDATE trace_entry SET id = 7 WHERE id = $1`, `UPDATE trace_entry SET id = $1 WHERE id = $2`, `UPDATE trace_entry SET id = $2 WHERE id = 7`}, "swapped"},
		{"two entries change places", []string{
			`CREATE TABLE moved AS SELECT a.account_id, a.entry_id, b.leaf_index, a.at FROM trace_leaf a JOIN trace_leaf b ON b.entry_id = $1 + $2 - a.entry_id WHERE a.entry_id IN ($1, $2)`,
			`DELETE FROM trace_leaf WHERE entry_id IN ($1, $2)`, `INSERT INTO trace_leaf SELECT * FROM moved`}, "moved"},
		{"an entry is dated back", []string{`UPDATE trace_entry SET at = at - 86400000000 WHERE id = $1`}, "dated"},
		{"an act is put on somebody else", []string{`UPDATE trace_entry SET actor_id = 99 WHERE id = $1`}, "column"},
		{"an act is hidden from its person", []string{`UPDATE trace_entry SET contact_id = 0 WHERE id = $1`}, "column"},
		{"a set's members are edited", []string{`UPDATE trace_members SET leaves = (SELECT c.leaves FROM trace_members c WHERE c.entry_id <> $S AND c.n = trace_members.n) WHERE entry_id = $S`}, "members"},
		{"a set's members are deleted", []string{`DELETE FROM trace_members WHERE entry_id = $S`}, "members_gone"},
		{"the end is cut off", []string{`DELETE FROM trace_entry WHERE id >= $2`, `DELETE FROM trace_members WHERE entry_id >= $2`, `DELETE FROM trace_leaf WHERE entry_id >= $2`}, "missing"},
		{"the tree is edited", []string{`UPDATE trace_tile SET hashes = (SELECT c.leaves FROM trace_members c WHERE c.entry_id = $S)`}, "another"},
	}
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		ids := acts(t, h, acc, 6)
		life(t, h, acc)
		_, _, set := life(t, h, acc)
		must(t, trace.SealNow(ctx, h.Main))
		check := trace.Check{Salts: salts}
		v, err := h.Log.Verify(ctx, check)
		must(t, err)
		if !v.Holds() || v.Entries != 10 || v.Members != 600 || v.Copies < 3 || len(v.Checkpoint) == 0 {
			t.Fatalf("before: %+v", v)
		}
		copied(h, t)
		r := strings.NewReplacer("$1", fmt.Sprint(ids[3]), "$2", fmt.Sprint(ids[4]), "$S", fmt.Sprint(set))
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				for _, sql := range c.sql {
					h.Raw(t, r.Replace(sql))
				}
				v, err := h.Log.Verify(ctx, check)
				must(t, err)
				if keys := found(t, v); !slices.Contains(keys, c.want) && !slices.Contains(keys, "trace."+c.want) {
					t.Errorf("found %v, want %s", keys, c.want)
				}
				if len(v.Checkpoint) > 0 {
					t.Error("and a checkpoint was signed")
				}
				back(h, t)
			})
		}
		if v, err = h.Log.Verify(ctx, check); err != nil || !v.Holds() {
			t.Errorf("after all: %v %+v", err, v)
		}
	})
}

// copied keeps a copy of the log's tables, as a backup does; back puts it back.
func copied(h *testhouse.House, t *testing.T) {
	for _, x := range tables {
		h.Raw(t, "CREATE TABLE copy_"+x+" AS SELECT * FROM "+x)
	}
}

func back(h *testhouse.House, t *testing.T) {
	for _, x := range tables {
		h.Raw(t, "DELETE FROM "+x, "INSERT INTO "+x+" SELECT * FROM copy_"+x)
	}
}

func TestALogThatWasCutShortOrPutBackDoesNotStart(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *testhouse.House, t *testing.T, acc int64)
		want string
	}{
		{"an older copy is put back", func(h *testhouse.House, t *testing.T, acc int64) {
			copied(h, t)
			acts(t, h, acc, 3)
			back(h, t)
		}, "trace.behind"},
		{"an older copy is put back and worked on", func(h *testhouse.House, t *testing.T, acc int64) {
			copied(h, t)
			acts(t, h, acc, 3)
			back(h, t)
			acts2(t, h, acc)
		}, "trace.another"},
		{"everything is taken out", func(h *testhouse.House, t *testing.T, acc int64) {
			for _, x := range tables {
				h.Raw(t, "DELETE FROM "+x)
			}
		}, "trace.behind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				acc := h.Account(t)
				acts(t, h, acc, 5)
				c.do(h, t, acc)
				_, err := trace.Open(ctx, h.LogSettings())
				if !fault.Is(err, fault.Refused) || fault.All(err)[0].Key != c.want {
					t.Errorf("start: %v, want %s", err, c.want)
				}
			})
		})
	}
}

// acts2 writes and tries to seal on a database that was put back: the node that signed the
// later log refuses.
func acts2(t *testing.T, h *testhouse.House, acc int64) {
	must(t, h.Main.Write(ctx, h.Member(acc), func(tx *store.Tx) error {
		for range 8 {
			if _, err := trace.Append(tx, trace.Act{Action: "list.make"}); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := trace.SealNow(ctx, h.Main); err == nil {
		t.Error("a log that was put back is signed on")
	}
}

// A receipt or a checkpoint mail is made in an act, and signs the head it finds there.
func TestAProofIsNotSignedOnALogThatWasChanged(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		ids := acts(t, h, acc, 5)
		log := func() (err error) {
			must(t, h.Main.View(ctx, h.Member(acc), func(v *store.View) error {
				p, e := trace.ProverIn(v)
				must(t, e)
				_, err = p.Log()
				return nil
			}))
			return err
		}
		must(t, log())
		for _, size := range []string{"5", "6"} {
			h.Raw(t, fmt.Sprintf(`UPDATE trace_head SET size = %s, root = (SELECT c2 FROM trace_entry WHERE id = %d)`, size, ids[0]))
			h.Raw(t, `UPDATE trace_tile SET hashes = (SELECT c.c2 FROM trace_entry c WHERE c.id = `+fmt.Sprint(ids[0])+`)`)
			if log() == nil {
				t.Errorf("a log of %s entries that nobody sealed was signed", size)
			}
		}
	})
}

func TestWhoAsksForTheCheckpointWhileAnotherIsSignedIsTold(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		acts(t, h, acc, 2)
		for _, at := range []string{"trace.find_head", "trace.find_tile"} {
			more := true
			h.Main.SetHook(func(q string) error {
				if more && q == at {
					more = false
					acts(t, h, acc, 1)
				}
				return nil
			})
			_, err := h.Log.Checkpoint(ctx)
			h.Main.SetHook(nil)
			must(t, err)
		}
	})
}

func TestACheckpointFileOfAnotherHouseIsToldApart(t *testing.T) {
	h := testhouse.SQLite(t)
	acts(t, h, h.Account(t), 2)
	list, err := os.ReadDir(h.LogSettings().Dir)
	must(t, err)
	if len(list) != 1 || list[0].Name() != "2026-03-02.checkpoint" {
		t.Fatalf("files: %v", list)
	}
	name := filepath.Join(h.LogSettings().Dir, list[0].Name())
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)-10] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	var f *fault.Error
	if _, err := trace.Open(ctx, h.LogSettings()); !errors.As(err, &f) || f.Key != "trace.copy.unsigned" {
		t.Errorf("start: %v", err)
	}
}

// A kill between writing a copy of the checkpoint and naming it leaves a file beside; a start
// removes it, but not what another process may be writing now.
func TestAStartRemovesHalfWrittenCopies(t *testing.T) {
	h := testhouse.SQLite(t)
	dir := filepath.Join(h.Dir, "checkpoints")
	must(t, os.MkdirAll(dir, 0o700))
	for name, age := range map[string]time.Duration{"new-1": time.Hour, "new-2": time.Second, "2026-03-02.note": time.Hour} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		at := h.Clock.Now().Add(-age)
		must(t, os.Chtimes(filepath.Join(dir, name), at, at))
	}
	h.OpenLog(t)
	files, err := os.ReadDir(dir)
	must(t, err)
	var left []string
	for _, f := range files {
		left = append(left, f.Name())
	}
	if want := []string{"2026-03-02.note", "new-2"}; !slices.Equal(left, want) {
		t.Errorf("%v, not %v", left, want)
	}
}
