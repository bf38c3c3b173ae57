// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/xuri/excelize/v2"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/importer"
	"consend/internal/people/list"
	"consend/internal/team/account"
)

// An import of a file as other tools export it: each row with its moment and form, so that
// every person gets an evidence grade, an event in the ledger and a member in the trace.
var importRows = Work{
	Name: "import", What: "CSV rows into people with their consent evidence, traced; the floor keeps two tables and proves nothing", N: 1_000_000,
	Goal: map[string]float64{"sqlite": 0.6, "postgres": 0.9},
	Variants: []Variant{
		{"floor", floorImport},
		{"one writer", func(ctx context.Context, e Env) (Result, error) { return ourImport(ctx, e, 1, 0) }},
	},
}

var importTwo = Work{
	Name: "import-two", What: "the same, with moment, IP address and form in every row, by two writers", N: 1_000_000, Dialects: []string{"postgres"},
	Goal: map[string]float64{"postgres": 1.4},
	Variants: []Variant{
		{"floor", floorEvidence},
		{"two writers", func(ctx context.Context, e Env) (Result, error) { return ourFile(ctx, e, evidenced, 2, 0) }},
	},
}

var importBeside = Work{
	Name: "import-beside", What: "the same, with moment, IP address and form in every row, with 200 sign-ups a second beside it; p50 and p99 are theirs; goal: p99 under 100 ms", N: 1_000_000,
	Goal: map[string]float64{"sqlite": 0.4, "postgres": 0.4},
	Variants: []Variant{
		{"floor", floorEvidence},
		{"beside", func(ctx context.Context, e Env) (Result, error) { return ourFile(ctx, e, evidenced, 1, 200) }},
	},
}

// The same with the Internet address of each yes, which is sealed under the person's own key.
var importEvidence = Work{
	Name: "import-evidence", What: "the same with moment, IP address and form in every row; the floor keeps the IP address in clear, in a third table", N: 1_000_000,
	Goal: map[string]float64{"sqlite": 0.6, "postgres": 0.9},
	Variants: []Variant{
		{"floor", floorEvidence},
		{"evidence", func(ctx context.Context, e Env) (Result, error) { return ourFile(ctx, e, evidenced, 1, 0) }},
	},
}

// Memory must not grow with the file: the peaks of the two stand beside each other.
var importFlat = Work{
	Name: "import-flat", What: "rows with evidence; memory: the peak of the whole file beside that of a tenth of it", N: 1_000_000,
	Goal: map[string]float64{"sqlite": 0.6, "postgres": 0.6},
	Variants: []Variant{
		{"a tenth", func(ctx context.Context, e Env) (Result, error) {
			e.N = max(1, e.N/10)
			return ourFile(ctx, e, evidenced, 1, 0)
		}},
		{"the whole", func(ctx context.Context, e Env) (Result, error) { return ourFile(ctx, e, evidenced, 1, 0) }},
	},
}

// The same people in a workbook: read from where it lies, each sheet unpacked while it is read.
var importBook = Work{
	Name: "import-xlsx", What: "the same rows from an .xlsx; the floor is our own import of the CSV", N: 500_000,
	Goal: map[string]float64{"sqlite": 0.5, "postgres": 0.5},
	Variants: []Variant{
		{"csv", func(ctx context.Context, e Env) (Result, error) { return ourImport(ctx, e, 1, 0) }},
		{"xlsx", func(ctx context.Context, e Env) (Result, error) { return ourFile(ctx, e, workbook, 1, 0) }},
	},
}

// evidenced writes people with the address their yes came from.
func evidenced(e Env) (string, error) {
	return rewrite(e, "evidence.csv", func(out io.Writer, row int, cells []string) error {
		ip := "OPTIN_IP"
		if row > 0 {
			ip = fmt.Sprintf("203.0.%d.%d", row>>8&0xff, row&0xff)
		}
		_, err := fmt.Fprintln(out, strings.Join(append(cells, ip), ","))
		return err
	})
}

func rewrite(e Env, to string, line func(out io.Writer, row int, cells []string) error) (string, error) {
	from, err := people(e)
	if err != nil {
		return "", err
	}
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	name := filepath.Join(e.Dir, to)
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	s := bufio.NewScanner(in)
	for row := 0; s.Scan(); row++ {
		if err := line(w, row, strings.Split(s.Text(), ",")); err != nil {
			return "", err
		}
	}
	return name, errors.Join(s.Err(), w.Flush(), f.Close())
}

// workbook writes people as another program saves them.
func workbook(e Env) (string, error) {
	book := excelize.NewFile()
	defer book.Close()
	sheet, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		return "", err
	}
	_, err = rewrite(e, "none", func(_ io.Writer, row int, cells []string) error {
		values := make([]any, len(cells))
		for i, c := range cells {
			values[i] = c
			if n, err := strconv.Atoi(c); err == nil {
				values[i] = n
			}
		}
		at, err := excelize.CoordinatesToCellName(1, row+1)
		if err != nil {
			return err
		}
		return sheet.SetRow(at, values)
	})
	if err != nil {
		return "", err
	}
	name := filepath.Join(e.Dir, "people.xlsx")
	return name, errors.Join(sheet.Flush(), book.SaveAs(name))
}

// people writes the file of a run: made-up people at example domains, in random order.
func people(e Env) (string, error) {
	name := filepath.Join(e.Dir, "people.csv")
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	cities := []string{"Lyon", "Nantes", "Bruxelles", "Évry", "Lille", "Namur"}
	fmt.Fprintln(w, "EMAIL,PRENOM,NOM,VILLE,POINTS,ANNIVERSAIRE,OPTIN_TIME,FORMULAIRE")
	for _, i := range r.Perm(int(e.N)) {
		fmt.Fprintf(w, "first.last%07d@example%d.org,Prénom%d,Nom%d,%s,%d,19%02d-0%d-1%d,2024-0%d-1%d 10:%02d:%02d,https://www.example.org/inscription\n",
			i, i%97, i%5000, i%9000, cities[i%len(cities)], i%1000, 40+i%60, 1+i%9, i%10, 1+i%9, i%10, i%60, i%59)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return name, f.Close()
}

func ourImport(ctx context.Context, e Env, writers int, beside int) (Result, error) {
	return ourFile(ctx, e, people, writers, beside)
}

func ourFile(ctx context.Context, e Env, write func(Env) (string, error), writers int, beside int) (Result, error) {
	name, err := write(e)
	if err != nil {
		return Result{}, err
	}
	h, err := e.Open(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	root := actor.Actor{Kind: actor.Command, Name: "bench"}
	id, err := account.Create(ctx, h.Main, h.Ring, root, account.New{Details: account.Details{Name: "Bench", Postal: "1 rue", Country: "FR"}})
	if err != nil {
		return Result{}, err
	}
	who := root.In(id)
	o := order(name)
	o.Writers = writers
	stop := visitors(ctx, h.Main, id, beside)
	m := Start()
	s, err := importer.Run(ctx, h.Main, who, o, nil)
	r := m.Stop(s.Rows)
	took := stop()
	if err != nil {
		return r, err
	}
	if s.Grades["B"] != e.N || s.State != importer.Done {
		return r, fmt.Errorf("not every row has its evidence: %+v", s)
	}
	return r.Latencies(took), nil
}

// order is how the file of a run comes in.
func order(name string) importer.Order {
	return importer.Order{Name: filepath.Base(name), Open: func() (io.ReadCloser, error) { return os.Open(name) }, List: "News", Purpose: "Newsletter",
		Kind: importer.Site, Basis: consent.ByConsent, From: "2024-01-01", To: "2024-12-31"}
}

// visitors signs people up beside the import, so many a second: a person, a request and a
// confirmation in one act, as a form without a mailbox to wait for.
func visitors(ctx context.Context, db *store.DB, acct int64, perSecond int) (stop func() []time.Duration) {
	if perSecond == 0 {
		return func() []time.Duration { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	who := actor.Actor{Kind: actor.Subject, Account: acct, Request: "bench"}
	var to int64
	_ = db.Write(ctx, actor.Worker("bench", acct), func(tx *store.Tx) (err error) {
		to, err = list.EnsureNamed(tx, "Newsletter", "News")
		return err
	})
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			all.Go(func() {
				began := time.Now()
				err := db.Write(context.WithoutCancel(ctx), who, func(tx *store.Tx) error {
					rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("visitor" + strconv.Itoa(n) + "@example.net"), Source: "form"}})
					if err != nil {
						return err
					}
					_, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: to, Kind: consent.Accept, Source: "form", Method: "form", Row: rows[0]}})
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					took = append(took, time.Since(began))
				}
			})
		}
	})
	return func() []time.Duration { cancel(); all.Wait(); return took }
}
