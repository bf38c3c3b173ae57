// SPDX-License-Identifier: AGPL-3.0-or-later

package keys

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// account is an account's keys in memory.
type account struct {
	id     int64
	aead   tink.AEAD
	secret []byte

	mu   sync.Mutex
	macs map[string][keyLen]byte
}

// sealedAccount is an account's row in the keys store.
type sealedAccount struct {
	AccountID int64
	Keyset    []byte // Tink key set, sealed by the root
	Secret    []byte // 32 random bytes, sealed by the root
}

func makeAccount(r *root, id int64) (sealedAccount, error) {
	h, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return sealedAccount{}, err
	}
	secret := make([]byte, keyLen)
	if _, err := rand.Read(secret); err != nil {
		return sealedAccount{}, err
	}
	return sealAccount(r, id, h, secret)
}

func sealAccount(r *root, id int64, h *keyset.Handle, secret []byte) (sealedAccount, error) {
	var b bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), r.aead, accountAt(id, "keyset").bytes(Installation)); err != nil {
		return sealedAccount{}, err
	}
	s, err := r.seal(accountAt(id, "secret"), secret)
	return sealedAccount{AccountID: id, Keyset: b.Bytes(), Secret: s}, err
}

func accountAt(id int64, column string) AAD {
	return AAD{Table: "key_account", Column: column, Row: id}
}

func (s sealedAccount) open(r *root) (*keyset.Handle, []byte, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(s.Keyset)), r.aead, accountAt(s.AccountID, "keyset").bytes(Installation))
	if err != nil {
		return nil, nil, err
	}
	secret, err := r.open(accountAt(s.AccountID, "secret"), s.Secret)
	return h, secret, err
}

func (s sealedAccount) use(r *root) (*account, error) {
	h, secret, err := s.open(r)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(h)
	return &account{id: s.AccountID, aead: a, secret: secret, macs: map[string][keyLen]byte{}}, err
}

// mac gives the account's key for one kind: HKDF-SHA-256 (RFC 5869) of its secret.
func (a *account) mac(kind string) ([keyLen]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k, ok := a.macs[kind]; ok {
		return k, nil
	}
	b, err := hkdf.Key(sha256.New, a.secret, nil, "consend mac "+kind, keyLen)
	if err != nil {
		return [keyLen]byte{}, err
	}
	k := [keyLen]byte(b)
	a.macs[kind] = k
	return k, nil
}

func (a *account) seal(at AAD, plain []byte) ([]byte, error) {
	return a.aead.Encrypt(plain, at.bytes(a.id))
}

func (a *account) open(at AAD, sealed []byte) ([]byte, error) {
	return a.aead.Decrypt(sealed, at.bytes(a.id))
}
