// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// sheet is 256 subject keys side by side: one row of 8 KiB instead of 256 rows
// (4.4 million keys a second instead of 0.1). A slot of zeros was forgotten.
type sheet [SheetSize * keyLen]byte

func newSheet() (int64, *sheet, error) {
	var id [8]byte
	s := new(sheet)
	if _, err := rand.Read(id[:]); err != nil {
		return 0, nil, err
	}
	if _, err := rand.Read(s[:]); err != nil {
		return 0, nil, err
	}
	// Random below 2^53, never 0: two nodes make sheets without asking each other.
	return int64(binary.BigEndian.Uint64(id[:])>>11 | 1), s, nil
}

func (s *sheet) slot(i int) []byte { return s[i*keyLen : (i+1)*keyLen] }

func (s *sheet) subject(account int64, i int) (Subject, error) {
	if i < 0 || i >= SheetSize {
		return Subject{}, fmt.Errorf("keys: no slot %d", i)
	}
	out := Subject{account: account}
	copy(out.key[:], s.slot(i))
	if out.key == [keyLen]byte{} {
		return Subject{}, ErrForgotten
	}
	return out, nil
}

func sheetAt(id int64) AAD { return AAD{Table: "key_sheet", Column: "slots", Row: id} }

func (s *sheet) seal(a *account, id int64) ([]byte, error) { return a.seal(sheetAt(id), s[:]) }

func openSheet(a *account, id int64, sealed []byte) (*sheet, error) {
	p, err := a.open(sheetAt(id), sealed)
	if err != nil || len(p) != len(sheet{}) {
		return nil, fmt.Errorf("keys: sheet %d of account %d does not open", id, a.id)
	}
	s := new(sheet)
	copy(s[:], p)
	return s, nil
}
