// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"

	"consend/internal/ground/fault"
)

// A table of text may hold an object of JSON in a column: listmonk's export keeps what it knows of each person so. Its
// members are columns, as those of a file of JSON are. A list of words is a list of choices; an object inside the
// object, or a list of anything else, stays as it is written.

// maxDepth is how deep brackets may stand in such a cell. Nobody notes about a person what lies deeper.
const maxDepth = 16

// holder gives the column that holds the objects: where a first row names the columns as listmonk does.
func holder(header []string) int {
	at := func(name string) int {
		return slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
	}
	if at("uuid") < 0 || at("email") < 0 {
		return -1
	}
	return at("attributes")
}

func convertMembers(f Format, src io.Reader, out *numbered) (Format, error) {
	b := bufio.NewReaderSize(src, HeadSize)
	head, err := b.Peek(HeadSize)
	if err != nil && err != io.EOF {
		return f, err
	}
	text, _, err := detectText(head, len(head) < HeadSize)
	if err != nil {
		return f, err
	}
	r := NewReader(b, text, out.limits, Position{})
	first, err := r.Next()
	if err != nil {
		return f, err
	}
	header := first.Strings()
	held := holder(header)
	if held < 0 {
		return f, fault.New(fault.Invalid, "import.file.no_rows").At("file")
	}
	o := &objects{out: out, at: map[string]int{}, lists: true}
	for i, h := range header {
		if i != held {
			o.column("", h)
		}
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return f, err
		}
		if err := o.cell(row, held); err != nil {
			return f, err
		}
	}
	if o.rows == 0 {
		return f, fault.New(fault.Invalid, "import.file.no_rows").At("file")
	}
	f.Names, f.Header, f.Sheet = strings.Join(o.names, partedBy), false, 1
	return f, nil
}

// cell writes a row whose cell of a number holds an object.
func (o *objects) cell(row Row, held int) error {
	o.rows++
	if row.Fault != nil {
		return o.out.refuse(1, row.Line, row.Fault.Key)
	}
	for i := range o.cells {
		o.cells[i] = nil
	}
	for i, c := range row.Cells {
		switch {
		case i < held:
			o.cells[i] = c
		case i > held && i-1 < len(o.cells):
			o.cells[i-1] = c
		}
	}
	if held < len(row.Cells) {
		if raw := bytes.TrimSpace(row.Cells[held]); len(raw) > 0 {
			key := "import.row.members_deep"
			if !deep(raw) {
				key = o.members(raw, "attributes")
			}
			if strings.HasPrefix(key, "import.row.json") && key != "import.row.json_twice" {
				key = "import.row.members"
			}
			if key != "" {
				return o.out.refuse(1, row.Line, key)
			}
		}
	}
	n := len(o.cells)
	for n > 0 && len(o.cells[n-1]) == 0 {
		n--
	}
	return o.out.row(1, row.Line, o.cells[:n])
}

// deep tells whether brackets stand deeper than anybody means, before anything is parsed.
func deep(raw []byte) bool {
	depth, text := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
