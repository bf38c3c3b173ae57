// SPDX-License-Identifier: AGPL-3.0-or-later

package testhouse

import (
	"strings"
	"testing"

	"consend/internal/ground/store"
)

// Statement is a statement of the program, with the store it is for and the tables it names there.
type Statement struct {
	*store.Query
	DB     *store.DB
	Tables []string
}

// Statements lists the program's statements, those of tests left out. Each is held to the
// rules of scopes in every store, whether a test runs it or not.
func (h *House) Statements(t testing.TB) (out []Statement) {
	t.Helper()
	for _, q := range store.Named() {
		room, _, ok := strings.Cut(q.Name(), ".")
		if room == "test" || room == "testhouse" || strings.HasSuffix(room, "_test") {
			continue
		}
		if !ok {
			t.Errorf("%q is not named room.what", q.Name())
		}
		s := Statement{Query: q, DB: h.Main}
		for _, db := range []*store.DB{h.Archive, h.Keys, h.Main} {
			_, tables, err := db.Check(q)
			if err != nil {
				t.Errorf("%s store: %v", db.Kind(), err)
			}
			if len(tables) > 0 {
				s.DB, s.Tables = db, tables
			}
		}
		out = append(out, s)
	}
	return out
}
