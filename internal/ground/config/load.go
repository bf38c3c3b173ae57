// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"consend/internal/ground/fault"
)

// Prefix is what names of settings in the environment begin with.
const Prefix = "CONSEND_"

// ours are names in the environment that aren't settings of the server.
func ours(name string) bool {
	return name == Prefix+"CONFIG" || strings.HasPrefix(name, Prefix+"TEST_")
}

// From says where settings come from.
type From struct {
	File    string            // a TOML file; "" for none. Named, it must be there.
	Environ []string          // os.Environ()
	Flags   map[string]string // of the command line, by key; they win
}

// field is one setting of the struct.
type field struct {
	key, preset string
	oneof       []string
	index       int
	secret      bool
}

var fields = func() (out []field) {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		f := t.Field(i)
		if key := f.Tag.Get("key"); key != "" {
			out = append(out, field{key, f.Tag.Get("default"), strings.Fields(f.Tag.Get("oneof")), i, f.Type == reflect.TypeFor[Secret]()})
		}
	}
	return out
}()

func find(key string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// Keys lists the names of all settings in the order of the struct.
func Keys() []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.key
	}
	return out
}

// Load reads the settings. All that is wrong comes back at once (fault.Many, kind
// Invalid): config.unknown, config.value, config.oneof, config.twice, config.file,
// config.syntax, config.same_store. No fault holds a secret's value.
func Load(from From) (*Config, error) {
	l := loader{c: &Config{source: map[string]string{}}}
	for _, f := range fields {
		l.set(f.key, f.preset, "default")
	}
	if from.File != "" {
		l.file(from.File)
	}
	l.environ(from.Environ)
	for _, key := range sorted(from.Flags) {
		l.set(key, from.Flags[key], "command line")
	}
	if len(l.wrong) == 0 {
		l.whole()
	}
	if err := l.wrong.Err(); err != nil {
		return nil, err
	}
	return l.c, nil
}

type loader struct {
	c     *Config
	wrong fault.Many
}

func (l *loader) fail(key, setting, source string, cause error, args ...any) {
	f := fault.New(fault.Invalid, key, append([]any{"Setting", setting, "Source", source}, args...)...).At(setting)
	if cause != nil {
		f = f.Because(cause)
	}
	l.wrong = append(l.wrong, f)
}

func (l *loader) file(path string) {
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), toml.Parser()); err != nil {
		key := "config.syntax"
		if _, at := errors.AsType[*fs.PathError](err); at {
			key = "config.file"
		}
		l.fail(key, path, path, err)
		return
	}
	l.several(k.All(), path, strings.ToLower)
}

func (l *loader) environ(environ []string) {
	k := koanf.New("\x00") // names have no parts: nothing is split
	err := k.Load(env.Provider("\x00", env.Opt{Prefix: Prefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if ours(name) {
				return "", nil
			}
			return name, value
		}}), nil)
	if err != nil {
		l.fail("config.file", Prefix, "environment", err)
		return
	}
	l.several(k.All(), "environment", func(name string) string { return strings.ToLower(strings.TrimPrefix(name, Prefix)) })
}

// several takes the settings of one source, secrets by file among them.
func (l *loader) several(values map[string]any, source string, keyOf func(string) string) {
	seen := map[string]bool{}
	for _, name := range sorted(values) {
		key, value, from := keyOf(name), values[name], source
		if source == "environment" {
			from += " " + name
		}
		if _, known := find(key); !known {
			// CONSEND_DATABASE_FILE=/run/secrets/db: the value is what the file holds.
			base := strings.TrimSuffix(key, "_file")
			if f, ok := find(base); ok && base != key && f.secret {
				path, _ := value.(string)
				b, err := os.ReadFile(path)
				if err != nil {
					l.fail("config.file", key, from, err)
					continue
				}
				key, value = base, strings.TrimRight(string(b), "\r\n")
				from += " (" + path + ")"
			}
		}
		if seen[key] {
			l.fail("config.twice", key, source, nil)
			continue
		}
		seen[key] = true
		l.set(key, value, from)
	}
}

// set writes one value into the struct.
func (l *loader) set(key string, value any, source string) {
	f, ok := find(key)
	if !ok {
		l.fail("config.unknown", key, source, nil, "Nearest", nearest(key))
		return
	}
	if len(f.oneof) > 0 && !slices.Contains(f.oneof, text(value)) {
		l.fail("config.oneof", key, source, nil, "Allowed", strings.Join(f.oneof, ", "))
		return
	}
	to := reflect.ValueOf(l.c).Elem().Field(f.index).Addr().Interface()
	ok = true
	switch p := to.(type) {
	case *string:
		*p, ok = value.(string)
	case *Secret:
		p.raw, ok = value.(string)
	case *bool:
		*p, ok = boolean(value)
	case *time.Duration:
		d, err := time.ParseDuration(text(value))
		*p, ok = d, err == nil && d > 0
	case *[]netip.Prefix:
		*p, ok = prefixes(value)
	default:
		ok = false
	}
	if !ok {
		l.fail("config.value", key, source, nil)
		return
	}
	l.c.source[key] = source
}

// whole checks what single values can't tell.
func (l *loader) whole() {
	c := l.c
	bad := func(key string) { l.fail("config.value", key, c.source[key], nil) }
	if c.Data == "" {
		bad("data")
	}
	for key, a := range map[string]string{"listen": c.Listen, "smtp_listen": c.SMTPListen, "metrics_listen": c.MetricsListen} {
		if a == "" && key != "listen" {
			continue
		}
		_, port, err := net.SplitHostPort(a)
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n > 65535 {
			bad(key)
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			bad("public_url")
		}
	}
	stores := map[string]string{}
	for _, s := range []struct {
		key   string
		value Secret
	}{{"database_url", c.Database}, {"keys_url", c.Keys}, {"archive_url", c.Archive}} {
		v := s.value.Raw()
		if v == "" {
			continue
		}
		if !strings.HasPrefix(v, "postgres://") && !strings.HasPrefix(v, "postgresql://") {
			bad(s.key)
		}
		if other := stores[v]; other != "" {
			l.fail("config.same_store", s.key, c.source[s.key], nil, "Other", other)
		}
		stores[v] = s.key
	}
	if v := c.Relay.Raw(); v != "" && !strings.HasPrefix(v, "smtp://") && !strings.HasPrefix(v, "smtps://") {
		bad("relay")
	}
}

func text(v any) string { s, _ := v.(string); return s }

func boolean(v any) (bool, bool) {
	switch x := v.(type) {
	case bool:
		return x, true
	case string:
		switch strings.ToLower(x) {
		case "true", "yes", "on", "1":
			return true, true
		case "false", "no", "off", "0", "":
			return false, true
		}
	}
	return false, false
}

// prefixes reads a list from TOML, or one text with commas or spaces.
func prefixes(v any) ([]netip.Prefix, bool) {
	var items []string
	switch x := v.(type) {
	case string:
		items = strings.FieldsFunc(x, func(r rune) bool { return r == ',' || r == ' ' })
	case []any:
		for _, i := range x {
			items = append(items, text(i))
		}
	default:
		return nil, false
	}
	var out []netip.Prefix
	for _, s := range items {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			a = a.Unmap()
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, false
		}
		out = append(out, p.Masked())
	}
	return out, true
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
