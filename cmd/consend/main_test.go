// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"database/sql"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"consend/internal/trace/proof"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"consend": main})
}

// TestCommandsInScripts runs the program as people and scripts do.
func TestCommandsInScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: func(e *testscript.Env) error {
		e.Setenv("LANG", "en_GB.UTF-8")
		e.Setenv("ADDR", free(t))
		return nil
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"get": get, "exits": exits, "proves": proves, "campaign": campaignOf, "measures": measures}})
}

// free is an address nobody listens on.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get PATH [TEXT] asks $ADDR until it answers, and holds the answer against TEXT.
func get(ts *testscript.TestScript, neg bool, args []string) {
	var body string
	for try := 0; ; try++ {
		r, err := http.Get("http://" + ts.Getenv("ADDR") + args[0])
		if err == nil {
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			body = r.Status + "\n" + string(b)
			break
		}
		if try > 400 {
			ts.Fatalf("no answer: %v", err)
		}
		time.Sleep(25 * time.Millisecond) // the server is another process: there is nothing to wait on
	}
	if len(args) > 1 && strings.Contains(body, args[1]) == neg {
		ts.Fatalf("%s answered %s", args[0], body)
	}
	os.WriteFile(ts.MkAbs("answer"), []byte(body), 0o600)
}

// proves FILE KEY TEXT holds a proof against a key, as consend-verify does, and looks for TEXT
// in it; with ! the file must be refused.
func proves(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.ReadFile(args[0])
	r, err := proof.Verify([]byte(file), ts.ReadFile(args[1]), nil)
	if ok := err == nil && r.Holds(); ok == neg {
		ts.Fatalf("%s: holds %v, %v", args[0], ok, err)
	}
	if len(args) > 2 && !strings.Contains(file, args[2]) {
		ts.Fatalf("%s lacks %s", args[0], args[2])
	}
}

// campaignOf FILE sets $CAMPAIGN to the campaign that a result printed as JSON names.
func campaignOf(ts *testscript.TestScript, _ bool, args []string) {
	var v struct{ Campaign int64 }
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil || v.Campaign == 0 {
		ts.Fatalf("%s names no campaign: %v", args[0], err)
	}
	ts.Setenv("CAMPAIGN", strconv.FormatInt(v.Campaign, 10))
}

// measures DIR ACCOUNT N holds that an account has N lists that measure.
func measures(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]+"/main.db"))
	ts.Check(err)
	defer db.Close()
	var n string
	ts.Check(db.QueryRow("SELECT COUNT(*) FROM list WHERE account_id = ? AND measures <> ''", args[1]).Scan(&n))
	if n != args[2] {
		ts.Fatalf("%s lists measure, not %s", n, args[2])
	}
}

// exits CODE COMMAND … runs a command that ends with CODE.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("%s exits %s, not %s", strings.Join(args[1:], " "), got, want)
	}
}
