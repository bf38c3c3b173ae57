// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// Log is the installation's log: its signing key, its sealer and the places of its
// checkpoints. App opens it before the first act and attaches it to the main store.
type Log struct {
	main    *store.DB
	ring    *keys.Ring
	places  []place
	signer  note.Signer
	key     string // the public key, in note form
	woken   chan struct{}
	sealing sync.Mutex
	last    atomic.Pointer[proof.Checkpoint] // the last this node signed; the log must go on from it
}

// Settings say where the log and its copies are.
type Settings struct {
	Main, Keys, Archive *store.DB
	Ring                *keys.Ring
	Name                string // of the log, such as the host people know; used when the key is made, then kept for ever
	Dir                 string // the folder "checkpoints" of the data folder
	Restored            bool   // main was put back and is to be accepted: it may be behind (Log.Accept)
}

var sealer = actor.System("sealer")

// Open loads the log's key, holds main against every copy of a checkpoint that left it, and
// attaches the log to main. A main that is behind a copy, or tells another history, is
// refused with what to do (fault.Refused).
func Open(ctx context.Context, s Settings) (*Log, error) {
	folder := inFolder{s.Dir}
	folder.tidy(s.Main.Clock()())
	l := &Log{main: s.Main, ring: s.Ring, woken: make(chan struct{}, 1), places: []place{inStore{s.Keys}, inStore{s.Archive}, folder}}
	if err := l.load(ctx, s); err != nil {
		return nil, err
	}
	err := s.Main.Write(ctx, sealer, func(tx *store.Tx) error {
		empty, err := treeOf(tx, 0).root(0)
		tx.Do(makeHead, empty[:])
		return err
	})
	if err != nil {
		return nil, err
	}
	if !s.Restored {
		if err := l.compare(ctx, 31); err != nil {
			return nil, err
		}
	}
	s.Main.Attach(l)
	return l, nil
}

// load finds the signing key in the keys store; the first start makes it.
func (l *Log) load(ctx context.Context, s Settings) error {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r == '+' || r >= 0x7f {
			return '-'
		}
		return r
	}, s.Name)
	if name == "" {
		name = "consend." + s.Main.Identity().Installation
	}
	pair, err := s.Ring.Secret(ctx, "log.signer", func() ([]byte, error) {
		private, public, err := note.GenerateKey(rand.Reader, name)
		return []byte(private + "\n" + public), err
	})
	if err != nil {
		return err
	}
	private, public, _ := strings.Cut(string(pair), "\n")
	l.key = public
	l.signer, err = note.NewSigner(private)
	return err
}

// Key is the log's public key in note form: what `consend-verify --key` takes.
func (l *Log) Key() string { return l.key }

// Signer signs proofs with the log's key.
func (l *Log) Signer() note.Signer { return l.signer }

var errNoLog = errors.New("trace: no log is attached to this database")

// Of finds the log attached to a database.
func Of(r store.Reader) (*Log, error) {
	if l, ok := store.Attached[*Log](r); ok {
		return l, nil
	}
	return nil, errNoLog
}

func find(ctx context.Context, db *store.DB) (l *Log, err error) {
	err = db.View(ctx, sealer, func(v *store.View) error {
		l, err = Of(v)
		return err
	})
	return l, err
}

// wake tells the sealer that something waits.
func (l *Log) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}
