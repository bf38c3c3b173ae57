// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"context"

	"consend/internal/ground/store"
)

// RotateRoot seals everything under a new root key and drops the old one. The file
// holds both while rows are sealed anew, so a crash anywhere leaves a ring that opens;
// doing it again finishes. What would be sealed by the root meanwhile waits, and so does
// another renewal. One node runs while it happens: the others read the file at their start only.
func (r *Ring) RotateRoot(ctx context.Context) error {
	r.turning.Lock()
	defer r.turning.Unlock()
	old := r.rootNow()
	both, err := old.renewed()
	if err != nil {
		return err
	}
	if err := both.write(r.path, false); err != nil {
		return err
	}
	r.useRoot(both)
	var cursor int64 = -1
	err = r.db.Bulk(ctx, self, func(tx *store.Tx) (bool, error) {
		rows, err := store.All[sealedAccount](tx, pageAccounts, cursor)
		if err != nil || len(rows) == 0 {
			return false, err
		}
		for _, row := range rows {
			h, secret, err := row.open(both)
			if err != nil {
				return false, err
			}
			fresh, err := sealAccount(both, row.AccountID, h, secret)
			if err != nil {
				return false, err
			}
			tx.Do(resealAccount, fresh.Keyset, fresh.Secret, row.AccountID)
		}
		last := rows[len(rows)-1].AccountID
		tx.AfterCommit(func() { cursor = last })
		return true, nil
	})
	if err != nil {
		return err
	}
	type secret struct {
		Name   string
		Sealed []byte
	}
	err = r.db.Write(ctx, self, func(tx *store.Tx) error {
		rows, err := store.All[secret](tx, allSecrets)
		if err != nil {
			return err
		}
		for _, row := range rows {
			at := AAD{Table: "key_secret", Column: row.Name}
			plain, err := both.open(at, row.Sealed)
			if err != nil {
				return err
			}
			sealed, err := both.seal(at, plain)
			if err != nil {
				return err
			}
			tx.Do(resealSecret, sealed, row.Name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	alone, err := both.alone()
	if err != nil {
		return err
	}
	if err := alone.write(r.path, false); err != nil {
		return err
	}
	r.useRoot(alone)
	return nil
}

// Path is where the root key lies.
func (r *Ring) Path() string { return r.path }

func (r *Ring) useRoot(x *root) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.root = x
}
