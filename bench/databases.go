// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/datamap"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
)

// databases makes the empty databases of a run and gives what removes them.
func (e Env) databases(ctx context.Context) (func(), error) {
	stores := []string{"main", "keys", "archive", "floor"}
	if e.Dialect != "postgres" {
		for _, s := range stores {
			e.URLs[s] = filepath.Join(e.Dir, s+".db")
		}
		return func() {}, nil
	}
	base := os.Getenv("CONSEND_BENCH_POSTGRES")
	c, err := pgx.Connect(ctx, base)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	defer c.Close(ctx)
	var made []string
	for _, s := range stores {
		name := fmt.Sprintf("bench_%s_%x", s, rand.Uint64())
		if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
			return nil, err
		}
		made = append(made, name)
		u, err := url.Parse(base)
		if err != nil {
			return nil, err
		}
		u.Path = "/" + name
		e.URLs[s] = u.String()
	}
	return func() {
		ctx := context.WithoutCancel(ctx)
		c, err := pgx.Connect(ctx, base)
		if err != nil {
			return
		}
		defer c.Close(ctx)
		for _, name := range made {
			c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	}, nil
}

// House is three open stores with their keys: what the rooms below the pages need.
type House struct {
	Main, Keys, Archive *store.DB
	Ring                *keys.Ring
}

// Open opens the stores of a run as the program does.
func (e Env) Open(ctx context.Context) (*House, error) {
	h := &House{}
	installation := ""
	for _, s := range []struct {
		kind datamap.Store
		db   **store.DB
	}{{datamap.Main, &h.Main}, {datamap.Keys, &h.Keys}, {datamap.Archive, &h.Archive}} {
		o := app.Stores(s.kind)
		o.URL, o.Clock, o.Installation = e.URLs[string(s.kind)], legalclock.System, installation
		db, err := store.Open(ctx, o)
		if err != nil {
			return nil, err
		}
		installation = db.Identity().Installation
		*s.db = db
	}
	ring, err := keys.Open(ctx, keys.Settings{Store: h.Keys, Path: filepath.Join(e.Dir, "root.key"), First: true})
	if err != nil {
		return nil, err
	}
	h.Ring = ring
	h.Main.Attach(ring)
	return h, nil
}

// Close closes the stores.
func (h *House) Close() {
	h.Ring.Close()
	h.Main.Close()
	h.Keys.Close()
	h.Archive.Close()
}
