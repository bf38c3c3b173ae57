// SPDX-License-Identifier: AGPL-3.0-or-later

package importer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/testhouse"
)

// crowd is a file with everything in it: new people, refused rows, duplicates, people who said
// no there, quotes over lines.
func crowd(n int, domain string) string {
	var b strings.Builder
	b.WriteString("email;prenom;ville;date optin;formulaire;statut\r\n")
	for i := range n {
		switch {
		case i%11 == 3:
			fmt.Fprintf(&b, "nobody %d;X;Y;;;\r\n", i)
		case i%13 == 5:
			fmt.Fprintf(&b, "p%d@%s;Again;;;;subscribed\r\n", i-5, domain)
		case i%17 == 7:
			fmt.Fprintf(&b, "p%d@%s;Left;;;;unsubscribed\r\n", i, domain)
		case i%19 == 9:
			fmt.Fprintf(&b, "p%d@%s;\"Two\r\nlines\";\"a;b\";2024-02-0%d 10:00:00;https://example.org/f;\r\n", i, domain, 1+i%9)
		case i%23 == 11:
			fmt.Fprintf(&b, "p%d@%s;\"never closed;x\r\n", i, domain)
		default:
			fmt.Fprintf(&b, "p%d@%s;P%d;Évry;;;\r\n", i, domain, i)
		}
	}
	return b.String()
}

var (
	countPeople = store.Account("test.people", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account`)
	countEvents = store.Account("test.events", `SELECT COUNT(*) FROM consent_event e WHERE e.account_id = :account`)
	countNotes  = store.Account("test.notes", `SELECT COUNT(*) FROM import_note n WHERE n.account_id = :account`)
	countLoose  = store.Account("test.loose", `SELECT COUNT(*) FROM contact c WHERE c.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM consent_event e WHERE e.account_id = :account AND e.contact_id = c.id)`)
	countEntries = store.Account("test.entries", `SELECT COUNT(*) FROM consent_event e WHERE e.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM trace_entry t WHERE t.account_id = :account AND t.id = e.entry_id)`)
)

// end is what an import leaves: totals, and people or events that should not be.
type end struct {
	sum                  importer.Summary
	people, events, note int64
}

func (s *shop) end(t testing.TB, sum importer.Summary) end {
	t.Helper()
	sum.Import, sum.List, sum.WaitsUntil = 0, 0, ""
	out := end{sum: sum}
	s.view(t, func(v *store.View) (err error) {
		for _, q := range []struct {
			q    *store.Query
			into *int64
		}{{countPeople, &out.people}, {countEvents, &out.events}, {countNotes, &out.note}} {
			if *q.into, err = store.One[int64](v, q.q); err != nil {
				return err
			}
		}
		for _, q := range []*store.Query{countLoose, countEntries} {
			if n, err := store.One[int64](v, q); err != nil || n != 0 {
				t.Errorf("%s: %d, %v", q.Name(), n, err)
			}
		}
		return nil
	})
	return out
}

// killTrials is how often a run is broken off at a random place, on each database.
const killTrials = 25

var errKilled = errors.New("killed")

// Each trial breaks a run off again and again: at a random statement, or by ending its context,
// until one comes through. What is left is what an unbroken run leaves.
func TestAnImportThatIsBrokenOffAnywhereEndsAsIfItHadNot(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		const rows = 400
		want := open(t, h)
		o := want.order(crowd(rows, "example.org"))
		o.Batch = 64
		whole := want.end(t, want.run(t, o))
		if whole.sum.Refused == 0 || whole.sum.Duplicates == 0 || whole.sum.Left == 0 || whole.sum.Grades["B"] == 0 {
			t.Fatalf("the file doesn't hold everything: %+v", whole.sum)
		}
		r := rand.New(rand.NewPCG(7, 7))
		breaks := 0
		for trial := range killTrials {
			s := open(t, h)
			o := s.order(crowd(rows, "example.org"))
			o.Batch = 64
			var sum importer.Summary
			for try := 0; ; try++ {
				if try > 200 {
					t.Fatal("it never comes through")
				}
				ctx, cancel := context.WithCancel(context.Background())
				left := atomic.Int64{}
				left.Store(int64(1 + r.IntN(160)))
				byContext := r.IntN(2) == 0
				h.Main.SetHook(func(string) error {
					if left.Add(-1) > 0 {
						return nil
					}
					if byContext {
						cancel()
						return nil
					}
					return errKilled
				})
				var err error
				sum, err = importer.Run(ctx, h.Main, s.owner, o, nil)
				h.Main.SetHook(nil)
				cancel()
				if err == nil && sum.State == importer.Done {
					break
				}
				breaks++
				// Killed after its last commit and before its answer: it is in, and is not begun again.
				s.view(t, func(v *store.View) error {
					all, err := importer.All(v, 1)
					if len(all) > 0 {
						sum = importer.Summarise(all[0])
					}
					return err
				})
				if sum.State == importer.Done {
					break
				}
			}
			if got := s.end(t, sum); !reflect.DeepEqual(got, whole) {
				t.Fatalf("trial %d\ngot  %+v\nwant %+v", trial, got, whole)
			}
		}
		t.Logf("%d trials, %d breaks: the same end each time", killTrials, breaks)
	})
}

// Two runs of one import at once: the later takes over, and nobody is written twice.
func TestTwoRunsAtOnceWriteEverybodyOnce(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		s := open(t, h)
		o := s.order(crowd(600, "example.com"))
		o.Batch = 32
		done := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := importer.Run(context.Background(), h.Main, s.owner, o, nil)
				done <- err
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		s.view(t, func(v *store.View) error {
			all, err := importer.All(v, 10)
			for _, i := range all {
				if c := i.Counts; i.State != importer.Done || c.Rows != c.Fresh+c.Known+c.Refused+c.Doubled {
					t.Errorf("%s %+v", i.State, c)
				}
			}
			return err
		})
		s.end(t, importer.Summary{})
	})
}

func TestAStoppedImportGoesOnWhereItStopped(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		want := open(t, h)
		o := want.order(crowd(600, "example.net"))
		o.Batch = 8
		whole := want.end(t, want.run(t, o))
		s := open(t, h)
		o = s.order(crowd(600, "example.net"))
		o.Batch = 8
		begun := make(chan struct{}, 1000)
		h.Main.SetHook(func(q string) error {
			if q == "importer.advance" {
				begun <- struct{}{}
			}
			return nil
		})
		type outcome struct {
			sum importer.Summary
			err error
		}
		ended := make(chan outcome, 1)
		go func() {
			sum, err := importer.Run(context.Background(), h.Main, s.owner, o, nil)
			ended <- outcome{sum, err}
		}()
		for range 5 {
			<-begun
		}
		var id int64
		s.view(t, func(v *store.View) error {
			all, err := importer.All(v, 1)
			id = all[0].ID
			return err
		})
		s.write(t, func(tx *store.Tx) error { return importer.Stop(tx, id) })
		first := <-ended
		if first.err != nil || first.sum.State != importer.Stopped || first.sum.Rows == 0 || first.sum.Rows >= 600 {
			t.Fatalf("%+v %v", first.sum, first.err)
		}
		if got := s.end(t, s.run(t, o)); !reflect.DeepEqual(got, whole) {
			t.Errorf("got  %+v\nwant %+v", got, whole)
		}
	})
}

// A command that was stopped after its import was made ready and before it began: told again, it
// is the same import; told otherwise, it is made ready anew, and what it said at first is gone.
func TestACommandStoppedBeforeItBeganComesInOnce(t *testing.T) {
	for name, change := range map[string]func(o *importer.Order){
		"told the same":    func(*importer.Order) {},
		"told otherwise":   func(o *importer.Order) { o.Where = "the spring fair" },
		"another evidence": func(o *importer.Order) { o.EvidenceName = "other.txt" },
	} {
		t.Run(name, func(t *testing.T) {
			testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
				s := open(t, h)
				o := s.order("email\nada@example.org\n")
				o.Evidence, o.EvidenceName = lines("signed sheet"), "sheet.txt"
				h.Main.SetHook(func(q string) error {
					if q == "importer.set_begun" {
						return errKilled
					}
					return nil
				})
				_, err := importer.Run(context.Background(), h.Main, s.owner, o, nil)
				h.Main.SetHook(nil)
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				change(&o)
				sum := s.run(t, o)
				s.view(t, func(v *store.View) error {
					all, err := importer.All(v, 3)
					if err != nil {
						return err
					}
					has, err := importer.EvidenceOf(v, sum.Import)
					if len(all) != 1 || all[0].State != importer.Done || o.Where != "" && all[0].Origin.Where != o.Where || len(has) != 1 || has[0].Name != o.EvidenceName {
						t.Errorf("%+v %+v", all, has)
					}
					return err
				})
			})
		})
	}
}

// A run that another has replaced may still meet a fault: it is no longer its import to give up.
func TestARunThatWasReplacedGivesUpNothing(t *testing.T) {
	h := testhouse.Postgres(t)
	s := open(t, h)
	one, two := h.Process(t), h.Process(t)
	o := s.order(crowd(60, "example.org"))
	var once, stop sync.Once
	here, goOn := make(chan struct{}), make(chan struct{})
	two.SetHook(func(q string) error {
		if q == "contact.add" {
			stop.Do(func() { close(here); <-goOn })
		}
		return nil
	})
	ended := make(chan error, 1)
	one.SetHook(func(q string) (err error) {
		if q == "contact.add" {
			once.Do(func() {
				go func() {
					_, err := importer.Run(context.Background(), two, s.owner, o, nil)
					ended <- err
				}()
				<-here // it has taken over
				err = fault.New(fault.Gone, "import.file.gone")
			})
		}
		return err
	})
	_, err := importer.Run(context.Background(), one, s.owner, o, nil)
	if !fault.Is(err, fault.Gone) {
		t.Errorf("the fault is not told: %v", err)
	}
	close(goOn)
	must(t, <-ended)
	s.view(t, func(v *store.View) error {
		all, err := importer.All(v, 10)
		if len(all) != 1 || all[0].State != importer.Done {
			t.Errorf("%d imports, %s", len(all), all[0].State)
		}
		return err
	})
}
