// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/form"
	"consend/internal/team/account"
	"consend/internal/team/member"
	"consend/internal/testhouse"
)

// program and verifier are the binaries under test, built once.
var program, verifier string

// seed begins every random choice of this run.
var seed = uint64(time.Now().UnixNano())

func TestMain(m *testing.M) {
	flag.Parse()
	// They wait for one another's processes, timers and leases most of the time.
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "consend-kill-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "consend/cmd/consend", "consend/cmd/consend-verify")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the program can't be built:", err)
	} else {
		program, verifier = filepath.Join(dir, "consend"), filepath.Join(dir, "consend-verify")
		if s, err := strconv.ParseUint(os.Getenv("CONSEND_TEST_SEED"), 10, 64); err == nil {
			seed = s
		}
		fmt.Printf("CONSEND_TEST_SEED=%d\n", seed)
		code = m.Run()
		summary.print()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// soak tells whether many trials are wanted.
var soak = os.Getenv("CONSEND_TEST_SOAK") != ""

// kills says how often to kill: as often as was asked for, few in the usual run, many in a soak.
func kills(few, many int) int {
	if n, err := strconv.Atoi(os.Getenv("CONSEND_TEST_KILLS")); err == nil && n > 0 {
		return n
	}
	if soak {
		return many
	}
	return few
}

// lines of what was counted, said once more at the end.
type lines struct {
	mu  sync.Mutex
	all []string
}

var summary lines

func (l *lines) add(t *testing.T, format string, args ...any) {
	t.Helper()
	s := fmt.Sprintf(format, args...)
	t.Log(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf("%-40s %s", t.Name(), s))
}

func (l *lines) print() {
	for _, s := range l.all {
		fmt.Println(s)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs a test on both databases. All tests run beside each other: most of their time is waiting.
func each(t *testing.T, f func(t *testing.T, n *node)) {
	t.Helper()
	t.Parallel()
	for i, dialect := range []string{"sqlite", "postgres"} {
		if dialect == "postgres" && os.Getenv("CONSEND_TEST_POSTGRES") == "" {
			continue
		}
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			f(t, prepare(t, dialect, uint64(i)))
		})
	}
}

// node is the data of an installation, and the process that works on it when one does.
type node struct {
	*testing.T
	dialect string
	dir     string
	url     string
	flags   map[string]string
	environ []string
	rand    *rand.Rand
	sink    *sink
	account int64
	owner   actor.Actor
	slug    string // of a published form
	list    int64  // that it signs up for

	cmd          *exec.Cmd
	said         chan struct{} // closed when the process's output has ended
	kills, stops int
}

// prepare makes an installation with one account, a published form, and a sending service of its own.
func prepare(t *testing.T, dialect string, stream uint64) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	listen := l.Addr().String()
	must(t, l.Close())
	n := &node{T: t, dialect: dialect, dir: t.TempDir(), url: "http://" + listen, rand: rand.New(rand.NewPCG(seed, stream)), sink: receive(t)}
	n.flags = map[string]string{"data": n.dir, "listen": listen, "public_url": n.url, "trusted_proxies": "127.0.0.1/32", "log_level": "warn"}
	if dialect == "postgres" {
		urls := testhouse.Databases(t)
		n.flags["database_url"], n.flags["keys_url"], n.flags["archive_url"] = urls[datamap.Main], urls[datamap.Keys], urls[datamap.Archive]
	}
	n.environ = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "LANG=en", "TMPDIR=" + os.TempDir()}
	for k, v := range n.flags {
		n.environ = append(n.environ, "CONSEND_"+strings.ToUpper(k)+"="+v)
	}
	n.inside(func(h *app.House) {
		id, _, err := h.Desk.OpenAccount(context.Background(), actor.Actor{Kind: actor.Command, Name: "test"},
			account.New{Details: account.Details{Name: "Maison Exemple", Postal: "1 rue de l’Exemple\n69001 Lyon", Country: "FR", Language: "en", Colour: "#0f766e",
				DataEmail: address.Must("data@example.org")}}, member.New{Email: address.Must("owner@example.org"), Language: "en"}, nil)
		must(t, err)
		n.account = id
		who := actor.Actor{Kind: actor.Command, Name: "test"}.In(id)
		must(t, h.Main.Write(context.Background(), who, h.Furnish))
		must(t, h.Main.Write(context.Background(), who, func(tx *store.Tx) error {
			all, err := form.All(tx)
			if err != nil || len(all) != 1 {
				return fmt.Errorf("%d forms, %w", len(all), err)
			}
			n.slug, n.list = all[0].Slug, all[0].Draft.Lists[0].List
			_, err = form.Publish(context.Background(), tx, all[0].ID, all[0].Version)
			return err
		}))
		must(t, h.Main.View(context.Background(), who, func(v *store.View) error {
			all, err := member.All(v)
			if err == nil {
				n.owner = testhouse.Owner(id, all[0].ID)
			}
			return err
		}))
	})
	n.run("relay", "add", "--name", "Sink", "--addr", n.sink.addr, "--tls", "none", "--own-server")
	t.Cleanup(func() {
		if n.cmd != nil {
			n.kill()
		}
		if t.Failed() {
			b, _ := os.ReadFile(n.log())
			t.Logf("seed %d; the process said at last:\n%s", seed, b[max(0, len(b)-3000):])
		}
	})
	return n
}

func (n *node) log() string { return filepath.Join(n.dir, "stderr.txt") }

// command is the program with arguments, on this node's data.
func (n *node) command(args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Env, c.Dir = n.environ, n.dir
	return c
}

// run runs a command to its end, beside the server or without, and gives what it printed.
func (n *node) run(args ...string) string {
	n.Helper()
	out, err := n.try(args...)
	if err != nil {
		n.Fatalf("consend %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (n *node) try(args ...string) (string, error) {
	c := n.command(args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}

// start starts the server, and returns when it answers.
func (n *node) start() {
	n.Helper()
	errs, err := os.OpenFile(n.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(n, err)
	defer errs.Close()
	n.cmd = n.command("serve")
	n.cmd.Stderr = errs
	out, err := n.cmd.StdoutPipe()
	must(n, err)
	must(n, n.cmd.Start())
	r := bufio.NewReader(out)
	if _, err := r.ReadString('\n'); err != nil { // it says where it listens once it does
		n.cmd.Wait()
		n.cmd = nil
		n.Fatalf("after %d kills it does not start again: %v", n.kills, err)
	}
	n.said = make(chan struct{})
	go func() { io.Copy(io.Discard, r); close(n.said) }()
}

// kill ends the process as the system does when memory runs out: between two instructions.
func (n *node) kill() {
	n.Helper()
	must(n, n.cmd.Process.Kill())
	<-n.said
	n.cmd.Wait()
	n.cmd = nil
	n.kills++
}

// within is how long the process may take to stop.
const within = 30 * time.Second

// stop asks the process to end, and holds it to its word.
func (n *node) stop() time.Duration {
	n.Helper()
	began := time.Now()
	must(n, n.cmd.Process.Signal(syscall.SIGTERM))
	late := time.AfterFunc(within, func() { n.cmd.Process.Kill() })
	<-n.said
	err := n.cmd.Wait()
	n.cmd = nil
	n.stops++
	if !late.Stop() || err != nil {
		n.Errorf("asked to stop, it ended after %s with %v", time.Since(began).Round(time.Millisecond), err)
	}
	return time.Since(began)
}

// inside opens the house in this process, while no other works on it.
func (n *node) inside(f func(h *app.House)) {
	n.Helper()
	c, err := config.Load(config.From{Flags: n.flags})
	must(n, err)
	h, err := app.Open(context.Background(), c, app.Options{})
	must(n, err)
	defer func() {
		h.Close()
		// Tests beside this one start processes, which hold what is open here until they are themselves:
		// with the lock of the data folder.
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
	}()
	f(h)
}

// main is the main store, opened beside whoever works on it, to read in.
func (n *node) main(f func(v *store.View) error) {
	n.Helper()
	o := app.Stores(datamap.Main)
	o.URL, o.Connections = n.flags["database_url"], 2
	if o.URL == "" {
		o.URL = filepath.Join(n.dir, "main.db")
	}
	db, err := store.Open(context.Background(), o)
	must(n, err)
	defer db.Close()
	must(n, db.View(context.Background(), n.owner, f))
}

// patience is how long what must come may take, on a machine with other things to do.
const patience = 3 * time.Minute

// until waits for something another process does.
func (n *node) until(what string, f func() bool) {
	n.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			n.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// number asks one number of the main store.
func number(n *node, q *store.Query, args ...any) (out int64) {
	n.Helper()
	n.main(func(v *store.View) (err error) { out, err = store.One[int64](v, q, args...); return err })
	return out
}

// noneOf holds that queries which count what must not be find nothing.
func (n *node) noneOf(queries ...*store.Query) {
	n.Helper()
	n.main(func(v *store.View) error {
		for _, q := range queries {
			if k, err := store.One[int64](v, q); err != nil || k != 0 {
				n.Errorf("%s: %d, %v", q.Name(), k, err)
			}
		}
		return nil
	})
}

// Half an act: what only a torn transaction could leave.
var halves = []*store.Query{
	store.Account("test.subscription_without_event", `SELECT count(*) FROM subscription s WHERE s.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM consent_event e WHERE e.account_id = :account AND e.contact_id = s.contact_id AND e.list_id = s.list_id AND e.id = s.event_id)`),
	store.Account("test.event_without_subscription", `SELECT count(*) FROM consent_event e WHERE e.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM subscription s WHERE s.account_id = :account AND s.contact_id = e.contact_id AND s.list_id = e.list_id AND s.seq >= e.seq)`),
	store.Account("test.event_without_entry", `SELECT count(*) FROM consent_event e WHERE e.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM trace_entry t WHERE t.account_id = :account AND t.id = e.entry_id)`),
	store.Account("test.event_without_contact", `SELECT count(*) FROM consent_event e WHERE e.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = e.contact_id)`),
	store.Account("test.contact_without_entry", `SELECT count(*) FROM contact c WHERE c.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM trace_entry t WHERE t.account_id = :account AND t.id = c.entry_id)`),
	store.Account("test.contact_without_event", `SELECT count(*) FROM contact c WHERE c.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM consent_event e WHERE e.account_id = :account AND e.contact_id = c.id)`),
	store.Account("test.set_without_members", `SELECT count(*) FROM consent_event e WHERE e.account_id = :account AND e.entry_index >= 0 AND NOT EXISTS
		(SELECT 1 FROM trace_members m WHERE m.account_id = :account AND m.entry_id = e.entry_id AND m.n > e.entry_index)`),
	store.Account("test.entry_nowhere", `SELECT count(*) FROM trace_entry t WHERE t.account_id = :account
		AND NOT EXISTS (SELECT 1 FROM trace_leaf l WHERE l.account_id = :account AND l.entry_id = t.id)
		AND NOT EXISTS (SELECT 1 FROM trace_pending p WHERE p.account_id = :account AND p.entry_id = t.id)`),
	store.Account("test.entry_twice", `SELECT count(*) FROM trace_pending p WHERE p.account_id = :account AND EXISTS
		(SELECT 1 FROM trace_leaf l WHERE l.account_id = :account AND l.entry_id = p.entry_id)`),
	store.Account("test.signup_without_event", `SELECT count(*) FROM signup s WHERE s.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM consent_event e WHERE e.account_id = :account AND e.contact_id = s.contact_id AND e.kind = 'request')`),
	store.Account("test.signup_without_mail", `SELECT count(*) FROM signup s WHERE s.account_id = :account AND NOT EXISTS
		(SELECT 1 FROM message m WHERE m.account_id = :account AND m.ref = s.id AND m.kind = 'form.requested') AND NOT EXISTS
		(SELECT 1 FROM fact f WHERE f.account_id = :account AND f.ref = s.id AND f.kind = 'form.requested')`),
	store.Account("test.confirmed_without_receipt", `SELECT count(*) FROM signup s WHERE s.account_id = :account AND s.state = 'confirmed' AND NOT EXISTS
		(SELECT 1 FROM message m WHERE m.account_id = :account AND m.ref = s.id AND m.kind = 'form.confirmed') AND NOT EXISTS
		(SELECT 1 FROM fact f WHERE f.account_id = :account AND f.ref = s.id AND f.kind = 'form.confirmed')`),
	store.Account("test.mail_twice", `SELECT count(*) FROM (SELECT m.kind, m.ref FROM message m WHERE m.account_id = :account GROUP BY m.kind, m.ref HAVING count(*) > 1) x`),
}

// whole holds that nothing is half done, and that the log is as it was sealed.
func (n *node) whole() {
	n.Helper()
	n.noneOf(halves...)
	if out, err := n.try("trace", "verify"); err != nil {
		n.Errorf("trace verify: %v\n%s", err, out)
	}
}
