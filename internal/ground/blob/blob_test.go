// SPDX-License-Identifier: AGPL-3.0-or-later

package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	r.Read(b)
	return b
}

func TestAFileComesBackAsItWasStored(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		who, box := h.Member(acc), h.Ring.Box(acc)
		for _, n := range []int{0, 1, blob.Chunk - 1, blob.Chunk, blob.Chunk + 1, 3*blob.Chunk + 7} {
			data := random(n)
			i, err := blob.Store(ctx, h.Main, who, box, blob.New{Owner: "import", OwnerID: 9, Type: "text/csv"}, bytes.NewReader(data), 1<<20, nil)
			must(t, err)
			f, err := blob.Open(ctx, h.Main, who, box, i.ID)
			must(t, err)
			got, err := io.ReadAll(f)
			must(t, err)
			if !bytes.Equal(got, data) || f.Size != int64(n) {
				t.Errorf("%d bytes came back as %d", n, len(got))
			}
			if n > 5 {
				_, err = f.Seek(int64(n-5), io.SeekStart)
				must(t, err)
				if got, err = io.ReadAll(f); err != nil || !bytes.Equal(got, data[n-5:]) {
					t.Errorf("the last five of %d bytes: %v", n, err)
				}
			}
			var small int64
			must(t, h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
				small, err = blob.Put(tx, box, blob.New{Owner: "note", OwnerID: 1, Type: "text/html"}, data)
				return err
			}))
			must(t, h.Main.View(ctx, who, func(v *store.View) error {
				got, err := blob.Bytes(v, box, small, 1<<20)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("put %d bytes: %v", n, err)
				}
				return nil
			}))
		}
	})
}

func TestAFileThatIsTooLargeOrBreaksOffLeavesNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		who, box := h.Member(acc), h.Ring.Box(acc)
		n := blob.New{Owner: "import", OwnerID: 9, Type: "text/csv"}
		_, err := blob.Store(ctx, h.Main, who, box, n, bytes.NewReader(random(2*blob.Chunk)), blob.Chunk, nil)
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("too large: %v", err)
		}
		for _, broken := range []error{errors.New("connection lost"), io.ErrUnexpectedEOF} { // the latter is a visitor who went
			for _, size := range []int{9, blob.Chunk + 9} {
				_, err = blob.Store(ctx, h.Main, who, box, n, io.MultiReader(bytes.NewReader(random(size)), failing{broken}), 1<<30, nil)
				if !errors.Is(err, broken) {
					t.Errorf("broken off after %d: %v", size, err)
				}
			}
		}
		must(t, h.Main.View(ctx, who, func(v *store.View) error {
			if list, err := blob.Of(v, "import", 9); err != nil || len(list) > 0 {
				t.Errorf("left behind: %v %v", list, err)
			}
			return nil
		}))
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAPieceOpensOnlyInItsOwnPlace(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc, other := h.Account(t), h.Account(t)
		who, box := h.Member(acc), h.Ring.Box(acc)
		data := random(2 * blob.Chunk)
		i, err := blob.Store(ctx, h.Main, who, box, blob.New{Owner: "import", OwnerID: 9}, bytes.NewReader(data), 1<<20, nil)
		must(t, err)
		must(t, h.Main.Write(ctx, who, func(tx *store.Tx) error {
			for _, s := range [][2]int64{{0, 7}, {1, 0}, {7, 1}} {
				if _, err := tx.Exec(move, s[1], i.ID, s[0]); err != nil {
					return err
				}
			}
			return nil
		}))
		f, err := blob.Open(ctx, h.Main, who, box, i.ID)
		must(t, err)
		if _, err := io.ReadAll(f); err == nil {
			t.Error("two pieces were swapped and read")
		}
		if _, err := blob.Open(ctx, h.Main, h.Member(other), h.Ring.Box(other), i.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account opens it: %v", err)
		}
	})
}

var move = store.Account("blob_test.move", `UPDATE blob_chunk SET n = ? WHERE account_id = :account AND blob_id = ? AND n = ?`)

func TestWhatHasEndedIsSwept(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		acc := h.Account(t)
		who, box := h.Member(acc), h.Ring.Box(acc)
		var gone, kept int64
		must(t, h.Main.Write(ctx, who, func(tx *store.Tx) (err error) {
			if gone, err = blob.Put(tx, box, blob.New{Owner: "export", EndsAt: tx.Now.Add(time.Hour)}, random(10)); err != nil {
				return err
			}
			if kept, err = blob.Put(tx, box, blob.New{Owner: "export", EndsAt: tx.Now.Add(time.Hour)}, random(10)); err != nil {
				return err
			}
			return blob.Keep(tx, kept, tx.Now.Add(72*time.Hour))
		}))
		h.Clock.Advance(2 * time.Hour)
		must(t, blob.Sweep(ctx, h.Main))
		must(t, h.Main.View(ctx, who, func(v *store.View) error {
			if _, err := blob.Stat(v, gone); !fault.Is(err, fault.NotFound) {
				t.Errorf("ended, and still there: %v", err)
			}
			_, err := blob.Stat(v, kept)
			return err
		}))
	})
}
