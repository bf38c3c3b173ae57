// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/contact"
	"consend/internal/people/evidence"
)

// receipts attach another tool's receipt to what an import said of a person, and take it back.
func (r *run) receipts(do verb, steps ownVerb) {
	steps("attach a receipt", func(ctx context.Context, who actor.Actor) error {
		person, event := int64(0), int64(0)
		err := r.Main.View(ctx, who, func(v *store.View) error {
			people, err := evidence.Claimed(v, r.News)
			if err != nil {
				return err
			}
			person, event = people[0], people[1]
			return nil
		})
		if err != nil {
			return err
		}
		a, err := evidence.Attach(ctx, r.Main, who, person, event, "recu.eml", strings.NewReader("From: outil@exemple.example\n\nOui."))
		r.n["receipt of"] = person
		return r.keep("receipt", a.ID, err)
	})
	do("take a receipt back", func(tx *store.Tx) error { return evidence.Detach(tx, r.n["receipt of"], r.n["receipt"]) })
}

var _ = consent.Give
var _ = contact.StateActive
