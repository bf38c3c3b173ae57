// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"consend/internal/ground/rulepack"
)

// TestThePageOfRulesShowsThoseThatCodeReads reads the rooms for rulepack.SomeRule: each must
// stand in rulepack.InUse, so that accounts see it, and none that nobody reads.
func TestThePageOfRulesShowsThoseThatCodeReads(t *testing.T) {
	src, err := os.ReadFile("../ground/rulepack/rulepack.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]rulepack.Key{} // by constant
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)\s+Key = "([^"]+)"`).FindAllStringSubmatch(string(src), -1) {
		keys[m[1]] = rulepack.Key(m[2])
	}
	if len(keys) < 50 {
		t.Fatalf("only %d rules found: is the source read right?", len(keys))
	}
	// Rules.Grade reads these for its callers.
	read := map[rulepack.Key]string{rulepack.WordRefused: "Grade", rulepack.EvidenceRow: "Grade", rulepack.EvidenceFile: "Grade"}
	for _, origin := range []string{"site", "paper", "customer", "member", "business", "tool", "acquired", "inherited", "unknown"} {
		read[rulepack.Word(origin)] = "Grade"
	}
	each(t, func(dir string, file *ast.File, _ *token.FileSet, name string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(dir, "ground/rulepack") || strings.HasPrefix(dir, "internal/web/team") {
			return // the page itself names rules to word them
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "rulepack" {
					if k, ok := keys[s.Sel.Name]; ok {
						read[k] = name
					}
				}
			}
			return true
		})
	})
	for k, where := range read {
		if !slices.Contains(rulepack.InUse(), k) {
			t.Errorf("%s reads %s: add it to rulepack.InUse, so that the page of rules shows it", where, k)
		}
	}
	for _, k := range rulepack.InUse() {
		if read[k] == "" {
			t.Errorf("no room reads %s, and the page of rules shows it", k)
		}
	}
}
