// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace/proof"
)

// The sealer waits sealPause after the first act, so that acts of a moment are sealed
// together, and looks by itself every sealLook for what a node that died left behind.
const (
	sealPause = time.Second
	sealLook  = 10 * time.Second
	sealStep  = 2048 // leaves at a time: about 10 ms, then people may have their turn
)

// head is the sealed log: how many leaves, their root, and since when.
type head struct {
	Size int64
	Root []byte
	At   legalclock.Moment
}

func (h head) hash() (tlog.Hash, error) {
	if len(h.Root) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("trace: the head holds no root")
	}
	return tlog.Hash(h.Root), nil
}

// Run seals until ctx ends, and then once more. It begins with what a process that was killed
// left, be it entries or copies of the checkpoint. Any number of nodes may run it: the head's
// row is locked while one extends the tree, and changes only from the size it was read at.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(sealLook)
	defer tick.Stop()
	l.wake()
	for {
		select {
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			l.try(last)
			return
		case <-tick.C:
		case <-l.woken:
			pause := time.NewTimer(sealPause)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
		}
		if ctx.Err() == nil {
			l.try(ctx)
		}
	}
}

func (l *Log) try(ctx context.Context) {
	if err := l.Seal(ctx); err != nil && ctx.Err() == nil {
		slog.Error("the trace could not be sealed", "error", err)
	}
}

// SealNow seals what waits, at once: an export does not wait for the sealer.
func SealNow(ctx context.Context, db *store.DB) error {
	l, err := find(ctx, db)
	if err != nil {
		return err
	}
	return l.Seal(ctx)
}

// Seal puts every entry that waits into the tree, signs the new head and sends copies out.
// A crash before the commit of a step leaves the step undone; after it, the next Seal signs
// the same head to the same bytes.
func (l *Log) Seal(ctx context.Context) error {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	if err := l.main.Bulk(ctx, sealer, l.step); err != nil {
		return err
	}
	return l.publish(ctx)
}

// step extends the tree in one transaction, batch by batch until somebody wants their turn.
func (l *Log) step(tx *store.Tx) (more bool, err error) {
	h, err := store.One[head](tx, lockHead)
	if err != nil {
		return false, err
	}
	t := treeOf(tx, h.Size)
	for {
		n, err := extend(tx, t)
		if err != nil {
			return false, err
		}
		if more = n == sealStep; !more || tx.Yield() {
			break
		}
	}
	if t.size == h.Size {
		return false, nil
	}
	root, err := t.root(t.size)
	if err != nil {
		return false, err
	}
	t.save(tx)
	moved, err := tx.Exec(moveHead, t.size, root[:], h.Size)
	if err == nil && moved != 1 {
		err = errors.New("trace: the head moved under the sealer")
	}
	return more, err
}

// placed is an entry that has its place at the tree's end.
type placed struct {
	AccountID, EntryID int64
	Leaf               []byte
}

// extend gives at most sealStep entries that wait their places at the tree's end.
func extend(tx *store.Tx, t *tiles) (int64, error) {
	from := t.size
	n, err := tx.Exec(placeLeaves, from, sealStep)
	if err != nil || n == 0 {
		return 0, err
	}
	leaves, err := store.All[placed](tx, placedLeaves, from)
	if err != nil {
		return 0, err
	}
	if int64(len(leaves)) != n {
		return 0, fmt.Errorf("trace: %d leaves were placed and %d are there", n, len(leaves))
	}
	last := leaves[n-1]
	tx.Do(sealed, last.AccountID, last.EntryID, from)
	for _, l := range leaves {
		if len(l.Leaf) != tlog.HashSize {
			return 0, errors.New("trace: a pending leaf is not a hash")
		}
		if err := t.add(tlog.Hash(l.Leaf)); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// publish signs the head that is in the database and sends copies to the other places. It
// refuses to sign a log that does not go on from the last checkpoint this node signed.
func (l *Log) publish(ctx context.Context) error {
	cp, note, err := l.sign(ctx)
	if err != nil || cp.Size == 0 || l.signed() == cp {
		return err
	}
	hour, day := cp.At.Unix()/3600, cp.At.Unix()/86400
	var ids int64
	err = l.main.Write(ctx, sealer, func(tx *store.Tx) (err error) {
		tx.Do(putCheckpoint, hour, cp.Size, string(note))
		ids, err = store.NextID(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range l.places {
		if err := p.keep(ctx, day, cp, note, ids); err != nil {
			return fmt.Errorf("trace: no copy of the checkpoint in %s: %w", p.name(), err)
		}
	}
	l.last.Store(&cp)
	return nil
}

// signed is the last checkpoint this node signed, with size 0 before the first.
func (l *Log) signed() proof.Checkpoint {
	if cp := l.last.Load(); cp != nil {
		return *cp
	}
	return proof.Checkpoint{}
}

// sign reads the head, checks that it goes on from the last one, and signs it.
func (l *Log) sign(ctx context.Context) (cp proof.Checkpoint, note []byte, err error) {
	last := l.signed() // before the view begins: what was signed then stands in it
	err = l.main.View(ctx, sealer, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		if err != nil {
			return err
		}
		if cp, err = l.checkpoint(h); err != nil {
			return err
		}
		if h.Size < last.Size {
			return errForked
		}
		return continues(treeOf(v, h.Size), h, last)
	})
	if err != nil {
		return cp, nil, err
	}
	note, err = cp.Sign(l.signer)
	return cp, note, err
}

func (l *Log) checkpoint(h head) (proof.Checkpoint, error) {
	root, err := h.hash()
	return proof.Checkpoint{Origin: l.signer.Name(), Size: h.Size, Root: root, At: h.At.Time()}, err
}

var errForked = errors.New("trace: the log in the database does not go on from the checkpoint signed before: it was changed; nothing more is signed")

// continues tells whether a tree begins with an earlier one, which is no larger.
func continues(t *tiles, h head, last proof.Checkpoint) error {
	if last.Size == 0 || last.Size > h.Size {
		return nil
	}
	root, err := h.hash()
	if last.Size < h.Size {
		root, err = t.root(last.Size)
	}
	if err != nil || root != last.Root {
		return errors.Join(errForked, err)
	}
	return nil
}

// Checkpoint gives the newest signed checkpoint: what /.well-known/consend/checkpoint shows.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	_, note, err := l.sign(ctx)
	return note, err
}

// Sealed tells whether an entry of the account is in the tree.
func Sealed(r store.Reader, entry int64) (bool, error) {
	_, err := store.One[leafRow](r, findLeaf.of(r), entry)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

type leafRow struct {
	LeafIndex int64
	At        legalclock.Moment
}

// Size tells how many entries are sealed.
func (l *Log) Size(ctx context.Context) (n int64, err error) {
	err = l.main.View(ctx, sealer, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		n = h.Size
		return err
	})
	return n, err
}

// SealedAt is when the newest entries were sealed.
func (l *Log) SealedAt(ctx context.Context) (at legalclock.Moment, err error) {
	err = l.main.View(ctx, sealer, func(v *store.View) error {
		h, err := store.One[head](v, findHead)
		at = h.At
		return err
	})
	return at, err
}
