// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
)

// Settings say where the keys are.
type Settings struct {
	Store *store.DB // the keys store
	Path  string    // the root key file
	First bool      // main and archive are new and empty: the only start that makes a root key
}

// Ring is the keys of the installation in memory. It is safe for many goroutines.
type Ring struct {
	db   *store.DB
	path string

	mu       sync.Mutex
	root     *root
	accounts map[int64]*account
	stock    map[int64][]batch
	filling  map[int64]bool
	sheets   map[sheetID]cached
	closed   bool
	work     sync.WaitGroup

	turning sync.RWMutex // held whole while a new root takes over: what is sealed by the root meanwhile would end with the old one
}

type sheetID struct{ account, sheet int64 }

type cached struct {
	sheet *sheet
	until time.Time
}

// sheetTTL is how long another node may still open what was forgotten here: no longer.
const sheetTTL = 30 * time.Second

const maxSheets = 512 // 4 MiB

var self = actor.System("keys")

// checkName is the secret whose text is known: it tells a right root key from a wrong one.
const checkName, checkText = "check", "consend root key"

// Open loads the ring. The first start on three empty stores makes the root key file;
// every other start refuses unless the file opens what the store holds (a lost root key
// must be restored, never replaced: with it all sealed data would be lost silently).
//
// A crash after the file was written and before the store: the next first start goes on.
func Open(ctx context.Context, s Settings) (*Ring, error) {
	r := &Ring{db: s.Store, path: s.Path, accounts: map[int64]*account{}, stock: map[int64][]batch{}, filling: map[int64]bool{}, sheets: map[sheetID]cached{}}
	var rows int64
	err := s.Store.View(ctx, self, func(v *store.View) (err error) {
		rows, err = store.One[int64](v, anyKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.root, err = readRoot(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && rows > 0:
		return nil, fault.New(fault.Refused, "keys.root.missing", "path", s.Path)
	case rows == 0 && !s.First:
		return nil, fault.New(fault.Refused, "keys.store.empty")
	case errors.Is(err, fs.ErrNotExist):
		if r.root, err = newRoot(); err == nil {
			err = r.root.write(s.Path, true)
		}
		if errors.Is(err, fs.ErrExist) {
			r.root, err = readRoot(s.Path)
		}
	}
	if err != nil {
		return nil, err
	}
	text, err := r.Secret(ctx, checkName, func() ([]byte, error) { return []byte(checkText), nil })
	if err != nil || string(text) != checkText {
		return nil, fault.New(fault.Refused, "keys.root.wrong", "path", s.Path).Because(err)
	}
	if err := r.MakeAccount(ctx, Installation); err != nil {
		return nil, err
	}
	return r, r.Account(ctx, Installation)
}

// Of finds the ring attached to the transaction's database.
func Of(r store.Reader) *Ring {
	ring, _ := store.Attached[*Ring](r)
	if ring == nil {
		panic("keys: no ring is attached to this database") // app forgot db.Attach(ring)
	}
	return ring
}

// Close waits for keys that are being made ahead.
func (r *Ring) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.work.Wait()
}

// MakeAccount makes the keys of an account, before main refers to it. Again is harmless.
func (r *Ring) MakeAccount(ctx context.Context, id int64) error {
	r.turning.RLock()
	defer r.turning.RUnlock()
	row, err := makeAccount(r.rootNow(), id)
	if err != nil {
		return err
	}
	return r.db.Write(ctx, self, func(tx *store.Tx) error {
		tx.Do(makeAccounts, row.AccountID, row.Keyset, row.Secret)
		return nil
	})
}

// Account loads an account's keys.
func (r *Ring) Account(ctx context.Context, id int64) error {
	_, err := r.account(ctx, id)
	return err
}

// EndAccount destroys all keys of an account: everything sealed in it is gone.
func (r *Ring) EndAccount(ctx context.Context, id int64) error {
	if id == Installation {
		return fmt.Errorf("keys: the installation's keys end with its store")
	}
	err := r.db.Write(ctx, self.In(id), func(tx *store.Tx) error {
		tx.Do(endSheets)
		return nil
	})
	if err == nil {
		err = r.db.Write(ctx, self, func(tx *store.Tx) error {
			tx.Do(endAccount, id)
			return nil
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.accounts, id)
	delete(r.stock, id)
	for k := range r.sheets {
		if k.account == id {
			delete(r.sheets, k)
		}
	}
	return err
}

func (r *Ring) rootNow() *root {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.root
}

func (r *Ring) account(ctx context.Context, id int64) (*account, error) {
	r.mu.Lock()
	a := r.accounts[id]
	r.mu.Unlock()
	if a != nil {
		return a, nil
	}
	r.turning.RLock()
	defer r.turning.RUnlock()
	var row sealedAccount
	err := r.db.View(ctx, self, func(v *store.View) (err error) {
		row, err = store.One[sealedAccount](v, findAccount, id)
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return nil, fmt.Errorf("%w: %d", ErrNoAccount, id)
	}
	if err != nil {
		return nil, err
	}
	if a, err = row.use(r.rootNow()); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.accounts[id]; old != nil {
		return old, nil
	}
	r.accounts[id] = a
	return a, nil
}

// short is the context of a look at the keys store out of a verb that has none to give.
func short() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}

func (r *Ring) of(id int64) (*account, error) {
	ctx, stop := short()
	defer stop()
	return r.account(ctx, id)
}

// MAC gives the account's MAC key for a kind, such as "log", "fp", "token.unsubscribe".
func (r *Ring) MAC(account int64, kind string) ([32]byte, error) {
	a, err := r.of(account)
	if err != nil {
		return [32]byte{}, err
	}
	return a.mac(kind)
}

// Seal seals a value under the account's key, for one place.
func (r *Ring) Seal(account int64, at AAD, plain []byte) ([]byte, error) {
	a, err := r.of(account)
	if err != nil {
		return nil, err
	}
	return a.seal(at, plain)
}

// Open opens what Seal sealed for the same place.
func (r *Ring) Open(account int64, at AAD, sealed []byte) ([]byte, error) {
	a, err := r.of(account)
	if err != nil {
		return nil, err
	}
	return a.open(at, sealed)
}

// Secret gives a secret of the installation, sealed by the root; the first call makes it.
func (r *Ring) Secret(ctx context.Context, name string, make func() ([]byte, error)) ([]byte, error) {
	r.turning.RLock()
	defer r.turning.RUnlock()
	find := func() (sealed []byte, err error) {
		err = r.db.View(ctx, self, func(v *store.View) error {
			sealed, err = store.One[[]byte](v, findSecret, name)
			return err
		})
		return sealed, err
	}
	at := AAD{Table: "key_secret", Column: name}
	sealed, err := find()
	if errors.Is(err, store.ErrNone) {
		plain, err := make()
		if err != nil {
			return nil, err
		}
		fresh, err := r.rootNow().seal(at, plain)
		if err != nil {
			return nil, err
		}
		err = r.db.Write(ctx, self, func(tx *store.Tx) error {
			tx.Do(makeSecret, name, fresh)
			return nil
		})
		if err != nil {
			return nil, err
		}
		// Another node may have been first: what the store holds counts.
		if sealed, err = find(); err != nil {
			return nil, err
		}
		return r.rootNow().open(at, sealed)
	}
	if err != nil {
		return nil, err
	}
	return r.rootNow().open(at, sealed)
}
