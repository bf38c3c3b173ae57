// SPDX-License-Identifier: AGPL-3.0-or-later

// Package testhouse opens a whole house for a test: three stores, on SQLite and on
// PostgreSQL, with a clock the test owns. There are no mocks of our own code.
package testhouse

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// Clock is a clock that a test sets.
type Clock struct{ at atomic.Int64 }

// Now is the clock's time.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

// Set moves the clock to a time.
func (c *Clock) Set(t time.Time) { c.at.Store(t.UnixMicro()) }

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) { c.at.Add(d.Microseconds()) }

// Start is when a house's clock begins.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// House is three stores for one test.
type House struct {
	Main, Keys, Archive *store.DB
	Clock               *Clock
	Dir                 string // a folder of the test's own
	Dialect             string // "sqlite" or "postgres"
	URLs                map[datamap.Store]string
	Ring                *keys.Ring
	Log                 *trace.Log
	accounts            atomic.Int64
}

// Each runs a test on both databases: on SQLite always, on PostgreSQL when the test
// command started one (CONSEND_TEST_POSTGRES).
func Each(t *testing.T, f func(t *testing.T, h *House)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	if os.Getenv("CONSEND_TEST_POSTGRES") != "" {
		t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
	}
}

// SQLite opens a house on three files.
func SQLite(t testing.TB) *House {
	dir := t.TempDir()
	return open(t, "sqlite", dir, map[datamap.Store]string{
		datamap.Main:    filepath.Join(dir, "main.db"),
		datamap.Keys:    filepath.Join(dir, "keys.db"),
		datamap.Archive: filepath.Join(dir, "archive.db"),
	})
}

// Postgres opens a house on three empty databases that no other test has at the same time, or
// skips when there is no server.
func Postgres(t testing.TB) *House {
	return open(t, "postgres", t.TempDir(), borrowed(t, server(t)))
}

// Databases makes three empty databases of the test's own, or skips when there is no server.
func Databases(t testing.TB) map[datamap.Store]string {
	base, urls := server(t), map[datamap.Store]string{}
	for _, s := range kinds {
		urls[s] = database(t, base, s)
	}
	return urls
}

var kinds = []datamap.Store{datamap.Main, datamap.Keys, datamap.Archive}

func server(t testing.TB) string {
	t.Helper()
	base := os.Getenv("CONSEND_TEST_POSTGRES")
	if base == "" {
		t.Skip("no PostgreSQL: CONSEND_TEST_POSTGRES is not set")
	}
	return base
}

// Copies makes three databases of the test's own that begin as copies of others, which nobody
// has open. Copied is like it, for what outlives a test: the caller runs drop.
func Copies(t testing.TB, of map[datamap.Store]string) map[datamap.Store]string {
	urls, drop := Copied(t, of)
	t.Cleanup(drop)
	return urls
}

// Copied makes three databases from others, or empty ones of none.
func Copied(t testing.TB, of map[datamap.Store]string) (urls map[datamap.Store]string, drop func()) {
	t.Helper()
	base, urls := os.Getenv("CONSEND_TEST_POSTGRES"), map[datamap.Store]string{}
	var drops []func()
	for _, s := range kinds {
		from := of[s]
		if u, err := url.Parse(from); err == nil {
			from = strings.TrimPrefix(u.Path, "/")
		}
		u, d := databaseFrom(t, base, s, from)
		urls[s], drops = u, append(drops, d)
	}
	return urls, func() {
		for _, d := range drops {
			d()
		}
	}
}

func open(t testing.TB, dialect, dir string, urls map[datamap.Store]string) *House {
	t.Helper()
	h := &House{Clock: &Clock{}, Dir: dir, Dialect: dialect, URLs: urls}
	h.Clock.Set(Start)
	h.Main = h.Open(t, datamap.Main)
	h.Keys = h.Open(t, datamap.Keys)
	h.Archive = h.Open(t, datamap.Archive)
	h.Ring = h.OpenRing(t, true)
	h.Main.Attach(h.Ring)
	h.Main.Attach(contact.Parting(app.Parting))
	h.Main.Attach(importer.Holding(app.Holding))
	h.Main.Attach(contact.Arriving(consent.Meet))
	h.Main.Attach(form.Styles(shell.PublicStyle))
	h.Log = h.OpenLog(t)
	return h
}

// OpenLog opens the house's log, as a start does. Nothing seals by itself: trace.SealNow does.
func (h *House) OpenLog(t testing.TB) *trace.Log {
	t.Helper()
	log, err := trace.Open(context.Background(), h.LogSettings())
	if err != nil {
		t.Fatalf("trace: %v", err)
	}
	return log
}

// LogSettings say where the house's log is.
func (h *House) LogSettings() trace.Settings {
	return trace.Settings{Main: h.Main, Keys: h.Keys, Archive: h.Archive, Ring: h.Ring, Name: "house.example", Dir: filepath.Join(h.Dir, "checkpoints")}
}

// OpenRing opens the house's keys; first is a start on three empty stores.
func (h *House) OpenRing(t testing.TB, first bool) *keys.Ring {
	t.Helper()
	ring, err := keys.Open(context.Background(), keys.Settings{Store: h.Keys, Path: filepath.Join(h.Dir, "root.key"), First: first})
	if err != nil {
		t.Fatalf("keys: %v", err)
	}
	t.Cleanup(ring.Close)
	return ring
}

// Account makes an account's keys and gives its number. Rooms that need its row make it.
func (h *House) Account(t testing.TB) int64 {
	t.Helper()
	id := h.accounts.Add(1)
	if err := h.Ring.MakeAccount(context.Background(), id); err != nil {
		t.Fatalf("keys of an account: %v", err)
	}
	return id
}

// Open opens one of the house's stores (again).
func (h *House) Open(t testing.TB, s datamap.Store) *store.DB {
	t.Helper()
	o := app.Stores(s)
	o.URL, o.Clock, o.Connections = h.URLs[s], h.Clock.Now, 8
	if h.Main != nil {
		o.Installation = h.Main.Identity().Installation
	}
	db, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open %s: %v", s, err)
	}
	t.Cleanup(db.Close)
	return db
}

// Raw runs statements on main as whoever owns the database: past the store, its checks and the
// rows' security. For tests of what such a person leaves.
func (h *House) Raw(t testing.TB, statements ...string) {
	t.Helper()
	ctx := context.Background()
	run := func(sql string) error {
		_, err := h.Main.Handle().ExecContext(ctx, sql)
		return err
	}
	if h.Dialect == "postgres" {
		c, err := pgx.Connect(ctx, h.URLs[datamap.Main])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		run = func(sql string) error {
			_, err := c.Exec(ctx, sql)
			return err
		}
	}
	for _, sql := range statements {
		if err := run(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// Member is an acting member of an account, an owner.
func (h *House) Member(account int64) actor.Actor {
	return actor.Actor{Kind: actor.Member, ID: 1, Account: account, Role: "owner", Request: "test"}
}

func at(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Path = "/" + name
	return u.String()
}
