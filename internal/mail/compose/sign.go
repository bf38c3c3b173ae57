// SPDX-License-Identifier: AGPL-3.0-or-later

package compose

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Signer is a DKIM key of one domain (RFC 6376). It is safe for concurrent use.
type Signer struct {
	Domain   string
	Selector string
	Key      crypto.Signer
}

// signed are the headers under the signature. From and Subject stand twice: a second one added on the way breaks it.
// RFC 8058 4: List-Unsubscribe and List-Unsubscribe-Post must be covered.
var signed = []string{"From", "From", "Reply-To", "Subject", "Subject", "Date", "To", "Message-ID", "MIME-Version", "Content-Type",
	"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Auto-Submitted"}

// Sign puts one DKIM-Signature per signer before the message. The body is signed as it is (simple): Append leaves no blank
// at a line's end that a server on the way could change, and relaxing 25 kB costs a tenth of an RSA signature.
func Sign(raw []byte, signers ...Signer) ([]byte, error) {
	var head strings.Builder
	for _, s := range signers {
		d, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: s.Domain, Selector: s.Selector, Signer: s.Key, Hash: crypto.SHA256,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationSimple,
			HeaderKeys: signed,
		})
		if err != nil {
			return nil, fmt.Errorf("dkim: %w", err)
		}
		_, err = d.Write(raw)
		if err = errors.Join(err, d.Close()); err != nil {
			return nil, fmt.Errorf("dkim: %w", err)
		}
		head.WriteString(d.Signature())
	}
	out := make([]byte, 0, head.Len()+len(raw)+1024) // room for what the wire adds
	out = append(out, head.String()...)
	return append(out, raw...), nil
}

// NewKey makes a key: "rsa" (2048 bits, RFC 8301) or "ed25519" (RFC 8463). The bytes are PKCS #8, secret.
func NewKey(kind string) ([]byte, error) {
	var key any
	var err error
	switch kind {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("dkim key of kind %q", kind)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// ParseKey reads what NewKey made.
func ParseKey(pkcs8 []byte) (crypto.Signer, error) {
	k, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("not a signing key")
	}
	return s, nil
}

// Record is the TXT record of selector._domainkey.domain (RFC 6376 3.6.1).
func Record(key crypto.Signer) (string, error) {
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return "", err
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(bytes.Clone(pub)), nil
	}
	return "", errors.New("not a DKIM key")
}
