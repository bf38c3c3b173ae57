// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"slices"

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

// Check holds a statement to the rules without running it, and gives the text this database
// would run and the tables of this store it names.
func (db *DB) Check(q *Query) (text string, tables []string, err error) {
	c, err := db.compile(q)
	if err != nil {
		return "", nil, err
	}
	slices.Sort(c.names)
	return c.sql, slices.Compact(c.names), nil
}

// ForAccount tells whether a statement runs for one account, and not for the installation.
func (q *Query) ForAccount() bool { return q.account }
