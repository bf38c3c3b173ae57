// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import "strconv"

// Box seals the pieces of a blob, each for its own place, under the account's key or a
// person's. It serves blob.Box.
type Box struct {
	seal, open func(AAD, []byte) ([]byte, error)
}

// Box seals blobs of an account.
func (r *Ring) Box(account int64) Box {
	return Box{
		func(at AAD, b []byte) ([]byte, error) { return r.Seal(account, at, b) },
		func(at AAD, b []byte) ([]byte, error) { return r.Open(account, at, b) },
	}
}

// Box seals blobs that end with the person.
func (s Subject) Box() Box { return Box{s.Seal, s.Open} }

func piece(blob, n int64) AAD {
	return AAD{Table: "blob_chunk", Column: "data " + strconv.FormatInt(n, 10), Row: blob}
}

// Seal seals piece n of a blob.
func (b Box) Seal(blob, n int64, plain []byte) ([]byte, error) { return b.seal(piece(blob, n), plain) }

// Open opens piece n of a blob.
func (b Box) Open(blob, n int64, sealed []byte) ([]byte, error) {
	return b.open(piece(blob, n), sealed)
}
