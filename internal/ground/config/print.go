// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
)

// Setting is one effective value, secrets masked.
type Setting struct {
	Key, Value, Source string
}

// List gives all effective settings in the order of the struct.
func (c *Config) List() []Setting {
	v := reflect.ValueOf(c).Elem()
	out := make([]Setting, len(fields))
	for i, f := range fields {
		x := v.Field(f.index).Interface()
		s := fmt.Sprint(x)
		if ps, ok := x.([]netip.Prefix); ok {
			parts := make([]string, len(ps))
			for j, p := range ps {
				parts[j] = p.String()
			}
			s = strings.Join(parts, ", ")
		}
		out[i] = Setting{f.key, s, c.source[f.key]}
	}
	return out
}

// Print writes the effective settings as lines `key = "value"  # source`, secrets
// masked. `consend config` shows it.
func (c *Config) Print(w io.Writer) error {
	width := 0
	for _, f := range fields {
		width = max(width, len(f.key))
	}
	for _, s := range c.List() {
		if _, err := fmt.Fprintf(w, "%-*s = %q  # %s\n", width, s.Key, s.Value, s.Source); err != nil {
			return err
		}
	}
	return nil
}

// nearest is the known key that takes the fewest edits to reach.
func nearest(key string) string {
	best, least := "", 1<<30
	for _, f := range fields {
		if d := edits(key, f.key); d < least {
			best, least = f.key, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
