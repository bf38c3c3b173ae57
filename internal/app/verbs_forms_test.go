// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/form"
	"consend/internal/people/refusal"
	"consend/internal/team/account"
)

// moreForms are the acts of a flooded mailbox.
func (r *run) moreForms(do, public verb) {
	public("submit a form as somebody flooded", r.submit("flooded", "octava@exemple.example"))
	public("shut the mailbox", func(tx *store.Tx) error { _, err := form.Shut(tx, r.n["flooded"], r.origin()); return err })
	public("reconsider", func(tx *store.Tx) error {
		_, err := form.Reconsider(tx, r.n["flooded"], "[Yes, after all]\n", r.origin())
		return err
	})
	public("confirm what was reconsidered", func(tx *store.Tx) error {
		c, _, err := contact.Find(tx, address.Must("octava@exemple.example"))
		if err != nil {
			return err
		}
		all, err := form.Of(tx, c.ID)
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.ID != r.n["flooded"] {
				_, err = form.Confirm(tx, s.ID, r.origin())
			}
		}
		return err
	})
	do("put a colour on the account", func(tx *store.Tx) error {
		a, err := account.Get(tx)
		if err != nil {
			return err
		}
		seen := a.Mark()
		a.Colour = "#7c2d12"
		return account.Change(tx, seen, a.Details)
	})
	do("keep how forms look", form.KeepLooks)
	// What a restore lets hold again.
	fp := []byte("0123456789abcdef")
	do("hold a shut mailbox again", func(tx *store.Tx) error {
		_, err := form.HoldAgain(tx, refusal.Refusal{FP: fp, At: tx.Now, Kind: refusal.Shut, Scope: refusal.Mailbox})
		return err
	})
	do("open a shut mailbox again", func(tx *store.Tx) error {
		_, err := form.HoldAgain(tx, refusal.Refusal{FP: fp, At: tx.Now, Kind: refusal.Open, Scope: refusal.Mailbox})
		return err
	})
	do("hold other tools' hashes again", func(tx *store.Tx) error {
		_, err := consent.HoldAgain(tx, []refusal.Refusal{{FP: []byte("0123456789abcdef0123456789abcdef"), At: tx.Now, Kind: refusal.Hashed + string(consent.Imported), Scope: string(consent.All)}})
		return err
	})
	do("hold a pause again", func(tx *store.Tx) error {
		c, _, err := contact.Find(tx, address.Must("octava@exemple.example"))
		if err != nil {
			return err
		}
		own, err := contact.FP(tx, c.Email)
		if err == nil {
			_, err = contact.HoldAgain(tx, refusal.Refusal{FP: own[:], ContactID: c.ID, At: tx.Now, Kind: refusal.Paused, Scope: string(consent.All), ScopeID: int64(tx.Now) + 90*86400*1000000})
		}
		return err
	})
}
