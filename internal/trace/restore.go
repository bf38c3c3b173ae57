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
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// Setback is how a main stands that was put back from an older copy: what it holds, and which
// checkpoints outside say more.
type Setback struct {
	Head   proof.Checkpoint   // main as it is; not signed
	Proved int64              // entries up to which main holds what the log once signed
	Lost   []proof.Checkpoint // of larger logs, the largest first
}

// Behind tells whether a checkpoint outside says more than main holds.
func (s Setback) Behind() bool { return len(s.Lost) > 0 }

// Setback compares main with every checkpoint, outside and in main itself. A checkpoint that is
// no larger and contradicts main is refused: that is no earlier state of this log but another
// history (fault.Refused, trace.another). So is a main of which no signed checkpoint speaks
// (trace.restore.unproved).
//
// Limits: entries after the newest checkpoint that main agrees with can't be compared, for
// their tree is gone with the main that held it; and a log that somebody cut off looks like
// one that was put back. Both are said where a restore is accepted.
func (l *Log) Setback(ctx context.Context) (s Setback, err error) {
	var notes []outside
	for _, p := range l.places {
		list, err := p.copies(ctx, 1<<20)
		if err != nil {
			return s, fmt.Errorf("trace: copies in %s: %w", p.name(), err)
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
		if s.Head, err = l.checkpoint(h); err != nil {
			return err
		}
		own, err := store.All[string](v, ownCheckpoints, 1000)
		if err != nil {
			return err
		}
		for _, n := range own {
			notes = append(notes, outside{"main", n})
		}
		t := treeOf(v, h.Size)
		for _, n := range notes {
			cp, err := proof.OpenCheckpoint([]byte(n.note), l.key)
			if err == nil && cp.Size > h.Size && n.place != "main" {
				s.Lost = append(s.Lost, cp)
				continue
			}
			if f := n.against(t, h, l.key); f != nil {
				return f
			}
			s.Proved = max(s.Proved, cp.Size)
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	slices.SortFunc(s.Lost, func(a, b proof.Checkpoint) int { return int(b.Size - a.Size) })
	s.Lost = slices.CompactFunc(s.Lost, func(a, b proof.Checkpoint) bool { return a == b })
	if s.Proved == 0 && s.Head.Size > 0 {
		return s, fault.New(fault.Refused, "trace.restore.unproved", "main", s.Head.Size)
	}
	return s, nil
}

// Restored is a restore that was accepted: the log went back from one size to another. The
// record bears the log's signature and lies outside main (docs/formats/restore.md).
type Restored struct {
	At       time.Time
	From, To int64 // entries before and after
	Proved   int64 // entries that agree with a signed checkpoint
}

const restoreHead, restoreStamp = "consend-restore/1", "2006-01-02T15:04:05Z"

func restoreText(origin string, at time.Time, s Setback) string {
	from := s.Lost[0]
	return fmt.Sprintf("%s\n%s\ntime %s\nfrom %d %s\nto %d %s\nproved %d\n", restoreHead, origin, at.UTC().Format(restoreStamp),
		from.Size, from.Root, s.Head.Size, s.Head.Root, s.Proved)
}

func parseRestore(msg, key string) (r Restored, err error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return r, err
	}
	n, err := note.Open([]byte(msg), note.VerifierList(v))
	if err != nil {
		return r, err
	}
	bad := errors.New("trace: not the record of a restore")
	line := strings.Split(n.Text, "\n")
	if len(line) != 7 || line[0] != restoreHead {
		return r, bad
	}
	r.At, err = time.Parse("time "+restoreStamp, line[2])
	number := func(s, name string) (out int64) {
		word := strings.Fields(s)
		if err == nil && (len(word) < 2 || word[0] != name) {
			err = bad
		}
		if err == nil {
			out, err = strconv.ParseInt(word[1], 10, 64)
		}
		return out
	}
	r.From, r.To, r.Proved = number(line[3], "from"), number(line[4], "to"), number(line[5], "proved")
	return r, err
}

// Accept lets the log go on from main as it is: the signed record of the restore is put where
// the copies are, the checkpoints that say more are set aside beside it, never deleted, and
// what waits in main is sealed. s is of Setback, and behind. A kill in between leaves a place
// that still says more: the start is refused, and Accept is to be called again.
func (l *Log) Accept(ctx context.Context, s Setback, at time.Time) error {
	if !s.Behind() {
		return errors.New("trace: nothing to accept")
	}
	record, err := note.Sign(&note.Note{Text: restoreText(l.signer.Name(), at, s)}, l.signer)
	if err != nil {
		return err
	}
	for _, p := range l.places {
		if err := p.retire(ctx, at, s.Head.Size, record); err != nil {
			return fmt.Errorf("trace: the checkpoints in %s could not be set aside: %w", p.name(), err)
		}
	}
	return l.Seal(ctx)
}

// Restores lists the restores that were accepted, the newest first, from every place.
func (l *Log) Restores(ctx context.Context) (out []Restored, found []*fault.Error, err error) {
	for _, p := range l.places {
		list, err := p.restores(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range list {
			r, err := parseRestore(n, l.key)
			if err != nil {
				found = append(found, fault.New(fault.Conflict, "trace.restore.unsigned", "place", p.name()).Because(err))
				continue
			}
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Restored) int { return b.At.Compare(a.At) })
	return slices.Compact(out), found, nil
}

// IDs is how far the counter of ids had come when the newest copies were made: a restored main
// must not give the numbers again that were given since.
func (l *Log) IDs(ctx context.Context) (next int64, err error) {
	for _, p := range l.places {
		s, ok := p.(inStore)
		if !ok {
			continue
		}
		err := s.db.View(ctx, sealer, func(v *store.View) error {
			n, err := store.One[int64](v, furthestID)
			next = max(next, n)
			return err
		})
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

// Known gives those of some entries, at most 1,000, that main holds for the reader's account.
func Known(r store.Reader, entries []int64) ([]int64, error) {
	return store.All[int64](r, knownEntries, entries)
}

type copyRow struct {
	Day, Size int64
	Note      string
}

func (p inStore) retire(ctx context.Context, at time.Time, size int64, record []byte) error {
	return p.db.Write(ctx, sealer, func(tx *store.Tx) error {
		rows, err := store.All[copyRow](tx, copiesBeyond, size)
		if err != nil {
			return err
		}
		for _, r := range rows {
			tx.Do(putLost, at.Unix(), r.Day, r.Size, r.Note)
		}
		tx.Do(dropBeyond, size)
		tx.Do(putRestore, at.Unix(), string(record))
		return nil
	})
}

func (p inStore) restores(ctx context.Context) (out []string, err error) {
	err = p.db.View(ctx, sealer, func(v *store.View) error {
		out, err = store.All[string](v, findRestores)
		return err
	})
	return out, err
}

const lostExtension, restoreExtension = ".lost", ".restore"

func (p inFolder) retire(_ context.Context, at time.Time, size int64, record []byte) error {
	list, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.put(at.UTC().Format("20060102T150405Z")+restoreExtension, record); err != nil {
		return err
	}
	for _, f := range list {
		if !strings.HasSuffix(f.Name(), extension) {
			continue
		}
		name := filepath.Join(p.dir, f.Name())
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		line := strings.SplitN(string(b), "\n", 3)
		if n, err := strconv.ParseInt(slices.Concat(line, []string{"", ""})[1], 10, 64); err != nil || n <= size {
			continue
		}
		if err := os.Rename(name, name+"."+at.UTC().Format("20060102T150405Z")+lostExtension); err != nil {
			return err
		}
	}
	return nil
}

func (p inFolder) restores(context.Context) (out []string, err error) {
	list, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range list {
		if err == nil && strings.HasSuffix(f.Name(), restoreExtension) {
			var b []byte
			b, err = os.ReadFile(filepath.Join(p.dir, f.Name()))
			out = append(out, string(b))
		}
	}
	return out, err
}
