// SPDX-License-Identifier: AGPL-3.0-or-later

package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/people/importer"
	"consend/internal/people/importer/sheet"
	"consend/internal/people/list"
)

// crowdFile is a file with everything in it: new people, refused rows, duplicates, people who
// said no there, values over several lines, a quote that is never closed.
func crowdFile(rows int, domain string) string {
	var b strings.Builder
	b.WriteString("email;prenom;ville;date optin;formulaire;statut\r\n")
	for i := range rows {
		switch {
		case i%11 == 3:
			fmt.Fprintf(&b, "nobody %d;X;Y;;;\r\n", i)
		case i%13 == 5:
			fmt.Fprintf(&b, "p%d@%s;Again;;;;subscribed\r\n", i-5, domain)
		case i%17 == 7:
			fmt.Fprintf(&b, "p%d@%s;Left;;;;unsubscribed\r\n", i, domain)
		case i%19 == 9:
			fmt.Fprintf(&b, "p%d@%s;\"Two\r\nlines\";\"a;b\";2024-02-0%d 10:00:00;https://example.org/f;\r\n", i, domain, 1+i%9)
		case i%2311 == 11:
			fmt.Fprintf(&b, "p%d@%s;\"never closed;x\r\n", i, domain)
		default:
			fmt.Fprintf(&b, "p%d@%s;P%d;Évry;;;\r\n", i, domain, i)
		}
	}
	return b.String()
}

// file is one file on its way in, to a list of its own.
type file struct {
	n            *node
	path, domain string
	list         string
	task         int64 // the import, when it was sent as from the pages and runs as a task
	breaks       int
}

func (n *node) file(k, rows int, task bool) *file {
	n.Helper()
	f := &file{n: n, domain: fmt.Sprintf("t%d.example.org", k), list: fmt.Sprintf("List %d", k), path: filepath.Join(n.dir, fmt.Sprintf("people%d.csv", k))}
	must(n, os.WriteFile(f.path, []byte(crowdFile(rows, f.domain)), 0o600))
	if task {
		n.inside(f.send)
	}
	return f
}

// send takes the steps of the pages, up to the button that starts.
func (f *file) send(h *app.House) {
	n, ctx := f.n, context.Background()
	src, err := os.Open(f.path)
	must(n, err)
	defer src.Close()
	f.task, err = importer.Receive(ctx, h.Main, n.owner, filepath.Base(f.path), src)
	must(n, err)
	again, err := os.Open(f.path)
	must(n, err)
	defer again.Close()
	step := func(do func(tx *store.Tx, i importer.Import) error) {
		n.Helper()
		must(n, h.Main.Write(ctx, n.owner, func(tx *store.Tx) error {
			i, err := importer.Get(tx, f.task)
			if err != nil {
				return err
			}
			return do(tx, i)
		}))
	}
	step(func(tx *store.Tx, i importer.Import) error {
		s, err := sheet.Look(again, i.Format, sheet.Standard, nil)
		if err != nil {
			return err
		}
		return importer.Check(tx, i.ID, i.Version, s)
	})
	step(func(tx *store.Tx, i importer.Import) error { return importer.Map(tx, i.ID, i.Version, i.Mapping) })
	step(func(tx *store.Tx, i importer.Import) error {
		return importer.Tell(tx, i.ID, i.Version, importer.Origin{Kind: importer.Site, Where: "our site", Basis: "consent", From: "2026-01-01", To: "2026-06-30"})
	})
	step(func(tx *store.Tx, i importer.Import) error {
		to, err := list.EnsureNamed(tx, "Newsletter", f.list)
		if err != nil {
			return err
		}
		return importer.Choose(tx, i.ID, i.Version, importer.Choice{List: to, Options: importer.Options{Existing: importer.Fill}, Declare: true})
	})
	step(func(tx *store.Tx, i importer.Import) error { return importer.Begin(tx, i.ID, true) })
}

func (f *file) command() *exec.Cmd {
	return f.n.command("import", "--account", fmt.Sprint(f.n.account), "--list", f.list, "--source", "site", "--where", "our site", "--basis", "consent", "--purpose", "Newsletter",
		"--collected", "2026-01-01..2026-06-30", "--json", f.path)
}

// find is the import of this file, and how far it is; false when nothing was begun.
func (f *file) find() (out importer.Import, ok bool) {
	f.n.Helper()
	f.n.main(func(v *store.View) error {
		all, err := importer.All(v, 3)
		for _, i := range all {
			if i.Name == filepath.Base(f.path) {
				if ok && err == nil {
					err = fmt.Errorf("%s came in twice", i.Name)
				}
				out, ok = i, true
			}
		}
		return err
	})
	return out, ok
}

// through lets the file in without a break, and tells how long that took. The server is running.
func (f *file) through() time.Duration {
	f.n.Helper()
	began := time.Now()
	if f.task != 0 {
		f.n.until("the import is done", f.done)
		return time.Since(began)
	}
	out, err := f.command().Output()
	must(f.n, err)
	var s importer.Summary
	must(f.n, json.Unmarshal(out, &s))
	return time.Since(began)
}

func (f *file) done() bool {
	i, ok := f.find()
	if i.State == importer.Failed {
		f.n.Fatalf("%s failed: %s", i.Name, i.Fault)
	}
	return ok && i.State == importer.Done
}

// broken lets the file in and breaks off, again and again at a random moment, until it is in; at
// most so many times. The server is running before and after.
func (f *file) broken(most int, about time.Duration, hard bool) {
	n := f.n
	n.Helper()
	end := func() {
		f.breaks++
		if hard {
			n.kill()
		} else {
			n.stop()
		}
	}
	for ; f.breaks < most && !f.done(); n.start() {
		moment := time.Duration(n.rand.Int64N(int64(about)))
		if f.task != 0 {
			time.Sleep(moment)
			end()
			n.tasks()
			continue
		}
		c := f.command()
		must(n, c.Start())
		time.Sleep(moment)
		if n.dialect == "sqlite" { // the server does it
			end()
			c.Wait()
			continue
		}
		// With PostgreSQL the command does it itself; every third time the server goes first.
		if n.rand.IntN(3) == 0 {
			end()
		} else {
			n.stop()
			f.breaks++
		}
		if hard {
			c.Process.Kill()
			n.kills++
		} else {
			n.stops++
			late := time.AfterFunc(within, func() { c.Process.Kill() })
			c.Process.Signal(syscall.SIGTERM)
			defer late.Stop()
		}
		if err := c.Wait(); !hard && err != nil && c.ProcessState.ExitCode() != 130 {
			n.Errorf("a command that was asked to stop ended with %v", err)
		}
	}
	if !f.done() {
		f.through()
	}
}

// tasks lets the leases of tasks that a dead process held come to their end: where one process
// alone works on a database they end at its start; where several may, after half a minute,
// which the test doesn't wait for.
func (n *node) tasks() {
	n.Helper()
	if n.dialect != "postgres" {
		return
	}
	ctx := context.Background()
	c, err := pgx.Connect(ctx, n.flags["database_url"])
	must(n, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "UPDATE task SET beat_at = 1 WHERE state IN ('queued', 'running')")
	must(n, err)
}

var (
	rowsOf = store.Account("test.import_rows", `SELECT c.id, c.email_norm, c.name, CAST(c.attributes AS {text}) AS attributes, c.state, e.kind, e.verdict, e.state AS stands, e.grade, e.import_row,
		CASE WHEN e.occurred_at = e.recorded_at THEN 0 ELSE e.occurred_at END AS occurred_at
		FROM consent_event e JOIN contact c ON c.account_id = :account AND c.id = e.contact_id WHERE e.account_id = :account AND e.import_id = ? AND e.contact_id > ? ORDER BY e.contact_id, e.seq LIMIT ?`)
	peopleAt = store.Account("test.people_at", `SELECT count(*) FROM contact c WHERE c.account_id = :account AND c.email_norm LIKE ?`)
)

// left is what an import leaves: its report, people with what they said, refused rows. Names of
// this file's own are taken out, so that two files can be compared.
func (f *file) left() (out []string) {
	f.n.Helper()
	i, ok := f.find()
	if !ok || i.State != importer.Done {
		f.n.Fatalf("%s is not in: %s", f.path, i.State)
	}
	s := importer.Summarise(i)
	s.Import, s.List, s.WaitsUntil = 0, 0, ""
	if s.Rows != s.New+s.Known+s.Refused+s.Duplicates || s.Refused == 0 || s.Duplicates == 0 || s.Left == 0 || s.Grades["B"] == 0 || s.Grades["D"] == 0 {
		f.n.Errorf("the report does not add up, or lacks something: %+v", s)
	}
	type row struct {
		ID                                                               int64
		EmailNorm, Name, Attributes, State, Kind, Verdict, Stands, Grade string
		ImportRow                                                        int64
		OccurredAt                                                       legalclock.Moment
	}
	f.n.main(func(v *store.View) error {
		people, err := store.One[int64](v, peopleAt, "%@"+f.domain)
		if err != nil {
			return err
		}
		out = append(out, fmt.Sprintf("%+v", s), fmt.Sprint(people, " people"))
		const page = 5000
		for last := int64(0); ; {
			rows, err := store.All[row](v, rowsOf, i.ID, last, page)
			if err != nil {
				return err
			}
			for _, r := range rows {
				last, r.ID = r.ID, 0
				r.EmailNorm = strings.ReplaceAll(r.EmailNorm, f.domain, "…")
				out = append(out, fmt.Sprintf("%+v", r))
			}
			if len(rows) < page {
				break
			}
		}
		for after := int64(-1); ; {
			notes, err := importer.Notes(v, i.ID, after, page)
			if err != nil {
				return err
			}
			for _, m := range notes {
				after = m.Seq
				m.Seq = 0
				out = append(out, strings.ReplaceAll(fmt.Sprintf("%+v", m), f.domain, "…"))
			}
			if len(notes) < page {
				return nil
			}
		}
	})
	slices.Sort(out)
	return out
}

// differ tells the first difference.
func differ(got, want []string) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Sprintf("line %d of %d/%d\ngot  %s\nwant %s", i, len(got), len(want), append(got, "")[min(i, len(got))], want[i])
		}
	}
	return fmt.Sprintf("%d lines too many, such as %s", len(got)-len(want), got[len(want)])
}

// fileRows makes five batches.
const fileRows = 9000

// A file that is broken off anywhere ends as one that is not: the same people, events, grades,
// refused rows and report, each row once. It comes in by the command, through the owner's socket
// on SQLite, and as a task of the pages.
func TestAKilledImportEndsAsIfItHadNotBeen(t *testing.T) { importing(t, true, 3, 110) }

// The same for a process that is asked to stop: it does so in time.
func TestAnImportAskedToStopEndsInTimeAndGoesOn(t *testing.T) { importing(t, false, 1, 30) }

func importing(t *testing.T, hard bool, few, many int) {
	each(t, func(t *testing.T, n *node) {
		trials, files := kills(few, many), 0
		whole := map[bool][]string{}
		about := map[bool]time.Duration{}
		for _, task := range []bool{false, true} {
			f := n.file(files, fileRows, task)
			n.start()
			about[task] = f.through()
			whole[task] = f.left()
			n.stop()
			files++
		}
		if !reflect.DeepEqual(whole[false], whole[true]) {
			t.Fatalf("the command and the task leave different things: %s", differ(whole[false], whole[true]))
		}
		n.kills, n.stops = 0, 0
		for breaks := 0; breaks < trials; files++ {
			f := n.file(files, fileRows, files%2 == 1)
			n.start()
			f.broken(trials-breaks, about[f.task != 0], hard)
			breaks += f.breaks
			n.stop()
			if got := f.left(); !reflect.DeepEqual(got, whole[false]) {
				t.Fatalf("%s after %d breaks: %s", f.path, f.breaks, differ(got, whole[false]))
			}
		}
		n.whole()
		how := fmt.Sprintf("%d kills", n.kills)
		if !hard {
			how = fmt.Sprintf("%d stops, each within %s", n.stops, within)
		}
		summary.add(t, "%s in %d files of %d rows: the same people, events, grades, refused rows and report; lost 0, twice 0", how, files-2, fileRows)
	})
}
