// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/locale"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/people/form"
)

// Health is how a finding of the doctor is meant.
type Health string

// How a finding is meant.
const (
	Well Health = "ok"
	Care Health = "care" // works, and should be looked after
	Ill  Health = "ill"  // does not work
)

// Finding is one thing the doctor looked at, with what to do about it.
type Finding struct {
	Health Health
	About  string // one of a few words
	Says   string
}

// Doctor looks at what the house stands on.
func (h *House) Doctor(ctx context.Context, p locale.Printer) []Finding {
	d := &doctor{h: h, p: p}
	d.settings()
	d.folder()
	d.stores(ctx)
	d.keys()
	d.ledger(ctx)
	d.clock(ctx)
	d.proxies(ctx)
	d.work(ctx)
	return d.found
}

type doctor struct {
	h     *House
	p     locale.Printer
	found []Finding
}

func (d *doctor) say(health Health, about, key string, args ...any) {
	d.found = append(d.found, Finding{health, about, d.p.T("app.doctor."+about+"."+key, args...)})
}

func (d *doctor) settings() {
	c := d.h.Config
	host, _, _ := net.SplitHostPort(c.Listen)
	ip := net.ParseIP(host)
	switch loopback := host == "localhost" || ip != nil && ip.IsLoopback(); {
	case c.PublicURL == "" && !loopback:
		d.say(Ill, "settings", "no_url", "Address", c.Listen)
	case c.PublicURL == "":
		d.say(Care, "settings", "local", "Address", c.Listen)
	case !c.Secure():
		d.say(Care, "settings", "no_tls", "URL", c.PublicURL)
	default:
		d.say(Well, "settings", "well", "URL", c.PublicURL)
	}
	if c.PublicURL != "" && loopbackHost(host) && len(c.TrustedProxies) == 0 {
		// Kind: every proof would hold the proxy's address.
		d.say(Ill, "settings", "proxy")
	}
}

// proxies tells of sign-ups that really came through a proxy nobody told us to trust.
func (d *doctor) proxies(ctx context.Context) {
	var seen []form.Proxy
	err := d.h.Main.View(ctx, actor.System("doctor"), func(v *store.View) (err error) {
		seen, err = form.ProxiesAnywhere(v, v.Now)
		return err
	})
	if err != nil {
		return // stores has told that main does not answer
	}
	for _, p := range seen {
		d.say(Ill, "settings", "proxied", "n", p.N, "address", p.Detail)
	}
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

const spaceLow = 1 << 30

func (d *doctor) folder() {
	dir := d.h.Config.Data
	info, err := os.Stat(dir)
	if err != nil {
		d.say(Ill, "folder", "gone", "Path", dir)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		d.say(Care, "folder", "open", "Path", dir)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil {
		free := int64(fs.Bavail) * int64(fs.Bsize)
		if free < spaceLow {
			d.say(Ill, "folder", "full", "Path", dir, "Free", d.p.Size(free))
			return
		}
		d.say(Well, "folder", "well", "Path", dir, "Free", d.p.Size(free))
	}
}

func (d *doctor) stores(ctx context.Context) {
	all := DataMap()
	for _, db := range []*store.DB{d.h.Main, d.h.Keys, d.h.Archive} {
		live, err := db.Live(ctx)
		switch bad := all.Check(db.Kind(), live); {
		case err != nil:
			d.say(Ill, "store", "silent", "Store", string(db.Kind()))
		case len(bad) > 0:
			d.say(Ill, "store", "unmapped", "Store", string(db.Kind()), "First", bad[0])
		default:
			d.say(Well, "store", "well", "Store", string(db.Kind()), "Database", db.Dialect(), "Tables", len(live))
		}
	}
}

func (d *doctor) keys() {
	path := rootKeyFile(d.h.Config)
	if filepath.Dir(path) == filepath.Clean(d.h.Config.Data) {
		d.say(Care, "keys", "beside", "Path", path)
		return
	}
	d.say(Well, "keys", "well", "Path", path)
}

// ledger looks whether what a restore needs lies on another disk than what may be lost.
func (d *doctor) ledger(ctx context.Context) {
	path := d.h.Config.Ledger
	if path == "" {
		return
	}
	if _, err := d.h.Ledger.Append(ctx); err != nil {
		d.say(Ill, "ledger", "unwritable", "Path", path)
		return
	}
	data, err1 := os.Stat(d.h.Config.Data)
	file, err2 := os.Stat(filepath.Dir(path))
	if err1 == nil && err2 == nil {
		a, ok1 := data.Sys().(*syscall.Stat_t)
		b, ok2 := file.Sys().(*syscall.Stat_t)
		if ok1 && ok2 && a.Dev == b.Dev {
			d.say(Care, "ledger", "same", "Path", path)
			return
		}
	}
	d.say(Well, "ledger", "well", "Path", path)
}

func (d *doctor) clock(ctx context.Context) {
	theirs, err := d.h.Main.DatabaseNow(ctx)
	if err != nil {
		return // said of the store
	}
	if off := theirs.Time().Sub(d.h.Clock()).Abs(); off > 2*time.Second {
		d.say(Ill, "clock", "off", "Seconds", int(off.Seconds()))
		return
	}
	d.say(Well, "clock", "well", "Now", d.h.Clock().UTC().Format(time.RFC3339))
}

func (d *doctor) work(ctx context.Context) {
	w, err := job.Backlog(ctx, d.h.Main)
	switch {
	case err != nil:
	case w.Late > 0:
		d.say(Care, "work", "late", "Late", w.Late)
	default:
		d.say(Well, "work", "well", "Facts", w.Facts, "Tasks", w.Tasks)
	}
}
