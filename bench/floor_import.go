// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"
)

// The floor of an import: the least that keeps people and what they said, in two tables, from
// the same file. It checks nothing, proves nothing and knows no suppression.
//
// PostgreSQL: random 16-byte keys, a foreign key, COPY into a staging table and INSERT SELECT
// ON CONFLICT, 10,000 rows a transaction. SQLite: our keys (account and number), a foreign key,
// prepared statements of 50 rows, 5,000 rows a transaction, WAL with synchronous=FULL,
// secure_delete and the cache as ours. Addresses come in random order in both.
func floorImport(ctx context.Context, e Env) (Result, error) { return floorOf(ctx, e, people) }

// floorEvidence is the same with the IP address of each yes, in clear, in a table of its own: there it can
// end before the consent does, as it has to.
func floorEvidence(ctx context.Context, e Env) (Result, error) { return floorOf(ctx, e, evidenced) }

func floorOf(ctx context.Context, e Env, write func(Env) (string, error)) (Result, error) {
	name, err := write(e)
	if err != nil {
		return Result{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return Result{}, err
	}
	if e.Dialect == "postgres" {
		return floorPostgres(ctx, e, r)
	}
	return floorSQLite(ctx, e, r)
}

// floorPerson is a line of the file as the floor keeps it.
type floorPerson struct {
	email, name, attributes, at, source string
	ip                                  string // "": the file has none
}

func readPerson(r *csv.Reader) (floorPerson, error) {
	c, err := r.Read()
	if err != nil {
		return floorPerson{}, err
	}
	var b strings.Builder
	b.WriteString(`{"CITY":"`)
	b.WriteString(c[3])
	b.WriteString(`","POINTS":`)
	b.WriteString(c[4])
	b.WriteString(`,"BIRTHDAY":"`)
	b.WriteString(c[5])
	b.WriteString(`"}`)
	p := floorPerson{email: strings.ToLower(strings.Clone(c[0])), name: c[1] + " " + c[2], attributes: b.String(), at: strings.Clone(c[6]), source: strings.Clone(c[7])}
	if len(c) > 8 {
		p.ip = strings.Clone(c[8])
	}
	return p, nil
}

const floorBatch = 10_000

func floorPostgres(ctx context.Context, e Env, r *csv.Reader) (Result, error) {
	c, err := pgx.Connect(ctx, e.URLs["floor"])
	if err != nil {
		return Result{}, err
	}
	defer c.Close(ctx)
	for _, q := range []string{
		`CREATE TABLE contact (id UUID PRIMARY KEY, account BIGINT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, attributes JSONB NOT NULL, created BIGINT NOT NULL, UNIQUE (account, email))`,
		`CREATE TABLE consent (id UUID PRIMARY KEY, contact_id UUID NOT NULL REFERENCES contact (id), list BIGINT NOT NULL, at TEXT NOT NULL, source TEXT NOT NULL, hash BYTEA NOT NULL)`,
		`CREATE INDEX consent_contact ON consent (contact_id)`,
		`CREATE TABLE origin (consent_id UUID PRIMARY KEY REFERENCES consent (id), ip TEXT NOT NULL)`,
		`CREATE TEMP TABLE staging (id UUID, consent UUID, email TEXT, name TEXT, attributes JSONB, at TEXT, source TEXT, hash BYTEA, ip TEXT)`,
	} {
		if _, err := c.Exec(ctx, q); err != nil {
			return Result{}, err
		}
	}
	m := Start()
	n := int64(0)
	for more := true; more; {
		rows := make([][]any, 0, floorBatch)
		ids := make([]byte, 32*floorBatch)
		rand.Read(ids)
		for len(rows) < floorBatch {
			p, err := readPerson(r)
			if errors.Is(err, io.EOF) {
				more = false
				break
			}
			if err != nil {
				return Result{}, err
			}
			k := 32 * len(rows)
			hash := sha256.Sum256([]byte(p.source))
			rows = append(rows, []any{[16]byte(ids[k : k+16]), [16]byte(ids[k+16 : k+32]), p.email, p.name, p.attributes, p.at, p.source, hash[:], p.ip})
		}
		tx, err := c.Begin(ctx)
		if err != nil {
			return Result{}, err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"staging"}, []string{"id", "consent", "email", "name", "attributes", "at", "source", "hash", "ip"}, pgx.CopyFromRows(rows)); err != nil {
			return Result{}, err
		}
		for _, q := range []string{
			`INSERT INTO contact SELECT id, 1, email, name, attributes, 1 FROM staging ON CONFLICT (account, email) DO NOTHING`,
			`INSERT INTO consent SELECT s.consent, c.id, 1, s.at, s.source, s.hash FROM staging s JOIN contact c ON c.account = 1 AND c.email = s.email`,
			`INSERT INTO origin SELECT consent, ip FROM staging WHERE ip <> ''`,
			`TRUNCATE staging`,
		} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return Result{}, err
			}
		}
		if err := tx.Commit(ctx); err != nil {
			return Result{}, err
		}
		n += int64(len(rows))
	}
	return m.Stop(n), nil
}

func floorSQLite(ctx context.Context, e Env, r *csv.Reader) (Result, error) {
	db, err := sql.Open("sqlite", "file:"+e.URLs["floor"]+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)&_pragma=foreign_keys(ON)&_pragma=cache_size(-65536)")
	if err != nil {
		return Result{}, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, q := range []string{
		`CREATE TABLE contact (account_id BIGINT NOT NULL, id BIGINT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, attributes TEXT NOT NULL, created BIGINT NOT NULL,
			PRIMARY KEY (account_id, id), UNIQUE (account_id, email))`,
		`CREATE TABLE consent (account_id BIGINT NOT NULL, contact_id BIGINT NOT NULL, list_id BIGINT NOT NULL, seq BIGINT NOT NULL, at TEXT NOT NULL, source TEXT NOT NULL, hash BLOB NOT NULL,
			PRIMARY KEY (account_id, contact_id, list_id, seq), FOREIGN KEY (account_id, contact_id) REFERENCES contact (account_id, id))`,
		`CREATE TABLE origin (account_id BIGINT NOT NULL, contact_id BIGINT NOT NULL, list_id BIGINT NOT NULL, seq BIGINT NOT NULL, ip TEXT NOT NULL,
			PRIMARY KEY (account_id, contact_id, list_id, seq), FOREIGN KEY (account_id, contact_id, list_id, seq) REFERENCES consent (account_id, contact_id, list_id, seq))`,
	} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return Result{}, err
		}
	}
	const many = 50
	m := Start()
	n := int64(0)
	var tx *sql.Tx
	var contact, consent, origin *sql.Stmt
	begin := func() error {
		if tx, err = db.BeginTx(ctx, nil); err != nil {
			return err
		}
		if contact, err = tx.Prepare("INSERT INTO contact VALUES " + strings.Repeat("(1,?,?,?,?,1),", many-1) + "(1,?,?,?,?,1) ON CONFLICT (account_id, email) DO NOTHING"); err != nil {
			return err
		}
		if consent, err = tx.Prepare("INSERT INTO consent VALUES " + strings.Repeat("(1,?,1,1,?,?,?),", many-1) + "(1,?,1,1,?,?,?)"); err != nil {
			return err
		}
		origin, err = tx.Prepare("INSERT INTO origin VALUES " + strings.Repeat("(1,?,1,1,?),", many-1) + "(1,?,1,1,?)")
		return err
	}
	if err := begin(); err != nil {
		return Result{}, err
	}
	a, b, o := make([]any, 0, 4*many), make([]any, 0, 4*many), make([]any, 0, 2*many)
	for {
		p, err := readPerson(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Result{}, err
		}
		n++
		hash := sha256.Sum256([]byte(p.source))
		a, b = append(a, n, p.email, p.name, p.attributes), append(b, n, p.at, p.source, hash[:])
		if p.ip != "" {
			o = append(o, n, p.ip)
		}
		if len(a) < 4*many {
			continue
		}
		if _, err := contact.ExecContext(ctx, a...); err != nil {
			return Result{}, err
		}
		if _, err := consent.ExecContext(ctx, b...); err != nil {
			return Result{}, err
		}
		if len(o) > 0 {
			if _, err := origin.ExecContext(ctx, o...); err != nil {
				return Result{}, err
			}
		}
		a, b, o = a[:0], b[:0], o[:0]
		if n%5000 == 0 {
			if err := tx.Commit(); err != nil {
				return Result{}, err
			}
			if err := begin(); err != nil {
				return Result{}, err
			}
		}
	}
	return m.Stop(n - int64(len(a)/4)), tx.Commit()
}
