// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"encoding/binary"
	"sync"

	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
)

// Marks tell for which address a link was made: 32 bits of the address's fingerprint, beside a tag that nobody can forge
// (mail/token, Preferences). A link that lies in the mailbox somebody left shows by it that it does. For many goroutines.
type Marks struct{ fps sync.Pool }

// NewMarks gives the marks of the reader's account.
func NewMarks(r store.Reader) (*Marks, error) {
	key, err := keys.Of(r).MAC(accountOf(r), "fp")
	if err != nil {
		return nil, err
	}
	return &Marks{fps: sync.Pool{New: func() any { return address.NewFingerprints(key[:]) }}}, nil
}

// Of gives the mark of an address.
func (m *Marks) Of(a address.Address) int64 {
	f := m.fps.Get().(*address.Fingerprints)
	fp := f.Of(a)
	m.fps.Put(f)
	return int64(binary.BigEndian.Uint32(fp[:]))
}
