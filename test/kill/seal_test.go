// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"consend/internal/app"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// page asks for a page of the running node.
func (n *node) page(path string) string {
	n.Helper()
	a, err := http.Get(n.url + path)
	must(n, err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	must(n, err)
	if a.StatusCode != http.StatusOK {
		n.Fatalf("GET %s: %s", path, a.Status)
	}
	return string(b)
}

// bridged holds that the log of a checkpoint goes on in the log of the node as it is now, by a
// proof the node gives and this test checks.
func (n *node) bridged(old proof.Checkpoint, key string) {
	n.Helper()
	text := n.page(fmt.Sprintf("/.well-known/consend/bridge/%d", old.Size))
	head, note, ok := strings.Cut(strings.TrimPrefix(text, "consend-bridge/1\n"), "\n\n")
	cp, err := proof.OpenCheckpoint([]byte(note), key)
	if !ok || err != nil {
		n.Fatalf("the bridge from %d: %v\n%s", old.Size, err, text)
	}
	var path tlog.TreeProof
	for _, line := range strings.Fields(head)[2:] {
		b, err := base64.StdEncoding.DecodeString(line)
		must(n, err)
		path = append(path, tlog.Hash(b))
	}
	if cp.Size == old.Size && cp.Root == old.Root {
		return
	}
	if err := tlog.CheckTree(path, cp.Size, cp.Root, old.Size, old.Root); err != nil {
		n.Errorf("a checkpoint of %d entries is not the beginning of the log of %d: %v", old.Size, cp.Size, err)
	}
}

var copiesThere = store.Installation("test.copies", "the copies outside main", `SELECT c.note FROM checkpoint_copy c ORDER BY c.day DESC LIMIT 1`)

// The log is extended, signed and copied while the process is killed. After each start it holds,
// goes on from every checkpoint that ever left the house, and takes in all that was acknowledged.
func TestAKillLeavesTheLogWhole(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		trials := kills(2, 110)
		key := strings.TrimSpace(n.run("trace", "key"))
		c := visit(n, nil)
		var seen []proof.Checkpoint
		var kept, keptAt = filepath.Join(n.dir, "kept.json"), int64(0)
		var slowest time.Duration
		for trial := range trials + 1 {
			n.start()
			began := time.Now()
			// Copies are held against main at the start; the published checkpoint never goes back.
			cp, err := proof.OpenCheckpoint([]byte(n.page("/.well-known/consend/checkpoint")), key)
			must(t, err)
			if len(seen) > 0 && cp.Size < seen[len(seen)-1].Size {
				t.Errorf("the checkpoint went back from %d to %d", seen[len(seen)-1].Size, cp.Size)
			}
			for _, old := range seen[max(0, len(seen)-3):] {
				n.bridged(old, key)
			}
			// What was acknowledged before the kill is sealed without another act.
			n.until("all acts are sealed", func() bool { return number(n, pending) == 0 })
			slowest = max(slowest, time.Since(began))
			if out, err := n.try("trace", "verify"); err != nil {
				t.Errorf("after %d kills: %v\n%s", n.kills, err, out)
			}
			cp, err = proof.OpenCheckpoint([]byte(n.page("/.well-known/consend/checkpoint")), key)
			must(t, err)
			if cp.Size > 0 {
				seen = append(seen, cp)
			}
			if p := c.anybody(); p != nil && keptAt == 0 {
				n.run("proof", "export", "--account", fmt.Sprint(n.account), "--contact", p.email, "-o", kept)
				b, err := os.ReadFile(kept)
				must(t, err)
				f, err := proof.Decode(b)
				must(t, err)
				at, err := proof.OpenCheckpoint([]byte(f.Log.Checkpoint), key)
				must(t, err)
				keptAt = at.Size
			}
			if trial == trials {
				break
			}
			c.opened()
			n.until("somebody signed up", func() bool { return c.anybody() != nil }) // however slow the machine is
			time.Sleep(time.Duration(n.rand.Int64N(int64(2500 * time.Millisecond)))) // over two turns of the sealer
			c.closed()
			n.kill()
		}
		c.opened()
		c.end()
		n.until("all acts are sealed", func() bool { return number(n, pending) == 0 })
		for _, old := range seen {
			n.bridged(old, key)
		}
		// A proof that somebody kept since the beginning, against the log of now.
		if keptAt > 0 {
			bridge := filepath.Join(n.dir, "bridge")
			must(t, os.WriteFile(bridge, []byte(n.page(fmt.Sprintf("/.well-known/consend/bridge/%d", keptAt))), 0o600))
			if out, err := exec.Command(verifier, kept, "--key", key, "--against", bridge).CombinedOutput(); err != nil {
				t.Errorf("consend-verify: %v\n%s", err, out)
			}
		} else {
			t.Error("nobody signed up")
		}
		n.stop()
		// All places say the same.
		want := ""
		n.inside(func(h *app.House) {
			b, err := h.Log.Checkpoint(context.Background())
			must(t, err)
			want = string(b)
			for _, db := range []*store.DB{h.Keys, h.Archive} {
				must(t, db.View(context.Background(), n.owner, func(v *store.View) error {
					got, err := store.One[string](v, copiesThere)
					if err == nil && got != want {
						t.Errorf("%s keeps\n%s\nnot\n%s", db.Kind(), got, want)
					}
					return err
				}))
			}
		})
		files, err := os.ReadDir(filepath.Join(n.dir, "checkpoints"))
		must(t, err)
		file, beside := "", 0
		for _, f := range files { // one a day, in order
			if !strings.HasSuffix(f.Name(), ".checkpoint") {
				beside++ // half written by a process that was killed: a later start removes it
				continue
			}
			b, err := os.ReadFile(filepath.Join(n.dir, "checkpoints", f.Name()))
			must(t, err)
			file = string(b)
		}
		if beside > n.kills {
			t.Errorf("%d files are left beside the checkpoints", beside)
		}
		if file != want {
			t.Errorf("the folder keeps\n%s\nnot\n%s", file, want)
		}
		lost := c.missing()
		n.whole()
		last := seen[len(seen)-1]
		summary.add(t, "%d kills, %d acts acknowledged in a log of %d entries: %d lost; %d checkpoints, each the beginning of the next; slowest to be sealed after a start %s",
			n.kills, c.acks.Load(), last.Size, lost, len(seen), slowest.Round(10*time.Millisecond))
	})
}

var pending = store.Account("test.pending", `SELECT count(*) FROM trace_pending p WHERE p.account_id = :account`)
