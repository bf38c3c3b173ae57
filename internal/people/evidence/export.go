// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/envelope"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/list"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// ExportKind is the kind of the task that writes a bundle.
const ExportKind job.Kind = "evidence.export"

const (
	owner     = "proof_export"
	ownerPart = "proof_part"
	mostPart  = 256 << 20
	mostBytes = 64 << 30
)

// Wanted is the question of an export; zeros ask for all.
type Wanted struct {
	List     int64             `json:"list,omitempty"`
	Purpose  int64             `json:"purpose,omitempty"`
	From     legalclock.Moment `json:"from,omitempty"`   // recorded from
	To       legalclock.Moment `json:"to,omitempty"`     // … and before
	Narrow   bool              `json:"narrow,omitempty"` // of a period alone: only the lists with such an event, each whole
	Language string            `json:"language,omitempty"`
}

func (w Wanted) question() consent.Question {
	return consent.Question{List: w.List, Purpose: w.Purpose, From: w.From, To: w.To}
}

// Asked is the question as the bundle names it.
func (w Wanted) Asked() proof.Asked { return w.order().Asked }

func (w Wanted) order() Order {
	o := Order{Language: w.Language, Asked: proof.Asked{List: w.List, Purpose: w.Purpose}}
	if w.From != 0 {
		o.From = w.From.String()
	}
	if w.To != 0 {
		o.To = w.To.String()
	}
	o.Narrow = w.Narrow && w.List == 0 && w.Purpose == 0 && (w.From != 0 || w.To != 0)
	return o
}

// Export is a bundle as it is made, and while it is kept.
type Export struct {
	ID      int64
	Wanted  Wanted
	People  int64
	Blob    int64 // 0 until it is whole
	Size    int64
	SHA256  []byte
	Task    int64
	MadeBy  int64
	MadeAt  legalclock.Moment
	EndedAt legalclock.Moment // when it was whole
	EndsAt  legalclock.Moment // when it goes
	parts   []kept
	last    int64
}

// kept is where a piece lies, and under which checkpoint it stands.
type kept struct {
	Blob int64 `json:"blob"`
	Size int64 `json:"size"`
}

type exportRow struct {
	ID                         int64
	Question, Parts            string
	Last, People, BlobID, Size int64
	SHA256                     []byte `db:"sha256"`
	TaskID, MadeBy             int64
	MadeAt, EndedAt, EndsAt    legalclock.Moment
}

func (r exportRow) export() (Export, error) {
	e := Export{ID: r.ID, People: r.People, Blob: r.BlobID, Size: r.Size, SHA256: r.SHA256, Task: r.TaskID, MadeBy: r.MadeBy, MadeAt: r.MadeAt, EndedAt: r.EndedAt, EndsAt: r.EndsAt, last: r.Last}
	return e, errors.Join(json.Unmarshal([]byte(r.Question), &e.Wanted), json.Unmarshal([]byte(r.Parts), &e.parts))
}

// Ask asks for the proofs of everybody with an event that fits, as one bundle, and begins the
// work. Faults: evidence.export.period, evidence.export.both, list.none, list.purpose.none.
func Ask(tx *store.Tx, w Wanted) (int64, error) {
	if w.To != 0 && w.To <= w.From {
		return 0, fault.New(fault.Invalid, "evidence.export.period").At("to")
	}
	if w.List != 0 && w.Purpose != 0 {
		return 0, fault.New(fault.Invalid, "evidence.export.both").At("list")
	}
	if w.List != 0 {
		if _, err := list.Get(tx, w.List); err != nil {
			return 0, err
		}
	}
	if w.Purpose != 0 {
		if _, err := list.GetPurpose(tx, w.Purpose); err != nil {
			return 0, err
		}
	}
	ends, err := endOf(tx)
	if err != nil {
		return 0, err
	}
	q, err := json.Marshal(w)
	if err != nil {
		return 0, err
	}
	id := tx.ID()
	by := int64(0)
	if tx.Who.Kind == actor.Member {
		by = tx.Who.ID
	}
	o := w.order()
	if _, err := trace.Append(tx, trace.Act{Action: "proof.export", Object: "proof_export", ObjectID: id, Clear: proof.Fields{
		"list": dec(w.List), "purpose": dec(w.Purpose), "from": o.From, "to": o.To, "narrow": strconv.FormatBool(o.Narrow)}}); err != nil {
		return 0, err
	}
	tx.Do(add, id, string(q), job.Start(tx, ExportKind, id), by, ends)
	return id, nil
}

// endOf is when what is exported now is deleted (rule retention.export).
func endOf(tx *store.Tx) (legalclock.Moment, error) {
	a, err := account.Get(tx)
	if err != nil {
		return 0, err
	}
	rules, err := rulepack.For(tx)
	if err != nil {
		return 0, err
	}
	return legalclock.Day(tx.Now, a.Location()).AddDays(rules.Number(rulepack.ExportKept)).End(a.Location()), nil
}

// Get reads an export. Fault: evidence.export.none.
func Get(r store.Reader, id int64) (Export, error) {
	row, err := store.One[exportRow](r, get, id)
	if errors.Is(err, store.ErrNone) {
		return Export{}, fault.New(fault.NotFound, "evidence.export.none")
	}
	if err != nil {
		return Export{}, err
	}
	return row.export()
}

// Exports lists the newest exports.
func Exports(r store.Reader, limit int) ([]Export, error) {
	rows, err := store.All[exportRow](r, page, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Export, len(rows))
	for i := range rows {
		if out[i], err = rows[i].export(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Open opens the bundle for reading. Who calls it has traced the look. Faults:
// evidence.export.none, evidence.export.early (it is still being made).
func Open(ctx context.Context, db *store.DB, who actor.Actor, ring *keys.Ring, id int64) (*blob.File, error) {
	var e Export
	err := db.View(ctx, who, func(v *store.View) (err error) {
		if e, err = Get(v, id); err == nil && e.Blob == 0 {
			err = fault.New(fault.Conflict, "evidence.export.early")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return blob.Open(ctx, db, who, ring.Box(who.Account), e.Blob)
}

// Drop deletes an export, whole or begun, before its end.
func Drop(tx *store.Tx, id int64) error {
	e, err := Get(tx, id)
	if err != nil {
		return err
	}
	if _, err := trace.Append(tx, trace.Act{Action: "proof.export_drop", Object: "proof_export", ObjectID: id}); err != nil {
		return err
	}
	return e.drop(tx)
}

func (e Export) drop(tx *store.Tx) error {
	for _, p := range append(e.parts, kept{Blob: e.Blob}) {
		if p.Blob != 0 {
			if err := blob.Delete(tx, p.Blob); err != nil {
				return err
			}
		}
	}
	tx.Do(drop, e.ID)
	return nil
}

// Sweep deletes the exports that have ended.
func Sweep(ctx context.Context, db *store.DB) error {
	who := actor.System("evidence.sweep")
	type ended struct{ AccountID, ID int64 }
	for {
		var list []ended
		err := db.View(ctx, who, func(v *store.View) (err error) {
			list, err = store.All[ended](v, due, v.Now)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, x := range list {
			err := db.Write(ctx, actor.Worker("evidence.sweep", x.AccountID), func(tx *store.Tx) error {
				e, err := Get(tx, x.ID)
				if fault.Is(err, fault.NotFound) {
					return nil
				}
				if err != nil {
					return err
				}
				return e.drop(tx)
			})
			if err != nil {
				return err
			}
		}
	}
}

// errTaken says that the export was dropped, or that another run writes it now.
var errTaken = errors.New("evidence: dropped, or taken over by another run")

// Work writes a bundle in pieces, each kept sealed once it is whole, and goes on after a stop
// or a kill with the next: a job.Work. Then it puts them together and lets them go.
func Work(ctx context.Context, r *job.Run) error {
	err := exporting{r}.all(ctx)
	if errors.Is(err, errTaken) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

type exporting struct{ *job.Run }

func (x exporting) get(ctx context.Context) (e Export, ring *keys.Ring, err error) {
	err = x.DB.View(ctx, x.Who, func(v *store.View) (err error) {
		ring = keys.Of(v)
		e, err = Get(v, x.Ref)
		return err
	})
	return e, ring, err
}

func (x exporting) all(ctx context.Context) error {
	e, ring, err := x.get(ctx)
	if err != nil || e.Blob != 0 {
		return err
	}
	var total int64
	err = x.DB.View(ctx, x.Who, func(v *store.View) (err error) {
		total, err = consent.CountPeople(v, e.Wanted.question())
		return err
	})
	if err != nil {
		return err
	}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if done, err = x.piece(ctx, ring); err != nil {
			return err
		}
		if e, _, err = x.get(ctx); err != nil {
			return err
		}
		if err := x.Progress(min(e.People, total), total); err != nil {
			return err
		}
	}
	return x.whole(ctx, ring, e)
}

// piece writes the next piece, and tells whether there was none.
func (x exporting) piece(ctx context.Context, ring *keys.Ring) (done bool, err error) {
	e, _, err := x.get(ctx)
	if err != nil {
		return false, err
	}
	var ids []int64
	err = x.DB.View(ctx, x.Who, func(v *store.View) (err error) {
		ids, err = consent.People(v, e.Wanted.question(), e.last, partPeople)
		return err
	})
	if err != nil || len(ids) == 0 {
		return true, err
	}
	made, err := e.Wanted.order().part(ctx, x.DB, x.Who, ids, len(e.parts)+1)
	if err != nil {
		return false, err
	}
	_, err = blob.Store(ctx, x.DB, x.Who, ring.Box(x.Who.Account), blob.New{Owner: ownerPart, OwnerID: e.ID, Type: "application/zip", EndsAt: e.EndsAt},
		bytes.NewReader(made.zip), mostPart, func(tx *store.Tx, i blob.Info) error {
			parts, err := json.Marshal(append(e.parts, kept{i.ID, made.size}))
			if err != nil {
				return err
			}
			n, err := tx.Exec(addPart, string(parts), made.last, made.n, e.ID, e.last)
			if err == nil && n == 0 {
				err = errTaken
			}
			return err
		})
	return false, err
}

// whole puts the pieces together into the bundle, and deletes them with the same commit.
func (x exporting) whole(ctx context.Context, ring *keys.Ring, e Export) error {
	sizes := make([]int64, len(e.parts))
	for i, p := range e.parts {
		sizes[i] = p.Size
	}
	box := ring.Box(x.Who.Account)
	read := func(i int) (b []byte, err error) {
		err = x.DB.View(ctx, x.Who, func(v *store.View) (err error) {
			b, err = blob.Bytes(v, box, e.parts[i].Blob, mostPart)
			return err
		})
		return b, err
	}
	from, to := io.Pipe()
	go func() {
		to.CloseWithError(e.Wanted.order().assemble(ctx, x.DB, x.Who, to, len(e.parts), sizes, read))
	}()
	defer from.Close()
	_, err := blob.Store(ctx, x.DB, x.Who, box, blob.New{Owner: owner, OwnerID: e.ID, Type: "application/zip", EndsAt: e.EndsAt}, from, mostBytes,
		func(tx *store.Tx, i blob.Info) error {
			ends, err := endOf(tx)
			if err != nil {
				return err
			}
			n, err := tx.Exec(done, i.ID, i.Size, i.SHA256, ends, e.ID)
			if err == nil && n == 0 {
				err = errTaken
			}
			if err != nil {
				return err
			}
			for _, p := range e.parts {
				if err := blob.Delete(tx, p.Blob); err != nil {
					return err
				}
			}
			return blob.Keep(tx, i.ID, ends)
		})
	return err
}

// Taken writes down that somebody takes a bundle out of the house: how many people are in it,
// by which question, and how it is closed. Durable before a byte leaves.
func Taken(tx *store.Tx, id int64, how envelope.How) error {
	e, err := Get(tx, id)
	if err != nil {
		return err
	}
	if e.Blob == 0 {
		return fault.New(fault.Conflict, "evidence.export.early")
	}
	o := e.Wanted.order()
	_, err = trace.Append(tx, trace.Act{Action: "proof.download", Object: "proof_export", ObjectID: id, Clear: proof.Fields{
		"shown": dec(e.People), "list": dec(e.Wanted.List), "purpose": dec(e.Wanted.Purpose), "from": o.From, "to": o.To, "encrypted": string(how)}})
	return err
}
