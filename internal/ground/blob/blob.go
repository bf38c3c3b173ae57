// SPDX-License-Identifier: AGPL-3.0-or-later

// Package blob promises that a file of an account lies in main in sealed pieces, with an
// owner and an end (GDPR 5(1)(e), 32(1)(a)): nobody writes files elsewhere. A piece opens only
// in its own place, so none can be swapped, and a blob can't be shortened unseen.
//
// Five verbs: Store, Open, Stat, Keep, Delete. An object store may stand behind them
// one day. What seals is given by the caller (keys: the account's box, or a person's).
//
// A crash while a file is being stored leaves a blob that is not whole: nobody can open it,
// and Sweep takes it away after a day.
package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Chunk is the size of a piece before it is sealed.
const Chunk = 256 << 10

// Box seals and opens a piece for its place: blob and number of the piece.
type Box interface {
	Seal(blob, n int64, plain []byte) ([]byte, error)
	Open(blob, n int64, sealed []byte) ([]byte, error)
}

// New says what a blob is for.
type New struct {
	Owner   string // kind of thing: "import", "evidence", "form_version"
	OwnerID int64
	Type    string            // content type
	EndsAt  legalclock.Moment // when Sweep takes it; 0: with its owner, by Delete
}

// Info is what is known of a blob without opening it.
type Info struct {
	ID      int64
	Owner   string
	OwnerID int64
	Type    string
	Size    int64
	SHA256  []byte
	MadeAt  legalclock.Moment
	EndsAt  legalclock.Moment
}

// Store stores a stream of at most limit bytes, piece by piece; too much is fault.TooLarge
// "blob.large". The stream is read between the steps, never inside one: who sends slowly keeps
// nobody waiting. ready, if not nil, runs in the step that makes the blob whole.
func Store(ctx context.Context, db *store.DB, who actor.Actor, box Box, n New, r io.Reader, limit int64, ready func(*store.Tx, Info) error) (Info, error) {
	s := &storing{box: box, sum: sha256.New(), r: r, limit: limit, ready: ready, n: n, piece: make([]byte, Chunk)}
	err := s.all(ctx, db, who)
	if err == nil {
		return s.info, nil
	}
	if s.info.ID != 0 {
		err = errors.Join(err, db.Write(context.WithoutCancel(ctx), who, s.clean))
	}
	return Info{}, err
}

// storing is a stream on its way.
type storing struct {
	box   Box
	n     New
	r     io.Reader
	limit int64
	ready func(*store.Tx, Info) error

	info  Info
	sum   hash.Hash
	piece []byte // number `at` of the file
	at    int64
	end   bool
}

// all reads piece after piece, and stores each in a step of its own.
func (s *storing) all(ctx context.Context, db *store.DB, who actor.Actor) error {
	for ; !s.end; s.at++ {
		if err := s.read(); err != nil {
			return err
		}
		if err := db.Bulk(ctx, who, func(tx *store.Tx) (more bool, err error) { return false, s.step(tx) }); err != nil {
			return err
		}
	}
	return nil
}

// step stores the piece at hand; it may run again.
func (s *storing) step(tx *store.Tx) error {
	if s.at == 0 {
		s.info.ID, s.info.Owner, s.info.OwnerID, s.info.Type, s.info.MadeAt, s.info.EndsAt = tx.ID(), s.n.Owner, s.n.OwnerID, s.n.Type, tx.Now, s.n.EndsAt
		tx.Do(addOpen, s.info.ID, s.n.Owner, s.n.OwnerID, s.n.Type, s.n.EndsAt)
	}
	if len(s.piece) > 0 {
		sealed, err := s.box.Seal(s.info.ID, s.at, s.piece)
		if err != nil {
			return err
		}
		tx.Do(addChunk, s.info.ID, s.at, sealed)
	}
	if !s.end {
		return nil
	}
	s.info.SHA256 = s.sum.Sum(nil)
	tx.Do(finish, s.info.Size, s.info.SHA256, s.info.ID)
	if s.ready != nil {
		return s.ready(tx, s.info)
	}
	return nil
}

// clean takes away what was stored of a stream that broke off. What is whole stays: its commit
// came through although the answer was lost, and what ready made of it stands.
func (s *storing) clean(tx *store.Tx) error {
	if _, err := Stat(tx, s.info.ID); !fault.Is(err, fault.NotFound) {
		return err
	}
	return Delete(tx, s.info.ID)
}

// read takes the next piece of the stream.
func (s *storing) read() error {
	n, err := 0, error(nil)
	for k := 0; n < Chunk && err == nil; n += k {
		k, err = s.r.Read(s.piece[n:Chunk])
	}
	s.piece = s.piece[:n]
	s.sum.Write(s.piece)
	s.info.Size += int64(n)
	switch {
	case s.info.Size > s.limit:
		return fault.New(fault.TooLarge, "blob.large", "mb", s.limit>>20)
	case errors.Is(err, io.EOF): // and not io.ErrUnexpectedEOF: so ends a body whose sender went away
		s.end = true
		return nil
	}
	return err
}

// Stat tells what a whole blob is.
func Stat(r store.Reader, id int64) (Info, error) {
	i, err := store.One[Info](r, stat, id)
	if errors.Is(err, store.ErrNone) {
		return i, fault.New(fault.NotFound, "blob.none")
	}
	return i, err
}

// Keep moves a blob's end.
func Keep(tx *store.Tx, id int64, until legalclock.Moment) error {
	n, err := tx.Exec(keep, until, id)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "blob.none")
	}
	return err
}

// Delete takes a blob away for good. Again is harmless.
func Delete(tx *store.Tx, id int64) error {
	tx.Do(dropChunks, id)
	tx.Do(drop, id)
	return nil
}

// Of lists the whole blobs of an owner, oldest first.
func Of(r store.Reader, owner string, id int64) ([]Info, error) {
	return store.All[Info](r, ofOwner, owner, id)
}

// Sweep takes away what has ended, and what a crash left unfinished a day ago. Periodic, hourly.
func Sweep(ctx context.Context, db *store.DB) error {
	who := actor.System("blob")
	for {
		var due []dueRow
		err := db.View(ctx, who, func(v *store.View) (err error) {
			due, err = store.All[dueRow](v, ended, v.Now, v.Now.Add(-24*time.Hour))
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if err := db.Write(ctx, who.In(d.AccountID), func(tx *store.Tx) error { return Delete(tx, d.ID) }); err != nil {
				return err
			}
		}
	}
}

type dueRow struct{ AccountID, ID int64 }

// File reads a blob piece by piece, each in a view of its own, so that a long reading holds
// nothing. It reads from anywhere; read from the beginning to the end it checks the hash.
type File struct {
	Info
	ctx   context.Context
	db    *store.DB
	who   actor.Actor
	box   Box
	pos   int64
	piece []byte
	n     int64 // which piece is at hand; -1: none
	sum   hash.Hash
}

// Open opens a whole blob for reading.
func Open(ctx context.Context, db *store.DB, who actor.Actor, box Box, id int64) (*File, error) {
	f := &File{ctx: ctx, db: db, who: who, box: box, n: -1, sum: sha256.New()}
	err := db.View(ctx, who, func(v *store.View) (err error) {
		f.Info, err = Stat(v, id)
		return err
	})
	return f, err
}

// Read serves io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if f.pos >= f.Size {
		if f.sum != nil && string(f.sum.Sum(nil)) != string(f.SHA256) {
			return 0, fmt.Errorf("blob: %d is not what was stored", f.ID)
		}
		return 0, io.EOF
	}
	if err := f.load(f.pos / Chunk); err != nil {
		return 0, err
	}
	n := copy(p, f.piece[min(f.pos%Chunk, int64(len(f.piece))):])
	if n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	f.pos += int64(n)
	if f.sum != nil {
		f.sum.Write(p[:n])
	}
	return n, nil
}

// Seek serves io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.Size
	}
	if offset < 0 {
		return f.pos, errors.New("blob: before the beginning")
	}
	f.sum = nil
	if f.pos = offset; offset == 0 {
		f.sum = sha256.New()
	}
	return offset, nil
}

func (f *File) load(n int64) error {
	if n == f.n {
		return nil
	}
	return f.db.View(f.ctx, f.who, func(v *store.View) (err error) {
		f.piece, err = chunk(v, f.box, f.ID, n)
		f.n = n
		return err
	})
}

func chunk(r store.Reader, box Box, id, n int64) ([]byte, error) {
	sealed, err := store.One[[]byte](r, findChunk, id, n)
	if errors.Is(err, store.ErrNone) {
		return nil, fault.New(fault.NotFound, "blob.none")
	}
	if err != nil {
		return nil, err
	}
	return box.Open(id, n, sealed)
}

// Bytes reads a small blob whole, of at most limit bytes.
func Bytes(r store.Reader, box Box, id, limit int64) ([]byte, error) {
	i, err := Stat(r, id)
	if err != nil {
		return nil, err
	}
	if i.Size > limit {
		return nil, fault.New(fault.TooLarge, "blob.large", "mb", limit>>20)
	}
	out := make([]byte, 0, i.Size)
	for n := int64(0); int64(len(out)) < i.Size; n++ {
		p, err := chunk(r, box, id, n)
		if err != nil {
			return nil, err
		}
		if len(p) == 0 {
			break
		}
		out = append(out, p...)
	}
	if sum := sha256.Sum256(out); string(sum[:]) != string(i.SHA256) {
		return nil, fmt.Errorf("blob: %d is not what was stored", id)
	}
	return out, nil
}
