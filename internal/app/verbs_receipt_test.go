// SPDX-License-Identifier: AGPL-3.0-or-later

package app_test

import (
	"context"
	"errors"
	"strings"

	"consend/internal/ground/actor"
	"consend/internal/ground/store"
	"consend/internal/people/consent"
	"consend/internal/people/evidence"
)

// receipts attach another tool's receipt to what an import said of a person, and take it back.
func (r *run) receipts(do verb, steps ownVerb) {
	steps("attach a receipt", func(ctx context.Context, who actor.Actor) error {
		person, event := int64(0), int64(0)
		err := r.Main.View(ctx, who, func(v *store.View) error {
			lines, _, err := consent.Register(v, consent.Question{List: r.News, Kind: consent.Give, Source: "import"}, consent.Place{}, 1)
			if err != nil || len(lines) == 0 {
				return errors.Join(err, store.ErrNone)
			}
			person = lines[0].ContactID
			events, err := consent.Events(v, person)
			for _, e := range events {
				if e.Kind == consent.Give && e.ListID == r.News {
					event = e.ID
				}
			}
			return err
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
