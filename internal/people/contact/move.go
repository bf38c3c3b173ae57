// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"errors"
	"fmt"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Follow takes the refusals of an address along to another one: consent.Follow.
type Follow func(tx *store.Tx, contact int64, before, after [16]byte) error

// Move writes a person under another address, by a change both mailboxes said yes to: only
// people/move calls it. The refusals of both addresses hold on. What was and what is are
// traced in the private part, so that proofs of what was said before still hold.
// Faults: contact.none, contact.ending, contact.email.taken.
func Move(tx *store.Tx, id, change int64, to address.Address, follow Follow) error {
	was, err := store.One[Contact](tx, lock, id)
	switch {
	case errors.Is(err, store.ErrNone):
		return none()
	case err != nil:
		return err
	case was.State.Ending():
		return fault.New(fault.Gone, "contact.ending")
	}
	if other, taken, err := Find(tx, to); err != nil {
		return err
	} else if taken && other.ID != id {
		return fault.New(fault.Conflict, "contact.email.taken").At("email")
	}
	p, _, err := Keyed(tx, id) // before and after are kept under the person's key
	if err != nil {
		return err
	}
	fps, err := fingerprints(tx)
	if err != nil {
		return err
	}
	before, after := fps.Of(was.Email), fps.Of(to)
	if err := follow(tx, id, before, after); err != nil {
		return err
	}
	arrived := arriving(tx) // another tool's refusals of the new address bind too
	_, err = tx.Exec(move, to.Raw(), to.Norm(), after[:], id)
	if errors.Is(err, store.ErrUnique) { // somebody took it since it was looked for: look again
		return fmt.Errorf("contact: an address was taken meanwhile: %w", store.ErrConflict)
	}
	if err != nil {
		return err
	}
	if err := arrived([]*Row{{ID: id, State: was.State, Email: to, FP: after, Salt: p.Salt, Key: p.Key, Open: p.Open}}); err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "contact.correct", Object: "contact", ObjectID: id, Person: p,
		Clear:   proof.Fields{"fields": "email", "change": strconv.FormatInt(change, 10)},
		Private: proof.Fields{"before.email": was.Email.Raw(), "after.email": to.Raw()}})
	return err
}
