// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"time"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/mail/address"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/list"
)

// bases is what becomes of existing customers: who moves to where the law gives their sale a term.
func (r *run) bases(do verb, steps ownVerb) {
	country := "IE"
	do("claim old sales", func(tx *store.Tx) error {
		var events []consent.Event
		rows, err := contact.Ensure(tx, []contact.New{{Email: address.Must("ducentesima@exemple.example"), Source: "member"}, {Email: address.Must("trecentesima@exemple.example"), Source: "member"}})
		if err != nil {
			return err
		}
		l, err := list.Get(tx, r.n["list"])
		if err != nil {
			return err
		}
		for _, p := range rows {
			events = append(events, consent.Event{Contact: p.ID, List: r.n["list"], Kind: consent.Give, Basis: consent.SoftOptIn, Grade: consent.GradeD, BasisRef: "Facture 7", BasisFamily: l.Products(), OptOutOffered: true,
				Source: "member", DeclaredBy: r.Member, OccurredAt: tx.Now.Add(-500 * 24 * time.Hour), Row: p})
		}
		if err == nil {
			r.n["ducentesima"] = rows[0].ID
			_, err = consent.Apply(tx, events)
		}
		return err
	})
	do("move a customer to Ireland", func(tx *store.Tx) error {
		return contact.Correct(tx, r.n["ducentesima"], 0, contact.Change{Country: &country})
	})
	steps("end customers whose sale is too long ago", func(ctx context.Context, _ actor.Actor) error { return consent.EndSoftOptIn(ctx, r.Main) })
}
