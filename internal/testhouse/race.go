// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
)

// Trials is how many trials a test makes: few in every run, many where CONSEND_TEST_SOAK is set (make soak).
func Trials(few, many int) int {
	if os.Getenv("CONSEND_TEST_SOAK") != "" {
		return many
	}
	return few
}

// Process opens main once more, as another process on the same PostgreSQL does: with ids, hooks and connections of its own.
func (h *House) Process(t testing.TB) *store.DB {
	t.Helper()
	db := h.Open(t, datamap.Main)
	db.Attach(h.Ring)
	db.Attach(contact.Arriving(consent.Meet))
	db.Attach(&config.Site{URL: "https://mail.example.com", Host: "mail.example.com"})
	return db
}

// Overtake runs two acts against each other in every order of their statements that one can force: the first stops before
// its n-th statement, the second runs until it has ended or waits for a lock of the first, the first goes on. n goes over
// all statements of the first. begin makes each trial's ground and gives the acts; end looks at what is left when both
// have ended. PostgreSQL only: SQLite writes one act at a time. It gives the number of orders.
func (h *House) Overtake(t testing.TB, begin func(n int) (first, second func(db *store.DB) error), end func(n int)) (orders int) {
	t.Helper()
	one, two := h.Process(t), h.Process(t)
	watch, err := pgx.Connect(context.Background(), h.URLs[datamap.Main])
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close(context.Background())
	for n := 1; ; n++ {
		first, second := begin(n)
		var asked atomic.Int64
		reached := false
		var other sync.WaitGroup
		var failed error
		overtake := func() {
			done := make(chan struct{})
			other.Go(func() { defer close(done); failed = second(two) })
			for {
				select {
				case <-done:
					return
				default:
				}
				var waits int
				if err := watch.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waits); err != nil || waits > 0 {
					return
				}
			}
		}
		var once sync.Once
		one.SetHook(func(string) error {
			if asked.Add(1) == int64(n) {
				once.Do(func() { reached = true; overtake() })
			}
			return nil
		})
		err := first(one)
		one.SetHook(nil)
		other.Wait()
		if err != nil || failed != nil {
			t.Fatalf("order %d: %v, %v", n, err, failed)
		}
		if !reached {
			return n - 1
		}
		end(n)
	}
}
