// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"consend/internal/ground/fault"
)

// MaxPaste is how much text may be pasted.
const MaxPaste = 1 << 20

// DetectPaste finds out what was pasted: a table with headings or several columns, copied from
// a spreadsheet, or addresses as mail programs write them: Ada Lovelace <ada@example.org>.
func DetectPaste(text []byte) (Format, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return Format{}, fault.New(fault.Invalid, "import.paste.empty").At("paste")
	}
	if len(text) > MaxPaste {
		return Format{}, fault.New(fault.TooLarge, "import.paste.large", "limit", MaxPaste>>10).At("paste")
	}
	if listed(text) {
		return Format{Kind: Pasted, Encoding: UTF8, Separator: ',', End: '\n', Sheet: 1, Names: "email" + partedBy + "name"}, nil
	}
	return Detect(text, true)
}

// listed tells whether a text is a list of addresses: it begins with one, and most entries are. What is none becomes a
// row that is refused. A line of one address and something else beside it is one of a table.
func listed(text []byte) bool {
	good, bad, beside := 0, 0, false
	for line := range bytes.Lines(text) {
		here, other := 0, 0
		for _, e := range entries(string(line)) {
			switch {
			case strings.ContainsAny(e, "\t|") && !strings.Contains(e, "<"):
				return false
			case strings.Contains(e, "@"):
				here++
			case good+here == 0:
				return false
			default:
				other++
			}
		}
		good, bad, beside = good+here, bad+other, beside || here == 1 && other > 0
	}
	return good > bad && !beside
}

func convertPaste(src io.Reader, out *numbered) error {
	b := bufio.NewScanner(src)
	b.Buffer(nil, MaxPaste+1)
	for line := 1; b.Scan(); line++ {
		for _, e := range entries(b.Text()) {
			name, address := Display(e)
			if err := out.row(1, line, [][]byte{[]byte(address), []byte(name)}); err != nil {
				return err
			}
		}
	}
	return b.Err()
}

// entries parts a line of addresses at commas and semicolons that stand outside quotes and brackets.
func entries(line string) []string {
	var out []string
	quoted, deep, from := false, 0, 0
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' && (i == 0 || line[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '<':
			deep++
		case c == '>':
			deep = max(deep-1, 0)
		case (c == ',' || c == ';') && deep == 0:
			add(line[from:i])
			from = i + 1
		}
	}
	add(line[from:])
	return out
}

// Display parts "Ada Lovelace <ada@example.org>" (RFC 5322 name-addr) into name and address.
// What has another shape is an address as it stands.
func Display(s string) (name, address string) {
	s = strings.TrimSpace(s)
	open := strings.LastIndexByte(s, '<')
	if open < 0 || !strings.HasSuffix(s, ">") {
		return "", s
	}
	address = strings.TrimSpace(s[open+1 : len(s)-1])
	name = strings.TrimSpace(s[:open])
	if len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"' {
		name = strings.ReplaceAll(strings.ReplaceAll(name[1:len(name)-1], `\"`, `"`), `\\`, `\`)
	}
	if strings.EqualFold(name, address) {
		name = ""
	}
	return name, strings.TrimPrefix(address, "mailto:")
}
