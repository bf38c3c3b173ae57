// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import (
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Say is what a mailbox answers, by a button of its page: nothing but a POST of a person calls
// it (compliance T-12). With the second yes the address changes. A no ends the change; one of
// the new mailbox ends every further confirmation mail of the account there too. Again is
// harmless, and tells where the change stands.
func Say(tx *store.Tx, id int64, side Side, yes bool) (Stage, error) {
	c, rows, err := locked(tx, id)
	if err != nil || c.ID == 0 {
		return Vanished, err
	}
	st := c.Stage(side, tx.Now)
	switch {
	case len(rows) == 0 || rows[0].State.Ending():
		return Vanished, nil
	case st == Ready, st == Waiting && !yes: // who said yes may still say no
	default:
		return st, nil
	}
	if !yes {
		return SaidNo, c.refuse(tx, rows[0], side)
	}
	if side == Old {
		c.OldSaidAt = tx.Now
	} else {
		c.NewSaidAt = tx.Now
	}
	tx.Do(said, c.OldSaidAt, c.NewSaidAt, c.ID)
	if err := tell(tx, c, rows[0], "move.yes", side); err != nil {
		return "", err
	}
	if err := contact.Active(tx, []contact.Activity{{Contact: c.ContactID, Kind: contact.Chose}}); err != nil {
		return "", err
	}
	if c.OldSaidAt == 0 || c.NewSaidAt == 0 {
		return Waiting, nil
	}
	return c.finish(tx)
}

// locked reads a change with its person, the person locked first: as every verb that changes
// what may be sent does.
func locked(tx *store.Tx, id int64) (Change, []contact.Row, error) {
	c, err := Find(tx, id)
	if err != nil || c.ID == 0 {
		return c, nil, err
	}
	rows, err := contact.Lock(tx, []int64{c.ContactID})
	if err != nil {
		return c, nil, err
	}
	c, err = zeroed(store.One[Change](tx, lock, id))
	return c, rows, err
}

func (c Change) refuse(tx *store.Tx, row contact.Row, side Side) error {
	if side == New {
		fp, err := contact.FP(tx, c.Address)
		if err != nil {
			return err
		}
		if err := form.Block(tx, fp); err != nil {
			return err
		}
	}
	tx.Do(end, Refused, string(side), []byte{}, c.ID)
	return tell(tx, c, row, "move.no", side)
}

func (c Change) finish(tx *store.Tx) (Stage, error) {
	if _, known, err := contact.Find(tx, c.Address); err != nil {
		return "", err
	} else if known {
		tx.Do(end, Refused, taken, []byte{}, c.ID)
		return Taken, nil
	}
	if err := form.EndPending(tx, c.ContactID); err != nil { // the old mailbox speaks for the new one no more
		return "", err
	}
	err := contact.Move(tx, c.ContactID, c.ID, c.Address, consent.Follow)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return Vanished, nil
	}
	tx.Do(end, Done, "", []byte{}, c.ID)
	return Moved, err
}

func tell(tx *store.Tx, c Change, row contact.Row, action string, side Side) error {
	_, err := trace.Append(tx, trace.Act{Action: action, Object: "address_change", ObjectID: c.ID, Person: row.Person(), Clear: proof.Fields{"side": string(side)}})
	return err
}
