// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/testhouse"
)

func TestAnalyzeKnowsItsTablesAndLeavesTheRoleAsItWas(t *testing.T) {
	testhouse.Each(t, func(t *testing.T, h *testhouse.House) {
		ctx := context.Background()
		for range 20 { // every connection of the pool comes by
			if err := h.Main.Analyze(ctx, "fact", "contact"); err != nil {
				t.Fatal(err)
			}
		}
		h.House(t) // acts as before
		if h.Dialect == "postgres" {
			if err := h.Main.Analyze(ctx, "fact; DROP TABLE fact"); err == nil {
				t.Error("an unknown table was analyzed")
			}
		}
	})
}

// The daemon may be vacuuming a big table for minutes: an import doesn't wait for it.
func TestATableThatTheDaemonIsAtWorkOnIsLeftToIt(t *testing.T) {
	h := testhouse.Postgres(t)
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	c, err := pgx.Connect(ctx, h.URLs[datamap.Main])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err = c.Exec(ctx, "BEGIN; LOCK TABLE contact IN SHARE UPDATE EXCLUSIVE MODE"); err != nil { // as VACUUM does
		t.Fatal(err)
	}
	if err := h.Main.Analyze(ctx, "contact", "fact"); err != nil {
		t.Error(err)
	}
}

// Until PostgreSQL's daemon comes by, a table that was never looked at is planned for blindly.
func TestAYoungDatabaseIsMadeKnownToThePlanner(t *testing.T) {
	h := testhouse.Postgres(t)
	id, _ := h.House(t)
	if err := h.Main.Write(context.Background(), actor.Worker("test", id), func(tx *store.Tx) error {
		for range 300 {
			job.Post(tx, "test", 1)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(context.Background(), h.URLs[datamap.Main])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	go h.Main.GrowUp(ctx)
	for {
		var known float64
		if err := c.QueryRow(ctx, "SELECT reltuples FROM pg_class WHERE relname = 'fact'").Scan(&known); err != nil {
			t.Fatalf("the planner never heard of the facts: %v", err)
		}
		if known >= 300 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
