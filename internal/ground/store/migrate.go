// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
)

//go:embed migration
var files embed.FS

// migrations gives the steps of a store, rendered for a database: those of every store
// first, then the store's own, whose numbers begin at 100.
func migrations(kind datamap.Store, d dialect) ([]*goose.Migration, error) {
	var out []*goose.Migration
	add := func(folder string, base int64) error {
		list, err := fs.ReadDir(files, folder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range list {
			number, _, ok := strings.Cut(f.Name(), "_")
			n, err := strconv.ParseInt(number, 10, 64)
			if !ok || err != nil {
				return fmt.Errorf("store: migration %s has no number", f.Name())
			}
			text, err := fs.ReadFile(files, path.Join(folder, f.Name()))
			if err != nil {
				return err
			}
			rendered := types[d].Replace(string(text))
			out = append(out, migration(base+n, f.Name(), rendered))
		}
		return nil
	}
	if err := add("migration/common", 0); err != nil {
		return nil, err
	}
	if err := add("migration/"+string(kind), 100); err != nil {
		return nil, err
	}
	return out, nil
}

// librarySteps is where the numbers of libraries' steps begin.
const librarySteps = 10_000

func migration(number int64, name, text string) *goose.Migration {
	return goose.NewGoMigration(number, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}}, nil)
}

func (db *DB) migrate(ctx context.Context, h *sql.DB) (int, error) {
	steps, err := migrations(db.kind, db.dialect)
	if err != nil {
		return 0, err
	}
	if db.steps != nil {
		for _, x := range db.steps(db.dialect.String()) {
			steps = append(steps, migration(librarySteps+x.Number, x.Name, x.SQL))
		}
	}
	// Out of order: the numbers of the store's own steps and of a library's grow side by side.
	opts := []goose.ProviderOption{goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true)}
	dialect := goose.DialectSQLite3
	if db.dialect == postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return 0, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, h, nil, opts...)
	if err != nil {
		return 0, fmt.Errorf("store: migrations of %s: %w", db.kind, err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("store: migrations of %s: %w", db.kind, err)
	}
	return len(done), nil
}

func (db *DB) migrateSQLite(ctx context.Context, h *sql.DB) error {
	if err := db.foreign(ctx, h, `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'store'`); err != nil {
		return err
	}
	if _, err := db.migrate(ctx, h); err != nil {
		return err
	}
	return db.believe(ctx, h)
}

// foreign refuses a database that already is another of the three stores, before a single
// table is made in it.
func (db *DB) foreign(ctx context.Context, h *sql.DB, has string) error {
	var n int
	if err := h.QueryRowContext(ctx, has).Scan(&n); err != nil || n == 0 {
		return err
	}
	var kind string
	err := h.QueryRowContext(ctx, `SELECT kind FROM store LIMIT 1`).Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case kind != string(db.kind):
		return fmt.Errorf("%w: it is %s, and was given as %s", ErrSwapped, kind, db.kind)
	}
	return nil
}

func (db *DB) migratePG(ctx context.Context, url string) error {
	cfg, err := stdlibConfig(url)
	if err != nil {
		return fmt.Errorf("store: the database URL can't be read: %w", err)
	}
	h := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET row_security = off") // a step that would change nothing, since the owner sees no account, fails instead
		return err
	}))
	defer h.Close()
	if err := h.PingContext(ctx); err != nil {
		return fmt.Errorf("store: PostgreSQL does not answer: %w", err)
	}
	if err := db.foreign(ctx, h, `SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'store' AND relnamespace = 'public'::regnamespace`); err != nil {
		return err
	}
	if _, err := db.migrate(ctx, h); err != nil {
		return err
	}
	return db.grant(ctx, h)
}

// grant makes the three roles and gives them what the data map says. It runs when the map
// or the tables have changed since, told by a fingerprint kept as the schema's comment.
func (db *DB) grant(ctx context.Context, h *sql.DB) error {
	var b strings.Builder
	fmt.Fprintf(&b, "GRANT USAGE ON SCHEMA public TO %s, %s, %s;\n", roleApp, roleSystem, rolePurge)
	for _, t := range db.dataMap.Tables(db.kind) {
		if t.Foreign {
			fmt.Fprintf(&b, "GRANT SELECT, INSERT, UPDATE, DELETE ON %q TO %s;\nGRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %s;\n", t.Name, roleSystem, roleSystem)
			continue
		}
		may := "SELECT, INSERT, UPDATE, DELETE"
		if t.AppendOnly {
			may = "SELECT, INSERT"
		}
		fmt.Fprintf(&b, "REVOKE ALL ON %q FROM %s, %s, %s;\n", t.Name, roleApp, roleSystem, rolePurge)
		fmt.Fprintf(&b, "GRANT %s ON %q TO %s, %s;\nGRANT SELECT, INSERT, UPDATE, DELETE ON %q TO %s;\n", may, t.Name, roleApp, roleSystem, t.Name, rolePurge)
		if !t.Account {
			continue
		}
		const mine = `account_id = nullif(current_setting('consend.account', true), '')::bigint`
		fmt.Fprintf(&b, "ALTER TABLE %q ENABLE ROW LEVEL SECURITY;\nALTER TABLE %q FORCE ROW LEVEL SECURITY;\n", t.Name, t.Name)
		for _, p := range []struct{ name, role, rule string }{
			{"of_account", roleApp, mine},
			// A policy is also for those who are members of its role, as the tables' owner is.
			{"of_installation", roleSystem, "current_user = '" + roleSystem + "'"},
			{"of_purge", rolePurge, "current_user = '" + rolePurge + "' AND account_id = coalesce(nullif(current_setting('consend.account', true), '')::bigint, account_id)"},
		} {
			fmt.Fprintf(&b, "DROP POLICY IF EXISTS %s ON %q;\nCREATE POLICY %s ON %q TO %s USING (%s) WITH CHECK (%s);\n",
				p.name, t.Name, p.name, t.Name, p.role, p.rule, p.rule)
		}
	}
	sum := sha256.Sum256([]byte(b.String()))
	mark := "consend " + string(db.kind) + " grants " + hex.EncodeToString(sum[:])
	var now sql.NullString
	if err := h.QueryRowContext(ctx, `SELECT obj_description('store'::regclass)`).Scan(&now); err != nil {
		return err
	}
	if now.String == mark {
		return nil
	}
	roles := ""
	for _, r := range []string{roleApp, roleSystem, rolePurge} {
		roles += fmt.Sprintf(`DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN
    BEGIN CREATE ROLE %s NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
  END IF;
  IF NOT pg_has_role(current_user, '%s', 'MEMBER') THEN
    EXECUTE format('GRANT %s TO %%I', current_user);
  END IF;
END $$;
`, r, r, r, r)
	}
	tx, err := h.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, text := range []string{roles, b.String(), `COMMENT ON TABLE store IS '` + mark + `'`} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("store: roles of PostgreSQL (the user of the URL needs CREATEROLE, or have the roles %s, %s and %s made and granted to it): %w",
				roleApp, roleSystem, rolePurge, err)
		}
	}
	return tx.Commit()
}

func (db *DB) identify(ctx context.Context, installation string) error {
	random := func() string {
		b := make([]byte, 16)
		rand.Read(b)
		return hex.EncodeToString(b)
	}
	who := actor.System("store")
	err := db.Write(ctx, who, func(tx *Tx) error {
		found, err := All[Identity](tx, identity)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			i := Identity{string(db.kind), random(), installation}
			if i.Installation == "" {
				i.Installation = random()
			}
			tx.Do(identify, i.Kind, i.ID, i.Installation)
			// Another node may have been first: what the store holds counts.
			if found, err = All[Identity](tx, identity); err != nil {
				return err
			}
		}
		db.identity = found[0]
		return nil
	})
	switch {
	case err != nil:
		return err
	case db.identity.Kind != string(db.kind):
		return fmt.Errorf("%w: it is %s, and was given as %s", ErrSwapped, db.identity.Kind, db.kind)
	case installation != "" && db.identity.Installation != installation:
		return fmt.Errorf("%w: the %s store", ErrStranger, db.kind)
	}
	return nil
}
