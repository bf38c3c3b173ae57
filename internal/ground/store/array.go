// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// cells is one column of the rows of a load. It writes itself as an array of PostgreSQL in
// the binary form, straight from the rows: the driver's own way boxes every element, and cost
// an import as much as all else it does.
type cells struct {
	of   Column
	rows [][]any
	i    int
	more int // octets that the columns after it will take, so that the buffer grows once
}

// size is how many octets the array takes, at most.
func (c *cells) size() int {
	n := 20
	for _, r := range c.rows {
		n += 13
		switch v := r[c.i].(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		}
	}
	return n
}

var elements = map[Type]uint32{Int: pgtype.Int8OID, Text: pgtype.TextOID, Bytes: pgtype.ByteaOID, JSON: pgtype.JSONBOID, Bool: pgtype.BoolOID}

// append writes the array: dimensions, whether there may be NULL, the elements' type, their
// number, the lowest index; then each with its length (array_recv).
func (c *cells) append(b []byte) ([]byte, error) {
	b = slices.Grow(b, c.size()+c.more)
	for _, n := range [...]uint32{1, 1, elements[c.of.Type], uint32(len(c.rows)), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, r := range c.rows {
		v, err := plain(r[c.i])
		if err != nil {
			return nil, err
		}
		switch x := v.(type) {
		case nil:
			if c.of.Type != Bytes {
				return nil, c.misfit(r)
			}
			b = binary.BigEndian.AppendUint32(b, 1<<32-1)
		case int64:
			if c.of.Type != Int {
				return nil, c.misfit(r)
			}
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(x))
		case string:
			switch c.of.Type {
			case Text:
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(x))), x...)
			case JSON: // the binary form of jsonb is its version and the text
				b = append(append(binary.BigEndian.AppendUint32(b, uint32(len(x)+1)), 1), x...)
			default:
				return nil, c.misfit(r)
			}
		case []byte:
			if c.of.Type != Bytes {
				return nil, c.misfit(r)
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(x))), x...)
		case bool:
			if c.of.Type != Bool {
				return nil, c.misfit(r)
			}
			n := byte(0)
			if x {
				n = 1
			}
			b = append(binary.BigEndian.AppendUint32(b, 1), n)
		default:
			return nil, c.misfit(r)
		}
	}
	return b, nil
}

func (c *cells) misfit(row []any) error { return fmt.Errorf("%T does not fit", row[c.i]) }

// arrays is the driver's codec of arrays, which also takes cells.
type arrays struct{ *pgtype.ArrayCodec }

func (a arrays) PreferredFormat() int16 { return pgtype.BinaryFormatCode }

func (a arrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(*cells); !ok {
		return a.ArrayCodec.PlanEncode(m, oid, format, value)
	}
	if format != pgtype.BinaryFormatCode {
		return nil
	}
	return cellsPlan{}
}

type cellsPlan struct{}

func (cellsPlan) Encode(value any, buf []byte) ([]byte, error) { return value.(*cells).append(buf) }

// takeCells teaches a connection to send cells.
func takeCells(c *pgx.Conn) {
	m := c.TypeMap()
	for _, oid := range []uint32{pgtype.Int8ArrayOID, pgtype.TextArrayOID, pgtype.ByteaArrayOID, pgtype.JSONBArrayOID, pgtype.BoolArrayOID} {
		if t, ok := m.TypeForOID(oid); ok {
			if a, ok := t.Codec.(*pgtype.ArrayCodec); ok {
				m.RegisterType(&pgtype.Type{Name: t.Name, OID: oid, Codec: arrays{a}})
			}
		}
	}
}
