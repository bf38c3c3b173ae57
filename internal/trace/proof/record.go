// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is 32 bytes of SHA-256 or HMAC-SHA-256.
type Hash = [32]byte

// MAC is HMAC-SHA-256 (RFC 2104) with a 32-byte key, without an allocation for
// messages up to 448 bytes: an import computes nine of them for every row.
func MAC(key *Hash, msg []byte) Hash {
	var stack [512]byte
	in := stack[:64]
	if len(msg) > len(stack)-64 {
		in = make([]byte, 64, 64+len(msg))
	}
	var out [96]byte
	for i := 0; i < 32; i += 8 { // the key, then zeros
		k := binary.NativeEndian.Uint64(key[i:])
		binary.NativeEndian.PutUint64(in[i:], k^0x3636363636363636)
		binary.NativeEndian.PutUint64(out[i:], k^0x5c5c5c5c5c5c5c5c)
		binary.NativeEndian.PutUint64(in[32+i:], 0x3636363636363636)
		binary.NativeEndian.PutUint64(out[32+i:], 0x5c5c5c5c5c5c5c5c)
	}
	inner := sha256.Sum256(append(in, msg...))
	copy(out[64:], inner[:])
	return sha256.Sum256(out[:])
}

// Whole is the index of an entry that is not a member of a set.
const Whole = -1

// Salt gives s1 or s2 of an entry (index Whole: 8 bytes of id, big-endian) or of a
// member (8 bytes of id, 4 bytes of index) from a longer-lived key that no proof reveals.
func Salt(key *Hash, entry int64, index int) Hash {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(entry))
	if index == Whole {
		return MAC(key, b[:8])
	}
	binary.BigEndian.PutUint32(b[8:], uint32(index))
	return MAC(key, b[:])
}

// All gives the key of the private part as a whole.
func All(s2 *Hash) Hash { return MAC(s2, []byte("all")) }

// FieldKey gives k_name, the key of one private field's commitment.
func FieldKey(s2 *Hash, name string) Hash {
	var b [80]byte
	return MAC(s2, append(append(b[:0], "field "...), name...))
}

// Commit gives the commitment of a private value under its field's key.
func Commit(k *Hash, value string) Hash { return MAC(k, []byte(Clean(value))) }

// Commitments are the commitments of the private fields by name.
type Commitments map[string]Hash

// CommitAll commits every private field under s2.
func CommitAll(s2 *Hash, private Fields) (Commitments, error) {
	c := make(Commitments, len(private))
	for n, v := range private {
		if !GoodName(n) {
			return nil, fmt.Errorf("proof: %q is not a field name", n)
		}
		k := FieldKey(s2, n)
		c[n] = Commit(&k, v)
	}
	return c, nil
}

// Text gives the canonical text of the private part: sorted lines `name commitment`.
func (c Commitments) Text() string {
	names := make([]string, 0, len(c))
	for n := range c {
		names = append(names, n)
	}
	sort.Strings(names)
	b := make([]byte, 0, len(c)*80)
	for _, n := range names {
		h := c[n]
		b = append(append(b, n...), ' ')
		b = append(hex.AppendEncode(b, h[:]), '\n')
	}
	return string(b)
}

// ParseCommitments reads the canonical text of a private part.
func ParseCommitments(text string) (Commitments, error) {
	f, err := Parse(text)
	if err != nil {
		return nil, err
	}
	c := make(Commitments, len(f))
	for n, v := range f {
		h, ok := hex32(v)
		if !ok {
			return nil, fmt.Errorf("proof: %s is not a commitment", n)
		}
		c[n] = h
	}
	return c, nil
}

// Leaf gives the leaf of a record c1‖c2 (RFC 6962: SHA-256 of 0x00 and the record).
func Leaf(c1, c2 Hash) Hash {
	var b [65]byte
	copy(b[1:], c1[:])
	copy(b[33:], c2[:])
	return sha256.Sum256(b[:])
}

// leaf gives the leaf of a shown record; every shown value is committed anew.
func (r Record) leaf() (Hash, error) {
	s1, ok := hex32(r.S1)
	if !ok {
		return Hash{}, fmt.Errorf("s1 is not 32 bytes of hexadecimal")
	}
	c1 := MAC(&s1, []byte(r.Clear))
	c2, err := r.private()
	return Leaf(c1, c2), err
}

func (r Record) private() (Hash, error) {
	if r.C2 != "" {
		c2, ok := hex32(r.C2)
		if !ok || r.S2All != "" || len(r.Private) > 0 {
			return Hash{}, fmt.Errorf("a private part is either shown or left out")
		}
		return c2, nil
	}
	all, ok := hex32(r.S2All)
	if !ok {
		return Hash{}, fmt.Errorf("s2all is not 32 bytes of hexadecimal")
	}
	c := Commitments{}
	last := ""
	for _, f := range r.Private {
		if !GoodName(f.Name) || f.Name <= last {
			return Hash{}, fmt.Errorf("private fields are not in order")
		}
		last = f.Name
		h, err := f.commitment()
		if err != nil {
			return Hash{}, err
		}
		c[f.Name] = h
	}
	return MAC(&all, []byte(c.Text())), nil
}

func (f Field) commitment() (Hash, error) {
	if f.Commitment != "" {
		h, ok := hex32(f.Commitment)
		if !ok || f.Key != "" || f.Value != "" {
			return Hash{}, fmt.Errorf("field %s is either shown or ended", f.Name)
		}
		return h, nil
	}
	k, ok := hex32(f.Key)
	if !ok || f.Removed != "" || Clean(f.Value) != f.Value {
		return Hash{}, fmt.Errorf("field %s is malformed", f.Name)
	}
	return Commit(&k, f.Value), nil
}

// Shown makes the private fields of a Record: those in values with their keys, the
// others of c with their commitment and the reason why the value is not there.
// It fails when a value is not the one committed.
func Shown(s2 *Hash, c Commitments, values Fields, removed map[string]string) ([]Field, error) {
	out := make([]Field, 0, len(c))
	for n, h := range c {
		v, ok := values[n]
		if !ok {
			out = append(out, Field{Name: n, Commitment: hexOf(h), Removed: removed[n]})
			continue
		}
		k := FieldKey(s2, n)
		if Commit(&k, v) != h {
			return nil, fmt.Errorf("proof: field %s is not the value that was committed", n)
		}
		out = append(out, Field{Name: n, Value: Clean(v), Key: hexOf(k)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Hex writes a hash the way a File holds it.
func Hex(h Hash) string { return hexOf(h) }

// Path writes an inclusion or consistency path the way a File holds it.
func Path(p []tlog.Hash) []string {
	out := make([]string, len(p))
	for i, h := range p {
		out[i] = h.String()
	}
	return out
}

func parsePath(p []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(p))
	for i, s := range p {
		h, err := tlog.ParseHash(s)
		if err != nil || h.String() != s {
			return nil, fmt.Errorf("a path holds something that is not a hash")
		}
		out[i] = h
	}
	return out, nil
}
