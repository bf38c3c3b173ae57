// SPDX-License-Identifier: AGPL-3.0-or-later

// Package config promises that the installation's settings are one documented
// struct, read once at start, and that every effective value can say where it came
// from without giving a secret away.
//
// Order, the later wins: default, file (TOML), environment, command line. An
// unknown name is an error that names its nearest neighbour: a misspelt setting
// that's silently ignored is how a server listens to the world. What people change
// while it runs lives in tables, not here: no reload.
package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config holds all settings. The tag key is the name in the file; the environment's
// is CONSEND_ and the key in capitals. Words for people stand in the catalogue
// under config.help.<key>.
type Config struct {
	// Data is the folder for databases, root key, flight journal and temporary
	// files. One process owns it. Readable by its user only.
	Data string `key:"data" default:"./data"`

	// Listen is address and port of the web server. Loopback by default: who wants
	// the world in says so, and puts a proxy with TLS in front.
	Listen string `key:"listen" default:"127.0.0.1:8080"`

	// PublicURL is how people's browsers and mails reach the server: scheme, host and
	// port, nothing behind. Empty: http:// and Listen.
	PublicURL string `key:"public_url"`

	// TrustedProxies are the addresses or networks whose X-Forwarded-For is believed.
	// Empty: none, and a proof of consent holds the address of the direct peer.
	TrustedProxies []netip.Prefix `key:"trusted_proxies"`

	// Database is the main store: empty for SQLite in Data, or a postgres:// URL of the
	// role that owns and migrates it. The server works as three roles it makes below that
	// one: consend_app (bound by row-level security), consend_system and consend_purge.
	Database Secret `key:"database_url"`

	// Keys is the store of keys. Its backups live shortly, so it's never the same
	// database as the main store.
	Keys Secret `key:"keys_url"`

	// Archive is the store of what is kept only for the law.
	Archive Secret `key:"archive_url"`

	// RootKeyFile holds the root key. Empty: root.key in Data, made on the first
	// start of three empty stores and never again.
	RootKeyFile string `key:"root_key_file"`

	// Ledger is a file outside Data, on another disk, to which refusals and erasures
	// are appended, so that a restored backup can't forget them.
	Ledger string `key:"ledger"`

	// Role says what this node does: all, web (pages, API, SMTP) or worker (sending, jobs).
	Role string `key:"role" default:"all" oneof:"all web worker"`

	// SMTPListen is address and port of the SMTP submission server. Empty: none.
	SMTPListen string `key:"smtp_listen"`

	// Relay is a smtp:// or smtps:// URL of a sending service for a first start
	// without the set-up page. Empty: mail stays in the built-in mailbox until
	// somebody sets up a sending service, and leaves to nobody.
	Relay Secret `key:"relay"`

	// MetricsListen is address and port of /metrics. Empty: none.
	MetricsListen string `key:"metrics_listen"`

	// LogLevel is debug, info, warn or error; LogFormat text or json. Logs hold ids, never people.
	LogLevel  string `key:"log_level" default:"info" oneof:"debug info warn error"`
	LogFormat string `key:"log_format" default:"text" oneof:"text json"`

	// StopWithin is how long a stopping server waits for what it has begun.
	StopWithin time.Duration `key:"stop_within" default:"30s"`

	// Demo fills an empty installation with a small fictional house, and keeps all mail inside.
	Demo bool `key:"demo" default:"false"`

	source map[string]string
}

// BaseURL is where links begin: PublicURL, or http:// and Listen; no slash at the end.
func (c *Config) BaseURL() string {
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	return "http://" + c.Listen
}

// Secure tells whether people come over TLS, as cookies named __Host- need.
func (c *Config) Secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// Level is LogLevel for slog.
func (c *Config) Level() slog.Level {
	var l slog.Level
	if l.UnmarshalText([]byte(c.LogLevel)) != nil {
		return slog.LevelInfo
	}
	return l
}

// Trusts tells whether a direct peer's word on where a request comes from is believed.
func (c *Config) Trusts(peer netip.Addr) bool {
	peer = peer.Unmap()
	for _, p := range c.TrustedProxies {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// Secret is a setting that may hold a password. It prints itself without; Raw is the only way out.
type Secret struct{ raw string }

// NewSecret makes a secret, for tests and commands.
func NewSecret(s string) Secret { return Secret{s} }

// Raw discloses the secret.
func (s Secret) Raw() string { return s.raw }

// IsZero tells whether nothing is set.
func (s Secret) IsZero() bool { return s.raw == "" }

// String gives a URL with its password and parameters masked, or a mask alone.
func (s Secret) String() string {
	if s.raw == "" {
		return ""
	}
	u, err := url.Parse(s.raw)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "•••"
	}
	who := ""
	if u.User != nil {
		who = "•••@"
	}
	return u.Scheme + "://" + who + u.Host + u.EscapedPath()
}

// GoString gives the mask for %#v.
func (s Secret) GoString() string { return s.String() }

// Format gives the mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalJSON gives the mask.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText gives the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
