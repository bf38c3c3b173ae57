// SPDX-License-Identifier: AGPL-3.0-or-later

package v3

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"consend/internal/ground/fault"
)

// read takes the body into a struct: one object, no field that is not asked for, none twice.
func (c *call) read(into any) error {
	b, err := io.ReadAll(c.Body)
	if err != nil {
		return err
	}
	bad := fault.New(fault.Invalid, "api.not_json")
	if !utf8.Valid(b) {
		return bad
	}
	if err := once(json.NewDecoder(bytes.NewReader(b)), "", 0); err != nil {
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			return f
		}
		return bad
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		if _, err := d.Token(); err != io.EOF {
			return bad
		}
		return nil
	case errors.As(err, &wrong):
		return fault.New(fault.Invalid, "api.type", "field", wrong.Field).At(wrong.Field)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return fault.New(fault.Invalid, "api.unknown", "field", clip(name))
	}
	return bad
}

// deepest is how deep a body may nest.
const deepest = 8

// once walks one value and refuses an object that names a field twice: readers differ in which of the two counts.
func once(d *json.Decoder, at string, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == deepest {
		return fault.New(fault.Invalid, "api.deep", "max", deepest)
	}
	seen := map[string]bool{}
	for d.More() {
		in := at
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			in = strings.TrimPrefix(at+"."+name, ".")
			if fold := folded(name); seen[fold] { // the decoder takes a name in any case, of any letter
				return fault.New(fault.Invalid, "api.twice", "field", clip(in)).At(clip(in))
			} else {
				seen[fold] = true
			}
		}
		if err := once(d, in, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// folded is a name as the decoder compares them: each letter by the first of those that are the same but for case (ſ is an s).
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// clip keeps a name from a body short enough for a message.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
