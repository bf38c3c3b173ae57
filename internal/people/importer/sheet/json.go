// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"consend/internal/ground/fault"
)

// looksLikeJSON tells JSON from a table whose first cell begins with a bracket.
func looksLikeJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 {
		return false
	}
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	switch {
	case len(rest) == 0:
		return false
	case text[0] == '{':
		return rest[0] == '"' || rest[0] == '}'
	case text[0] == '[':
		return strings.IndexByte(`{["]-0123456789`, rest[0]) >= 0
	}
	return false
}

// A file of JSON is an array of objects, an object on each line, or one object that holds such
// an array (what the interfaces of other tools answer). An object is a row, its members are
// columns; those of an object inside it are columns too, under its name unless that only says
// "more columns" (Brevo's and listmonk's attributes). What lies deeper stays as text.
var (
	wrappers = []string{"contacts", "results", "data", "members", "subscribers", "people", "items", "records", "rows", "users", "customers", "list"}
	bareIn   = []string{"attributes", "attribs", "attrs", "merge_fields", "fields", "custom_fields", "customfields", "properties", "custom"}
)

func convertJSON(f Format, src io.Reader, out *numbered) (Format, error) {
	o := &objects{out: out, at: map[string]int{}, line: 1}
	b := bufio.NewReaderSize(plainUTF8(f, src), out.limits.Row+1)
	err := o.file(b)
	if err != nil {
		return f, err
	}
	if o.rows == 0 {
		return f, fault.New(fault.Invalid, "import.file.no_rows").At("file")
	}
	f.Names, f.Header, f.Sheet = strings.Join(o.names, partedBy), false, 1
	return f, nil
}

// objects writes the objects of a file as rows. Columns are found on the way: a row has as many
// cells as were known when it was written.
type objects struct {
	out   *numbered
	names []string
	at    map[string]int // path of the member to its column
	cells [][]byte
	line  int
	rows  int
	lists bool // lists stay as they are written: each is one of choices
}

func (o *objects) file(b *bufio.Reader) error {
	head, _ := b.Peek(o.out.limits.Row)
	first, _, cut := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	if cut && len(first) > 0 && first[0] == '{' && json.Valid(first) {
		return o.lines(b)
	}
	lines := &lineReader{r: b, line: 1}
	dec := json.NewDecoder(lines)
	dec.UseNumber()
	for {
		t, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return lines.fault(err, dec.InputOffset())
		}
		switch t {
		case json.Delim('['):
			err = o.array(dec, lines)
		case json.Delim('{'):
			err = o.object(dec, lines, 0)
		default:
			err = fault.New(fault.Invalid, "import.file.json_shape").At("file")
		}
		if err != nil {
			return err
		}
	}
}

// lines reads an object on each line: a line that can't be read costs that one alone.
func (o *objects) lines(b *bufio.Reader) error {
	for line := 1; ; line++ {
		raw, err := b.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = b.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return err
		}
		switch raw := bytes.TrimSpace(raw); {
		case long:
			o.rows++
			if err := o.out.refuse(1, line, "import.row.long"); err != nil {
				return err
			}
		case len(raw) == 0:
		default:
			if err := o.row(raw, line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// array reads elements up to the closing bracket.
func (o *objects) array(dec *json.Decoder, lines *lineReader) error {
	for dec.More() {
		lines.left = 2*o.out.limits.Row + 64<<10
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return lines.fault(err, dec.InputOffset())
		}
		if err := o.row(raw, lines.at(dec.InputOffset()-int64(len(raw)))); err != nil {
			return err
		}
	}
	lines.left = 2*o.out.limits.Row + 64<<10
	if _, err := dec.Token(); err != nil {
		return lines.fault(err, dec.InputOffset())
	}
	return nil
}

// object reads one whose brace is open: it holds the array of people, or is one of them.
func (o *objects) object(dec *json.Decoder, lines *lineReader, depth int) error {
	line := lines.at(dec.InputOffset())
	var own bytes.Buffer
	own.WriteByte('{')
	held, person := false, false
	for dec.More() {
		lines.left = 2*o.out.limits.Row + 64<<10
		key, err := dec.Token()
		if err != nil {
			return lines.fault(err, dec.InputOffset())
		}
		name, _ := key.(string)
		wraps := slices.Contains(wrappers, strings.ToLower(name))
		next, err := lines.peek(dec)
		if err != nil {
			return lines.fault(err, dec.InputOffset())
		}
		if !person && wraps && (next == '[' || next == '{' && depth < 2) {
			if _, err := dec.Token(); err != nil {
				return lines.fault(err, dec.InputOffset())
			}
			held = true
			if next == '[' {
				err = o.array(dec, lines)
			} else {
				err = o.object(dec, lines, depth+1)
			}
			if err != nil {
				return err
			}
			continue
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return lines.fault(err, dec.InputOffset())
		}
		var s string
		person = person || json.Unmarshal(raw, &s) == nil && LooksLikeAddress(s)
		if own.Len() > 1 {
			own.WriteByte(',')
		}
		k, _ := json.Marshal(name)
		own.Write(k)
		own.WriteByte(':')
		own.Write(raw)
		if own.Len() > o.out.limits.Row {
			return fault.New(fault.TooLarge, "import.row.long", "limit", o.out.limits.Row>>10).At("file")
		}
	}
	if _, err := dec.Token(); err != nil {
		return lines.fault(err, dec.InputOffset())
	}
	own.WriteByte('}')
	if held && !person {
		return nil
	}
	return o.row(own.Bytes(), line)
}

// row writes an object as a row, or refuses it.
func (o *objects) row(raw []byte, line int) error {
	o.rows++
	if len(raw) > o.out.limits.Row {
		return o.out.refuse(1, line, "import.row.long")
	}
	for i := range o.cells {
		o.cells[i] = nil
	}
	key := o.members(raw, "")
	if key == "" && len(o.names) > o.out.limits.Columns {
		key = "import.row.columns"
	}
	if key != "" {
		return o.out.refuse(1, line, key)
	}
	n := len(o.cells)
	for n > 0 && len(o.cells[n-1]) == 0 {
		n--
	}
	return o.out.row(1, line, o.cells[:n])
}

// members puts the members of an object in their cells. It gives the key of what is wrong.
func (o *objects) members(raw []byte, inside string) string {
	if t := bytes.TrimLeft(raw, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		if !json.Valid(raw) {
			return "import.row.json"
		}
		return "import.row.json_object"
	}
	if !json.Valid(raw) {
		return "import.row.json"
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return "import.row.json"
	}
	seen := map[string]bool{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return "import.row.json"
		}
		name, _ := k.(string)
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return "import.row.json"
		}
		if seen[name] {
			return "import.row.json_twice"
		}
		seen[name] = true
		if v[0] == '{' && inside == "" {
			if key := o.members(v, name); key != "" {
				return key
			}
			continue
		}
		cell, ok := scalar(v)
		if o.lists && v[0] == '[' {
			cell, ok = compact(v)
		}
		if !ok || len(cell) == 0 && o.at[inside+partedBy+name] == 0 {
			continue
		}
		if i := o.column(inside, name); i < 0 {
			return "import.row.columns"
		} else if i < len(o.cells) {
			o.cells[i] = cell
		}
		if status := onLists(name, v); status != "" && inside == "" {
			if i := o.column(name, "status"); i < 0 {
				return "import.row.columns"
			} else if i < len(o.cells) {
				o.cells[i] = []byte(status)
			}
		}
	}
	return ""
}

// onLists gives the status of a person on each of their lists, as objects hold it (listmonk): every word once, as in
// "confirmed, unsubscribed". Who never confirmed a list that doesn't ask for it is subscribed.
func onLists(name string, v json.RawMessage) string {
	if name = strings.ToLower(name); v[0] != '[' || name != "lists" && name != "subscriptions" {
		return ""
	}
	var lists []struct {
		Status string `json:"status"`
		Here   string `json:"subscription_status"` // beside the list's own status
		Optin  string `json:"optin"`
	}
	_ = json.Unmarshal(v, &lists) // what is no such object has no status
	var all []string
	for _, l := range lists {
		s := l.Here
		if s == "" {
			s = l.Status
		}
		if s == "unconfirmed" && l.Optin == "single" {
			s = "subscribed"
		}
		if s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return strings.Join(all, ", ")
}

// column finds or makes the column of a member.
func (o *objects) column(inside, name string) int {
	full := inside + partedBy + name
	if i, ok := o.at[full]; ok {
		return i - 1
	}
	if len(o.names) >= o.out.limits.Columns {
		return -1
	}
	shown := strings.ReplaceAll(name, partedBy, " ")
	if inside != "" && (!slices.Contains(bareIn, strings.ToLower(inside)) || slices.Contains(o.names, shown)) {
		shown = strings.ReplaceAll(inside, partedBy, " ") + "." + shown
	}
	o.names, o.cells = append(o.names, shown), append(o.cells, nil)
	o.at[full] = len(o.names)
	return len(o.names) - 1
}

// scalar is a value as text. A list of words is joined; what lies deeper stays as it is written.
func scalar(v json.RawMessage) ([]byte, bool) {
	switch v[0] {
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return nil, false
		}
		return []byte(s), true
	case 'n':
		return nil, true
	case '[':
		var list []any
		d := json.NewDecoder(bytes.NewReader(v))
		d.UseNumber()
		if err := d.Decode(&list); err != nil {
			return nil, false
		}
		var parts []string
		for _, x := range list {
			switch x := x.(type) {
			case string:
				if strings.ContainsAny(x, ",;|\n") { // as a list of JSON it is read whole
					return compact(v)
				}
				parts = append(parts, x)
			case json.Number:
				parts = append(parts, x.String())
			case nil:
			default:
				return compact(v)
			}
		}
		return []byte(strings.Join(parts, ", ")), true
	case '{':
		return compact(v)
	}
	return v, true
}

func compact(v json.RawMessage) ([]byte, bool) {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}

// lineReader knows on which line an octet stands, and gives no more for one element than a row may have.
type lineReader struct {
	r    io.Reader
	left int
	read int64
	ends []int64 // ends of lines that were read and not passed
	line int     // of the last question
}

var errLong = errors.New("sheet: an object is too long")

func (l *lineReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		l.left = 2 << 20
	}
	if l.left < 0 {
		return 0, errLong
	}
	n, err := l.r.Read(p[:min(len(p), 32<<10)])
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	if l.left -= n; l.left == 0 {
		l.left = -1
	}
	return n, err
}

// at tells the line of an octet. Questions go forward.
func (l *lineReader) at(offset int64) int {
	n := 0
	for n < len(l.ends) && l.ends[n] < offset {
		n++
	}
	l.line += n
	l.ends = l.ends[:copy(l.ends, l.ends[n:])]
	return l.line
}

func (l *lineReader) fault(err error, offset int64) error {
	switch {
	case errors.Is(err, errLong):
		return fault.New(fault.TooLarge, "import.file.json_long").At("file").OnLine(l.at(offset))
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "import.file.json_cut").At("file").OnLine(l.at(offset))
	}
	var s *json.SyntaxError
	if errors.As(err, &s) {
		return fault.New(fault.Invalid, "import.file.json", "line", l.at(s.Offset)).At("file").Because(err)
	}
	return err
}

// peek tells how the next value begins, without taking it.
func (l *lineReader) peek(dec *json.Decoder) (byte, error) {
	rest := dec.Buffered()
	b := make([]byte, 1)
	for {
		n, err := rest.Read(b)
		if n == 1 && strings.IndexByte(" \t\r\n:", b[0]) < 0 {
			return b[0], nil
		}
		if err != nil {
			return 0, nil // the buffer ends here: Decode takes it whole
		}
	}
}
