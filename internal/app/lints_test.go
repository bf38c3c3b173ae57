// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"
)

// The rules of the house that a compiler can't hold. Each exception is named, with its reason;
// one that nobody needs any more fails too.

// ours walks the program's files: not tests, not the bench, not what a tool wrote.
func ours(t *testing.T, f func(dir string, file *ast.File, at func(ast.Node) string)) {
	t.Helper()
	each(t, func(dir string, file *ast.File, set *token.FileSet, name string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(dir, "bench") || dir == "internal/testhouse" || ast.IsGenerated(file) {
			return
		}
		f(dir, file, func(n ast.Node) string { return strings.TrimPrefix(set.Position(n.Pos()).String(), "../../") })
	})
}

// calls gives the package and function of a call such as time.Now, whatever name the file imports the package by.
func calls(file *ast.File, n ast.Node) (pkg, name string) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	for _, i := range file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		as := path.Base(p)
		if i.Name != nil {
			as = i.Name.Name
		}
		if as == x.Name {
			return p, sel.Sel.Name
		}
	}
	return "", ""
}

// exceptions are allowed places with a reason; the rest is an error.
type exceptions struct {
	t    *testing.T
	may  map[string]string // the place: why
	used map[string]bool
}

func except(t *testing.T, may map[string]string) *exceptions {
	return &exceptions{t, may, map[string]bool{}}
}

func (e *exceptions) error(place, format string, args ...any) {
	e.t.Helper()
	if e.may[place] != "" {
		e.used[place] = true
		return
	}
	e.t.Errorf("["+place+"] "+format, args...)
}

func (e *exceptions) end() {
	e.t.Helper()
	for place := range e.may {
		if !e.used[place] {
			e.t.Errorf("%s is an exception that nobody needs any more", place)
		}
	}
}

// functions gives every declared function of a file with its name.
func functions(file *ast.File, f func(name string, d *ast.FuncDecl)) {
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f(fn.Name.Name, fn)
		}
	}
}

// Nothing is due because a timer of the process rang: what is due stands in a row, and is compared with a clock that
// tests and the demo own. Timers only say when to look again.
func TestOnlyNamedPlacesWaitForTheMachinesClock(t *testing.T) {
	e := except(t, map[string]string{
		"internal/ground/legalclock now":      "the clock itself",
		"internal/trace wait":                 "the sealer looks again",
		"internal/sending/campaign wait":      "the sender looks again, and waits for its budget",
		"internal/sending/transactional wait": "the sender looks again; a lease is renewed; a session is cut at the end of its grace",
		"internal/sending/relay wait":         "waits for the next second of a service's budget",
		"internal/ground/store wait":          "waits before it tries again after a conflict",
		"internal/people/refusal wait":        "looks for lines that another node carried over",
		"internal/job wait":                   "the drain and the leases of tasks look again",
		"cmd/consend wait":                    "a command waits for a campaign",
	})
	waits := set("After", "AfterFunc", "NewTicker", "NewTimer", "Tick", "Sleep")
	reads := set("Now", "Since", "Until")
	ours(t, func(dir string, file *ast.File, at func(ast.Node) string) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch pkg, name := calls(file, n); {
			case pkg == "time" && reads[name]:
				e.error(dir+" now", "%s: time.%s; take a legalclock.Clock, tx.Now or legalclock.Watch", at(n), name)
			case pkg == "time" && waits[name]:
				e.error(dir+" wait", "%s: time.%s; let a row say when something is due, or name the place", at(n), name)
			}
			return true
		})
	})
	e.end()
}

// Write in a loop holds up everybody on SQLite, and can't be resumed: that is db.Bulk's, with tx.Yield.
func TestNobodyWritesInALoopWithoutYield(t *testing.T) {
	e := except(t, map[string]string{
		"internal/ground/blob Sweep":             "one act for each file that ended, in its own account",
		"internal/job beat":                      "renews a lease, now and then",
		"internal/job sweep":                     "one act for each task whose holder is gone",
		"internal/keys Ahead":                    "64 sheets of keys an act, in a store of their own",
		"internal/people/contact run":            "one act for each limit from before moments were kept",
		"internal/people/evidence SweepAttached": "one act for each file whose time ended, in its own account",
		"internal/people/evidence Sweep":         "one act for each export that ended, in its own account",
		"internal/people/importer daily":         "one act for each import that waits",
		"internal/people/move Expire":            "one act for each change nobody answered, in its own account",
		"internal/sending/campaign salvage":      "one act for each batch a dead process left",
		"internal/sending/campaign expire":       "one act for each batch whose lease ended",
		"internal/sending/campaign send":         "begins a campaign, once",
		"internal/sending/campaign orphans":      "one act for each batch that no lane has any more",
		"internal/sending/campaign booked":       "one batch, until it could be booked",
		"internal/sending/relay Sweep":           "one act for each account; a mailbox has a cap",
		"internal/sending/transactional book":    "what was answered since the last act, a few messages",
		"internal/team/access Switch":            "one act: the loop looks for the account",
	})
	ours(t, func(dir string, file *ast.File, at func(ast.Node) string) {
		functions(file, func(name string, fn *ast.FuncDecl) {
			yields := false
			ast.Inspect(fn, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Yield" {
					yields = true
				}
				return true
			})
			if yields {
				return
			}
			loops(fn.Body, false, func(call *ast.CallExpr) {
				s, ok := call.Fun.(*ast.SelectorExpr)
				if ok && (s.Sel.Name == "Write" || s.Sel.Name == "Purge") && len(call.Args) >= 3 {
					e.error(dir+" "+name, "%s: a Write in a loop; make it steps of db.Bulk that end when tx.Yield says so", at(call))
				}
			})
		})
	})
	e.end()
}

// loops finds the calls that stand in a loop, also through the functions written in it.
func loops(n ast.Node, inside bool, f func(*ast.CallExpr)) {
	ast.Inspect(n, func(x ast.Node) bool {
		if x == n {
			return true
		}
		switch x := x.(type) {
		case *ast.ForStmt:
			loops(x.Body, true, f)
			return false
		case *ast.RangeStmt:
			loops(x.Body, true, f)
			return false
		case *ast.CallExpr:
			if inside {
				f(x)
			}
		}
		return true
	})
}

// Mail leaves by one door: sending/relay, which asks for a permit. (Who may import mail/transport stands in floors_test.go.)
func TestNobodyElseDials(t *testing.T) {
	e := except(t, map[string]string{
		"internal/mail/transport": "the door",
		"internal/app":            "a command speaks to the owner of the folder over its socket",
	})
	dials := set("Dial", "DialTimeout", "DialTCP", "DialIP", "DialUDP", "Dialer", "DialWithDialer", "DialTLS", "DialUnix", "NewClient")
	ours(t, func(dir string, file *ast.File, at func(ast.Node) string) {
		for _, i := range file.Imports {
			if p, _ := strconv.Unquote(i.Path.Value); p == "net/smtp" || strings.Contains(p, "go-smtp") || strings.Contains(p, "gomail") {
				t.Errorf("%s: %s; mail goes through sending/relay", at(i), p)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if pkg, name := calls(file, n); (pkg == "net" || pkg == "crypto/tls") && dials[name] {
				e.error(dir, "%s: %s.%s; mail goes through sending/relay, and nothing else leaves the house", at(n), pkg, name)
			}
			return true
		})
	})
	e.end()
}

// Logs and errors hold ids, never what a person is called. Raw is where that is given up on purpose.
func TestNothingRawIsLogged(t *testing.T) {
	e := except(t, nil)
	ours(t, func(dir string, file *ast.File, at func(ast.Node) string) {
		for _, i := range file.Imports {
			if i.Path.Value == `"log"` {
				t.Errorf("%s: log; take slog", at(i))
			}
		}
		functions(file, func(name string, fn *ast.FuncDecl) {
			raw := map[string]bool{} // names that hold something raw
			tainted := func(x ast.Node) (found bool) {
				ast.Inspect(x, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.CallExpr:
						if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Raw" || s.Sel.Name == "Norm") && len(n.Args) == 0 {
							found = true
						}
						if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "len" {
							return false
						}
					case *ast.Ident:
						found = found || raw[n.Name]
					}
					return !found
				})
				return found
			}
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
					for i := range a.Lhs {
						if id, ok := a.Lhs[i].(*ast.Ident); ok && isString(a.Rhs[i]) && tainted(a.Rhs[i]) {
							raw[id.Name] = true
						}
					}
				}
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				pkg, f := calls(file, call.Fun)
				if !(pkg == "log/slog" || pkg == "fmt" && (strings.HasPrefix(f, "Print") || f == "Errorf") || pkg == "errors" && f == "New" ||
					pkg == "consend/internal/ground/fault" && f == "New") {
					if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "panic" {
						return true
					}
				}
				for _, arg := range call.Args {
					if tainted(arg) {
						e.error(dir+" "+name, "%s: something raw goes into %s.%s", at(call), path.Base(pkg), f)
					}
				}
				return true
			})
		})
	})
	e.end()
}

// isString tells whether an expression may be the raw words themselves, and not what was made of them.
func isString(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BinaryExpr:
		return x.Op == token.ADD
	case *ast.CallExpr:
		s, ok := x.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		if id, ok := s.X.(*ast.Ident); ok && (id.Name == "strings" || id.Name == "fmt") {
			return true
		}
		return s.Sel.Name == "Raw" || s.Sel.Name == "Norm"
	case *ast.Ident:
		return true
	}
	return false
}

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}
