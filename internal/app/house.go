// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"

	"consend/internal/duty/restore"
	"consend/internal/ground/budget"
	"consend/internal/ground/config"
	"consend/internal/ground/datamap"
	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/rulepack"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/importer"
	"consend/internal/people/refusal"
	"consend/internal/sending/campaign"
	"consend/internal/sending/relay"
	"consend/internal/sending/transactional"
	"consend/internal/team/access"
	"consend/internal/trace"
	"consend/internal/web/help"
	"consend/internal/web/shell"
)

// House is a running installation on one node: its three stores, its keys and what works in it.
type House struct {
	Config              *config.Config
	Main, Keys, Archive *store.DB
	Ring                *keys.Ring
	Site                *config.Site
	Log                 *trace.Log
	Jobs                *job.Runner
	Desk                *access.Desk
	Relays              *relay.Relays
	Service             *transactional.Sender
	Campaigns           *campaign.Engine
	Forms               *form.Desk
	Ledger              *refusal.Ledger
	help                *help.Pages
	Clock               legalclock.Clock
	First               bool // this start made the installation

	closing []func() // in reverse
	ready   atomic.Bool
	working atomic.Bool
	once    sync.Once
}

// Options of Open, for tests and the demo.
type Options struct {
	Clock    legalclock.Clock // nil: the machine's
	Restored bool             // main was put back from a backup and is to be accepted: Restore
}

// Open opens the house: takes the data folder, opens the three stores, checks that they are
// the ones meant and that the keys are there. It refuses to start rather than to work on
// what does not belong together.
func Open(ctx context.Context, c *config.Config, o Options) (_ *House, err error) {
	if o.Clock == nil {
		o.Clock = legalclock.System
	}
	h := &House{Config: c, Clock: o.Clock, Site: site(c)}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if err := h.own(); err != nil {
		return nil, err
	}
	if h.Main, err = h.store(ctx, datamap.Main, c.Database, ""); err != nil {
		return nil, err
	}
	installation := h.Main.Identity().Installation
	// The two others at once: a start is quick (docs/adr), and they know nothing of each other.
	var both sync.WaitGroup
	var keysErr, archiveErr error
	both.Go(func() { h.Keys, keysErr = h.store(ctx, datamap.Keys, c.Keys, installation) })
	both.Go(func() { h.Archive, archiveErr = h.store(ctx, datamap.Archive, c.Archive, installation) })
	both.Wait()
	for _, db := range []*store.DB{h.Main, h.Keys, h.Archive} {
		if db != nil {
			h.closing = append(h.closing, db.Close)
		}
	}
	if err := errors.Join(keysErr, archiveErr); err != nil {
		return nil, err
	}
	if h.First, err = h.Main.Untouched(ctx); err != nil {
		return nil, err
	}
	if h.Ring, err = keys.Open(ctx, keys.Settings{Store: h.Keys, Path: rootKeyFile(c), First: h.First}); err != nil {
		return nil, err
	}
	h.closing = append(h.closing, h.Ring.Close)
	h.Main.Attach(h.Ring)
	h.Main.Attach(h.Site)
	h.Main.Attach(contact.Parting(Parting))
	h.Main.Attach(importer.Holding(Holding))
	h.Main.Attach(contact.Arriving(consent.Meet))
	h.Main.Attach(budget.NewAdvance())
	h.Main.Attach(form.Styles(shell.PublicStyle))
	if h.Log, err = trace.Open(ctx, trace.Settings{Main: h.Main, Keys: h.Keys, Archive: h.Archive, Ring: h.Ring, Name: logName(h.Site), Dir: filepath.Join(c.Data, "checkpoints"), Restored: o.Restored}); err != nil {
		return nil, err
	}
	h.Ledger = refusal.New(h.Keys, c.Ledger)
	if !o.Restored {
		if err := restore.Check(ctx, h.Restore()); err != nil {
			return nil, err
		}
	}
	if h.Desk, err = access.New(h.Main, h.Ring); err != nil {
		return nil, err
	}
	h.closing = append(h.closing, h.Desk.Close)
	packs := rulepack.Packs()
	h.Main.Attach(rulepack.NewBook(packs))
	shelf, err := help.Read()
	if err != nil {
		return nil, err
	}
	h.help = &help.Pages{Shelf: shelf, Pack: packs[len(packs)-1]}
	h.Forms = form.NewDesk(h.Main)
	h.Main.Attach(h.Forms)
	h.Relays = relay.Open(h.Main, h.Site.Host)
	h.Service = transactional.New(h.Main, h.Relays, letters())
	h.Service.Ended = endings()
	h.Main.Attach(h.Service)
	h.Campaigns = campaign.NewEngine(h.Main, h.Relays, filepath.Join(c.Data, "flight"))
	h.Main.Attach(h.Campaigns)
	h.Jobs = job.New(h.Main, h.facts(), h.works(), h.periodics())
	h.Main.Attach(h.Jobs)
	return h, nil
}

// Close gives everything back, in the reverse order. Again is harmless.
func (h *House) Close() {
	h.once.Do(func() {
		for i := len(h.closing) - 1; i >= 0; i-- {
			h.closing[i]()
		}
	})
}

// own takes the data folder when a store lies in it: then one process works there. With all
// three on PostgreSQL there may be any number.
func (h *House) own() error {
	c := h.Config
	if !Embedded(c) {
		return nil
	}
	release, err := own(c.Data)
	if err != nil {
		return err
	}
	h.closing = append(h.closing, release)
	return nil
}

// Embedded tells whether a store lies in the data folder, which then has one owner.
func Embedded(c *config.Config) bool {
	return c.Database.IsZero() || c.Keys.IsZero() || c.Archive.IsZero()
}

func (h *House) store(ctx context.Context, kind datamap.Store, url config.Secret, installation string) (*store.DB, error) {
	o := Stores(kind)
	o.URL, o.Clock, o.Installation = url.Raw(), h.Clock, installation
	if url.IsZero() {
		o.URL = filepath.Join(h.Config.Data, string(kind)+".db")
	}
	db, err := store.Open(ctx, o)
	switch {
	case errors.Is(err, store.ErrSwapped):
		return nil, fault.New(fault.Refused, "app.store_swapped", "Store", string(kind)).Because(err)
	case errors.Is(err, store.ErrStranger):
		return nil, fault.New(fault.Refused, "app.store_stranger", "Store", string(kind)).Because(err)
	case err != nil:
		return nil, fault.Wrap(err, "app.store_closed", "Store", string(kind))
	}
	return db, nil
}

func rootKeyFile(c *config.Config) string {
	if c.RootKeyFile != "" {
		return c.RootKeyFile
	}
	return filepath.Join(c.Data, "root.key")
}

func site(c *config.Config) *config.Site {
	host := "localhost"
	if u, err := url.Parse(c.BaseURL()); err == nil && u.Hostname() != "" && net.ParseIP(u.Hostname()) == nil {
		host = u.Hostname()
	}
	return &config.Site{URL: c.BaseURL(), Host: host}
}

// logName is what the log is called for ever: the host people know, if there is one.
func logName(s *config.Site) string {
	if s.Host == "localhost" {
		return ""
	}
	return s.Host
}

// Work runs facts, long work, the senders and the sealer until ctx ends, then lets them come
// to rest. The sealer is last to end: it seals what the others wrote.
func (h *House) Work(ctx context.Context) {
	h.working.Store(true)
	defer h.working.Store(false)
	sealing, sealed := context.WithCancel(context.WithoutCancel(ctx))
	var sealer, others sync.WaitGroup
	sealer.Go(func() { h.Log.Run(sealing) })
	run := func(name string, f func(context.Context) error) {
		others.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				slog.Error(name, "err", err)
			}
		})
	}
	run("jobs", h.Jobs.Run)
	run("service mail", func(ctx context.Context) error { return h.Service.Run(ctx, h.alone()) })
	run("campaigns", h.Campaigns.Run)
	run("refusals", h.Ledger.Run)
	others.Wait()
	sealed()
	sealer.Wait()
}

// Restore is what a restore works on, of a house that was opened with Options.Restored.
func (h *House) Restore() restore.House {
	return restore.House{Main: h.Main, Log: h.Log, Ledger: h.Ledger}
}

// alone tells that no other process works on the main store.
func (h *House) alone() bool { return h.Config.Database.IsZero() }

// Working runs f while the house works: here for as long as f lasts, unless this process
// works already.
func (h *House) Working(ctx context.Context, f func(context.Context) error) error {
	if h.working.Load() {
		return f(ctx)
	}
	work, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Work(work)
	}()
	err := f(ctx)
	stop()
	<-done
	return err
}
