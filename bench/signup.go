// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"consend/internal/app"
	carrier "consend/internal/chain/processor"
	"consend/internal/ground/actor"
	"consend/internal/ground/config"
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/form"
	"consend/internal/people/list"
	"consend/internal/people/notice"
	"consend/internal/sending/relay"
	"consend/internal/team/access"
	"consend/internal/team/account"
)

var (
	signup8  = signupWork("signup-8", 8)
	signup32 = signupWork("signup-32", 32)

	signupBig = Work{
		Name: "signup-big", What: "the same by 8 connections, double opt-in, in an account of 1,000,000 contacts beside one of 10,000; goal: at most 20 % slower",
		N: 20_000, Goal: map[string]float64{"sqlite": 0.8, "postgres": 0.8},
		Variants: []Variant{
			{"10,000 contacts", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, 8, 0, form.Double, crowded(10_000))
			}},
			{"1,000,000 contacts", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, 8, 0, form.Double, crowded(1_000_000))
			}},
		},
	}
	signupRelay = Work{
		Name: "signup-relay", What: "the same at 200 posts a second, while the sending service answers after 200 ms or is not there; goal: p99 within 20 %, no confirmation lost",
		N: 6000, Goal: nil,
		Variants: []Variant{
			{"mailbox", func(ctx context.Context, e Env) (Result, error) { return formPosts(ctx, e, 8, 200, form.Double, nil) }},
			{"slow service", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, 8, 200, form.Double, over(200*time.Millisecond))
			}},
			{"no service", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, 8, 200, form.Double, over(-1))
			}},
		},
	}
)

// setting changes a house between its set-up and the posts.
type setting func(ctx context.Context, h *app.House, owner actor.Actor) error

// crowded fills the account's list.
func crowded(n int64) setting {
	return func(ctx context.Context, h *app.House, owner actor.Actor) error {
		var on int64
		err := h.Main.View(ctx, owner, func(v *store.View) error {
			var err error
			on, err = mailList(v)
			return err
		})
		if err == nil {
			err = populate(ctx, h.Main, owner.In(owner.Account), on, n)
		}
		if err == nil {
			err = h.Main.Analyze(ctx, "contact", "subscription", "consent_event")
		}
		if err == nil {
			err = h.Log.Seal(ctx) // as it does while an import runs
		}
		return err
	}
}

// mailList is the account's first list that carries mail; those that measure take nobody's word.
func mailList(r store.Reader) (int64, error) {
	all, err := list.InUse(r)
	for _, l := range all {
		if l.Kind == list.Mail {
			return l.ID, err
		}
	}
	return 0, errors.Join(err, errors.New("no list carries mail"))
}

// over sends by a service that takes its time over each message; below zero it is not there.
func over(delay time.Duration) setting {
	return func(ctx context.Context, h *app.House, owner actor.Actor) error {
		l, err := listen()
		if err != nil {
			return err
		}
		if delay < 0 {
			l.Close()
		} else {
			go func() {
				var got, size atomic.Int64
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go serveSink(c, &got, &size, delay)
				}
			}()
		}
		return h.Main.Write(ctx, owner, func(tx *store.Tx) error {
			c, err := carrier.OurServer(tx, "Bench")
			if err != nil {
				return err
			}
			r, err := relay.Add(tx, relay.New{Name: "Bench", Addr: l.Addr().String(), TLS: relay.NoTLS, Processor: c.ID})
			if err != nil {
				return err
			}
			return relay.Choose(tx, r.ID)
		})
	}
}

var benchMessages = store.Account("bench.messages", `SELECT count(*) FROM message m WHERE m.account_id = :account`)

func signupWork(name string, clients int) Work {
	return Work{
		Name: name, What: fmt.Sprintf("posts of a sign-up form by %d connections, the confirmation mails written and caught beside; floor: a bare handler that writes the same rows in one statement", clients),
		N: 20_000, Goal: map[string]float64{"sqlite": 0.6, "postgres": 0.6},
		Variants: []Variant{
			{"floor", func(ctx context.Context, e Env) (Result, error) { return bareSignups(ctx, e, clients) }},
			{"double opt-in", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, clients, 0, form.Double, nil)
			}},
			{"single opt-in", func(ctx context.Context, e Env) (Result, error) {
				return formPosts(ctx, e, clients, 0, form.Single, nil)
			}},
		},
	}
}

// program opens the whole program in the run's folder and databases.
func (e Env) program(ctx context.Context) (*app.House, error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})))
	c, err := config.Load(config.From{})
	if err != nil {
		return nil, err
	}
	c.Data, c.Listen, c.TrustedProxies = filepath.Join(e.Dir, "data"), "127.0.0.1:0", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if e.Dialect == "postgres" {
		c.Database, c.Keys, c.Archive = config.NewSecret(e.URLs["main"]), config.NewSecret(e.URLs["keys"]), config.NewSecret(e.URLs["archive"])
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, err
	}
	return app.Open(ctx, c, app.Options{})
}

// serve has the program answer, and gives its address and what ends it.
func serve(ctx context.Context, h *app.House) (at string, stop func()) {
	serving, cancel := context.WithCancel(ctx)
	up, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- h.Serve(serving, nil, func(a string) { up <- a }) }()
	return "http://" + <-up, func() { cancel(); <-ended }
}

// formPosts posts to the whole program: pages, facts, service mail into the mailbox, sealer.
func formPosts(ctx context.Context, e Env, clients, perSecond int, how form.OptIn, set setting) (Result, error) {
	h, err := e.program(ctx)
	if err != nil {
		return Result{}, err
	}
	defer h.Close()
	owner, path, err := publish(ctx, h, how)
	if err != nil {
		return Result{}, err
	}
	if set != nil {
		if err := set(ctx, h, owner); err != nil {
			return Result{}, err
		}
	}
	at, stop := serve(ctx, h)
	defer stop()
	r, err := posts(ctx, e.N, clients, perSecond, at+path)
	if err != nil {
		return r, err
	}
	var written, mails int64
	for range 600 { // what confirms is posted as a message right after
		err = h.Main.View(ctx, owner, func(v *store.View) (err error) {
			if written, err = store.One[int64](v, benchSignups); err == nil {
				mails, err = store.One[int64](v, benchMessages)
			}
			return err
		})
		if err != nil || mails >= e.N || how == form.Single {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err == nil && (written < e.N || how != form.Single && mails < e.N) {
		err = fmt.Errorf("%d posts left %d sign-ups and %d mails", e.N, written, mails)
	}
	return r, err
}

// publish sets a house up as the set-up page does, and publishes its note and form.
func publish(ctx context.Context, h *app.House, how form.OptIn) (owner actor.Actor, path string, err error) {
	link, _, err := h.Desk.SetupLink(ctx, actor.Actor{Kind: actor.Command, Name: "bench"})
	if err != nil {
		return owner, "", err
	}
	in, err := h.Desk.SetUp(ctx, actor.Actor{Kind: actor.Command, Name: "bench"}, link.Raw(), access.Setup{OnlyUs: true, Email: "owner@example.org",
		Name: pii.T("Camille Martin"), Password: passPhrase, Account: account.Details{Name: "Maison Exemple", Postal: "1 rue de l’Exemple\n69001 Lyon",
			Country: "FR", Language: "en", Zone: "Europe/Paris", DataName: pii.T("Camille Martin"), DataEmail: address.Must("owner@example.org"), Sending: account.Mailbox}},
		func(tx *store.Tx, _ int64) error { return h.Furnish(tx) })
	if err != nil {
		return owner, "", err
	}
	owner = actor.Actor{Kind: actor.Member, ID: in.Member, Account: in.Account, Role: "owner"}
	err = h.Main.Write(ctx, owner, func(tx *store.Tx) error {
		forms, err := form.All(tx)
		if err != nil || len(forms) != 1 {
			return errors.Join(err, errors.New("the house has no form"))
		}
		f := forms[0]
		n, err := notice.Find(tx, f.Draft.Notice)
		if err == nil {
			_, err = notice.Publish(tx, n.ID, n.Version)
		}
		if err != nil {
			return err
		}
		f.Draft.OptIn = how
		if err := form.Edit(tx, f.ID, f.Version, f.Name, f.Draft); err != nil {
			return err
		}
		if f, err = form.Find(tx, f.ID); err != nil {
			return err
		}
		path = f.Path()
		_, err = form.Publish(ctx, tx, f.ID, f.Version)
		return err
	})
	return owner, path, err
}

const passPhrase = "a long pass phrase of the bench"

func listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

var benchSignups = store.Account("bench.signups", `SELECT count(*) FROM signup s WHERE s.account_id = :account`)

// posts sends n posts, each of another person from another network; so many a second, or as
// fast as they are answered.
func posts(ctx context.Context, n int64, clients, perSecond int, to string) (Result, error) {
	var pace <-chan time.Time
	if perSecond > 0 {
		t := time.NewTicker(time.Second / time.Duration(perSecond))
		defer t.Stop()
		pace = t.C
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var next atomic.Int64
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	m := Start()
	var all sync.WaitGroup
	for k := range clients {
		all.Go(func() {
			for errs[k] == nil {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				sum := sha256.Sum256([]byte(strconv.FormatInt(i, 10)))
				body := url.Values{"email": {hex.EncodeToString(sum[:6]) + "@example.org"}, "l": {"en"}}.Encode()
				q, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
				if err != nil {
					errs[k] = err
					return
				}
				q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				q.Header.Set("X-Forwarded-For", netip.AddrFrom4([4]byte{byte(1 + i%200), byte(i / 200), byte(i / 51200), 9}).String())
				q.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
				if pace != nil {
					<-pace
				}
				began := time.Now()
				a, err := client.Do(q)
				if err != nil {
					errs[k] = err
					return
				}
				b, _ := io.ReadAll(a.Body)
				a.Body.Close()
				took[k] = append(took[k], time.Since(began))
				if a.StatusCode != http.StatusSeeOther {
					errs[k] = fmt.Errorf("a post was answered with %d: %.300s", a.StatusCode, b)
				}
			}
		})
	}
	all.Wait()
	r := m.Stop(n)
	var each []time.Duration
	for k := range took {
		each = append(each, took[k]...)
	}
	return r.Latencies(each), errors.Join(errs...)
}

// The rows of one sign-up, as the program leaves them.
var bareRows = []string{
	`INSERT INTO contact (account_id, id, email, email_norm, fp, attributes, language, state, salt, key_sheet, key_slot, source, entry_id, created_at, updated_at, active_at)
		VALUES (1, ?, ?, ?, ?, '{}', 'en', 'active', ?, 1, 1, 'form', 1, 1, 1, 1)`,
	`INSERT INTO consent_event (account_id, contact_id, list_id, seq, id, kind, verdict, state, source, method, occurred_at, recorded_at, form_version_id, note_version_id, text_sha256, note_sha256, language, page, actor_kind, entry_id)
		VALUES (1, ?, 7, 1, ?, 'request', 'applied', 'requested', 'form', 'hosted', 1, 1, 1, 1, ?, ?, 'en', '/f/newsletter', 'subject', 1)`,
	`INSERT INTO consent_origin (account_id, contact_id, event_id, ip_ct, ip_source, ua_ct, recorded_at) VALUES (1, ?, ?, ?, 'trusted_hop:1', ?, 1)`,
	`INSERT INTO subscription (account_id, list_id, contact_id, state, seq, event_id, since) VALUES (1, 7, ?, 'requested', 1, 1, 1)`,
	`INSERT INTO signup (account_id, id, form_id, version_id, contact_id, state, language, choices, requested_at) VALUES (1, ?, 1, 1, ?, 'pending', 'en', '[{"l":7,"e":1}]', 1)`,
	`INSERT INTO trace_entry (account_id, id, at, action, actor, actor_id, object, object_id, contact_id, clear, private, c2, sealed)
		VALUES (1, ?, 1, 'consent.request', 'subject', 0, 'list', 7, ?, ?, ?, ?, ?)`,
	`INSERT INTO trace_pending (account_id, entry_id, at, leaf) VALUES (1, ?, 1, ?)`,
	`INSERT INTO fact (account_id, id, kind, ref, at) VALUES (1, ?, 'form.requested', 1, 1)`,
	`INSERT INTO budget (hash, minute, part, spent) VALUES (?, 1, 1, 1) ON CONFLICT (hash, minute, part) DO UPDATE SET spent = budget.spent + 1`,
	`INSERT INTO budget (hash, minute, part, spent) VALUES (?, 1, 1, 1) ON CONFLICT (hash, minute, part) DO UPDATE SET spent = budget.spent + 1`,
}

func bareArgs(email string, id int64) [][]any {
	sum := sha256.Sum256([]byte(email))
	long := strings.Repeat("state requested\n", 24)
	return [][]any{
		{id, email, email, sum[:16], sum[:]}, {id, id + 1, sum[:], sum[:]}, {id, id + 1, sum[:], sum[:]}, {id}, {id + 2, id},
		{id + 3, id, long, long[:160], sum[:], sum[:]}, {id + 3, sum[:]}, {id + 4}, {sum[:16]}, {sum[16:]},
	}
}

// bareSignups is the least a program would do: read the address, write the rows in one
// statement (SQLite, which knows none of several tables: in one transaction, one at a time).
func bareSignups(ctx context.Context, e Env, clients int) (Result, error) {
	h, err := e.Open(ctx)
	if err != nil {
		return Result{}, err
	}
	h.Close()
	write, stop, err := bareWriter(ctx, e)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	var ids atomic.Int64
	ids.Store(1_000_000_000)
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if err := q.ParseForm(); err != nil || !strings.Contains(q.PostForm.Get("email"), "@") {
			http.Error(w, "bad", http.StatusBadRequest)
			return
		}
		if err := write(q.Context(), bareArgs(q.PostForm.Get("email"), ids.Add(10))); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, q, "/sent", http.StatusSeeOther)
	})}
	l, err := listen()
	if err != nil {
		return Result{}, err
	}
	go s.Serve(l)
	defer s.Close()
	return posts(ctx, e.N, clients, 0, "http://"+l.Addr().String()+"/f/newsletter")
}

func bareWriter(ctx context.Context, e Env) (func(context.Context, [][]any) error, func(), error) {
	if e.Dialect == "postgres" {
		pool, err := pgxpool.New(ctx, e.URLs["main"]+"&pool_max_conns=16")
		if err != nil {
			return nil, nil, err
		}
		text, n := "WITH ", 0
		for i, row := range bareRows {
			for strings.Contains(row, "?") {
				n++
				row = strings.Replace(row, "?", "$"+strconv.Itoa(n), 1)
			}
			if i < len(bareRows)-1 {
				text += "a" + strconv.Itoa(i) + " AS (" + row + "), "
				continue
			}
			text = strings.TrimSuffix(text, ", ") + " " + row
		}
		return func(ctx context.Context, args [][]any) error {
			var flat []any
			for _, a := range args {
				flat = append(flat, a...)
			}
			_, err := pool.Exec(ctx, text, flat...)
			return err
		}, pool.Close, nil
	}
	db, err := sql.Open("sqlite", "file:"+e.URLs["main"]+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	stmts := make([]*sql.Stmt, len(bareRows))
	for i, row := range bareRows {
		if stmts[i], err = db.Prepare(row); err != nil {
			return nil, nil, err
		}
	}
	return func(ctx context.Context, args [][]any) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for i, s := range stmts {
			if _, err := tx.Stmt(s).Exec(args[i]...); err != nil {
				return err
			}
		}
		return tx.Commit()
	}, func() { db.Close() }, nil
}
