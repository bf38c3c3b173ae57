// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"consend/internal/ground/fault"
)

// root is the root key set in memory. Its file is Tink's JSON form in the clear: who
// reads the file opens everything, so it is 0600 and belongs outside every backup of
// the stores.
type root struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

func useRoot(h *keyset.Handle) (*root, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, err
	}
	return &root{handle: h, aead: a}, nil
}

func newRoot() (*root, error) {
	h, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, err
	}
	return useRoot(h)
}

// readRoot reads the file; fs.ErrNotExist when there is none. A file that others may
// read is refused: a key that leaked is no key.
func readRoot(path string) (*root, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Refused, "keys.root.readable", "path", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(b)))
	if err != nil {
		return nil, fault.New(fault.Refused, "keys.root.damaged", "path", path).Because(errors.New("not a key set"))
	}
	return useRoot(h)
}

// write replaces the file as a whole: a crash leaves the old one or the new one. With
// first it refuses to replace anything.
func (r *root) write(path string, first bool) (err error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(r.handle, keyset.NewJSONWriter(&b)); err != nil {
		return err
	}
	if first { // with three databases elsewhere, nothing else has made the folder
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if first {
		// A link fails if the name is taken: two first starts can't overwrite each other.
		err = os.Link(tmp, path)
		_ = os.Remove(tmp)
	} else {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// renewed gives the set with a new primary key beside the old ones.
func (r *root) renewed() (*root, error) {
	m := keyset.NewManagerFromHandle(r.handle)
	id, err := m.Add(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return useRoot(h)
}

// alone gives the set with its primary key only.
func (r *root) alone() (*root, error) {
	primary, err := r.handle.Primary()
	if err != nil {
		return nil, err
	}
	m := keyset.NewManagerFromHandle(r.handle)
	for i := range r.handle.Len() {
		e, err := r.handle.Entry(i)
		if err != nil {
			return nil, err
		}
		if e.KeyID() == primary.KeyID() {
			continue
		}
		if err := m.Delete(e.KeyID()); err != nil {
			return nil, err
		}
	}
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return useRoot(h)
}

func (r *root) seal(at AAD, plain []byte) ([]byte, error) {
	return r.aead.Encrypt(plain, at.bytes(Installation))
}

func (r *root) open(at AAD, sealed []byte) ([]byte, error) {
	p, err := r.aead.Decrypt(sealed, at.bytes(Installation))
	if err != nil {
		return nil, fmt.Errorf("keys: %s %d does not open with this root key", at.Table, at.Row)
	}
	return p, nil
}
