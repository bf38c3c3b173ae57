// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// place keeps copies of the checkpoints where whoever changes main can't reach: the last of
// each day.
type place interface {
	name() string
	keep(ctx context.Context, day int64, cp proof.Checkpoint, note []byte, ids int64) error
	copies(ctx context.Context, newest int) ([]string, error)
	retire(ctx context.Context, at time.Time, size int64, record []byte) error // what says more than size is set aside
	restores(ctx context.Context) ([]string, error)
}

type inStore struct{ db *store.DB }

func (p inStore) name() string { return string(p.db.Kind()) }

func (p inStore) keep(ctx context.Context, day int64, cp proof.Checkpoint, note []byte, ids int64) error {
	return p.db.Write(ctx, sealer, func(tx *store.Tx) error {
		tx.Do(putCopy, day, cp.Size, string(note), ids)
		return nil
	})
}

func (p inStore) copies(ctx context.Context, newest int) (out []string, err error) {
	err = p.db.View(ctx, sealer, func(v *store.View) error {
		out, err = store.All[string](v, findCopies, newest)
		return err
	})
	return out, err
}

// inFolder keeps them as files, one a day, for whoever carries them further out.
type inFolder struct{ dir string }

const extension = ".checkpoint"

func (p inFolder) name() string { return p.dir }

func (p inFolder) keep(_ context.Context, day int64, _ proof.Checkpoint, note []byte, _ int64) error {
	return p.put(time.Unix(day*86400, 0).UTC().Format(time.DateOnly)+extension, note)
}

// put writes beside and renames: a crash leaves the old file or the new one, and perhaps what
// was written beside, which tidy removes.
func (p inFolder) put(name string, note []byte) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(p.dir, beside)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(note)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(p.dir, name))
}

const beside = "new-"

// tidy removes what killed processes wrote beside. Another process may be writing just now, so
// that only what is older than any write lasts goes.
func (p inFolder) tidy(now time.Time) {
	left, _ := filepath.Glob(filepath.Join(p.dir, beside+"*"))
	for _, name := range left {
		if f, err := os.Stat(name); err == nil && now.Sub(f.ModTime()) > time.Minute {
			_ = os.Remove(name)
		}
	}
}

func (p inFolder) copies(_ context.Context, newest int) ([]string, error) {
	list, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range slices.Backward(list) {
		if len(out) >= newest || !strings.HasSuffix(f.Name(), extension) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(p.dir, f.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, string(b))
	}
	return out, nil
}

// compare holds main against the newest copies of every place.
func (l *Log) compare(ctx context.Context, newest int) error {
	found, err := l.against(ctx, newest)
	if err != nil || len(found) == 0 {
		return err
	}
	return found[0]
}

// against lists what contradicts main: copies of a larger log, of another history, or that
// nobody signed.
func (l *Log) against(ctx context.Context, newest int) (out []*fault.Error, err error) {
	var notes []outside
	for _, p := range l.places {
		list, err := p.copies(ctx, newest)
		if err != nil {
			return nil, fmt.Errorf("trace: copies in %s: %w", p.name(), err)
		}
		for _, n := range list {
			notes = append(notes, outside{p.name(), n})
		}
	}
	err = l.main.View(ctx, sealer, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		if err != nil {
			return err
		}
		t := treeOf(v, h.Size)
		for _, n := range notes {
			if f := n.against(t, h, l.key); f != nil {
				out = append(out, f)
			}
		}
		return nil
	})
	return out, err
}

// outside is a copy as it was found.
type outside struct{ place, note string }

func (o outside) against(t *tiles, h head, key string) *fault.Error {
	cp, err := proof.OpenCheckpoint([]byte(o.note), key)
	if err != nil {
		return fault.New(fault.Refused, "trace.copy.unsigned", "place", o.place).Because(err)
	}
	when := cp.At.Format("2006-01-02 15:04:05 UTC")
	if cp.Size > h.Size {
		return fault.New(fault.Refused, "trace.behind", "place", o.place, "when", when, "copy", cp.Size, "main", h.Size)
	}
	if root, err := t.root(cp.Size); err != nil || root != cp.Root {
		return fault.New(fault.Refused, "trace.another", "place", o.place, "when", when, "copy", cp.Size).Because(err)
	}
	return nil
}
