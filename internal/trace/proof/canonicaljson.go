// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"
)

func encode64(b []byte) string          { return base64.StdEncoding.EncodeToString(b) }
func decode64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

// canonicalJSON writes v as RFC 8785 (JCS) does for what a File holds: objects sorted
// by name, no spaces, whole numbers only, the shortest escapes, then one line feed.
func canonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil, err
	}
	out, err := appendJSON(make([]byte, 0, len(raw)+1), x)
	return append(out, '\n'), err
}

func appendJSON(b []byte, v any) ([]byte, error) {
	var err error
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return fmt.Append(b, x), nil
	case json.Number:
		return append(b, x...), nil
	case string:
		return appendString(b, x), nil
	case []any:
		b = append(b, '[')
		for i, e := range x {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		names := make([]string, 0, len(x))
		for n := range x {
			names = append(names, n)
		}
		sort.Strings(names) // our names are ASCII, where bytes and UTF-16 sort alike
		b = append(b, '{')
		for i, n := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, n), ':')
			if b, err = appendJSON(b, x[n]); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
	return nil, fmt.Errorf("proof: a %T has no canonical form", v)
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// MaxFile is the largest proof file that is read.
const MaxFile = 32 << 20

// Decode reads a file strictly: unknown or repeated names, another order, another
// spelling, a byte too much are all refused, because the file must be what it would
// be when written again.
func Decode(msg []byte) (*File, error) {
	if len(msg) > MaxFile {
		return nil, because(TooLarge, "the file is larger than %d bytes", MaxFile)
	}
	d := json.NewDecoder(bytes.NewReader(msg))
	d.DisallowUnknownFields()
	var f File
	if err := d.Decode(&f); err != nil {
		return nil, because(Unreadable, "the file is not a proof: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, because(Altered, "the file goes on after the proof")
	}
	again, err := canonicalJSON(f)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, msg) {
		return nil, because(Altered, "the file is not in its one canonical form: it was changed after it was written")
	}
	if f.Schema != Schema {
		return nil, because(OtherSchema, "the file is of version %q, this program reads %q", f.Schema, Schema)
	}
	return &f, nil
}
