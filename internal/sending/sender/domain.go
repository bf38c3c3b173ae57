// SPDX-License-Identifier: AGPL-3.0-or-later

package sender

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/mail/compose"
	"consend/internal/trace/proof"
)

// Domain is a domain with a DKIM key here.
type Domain struct {
	ID        int64
	Name      string
	Selector  string
	Record    string // the TXT record's value
	MadeAt    legalclock.Moment
	CheckedAt legalclock.Moment
	FoundAt   legalclock.Moment // 0: not there at the last look
	RetiredAt legalclock.Moment
}

// Host is the name the record stands at.
func (d Domain) Host() string { return d.Selector + "._domainkey." + d.Name }

// Strings are the record's value in pieces of at most 255 bytes, as a zone file has it (RFC 1035 3.3.14).
func (d Domain) Strings() []string {
	var out []string
	for s := d.Record; s != ""; {
		n := min(255, len(s))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

// Prepared is a domain whose key is made and not yet kept.
type Prepared struct {
	name, selector, record string
	key                    []byte
}

// Prepare makes an RSA-2048 key for a domain: a slow act, before the transaction. Faults: address.domain and its kin.
func Prepare(domain string) (Prepared, error) {
	name, err := address.Domain(strings.TrimSuffix(strings.TrimSpace(domain), "."))
	if err != nil {
		return Prepared{}, at(err, "domain")
	}
	p := Prepared{name: name}
	if p.key, err = compose.NewKey("rsa"); err != nil {
		return Prepared{}, err
	}
	k, err := compose.ParseKey(p.key)
	if err != nil {
		return Prepared{}, err
	}
	if p.record, err = compose.Record(k); err != nil {
		return Prepared{}, err
	}
	// A selector of the key's own: a key made later never stands under the name of an older one.
	h := sha256.Sum256([]byte(p.record))
	p.selector = "cs" + hex.EncodeToString(h[:4])
	return p, nil
}

func at(err error, field string) error {
	var m fault.Many
	for _, f := range fault.All(err) {
		m = append(m, f.At(field))
	}
	return m.Err()
}

func keyAt(id int64) keys.AAD { return keys.AAD{Table: "sender_domain", Column: "key_ct", Row: id} }

// AddDomain keeps a prepared domain. From now on mail of its senders is signed. Faults: sender.domain.taken.
func AddDomain(tx *store.Tx, p Prepared) (int64, error) {
	id := tx.ID()
	sealed, err := keys.Of(tx).Seal(tx.Account(), keyAt(id), p.key)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(addDomain, id, p.name, p.selector, sealed, p.record); err != nil {
		if errors.Is(err, store.ErrUnique) {
			return 0, fault.New(fault.Conflict, "sender.domain.taken").At("domain")
		}
		return 0, err
	}
	h := sha256.Sum256([]byte(p.record))
	return id, told(tx, "sender.domain.add", "sender_domain", id, nil, proof.Fields{"domain": p.name, "selector": p.selector, "record_sha256": hex.EncodeToString(h[:])})
}

// RetireDomain takes a domain's key out of use: its senders' mail is signed by the sending service alone. Again is harmless.
func RetireDomain(tx *store.Tx, id int64) error {
	d, err := GetDomain(tx, id)
	if err != nil || d.RetiredAt != 0 {
		return err
	}
	tx.Do(retireDomain, id)
	return told(tx, "sender.domain.retire", "sender_domain", id, nil, proof.Fields{"domain": d.Name})
}

// GetDomain finds a domain, retired or not. Faults: sender.domain.none.
func GetDomain(r store.Reader, id int64) (Domain, error) {
	d, err := store.One[Domain](r, getDomain, id)
	return d, missing(err, "sender.domain.none")
}

// Domains lists the domains in use, by name.
func Domains(r store.Reader) ([]Domain, error) { return store.All[Domain](r, domains) }

// Resolver looks up TXT records: net.DefaultResolver, or a test's.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Look asks DNS whether the domain's record is there. An answer that can't be had is an error; "no such name" is a no.
func Look(ctx context.Context, r Resolver, d Domain) (bool, error) {
	list, err := r.LookupTXT(ctx, d.Host())
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false, nil
	}
	if err != nil {
		return false, fault.New(fault.Busy, "sender.domain.dns").Because(err)
	}
	for _, s := range list {
		if key(s) == key(d.Record) {
			return true, nil
		}
	}
	return false, nil
}

// key is the public key in a record, however its tags are spaced and ordered (RFC 6376 3.2).
func key(record string) string {
	for _, t := range strings.Split(record, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(t), "p="); ok {
			return strings.Join(strings.Fields(v), "")
		}
	}
	return record
}

// Looked notes what a look at DNS found.
func Looked(tx *store.Tx, id int64, found bool) error {
	d, err := GetDomain(tx, id)
	if err != nil {
		return err
	}
	m := legalclock.Moment(0)
	word := "no"
	if found {
		m, word = tx.Now, "yes"
	}
	tx.Do(looked, m, id)
	if found == (d.FoundAt != 0) && d.CheckedAt != 0 {
		return nil
	}
	return told(tx, "sender.domain.look", "sender_domain", id, nil, proof.Fields{"domain": d.Name, "found": word})
}

// ForDomain finds the domain whose key signs mail from an address: its own, or the nearest above it (RFC 7489 3.1.1,
// relaxed alignment).
func ForDomain(r store.Reader, domain string) (Domain, bool, error) {
	var names []string
	for d := domain; strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		names = append(names, d)
	}
	if len(names) == 0 {
		return Domain{}, false, nil
	}
	list, err := store.All[Domain](r, named, names)
	if err != nil || len(list) == 0 {
		return Domain{}, false, err
	}
	best := list[0]
	for _, d := range list[1:] {
		if len(d.Name) > len(best.Name) {
			best = d
		}
	}
	return best, true, nil
}

// Signer opens the key that signs mail from a domain; false when there is none here.
func Signer(r store.Reader, domain string) (compose.Signer, bool, error) {
	d, ok, err := ForDomain(r, domain)
	if err != nil || !ok {
		return compose.Signer{}, false, err
	}
	sealed, err := store.One[[]byte](r, keyOf, d.ID)
	if err != nil {
		return compose.Signer{}, false, err
	}
	plain, err := keys.Of(r).Open(account(r), keyAt(d.ID), sealed)
	if err != nil {
		return compose.Signer{}, false, err
	}
	k, err := compose.ParseKey(plain)
	return compose.Signer{Domain: d.Name, Selector: d.Selector, Key: k}, err == nil, err
}

func account(r store.Reader) int64 {
	switch v := r.(type) {
	case *store.Tx:
		return v.Account()
	case *store.View:
		return v.Account()
	}
	return 0
}
