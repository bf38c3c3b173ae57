// SPDX-License-Identifier: AGPL-3.0-or-later

package importer

import (
	"context"
	"strings"
	"testing"

	"consend/internal/ground/rulepack"
	"consend/internal/people/contact"
	"consend/internal/people/importer/sheet"
)

// Rows of a megabyte, or rows of which each cell is worth a remark, don't wait for one another by the thousand.
func TestABatchOfLongRowsIsShort(t *testing.T) {
	packs := rulepack.Packs()
	wide := strings.Repeat(";x"+strings.Repeat(" ", 32<<10-1), 20)
	for name, c := range map[string]struct {
		row     string
		columns int
	}{"long": {wide, 20}, "remarked": {strings.Repeat(";no number", 99), 99}} {
		m := Mapping{{To: Email}}
		for i := range c.columns {
			m = append(m, Column{To: Attribute, Attribute: "A" + itoa(i), Type: map[string]contact.Type{"long": "text", "remarked": "number"}[name]})
		}
		var b strings.Builder
		for i := range 200 {
			b.WriteString("p" + itoa(i) + "@example.org" + c.row + "\n")
		}
		i := Import{Format: sheet.Format{Encoding: sheet.UTF8, Separator: ';', End: '\n'}, Mapping: m, Survey: Survey{Rows: 200}}
		rd := newReader(i, rulepack.Published(packs[len(packs)-1]), 0, utc)
		batches, parsed := stream(context.Background(), strings.NewReader(b.String()), i, rd, sheet.Standard, Cursor{})
		rows, at := 0, int64(0)
		for x := range batches {
			if n := x.next.Offset - x.from; x.from != at || n > batchOctets+1<<20 {
				t.Errorf("%s: a batch of %d rows and %d octets at %d", name, len(x.rows), n, x.from)
			}
			if len(x.notes) > 4*batchRows+99 {
				t.Errorf("%s: %d notes wait", name, len(x.notes))
			}
			rows, at = rows+len(x.rows), x.next.Offset
		}
		if err := parsed(); err != nil || rows != 200 {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
	}
}
