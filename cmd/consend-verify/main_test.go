// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"consend-verify": main})
}

// TestVerifierInScripts runs the program as people do; the sample is the one that
// docs/formats describes.
func TestVerifierInScripts(t *testing.T) {
	sample, err := filepath.Abs("../../internal/trace/proof/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: func(e *testscript.Env) error {
		for _, n := range []string{"sample.proof.json", "sample.key", "sample.checkpoint", "sample.earlier", "sample.other", "sample.bridge"} {
			b, err := os.ReadFile(filepath.Join(sample, n))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, strings.TrimPrefix(n, "sample.")), b, 0o600); err != nil {
				return err
			}
		}
		return nil
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "swap": swap}})
}

// exits CODE COMMAND… runs a command that must end with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	got := "0"
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = strconv.Itoa(ended.ExitCode())
	} else {
		ts.Check(err)
	}
	if got != args[0] {
		ts.Fatalf("exit %s, want %s", got, args[0])
	}
}

// swap OLD NEW FILE changes a file.
func swap(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.ReadFile(args[2])
	if !strings.Contains(s, args[0]) {
		ts.Fatalf("no %q in %s", args[0], args[2])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.ReplaceAll(s, args[0], args[1])), 0o600))
}

// TestTheVerifierNeedsNothingOfTheHouse: who trusts us not need not read our house.
func TestTheVerifierNeedsNothingOfTheHouse(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Skip("no go command here: ", err)
	}
	for _, p := range strings.Fields(string(out)) {
		switch {
		case p == "consend/cmd/consend-verify", p == "consend/internal/trace/proof",
			strings.HasPrefix(p, "golang.org/x/mod/"), strings.HasPrefix(p, "golang.org/x/text/"):
		default:
			t.Errorf("the verifier depends on %s", p)
		}
	}
}
