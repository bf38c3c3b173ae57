// SPDX-License-Identifier: AGPL-3.0-or-later

package store

// Rows gathers the rows of a load, cell by cell. What stands in a row as in the row above is
// kept once: an import says most things a thousand times.
type Rows struct {
	width int
	cells []any
	rows  [][]any
}

// Begin empties it for about n rows of a number of columns; its memory is used again.
func (r *Rows) Begin(width, n int) {
	r.width = width
	clear(r.cells) // nobody's values outlive their batch
	if r.cells = r.cells[:0]; cap(r.cells) < width*n {
		r.cells = make([]any, 0, width*n)
	}
}

// above is the cell over the next one.
func (r *Rows) above() any {
	if i := len(r.cells) - r.width; i >= 0 {
		return r.cells[i]
	}
	return nil
}

// Text adds a text.
func (r *Rows) Text(s string) {
	v := r.above()
	if old, ok := v.(string); !ok || old != s {
		v = s
	}
	r.cells = append(r.cells, v)
}

// Int adds a number, or a moment.
func (r *Rows) Int(n int64) {
	v := r.above()
	if old, ok := v.(int64); !ok || old != n {
		v = n
	}
	r.cells = append(r.cells, v)
}

// Bytes adds octets; nil is NULL. They are not copied.
func (r *Rows) Bytes(b []byte) {
	if b == nil {
		r.cells = append(r.cells, nil)
		return
	}
	r.cells = append(r.cells, b)
}

// Bool adds a yes or no.
func (r *Rows) Bool(b bool) { r.cells = append(r.cells, b) }

// All gives the rows, for Load or Put. They are valid until Begin.
func (r *Rows) All() [][]any {
	r.rows = r.rows[:0]
	for i := 0; i+r.width <= len(r.cells); i += r.width {
		r.rows = append(r.rows, r.cells[i:i+r.width:i+r.width])
	}
	return r.rows
}
