// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

// makesQueries are the functions that make statements for the values of their own package.
var makesQueries = map[string]bool{"internal/trace twice": true}

// A statement that is made while the program runs would be on no list, and could be made of
// what people typed.
func TestEveryStatementIsAValueOfItsPackageAndOnTheList(t *testing.T) {
	named := map[string]bool{}
	for _, q := range store.Named() {
		named[q.Name()] = true
	}
	if len(named) < 300 {
		t.Fatalf("the list has only %d statements", len(named))
	}
	each(t, func(dir string, file *ast.File, set *token.FileSet, name string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(dir, "bench") || dir == "internal/testhouse" {
			return
		}
		for _, d := range file.Decls {
			f, inside := d.(*ast.FuncDecl)
			if inside && makesQueries[dir+" "+f.Name.Name] || dir == "internal/ground/store" && inside {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch f := call.Fun.(type) {
				case *ast.SelectorExpr:
					if x, ok := f.X.(*ast.Ident); !ok || x.Name != "store" || f.Sel.Name != "Account" && f.Sel.Name != "Installation" && f.Sel.Name != "Load" {
						return true
					}
				case *ast.Ident:
					if dir == "internal/ground/store" && (f.Name == "Account" || f.Name == "Installation" || f.Name == "Load") || makesQueries[dir+" "+f.Name] {
						break
					}
					return true
				default:
					return true
				}
				if inside {
					t.Errorf("%s: a statement is made while the program runs; make it a value of the package", set.Position(call.Pos()))
				}
				lit, ok := call.Args[0].(*ast.BasicLit)
				if !ok {
					t.Errorf("%s: the name of a statement is written where it is made", set.Position(call.Pos()))
					return true
				}
				if s, _ := strconv.Unquote(lit.Value); !named[s] {
					t.Errorf("%s: %s is not on the list of all statements", set.Position(call.Pos()), s)
				}
				return true
			})
		}
	})
}

// A predicate is NULL for people of whom nothing is known (segment.Predicate): turned round, that
// would hold for nobody and take them in.
func TestNoStatementTurnsAPredicateRound(t *testing.T) {
	n := 0
	for _, q := range store.Named() {
		if !strings.Contains(q.Text(), ":where") {
			continue
		}
		n++
		if strings.Contains(q.Text(), "NOT :where") || strings.Contains(q.Text(), "NOT (:where") {
			t.Errorf("%s turns its predicate round; ask NOT COALESCE(:where, false)", q.Name())
		}
	}
	if n < 5 {
		t.Fatalf("only %d statements take a predicate", n)
	}
}

const golden = "testdata/installation.txt"

// Every statement that goes over all accounts, or over tables that belong to none, is read by
// a person once: a new one, a changed reason or another table shows in the review as a changed
// line. `make golden` writes the file.
func TestTheListOfInstallationStatementsIsTheOneThatWasRead(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Statements that are not bound to an account: name, tables, reason. Written by `make golden`; a person reads what changed.\n")
	last := ""
	for _, s := range testhouse.SQLite(t).Statements(t) {
		if s.ForAccount() {
			continue
		}
		tables := "(the catalogue)"
		if len(s.Tables) > 0 {
			tables = string(s.DB.Kind()) + ": " + strings.Join(s.Tables, " ")
		}
		if line := fmt.Sprintf("%s | %s | %s\n", s.Name(), tables, s.Reason()); line != last {
			b.WriteString(line)
			last = line
		}
	}
	if os.Getenv("CONSEND_GOLDEN") == "write" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	was, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	have, want := lines(b.String()), lines(string(was))
	for l := range have {
		if !want[l] {
			t.Errorf("new or changed: %s\n  read it, and run `make golden`", l)
		}
	}
	for l := range want {
		if !have[l] {
			t.Errorf("gone: %s\n  run `make golden`", l)
		}
	}
	if !t.Failed() && string(was) != b.String() {
		t.Error("the file is in another order: run `make golden`")
	}
}

func lines(s string) map[string]bool {
	m := map[string]bool{}
	for l := range strings.Lines(s) {
		m[strings.TrimSpace(l)] = true
	}
	return m
}
