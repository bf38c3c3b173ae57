// SPDX-License-Identifier: AGPL-3.0-or-later

package move

import (
	"strconv"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/budget"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/job"
	"consend/internal/keys"
	"consend/internal/mail/address"
	"consend/internal/people/contact"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Whoever holds a person's link could write to strangers by it: a few a day, and few to one mailbox.
var (
	perPerson  = budget.Limit{Name: "move.person", Max: 5, Per: 24 * time.Hour}
	perMailbox = budget.Limit{Name: "move.mailbox", Max: 3, Per: 24 * time.Hour}
)

// Ask begins a change of address: nothing changes yet, both mailboxes are asked. An open change
// of the person ends. A member is told that the address is another contact's; the person isn't,
// since that would tell who else is here: it comes out when both mailboxes are proved theirs.
// Faults: contact.none, contact.ending, contact.merged, move.same, move.gone, move.taken, budget.spent.
func Ask(tx *store.Tx, person int64, to address.Address) (int64, error) {
	rows, err := contact.Lock(tx, []int64{person})
	if err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, fault.New(fault.NotFound, "contact.none")
	}
	c, err := contact.Get(tx, person)
	switch {
	case err != nil:
		return 0, err
	case c.State.Ending():
		return 0, fault.New(fault.Gone, "contact.ending")
	case c.Merged(): // mail goes to another contact already
		return 0, fault.New(fault.Refused, "contact.merged").At("address")
	case c.State == contact.StateBounced: // it can't say yes
		return 0, fault.New(fault.Refused, "move.gone").At("address")
	case to.IsZero():
		return 0, fault.New(fault.Invalid, "contact.email.missing").At("address")
	case c.Email.Same(to):
		return 0, fault.New(fault.Invalid, "move.same").At("address")
	}
	if tx.Who.Kind == actor.Member {
		if _, known, err := contact.Find(tx, to); err != nil {
			return 0, err
		} else if known {
			return 0, fault.New(fault.Conflict, "move.taken").At("address")
		}
	}
	key, err := keys.Of(tx).MAC(keys.Installation, "budget")
	if err != nil {
		return 0, err
	}
	if err := budget.Spend(tx, key, perPerson.For(dec(person)), perMailbox.For(to.Norm())); err != nil {
		for _, e := range fault.All(err) {
			return 0, e.At("address")
		}
		return 0, err
	}
	fp, err := contact.FP(tx, to)
	if err != nil {
		return 0, err
	}
	p, _, err := contact.Keyed(tx, person) // the address is kept in the trace, under the person's key
	if err != nil {
		return 0, err
	}
	id, entry := tx.ID(), tx.ID()
	tx.Do(endOpen, Expired, replaced, []byte{}, person)
	tx.Do(add, id, person, to.Raw(), to.Norm(), fp[:], tx.Now.Add(Term), string(tx.Who.Kind), tx.Who.ID, entry)
	job.Post(tx, AskedOld, id)
	job.Post(tx, AskedNew, id)
	_, err = trace.Append(tx, trace.Act{ID: entry, Action: "move.ask", Object: "address_change", ObjectID: id, Person: p,
		Private: proof.Fields{"to": to.Raw()}})
	return id, err
}

func dec(n int64) string { return strconv.FormatInt(n, 10) }
