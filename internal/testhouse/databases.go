// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
)

// Making a database costs the server more than most tests do, so: the migrations run once for
// the same source (a template that all test processes share), and the databases of a test that
// has ended are emptied and lent to the next one of its process. Those of a process that is
// gone are dropped by a later one.

var (
	making sync.Mutex
	serial atomic.Int64
	swept  sync.Once

	lending sync.Mutex
	free    []*loan
)

// database makes an empty database of the test's own.
func database(t testing.TB, base string, s datamap.Store) string {
	t.Helper()
	u, drop := databaseFrom(t, base, s, "")
	t.Cleanup(drop)
	return u
}

// databaseFrom makes a database from another, or from the template when from is "".
func databaseFrom(t testing.TB, base string, s datamap.Store, from string) (_ string, drop func()) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	making.Lock()
	defer making.Unlock()
	swept.Do(func() { sweep(ctx, conn) })
	if from == "" {
		if from, err = template(ctx, conn, base, s); err != nil {
			t.Fatalf("PostgreSQL template: %v", err)
		}
	}
	own := fmt.Sprintf("c_%s_%d_%x_%d", s, os.Getpid(), rand.Uint32(), serial.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+own+" TEMPLATE "+from); err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	return at(base, own), func() {
		c, err := pgx.Connect(ctx, base)
		if err != nil {
			return
		}
		defer c.Close(ctx)
		c.Exec(ctx, "DROP DATABASE IF EXISTS "+own+" WITH (FORCE)")
	}
}

// template finds or makes the database that others begin as. Its name tells the source that
// its migrations were read from.
func template(ctx context.Context, conn *pgx.Conn, base string, s datamap.Store) (string, error) {
	sum, err := source()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("ct_%s_%s", s, sum)
	there := func() (ok bool, err error) {
		err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&ok)
		return ok, err
	}
	if ok, err := there(); err != nil || ok {
		return name, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('consend templates'))"); err != nil {
		return "", err
	}
	defer conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtext('consend templates'))")
	if ok, err := there(); err != nil || ok {
		return name, err
	}
	draft := fmt.Sprintf("c_%s_%d_%x_t", s, os.Getpid(), rand.Uint32()) // until it is whole
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+draft); err != nil {
		return "", err
	}
	o := app.Stores(s)
	o.URL, o.Connections = at(base, draft), 4
	db, err := store.Open(ctx, o)
	if err != nil {
		return "", err
	}
	db.Close()
	c, err := pgx.Connect(ctx, at(base, draft))
	if err != nil {
		return "", err
	}
	_, err = c.Exec(ctx, "DELETE FROM store")
	c.Close(ctx)
	if err == nil {
		_, err = conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	}
	return name, err
}

// source is a hash of everything that migrations and set-up are written in.
var source = sync.OnceValues(func() (string, error) {
	root, err := os.Getwd()
	for err == nil {
		if _, no := os.Stat(filepath.Join(root, "go.mod")); no == nil {
			break
		}
		if filepath.Dir(root) == root {
			err = fmt.Errorf("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	if err != nil {
		return "", err
	}
	h := sha256.New()
	read := func(path string) error {
		b, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path[len(root):], len(b))
		h.Write(b)
		return err
	}
	if err := read(filepath.Join(root, "go.mod")); err != nil {
		return "", err
	}
	err = filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
			return err
		}
		if strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".sql") {
			return read(path)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:16], err
})

// sweep drops what processes that are gone left.
func sweep(ctx context.Context, conn *pgx.Conn) {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname ~ '^c_[a-z]+_[0-9]+_'`)
	if err != nil {
		return
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, n := range names {
		if pid, _ := strconv.Atoi(strings.Split(n, "_")[2]); err == nil && pid > 0 && syscall.Kill(pid, 0) == syscall.ESRCH {
			conn.Exec(ctx, "DROP DATABASE IF EXISTS "+n+" WITH (FORCE)")
		}
	}
}

// loan is three databases that tests have one after another.
type loan struct {
	urls map[datamap.Store]string
	new  map[datamap.Store]*fresh
}

// fresh is what a database was before its first test.
type fresh struct {
	schema string            // a hash of its tables, walls and rights
	rows   map[string][]byte // of tables that weren't empty, as COPY writes them
}

// borrowed gives a test three empty databases. They are emptied when it ends; if it changed more
// than rows, they are dropped.
func borrowed(t testing.TB, base string) map[datamap.Store]string {
	t.Helper()
	lending.Lock()
	var l *loan
	if n := len(free); n > 0 {
		l, free = free[n-1], free[:n-1]
	}
	lending.Unlock()
	ctx := context.Background()
	if l == nil {
		l = &loan{map[datamap.Store]string{}, map[datamap.Store]*fresh{}}
		for _, s := range kinds {
			l.urls[s], _ = databaseFrom(t, base, s, "")
			f, err := look(ctx, l.urls[s])
			if err != nil {
				t.Fatalf("PostgreSQL: %v", err)
			}
			l.new[s] = f
		}
	}
	t.Cleanup(func() {
		for _, s := range kinds {
			if l.new[s].empty(ctx, l.urls[s]) != nil {
				return // a later process drops them
			}
		}
		lending.Lock()
		free = append(free, l)
		lending.Unlock()
	})
	return l.urls
}

// shape is a hash of all that is not rows. River's tables and the migrations' stay as they are.
const shape = `SELECT md5(coalesce(string_agg(x, E'\n' ORDER BY x), '')) FROM (
	SELECT concat_ws(' ', 'r', c.oid::regclass, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole, c.relacl::text, c.reloptions::text, c.relhastriggers) AS x
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)'
	UNION ALL SELECT concat_ws(' ', 'a', a.attrelid::regclass, a.attname, a.atttypid::regtype, a.attnotnull, a.attacl::text) FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)' AND a.attnum > 0
	UNION ALL SELECT concat_ws(' ', 'p', p.polrelid::regclass, p.polname, p.polcmd, p.polroles::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p
	UNION ALL SELECT concat_ws(' ', 'k', k.conrelid::regclass, k.conname, k.convalidated) FROM pg_constraint k WHERE k.conrelid <> 0
	UNION ALL SELECT concat_ws(' ', 't', t.tgrelid::regclass, t.tgname, t.tgenabled) FROM pg_trigger t WHERE NOT t.tgisinternal
	UNION ALL SELECT concat_ws(' ', 'f', f.oid::regprocedure, md5(f.prosrc)) FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname !~ '^(pg_|information_schema)'
	UNION ALL SELECT concat_ws(' ', 's', d.setrole::text, d.setconfig::text) FROM pg_db_role_setting d WHERE d.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) s`

// filled lists the tables that take room.
const filled = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' AND pg_relation_size(c.oid) > 0 ORDER BY 1`

func look(ctx context.Context, url string) (*fresh, error) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	f := &fresh{rows: map[string][]byte{}}
	if err := c.QueryRow(ctx, shape).Scan(&f.schema); err != nil {
		return nil, err
	}
	names, err := tables(ctx, c)
	for _, n := range names {
		var b bytes.Buffer
		if _, err = c.PgConn().CopyTo(ctx, &b, "COPY "+n+" TO STDOUT"); err != nil {
			return nil, err
		}
		f.rows[n] = b.Bytes()
	}
	return f, err
}

func tables(ctx context.Context, c *pgx.Conn) ([]string, error) {
	rows, err := c.Query(ctx, filled)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// empty puts a database back to what it was; an error says that it is not to be lent again.
func (f *fresh) empty(ctx context.Context, url string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
		return err
	}
	var now string
	if err := c.QueryRow(ctx, shape).Scan(&now); err != nil || now != f.schema {
		return fmt.Errorf("not as it was: %w", err)
	}
	names, err := tables(ctx, c)
	if err != nil {
		return err
	}
	var sql strings.Builder
	sql.WriteString("BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '5s';")
	for _, n := range names {
		sql.WriteString("DELETE FROM " + n + ";")
	}
	if _, err := c.PgConn().Exec(ctx, sql.String()).ReadAll(); err != nil {
		return err
	}
	for n, b := range f.rows {
		if _, err := c.PgConn().CopyFrom(ctx, bytes.NewReader(b), "COPY "+n+" FROM STDIN"); err != nil {
			return err
		}
	}
	_, err = c.PgConn().Exec(ctx, "SELECT setval(schemaname || '.' || quote_ident(sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL; COMMIT").ReadAll()
	return err
}
