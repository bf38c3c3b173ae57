// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
	"consend/internal/trace"
)

// ForecastKind is the kind of the task that counts what an import would do.
const ForecastKind job.Kind = "importer.forecast"

// Forecast is what an import would do if it began now: the counts its report would show, and the
// first lines of that. Nothing is written for it. What happens until the import begins, and a file
// that says two things of one address, may make the report differ.
type Forecast struct {
	Version int64             `json:"version"` // of the import it was made for; another one is out of date
	At      legalclock.Moment `json:"at"`
	Counts  Counts            `json:"counts"`
	Notes   []Note            `json:"notes"` // at most MaxForecastNotes
	More    int64             `json:"more"`  // lines beyond these
}

// MaxForecastNotes is how many lines a forecast keeps; the report of the import keeps MaxNotes.
const MaxForecastNotes = 1000

// atOnce is how many rows are counted while the page is made; more are a task of its own.
const atOnce = 5000

// manyHere is how many people are compared with hashes while the page is made.
const manyHere = 20_000

// quick tells whether an import is counted while the page is made.
func quick(r store.Reader, i Import) (bool, error) {
	if i.Survey.Rows > atOnce || !i.Refusing() {
		return i.Survey.Rows <= atOnce, nil
	}
	n, err := contact.Count(r)
	return n <= manyHere, err
}

// foretell starts to count a long file whose last choice was made.
func foretell(tx *store.Tx, i Import) error {
	if i.Blob == 0 {
		return nil
	}
	now, err := quick(tx, i)
	if err == nil && !now {
		job.Start(tx, ForecastKind, i.ID)
	}
	return err
}

// Foretold gives the forecast of an import that is ready. Of a long file that is still being
// counted it gives none, and how far that is.
func Foretold(ctx context.Context, db *store.DB, who actor.Actor, i Import) (f *Forecast, done job.Task, err error) {
	if i.State != Ready || i.Blob == 0 {
		return nil, done, nil
	}
	now := false
	if err = db.View(ctx, who, func(v *store.View) (err error) { now, err = quick(v, i); return err }); err != nil {
		return nil, done, err
	}
	if now {
		f, err := forecast(ctx, db, who, i, nil)
		return &f, done, err
	}
	var kept Forecast
	err = db.View(ctx, who, func(v *store.View) error {
		text, err := store.One[string](v, getForecast, i.ID)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &kept); err != nil {
			return err
		}
		done, err = job.Of(v, ForecastKind, i.ID)
		if errors.Is(err, store.ErrNone) {
			err = nil
		}
		return err
	})
	if err != nil || kept.Version != i.Version {
		return nil, done, err
	}
	return &kept, done, nil
}

// Refresh counts again what an import would do, where something was changed since.
// Faults: import.none, import.step.
func Refresh(tx *store.Tx, id int64) error {
	i, err := lock(tx, id)
	if err != nil {
		return err
	}
	if i.State != Ready {
		return fault.New(fault.Conflict, "import.step")
	}
	t, err := job.Of(tx, ForecastKind, id)
	if err == nil && t.Open() {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	if _, err := trace.Append(tx, trace.Act{Action: "import.forecast", Object: "import", ObjectID: id}); err != nil {
		return err
	}
	return foretell(tx, i)
}

// ForecastWork counts what an import would do: a job.Work. It ends at once when the import has
// begun or was changed since; a kill leaves it to begin again.
func ForecastWork(ctx context.Context, r *job.Run) error {
	var i Import
	err := r.DB.View(ctx, r.Who, func(v *store.View) (err error) { i, err = Get(v, r.Ref); return err })
	if fault.Is(err, fault.NotFound) || err == nil && i.State != Ready {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := forecast(ctx, r.DB, r.Who, i, r.Progress)
	if err != nil {
		return err
	}
	return r.DB.Write(ctx, r.Who, func(tx *store.Tx) error {
		tx.Do(setForecast, text(f), i.ID, i.Version)
		return nil
	})
}

func forecast(ctx context.Context, db *store.DB, who actor.Actor, i Import, progress func(done, total int64) error) (Forecast, error) {
	out := Forecast{Version: i.Version, Counts: newCounts()}
	w := &writer{db: db, who: who}
	var rd *reader
	err := db.View(ctx, who, func(v *store.View) (err error) {
		out.At = v.Now
		if rd, err = w.prepare(v, i); err == nil {
			w.i.collects(slices.Collect(maps.Values(w.types)))
		}
		return err
	})
	if err != nil {
		return out, err
	}
	w.spare = rd.spare
	src, err := w.open(ctx, nil)
	if err != nil {
		return out, err
	}
	defer src.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	batches, parsed := stream(ctx, src, w.i, rd, sheet.Standard, Cursor{})
	told := int64(0)
	dry := new(consent.Dry)
	for b := range batches {
		if err != nil {
			continue // the parser may wait to hand one over
		}
		s := &step{w: w, b: &b, counts: newCounts()}
		s.counts.Rows, s.counts.Refused, s.counts.Doubled = b.read, b.refused, b.doubled
		var more []note
		if len(b.rows) > 0 && w.i.Refusing() {
			once, _ := s.told()
			var in consent.Intake
			err = db.View(ctx, who, func(v *store.View) (err error) { in, err = dry.Refuse(v, once); return err })
			if s.counts.took(in); err == nil && dry.Full() {
				s.counts.Met, err = foreseeMet(ctx, w, dry)
			}
		} else if len(b.rows) > 0 {
			err = db.View(ctx, who, func(v *store.View) (err error) { more, err = s.foresee(v); return err })
		}
		out.Counts = out.Counts.plus(s.counts)
		out.note(append(b.notes[:len(b.notes):len(b.notes)], more...))
		w.spare.Put(&b.rows)
		if err == nil && progress != nil && out.Counts.Rows-told >= 20_000 {
			told = out.Counts.Rows
			err = progress(told, i.Survey.Rows)
		}
		if err != nil {
			stop()
		}
	}
	if bad := parsed(); err == nil {
		err = bad
	}
	if err == nil && out.Counts.Hashed > 0 {
		met := int64(0)
		met, err = foreseeMet(ctx, w, dry)
		out.Counts.Met += met
	}
	return out, err
}

// note keeps the first lines of a batch's report.
func (f *Forecast) note(notes []note) {
	slices.SortStableFunc(notes, func(a, b note) int { return a.line - b.line })
	for _, n := range notes {
		if n.kind == remark {
			f.Counts.Remarks++
		}
		if n.key == unknownValue { // the values stand in the file alone
			n.key, n.args = unlistedValue, nil
		}
		if len(f.Notes) >= MaxForecastNotes {
			f.More++
			continue
		}
		f.Notes = append(f.Notes, Note{Seq: int64(len(f.Notes)) + 1, Line: int64(n.line), Kind: string(n.kind), Reason: n.key, Place: n.column, Args: n.args})
	}
}

// state gives a person of the batch the country that the row would state for them.
func (s *step) state(i int) {
	p, r, how := &s.people[i], &s.b.rows[i], s.w.i.Options.Existing
	if r.country != "" && (p.Created || !r.again && (how == Replace || how != Keep && p.Country == "")) {
		p.Country = r.country
	}
}

// foresee counts what a batch would do.
func (s *step) foresee(v *store.View) ([]note, error) {
	rows := s.b.rows
	for _, a := range s.choose() {
		a.Choices = append(slices.Clone(s.w.types[a.Name].Choices), a.Choices...)
		s.w.types[a.Name] = a
	}
	emails := make([]address.Address, len(rows))
	for i := range rows {
		emails[i] = rows[i].email
	}
	var err error
	if s.people, err = contact.Foresee(v, emails); err != nil {
		return nil, err
	}
	events := make([]consent.Event, len(rows))
	for i := range rows {
		s.state(i)
		s.event(&events[i], &rows[i], s.people[i], 0)
	}
	if err := s.waiting(v); err != nil {
		return nil, err
	}
	results, err := consent.Foresee(v, s.w.list, events)
	if err != nil {
		return nil, err
	}
	if how := s.w.i.Options.Existing; how != Keep {
		if s.counts.Changed, err = contact.WouldFill(v, append(s.fills(nil), s.fills(results)...), how == Replace); err != nil {
			return nil, err
		}
	}
	notes, _ := s.sort(results)
	yes, no := s.answered(results)
	s.counts.Measured, s.counts.Unmeasured = int64(len(yes)), int64(len(no))
	return notes, nil
}
