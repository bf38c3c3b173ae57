// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"consend/internal/ground/actor"
	"consend/internal/ground/blob"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// RunKind is the kind of the task that writes an import.
const RunKind job.Kind = "importer.run"

// Work writes an import from its sealed file: a job.Work. It goes on where an earlier run
// left off, and ends at once when the import was stopped.
func Work(ctx context.Context, r *job.Run) error {
	return write(ctx, r.DB, r.Who, r.Ref, pace{}, nil, r.Progress)
}

// pace is how an import is written; zeros mean what is best.
type pace struct {
	writers int
	batch   int
}

// opener opens a file at its beginning; nil means the import's own sealed one.
type opener func() (io.ReadCloser, error)

func (w *writer) open(ctx context.Context, elsewhere opener) (io.ReadCloser, error) {
	if elsewhere != nil {
		return turned(w.i.Format, elsewhere)
	}
	if w.i.Blob == 0 {
		return nil, fault.New(fault.Gone, "import.file.gone")
	}
	f, err := blob.Open(ctx, w.db, w.who, w.ring.Box(w.who.Account), w.i.Blob)
	return io.NopCloser(f), err
}

// errTaken says that the import was stopped, or that another run writes it now.
var errTaken = errors.New("importer: stopped, or taken over by another run")

// writer writes the batches of one import. Several goroutines may: each its own batch.
type writer struct {
	db       *store.DB
	who      actor.Actor
	i        Import
	list     list.List
	ring     *keys.Ring
	most     int // batches written at once, where that helps; 0 means Writers
	note     int64
	from     legalclock.Moment // the first day of collection, for rows without a moment
	evidence Evidence
	due      legalclock.Moment // GDPR 14(3): told until then
	types    map[string]contact.Attribute
	measures map[string]list.List // by what they measure; nil: the file tells nothing of it
	progress func(done, total int64) error

	spare *sync.Pool // rows of written batches, for the reader

	mu      sync.Mutex
	at      Cursor // committed
	counts  Counts // committed
	told    int64
	counted int64 // rows when the planner last heard of them
}

// analyzeFrom is how many rows are worth new statistics; twice as many are again, and the end is.
const analyzeFrom = 100_000

func write(ctx context.Context, db *store.DB, who actor.Actor, id int64, p pace, elsewhere opener, progress func(done, total int64) error) error {
	w := &writer{db: db, who: who, progress: progress, most: p.writers}
	var rd *reader
	err := db.Write(ctx, who, func(tx *store.Tx) (err error) {
		rd, err = w.take(tx, id)
		return err
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case p.batch > 0:
		rd.batch = p.batch
	case db.Dialect() == "sqlite": // its one writer is everybody's, and a set act can't be broken off
		rd.batch = batchRows / 2
	}
	rd.batch = min(rd.batch, proof.MaxMembers/rd.mapping.acts())
	src, err := w.open(ctx, elsewhere)
	if err == nil {
		err = w.all(ctx, src, rd)
		src.Close()
	}
	if err == nil {
		err = w.meet(ctx)
	}
	if errors.Is(err, store.ErrUnique) && w.replaced(ctx) { // the run that took over wrote the same notes before
		return nil
	}
	switch {
	case errors.Is(err, errTaken):
		return nil
	case err != nil && fault.KindOf(err) != fault.Internal:
		return errors.Join(err, w.fail(ctx, err))
	case err != nil:
		return err
	}
	return w.done(ctx)
}

// replaced tells whether another run writes the import now.
func (w *writer) replaced(ctx context.Context) (yes bool) {
	err := w.db.View(ctx, w.who, func(v *store.View) error {
		i, err := Get(v, w.i.ID)
		yes = i.Fence != w.i.Fence
		return err
	})
	return err == nil && yes
}

// take makes this run the one that writes.
func (w *writer) take(tx *store.Tx, id int64) (*reader, error) {
	if n, err := tx.Exec(take, id); err != nil {
		return nil, err
	} else if n == 0 {
		return nil, errTaken
	}
	i, err := Get(tx, id)
	if err != nil {
		return nil, err
	}
	if !i.Refusing() && i.Mapping.Index(Measures) >= 0 {
		a, err := account.Get(tx)
		if err != nil {
			return nil, err
		}
		if w.measures, err = list.EnsureMeasuring(tx, a.Language); err != nil {
			return nil, err
		}
	}
	return w.prepare(tx.View, i)
}

// prepare reads what is the same for all rows.
func (w *writer) prepare(v *store.View, i Import) (*reader, error) {
	zone, rules, err := rulesOf(v)
	if err != nil {
		return nil, err
	}
	if i.List != 0 {
		if w.list, err = list.Get(v, i.List); err != nil {
			return nil, err
		}
	}
	attributes, err := contact.AllAttributes(v)
	if err != nil {
		return nil, err
	}
	w.types = map[string]contact.Attribute{}
	for _, a := range attributes {
		w.types[a.Name] = a
	}
	if w.note, err = noteOf(v, i.Origin.Note); err != nil {
		return nil, err
	}
	if i.Evidence != 0 {
		if w.evidence, err = GetEvidence(v, i.Evidence); err != nil {
			return nil, err
		}
	}
	w.i, w.at, w.counts, w.ring = i, i.At, i.Counts, keys.Of(v)
	if !i.Refusing() {
		w.due = i.Origin.NoticeDue(i.MadeAt, zone, rules)
	}
	w.from = i.Origin.since(v.Now, zone)
	rd := newReader(i, rules, v.Now, zone)
	rd.declare(attributes)
	w.spare = rd.spare
	return rd, nil
}

// noteOf finds the version of ours that an origin names by its id; 0: other words, which stand
// in the origin alone.
func noteOf(r store.Reader, named string) (int64, error) {
	id, err := strconv.ParseInt(named, 10, 64)
	if err != nil {
		return 0, nil
	}
	v, err := notice.Get(r, id)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return v.ID, err
}

// writers is how many goroutines write: PostgreSQL has a core more than one can fill, SQLite
// has one writer.
func (w *writer) writers() int {
	if w.db.Dialect() == "postgres" && !w.learns() {
		if w.most > 0 {
			return w.most
		}
		return Writers
	}
	return 1
}

// Writers is how many batches are written at once on PostgreSQL.
const Writers = 2

func (w *writer) all(ctx context.Context, src io.Reader, rd *reader) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, parsed := stream(ctx, src, w.i, rd, sheet.Standard, w.at)
	var group sync.WaitGroup
	var first error
	var once sync.Once
	for range w.writers() {
		group.Go(func() {
			var r room
			for b := range batches {
				if err := w.some(ctx, b, batches, &r); err != nil {
					once.Do(func() { first = err; stop() })
					return
				}
			}
		})
	}
	group.Wait()
	stop()
	for range batches { // the parser may wait to hand one over
	}
	if err := parsed(); first == nil && err != nil {
		first = err
	}
	return first
}

// together is how many batches one transaction holds at most: a commit costs as much as some
// hundred rows, and nobody waits longer for it than a step may take.
const together = 4

// some writes a batch and those that are ready behind it, with the cursor behind them, in one
// transaction, until somebody wants their turn.
func (w *writer) some(ctx context.Context, first batch, more <-chan batch, r *room) error {
	if err := w.ready(ctx, first); err != nil {
		return err
	}
	taken := append(make([]batch, 0, together), first)
	held := false
	var next Cursor
	var counts Counts
	err := w.db.Bulk(ctx, w.who, func(tx *store.Tx) (bool, error) {
		if held { // this step runs again, with what it took
			held = false
			w.mu.Unlock()
		}
		written := newCounts()
		for k := 0; k < len(taken) || w.another(tx, more, &taken); k++ {
			s := &step{w: w, tx: tx, b: &taken[k], room: r, listed: written.Listed, counts: newCounts()}
			if err := s.write(); err != nil {
				return false, err
			}
			written = written.plus(s.counts)
		}
		w.mu.Lock() // until the commit, so that no other step counts from the same numbers
		held = true
		next, counts = w.at, w.counts.plus(written)
		for i := range taken {
			next = next.past(taken[i])
		}
		n, err := tx.Exec(advance, text(next), text(counts), counts.Waiting(), w.i.ID, w.i.Fence)
		if err == nil && n == 0 {
			err = errTaken
		}
		return false, err
	})
	if !held {
		w.mu.Lock()
	}
	if err != nil {
		w.mu.Unlock()
		return err
	}
	w.at, w.counts = next, counts
	for i := range taken {
		w.spare.Put(&taken[i].rows)
	}
	last := taken[len(taken)-1].last
	grown := w.counts.Rows >= max(analyzeFrom, 2*w.counted) || last && w.counts.Rows >= analyzeFrom/10
	if grown {
		w.counted = w.counts.Rows
	}
	err = w.tell(last)
	w.mu.Unlock()
	if err == nil && grown { // outside the lock: the other writer goes on
		err = w.db.Analyze(ctx, "contact", "subscription", "consent_event", "import_note", "import_waiting", "trace_entry")
	}
	return err
}

// ready has the keys made that a step may take, so that it doesn't wait for their store.
func (w *writer) ready(ctx context.Context, b batch) error {
	sealed := 0
	for i := range b.rows {
		if r := &b.rows[i]; r.sealed() || r.ungraded() && r.tells() {
			sealed++
		}
	}
	if sealed == 0 || w.i.Refusing() {
		return nil
	}
	return w.ring.Ahead(ctx, w.who.Account, sealed*together)
}

// tell says how far it is, now and then.
func (w *writer) tell(last bool) error {
	if w.progress != nil && (w.counts.Rows-w.told >= 50_000 || last) {
		w.told = w.counts.Rows
		return w.progress(w.counts.Rows, w.i.Survey.Rows)
	}
	return nil
}

// another takes one more batch into the step, if one is ready and there is time.
func (w *writer) another(tx *store.Tx, more <-chan batch, taken *[]batch) bool {
	if len(*taken) >= together || w.learns() || tx.Yield() {
		return false
	}
	select {
	case b, ok := <-more:
		if ok {
			*taken = append(*taken, b)
		}
		return ok
	default:
		return false
	}
}

// learns tells whether values become choices, which a batch knows from those that are
// committed: two at once, in one transaction or beside each other, would lose one another's.
func (w *writer) learns() bool { return slices.ContainsFunc(w.i.Mapping, w.learnt) }

// learnt tells whether a column's values become choices.
func (w *writer) learnt(c Column) bool {
	a, ok := w.types[c.Attribute]
	return c.chooses() && (c.Collect || !ok || len(a.Choices) == 0)
}

// past moves the cursor behind a batch: straight on when the batch begins at it, and over
// those that were written ahead.
func (c Cursor) past(b batch) Cursor {
	out := Cursor{Position: c.Position, Ahead: slices.Clone(c.Ahead), Next: maps.Clone(c.Next), Met: c.Met}
	if !b.first && b.from != out.Offset {
		if out.Next == nil {
			out.Next = map[int64]sheet.Position{}
		}
		out.Ahead = append(out.Ahead, b.from)
		out.Next[b.from] = b.next
		return out
	}
	out.Position = b.next
	for {
		p, ok := out.Next[out.Offset]
		if !ok {
			return out
		}
		k := slices.Index(out.Ahead, out.Offset)
		out.Ahead = slices.Delete(out.Ahead, k, k+1)
		delete(out.Next, out.Offset)
		out.Position = p
	}
}

func newCounts() Counts { return Counts{Grades: map[string]int64{}, Withheld: map[string]int64{}} }

func (c Counts) plus(o Counts) Counts {
	c.Rows += o.Rows
	c.Fresh += o.Fresh
	c.Known += o.Known
	c.Changed += o.Changed
	c.Refused += o.Refused
	c.Doubled += o.Doubled
	c.Same += o.Same
	c.Left += o.Left
	c.Remarks += o.Remarks
	c.Unlisted += o.Unlisted
	c.Listed += o.Listed
	c.Hashed += o.Hashed
	c.Met += o.Met
	c.Here += o.Here
	c.Measured += o.Measured
	c.Unmeasured += o.Unmeasured
	c.Grades, c.Withheld, c.Waits = maps.Clone(c.Grades), maps.Clone(c.Withheld), maps.Clone(c.Waits)
	for k, n := range o.Waits {
		c.waits(k, n)
	}
	for k, n := range o.Grades {
		c.Grades[k] += n
	}
	for k, n := range o.Withheld {
		c.Withheld[k] += n
	}
	return c
}

// fail marks an import whose file can't be read on, unless another run writes it now.
func (w *writer) fail(ctx context.Context, cause error) error {
	key := fault.All(cause)[0].Key
	return w.db.Write(context.WithoutCancel(ctx), w.who, func(tx *store.Tx) error {
		if n, err := tx.Exec(setFailed, key, w.i.ID, w.i.Fence); err != nil || n == 0 {
			return err
		}
		_, err := trace.Append(tx, trace.Act{Action: "import.fail", Object: "import", ObjectID: w.i.ID, Clear: proof.Fields{"fault": key}})
		return err
	})
}

// done ends an import and writes its totals into the trace. It is not broken off: a commit
// whose answer is lost would leave the command not knowing that the file is in.
func (w *writer) done(ctx context.Context) error {
	return w.db.Write(context.WithoutCancel(ctx), w.who, func(tx *store.Tx) error {
		i, err := lock(tx, w.i.ID)
		if err != nil || i.State != Running || i.Fence != w.i.Fence {
			return err
		}
		tx.Do(setDone, i.ID)
		_, err = trace.Append(tx, trace.Act{Action: "import.done", Object: "import", ObjectID: i.ID, Clear: i.Counts.fields()})
		return err
	})
}

func (c Counts) fields() proof.Fields {
	f := proof.Fields{"rows": dec(c.Rows), "new": dec(c.Fresh), "known": dec(c.Known), "refused": dec(c.Refused), "doubled": dec(c.Doubled), "left": dec(c.Left)}
	if c.Hashed > 0 {
		f["hashed"], f["met"] = dec(c.Hashed), dec(c.Met)
	}
	if c.Measured+c.Unmeasured > 0 {
		f["measured"], f["unmeasured"] = dec(c.Measured), dec(c.Unmeasured)
	}
	for g, n := range c.Grades {
		if g == "" {
			g = "waiting"
		}
		f["grade."+strings.ToLower(g)] = dec(n)
	}
	for v, n := range c.Withheld {
		f["withheld."+v] = dec(n)
	}
	return f
}
