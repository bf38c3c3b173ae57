// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/jackc/pgx/v5"

	"consend/internal/app"
	"consend/internal/ground/datamap"
)

// canary is a value nobody else has.
type canary struct {
	what     string
	value    string
	category string // on the data map; "" is a value that may be read nowhere
	also     string // another category under which it may lie: last names are attributes too
}

// spelling is one way a value can be written down.
type spelling struct {
	name  string
	bytes []byte
	fold  bool // looked for in the place as folded to lower case
}

// spellings are all ways we look for.
func (c canary) spellings() (out []spelling) {
	add := func(name string, b []byte, fold bool) {
		if fold {
			b = bytes.ToLower(b)
		}
		for _, s := range out {
			if s.fold == fold && bytes.Equal(s.bytes, b) {
				return
			}
		}
		out = append(out, spelling{name, b, fold})
	}
	add("clear", []byte(c.value), true)
	add("URL-encoded", []byte(url.QueryEscape(c.value)), true)
	add("path-encoded", []byte(url.PathEscape(c.value)), true)
	add("JSON-escaped", []byte(strings.Trim(strconv.QuoteToASCII(c.value), `"`)), true)
	var qp bytes.Buffer
	w := quotedprintable.NewWriter(&qp)
	w.Write([]byte(c.value))
	w.Close()
	add("quoted-printable", qp.Bytes(), true)
	var latin []byte
	for _, r := range c.value {
		if r < 256 {
			latin = append(latin, byte(r))
		}
	}
	if len([]rune(c.value)) == len(latin) {
		add("Latin-1", latin, false)
	}
	for _, v := range []string{c.value, strings.ToLower(c.value)} {
		add("hex", []byte(hex.EncodeToString([]byte(v))), true)
		for shift := range 3 {
			b := append(make([]byte, shift), v...)
			for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
				s := enc.EncodeToString(b[:len(b)/3*3])
				add(name, []byte(s[[]int{0, 2, 3}[shift]:]), false)
			}
		}
		var le, be []byte
		for _, u := range utf16.Encode([]rune(v)) {
			le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
		}
		add("UTF-16LE", le, false)
		add("UTF-16BE", be, false)
	}
	return out
}

// spot is a place where values can lie: a column, a file, the logs, a page.
type spot struct {
	name   string
	column *datamap.Column // nil: nothing personal may lie here at all
	bytes  []byte
	folded []byte
}

func newSpot(name string, column *datamap.Column, cells ...[]byte) spot {
	var b bytes.Buffer
	for _, c := range cells {
		for _, v := range unfold(c) {
			b.Write(v)
			b.WriteByte(0)
		}
	}
	s := spot{name: name, column: column, bytes: bytes.ReplaceAll(b.Bytes(), []byte("=\r\n"), nil)}
	s.folded = bytes.ToLower(s.bytes)
	return s
}

// unfold gives a value and what is packed in it.
func unfold(b []byte) [][]byte {
	out := [][]byte{b}
	unpack := func(r io.Reader, err error) {
		if err == nil {
			if x, _ := io.ReadAll(io.LimitReader(r, 16<<20)); len(x) > 0 {
				out = append(out, x)
			}
		}
	}
	for _, v := range append([][]byte{b}, decoded(b)...) {
		if i := bytes.Index(v, []byte{0x1f, 0x8b, 8}); i >= 0 {
			r, err := gzip.NewReader(bytes.NewReader(v[i:]))
			unpack(r, err)
		}
		if len(v) > 2 && v[0] == 0x78 && (int(v[0])<<8|int(v[1]))%31 == 0 {
			r, err := zlib.NewReader(bytes.NewReader(v))
			unpack(r, err)
		}
	}
	return out
}

func decoded(b []byte) (out [][]byte) {
	if len(b) < 16 || len(b) > 1<<20 {
		return nil
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if x, err := enc.DecodeString(string(b)); err == nil {
			out = append(out, x)
		}
	}
	return out
}

// finds gives the first spelling of a value that stands in a spot.
func (s spot) finds(all []spelling) (spelling, bool) {
	for _, x := range all {
		in := s.bytes
		if x.fold {
			in = s.folded
		}
		if bytes.Contains(in, x.bytes) {
			return x, true
		}
	}
	return spelling{}, false
}

// may tells whether the map allows a value to be read in a spot.
func (s spot) may(c canary) bool {
	return s.column != nil && s.column.PD != nil && s.column.PD.Key == datamap.Clear && (s.column.PD.Category == c.category || c.also != "" && s.column.PD.Category == c.also)
}

// dump is everything a house has written down.
type dump struct {
	spots []spot
	rows  map[string][]map[string]any // of each table, "store.table"
}

// scan reads every column of every table of the three stores, and every file.
func (e *everything) scan(t *testing.T) dump {
	t.Helper()
	d := dump{rows: map[string][]map[string]any{}}
	m := app.DataMap()
	for kind, db := range map[datamap.Store]interface{ Path() string }{datamap.Main: e.Main, datamap.Keys: e.Keys, datamap.Archive: e.Archive} {
		read := e.reader(t, kind, db.Path())
		for _, table := range m.Tables(kind) {
			rows := read(table.Name)
			name := string(kind) + "." + table.Name
			d.rows[name] = rows
			for i := range table.Columns {
				c := &table.Columns[i]
				cells := make([][]byte, 0, len(rows))
				for _, r := range rows {
					cells = append(cells, plain(r[c.Name]))
				}
				d.spots = append(d.spots, newSpot(name+"."+c.Name, c, cells...))
			}
		}
	}
	d.spots = append(d.spots, e.files(t, false)...)
	return d
}

// reader reads whole tables of a store, past every wall.
func (e *everything) reader(t *testing.T, kind datamap.Store, path string) func(table string) []map[string]any {
	t.Helper()
	u := map[datamap.Store]string{datamap.Main: e.Config.Database.Raw(), datamap.Keys: e.Config.Keys.Raw(), datamap.Archive: e.Config.Archive.Raw()}[kind]
	if u != "" {
		c, err := pgx.Connect(t.Context(), u)
		must(t, err)
		t.Cleanup(func() { c.Close(t.Context()) })
		return func(table string) (out []map[string]any) {
			rows, err := c.Query(t.Context(), `SELECT * FROM "`+table+`"`)
			must(t, err)
			out, err = pgx.CollectRows(rows, pgx.RowToMap)
			must(t, err)
			return out
		}
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return func(table string) (out []map[string]any) {
		rows, err := db.Query(`SELECT * FROM "` + table + `"`)
		must(t, err)
		defer rows.Close()
		names, _ := rows.Columns()
		for rows.Next() {
			row, to := make([]any, len(names)), make([]any, len(names))
			for i := range row {
				to[i] = &row[i]
			}
			must(t, rows.Scan(to...))
			m := map[string]any{}
			for i, n := range names {
				m[n] = row[i]
			}
			out = append(out, m)
		}
		must(t, rows.Err())
		return out
	}
}

func plain(v any) []byte {
	switch x := v.(type) {
	case nil:
		return nil
	case []byte:
		return x
	case string:
		return []byte(x)
	case map[string]any, []any:
		var b bytes.Buffer
		j := json.NewEncoder(&b)
		j.SetEscapeHTML(false)
		j.Encode(x)
		return b.Bytes()
	}
	return fmt.Append(nil, v)
}

// empty tells whether a value says nothing.
func empty(v any) bool {
	switch x := v.(type) {
	case bool:
		return !x
	case nil:
		return true
	}
	s := strings.TrimSpace(string(plain(v)))
	return s == "" || s == "0" || s == "{}"
}

// files are the files of the data folder with their names: without the databases', or those alone.
func (e *everything) files(t *testing.T, databases bool) (out []spot) {
	t.Helper()
	var names bytes.Buffer
	must(t, filepath.WalkDir(e.Config.Data, func(path string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fmt.Fprintln(&names, f.Name())
		if f.IsDir() || !f.Type().IsRegular() || strings.Contains(f.Name(), ".db") != databases {
			return nil
		}
		b, err := os.ReadFile(path)
		out = append(out, newSpot("file "+f.Name(), nil, b))
		return err
	}))
	return append(out, newSpot("names of files", nil, names.Bytes()))
}

// leaks are the values that can be read where the map doesn't say so.
func leaks(spots []spot, values []canary) (out []string) {
	for _, c := range values {
		all := c.spellings()
		for _, s := range spots {
			if x, found := s.finds(all); found && (x.name != "clear" || !s.may(c)) {
				out = append(out, fmt.Sprintf("%s of the canary, %s, in %s", c.what, x.name, s.name))
			}
		}
	}
	slices.Sort(out)
	return out
}

// unread are clear columns of a value's category in which it can't be read.
func unread(spots []spot, values []canary) (out []string) {
	for _, s := range spots {
		if s.column == nil || s.column.PD == nil || s.column.PD.Key != datamap.Clear || !aboutPeople(s.column.PD) {
			continue
		}
		of := slices.IndexFunc(values, func(c canary) bool { return c.category == s.column.PD.Category })
		if of < 0 {
			continue
		}
		if _, found := s.finds(values[of].spellings()); !found {
			out = append(out, s.name)
		}
	}
	return out
}

func aboutPeople(p *datamap.PD) bool {
	return p.Whose == datamap.Contacts || p.Whose == datamap.Visitors
}

// naming is the column of a table that names a person by number, or "".
func naming(t datamap.Table) string {
	for _, c := range t.Columns {
		if c.PD != nil && c.PD.Category == "pseudonym" && aboutPeople(c.PD) && c.PD.Erasure == datamap.Delete {
			return c.Name
		}
	}
	return ""
}

// bare are columns of people's data in which a person's rows hold nothing, clear or sealed: the
// scanner then has not seen what it is to see.
func (d dump) bare(people ...int64) (out []string) {
	for _, t := range app.DataMap() {
		rows := d.rows[string(t.Store)+"."+t.Name]
		by := naming(t)
		for _, c := range t.Columns {
			if c.PD == nil || !aboutPeople(c.PD) {
				continue
			}
			if !slices.ContainsFunc(rows, func(r map[string]any) bool {
				return !empty(r[c.Name]) && (by == "" || c.PD.Category == "pseudonym" && c.Name != by || slices.ContainsFunc(people, func(id int64) bool { return fmt.Sprint(r[by]) == fmt.Sprint(id) }))
			}) {
				out = append(out, string(t.Store)+"."+t.Name+"."+c.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// numbered are the columns that hold a person's number.
func (d dump) numbered(person int64) (out []string) {
	want := strconv.FormatInt(person, 10)
	for _, t := range app.DataMap() {
		for _, c := range t.Columns {
			if slices.ContainsFunc(d.rows[string(t.Store)+"."+t.Name], func(r map[string]any) bool { return fmt.Sprint(r[c.Name]) == want }) {
				out = append(out, string(t.Store)+"."+t.Name+"."+c.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}
