// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The plan of the house. Imports run down only: from a floor to one further down this list;
// within a floor only to a room named to its left.
var floors = []struct {
	name  string
	rooms []string
}{
	{"cmd", []string{"cmd/consend"}},
	{"app", []string{"internal/demo", "internal/app", "internal/testhouse"}},
	{"web", []string{"internal/web/shell", "internal/web/help", "internal/web/public", "internal/web/people", "internal/web/forms", "internal/web/importer",
		"internal/web/sending", "internal/web/duty", "internal/web/team", "internal/web/search"}},
	{"api", []string{"internal/api/v3", "internal/api/smtpd"}},
	{"duty", []string{"internal/duty/request", "internal/duty/retention", "internal/duty/archive", "internal/duty/register", "internal/duty/control", "internal/duty/incident", "internal/duty/restore"}},
	{"sending", []string{"internal/sending/sender", "internal/sending/relay", "internal/sending/template", "internal/sending/message",
		"internal/sending/campaign", "internal/sending/transactional", "internal/sending/feedback", "internal/sending/webhook", "internal/sending/report"}},
	{"gate", []string{"internal/gate"}},
	{"chain", []string{"internal/chain/processor", "internal/chain/transfer", "internal/chain/legal"}},
	{"people", []string{"internal/people/refusal", "internal/people/contact", "internal/people/notice", "internal/people/list", "internal/people/consent", "internal/people/segment",
		"internal/people/form", "internal/people/move", "internal/people/merge", "internal/people/importer", "internal/people/once", "internal/people/evidence"}},
	{"team", []string{"internal/team/secret", "internal/team/account", "internal/team/login", "internal/team/member", "internal/team/apikey", "internal/team/clearance", "internal/team/access"}},
	{"mail", []string{"internal/mail/address", "internal/mail/token", "internal/mail/compose", "internal/mail/transport", "internal/mail/bounce"}},
	{"trace", []string{"internal/trace/proof", "internal/trace"}},
	{"job", []string{"internal/job"}},
	{"keys", []string{"internal/keys"}},
	{"ground", []string{"internal/ground/fault", "internal/ground/mark", "internal/ground/actor", "internal/ground/legalclock", "internal/ground/pii", "internal/ground/locale",
		"internal/ground/config", "internal/ground/datamap", "internal/ground/store", "internal/ground/envelope", "internal/ground/budget", "internal/ground/rulepack",
		"internal/ground/blob", "internal/ground/check"}},
}

// place gives a package's floor and room by number; rooms may have folders of their own.
func place(dir string) (floor, room int, ok bool) {
	best := ""
	for f, fl := range floors {
		for r, name := range fl.rooms {
			if (dir == name || strings.HasPrefix(dir, name+"/")) && len(name) > len(best) {
				best, floor, room, ok = name, f, r, true
			}
		}
	}
	return floor, room, ok
}

// only says which rooms may import a package that is dangerous in other hands.
var only = map[string][]string{
	"github.com/jackc/pgx/v5":         {"internal/ground/store", "internal/testhouse", "internal/job", "bench"},
	"modernc.org/sqlite":              {"internal/ground/store", "bench"},
	"database/sql":                    {"internal/ground/store", "internal/job", "bench"},
	"consend/internal/mail/transport": {"internal/sending/relay", "bench"},
	"github.com/riverqueue/river":     {"internal/job"},
}

func TestImportsRunDownTheHouse(t *testing.T) {
	each(t, func(dir string, file *ast.File, _ *token.FileSet, name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		f, r, ok := place(dir)
		verify := dir == "cmd/consend-verify"
		if !ok && !verify && !strings.HasPrefix(dir, "bench") {
			t.Errorf("%s has no place on the plan of the house", dir)
			return
		}
		for _, i := range file.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			for p, rooms := range only {
				if (path == p || strings.HasPrefix(path, p+"/")) && !slices.ContainsFunc(rooms, func(r string) bool { return strings.HasPrefix(dir, r) }) &&
					!(p == "database/sql" && path == "database/sql/driver") {
					t.Errorf("%s imports %s, which belongs to %v alone", name, path, rooms)
				}
			}
			to, mine := strings.CutPrefix(path, "consend/")
			if !mine {
				continue
			}
			if verify {
				if to != "internal/trace/proof" {
					t.Errorf("%s: consend-verify trusts nothing of ours but internal/trace/proof, and imports %s", name, to)
				}
				continue
			}
			tf, tr, tok := place(to)
			switch {
			case strings.HasPrefix(dir, "bench"):
			case !tok:
				t.Errorf("%s imports %s, which has no place on the plan", name, to)
			case tf < f, tf == f && tr > r:
				t.Errorf("%s imports %s: imports run down, and to the left within a floor", name, to)
			}
		}
	})
}

func TestEveryFileNamesTheLicence(t *testing.T) {
	each(t, func(_ string, file *ast.File, _ *token.FileSet, name string) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(file) && !strings.HasPrefix(string(b), "// SPDX-License-Identifier: AGPL-3.0-or-later\n") {
			t.Errorf("%s does not begin with its licence", name)
		}
	})
}

func each(t *testing.T, f func(dir string, file *ast.File, set *token.FileSet, name string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	set := token.NewFileSet()
	for _, top := range []string{"cmd", "internal", "bench"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return nil
			}
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(root, filepath.Dir(path))
			f(filepath.ToSlash(rel), file, set, path)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
