// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/actor"
	"consend/internal/ground/datamap"
	"consend/internal/ground/store"
	"consend/internal/testhouse"
)

// The n-th statement of every verb that changes something is made to fail, for every n (design,
// "one way to write": all of it or nothing). Three copies of one house go the same way: the
// first is never disturbed; in the second every statement fails once before the verb comes
// through; in the third the verb is run again from the start, as after a conflict. After each
// verb the three hold the same.

// act is one verb with its arguments, or a verb that has transactions of its own.
type act struct {
	name  string
	who   actor.Actor
	tx    func(tx *store.Tx) error
	own   func(ctx context.Context, who actor.Actor) error
	late  bool   // it puts off what fails, for later: only run again here
	steps bool   // what earlier steps did may stay after a fault: done again, it goes on there
	purge string // tx runs in db.Purge under this rule
	after time.Duration
}

var errFault = errors.New("the disk is gone")
var errBack = errors.New("only tried")

// fault fails the n-th statement in any of the three stores.
type faultAt struct {
	n, fail atomic.Int64
	kind    error
	hit     atomic.Bool
	query   atomic.Value
	seen    *sync.Map // names of what ran
}

func (f *faultAt) set(h *app.House, fail int64, kind error) {
	f.n.Store(0)
	f.fail.Store(fail)
	f.kind = kind
	f.hit.Store(false)
	hook := func(q string) error {
		if strings.HasPrefix(q, "store.") { // a lease of ids is the store's own
			return nil
		}
		if f.seen != nil {
			f.seen.Store(q, true)
		}
		if f.n.Add(1) != f.fail.Load() {
			return nil
		}
		f.hit.Store(true)
		f.query.Store(q)
		return f.kind
	}
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		db.SetHook(hook)
	}
}

func (f *faultAt) clear(h *app.House) {
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		db.SetHook(nil)
	}
}

// do runs an act; tried runs it and takes it back, which only a verb without own transactions can.
func (r *run) do(a act, tried bool) error {
	ctx := context.Background()
	if a.own != nil {
		return a.own(ctx, a.who)
	}
	fn := func(tx *store.Tx) error {
		err := a.tx(tx)
		if err == nil {
			err = tx.Flush()
		}
		if err == nil && tried {
			err = errBack
		}
		return err
	}
	if a.purge != "" {
		return r.Main.Purge(ctx, a.who, a.purge, fn)
	}
	return r.Main.Write(ctx, a.who, fn)
}

func TestAFaultAtAnyStatementOfAnyVerbLeavesNothing(t *testing.T) {
	for _, dialect := range dialects(t) {
		t.Run(dialect, func(t *testing.T) {
			p := prepare(t, dialect)
			var houses []*run
			for range 3 {
				houses = append(houses, newRun(t, p.copy(t, &testhouse.Clock{})))
			}
			whole, failing, again := houses[0], houses[1], houses[2]
			verbs, statements, seen := 0, int64(0), &sync.Map{}
			scripts := [][]act{whole.script(), failing.script(), again.script()}
			for i, a := range scripts[0] {
				for _, r := range houses {
					r.clock.Advance(time.Second + a.after)
				}
				n := whole.undisturbed(t, a, seen)
				failing.disturbed(t, scripts[1][i], n)
				again.replayed(t, scripts[2][i], n)
				if t.Failed() {
					return // what follows stands on it
				}
				verbs, statements = verbs+1, statements+n
				var moved []string
				for _, r := range houses {
					moved = append(moved, r.moved(t)...)
				}
				slices.Sort(moved)
				moved = slices.Compact(moved)
				want := whole.picture(t, moved)
				for r, how := range map[*run]string{failing: "a fault at each statement", again: "running again"} {
					for table, rows := range r.picture(t, moved) {
						if !slices.Equal(rows, want[table]) {
							t.Errorf("%s: after %s %s holds something else: %s", a.name, how, table, difference(want[table], rows))
						}
					}
				}
				if t.Failed() {
					return
				}
			}
			everyWrite(t, seen)
			t.Logf("%d verbs, %d statements", verbs, statements)
		})
	}
}

// notHere are the statements that write and are not part of the script.
var notHere = map[string]string{
	// A sending has a test of its own kind (internal/sending/campaign), and tests of kills.
	"campaign.defer": sending, "campaign.doubtful": sending, "campaign.doubtful_all": sending, "campaign.free_node": sending, "campaign.freeze_step": sending,
	"campaign.give_back": sending, "campaign.hold_people": sending, "campaign.leave_out": sending, "campaign.rebase": sending, "campaign.reopen": sending,
	"campaign.set_hold": sending, "message.doubt": sending, "relay.set_rate": sending, "relay.cap_mailbox": sending, "relay.old_mailbox": sending,
	"form.asked_now": "with the mail that asks; the sending of service mail goes on where it was (internal/sending/transactional)",
	// The beginning of a house is another house's; each of these is one transaction by itself.
	"keys.make_secret": first, "login.add_setup": first, "login.drop_setup": first, "login.use_setup": first,
	"store.identify": first, "trace.make_head": first,
	"keys.end_account": "accounts don't end yet", "keys.end_sheets": "accounts don't end yet",
	"contact.begin_keeping": "limits from before moments were kept",
	"form.drop_shut":        periodic, "form.reminded_now": periodic,
	"importer.set_failed": "an import that breaks off (internal/people/importer)",
	"login.seen":          "notes the last use beside the page; lost without harm", "login.set_step": "the step of an app's code (internal/team/login)",
	"store.lease_ids": "the store's own", "store.skip_ids": "the store's own",
	// Coming back from a copy (internal/duty/restore, internal/trace).
	"refusal.add_replayed": restored, "refusal.outside": restored, "trace.drop_beyond": restored, "trace.put_lost": restored, "trace.put_restore": restored,
}

const (
	periodic = "a periodic step, all of it one transaction (internal/people/form)"
	sending  = "while a campaign or service mail is sent"
	first    = "the first start of a house"
	restored = "while a house comes back from a copy"
)

// everyWrite holds what ran against the list of all statements: a verb that nobody put into the
// script shows by what it would have written.
func everyWrite(t *testing.T, seen *sync.Map) {
	t.Helper()
	for _, q := range store.Named() {
		word, _, _ := strings.Cut(strings.TrimSpace(q.Text()), " ")
		if word = strings.ToUpper(word); word == "SELECT" || word == "WITH" {
			continue
		}
		_, ran := seen.Load(q.Name())
		switch _, listed := notHere[q.Name()]; {
		case !ran && !listed:
			t.Errorf("no act of the script runs %s", q.Name())
		case ran && listed && q.Name() != "relay.cap_mailbox": // it runs for one mail in 64, by the mail's number
			t.Errorf("%s is run after all", q.Name())
		}
	}
}

// undisturbed runs an act and counts its statements.
func (r *run) undisturbed(t *testing.T, a act, seen *sync.Map) int64 {
	t.Helper()
	r.fault.seen = seen
	defer func() { r.fault.seen = nil }()
	r.fault.set(r.House, 0, nil)
	defer r.fault.clear(r.House)
	if err := r.do(a, false); err != nil {
		t.Fatalf("%s: %v", a.name, err)
	}
	if r.fault.n.Load() == 0 {
		t.Fatalf("%s took no statement", a.name)
	}
	return r.fault.n.Load()
}

// disturbed fails each statement of an act, and then lets it through.
func (r *run) disturbed(t *testing.T, a act, most int64) {
	t.Helper()
	defer r.fault.clear(r.House)
	if a.late {
		if err := r.do(a, false); err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		return
	}
	before := r.hash(t)
	for n := int64(1); ; n += r.each() {
		if n > 2*most+40 {
			t.Fatalf("%s never comes through", a.name)
		}
		r.fault.set(r.House, n, errFault)
		err := r.do(a, true)
		r.fault.clear(r.House)
		hit := r.fault.hit.Load()
		if hit && err == nil && !a.steps {
			t.Errorf("%s tells nothing of a fault at statement %d, %s", a.name, n, r.fault.query.Load())
		}
		if hit && err != nil && !errors.Is(err, errFault) && !a.steps {
			t.Errorf("%s, statement %d, %s: %v", a.name, n, r.fault.query.Load(), err)
		}
		if a.own != nil && !a.steps && hit {
			r.same(t, before, fmt.Sprintf("%s: a fault at statement %d, %s,", a.name, n, r.fault.query.Load()))
		}
		if t.Failed() {
			return
		}
		if hit {
			continue
		}
		if a.own != nil {
			if err != nil {
				t.Fatalf("%s: %v", a.name, err)
			}
			return
		}
		if !errors.Is(err, errBack) {
			t.Fatalf("%s: %v", a.name, err)
		}
		break
	}
	r.same(t, before, a.name+": a fault at one of its statements")
	if err := r.do(a, false); err != nil {
		t.Fatalf("%s, after the faults: %v", a.name, err)
	}
}

// replayed has an act run again from the start: in its middle, at its end; a verb without own
// transactions at each of its statements.
func (r *run) replayed(t *testing.T, a act, most int64) {
	t.Helper()
	each := r.each()
	defer r.fault.clear(r.House)
	if a.own == nil {
		for n := int64(1); n < most; n += each {
			r.fault.set(r.House, n, store.ErrAgain)
			if err := r.do(a, true); !errors.Is(err, errBack) {
				t.Fatalf("%s, run again at statement %d, %s: %v", a.name, n, r.fault.query.Load(), err)
			}
		}
	}
	r.fault.set(r.House, most, store.ErrAgain)
	if err := r.do(a, false); err != nil {
		t.Fatalf("%s, run again at its end: %v", a.name, err)
	}
}

// each is at which statements an act fails. What they are doesn't hang on the database: on the second
// one it is every third, and all in long runs.
func (r *run) each() int64 {
	if r.pg != nil && os.Getenv("CONSEND_TEST_SOAK") == "" {
		return 3
	}
	return 1
}

func (r *run) same(t *testing.T, before map[string]string, what string) {
	t.Helper()
	for table, sum := range r.hash(t) {
		if before[table] != sum {
			t.Errorf("%s changed %s", what, table)
		}
	}
}

// tables are all of main, but for the counter of ids, which goes on in any case, and what
// River keeps of itself.
func tables() (out []string) {
	for _, table := range app.DataMap().Tables(datamap.Main) {
		if table.Name == "counter" || table.Foreign && table.Name != "river_job" {
			continue
		}
		out = append(out, table.Name)
	}
	sort.Strings(out)
	return out
}

// moved are the tables that changed since it was asked last.
func (r *run) moved(t *testing.T) (out []string) {
	t.Helper()
	now := r.hash(t)
	for table, sum := range now {
		if r.stood[table] != sum {
			out = append(out, table)
		}
	}
	r.stood = now
	return out
}

// hash gives what changes with every table's rows: a hash of them; on PostgreSQL, where every
// row knows the transaction that wrote it, their number and the sum of those.
func (r *run) hash(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	if r.pg != nil {
		var all []string
		for _, name := range tables() {
			all = append(all, "SELECT '"+name+"', count(*) || ' ' || coalesce(sum(xmin::text::bigint), 0) FROM "+name)
		}
		rows, err := r.pg.Query(context.Background(), strings.Join(all, " UNION ALL "))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name, sum string
			if err := rows.Scan(&name, &sum); err != nil {
				t.Fatal(err)
			}
			out[name] = sum
		}
		return out
	}
	var version int64 // moves with every commit of another connection
	if err := r.lite.QueryRow("PRAGMA data_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if r.sums != nil && r.version == version {
		return r.sums
	}
	var b []byte
	for name, rows := range r.read(t, tables()) {
		var all []string
		for _, row := range rows {
			b = b[:0]
			for _, v := range row.values {
				switch x := v.(type) {
				case []byte:
					b = append(b, x...)
				case string:
					b = append(b, x...)
				case int64:
					b = strconv.AppendInt(b, x, 10)
				default:
					b = fmt.Append(b, x)
				}
				b = append(b, 0)
			}
			sum := sha256.Sum256(b)
			all = append(all, string(sum[:]))
		}
		sort.Strings(all)
		out[name] = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, ""))))
	}
	r.sums, r.version = out, version
	return out
}

type row struct {
	names  []string
	values []any
}

// read reads tables.
func (r *run) read(t *testing.T, tables []string) map[string][]row {
	t.Helper()
	out := map[string][]row{}
	if r.pg != nil {
		for _, name := range tables {
			rows, err := r.pg.Query(context.Background(), "SELECT * FROM "+name)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range rows.FieldDescriptions() {
				names = append(names, f.Name)
			}
			for rows.Next() {
				v, err := rows.Values()
				if err != nil {
					t.Fatal(err)
				}
				out[name] = append(out[name], row{names, v})
			}
			rows.Close()
		}
		return out
	}
	for _, name := range tables {
		rows, err := r.lite.Query("SELECT * FROM " + name)
		if err != nil {
			t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			v, to := make([]any, len(names)), make([]any, len(names))
			for i := range v {
				to[i] = &v[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			out[name] = append(out[name], row{names, v})
		}
		rows.Close()
	}
	return out
}

var number = regexp.MustCompile(`\d{8,}`)

// random are tokens, the end of a form’s address, and the selector of a domain's
// key; of a program's key, its last letters.
var random = regexp.MustCompile(`[A-Za-z0-9_/+=-]{20,}|au-comptoir-\w{4}|\bcs[0-9a-f]{8}\b|(?m:^tail \w{4}$)`)

// scriptIDs is where the ids of the script begin: above every other number of the house.
const scriptIDs = 10_000_000

// picture is what tables hold, without what is different each time: ids stand by their
// order, and what is random by its being there.
func (r *run) picture(t *testing.T, tables []string) map[string][]string {
	t.Helper()
	all := r.read(t, tables)
	set := r.ids // of all that was ever there: what stands in a table may have its row in another
	for _, rows := range all {
		for _, x := range rows {
			for i, n := range x.names {
				if v, ok := x.values[i].(int64); ok && v >= scriptIDs && v < 1e12 && (n == "id" || n == "claim" || n == "node" || n == "ref" || strings.HasSuffix(n, "_id")) {
					set[v] = true
				}
			}
		}
	}
	var ids []int64
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	place := map[string]string{}
	for i, id := range ids {
		place[strconv.FormatInt(id, 10)] = "#" + strconv.Itoa(i)
	}
	out := map[string][]string{}
	for name, rows := range all {
		for _, x := range rows {
			if apart[name] {
				break
			}
			var b strings.Builder
			for i, v := range x.values {
				fmt.Fprintf(&b, "%s=%s\x00", x.names[i], plainly(name+"."+x.names[i], v, place))
			}
			out[name] = append(out[name], b.String())
		}
		sort.Strings(out[name])
	}
	return out
}

// aside are columns whose values are random, tell of the machine's time, or of how often
// something was tried.
var aside = map[string]bool{
	"contact.key_sheet": true, "contact.key_slot": true, // where the next free key lay
	"key_end.sheet": true, "key_end.slot": true,
	"import.fence":         true,                                               // counts runs
	"apikey.tail":          true,                                               // random
	"task.beat_at":         true,                                               // the machine's time
	"attempt.count":        true,                                               // counts tries
	"mailbox_message.size": true, "blob.size": true, "proof_export.size": true, // grow with what is in them: ids, hashes
}

// apart are tables that two houses never hold alike; that a fault leaves nothing is seen in
// them as in others.
var apart = map[string]bool{
	"budget": true, // counts are spread over parts at random
}

func plainly(column string, v any, place map[string]string) string {
	if aside[column] {
		return "~"
	}
	switch x := v.(type) {
	case nil:
		return "-"
	case []byte:
		if len(x) == 0 {
			return "none"
		}
		return "bytes"
	case time.Time:
		return "time"
	case map[string]any, []any: // JSON, as PostgreSQL gives it: numbers as SQLite has them
		text, _ := json.Marshal(x)
		return plainly(column, string(text), place)
	case string:
		if len(x) > 2000 { // pages, designs
			return "long"
		}
		x = random.ReplaceAllString(x, "~")
		return number.ReplaceAllStringFunc(x, func(s string) string {
			if p, ok := place[s]; ok {
				return p
			}
			return s
		})
	}
	s := fmt.Sprint(v)
	if p, ok := place[s]; ok {
		return p
	}
	return s
}

// difference tells what of two sorted lists is not alike; of two rows, the columns.
func difference(want, got []string) string {
	in := func(s string, list []string) bool { _, ok := slices.BinarySearch(list, s); return ok }
	var more, less []string
	for _, s := range got {
		if !in(s, want) {
			more = append(more, s)
		}
	}
	for _, s := range want {
		if !in(s, got) {
			less = append(less, s)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows, not %d", len(got), len(want))
	for i := range max(len(more), len(less)) {
		switch {
		case i >= len(less):
			fmt.Fprintf(&b, "\n\t+ %.600s", more[i])
		case i >= len(more):
			fmt.Fprintf(&b, "\n\t- %.600s", less[i])
		default:
			is, was := strings.Split(more[i], "\x00"), strings.Split(less[i], "\x00")
			for k := range is {
				if is[k] != was[k] {
					fmt.Fprintf(&b, "\n\t%.300s, not %.300s", is[k], was[k])
				}
			}
		}
	}
	return b.String()
}

// connect opens a look past the store, at what is committed.
func (r *run) connect(t *testing.T) {
	t.Helper()
	if url := r.Config.Database.Raw(); url != "" {
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		r.pg = c
		return
	}
	db, err := sql.Open("sqlite", "file:"+r.Main.Path()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	r.lite = db
}
