// SPDX-License-Identifier: AGPL-3.0-or-later

package job

import (
	"context"
	"database/sql"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
)

// Steps are the migrations of River's tables for a database, for store.Options.
func Steps(dialect string) []store.Step {
	var list []rivermigrate.Migration
	if dialect == "postgres" {
		m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
		if err != nil {
			panic("job: River's migrations: " + err.Error()) // embedded: a build that lacks them must not start
		}
		list = m.AllVersions()
	} else {
		m, err := rivermigrate.New(riversqlite.New(nil), nil)
		if err != nil {
			panic("job: River's migrations: " + err.Error())
		}
		list = m.AllVersions()
	}
	steps := make([]store.Step, len(list))
	for i, m := range list {
		text := strings.ReplaceAll(m.SQLUp, "/* TEMPLATE: schema */", "")
		// River's own list, so that its tools find what they expect.
		switch {
		case m.Version < 5:
			text += ";\nINSERT INTO river_migration (version) VALUES (" + strconv.Itoa(m.Version) + ");"
		default:
			text += ";\nINSERT INTO river_migration (line, version) VALUES ('main', " + strconv.Itoa(m.Version) + ");"
		}
		steps[i] = store.Step{Number: int64(m.Version), Name: "river " + m.Name, SQL: text}
	}
	return steps
}

// queue is the part of River's client that we use, of either database.
type queue interface {
	insert(ctx context.Context, o order) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
}

type client[T any] struct{ *river.Client[T] }

func (c client[T]) insert(ctx context.Context, o order) error {
	_, err := c.Insert(ctx, taskArgs{o}, nil)
	return err
}
func (c client[T]) start(ctx context.Context) error { return c.Start(ctx) }
func (c client[T]) stop(ctx context.Context) error  { return c.StopAndCancel(ctx) }

type taskArgs struct{ order }

func (taskArgs) Kind() string { return "task" }

type taskWorker struct {
	river.WorkerDefaults[taskArgs]
	r *Runner
}

func (w *taskWorker) Timeout(*river.Job[taskArgs]) time.Duration { return -1 } // as long as it takes
func (w *taskWorker) Work(ctx context.Context, j *river.Job[taskArgs]) error {
	return w.r.perform(ctx, j.Args.order)
}

type periodicArgs struct {
	Name string `json:"name"`
}

func (periodicArgs) Kind() string { return "periodic" }

type periodicWorker struct {
	river.WorkerDefaults[periodicArgs]
	list map[string]Periodic
	mu   sync.Mutex
	busy map[string]bool
}

func (w *periodicWorker) Timeout(*river.Job[periodicArgs]) time.Duration { return -1 }

func (w *periodicWorker) Work(ctx context.Context, j *river.Job[periodicArgs]) error {
	p, ok := w.list[j.Args.Name]
	w.mu.Lock()
	idle := ok && !w.busy[j.Args.Name]
	if idle {
		w.busy[j.Args.Name] = true
	}
	w.mu.Unlock()
	if !idle {
		return nil // of another version of the house, or still at it
	}
	defer func() { w.mu.Lock(); w.busy[j.Args.Name] = false; w.mu.Unlock() }()
	began := legalclock.Start()
	if err := guard(func() error { return p.Do(ctx) }); err != nil && ctx.Err() == nil {
		// Its next turn is its next try.
		slog.Error("periodic work", "kind", p.Kind, "err", err, "ms", began.Elapsed().Milliseconds())
	}
	return nil
}

func (r *Runner) river() (queue, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &taskWorker{r: r})
	pw := &periodicWorker{list: map[string]Periodic{}, busy: map[string]bool{}}
	river.AddWorker(workers, pw)
	c := &river.Config{
		Logger:  slog.New(quiet{slog.Default().Handler()}),
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: 50},
			"periodic":         {MaxWorkers: 10},
		},
		PollOnly:                    true, // our own inserts wake it; what another node left behind can wait a second
		RescueStuckJobsAfter:        time.Hour,
		CompletedJobRetentionPeriod: time.Hour,
		ReindexerSchedule:           river.NeverSchedule(),
	}
	for _, p := range r.periodics {
		pw.list[string(p.Kind)] = p
		c.PeriodicJobs = append(c.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(p.Every), func() (river.JobArgs, *river.InsertOpts) {
			return periodicArgs{string(p.Kind)}, &river.InsertOpts{Queue: "periodic", MaxAttempts: 1}
		}, &river.PeriodicJobOpts{ID: string(p.Kind), RunOnStart: true}))
	}
	if pool := r.db.Pool(); pool != nil {
		return newClient[pgx.Tx](riverpgxv5.New(pool), c)
	}
	return newClient[*sql.Tx](riversqlite.New(r.db.Handle()), c)
}

// polling is a driver that listens to nothing: then our own inserts wake the client at once.
type polling[T any] struct{ riverdriver.Driver[T] }

func (polling[T]) SupportsListener() bool     { return false }
func (polling[T]) SupportsListenNotify() bool { return false }

func newClient[T any](driver riverdriver.Driver[T], c *river.Config) (queue, error) {
	cl, err := river.NewClient[T](polling[T]{driver}, c)
	if err != nil {
		return nil, err
	}
	return client[T]{cl}, nil
}

// quiet passes River's warnings and errors on, not its chatter.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler         { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(n string) slog.Handler              { return quiet{q.Handler.WithGroup(n)} }
