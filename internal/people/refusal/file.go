// SPDX-License-Identifier: AGPL-3.0-or-later

package refusal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// line is a refusal as the file outside holds it: one line of JSON.
type line struct {
	ID      int64  `json:"id"`
	Account int64  `json:"account"`
	At      string `json:"at"`
	Entry   int64  `json:"entry"`
	FP      string `json:"fp"`
	Kind    string `json:"kind"`
	Scope   string `json:"scope"`
	ScopeID int64  `json:"scope_id,omitempty"`
	Contact int64  `json:"contact,omitempty"`
}

// Append writes what is due to the file outside, and tells how many lines. The lines are on
// the disk before they are struck off: after a kill in between they come once more, with the
// same numbers. A line that a kill broke off is ended first.
func (l *Ledger) Append(ctx context.Context) (n int, err error) {
	if l.path == "" {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.keys.Bulk(ctx, actor.System("refusal.file"), func(tx *store.Tx) (bool, error) {
		rows, err := store.All[Refusal](tx, due, some)
		if err != nil || len(rows) == 0 {
			return false, err
		}
		if err := write(l.path, rows); err != nil {
			return false, err
		}
		for _, r := range rows {
			tx.Do(outside, r.AccountID, r.ID)
		}
		tx.AfterCommit(func() { n += len(rows) })
		return len(rows) == some, nil
	})
	return n, err
}

func write(path string, rows []Refusal) (err error) {
	_, had := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b bytes.Buffer
	if end, err := f.Seek(0, io.SeekEnd); err != nil {
		return err
	} else if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			b.WriteByte('\n')
		}
	}
	enc := json.NewEncoder(&b)
	for _, r := range rows {
		if err := enc.Encode(line{r.ID, r.AccountID, r.At.String(), r.EntryID, hex.EncodeToString(r.FP), r.Kind, r.Scope, r.ScopeID, r.ContactID}); err != nil {
			return err
		}
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil || had == nil {
		return err
	}
	return syncFolder(filepath.Dir(path)) // the new file's name is durable too
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Take reads a file that Append wrote and puts what the ledger lacks into it, for the day on
// which the keys store is older than the file. It tells how many lines it read. Lines that a
// kill broke off are passed over, since they were written again; others are refused. Faults:
// refusal.file, refusal.line.
func (l *Ledger) Take(ctx context.Context, path string) (n int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fault.New(fault.NotFound, "refusal.file", "Path", path)
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	byAccount := map[int64][]Refusal{}
	flush := func(account int64) error {
		rows := byAccount[account]
		delete(byAccount, account)
		return l.keep(ctx, account, rows)
	}
	in := bufio.NewReaderSize(f, 64<<10)
	for at := 1; ; at++ {
		text, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			r, bad := parse(text)
			switch {
			case bad != nil && json.Valid(text):
				return n, fault.New(fault.Invalid, "refusal.line", "Path", path, "Line", at).Because(bad)
			case bad == nil:
				n++
				if byAccount[r.AccountID] = append(byAccount[r.AccountID], r); len(byAccount[r.AccountID]) == some {
					if err := flush(r.AccountID); err != nil {
						return n, err
					}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
	}
	for account := range byAccount {
		if err := flush(account); err != nil {
			return n, err
		}
	}
	return n, nil
}

func parse(text []byte) (Refusal, error) {
	var x line
	if err := json.Unmarshal(text, &x); err != nil {
		return Refusal{}, err
	}
	when, err := time.Parse(time.RFC3339Nano, x.At)
	if err != nil {
		return Refusal{}, err
	}
	fp, err := hex.DecodeString(x.FP)
	r := Refusal{AccountID: x.Account, ID: x.ID, At: legalclock.MomentOf(when), EntryID: x.Entry, FP: fp, Kind: x.Kind, Scope: x.Scope, ScopeID: x.ScopeID, ContactID: x.Contact}
	if err != nil || !r.fits() || x.ID <= 0 || x.Account <= 0 || x.Kind == "" || x.Scope == "" {
		return Refusal{}, fmt.Errorf("refusal: a line lacks something: %w", err)
	}
	return r, nil
}
