// SPDX-License-Identifier: AGPL-3.0-or-later

package trace

import (
	"errors"
	"strings"

	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace/proof"
)

// Append writes the entry of an act in the act's transaction and gives its number. The
// sealer follows within two seconds of the commit.
func Append(tx *store.Tx, a Act) (int64, error) {
	id := a.ID
	if id == 0 {
		id = tx.ID()
	}
	clear, err := a.clear(tx, id)
	if err != nil {
		return 0, err
	}
	return id, write(tx, id, a, clear)
}

// write commits both parts of an entry and writes its rows.
func write(tx *store.Tx, id int64, a Act, clear proof.Fields) error {
	ring := keys.Of(tx)
	key, none, err := log(ring, tx.Account())
	if err != nil {
		return err
	}
	salt, err := a.Person.salt(none, len(a.Private))
	if err != nil {
		return err
	}
	text, err := proof.Canonical(clear)
	if err != nil {
		return err
	}
	s1, s2 := proof.Salt(&key, id, proof.Whole), proof.Salt(&salt, id, proof.Whole)
	all := proof.All(&s2)
	commitments, err := proof.CommitAll(&s2, a.Private)
	if err != nil {
		return err
	}
	private := commitments.Text()
	c1, c2 := proof.MAC(&s1, []byte(text)), proof.MAC(&all, []byte(private))
	leaf := proof.Leaf(c1, c2)
	sealed, err := seal(ring, tx.Account(), id, a)
	if err != nil {
		return err
	}
	tx.Do(addEntry.of(tx), id, tx.Now, a.Action, string(tx.Who.Kind), tx.Who.ID, a.Object, a.ObjectID, a.Person.contact(),
		text, private, c2[:], sealed)
	tx.Do(addPending.of(tx), id, tx.Now, leaf[:])
	if l, ok := store.Attached[*Log](tx); ok {
		tx.AfterCommit(l.wake)
	}
	return nil
}

func sealedAt(entry int64) keys.AAD {
	return keys.AAD{Table: "trace_entry", Column: "sealed", Row: entry}
}

// elsewhere are values that end earlier than the person (rule retention.ip), and so are those of
// attributes: they are committed, and only the room's own row keeps them, until then.
var elsewhere = map[string]bool{"ip": true, "agent": true, "confirm_ip": true, "confirm_agent": true}

func ofAttribute(name string) bool {
	return strings.HasPrefix(name, "before.attribute.") || strings.HasPrefix(name, "after.attribute.")
}

// seal keeps the private values under the person's key; of a person without a key only the
// commitments are kept, of nobody the account's key keeps them.
func seal(ring *keys.Ring, account, id int64, a Act) ([]byte, error) {
	keep := make(proof.Fields, len(a.Private))
	for n, v := range a.Private {
		if !elsewhere[n] && !ofAttribute(n) {
			keep[n] = v
		}
	}
	if len(keep) == 0 {
		return []byte{}, nil
	}
	text, err := proof.Canonical(keep)
	if err != nil {
		return nil, err
	}
	if a.Person.IsZero() {
		return ring.Seal(account, sealedAt(id), []byte(text))
	}
	subject, err := a.Person.subject(ring, account)
	if errors.Is(err, errNoKey) || errors.Is(err, keys.ErrForgotten) {
		return []byte{}, nil
	}
	if err != nil {
		return nil, err
	}
	return subject.Seal(sealedAt(id), []byte(text))
}

var errNoKey = errors.New("trace: the person has no key")

func (p Person) subject(ring *keys.Ring, account int64) (keys.Subject, error) {
	switch {
	case p.Open != keys.Subject{}:
		return p.Open, nil
	case p.Key.IsZero():
		return keys.Subject{}, errNoKey
	}
	return ring.Subject(account, p.Key)
}
