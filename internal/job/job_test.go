// SPDX-License-Identifier: AGPL-3.0-or-later

package job_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/testhouse"
)

// house is a house with a runner that works.
type works struct {
	facts map[job.Kind]job.OnFact
	works map[job.Kind]job.Work
	every []job.Periodic
}

func (w works) runner(h *testhouse.House) *job.Runner {
	r := job.New(h.Main, w.facts, w.works, w.every)
	h.Main.Attach(r)
	return r
}

// begin runs a runner and gives a function that stops it and waits.
func begin(t *testing.T, r *job.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the runner stopped with %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func write(t *testing.T, h *testhouse.House, account int64, f func(tx *store.Tx) error) {
	t.Helper()
	if err := h.Main.Write(context.Background(), h.Member(account), f); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, h *testhouse.House, account int64, kind job.Kind, ref int64) (task int64) {
	t.Helper()
	write(t, h, account, func(tx *store.Tx) error {
		task = job.Start(tx, kind, ref)
		return nil
	})
	return task
}

func get(t *testing.T, h *testhouse.House, account, task int64) (out job.Task) {
	t.Helper()
	err := h.Main.View(context.Background(), h.Member(account), func(v *store.View) (err error) {
		out, err = job.Get(v, task)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAFactIsHandledOnceAsAWorkerOfItsAccount(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		type seen struct {
			who actor.Actor
			ref int64
		}
		got := make(chan seen, 2000)
		r := works{facts: map[job.Kind]job.OnFact{"test.happened": func(tx *store.Tx, ref int64) error {
			who := tx.Who
			tx.AfterCommit(func() { got <- seen{who, ref} })
			return nil
		}}}.runner(h)
		a, b := h.Account(t), h.Account(t)
		begin(t, r)
		for _, account := range []int64{a, b} {
			write(t, h, account, func(tx *store.Tx) error {
				for i := range int64(600) {
					job.Post(tx, "test.happened", i+1)
				}
				return nil
			})
		}
		count := map[seen]int{}
		for range 1200 {
			s := <-got
			if s.who.Kind != actor.Job || s.who.Name != "test.happened" {
				t.Fatalf("handled as %+v", s.who)
			}
			count[s]++
		}
		if len(count) != 1200 {
			t.Errorf("%d different facts of 1200 were handled", len(count))
		}
		if err := r.Settle(context.Background()); err != nil || len(got) != 0 {
			t.Errorf("nothing is left: %v, %d more", err, len(got))
		}
	})
}

func TestAFactOfARolledBackActNeverWas(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		n := 0
		r := works{facts: map[job.Kind]job.OnFact{"test.happened": func(*store.Tx, int64) error { n++; return nil }}}.runner(h)
		account := h.Account(t)
		err := h.Main.Write(context.Background(), h.Member(account), func(tx *store.Tx) error {
			job.Post(tx, "test.happened", 1)
			return fault.New(fault.Invalid, "job.unknown", "Kind", "x")
		})
		if err == nil {
			t.Fatal("the act must fail")
		}
		if err := r.Settle(context.Background()); err != nil || n != 0 {
			t.Errorf("%v, handled %d times", err, n)
		}
	})
}

func TestAFailingFactBacksOffAndBlocksNoOther(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		good, bad := map[int64]int{}, 0
		broken := true
		r := works{facts: map[job.Kind]job.OnFact{
			"test.good": func(tx *store.Tx, ref int64) error { tx.AfterCommit(func() { good[ref]++ }); return nil },
			"test.bad": func(tx *store.Tx, ref int64) error {
				bad++
				if broken {
					panic("a broken handler")
				}
				return nil
			},
		}}.runner(h)
		account := h.Account(t)
		write(t, h, account, func(tx *store.Tx) error {
			job.Post(tx, "test.good", 1)
			job.Post(tx, "test.bad", 2)
			job.Post(tx, "test.unknown", 3)
			job.Post(tx, "test.good", 4)
			return nil
		})
		settle := func() {
			t.Helper()
			if err := r.Settle(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if good[1] != 1 || good[4] != 1 || bad != 2 { // once in the batch, once alone
			t.Fatalf("good %v, bad %d", good, bad)
		}
		settle()
		if bad != 2 {
			t.Error("it waits before its next try")
		}
		h.Clock.Advance(3 * time.Second)
		settle()
		if bad != 3 {
			t.Errorf("tried %d times", bad)
		}
		h.Clock.Advance(3 * time.Second)
		settle()
		if bad != 3 {
			t.Error("the second wait is longer than the first")
		}
		broken = false
		h.Clock.Advance(3 * time.Second)
		settle()
		h.Clock.Advance(time.Hour)
		settle()
		if bad != 4 {
			t.Errorf("once it has worked it is gone: tried %d times", bad)
		}
	})
}

// Of two nodes one fails with a fact, and the other does it before the first has put it off.
func TestAFactThatFailedHereAndWasDoneElsewhereIsNotDoneAgain(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		done := 0
		other := works{facts: map[job.Kind]job.OnFact{"test.happened": func(tx *store.Tx, _ int64) error { tx.AfterCommit(func() { done++ }); return nil }}}.runner(h)
		tries := 0
		r := works{facts: map[job.Kind]job.OnFact{"test.happened": func(*store.Tx, int64) error { tries++; return errors.New("the disk is full") }}}.runner(h)
		account := h.Account(t)
		settle := func(r *job.Runner) {
			t.Helper()
			if err := r.Settle(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		meanwhile := func() { settle(other) } // the one moment between the two: the failure is told
		was := slog.Default()
		slog.SetDefault(slog.New(telling{func() { meanwhile() }}))
		defer slog.SetDefault(was)
		for _, late := range []bool{false, true} {
			write(t, h, account, func(tx *store.Tx) error { job.Post(tx, "test.happened", 1); return nil })
			if late { // it failed once before, and nobody came by
				meanwhile = func() {}
				settle(r)
				h.Clock.Advance(time.Minute)
				meanwhile = func() { settle(other) }
			}
			done, tries = 0, 0
			settle(r)
			h.Clock.Advance(time.Minute)
			settle(other)
			if tries == 0 || done != 1 {
				t.Errorf("late %t: %d tries, done %d times", late, tries, done)
			}
		}
	})
}

// telling is a log that calls a function when it hears that a fact was put off.
type telling struct{ f func() }

func (telling) Enabled(context.Context, slog.Level) bool { return true }
func (l telling) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "fact put off" {
		l.f()
	}
	return nil
}
func (l telling) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l telling) WithGroup(string) slog.Handler      { return l }

func TestATaskIsSeenFromStartToEnd(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		r := works{works: map[job.Kind]job.Work{
			"test.long": func(ctx context.Context, run *job.Run) error {
				if run.Who.Account == 0 || run.Ref != 7 {
					t.Errorf("runs as %+v about %d", run.Who, run.Ref)
				}
				return run.Progress(3, 4)
			},
			"test.refused": func(context.Context, *job.Run) error { return fault.New(fault.Invalid, "job.unknown", "Kind", "x") },
		}}.runner(h)
		account := h.Account(t)
		long, refused := start(t, h, account, "test.long", 7), start(t, h, account, "test.refused", 8)
		if got := get(t, h, account, long); got.State != job.Queued || got.ByKind != actor.Member || got.ByID != 1 || !got.Open() {
			t.Errorf("at first %+v", got)
		}
		begin(t, r)
		got, err := r.Wait(context.Background(), account, long, nil)
		if err != nil || got.State != job.Done || got.Done != 3 || got.Total != 4 || got.StartedAt == 0 {
			t.Errorf("%v: %+v", err, got)
		}
		got, err = r.Wait(context.Background(), account, refused, nil)
		if err != nil || got.State != job.Failed || got.Note != "job.unknown" {
			t.Errorf("%v: %+v", err, got)
		}
	})
}

// A house that is told to stop ends its works soon; the next one goes on with them.
func TestAStoppedTaskIsResumedAtTheNextStart(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		account := h.Account(t)
		begun := make(chan bool, 1)
		first := works{works: map[job.Kind]job.Work{"test.long": func(ctx context.Context, run *job.Run) error {
			begun <- true
			<-ctx.Done()
			return ctx.Err()
		}}}.runner(h)
		task := start(t, h, account, "test.long", 1)
		stop := begin(t, first)
		<-begun
		stop()
		if got := get(t, h, account, task); got.State != job.Queued || got.Tries != 0 {
			t.Fatalf("stopped it is %+v", got)
		}
		second := works{works: map[job.Kind]job.Work{"test.long": func(context.Context, *job.Run) error { return nil }}}.runner(h)
		begin(t, second)
		if got, err := second.Wait(context.Background(), account, task, nil); err != nil || got.State != job.Done {
			t.Errorf("%v: %+v", err, got)
		}
	})
}

// A killed node writes nothing more: neither its queue's word nor a beat. Here its hold is
// left behind as the kill leaves it, by a work that ends without the runner learning it.
func TestAKilledTaskIsTakenOverAndItsOldHolderCanChangeNothing(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		account := h.Account(t)
		var old *job.Run
		held, killed := make(chan bool), make(chan bool)
		first := works{works: map[job.Kind]job.Work{"test.long": func(ctx context.Context, run *job.Run) error {
			old = run
			held <- true
			<-killed
			return nil
		}}}.runner(h)
		first.Lease = time.Hour // no further beat
		task := start(t, h, account, "test.long", 1)
		go first.Settle(context.Background())
		<-held
		if got := get(t, h, account, task); got.State != job.Running {
			t.Fatalf("held it is %+v", got)
		}
		resumed := 0
		second := works{works: map[job.Kind]job.Work{"test.long": func(context.Context, *job.Run) error { resumed++; return nil }}}.runner(h)
		second.Lease = 50 * time.Millisecond
		begin(t, second)
		got, err := second.Wait(context.Background(), account, task, nil)
		if err != nil || got.State != job.Done || resumed != 1 {
			t.Fatalf("%v: %+v, resumed %d times", err, got, resumed)
		}
		if err := old.Progress(1, 2); err == nil {
			t.Error("the old holder must be told that it lost the task")
		}
		close(killed)
		if got := get(t, h, account, task); got.Done != 0 || got.State != job.Done {
			t.Errorf("the old holder changed it: %+v", got)
		}
	})
}

func TestAnInternalErrorIsRetriedAndAWorkMayPanic(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		tries := 0
		r := works{works: map[job.Kind]job.Work{"test.flaky": func(context.Context, *job.Run) error {
			tries++
			switch tries {
			case 1:
				return errors.New("the disk is full")
			case 2:
				panic("a mistake")
			}
			return nil
		}}}.runner(h)
		account := h.Account(t)
		task := start(t, h, account, "test.flaky", 1)
		for range 4 {
			if err := r.Settle(context.Background()); err != nil {
				t.Fatal(err)
			}
			h.Clock.Advance(time.Minute)
		}
		if got := get(t, h, account, task); got.State != job.Done || tries != 3 || got.Tries != 2 {
			t.Errorf("after %d tries %+v", tries, got)
		}
	})
}

func TestPeriodicWorkRunsAtTheStart(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ran := make(chan bool, 10)
		r := works{every: []job.Periodic{{Kind: "test.sweep", Every: time.Hour, Do: func(context.Context) error { ran <- true; return nil }}}}.runner(h)
		begin(t, r)
		<-ran
	})
}
