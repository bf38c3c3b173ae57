// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"context"
	"fmt"
	"time"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// batch is a sheet this node made and hands out, slot by slot.
type batch struct {
	id    int64
	sheet *sheet
	next  int
	until time.Time
}

// stockAge is how long a sheet is handed out; SweepAge after its making what nobody
// named is destroyed. The gap is the longest an act may take to note its reference.
const (
	stockAge = 12 * time.Hour
	SweepAge = 24 * time.Hour
	lowStock = 64
)

// Take hands out a fresh key for a person. Note the Ref in the same act; when the act
// is rolled back or replayed, the slot stays unused and is swept. It waits for the keys
// store only when none were made ahead.
func (r *Ring) Take(account int64) (Ref, Subject, error) {
	for range 3 {
		if ref, s, ok := r.take(account); ok {
			return ref, s, nil
		}
		ctx, stop := short()
		err := r.Ahead(ctx, account, 1)
		stop()
		if err != nil {
			return Ref{}, Subject{}, err
		}
	}
	return Ref{}, Subject{}, fmt.Errorf("keys: no key for account %d", account)
}

func (r *Ring) take(account int64) (Ref, Subject, bool) {
	now := r.db.Clock()()
	r.mu.Lock()
	defer r.mu.Unlock()
	left := 0
	var ref Ref
	var out Subject
	list := r.stock[account]
	for len(list) > 0 && (list[0].next >= SheetSize || now.After(list[0].until)) {
		list = list[1:]
	}
	if len(list) > 0 {
		b := &list[0]
		out, _ = b.sheet.subject(account, b.next)
		ref = Ref{b.id, b.next}
		// Handed out means no longer here: this node's memory shall not remember longer
		// than the store.
		clear(b.sheet.slot(b.next))
		b.next++
	}
	for i := 0; i < len(list) && left < lowStock; i++ {
		left += SheetSize - list[i].next
	}
	r.stock[account] = list
	if left < lowStock && !ref.IsZero() && !r.filling[account] && !r.closed {
		r.filling[account] = true
		r.work.Go(func() {
			ctx, stop := short()
			defer stop()
			_ = r.Ahead(ctx, account, SheetSize) // else the next Take makes one and tells
			r.mu.Lock()
			r.filling[account] = false
			r.mu.Unlock()
		})
	}
	return ref, out, !ref.IsZero()
}

// Ahead makes sure that at least n keys are ready: call it before an act that takes many.
func (r *Ring) Ahead(ctx context.Context, account int64, n int) error {
	a, err := r.account(ctx, account)
	if err != nil {
		return err
	}
	r.mu.Lock()
	for _, b := range r.stock[account] {
		n -= SheetSize - b.next
	}
	r.mu.Unlock()
	var made []batch
	until := r.db.Clock()().Add(stockAge)
	for ; n > 0; n -= SheetSize {
		id, s, err := newSheet()
		if err != nil {
			return err
		}
		made = append(made, batch{id: id, sheet: s, until: until})
	}
	for part := made; len(part) > 0; {
		k := min(len(part), 64)
		err = r.db.Write(ctx, self.In(account), func(tx *store.Tx) error {
			for _, b := range part[:k] {
				sealed, err := b.sheet.seal(a, b.id)
				if err != nil {
					return err
				}
				tx.Do(addSheet, b.id, sealed)
			}
			return nil
		})
		if err != nil {
			return err
		}
		part = part[k:]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stock[account] = append(r.stock[account], made...)
	return nil
}

// Subject finds a person's key; ErrForgotten when it was destroyed.
func (r *Ring) Subject(account int64, ref Ref) (Subject, error) {
	if ref.IsZero() {
		return Subject{}, fmt.Errorf("keys: the person has no key")
	}
	id := sheetID{account, ref.Sheet}
	now := r.db.Clock()()
	r.mu.Lock()
	c, ok := r.sheets[id]
	r.mu.Unlock()
	if !ok || now.After(c.until) {
		a, err := r.of(account)
		if err != nil {
			return Subject{}, err
		}
		ctx, stop := short()
		defer stop()
		var s *sheet
		err = r.db.View(ctx, self.In(account), func(v *store.View) error {
			sealed, err := store.One[[]byte](v, findSheet, ref.Sheet)
			if err != nil {
				return fmt.Errorf("keys: sheet %d of account %d: %w", ref.Sheet, account, err)
			}
			s, err = openSheet(a, ref.Sheet, sealed)
			return err
		})
		if err != nil {
			return Subject{}, err
		}
		c = cached{s, now.Add(sheetTTL)}
		r.mu.Lock()
		if len(r.sheets) >= maxSheets {
			clear(r.sheets)
		}
		r.sheets[id] = c
		r.mu.Unlock()
	}
	return c.sheet.subject(account, ref.Slot)
}

// Forget destroys keys for good: the slots are zeroed, the row is written anew. Again
// is harmless. Copies end with the backups of the keys store, which are short-lived.
func (r *Ring) Forget(ctx context.Context, account int64, refs ...Ref) error {
	sheets := map[int64][]int{}
	for _, ref := range refs {
		if !ref.IsZero() {
			sheets[ref.Sheet] = append(sheets[ref.Sheet], ref.Slot)
		}
	}
	for id, slots := range sheets {
		err := r.rewrite(ctx, account, id, func(s *sheet) {
			for _, i := range slots {
				if i >= 0 && i < SheetSize {
					clear(s.slot(i))
				}
			}
		}, false)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Ring) rewrite(ctx context.Context, account, id int64, change func(*sheet), swept bool) error {
	a, err := r.account(ctx, account)
	if err != nil {
		return err
	}
	err = r.db.Write(ctx, self.In(account), func(tx *store.Tx) error {
		sealed, err := store.One[[]byte](tx, lockSheet, id)
		if err != nil {
			return fmt.Errorf("keys: sheet %d of account %d: %w", id, account, err)
		}
		s, err := openSheet(a, id, sealed)
		if err != nil {
			return err
		}
		change(s)
		if sealed, err = s.seal(a, id); err != nil {
			return err
		}
		tx.Do(setSheet, sealed, id)
		if swept {
			tx.Do(setSwept, id)
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sheets, sheetID{account, id})
	return err
}

// Sweep destroys the keys that nobody named: of sheets older than SweepAge, every slot
// that named doesn't list. It returns how many sheets it did.
func (r *Ring) Sweep(ctx context.Context, account int64, named func(sheet int64) ([]int, error)) (int, error) {
	before := legalclock.MomentOf(r.db.Clock()().Add(-SweepAge))
	done := 0
	for {
		var ids []int64
		err := r.db.View(ctx, self.In(account), func(v *store.View) (err error) {
			ids, err = store.All[int64](v, unswept, before)
			return err
		})
		if err != nil || len(ids) == 0 {
			return done, err
		}
		for _, id := range ids {
			used, err := named(id)
			if err != nil {
				return done, err
			}
			keep := map[int]bool{}
			for _, i := range used {
				keep[i] = true
			}
			err = r.rewrite(ctx, account, id, func(s *sheet) {
				for i := range SheetSize {
					if !keep[i] {
						clear(s.slot(i))
					}
				}
			}, true)
			if err != nil {
				return done, err
			}
			done++
		}
	}
}
