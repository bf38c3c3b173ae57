// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	carrier "consend/internal/chain/processor"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/pii"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/mail/transport"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/sender"
	"consend/internal/sending/template"
	"consend/internal/team/account"
)

const (
	lanes     = 10
	batchSize = 200
)

// tenKB is the body: 10 kB of HTML with five values.
var tenKB = "<h1>Dear {{ contact.NAME }}</h1><p>{{ contact.CITY }}, {{ contact.EMAIL }}, {{ contact.COMPANY }}</p>\n" +
	strings.Repeat("<p>The quick brown fox jumps over the lazy dog, and then it rests in the shade.</p>\n", 115) +
	`<p><a href="https://shop.example/?member={{ contact.MEMBER }}">Your offers</a></p>`

var campaignSend = Work{
	Name: "campaign", What: "10 kB HTML, five values, the ways out, a ledger row each, 10 connections into a local sink; the floor claims, fills, sends 10 kB and marks, and nothing else; " +
		"floor-as-large sends messages as large as ours (footer and text part)", N: 100_000,
	Goal: map[string]float64{"postgres": 0.6, "sqlite": 0.4},
	Variants: []Variant{
		{"floor", func(ctx context.Context, e Env) (Result, error) { return floorSend(ctx, e, 0) }},
		{"floor-as-large", func(ctx context.Context, e Env) (Result, error) { return floorSend(ctx, e, 22_000) }},
		{"consend", func(ctx context.Context, e Env) (Result, error) { return ourSend(ctx, e, false) }},
	},
}

var campaignSigned = Work{
	Name: "campaign-dkim", What: "the same with our own RSA-2048 signature; the floor only signs 32 bytes, on every core", N: 4000,
	Goal: map[string]float64{"postgres": 0.85, "sqlite": 0.85},
	Variants: []Variant{
		{"floor", rawSigning},
		{"consend", func(ctx context.Context, e Env) (Result, error) { return ourSend(ctx, e, true) }},
	},
}

var campaignFreeze = Work{
	Name: "campaign-freeze", What: "putting people into the send ledger, alone and with 200 sign-ups a second beside it; p50 and p99 are the sign-ups'; goal p99 < 100 ms", N: 1_000_000,
	Variants: []Variant{
		{"alone", func(ctx context.Context, e Env) (Result, error) { return freezing(ctx, e, 0) }},
		{"with-sign-ups", func(ctx context.Context, e Env) (Result, error) { return freezing(ctx, e, 200) }},
	},
}

// freezing measures from the approval until everybody is in the ledger. The sending service is stopped, so that nothing
// is sent beside it.
func freezing(ctx context.Context, e Env, perSecond int) (Result, error) {
	p, err := prepared(ctx, e, "127.0.0.1:9")
	if err != nil {
		return Result{}, err
	}
	defer p.h.Close()
	var took []time.Duration
	stop, done := make(chan struct{}), make(chan error, 1)
	if perSecond > 0 {
		go func() { took, err = signups(ctx, p, perSecond, stop); done <- err }()
	} else {
		done <- nil
	}
	m := Start()
	c, err := p.approve(ctx, e.N)
	if err == nil {
		err = campaign.Freeze(ctx, p.h.Main, p.who, c)
	}
	r := m.Stop(e.N)
	close(stop)
	if e := <-done; err == nil {
		err = e
	}
	if err != nil {
		return Result{}, err
	}
	var n campaign.Counts
	err = p.h.Main.View(ctx, p.who, func(v *store.View) (err error) { n, err = campaign.Count(v, c); return err })
	if err == nil && n.Total() < e.N {
		err = fmt.Errorf("%d of %d are in the ledger", n.Total(), e.N)
	}
	return r.Latencies(took), err
}

// signups makes people who say yes, so many a second, and tells how long each act took from the moment it was due.
func signups(ctx context.Context, p *place, perSecond int, stop <-chan struct{}) (took []time.Duration, err error) {
	t := time.NewTicker(time.Second / time.Duration(perSecond))
	defer t.Stop()
	who := actor.Actor{Kind: actor.Subject, Account: p.who.Account}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := 0; ; i++ {
		select {
		case <-stop:
			all.Wait()
			return took, err
		case due := <-t.C:
			all.Go(func() {
				e := p.h.Main.Write(ctx, who, func(tx *store.Tx) error {
					rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must(fmt.Sprintf("new%d@example.net", i)), Source: "form"}})
					if err != nil {
						return err
					}
					_, err = consent.Apply(tx, []consent.Event{{Contact: rows[0].ID, List: p.list, Kind: consent.Accept, Source: "form", Row: rows[0]}})
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(due))
				if err == nil {
					err = e
				}
			})
		}
	}
}

func rawSigning(_ context.Context, e Env) (Result, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Result{}, err
	}
	var left atomic.Int64
	left.Store(e.N)
	var all sync.WaitGroup
	m := Start()
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				h := sha256.Sum256([]byte("x"))
				if _, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, h[:]); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	return m.Stop(e.N), nil
}

// place is a house ready to send: an account with a sending service, a list and its people.
type place struct {
	h    *House
	who  actor.Actor
	list int64
}

func prepared(ctx context.Context, e Env, addr string) (*place, error) {
	h, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	p := &place{h: h}
	h.Main.Attach(rulepack.NewBook(rulepack.Packs()))
	h.Main.Attach(&config.Site{URL: "https://mail.example.com", Host: "mail.example.com"})
	id, err := account.Create(ctx, h.Main, h.Ring, actor.Actor{Kind: actor.Command, Name: "bench"}, account.New{Details: account.Details{Name: "Bench", Postal: "1 Rue\n75001 Paris", Country: "FR", Language: "en"}})
	if err != nil {
		return nil, err
	}
	p.who = actor.Worker("bench", id)
	err = h.Main.Write(ctx, p.who, func(tx *store.Tx) (err error) {
		if p.list, err = list.EnsureNamed(tx, "News", "News"); err != nil {
			return err
		}
		if _, err = contact.EnsureAttributes(tx, []contact.Attribute{{Name: "CITY", Type: contact.TypeText}, {Name: "COMPANY", Type: contact.TypeText}, {Name: "MEMBER", Type: contact.TypeText}}); err != nil {
			return err
		}
		c, err := carrier.OurServer(tx, "Sink")
		if err == nil {
			_, err = relay.Add(tx, relay.New{Name: "Sink", Addr: addr, TLS: relay.NoTLS, Processor: c.ID, Lanes: lanes})
		}
		return err
	})
	if err == nil {
		err = populate(ctx, h.Main, p.who, p.list, e.N)
	}
	if err == nil {
		err = h.Main.Analyze(ctx, "contact", "subscription", "consent_event", "list", "suppression")
	}
	return p, err
}

func (p *place) approve(ctx context.Context, expected int64) (c int64, err error) {
	err = p.h.Main.Write(ctx, p.who, func(tx *store.Tx) error {
		from, err := sender.Ensure(tx, sender.New{Name: "Bench", Email: address.Must("news@example.com")})
		if err != nil {
			return err
		}
		if c, err = campaign.Make(tx, campaign.Words{Name: "Bench", Subject: "News for {{ contact.NAME }}", Kind: template.HTML, Body: tenKB}, from); err != nil {
			return err
		}
		if err = campaign.SetLists(tx, c, 0, []int64{p.list}, nil); err != nil {
			return err
		}
		return campaign.Approve(tx, c, 0, expected, 0)
	})
	return c, err
}

// ourSend measures from the approval to the end of the campaign: freezing, claims, decisions, messages, ledger.
func ourSend(ctx context.Context, e Env, signed bool) (Result, error) {
	to, err := startSink(ctx)
	if err != nil {
		return Result{}, err
	}
	p, err := prepared(ctx, e, to.addr)
	if err != nil {
		return Result{}, err
	}
	defer p.h.Close()
	if signed {
		k, err := sender.Prepare("example.com")
		if err == nil {
			err = p.h.Main.Write(ctx, p.who, func(tx *store.Tx) error { _, err := sender.AddDomain(tx, k); return err })
		}
		if err != nil {
			return Result{}, err
		}
	}
	engine := campaign.NewEngine(p.h.Main, relay.Open(p.h.Main, "bench.example"), e.Dir+"/flight")
	defer engine.Close()
	if err := engine.Settle(ctx); err != nil {
		return Result{}, err
	}
	m := Start()
	c, err := p.approve(ctx, e.N)
	if err == nil {
		err = engine.Settle(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	r := m.Stop(e.N)
	got, size, err := to.stop()
	if err != nil {
		return Result{}, err
	}
	var n campaign.Counts
	if err := p.h.Main.View(ctx, p.who, func(v *store.View) (err error) { n, err = campaign.Count(v, c); return err }); err != nil {
		return Result{}, err
	}
	if got != e.N || n.Of(campaign.Accepted) != e.N {
		return Result{}, fmt.Errorf("the sink took %d of %d, the ledger says %+v", got, e.N, n.By)
	}
	r.More = []Figure{{"bytes/message", float64(size)}}
	return r, nil
}

func populate(ctx context.Context, db *store.DB, who actor.Actor, on, n int64) error {
	for at := int64(0); at < n; {
		k := min(n-at, 2000)
		err := db.Write(ctx, who, func(tx *store.Tx) error {
			news := make([]contact.New, k)
			for i := range news {
				s := fmt.Sprint(at + int64(i))
				text := func(v string) contact.Value { x, _ := contact.TypeText.Read(v); return x }
				news[i] = contact.New{Email: address.Must("reader" + s + "@example.org"), Name: pii.T("Reader " + s), Source: "import",
					Attributes: contact.Attributes{"CITY": text("Lyon"), "COMPANY": text("Company " + s), "MEMBER": text("M" + s)}}
			}
			rows, err := contact.Ensure(tx, news)
			if err != nil {
				return err
			}
			events := make([]consent.Event, k)
			for i, r := range rows {
				events[i] = consent.Event{Contact: r.ID, List: on, Kind: consent.Give, Basis: consent.ByConsent, Grade: consent.GradeB, Source: "import", Row: r}
			}
			_, err = consent.Apply(tx, events)
			return err
		})
		if err != nil {
			return err
		}
		at += k
	}
	return nil
}

// The floor: one table, claimed 200 rows at a time by one statement, filled into a prepared message with eleven keyed
// link tokens, sent by the same client, marked by one statement.
type floorRow struct {
	id                   int64
	email, name, company string
}

type floorBase interface {
	claim(ctx context.Context) ([]floorRow, error)
	mark(ctx context.Context, ids []int64) error
}

func floorSend(ctx context.Context, e Env, size int) (Result, error) {
	base, end, err := floorOpen(ctx, e)
	if err != nil {
		return Result{}, err
	}
	defer end()
	to, err := startSink(ctx)
	if err != nil {
		return Result{}, err
	}
	text := "From: news@example.com\r\nSubject: News\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
	for len(text) < max(size, 10_000) {
		text += "<p>The quick brown fox jumps over the lazy dog, and then it rests in the shade.</p>\r\n"
	}
	parts := make([]string, 17)
	for i := range parts {
		parts[i] = text[len(text)*i/17 : len(text)*(i+1)/17]
	}
	var all sync.WaitGroup
	errs := make([]error, lanes)
	m := Start()
	for i := range lanes {
		all.Go(func() { errs[i] = floorLane(ctx, base, to.addr, parts) })
	}
	all.Wait()
	r := m.Stop(e.N)
	for _, err := range errs {
		if err != nil {
			return Result{}, err
		}
	}
	got, bytes, err := to.stop()
	if err == nil && got != e.N {
		err = fmt.Errorf("the sink took %d of %d", got, e.N)
	}
	r.More = []Figure{{"bytes/message", float64(bytes)}}
	return r, err
}

func floorLane(ctx context.Context, base floorBase, addr string, parts []string) error {
	conn, err := transport.Dial(ctx, transport.Config{Addr: addr, TLS: transport.TLSNone})
	if err != nil {
		return err
	}
	defer conn.Quit()
	mac := hmac.New(sha256.New, make([]byte, 32))
	buf := make([]byte, 0, 64<<10)
	sum := make([]byte, 0, 32)
	for {
		rows, err := base.claim(ctx)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r.id
			buf = buf[:0]
			for k, p := range parts {
				buf = append(buf, p...)
				switch {
				case k < 5:
					buf = append(buf, []string{r.name, r.email, r.company, r.name, r.company}[k]...)
				case k < 16:
					mac.Reset()
					fmt.Fprint(mac, r.id, k)
					sum = mac.Sum(sum[:0])
					buf = hex.AppendEncode(buf, sum[:16])
				}
			}
			buf = append(buf, "\r\n"...)
			env, err := transport.NewEnvelope("news@example.com", r.email)
			if err != nil {
				return err
			}
			res, err := conn.Send(env, buf)
			if err != nil {
				return err
			}
			if res[0].Outcome != transport.Accepted {
				return fmt.Errorf("floor: %v", res[0])
			}
		}
		if err := base.mark(ctx, ids); err != nil {
			return err
		}
	}
}

const floorTable = `CREATE TABLE message (id BIGINT PRIMARY KEY, state INTEGER NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL, company TEXT NOT NULL)`

func floorOpen(ctx context.Context, e Env) (floorBase, func(), error) {
	if e.Dialect == "postgres" {
		cfg, err := pgxpool.ParseConfig(e.URLs["floor"])
		if err != nil {
			return nil, nil, err
		}
		cfg.MaxConns = lanes
		p, err := pgxpool.NewWithConfig(ctx, cfg)
		if err != nil {
			return nil, nil, err
		}
		for _, q := range []string{floorTable, fmt.Sprintf(`INSERT INTO message SELECT i, 0, 'reader'||i||'@example.org', 'Reader '||i, 'Company '||i FROM generate_series(1, %d) i`, e.N),
			`CREATE INDEX message_open ON message (id) WHERE state = 0`, `ANALYZE message`} {
			if _, err := p.Exec(ctx, q); err != nil {
				return nil, nil, err
			}
		}
		return &floorPG{p}, p.Close, nil
	}
	db, err := sql.Open("sqlite", "file:"+e.URLs["floor"]+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	for _, q := range []string{floorTable, fmt.Sprintf(`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i < %d) INSERT INTO message SELECT i, 0, 'reader'||i||'@example.org', 'Reader '||i, 'Company '||i FROM s`, e.N),
		`CREATE INDEX message_open ON message (id) WHERE state = 0`} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return nil, nil, err
		}
	}
	return &floorLite{db: db}, func() { db.Close() }, nil
}

type floorPG struct{ p *pgxpool.Pool }

func (f *floorPG) claim(ctx context.Context) (out []floorRow, err error) {
	rows, err := f.p.Query(ctx, `UPDATE message SET state = 1 WHERE id IN (SELECT id FROM message WHERE state = 0 ORDER BY id LIMIT 200 FOR UPDATE SKIP LOCKED)
		RETURNING id, email, name, company`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r floorRow
		if err := rows.Scan(&r.id, &r.email, &r.name, &r.company); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (f *floorPG) mark(ctx context.Context, ids []int64) error {
	_, err := f.p.Exec(ctx, `UPDATE message SET state = 2 WHERE id = ANY($1)`, ids)
	return err
}

type floorLite struct {
	db *sql.DB
}

func (f *floorLite) claim(ctx context.Context) (out []floorRow, err error) {
	rows, err := f.db.QueryContext(ctx, `UPDATE message SET state = 1 WHERE id IN (SELECT id FROM message WHERE state = 0 ORDER BY id LIMIT 200) RETURNING id, email, name, company`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r floorRow
		if err := rows.Scan(&r.id, &r.email, &r.name, &r.company); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (f *floorLite) mark(ctx context.Context, ids []int64) error {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, id)
	}
	_, err := f.db.ExecContext(ctx, `UPDATE message SET state = 2 WHERE id IN (SELECT value FROM json_each('[`+b.String()+`]'))`)
	return err
}
