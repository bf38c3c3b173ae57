// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"consend/internal/app"
	"consend/internal/demo"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/mail/address"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/testhouse"
	"consend/internal/web/shell"
)

// A filled house takes a while to come about, so it does once for each database, and each test
// gets a copy.

// prepared is a filled house that nobody has open.
type prepared struct {
	dir    string
	urls   map[datamap.Store]string // of PostgreSQL
	filled demo.Filled
	other  int64
	owner  int64
	now    time.Time // when it was filled
}

var houses = map[string]*prepared{}
var leave []func() // what the houses leave, for the end of the run

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	code := m.Run()
	for _, f := range leave {
		f()
	}
	os.Exit(code)
}

func dialects(t *testing.T) []string {
	if os.Getenv("CONSEND_TEST_POSTGRES") == "" {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

func prepare(t *testing.T, dialect string) *prepared {
	t.Helper()
	if p := houses[dialect]; p != nil {
		return p
	}
	dir, err := os.MkdirTemp("", "consend-app-test")
	if err != nil {
		t.Fatal(err)
	}
	leave = append(leave, func() { os.RemoveAll(dir) })
	p := &prepared{dir: dir}
	if dialect == "postgres" {
		var drop func()
		p.urls, drop = testhouse.Copied(t, nil)
		leave = append(leave, drop)
	}
	ctx := t.Context()
	clock := &demo.Clock{}
	h, err := app.Open(ctx, p.config(t, dir, p.urls), app.Options{Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if p.filled, err = h.FillDemo(ctx, clock); err != nil {
		t.Fatal(err)
	}
	if err := h.Main.Write(ctx, actor.Worker("test", p.filled.Account), func(tx *store.Tx) error { job.Start(tx, "test.work", 1); return nil }); err != nil {
		t.Fatal(err) // a task, for /jobs/{id}
	}
	if p.other, err = account.Create(ctx, h.Main, h.Ring, actor.Actor{Kind: actor.Command, Name: "test"}, account.New{Details: account.Details{
		Name: "Autre Maison", Postal: "2 rue de l’Exemple\n69001 Lyon", Country: "FR", Language: "en", Zone: "Europe/Paris"}}); err != nil {
		t.Fatal(err)
	}
	if err := h.Main.Write(ctx, actor.Worker("test", p.other), func(tx *store.Tx) error {
		m, err := member.Add(tx, member.New{Email: address.Must("owner@autre.example"), Name: pii.T("Dominique Autre"), Role: member.Owner})
		if err == nil {
			p.owner = m.ID
			_, err = member.Join(tx, m.ID, 0, m.Name, "en")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h.Campaigns.Close()
	p.now = legalclock.System().Truncate(time.Microsecond)
	houses[dialect] = p
	return p
}

func (p *prepared) config(t *testing.T, dir string, urls map[datamap.Store]string) *config.Config {
	t.Helper()
	c, err := config.Load(config.From{Environ: []string{"CONSEND_DATA=" + dir, "CONSEND_LISTEN=127.0.0.1:8080"}})
	if err != nil {
		t.Fatal(err)
	}
	c.Database, c.Keys, c.Archive = config.NewSecret(urls[datamap.Main]), config.NewSecret(urls[datamap.Keys]), config.NewSecret(urls[datamap.Archive])
	return c
}

// copy opens a copy of the house, with its pages. With a clock, all copies are of the same
// moment and time stands still in them until the test moves it.
func (p *prepared) copy(t *testing.T, clock *testhouse.Clock) *everything {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/root.key", 0o600); err != nil {
		t.Fatal(err)
	}
	var urls map[datamap.Store]string
	if p.urls != nil {
		urls = testhouse.Copies(t, p.urls)
	}
	now := legalclock.System
	if clock != nil {
		clock.Set(p.now)
		now = clock.Now
	}
	h, err := app.Open(t.Context(), p.config(t, dir, urls), app.Options{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	h.Desk.CheapForTests()
	e := &everything{House: h, Filled: p.filled, other: p.other, owner: p.owner, clock: clock}
	e.routes = h.Routes()
	s, err := shell.New(shell.Options{Sessions: e, Clock: now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if e.handler, err = s.Handler(e.routes); err != nil {
		t.Fatal(err)
	}
	return e
}
