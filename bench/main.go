// SPDX-License-Identifier: AGPL-3.0-or-later

// Command bench measures Consend beside a floor of the same shape: the least work any program
// would do for the same result, on the same database, disk and machine, in the same run.
//
//	make bench                       every work, on every database there is
//	make bench WHAT="import trace"   some of them; N=100000 changes how many items
//
// Each measured run is a process of its own on empty databases, so that memory and processor
// time are its own. Runs of ours and of the floor take turns (A B A B A B); what is printed is
// the median of three, and the ratio of the medians. Absolute figures belong to the machine;
// ratios travel. Nothing here is a test: no figure fails a build.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Work is one thing that is measured.
type Work struct {
	Name     string
	What     string // one line: what an item is
	N        int64  // items in a run
	Goal     map[string]float64
	Variants []Variant // the floor first; the ratio is each other variant to it
	Dialects []string  // empty: both
}

// Variant is one way to do the work.
type Variant struct {
	Name string
	Run  func(ctx context.Context, e Env) (Result, error)
}

// Env is where a run works: empty databases and a folder of its own.
type Env struct {
	N       int64
	Dialect string            // sqlite or postgres
	Dir     string            // removed afterwards
	URLs    map[string]string // main, keys, archive, and floor for the floor's own tables
}

// Result is what a run measured. The harness adds processor time and memory of the process.
type Result struct {
	Items   int64         `json:"items"`
	Took    time.Duration `json:"took"`   // of the work alone, without set-up
	CPU     time.Duration `json:"cpu"`    // user and system, of the work alone
	Server  time.Duration `json:"server"` // the same of PostgreSQL's processes; 0 where they can't be seen
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	PeakRSS int64         `json:"peak_rss"` // KiB, of the whole process
	More    []Figure      `json:"more,omitempty"`
}

// Figure is a further number with its name.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// works is everything that can be measured; each file of this folder makes one.
var works = []Work{
	signup8, signup32, signupBig, signupRelay,
	traceAct, traceSet, traceSeal,
	importRows, importTwo, importBeside, importEvidence, importFlat, importBook,
	segmentCount, contactTable,
	campaignSend, campaignSigned, campaignFreeze,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == "sink" {
		if err := sink(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 6 && os.Args[1] == "run" {
		if err := child(ctx, os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := parent(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parent(ctx context.Context, names []string) error {
	dialects := []string{"sqlite"}
	if os.Getenv("CONSEND_BENCH_POSTGRES") != "" {
		dialects = append(dialects, "postgres")
	}
	for _, n := range names {
		if !slices.ContainsFunc(works, func(w Work) bool { return w.Name == n }) {
			return fmt.Errorf("no work is called %q", n)
		}
	}
	for _, w := range works {
		if len(names) > 0 && !slices.Contains(names, w.Name) {
			continue
		}
		if n, err := strconv.ParseInt(os.Getenv("N"), 10, 64); err == nil && n > 0 {
			w.N = n
		}
		for _, d := range dialects {
			if len(w.Dialects) > 0 && !slices.Contains(w.Dialects, d) {
				continue
			}
			if err := compare(ctx, w, d); err != nil {
				return fmt.Errorf("%s on %s: %w", w.Name, d, err)
			}
		}
	}
	return nil
}

const rounds = 3

func compare(ctx context.Context, w Work, dialect string) error {
	fmt.Printf("\n%s on %s, %d items, median of %d: %s\n", w.Name, dialect, w.N, rounds, w.What)
	got := map[string][]Result{}
	for range rounds {
		for _, v := range w.Variants {
			r, err := spawn(ctx, w, v.Name, dialect)
			if err != nil {
				return err
			}
			got[v.Name] = append(got[v.Name], r)
		}
	}
	floor := 0.0
	for i, v := range w.Variants {
		rs := got[v.Name]
		rate := median(rs, func(r Result) float64 { return float64(r.Items) / r.Took.Seconds() })
		low, high := rs[0], rs[0]
		for _, r := range rs {
			if perSecond(r) < perSecond(low) {
				low = r
			}
			if perSecond(r) > perSecond(high) {
				high = r
			}
		}
		line := fmt.Sprintf("  %-14s %10.0f/s (%.0f–%.0f)  cpu %6.1f µs/item  peak RSS %4.0f MiB", v.Name, rate, perSecond(low), perSecond(high),
			median(rs, func(r Result) float64 { return float64(r.CPU.Microseconds()) / float64(r.Items) }),
			median(rs, func(r Result) float64 { return float64(r.PeakRSS) / 1024 }))
		if rs[0].Server > 0 {
			line += fmt.Sprintf("  PostgreSQL %5.1f µs/item", median(rs, func(r Result) float64 { return float64(r.Server.Microseconds()) / float64(r.Items) }))
		}
		if rs[0].P99 > 0 {
			line += fmt.Sprintf("  p50 %.2f ms  p99 %.2f ms", median(rs, func(r Result) float64 { return r.P50.Seconds() * 1000 }),
				median(rs, func(r Result) float64 { return r.P99.Seconds() * 1000 }))
		}
		for k, f := range rs[0].More {
			line += fmt.Sprintf("  %s %.4g", f.Name, median(rs, func(r Result) float64 {
				if k < len(r.More) {
					return r.More[k].Value
				}
				return 0
			}))
		}
		if i == 0 {
			floor = rate
		} else if floor > 0 {
			line += fmt.Sprintf("  ratio %.2f", rate/floor)
			if g := w.Goal[dialect]; g > 0 {
				line += fmt.Sprintf(" (goal %.2f)", g)
			}
		}
		fmt.Println(line)
	}
	return nil
}

func perSecond(r Result) float64 { return float64(r.Items) / r.Took.Seconds() }

func median(rs []Result, of func(Result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = of(r)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// spawn runs one variant in a process of its own.
func spawn(ctx context.Context, w Work, variant, dialect string) (Result, error) {
	self, err := os.Executable()
	if err != nil {
		return Result{}, err
	}
	cmd := exec.CommandContext(ctx, self, "run", w.Name, variant, dialect, strconv.FormatInt(w.N, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", variant, err)
	}
	var r Result
	if err := json.Unmarshal(bytes.TrimSpace(out), &r); err != nil {
		return Result{}, fmt.Errorf("%s: %w: %s", variant, err, out)
	}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.PeakRSS = u.Maxrss
	}
	if r.Took <= 0 || r.Items <= 0 {
		return Result{}, errors.New(variant + ": measured nothing")
	}
	return r, nil
}

func child(ctx context.Context, name, variant, dialect, n string) error {
	i := slices.IndexFunc(works, func(w Work) bool { return w.Name == name })
	if i < 0 {
		return fmt.Errorf("no work is called %q", name)
	}
	k := slices.IndexFunc(works[i].Variants, func(v Variant) bool { return v.Name == variant })
	if k < 0 {
		return fmt.Errorf("no variant is called %q", variant)
	}
	count, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(os.Getenv("CONSEND_BENCH_DIR"), "consend-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e := Env{N: count, Dialect: dialect, Dir: dir, URLs: map[string]string{}}
	drop, err := e.databases(ctx)
	if err != nil {
		return err
	}
	defer drop()
	r, err := works[i].Variants[k].Run(ctx, e)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// Meter measures the work between its start and Stop. CONSEND_BENCH_PROFILE=FILE keeps its processor profile too.
type Meter struct {
	began       time.Time
	cpu, server time.Duration
	profile     *os.File
}

// Start begins to measure.
func Start() (m Meter) {
	if name := os.Getenv("CONSEND_BENCH_PROFILE"); name != "" {
		if f, err := os.Create(name); err == nil && pprof.StartCPUProfile(f) == nil {
			m.profile = f
		}
	}
	m.began, m.cpu, m.server = time.Now(), processor(), server()
	return m
}

// Stop gives the measured part of a Result.
func (m Meter) Stop(items int64) Result {
	r := Result{Items: items, Took: time.Since(m.began), CPU: processor() - m.cpu, Server: server() - m.server}
	if m.profile != nil {
		pprof.StopCPUProfile()
		m.profile.Close()
	}
	return r
}

// server is the processor time of PostgreSQL so far: of the process that CONSEND_BENCH_PGPID
// names, its children, and those of them that ended. Linux tells; elsewhere it is 0.
func server() time.Duration {
	root := os.Getenv("CONSEND_BENCH_PGPID")
	if root == "" {
		return 0
	}
	ticks := int64(0)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		_, rest, _ := strings.Cut(string(b), ") ") // the name before it may hold anything
		f := strings.Fields(rest)                  // from the third field on: proc(5)
		if len(f) < 15 {
			continue
		}
		own := name == "/proc/"+root+"/stat"
		if !own && f[1] != root {
			continue
		}
		for i := 11; i < 15; i++ { // utime, stime, and those of ended children
			if n, err := strconv.ParseInt(f[i], 10, 64); err == nil && (i < 13 || own) {
				ticks += n
			}
		}
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}

// Latencies sets the 50th and 99th percentile.
func (r Result) Latencies(all []time.Duration) Result {
	if len(all) > 0 {
		slices.Sort(all)
		r.P50, r.P99 = all[len(all)/2], all[min(len(all)-1, len(all)*99/100)]
	}
	return r
}

func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
