// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"consend/internal/ground/blob"
	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

var (
	countImports = store.Account("test.imports", `SELECT COUNT(*) FROM import i WHERE i.account_id = :account`)
	countBlobs   = store.Account("test.blobs", `SELECT COUNT(*) FROM blob b WHERE b.account_id = :account`)
	countChunks  = store.Account("test.chunks", `SELECT COUNT(*) FROM blob_chunk c WHERE c.account_id = :account`)
)

// stored is how many imports, blobs and pieces the account has.
func (s *shop) stored(t testing.TB) (n [3]int64) {
	t.Helper()
	s.view(t, func(v *store.View) (err error) {
		for k, q := range []*store.Query{countImports, countBlobs, countChunks} {
			if n[k], err = store.One[int64](v, q); err != nil {
				return err
			}
		}
		return nil
	})
	return n
}

// upload is a file of three pieces, as it comes from a visitor; before is called with each read's number.
type upload struct {
	text   *strings.Reader
	before func(n int) error
	n      int
}

func (u *upload) Read(p []byte) (int, error) {
	u.n++
	if err := u.before(u.n); err != nil {
		return 0, err
	}
	return u.text.Read(p[:min(len(p), 16<<10)])
}

func big() *strings.Reader {
	return strings.NewReader("email;name\n" + strings.Repeat("somebody@example.org;Somebody\n", 3*blob.Chunk/30) + strings.Repeat("x", 2<<20))
}

// An upload that breaks off anywhere leaves no import and nothing of its file: neither when the visitor goes, nor when a
// statement fails.
func TestAnUploadThatBreaksOffAnywhereLeavesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		for _, at := range []int{1, 2, 70, 100, 150} {
			for _, noticed := range []bool{false, true} { // by the server too, which ends the visitor's context
				ctx, cancel := context.WithCancel(context.Background())
				_, err := importer.Receive(ctx, h.Main, s.owner, "people.csv", &upload{text: big(), before: func(n int) error {
					if n < at {
						return nil
					}
					if noticed {
						cancel()
					}
					return io.ErrUnexpectedEOF // as net/http and mime/multipart have it
				}})
				cancel()
				if n := s.stored(t); err == nil || n != [3]int64{} {
					t.Fatalf("gone at read %d: %v, left %v", at, err, n)
				}
			}
		}
		for k := 1; ; k++ {
			left := k
			h.Main.SetHook(func(q string) error {
				if left--; left == 0 {
					return errKilled
				}
				return nil
			})
			id, err := importer.Receive(context.Background(), h.Main, s.owner, "people.csv", big())
			h.Main.SetHook(nil)
			n := s.stored(t)
			if err == nil {
				if id == 0 || n[0] != 1 || n[1] != 1 {
					t.Errorf("import %d, left %v", id, n)
				}
				t.Logf("broken off at each of %d statements", k-1)
				return
			}
			if n != [3]int64{} {
				t.Fatalf("statement %d: %v, left %v", k, err, n)
			}
		}
	})
}

// A process that is killed while a file arrives can clean up nothing: no import shows, nobody opens the file, and a day
// later it is gone.
func TestWhatAKillLeavesOfAnUploadIsNotSeenAndGoesAfterADay(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		dead := false
		h.Main.SetHook(func(string) error {
			if dead {
				return errKilled
			}
			return nil
		})
		_, err := importer.Receive(context.Background(), h.Main, s.owner, "people.csv", &upload{text: big(), before: func(n int) error {
			if n == 150 {
				dead = true
			}
			return nil
		}})
		h.Main.SetHook(nil)
		if n := s.stored(t); !errors.Is(err, errKilled) || n[0] != 0 || n[1] != 1 || n[2] == 0 {
			t.Fatalf("%v, left %v", err, n)
		}
		must(t, blob.Sweep(context.Background(), h.Main))
		if n := s.stored(t); n[1] != 1 {
			t.Errorf("swept while it may still arrive: %v", n)
		}
		h.Clock.Advance(25 * time.Hour)
		must(t, blob.Sweep(context.Background(), h.Main))
		if n := s.stored(t); n != [3]int64{} {
			t.Errorf("a day later: %v", n)
		}
	})
}

// While a visitor's file is on its way, however slowly, others write.
func TestAFileThatArrivesHoldsUpNobody(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		id, err := importer.Receive(context.Background(), h.Main, s.owner, "people.csv", &upload{text: big(), before: func(int) error {
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second) // only a fault lets it end
			defer stop()
			return h.Main.Write(ctx, s.owner, func(*store.Tx) error { return nil })
		}})
		if err != nil || id == 0 {
			t.Errorf("%d %v", id, err)
		}
	})
}
