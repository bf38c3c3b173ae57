// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
)

func stdlibConfig(url string) (*pgx.ConnConfig, error) { return pgx.ParseConfig(url) }

type liveColumn struct{ Relation, Attribute string }

var (
	liveSQLite = Installation("store.live", "what the database really has, for the data map",
		`SELECT m.name AS relation, p.name AS attribute FROM sqlite_schema m JOIN pragma_table_info(m.name) p ON true
		 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, p.cid`)
	livePG = Installation("store.live", "what the database really has, for the data map",
		`SELECT CAST(c.relname AS {text}) AS relation, CAST(a.attname AS {text}) AS attribute
		 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
		 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum`)
)

// Live lists the tables and columns the database really has, to hold them against the data map.
func (db *DB) Live(ctx context.Context) (datamap.Live, error) {
	q := liveSQLite
	if db.dialect == postgres {
		q = livePG
	}
	out := datamap.Live{}
	err := db.View(ctx, actor.System("datamap"), func(v *View) error {
		rows, err := All[liveColumn](v, q)
		for _, r := range rows {
			out[r.Relation] = append(out[r.Relation], r.Attribute)
		}
		return err
	})
	return out, err
}

// Plan explains a query as the database would run it, one step a line.
func (db *DB) Plan(ctx context.Context, q *Query, args ...any) (string, error) {
	prefix := "EXPLAIN QUERY PLAN "
	if db.dialect == postgres {
		prefix = "EXPLAIN "
	}
	var out []string
	c, err := db.compile(q)
	if err != nil {
		return "", err
	}
	x := *c
	x.sql = prefix + c.sql
	err = db.engine.view(ctx, actor.System("plan"), func(v *View) error {
		full := make([]any, len(c.args))
		for i, a := range c.args {
			switch {
			case a.from == argAccount:
				full[i] = int64(1)
			case a.from == argNow:
				full[i] = int64(v.Now)
			case a.list != 0:
				if full[i], err = db.list(args[a.from], a.list); err != nil {
					return err
				}
			default:
				if full[i], err = plain(args[a.from]); err != nil {
					return err
				}
			}
		}
		return v.run.query(&x, full, func(scan func(...any) error, columns []string) (bool, error) {
			if db.dialect == postgres {
				var line string
				if err := scan(&line); err != nil {
					return false, err
				}
				out = append(out, line)
				return true, nil
			}
			var id, parent, unused int64
			var detail string
			if err := scan(&id, &parent, &unused, &detail); err != nil {
				return false, err
			}
			out = append(out, detail)
			return true, nil
		})
	})
	return strings.Join(out, "\n"), err
}
