// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/merge"
)

// merges are the acts of two contacts that are one person.
func (r *run) merges(do, public verb) {
	say := func(name string, kind consent.Kind) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			e := consent.Event{Contact: r.n[name], List: r.n["list"], Kind: kind, Source: "form", RequestedAt: tx.Now, Origin: r.origin()}
			_, err := consent.Apply(tx, []consent.Event{e})
			return err
		}
	}
	do("make two who are one", func(tx *store.Tx) error {
		if _, err := contact.MakeAttribute(tx, contact.Attribute{Name: "BOURG", Type: contact.TypeText, KeepDays: 3650}); err != nil {
			return err
		}
		town, _ := contact.TypeText.Read("Goult")
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("gemina@exemple.example"), Source: "member"},
			{Email: address.Must("gemella@exemple.example"), Name: pii.T("Gemella"), Language: "fr", Attributes: contact.Attributes{"BOURG": town}, Source: "member"}})
		if err == nil {
			r.n["gemina"], r.n["gemella"] = rows[0].ID, rows[1].ID
		}
		return err
	})
	public("one of two who are one says no", say("gemella", consent.Withdraw))
	do("one of two who are one is on the do-not-mail list", func(tx *store.Tx) error {
		return consent.Suppress(tx, r.n["gemella"], consent.ByMember, consent.Everything)
	})
	do("merge two who are one", func(tx *store.Tx) error { return merge.Merge(tx, r.n["gemella"], r.n["gemina"], "") })
	public("who was merged says no again", say("gemella", consent.Object))
	do("who was merged is frozen", func(tx *store.Tx) error { return contact.Restrict(tx, r.n["gemella"], "claims") })
	do("whom they went into is unfrozen", func(tx *store.Tx) error { return contact.Unrestrict(tx, r.n["gemina"], "") })
	public("who was merged asks to join", say("gemella", consent.Request))
	public("who was merged confirms, and is their own", say("gemella", consent.Confirm))
}
